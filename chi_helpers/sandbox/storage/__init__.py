"""What volumes are made of: Cinder's driver, run in the process of `serve.cinder`."""

"""The machines of a sandbox: Nova's drivers, floating IPs, the node image, and what they need.

`podman_driver` makes instances that one can log in to, `bare_driver` makes none at all. `settings`
says what nova.conf and neutron.conf must hold for either. Importing this package imports no service.
"""

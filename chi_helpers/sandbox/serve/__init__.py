"""One process of the sandbox: `python -m chi_helpers.sandbox.serve SERVICE`."""

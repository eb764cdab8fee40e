"""A Chameleon-like site on one machine: the real services, on a loopback address of its own.

Nothing here is imported by the rest of the kit, and nothing in the kit knows that a site is a
sandbox. `site.Sandbox` is the entry; the command line is `chi-lab sandbox`.
"""

"""Tell people what the reaper will do and did: through apprise, over channels that staff keep in a file.

The file holds secrets (passwords and tokens in URLs): it is for its owner only, and nothing of a URL but its
scheme is ever said, logged or written down.
"""

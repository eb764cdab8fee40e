"""What makes the site look like Chameleon: people and projects, then flavors, images and networks.

Everything is looked up before it is made, so an interrupted first start is simply run again.
"""

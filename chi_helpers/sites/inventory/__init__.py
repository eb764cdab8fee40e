"""Everything of one project at a site, as `model.inventory.Inventory`: one module a service."""

from __future__ import annotations

from chi_helpers.sites.inventory.look import Doors, Looker

__all__ = ["Doors", "Looker"]

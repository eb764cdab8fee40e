"""Pure planners: what a lab should be, and what the site showed, make a plan. Nothing here acts."""

from __future__ import annotations

from chi_helpers.plan.down import plan_down
from chi_helpers.plan.steps import Plan, Stage, Step
from chi_helpers.plan.up import plan_up

__all__ = ["Plan", "Stage", "Step", "plan_down", "plan_up"]

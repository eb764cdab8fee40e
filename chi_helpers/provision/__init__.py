"""Ansible on the lab's nodes: the inventory as a value, the run, and what became of it."""

from __future__ import annotations

from chi_helpers.provision.inventory import Host
from chi_helpers.provision.provision import provision
from chi_helpers.provision.report import HostReport, ProvisionReport, TaskFailure

__all__ = ["Host", "HostReport", "ProvisionReport", "TaskFailure", "provision"]

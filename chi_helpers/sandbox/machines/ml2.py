"""Neutron's ML2 mechanism driver for a machine where the virt driver does the plugging."""

from __future__ import annotations

from typing import Any

from neutron_lib import constants
from neutron_lib.plugins.ml2 import api


class Driver(api.MechanismDriver):
    """Binds every port at once: no agent runs that could do it, or that a port would have to wait for."""

    def initialize(self) -> None:
        pass

    @property
    def connectivity(self) -> str:
        return "l2"

    def bind_port(self, context: Any) -> None:
        segment = context.segments_to_bind[0]
        context.set_binding(segment[api.ID], "other", {}, constants.PORT_STATUS_ACTIVE)

"""What a notebook shows: the time that is left, what became of steps, a login with a verified host key.

Importing this needs neither ipywidgets nor IPython: the values render themselves where a notebook shows them.
"""

from __future__ import annotations

from chi_helpers.notebook.remote import verified
from chi_helpers.notebook.steps import Printed, Steps
from chi_helpers.notebook.timeleft import TimeLeft

__all__ = ["Printed", "Steps", "TimeLeft", "verified"]

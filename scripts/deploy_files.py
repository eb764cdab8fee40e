"""Render the files of deploy/ that the role `reaper` installs, with its defaults: `make deploy`.

The role's templates are the one source; a test compares what is in deploy/ with them.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined

TOP = Path(__file__).parents[1]
ROLE = TOP / "ansible/roles/reaper"
MANAGED = "Written by `make deploy` from the templates of ansible/roles/reaper."
# A ready file is for those who have all four settings files, and want the plan carried out.
READY = {"reaper_act": True, "reaper_notify": "given"}
PLACES = {
    "chi-lab-reaper.service": "systemd/chi-lab-reaper.service",
    "chi-lab-reaper.timer": "systemd/chi-lab-reaper.timer",
    "chi-lab-reaper-alarm.service": "systemd/chi-lab-reaper-alarm.service",
    "chi-lab-reaper-alarm.timer": "systemd/chi-lab-reaper-alarm.timer",
    "chi-lab-reaper.cron": "cron/chi-lab-reaper",
}
"""Template (without .j2) -> file in deploy/."""


def rendered(**changes: Any) -> dict[str, str]:
    """Each file of deploy/ by its path in there; `changes` are options of the role."""
    # As Ansible's template module sets Jinja up.
    environment = Environment(
        loader=FileSystemLoader(ROLE / "templates"),
        trim_blocks=True,
        keep_trailing_newline=True,
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701 - no HTML
    )
    options = yaml.safe_load((ROLE / "defaults/main.yml").read_text(encoding="utf-8"))
    values = {**options, **READY, "ansible_managed": MANAGED, **changes}
    return {
        place: environment.get_template(f"{name}.j2").render(values).rstrip("\n") + "\n"
        for name, place in PLACES.items()
    }


def main() -> int:
    for place, text in rendered().items():
        path = TOP / "deploy" / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

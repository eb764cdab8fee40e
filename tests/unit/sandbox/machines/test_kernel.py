"""Room in the kernel for many machines."""

from __future__ import annotations

from pathlib import Path

import pytest

from chi_helpers.sandbox.machines import kernel


@pytest.mark.parametrize(("before", "after"), [("128\n", 1024), ("1024\n", 1024), ("8192\n", 8192)])
def test_the_limit_is_raised_and_never_lowered(tmp_path: Path, before: str, after: int) -> None:
    limit = tmp_path / "max_user_instances"
    limit.write_text(before)
    kernel.make_room(limit)
    assert int(limit.read_text()) == after


def test_where_there_is_no_such_limit_the_site_goes_on_and_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    kernel.make_room(tmp_path / "nothing")
    assert "About 20 machines" in caplog.text

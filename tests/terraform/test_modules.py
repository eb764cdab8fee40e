"""The configurations by themselves: their format, their validity, and their own tests with a mocked provider."""

from __future__ import annotations

import pytest


def test_every_file_is_formatted(terraform):
    done = terraform(".", "fmt", "-check", "-recursive")
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize("folder", ["modules/network", "modules/nodes", "lab", "class"])
def test_each_is_valid_and_passes_its_own_tests(provided, folder):
    done = provided(folder, "init", "-no-color", "-input=false")
    assert done.returncode == 0, done.stderr
    done = provided(folder, "validate", "-no-color")
    assert done.returncode == 0, done.stderr
    done = provided(folder, "test", "-no-color")
    assert done.returncode == 0, done.stdout + done.stderr
    if folder != "lab":
        assert " 0 passed" not in done.stdout

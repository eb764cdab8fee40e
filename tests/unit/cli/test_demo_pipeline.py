"""What the demo's chapter about the pipeline runs, in order; every command exists and takes these words."""

from __future__ import annotations

import click
import pytest

from chi_helpers.cli import demo_pipeline
from chi_helpers.cli.group import chi_lab
from chi_helpers.cli.story import Story
from tests.support.site import CHECKOUT


class Told(Story):
    """A story that only notes what it was told to run."""

    def __init__(self):
        super().__init__()
        self.ran = []
        self.parts = []

    def part(self, title, why):
        self.parts.append((title, why))

    def run(self, *words, fine=(0,)):
        self.ran.append((words, fine))

    def quietly(self, *words):
        self.ran.append((words, (0,)))


@pytest.fixture
def told():
    found = Told()
    demo_pipeline.tell(found)
    return found


def test_it_begins_and_ends_with_nothing_and_goes_back_to_the_first_version(told):
    words = [words for words, _ in told.ran]
    assert words[0][0] == words[-1][0] == "down"
    assert [w[:2] if w[0] == "pipeline" else w[:1] for w in words[1:-1]] == [
        ("check",),
        ("up",),
        ("ssh",),
        ("pipeline", "run"),
        ("pipeline", "versions"),
        ("pipeline", "rollback"),
    ]


def test_a_model_that_the_gate_refuses_does_not_end_the_demo_and_all_else_does(told):
    """The gate is a part of the story."""
    assert [words[:2] for words, fine in told.ran if fine != (0,)] == [("pipeline", "run")]


def test_every_command_is_one_of_chi_lab_with_these_options(told):
    assert (CHECKOUT / demo_pipeline.FILE).is_file()
    for words, _ in told.ran:
        command: click.Command = chi_lab()
        rest = list(words)
        while isinstance(command, click.Group):
            found = command.get_command(click.Context(command), rest.pop(0))
            assert found is not None, words
            command = found
        with command.make_context("x", rest) as context:
            assert context.params

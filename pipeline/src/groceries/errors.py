"""What can go wrong, told so that a person can act on it: what failed, on what, and what to do."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """Exit codes, the same for every stage."""

    DONE = 0
    REFUSED = 1
    """Validation refused the data, or the gate the model."""
    USAGE = 2
    """Wrong use, or a file that is wrong."""
    FAULT = 3
    """The pipeline itself is wrong: a traceback says where. Python's own code for that is 1, a refusal's."""
    UNREACHABLE = 4
    """MLflow, or the service, does not answer, or answers with an error of its own."""


class PipelineError(Exception):
    """Root of the errors raised on purpose. `do` says what the reader can do about it."""

    exit_code = Exit.USAGE

    def __init__(self, what: str, *, do: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.do = do

    def __str__(self) -> str:
        return f"{self.what}\n{self.do}" if self.do else self.what


class WrongFileError(PipelineError):
    """A file is missing, unreadable, or not what the stage needs."""


class RefusedError(PipelineError):
    """The stage did its work, and its answer is no."""

    exit_code = Exit.REFUSED


class StoppedError(PipelineError):
    """A stage that ran as a program did not end well. `words` are its own, and were shown at the time."""

    def __init__(self, stage: str, exit_code: Exit, words: list[str]) -> None:
        super().__init__(f"{stage}: {'refused' if exit_code == Exit.REFUSED else 'failed'}, as said above")
        self.stage, self.words, self.exit_code = stage, words, exit_code


class BusyError(PipelineError):
    """Somebody else is at it."""


class UnreachableError(PipelineError):
    """Another program, over the network, did not do its part."""

    exit_code = Exit.UNREACHABLE

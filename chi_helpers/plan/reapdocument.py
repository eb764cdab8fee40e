"""A plan as a JSON document with a digest: what was printed is what is carried out, or nothing.

The digest is the SHA-256 of the document without it, as canonical JSON (sorted keys, no spaces, ASCII). It
finds changes and damage; it is no signature.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, NamedTuple, TypeVar

from chi_helpers.model.errors import UsageError
from chi_helpers.model.inventory import Kind, Ref
from chi_helpers.model.reaping import Action, Decision, Finding, ReapPlan, ReapStep, Rule, Tripped, Verdict
from chi_helpers.model.truth import Truth

VERSION = 1
_AGAIN = "Make a new plan with chi-lab reap, and carry that one out."

E = TypeVar("E", StrEnum, Truth)


def write(plan: ReapPlan) -> dict[str, Any]:
    """The plan in JSON's own types, with its version and its digest."""
    document: dict[str, Any] = {"version": VERSION, "plan": _PLAN.write(plan)}
    return {**document, "digest": digest(document)}


def read(document: object) -> ReapPlan:
    """The plan that was written. Raises `UsageError` that says what of the document is wrong."""
    if not isinstance(document, dict):
        raise _wrong("", "is no plan: a JSON object is expected")
    if document.get("version") != VERSION:
        raise _wrong("version", f"is {document.get('version')!r}, and this program reads {VERSION}")
    for key in document.keys() - {"version", "plan", "digest"}:
        raise _wrong(str(key), "is unknown")
    if document.get("digest") != digest(document):
        raise _wrong("digest", "does not fit: the plan was changed or damaged after it was written")
    plan: ReapPlan = _PLAN.read(document.get("plan"), "plan")
    return plan


def digest(document: dict[str, Any]) -> str:
    """SHA-256 (hexadecimal) of a document, whatever digest it says itself."""
    bare = {key: value for key, value in document.items() if key != "digest"}
    text = json.dumps(bare, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


class _Codec(NamedTuple):
    write: Callable[[Any], Any]
    read: Callable[[Any, str], Any]
    """From JSON, and the path of the field for messages."""


def _wrong(path: str, what: str) -> UsageError:
    return UsageError(f"The plan's {path} {what}." if path else f"This {what}.", do=_AGAIN)


def _plain(kind: type, words: str) -> _Codec:
    def read(value: Any, path: str) -> Any:
        if type(value) is not kind:  # a bool is an int to isinstance
            raise _wrong(path, f"should be {words}, and is {value!r}")
        return value

    return _Codec(lambda value: value, read)


def _word(kind: type[E]) -> _Codec:
    def read(value: Any, path: str) -> E:
        try:
            return kind(value)
        except ValueError:
            allowed = ", ".join(str(one.value) for one in kind)
            raise _wrong(path, f"is {value!r}: one of {allowed} is expected") from None

    return _Codec(lambda value: value.value, read)


def _read_instant(value: Any, path: str) -> datetime:
    try:
        found = datetime.fromisoformat(value)
    except (ValueError, TypeError):
        raise _wrong(path, f"is no time: {value!r}") from None
    if found.tzinfo is None:
        raise _wrong(path, f"has no time zone: {value!r}")
    return found


def _maybe(codec: _Codec) -> _Codec:
    return _Codec(
        lambda value: None if value is None else codec.write(value),
        lambda value, path: None if value is None else codec.read(value, path),
    )


def _many(codec: _Codec) -> _Codec:
    def read(value: Any, path: str) -> tuple[Any, ...]:
        if not isinstance(value, list):
            raise _wrong(path, f"should be a list, and is {value!r}")
        return tuple(codec.read(one, f"{path}[{number}]") for number, one in enumerate(value))

    return _Codec(lambda value: [codec.write(one) for one in value], read)


def _record(make: Callable[..., Any], /, **codecs: _Codec) -> _Codec:
    def write(value: Any) -> dict[str, Any]:
        return {name: codec.write(getattr(value, name)) for name, codec in codecs.items()}

    def read(value: Any, path: str) -> Any:
        if not isinstance(value, dict):
            raise _wrong(path, f"should be an object, and is {value!r}")
        for name in value:
            if name not in codecs:
                raise _wrong(f"{path}.{name}", "is unknown")
        for name in codecs:
            if name not in value:
                raise _wrong(f"{path}.{name}", "is missing")
        return make(**{name: codec.read(value[name], f"{path}.{name}") for name, codec in codecs.items()})

    return _Codec(write, read)


class _Unseen(NamedTuple):
    kind: Kind
    why: str


_TEXT, _COUNT, _FLAG = _plain(str, "text"), _plain(int, "a whole number"), _plain(bool, "true or false")
_INSTANT = _Codec(lambda value: value.astimezone(UTC).isoformat(), _read_instant)
_KIND = _word(Kind)
_REF = _record(Ref, kind=_KIND, id=_TEXT)
_FINDING = _record(Finding, rule=_word(Rule), truth=_word(Truth), why=_TEXT)
_VERDICT = _record(
    Verdict,
    ref=_REF,
    name=_TEXT,
    decision=_word(Decision),
    findings=_many(_FINDING),
    owner=_TEXT,
    deadline=_maybe(_INSTANT),
    until=_maybe(_INSTANT),
    restamp=_FLAG,
)
_STEP = _record(
    ReapStep,
    action=_word(Action),
    ref=_REF,
    name=_TEXT,
    owner=_TEXT,
    why=_TEXT,
    created=_maybe(_INSTANT),
    deadline=_maybe(_INSTANT),
    until=_maybe(_INSTANT),
    root=_maybe(_REF),
    takes=_many(_REF),
    after=_many(_REF),
    node=_TEXT,
)
_PAIR = _record(_Unseen, kind=_KIND, why=_TEXT)
_UNSEEN = _Codec(
    lambda value: _PAIR.write(_Unseen(*value)), lambda value, path: tuple(_PAIR.read(value, path))
)
_TRIPPED = _record(Tripped, scope=_TEXT, planned=_COUNT, allowed=_COUNT, of=_COUNT)
_PLAN = _record(
    ReapPlan,
    site=_TEXT,
    project_id=_TEXT,
    project=_TEXT,
    lab=_TEXT,
    made=_INSTANT,
    expires=_INSTANT,
    steps=_many(_STEP),
    verdicts=_many(_VERDICT),
    unseen=_many(_UNSEEN),
    absent=_many(_KIND),
    tripped=_many(_TRIPPED),
)

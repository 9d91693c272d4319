"""How a signalling message becomes JSON and back: a table of checked fields per message. Pure.

Each message is a frozen dataclass whose fields carry their check in `field(metadata=…)`, made by the helpers here.
A field with a default may be missing on the wire; any other missing, unknown or wrong field is a MessageError that
names it, so that whoever writes a client sees at once what was wrong.
"""

from __future__ import annotations

import dataclasses
import difflib
import json
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any

MAX_MESSAGE = 512 * 1024
"""Characters of one message. A room of 100 forwarded participants needs about 250 KB of SDP."""
MAX_SDP = 384 * 1024
MAX_ID = 200
MAX_NAME = 128
MAX_TEXT = 1024
MAX_TOKEN = 4096
MAX_LIST = 2048

Check = Callable[[str, Any], Any]
"""(name of the field, JSON value) -> value for the dataclass; raises MessageError."""


class MessageError(ValueError):
    """A message that the protocol does not allow; the text names the field."""


def _nearest(word: str, valid: Iterable[str]) -> str:
    near = difflib.get_close_matches(word, list(valid), n=1)
    return f", did you mean {near[0]!r}?" if near else f"; allowed: {', '.join(sorted(valid))}"


def _text(limit: int, empty: bool) -> Check:
    def check(name: str, value: Any) -> str:
        if not isinstance(value, str):
            raise MessageError(f"{name}: a string is wanted, not {type(value).__name__}")
        if len(value) > limit:
            raise MessageError(f"{name}: {len(value)} characters, at most {limit} are allowed")
        if not value and not empty:
            raise MessageError(f"{name}: must not be empty")
        if not value.isascii() and any("\ud800" <= letter <= "\udfff" for letter in value):
            raise MessageError(f"{name}: holds half of a surrogate pair, which is no text")
        return value

    return check


def _nullable(inner: Check) -> Check:
    return lambda name, value: None if value is None else inner(name, value)


def _one_of(*allowed: str) -> Check:
    def check(name: str, value: Any) -> str:
        if not isinstance(value, str) or value not in allowed:
            raise MessageError(f"{name}: {value!r:.60} is not one of {', '.join(allowed)}")
        return value

    return check


def _whole(low: int, high: int) -> Check:
    def check(name: str, value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise MessageError(f"{name}: a whole number from {low} to {high} is wanted, not {value!r:.60}")
        return value

    return check


def _seconds(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 86400:
        raise MessageError(f"{name}: seconds from 0 to 86400 are wanted, not {value!r:.60}")
    return float(value)


def _list_of(inner: Check) -> Check:
    def check(name: str, value: Any) -> tuple[Any, ...]:
        if not isinstance(value, list):
            raise MessageError(f"{name}: a list is wanted, not {type(value).__name__}")
        if len(value) > MAX_LIST:
            raise MessageError(f"{name}: {len(value)} entries, at most {MAX_LIST} are allowed")
        return tuple(inner(f"{name}[{index}]", item) for index, item in enumerate(value))

    return check


def _record(kind: type) -> Check:
    def check(name: str, value: Any) -> Any:
        if not isinstance(value, dict):
            raise MessageError(f"{name}: an object is wanted, not {type(value).__name__}")
        return build(kind, value, name)

    return check


def identity(**default: Any) -> Any:
    """An id: 1 to MAX_ID characters. As all helpers below: `default=` makes the field optional on the wire."""
    return dataclasses.field(metadata={"check": _text(MAX_ID, empty=False)}, **default)


def maybe_identity(**default: Any) -> Any:
    return dataclasses.field(metadata={"check": _nullable(_text(MAX_ID, empty=False))}, **default)


def text(limit: int = MAX_TEXT, *, empty: bool = True, **default: Any) -> Any:
    return dataclasses.field(metadata={"check": _text(limit, empty)}, **default)


def maybe_text(limit: int = MAX_TEXT, **default: Any) -> Any:
    return dataclasses.field(metadata={"check": _nullable(_text(limit, empty=True))}, **default)


def choice(*allowed: str, **default: Any) -> Any:
    return dataclasses.field(metadata={"check": _one_of(*allowed)}, **default)


def maybe_choice(*allowed: str, **default: Any) -> Any:
    return dataclasses.field(metadata={"check": _nullable(_one_of(*allowed))}, **default)


def whole(low: int, high: int, **default: Any) -> Any:
    return dataclasses.field(metadata={"check": _whole(low, high)}, **default)


def seconds(**default: Any) -> Any:
    return dataclasses.field(metadata={"check": _seconds}, **default)


def identities(**default: Any) -> Any:
    return dataclasses.field(metadata={"check": _list_of(_text(MAX_ID, empty=False))}, **default)


def texts(**default: Any) -> Any:
    return dataclasses.field(metadata={"check": _list_of(_text(MAX_TEXT, empty=False))}, **default)


def records(kind: type, **default: Any) -> Any:
    return dataclasses.field(metadata={"check": _list_of(_record(kind))}, **default)


@cache
def _fields(kind: type) -> dict[str, dataclasses.Field[Any]]:
    return {entry.name: entry for entry in dataclasses.fields(kind)}


def field_names(kind: type) -> Iterable[str]:
    """The names of a message's fields, in their order."""
    return _fields(kind).keys()


def build(kind: type, values: Mapping[str, Any], where: str) -> Any:
    """An instance of the dataclass `kind` from JSON `values`; `where` prefixes the names of fields in errors."""
    fields = _fields(kind)
    for key in values:
        if key not in fields:
            raise MessageError(f"{where}.{key:.60}: unknown field{_nearest(key, fields)}")
    checked: dict[str, Any] = {}
    for name, entry in fields.items():
        if name in values:
            checked[name] = entry.metadata["check"](f"{where}.{name}", values[name])
        elif entry.default is dataclasses.MISSING:
            raise MessageError(f"{where}.{name}: is missing")
    return kind(**checked)


def decode(text: str, kinds: Mapping[str, type]) -> Any:
    """The message in `text`, one of `kinds` (by its "type"). Raises MessageError."""
    if len(text) > MAX_MESSAGE:
        raise MessageError(f"message: {len(text)} characters, at most {MAX_MESSAGE} are allowed")
    try:
        values = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise MessageError(f"message: is not JSON: {error}") from error
    if not isinstance(values, dict):
        raise MessageError(f"message: a JSON object is wanted, not {type(values).__name__}")
    name = values.pop("type", None)
    if not isinstance(name, str):
        raise MessageError("message.type: is missing or not a string")
    kind = kinds.get(name)
    if kind is None:
        raise MessageError(f"message.type: unknown type {name!r:.60}{_nearest(name, kinds)}")
    return build(kind, values, name)

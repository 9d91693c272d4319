"""Does a document keep to our own JSON Schema? The few keywords that it uses; an unknown one is a fault of the schema.

The tests hold this to the `jsonschema` package, which only they need.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

Schema = Mapping[str, Any]
Problems = Iterator[str]
_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "boolean": (bool,),
    "null": (type(None),),
    "integer": (int,),
    "number": (int, float),
}
_WORDS = {"$schema", "$id", "$defs", "title", "description", "properties"}


def violations(value: object, schema: Schema, root: Schema | None = None, where: str = "") -> Problems:
    """Each place where `value` is not as the schema says. Raises ValueError for a keyword that isn't known here."""
    root = schema if root is None else root
    for keyword, told in schema.items():
        if keyword in _WORDS:
            continue
        check = _CHECKS.get(keyword)
        if check is not None:
            if not check(value, told):
                yield f"{where or 'document'}: {keyword} {_short(told)}"
        else:
            yield from _nested(keyword, value, schema, root, where)
    if isinstance(value, dict):
        for name, part in schema.get("properties", {}).items():
            if name in value:
                yield from violations(value[name], part, root, f"{where}.{name}".lstrip("."))


def _nested(keyword: str, value: Any, schema: Schema, root: Schema, where: str) -> Problems:
    told = schema[keyword]
    if keyword == "$ref":
        yield from violations(value, root["$defs"][told.rpartition("/")[2]], root, where)
    elif keyword == "allOf":
        for part in told:
            yield from violations(value, part, root, where)
    elif keyword == "oneOf":
        if sum(not any(violations(value, part, root)) for part in told) != 1:
            yield f"{where}: oneOf"
    elif keyword in ("items", "prefixItems"):
        yield from _items(keyword, value, told, schema, root, where)
    elif keyword == "propertyNames":
        for name in value if isinstance(value, dict) else ():
            yield from violations(name, told, root, f"{where}.{name}")
    elif keyword == "additionalProperties":
        yield from _additional(value, told, schema, root, where)
    else:
        raise ValueError(f"the schema has a keyword that is not checked: {keyword}")


def _items(keyword: str, value: Any, told: Any, schema: Schema, root: Schema, where: str) -> Problems:
    if not isinstance(value, list):
        return
    first = 0 if keyword == "prefixItems" else len(schema.get("prefixItems", ()))
    parts = told if keyword == "prefixItems" else [told] * len(value)
    for number, (one, part) in enumerate(zip(value[first:], parts, strict=False), first):
        yield from violations(one, part, root, f"{where}[{number}]")


def _additional(value: Any, told: Any, schema: Schema, root: Schema, where: str) -> Problems:
    known = schema.get("properties", {})
    for name in value if isinstance(value, dict) else ():
        if name in known or told is True:
            continue
        if told is False:
            yield f"{where}: unknown property {name}"
        else:
            yield from violations(value[name], told, root, f"{where}.{name}")


def _is(value: Any, told: Any) -> bool:
    names = [told] if isinstance(told, str) else told
    if isinstance(value, bool):
        return "boolean" in names
    if isinstance(value, float) and value.is_integer() and "integer" in names:
        return True
    return any(isinstance(value, _TYPES[name]) for name in names)


def _date_time(value: Any) -> bool:
    try:
        datetime.fromisoformat(str(value))
    except ValueError:
        return False
    return True


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_CHECKS: dict[str, Callable[[Any, Any], bool]] = {
    "type": _is,
    "const": lambda value, told: bool(value == told),
    "enum": lambda value, told: value in told,
    "pattern": lambda value, told: not isinstance(value, str) or re.search(told, value) is not None,
    "format": lambda value, told: told != "date-time" or _date_time(value),
    "minLength": lambda value, told: not isinstance(value, str) or len(value) >= told,
    "minItems": lambda value, told: not isinstance(value, list) or len(value) >= told,
    "maxItems": lambda value, told: not isinstance(value, list) or len(value) <= told,
    "minimum": lambda value, told: not _number(value) or value >= told,
    "maximum": lambda value, told: not _number(value) or value <= told,
    "exclusiveMinimum": lambda value, told: not _number(value) or value > told,
    "exclusiveMaximum": lambda value, told: not _number(value) or value < told,
    "required": lambda value, told: not isinstance(value, dict) or all(name in value for name in told),
}


def _short(told: object) -> str:
    text = str(told)
    return text if len(text) <= 60 else f"{text[:57]}…"

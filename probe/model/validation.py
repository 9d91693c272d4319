"""Turns what pydantic found wrong into one sentence: where, what, and what would be right."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, ValidationError

from probe.model.errors import ConfigError


class Strict(BaseModel):
    """Base of everything that users write: immutable, unknown keys are errors, nan and inf are no numbers."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


Model = TypeVar("Model", bound=BaseModel)
_MAX_REPORTED = 5


Locate = Callable[[Sequence[str | int]], int | None]
"""The line of the file where a YAML path stands, if it is known."""


def validate(model: type[Model], data: Mapping[str, Any], *, source: str, locate: Locate = lambda _: None) -> Model:
    """`data` as a `model`. Raises ConfigError naming `source`, the line and YAML path of each fault and what is allowed."""
    try:
        return model.model_validate(data)
    except ValidationError as error:
        faults = error.errors(include_url=False)
        told = [_lined(locate(fault["loc"])) + _fault(model, fault) for fault in faults[:_MAX_REPORTED]]
        if len(faults) > _MAX_REPORTED:
            told.append(f"and {len(faults) - _MAX_REPORTED} more")
        raise ConfigError("; ".join(told), who=source) from error


def _lined(line: int | None) -> str:
    return "" if line is None else f"line {line}: "


def nearest(name: str, valid: Iterable[str]) -> str:
    """ ", did you mean …?" or "; valid: …, …": what to say after "unknown x"."""
    names = [str(one) for one in valid]
    near = difflib.get_close_matches(str(name), names, n=1, cutoff=0.6)
    return f", did you mean {near[0]!r}?" if near else f"; valid: {', '.join(names)}"


def _fault(model: type[BaseModel], fault: Any) -> str:
    *parents, last = fault["loc"] or ("",)
    where = _path(fault["loc"])
    if fault["type"] == "extra_forbidden":
        owner = _model_at(model, parents)
        return f"{where}: unknown key{nearest(str(last), owner.model_fields if owner else ())}"
    if fault["type"] == "missing":
        return f"{where}: is required"
    if fault["type"] == "literal_error":
        return f"{where}: {_shown(fault['input'])} is not one of {fault['ctx']['expected']}{_hint(fault)}"
    if fault["type"] in ("model_type", "dict_type", "model_attributes_type"):
        return f"{where}: {_shown(fault['input'])} stands where keys and values should"
    message = fault["msg"].removeprefix("Value error, ").removeprefix("Input ").replace("valid tuple", "list")
    if fault["type"] == "value_error":
        return f"{where}: {message}" if where else message
    return f"{where}: {_shown(fault['input'])} {message}"


def _hint(fault: Any) -> str:
    names = [part.strip(" '") for part in fault["ctx"]["expected"].replace(" or ", ",").split(",")]
    near = difflib.get_close_matches(str(fault["input"]), names, n=1)
    return f", did you mean {near[0]!r}?" if near else ""


def _path(location: Iterable[str | int]) -> str:
    """media.video.width, kpis[3].metric"""
    path = ""
    for part in location:
        path += f"[{part}]" if isinstance(part, int) else f".{part}"
    return path.lstrip(".")


def _shown(value: Any) -> str:
    text = repr(value) if isinstance(value, str | int | float | bool | None) else f"a {type(value).__name__}"
    return text if len(text) <= 60 else f"{text[:57]}…"


def _model_at(model: type[BaseModel], location: Iterable[str | int]) -> type[BaseModel] | None:
    """The model that the YAML path leads to, so that the names it knows can be offered."""
    current: type[BaseModel] | None = model
    for part in location:
        if current is None:
            return None
        if isinstance(part, int):
            continue
        field = current.model_fields.get(part)
        current = _model_within(field.annotation) if field else None
    return current


def _model_within(annotation: Any) -> type[BaseModel] | None:
    """The first model inside X, X | None, tuple[X, …] or dict[str, X]."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for one in get_args(annotation) if (found := _model_within(one))), None)

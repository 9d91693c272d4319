"""Impairments and schedules from what stands in a YAML or JSON file. Errors name the key and what is allowed.

{delay: 0.04, jitter: {distribution: normal, scale: 0.005}, loss: 0.01,
 schedule: [{at: 5, loss: 0.03}, {at: 10, blackout: 0.4}]}
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, replace
from typing import Any, cast

from probe.model.errors import ConfigError
from probe.model.validation import nearest
from sfu_shim.core.link.impairment import Distribution, GilbertElliott, Impairment, Jitter, Loss, RandomLoss, Reorder
from sfu_shim.core.link.schedule import Schedule, Step

IMPAIRMENT_KEYS = tuple(field.name for field in fields(Impairment))


def parse_impairment(data: Mapping[str, Any], *, base: Impairment | None = None) -> Impairment:
    """`data` as an impairment: what it does not name is as in `base`, null switches off. Raises ConfigError."""
    _known(data, IMPAIRMENT_KEYS, "")
    values = {key: _VALUES[key](value, key) for key, value in data.items()}
    if "rate_bps" in values and "queue_bytes" not in values:
        values["queue_bytes"] = None  # a queue given for another rate would be of another depth
    return replace(base or Impairment(), **values)


def parse_schedule(data: object, *, base: Impairment | None = None, where: str = "") -> Schedule:
    """An impairment with, under `schedule`, steps that change some of it from their time `at` on, or black it out.

    `base` is what `data` changes. Raises ConfigError, its `who` being `where`.
    """
    try:
        mapping = _mapping(data, "")
        _known(mapping, (*IMPAIRMENT_KEYS, "schedule"), "")
        first = parse_impairment({key: value for key, value in mapping.items() if key != "schedule"}, base=base)
        return Schedule(first, _steps(mapping.get("schedule"), first))
    except ConfigError as error:
        raise ConfigError(error.message, who=where) from error


def _steps(data: object, base: Impairment) -> tuple[Step, ...]:
    if data is None:
        return ()
    if not isinstance(data, list | tuple):
        raise ConfigError(f"schedule: {_shown(data)} stands where a list of steps should")
    current, steps = base, []
    for index, item in enumerate(data):
        try:
            step = _step(item, current)
        except ConfigError as error:
            raise ConfigError(f"schedule[{index}]: {error.message}") from error
        current = step.impairment or current
        steps.append(step)
    return tuple(steps)


def _step(item: object, current: Impairment) -> Step:
    mapping = _mapping(item, "a step")
    _known(mapping, ("at", "blackout", *IMPAIRMENT_KEYS), "")
    if "at" not in mapping:
        raise ConfigError("at: is required")
    changes = {key: value for key, value in mapping.items() if key not in ("at", "blackout")}
    return Step(
        at=_number(mapping["at"], "at"),
        impairment=parse_impairment(changes, base=current) if changes else None,
        blackout=_number(mapping.get("blackout", 0.0), "blackout"),
    )


def _jitter(value: object, where: str) -> Jitter | None:
    if value is None:
        return None
    data = _mapping(value, where)
    _known(data, ("distribution", "scale", "keep_order"), where)
    distribution = _required(data, "distribution", where)
    if not isinstance(distribution, str):
        raise ConfigError(f"{where}.distribution: {_shown(distribution)} is not a name")
    keep_order = data.get("keep_order", True)
    if not isinstance(keep_order, bool):
        raise ConfigError(f"{where}.keep_order: {_shown(keep_order)} is neither true nor false")
    scale = _number(_required(data, "scale", where), f"{where}.scale")
    return Jitter(cast(Distribution, distribution), scale, keep_order)


def _loss(value: object, where: str) -> Loss | None:
    """0.03 and {ratio: 0.03} are random loss; {p: …, r: …} is Gilbert–Elliott."""
    if value is None or isinstance(value, int | float):
        return None if value is None else RandomLoss(_number(value, where))
    data = _mapping(value, where)
    if "ratio" in data:
        _known(data, ("ratio",), where)
        return RandomLoss(_number(data["ratio"], f"{where}.ratio"))
    _known(data, ("ratio", "p", "r", "loss_good", "loss_bad"), where)
    for key in ("p", "r"):
        _required(data, key, where)
    return GilbertElliott(**{key: _number(number, f"{where}.{key}") for key, number in data.items()})


def _reorder(value: object, where: str) -> Reorder | None:
    if value is None:
        return None
    data = _mapping(value, where)
    _known(data, ("ratio", "extra_delay"), where)
    ratio, extra = (_number(_required(data, key, where), f"{where}.{key}") for key in ("ratio", "extra_delay"))
    return Reorder(ratio, extra)


def _number(value: object, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        hint = "; times are seconds, ratios 0 … 1: 40 ms is 0.04, 3 % is 0.03" if isinstance(value, str) else ""
        raise ConfigError(f"{where}: {_shown(value)} is not a number{hint}")
    return float(value)


def _zero_if_off(value: object, where: str) -> float:
    return 0.0 if value is None else _number(value, where)


def _off_or_number(value: object, where: str) -> float | None:
    return None if value is None else _number(value, where)


def _off_or_bytes(value: object, where: str) -> int | None:
    if value is None:
        return None
    number = _number(value, where)
    if number % 1:
        raise ConfigError(f"{where}: {_shown(value)} is not a whole number of bytes")
    return int(number)


_VALUES: dict[str, Callable[[object, str], Any]] = {
    "delay": _zero_if_off,
    "jitter": _jitter,
    "loss": _loss,
    "duplicate": _zero_if_off,
    "reorder": _reorder,
    "rate_bps": _off_or_number,
    "queue_bytes": _off_or_bytes,
}


def _mapping(value: object, where: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise ConfigError(f"{where}{': ' if where else ''}{_shown(value)} stands where keys and values should")
    return value


def _known(data: Mapping[str, Any], valid: Iterable[str], where: str) -> None:
    for key in data:
        if key not in valid:
            raise ConfigError(f"{where}{'.' if where else ''}{key}: unknown key{nearest(str(key), valid)}")


def _required(data: Mapping[str, Any], key: str, where: str) -> Any:
    if key not in data:
        raise ConfigError(f"{where}.{key}: is required")
    return data[key]


def _shown(value: object) -> str:
    text = repr(value) if isinstance(value, str | int | float | None) else f"a {type(value).__name__}"
    return text if len(text) <= 60 else f"{text[:57]}…"

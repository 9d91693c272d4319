"""Values that people write with a unit: shares in per cent, times in seconds."""

from __future__ import annotations


def share(value: object) -> object:
    """0.02, or "2%"."""
    if isinstance(value, str) and value.strip().endswith("%"):
        return _number(value.strip()[:-1], value) / 100
    return value


def seconds(value: object) -> object:
    """10, or "10s"."""
    if isinstance(value, str) and value.strip().endswith("s"):
        return _number(value.strip()[:-1], value)
    return value


def _number(text: str, whole: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise ValueError(f"{whole!r} is no number with a unit") from error

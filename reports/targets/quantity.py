"""Values as people write them in a profile, "98 %", "80 ms", "4.6", turned into the metric's SI unit."""

from __future__ import annotations

import math
import re

Written = float | str
"""How a quantity may stand in a profile."""

_WRITTEN = re.compile(r"^\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*([^\s\d].*?)?\s*$")

FACTORS: dict[str, dict[str, float]] = {
    "seconds": {"s": 1.0, "ms": 1e-3, "min": 60.0, "h": 3600.0},
    "ratio": {"%": 0.01},
    "bits_per_second": {"bit/s": 1.0, "kbit/s": 1e3, "Mbit/s": 1e6},
    "megabytes_per_hour": {"MB/h": 1.0, "GB/h": 1e3},
    "fps": {"fps": 1.0},
    "dB": {"dB": 1.0},
    "mos": {},
    "score": {},
    "count": {},
    "times": {"x": 1.0},
    "per_second": {"/s": 1.0, "/min": 1 / 60, "/h": 1 / 3600},
}
"""Suffixes per unit and what they multiply with; without a suffix a value is in the unit itself."""


def parse_quantity(written: float | str, unit: str) -> float:
    """`written` in `unit`. Raises ValueError saying which suffixes the unit has."""
    if isinstance(written, bool):
        raise ValueError(f"{written} is not a quantity")
    if isinstance(written, int | float):
        return float(written)
    match = _WRITTEN.match(written)
    suffixes = FACTORS[unit]
    factor = 1.0 if match and not match[2] else suffixes.get(match[2] if match else "")
    if match is None or factor is None:
        allowed = f"a number, or one followed by {', '.join(suffixes)}" if suffixes else "a plain number"
        raise ValueError(f"{written!r} is not a quantity in {unit}; allowed: {allowed}")
    return round(float(match[1]) * factor, 12)  # 99.95 % is 0.9995, not 0.9995000000000001


def show_quantity(value: float, unit: str) -> str:
    """A value as people read it: 98.5 %, 80 ms, 1.25 Mbit/s. The inverse of `parse_quantity` up to rounding."""
    if unit == "ratio":
        near_all = 0.99 < abs(value) < 1  # where 99.9 and 99.95 are different promises
        return f"{_digits(100 * value, 4 if near_all else 3)} %"
    if unit == "seconds":
        return _show_seconds(value)
    if unit == "bits_per_second":
        return f"{_digits(value / 1e6, 3)} Mbit/s" if abs(value) >= 1e6 else f"{_digits(value / 1e3, 3)} kbit/s"
    if unit in ("mos", "score"):
        return f"{value:.2f}"
    suffix = {"megabytes_per_hour": " MB/h", "fps": " fps", "dB": " dB", "per_second": " /s", "times": "x", "count": ""}
    return f"{_digits(value, 4)}{suffix.get(unit, f' {unit}' if unit else '')}"


def _show_seconds(value: float) -> str:
    if abs(value) >= 180:
        return f"{_digits(value / 3600, 3)} h" if abs(value) >= 7200 else f"{_digits(value / 60, 3)} min"
    return f"{_digits(1000 * value, 3)} ms" if abs(value) < 1 else f"{_digits(value, 3)} s"


def _digits(value: float, significant: int) -> str:
    """`significant` digits, but whole numbers in full; no exponent, no trailing zeros."""
    if value == 0:
        return "0"
    before_point = math.floor(math.log10(abs(value))) + 1  # 0 or less below 1
    text = f"{value:.{min(max(significant - before_point, 0), 12)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text

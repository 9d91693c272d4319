"""A series of figures as a line of blocks, or as the points of a drawn line."""

from __future__ import annotations

from collections.abc import Sequence

_BLOCKS = "▁▂▃▄▅▆▇█"
_GAP = "·"


def sparkline(values: Sequence[float | None]) -> str:
    """One character a value, lowest to highest over the eight blocks; "·" where nothing was measured, "▄" for all equal."""
    known = [value for value in values if value is not None]
    if not known:
        return ""
    low, high = min(known), max(known)
    return "".join(_GAP if value is None else _block(value, low, high) for value in values)


def _block(value: float, low: float, high: float) -> str:
    if high <= low:
        return _BLOCKS[3]
    return _BLOCKS[min(int((value - low) / (high - low) * len(_BLOCKS)), len(_BLOCKS) - 1)]


def drawn(values: Sequence[float | None], width: float, height: float) -> list[list[tuple[float, float]]]:
    """The values as lines in a box, x to the right, y down; a gap ends a line and begins another one."""
    known = [value for value in values if value is not None]
    if not known:
        return []
    low, high = min(known), max(known)
    step = width / max(len(values) - 1, 1)
    lines: list[list[tuple[float, float]]] = [[]]
    for number, value in enumerate(values):
        if value is None:
            lines.append([])
        else:
            y = height / 2 if high <= low else height * (1 - (value - low) / (high - low))
            lines[-1].append((number * step, y))
    return [line for line in lines if line]

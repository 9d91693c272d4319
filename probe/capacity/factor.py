"""What limits this machine, in words."""

from __future__ import annotations

from collections.abc import Sequence

from probe.capacity.figures import Point

_FULL = 0.90
"""Share of a core from which a process waits for its CPU more often than for its packets."""
_STARVED = 0.1
"""Share of the time for which an event loop has to wait for a processor, from which that is the reason: somebody else has it."""
_LATE = frozenset({"loop lag", "pacing", "decoding", "socket buffers"})
"""Limits that are passed for want of CPU, whoever has it."""
_WORDS = {
    "joins": "joins",
    "decoding": "decoding",
    "socket buffers": "socket buffers",
    "loop lag": "loop lag",
    "pacing": "pacing",
    "readings": "lost readings",
    "memory": "memory",
    "files": "open files",
    "measurement": "the engine process",
}


def limiting_factor(point: Point, processors: int) -> str:
    """Why a point did not hold: the cause where there is a sign of one, else the limit that was passed. Empty if it held."""
    if not point.troubles:
        return ""
    first = point.troubles[0]
    said = "; ".join(trouble.text for trouble in point.troubles)
    if first.kind in ("memory", "files", "measurement"):
        return f"{_WORDS[first.kind]}: {said}"
    return f"{_cause(point, processors) or _WORDS[_gravest(point)]}: {said}"


def _cause(point: Point, processors: int) -> str:
    if point.busiest >= _FULL:
        return f"CPU (a process used {point.busiest:.0%} of its core)"
    if (server := point.server_cpu_cores) is not None and server >= _FULL:
        return f"the test server (it used {server:.0%} of a core)"
    late = any(trouble.kind in _LATE for trouble in point.troubles)
    waited, others = point.cpu_wait_ratio, point.other_cpu_cores
    if late and waited is not None and waited >= _STARVED:
        used = "" if others is None else f"; others used {others:.1f} of {processors} cores"
        return f"CPU (a process waited for a processor {waited:.0%} of the time{used})"
    return ""


def _gravest(point: Point) -> str:
    kinds = [trouble.kind for trouble in point.troubles]
    return min(kinds, key=list(_WORDS).index)


def hopeless(points: Sequence[Point]) -> bool:
    """Is there no use in trying the last of them again? Its CPU was full, or it was off by more than a hiccup."""
    last = points[-1]
    return bool(last.failure) or last.busiest >= _FULL or last.joined < last.participants

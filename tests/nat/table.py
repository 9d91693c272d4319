"""The table of docs/nat.md, as it was measured: `python -m tests.nat`."""

from __future__ import annotations

from collections.abc import Iterator

from tests.nat.calls import Call
from tests.nat.measure import Measured
from tests.nat.theory import direct, pairs


def table(measured: Measured) -> str:
    """Markdown: a row for each combination."""
    return "\n".join(_rows(measured))


def _rows(measured: Measured) -> Iterator[str]:
    yield "| first | second | theory | with STUN alone | with TURN |"
    yield "|---|---|---|---|---|"
    for first, second in pairs():
        theory = "direct" if direct(first, second) else "relay"
        stun, turn = (_outcome(measured.calls[service, first, second]) for service in ("stun", "turn"))
        yield f"| {first} | {second} | {theory} | {stun} | {turn} |"


def _outcome(call: Call) -> str:
    """How, between which candidates (the second's end first), and after which time."""
    if not call.connected or call.second.connect is None:
        return "fails"
    pair = "/".join(call.second.pair or ("?", "?"))
    return f"{'relayed' if call.relayed else 'direct'}, {pair}, {1000 * call.second.connect:.0f} ms"

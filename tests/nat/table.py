"""The table of docs/nat.md, as it was measured: `python -m tests.nat`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tests.nat.calls import Call, Service
from tests.nat.measure import Measured
from tests.nat.theory import direct, pairs


def table(measured: Measured) -> str:
    """Markdown: a row for each combination."""
    return "\n".join(_rows(measured.calls))


def _rows(calls: Mapping[tuple[Service, str, str], Call]) -> Iterator[str]:
    yield "| first | second | theory | STUN only | selected pair | connected after | with TURN | selected pair | connected after |"
    yield "|---|---|---|---|---|---|---|---|---|"
    for first, second in pairs():
        cells = [first, second, "direct" if direct(first, second) else "relay"]
        for service in ("stun", "turn"):
            cells += _outcome(calls[service, first, second])
        yield f"| {' | '.join(cells)} |"


def _outcome(call: Call) -> tuple[str, str, str]:
    if not call.connected:
        return "fails", "–", f"{(call.second.failed_phase or '').replace('_', ' ')} did not come"
    pair = f"{_types(call.second.pair)}, {_types(call.first.pair)}"
    return "relayed" if call.relayed else "direct", pair, _milliseconds(call.second.connect)


def _types(pair: tuple[str, str] | None) -> str:
    return "?" if pair is None else "→".join(pair)


def _milliseconds(seconds: float | None) -> str:
    return "not measured" if seconds is None else f"{1000 * seconds:.0f} ms"

"""Outcomes as engines deliver them."""

from __future__ import annotations

from probe.engine.outcome import Outcome
from probe.model.samples import Sample


def outcome(number: int, *, lag: float = 0.001) -> Outcome:
    """Of one meeting of two that lasted from monotonic 10 · number for 15 s; `lag` is its event loop's."""
    found = Outcome()
    for value in (0.1 * number, 0.2 * number):
        found.summary.add(Sample("join_duration_seconds", value, 1.0, {"topology": "p2p"}))
    found.health.loop_lag(lag)
    found.health.pacing_error(0.0001 * number)
    found.health.cpu(0.1 * number)
    found.health.socket_drops(0)
    found.health.decode_delay(0.01)
    found.ledger.add_stream("p2p", 0.1 * number, 1)
    found.ledger.add_stream("sfu", 1e6, 2)
    found.ledger.add_time("p2p", 1 / number)
    start = 10.0 * number
    found.presence = [(start, 1), (start + 0.5, 1), (start + 15.0, -1), (start + 15.0, -1)]
    found.migrations[number] = [{"meeting": f"m{number}", "success": True}]
    found.participants[number] = [{"id": f"{number}a"}, {"id": f"{number}b"}]
    found.errors["dtls_connected", f"u{number}", "timeout"] += number
    found.errors["signalling", "everybody", "gone"] += 1
    found.crashes["ZeroDivisionError('x') at a.py:1"] += 1
    found.networks["lte", "a survey"] += 2
    found.series.add(Sample("window_frame_rate", 10.0 * number, 2.0, {"topology": "p2p"}))
    found.disturbed[5.0, "3 % loss"] += number
    found.noticed[7.0, "selected pair changed: host/host to host/prflx"] += number
    return found

"""Where facts, errors and bugs go."""

from __future__ import annotations

from probe.model.errors import ConnectionFailed
from tests.client.fakes import START, Bench


def test_samples_have_the_time_of_the_run() -> None:
    bench = Bench()
    bench.clock.time = START + 2.5
    bench.context.emit("frame_rate", True, {"topology": "p2p"}, who="me")
    (sample,) = bench.samples
    assert (sample.value, sample.time, sample.tags, sample.detail) == (1.0, 2.5, {"topology": "p2p"}, {"who": "me"})


def test_equal_errors_are_counted() -> None:
    bench = Bench()
    for _ in range(3):
        bench.context.complain(ConnectionFailed("gone", phase="in_call", hint="wait"), who="me", phase="other")
    bench.context.complain(ConnectionFailed("gone", who="you"), who="me", phase="other")
    assert bench.context.errors == {("in_call", "me", "gone (wait)"): 3, ("other", "you", "gone"): 1}


def test_bugs_are_counted_with_their_place() -> None:
    bench = Bench()
    for _ in range(2):
        try:
            raise KeyError("x")
        except KeyError as error:
            bench.context.crashed(error)
    bench.context.crashed(ValueError("never raised"))
    assert sorted(bench.context.crashes.values()) == [1, 2]
    assert any("test_context.py" in message for message in bench.context.crashes)

"""Where facts, errors and bugs go."""

from __future__ import annotations

import errno
from dataclasses import replace

import numpy as np

from probe.model.errors import ConnectionFailed
from probe.model.samples import SampleBatch
from tests.client.fakes import START, Bench


def test_samples_have_the_time_of_the_run() -> None:
    bench = Bench()
    bench.clock.time = START + 2.5
    bench.context.emit("frame_rate", True, {"topology": "p2p"}, who="me")
    (sample,) = bench.samples
    assert (sample.value, sample.time, sample.tags, sample.detail) == (1.0, 2.5, {"topology": "p2p"}, {"who": "me"})


def test_whose_meeting_is_known_tells_it() -> None:
    bench = Bench()
    bench.context.meetings["me"] = "room"
    bench.context.emit("frame_rate", 30.0, who="me")
    bench.context.emit("frame_rate", 30.0, who="another")
    bench.context.emit("frame_rate", 30.0)
    assert [sample.detail for sample in bench.samples] == [{"who": "me", "meeting": "room"}, {"who": "another"}, {}]
    batches: list[SampleBatch] = []
    bench.context.batch_sink = batches.append
    bench.context.observe("frame_rate", np.array([1.0, 2.0]), {}, "me")
    bench.context.observe("frame_rate", np.array([3.0]), {}, "another")
    bench.context.flush()
    assert [(b.values.tolist(), list(b.units)) for b in batches] == [([1.0, 2.0, 3.0], [("room\nme", 2), ("", 1)])]


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


def test_what_is_observed_of_a_series_goes_on_together_after_a_second() -> None:
    bench = Bench()
    batches: list[SampleBatch] = []
    bench.context.batch_sink = batches.append
    tags = {"topology": "p2p"}
    bench.context.observe("frame_rate", np.array([1.0, 2.0]), tags, "me")
    bench.context.observe("frame_rate", np.array([9.0]), {"topology": "sfu"}, "me")
    bench.context.observe("frame_rate", np.empty(0), tags, "me")
    bench.clock.time += 0.9
    bench.context.observe("frame_rate", np.array([3.0]), tags, "me")
    assert batches == []
    bench.clock.time += 0.1
    bench.context.observe("jitter_seconds", np.array([0.1]), tags, "me")
    assert [(b.metric, b.values.tolist(), b.time, b.tags) for b in batches] == [
        ("frame_rate", [1.0, 2.0, 3.0], 1.0, tags)  # one series at a time: packets get their turn in between
    ]
    bench.context.flush()
    assert [(b.metric, b.values.tolist(), b.tags) for b in batches[1:]] == [
        ("frame_rate", [9.0], {"topology": "sfu"}),
        ("jitter_seconds", [0.1], tags),
    ]
    assert bench.samples == []


def test_a_series_with_many_values_does_not_wait() -> None:
    bench = Bench()
    batches: list[SampleBatch] = []
    bench.context.batch_sink = batches.append
    bench.context.observe("frame_rate", np.ones(10), {}, "me")
    for _ in range(3):
        bench.context.observe("jitter_seconds", np.ones(500), {}, "me")
    assert [(b.metric, len(b.values)) for b in batches] == [("jitter_seconds", 1500)]


def test_who_takes_no_batches_gets_their_values_one_by_one() -> None:
    bench = Bench()
    bench.context.observe("frame_rate", np.array([1.0, 2.0]), {"topology": "p2p"}, "me")
    assert bench.values("frame_rate", topology="p2p") == [1.0, 2.0]


def test_a_context_of_its_own_gathers_for_itself() -> None:
    bench = Bench()
    batches: list[SampleBatch] = []
    bench.context.batch_sink = batches.append
    bench.context.observe("frame_rate", np.array([1.0]), {}, "me")
    replace(bench.context).flush()
    assert batches == []
    bench.context.flush()
    assert len(batches) == 1


def test_a_failure_for_lack_of_files_is_the_generators_own() -> None:
    bench = Bench()
    error = ConnectionFailed("gathered no candidate")
    error.__cause__ = OSError(errno.EMFILE, "")
    bench.context.complain(error)
    bench.context.complain(ConnectionFailed("refused"))
    assert bench.context.health.verdict().reasons == ("Too many open files, 1 times: give this machine more of it",)

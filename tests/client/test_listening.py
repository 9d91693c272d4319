"""What is heard of another, in simulated time: scores, delays, residual loss."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from probe.client.capture_log import CaptureLog
from probe.client.listening import Listening
from probe.measure.assembly import MediaPacket
from probe.measure.records import RECORD, RESTARTED
from probe.wire.rtp import TimestampUnwrapper
from tests.client.fakes import START, Bench


def _talk(
    bench: Bench, heard: Listening, seconds: float, *, start: float = START, delay: float = 0.03,
    lost: Callable[[int], bool] = lambda number: False,
) -> None:  # fmt: skip
    """Packets of 20 ms; windows once a second."""
    first = round((start - START) / 0.02)
    for number in range(first, first + round(seconds / 0.02)):
        sent = START + number * 0.02
        bench.wheel.run_until(sent + delay)
        if not lost(number):
            packet = MediaPacket(number, number * 960, False, bytes(160), sent + delay, False, sent)
            heard.on_packet(packet, number * 960)
        if number % 50 == 49:
            heard.window(bench.clock.now(), 0.1)


def test_an_undisturbed_call_reaches_what_opus_can() -> None:
    bench = Bench(captures={"you": CaptureLog()})
    heard = Listening(bench.context, "me", "you", "p2p")
    _talk(bench, heard, 6.0)
    heard.finish()
    heard.finish()
    assert bench.values("audio_mos_lq", topology="p2p") == [pytest.approx(4.40, abs=0.01)]
    assert len(bench.values("audio_mos_cq")) == len(bench.values("audio_quality_score")) == 1
    assert min(bench.values("window_audio_score")) == pytest.approx(bench.values("audio_quality_score")[0], abs=0.01)
    assert bench.values("residual_loss_ratio", kind="audio") == [0.0]
    assert bench.values("one_way_delay_seconds", kind="audio") == pytest.approx([0.03] * 300)
    assert heard.last is not None


def test_who_has_left_keeps_the_clock_that_it_had() -> None:
    """What it sent last is often looked at after it has gone."""
    found = []
    for leaves in (False, True):
        captures = {"you": CaptureLog()}
        bench = Bench(captures=captures)
        heard = Listening(bench.context, "me", "you", "p2p")
        _talk(bench, heard, 4.0, lost=lambda number: number % 10 == 3)
        resyncs = heard._buffer.resyncs
        if leaves:
            bench.context.captures.clear()
        _talk(bench, heard, 1.5, start=START + 4.0, lost=lambda number: number % 10 == 3)
        heard.finish()
        assert heard._buffer.resyncs == resyncs == 0
        found.append([(one.metric, one.value) for one in bench.samples])
    assert found[0] == found[1]
    assert len(found[0]) > 240


def test_loss_costs() -> None:
    bench = Bench()
    heard = Listening(bench.context, "me", "you", "sfu")
    _talk(bench, heard, 10.0, lost=lambda number: number % 20 == 5)
    heard.finish()
    assert bench.values("audio_mos_lq")[0] < 4.0
    assert bench.values("residual_loss_ratio") == [pytest.approx(0.05, abs=0.005)]


def test_delay_costs_conversation_and_not_listening() -> None:
    scores = []
    for delay, ours in ((0.03, True), (0.4, True), (0.4, False)):
        bench = Bench(captures={"you": CaptureLog()} if ours else {})
        heard = Listening(bench.context, "me", "you", "p2p")
        _talk(bench, heard, 6.0, delay=delay)
        heard.finish()
        scores.append((bench.values("audio_mos_lq")[0], bench.values("audio_mos_cq")[0]))
    near, far, unknown = scores
    assert near[0] == pytest.approx(far[0], abs=0.001)
    assert far[1] < near[1] - 0.2
    assert unknown[1] > far[1] + 0.1  # a foreign clock says nothing: half of the round trip of 0.1 s counts


def test_packets_too_late_to_be_played_are_residual_loss() -> None:
    bench = Bench()
    heard = Listening(bench.context, "me", "you", "p2p")
    for number in range(500):
        late = 0.3 if number % 50 == 25 else 0.0
        sent = START + number * 0.02
        bench.wheel.run_until(sent + 0.03)
        heard.on_packet(
            MediaPacket(number, number * 960, False, bytes(160), sent + 0.03 + late, False, sent), number * 960
        )
        if number % 50 == 49:
            heard.window(bench.clock.now(), None)
    heard.finish()
    assert bench.values("residual_loss_ratio") == [pytest.approx(0.02, abs=0.003)]


@pytest.mark.parametrize(("seconds", "scores"), [(0.0, 0), (0.5, 0), (1.5, 1), (2.5, 1)])
def test_short_streams(seconds: float, scores: int) -> None:
    bench = Bench()
    heard = Listening(bench.context, "me", "you", "p2p")
    _talk(bench, heard, seconds)
    bench.wheel.run_until(START + seconds + 0.1)
    heard.finish()
    assert len(bench.values("audio_mos_lq")) == scores


def test_no_media_is_no_score_rather_than_a_good_one() -> None:
    bench = Bench()
    heard = Listening(bench.context, "me", "you", "p2p")
    heard.window(START + 5.0, 0.1)
    heard.finish()
    assert bench.samples == []
    assert heard.last is None


def test_a_window_in_which_nothing_came_has_the_delay_of_the_one_before() -> None:
    """Not half of the round trip, which is no delay of this direction: here 0.05 s of 0.3 s."""
    bench = Bench(captures={"you": CaptureLog()})
    heard = Listening(bench.context, "me", "you", "p2p")
    _talk(bench, heard, 3.0, delay=0.3)  # its last packets are due after the last window
    before = heard.last
    bench.wheel.run_until(bench.clock.now() + 2.1)
    heard.window(bench.clock.now(), 0.1)
    assert before is not None
    assert heard.last is not None
    assert heard.last is not before
    assert heard.last.mos_cq == pytest.approx(before.mos_cq, abs=0.1)  # half of the round trip would be worth 4.4
    assert heard.last.mos_cq < 4.0


@pytest.mark.parametrize("bulk", [False, True])
@pytest.mark.parametrize(
    ("sequence", "timestamp", "silence", "restarted"),
    [
        (1, 960 + 480_000, 10.0, False),  # muted, its clock went on
        (1, 960, 10.0, False),
        (1, 960, 3.0, False),  # its clock stood
        (1, 2**31, 10.0, False),  # another one
        (1, 2**32 - 96_000, 0.0, False),  # another source at the server
        (20_000, 123_456_789, 0.0, True),  # a source that began anew
    ],
)
def test_a_stranger_who_falls_silent_has_lost_nothing(
    sequence: int, timestamp: int, silence: float, restarted: bool, bulk: bool
) -> None:
    bench = Bench()
    heard, unwrap = Listening(bench.context, "me", "you", "sfu"), TimestampUnwrapper()
    for number in range(500):
        again = number >= 250
        extended = number + (sequence - 1) * again
        ticks = (number * 960 + (timestamp - 960) * again) % 2**32
        arrival = START + 0.03 + number * 0.02 + silence * again
        bench.wheel.run_until(arrival)
        begins = restarted and number == 250
        if bulk:
            heard.on_records(np.array([(extended, arrival, np.nan, ticks, 120, begins * RESTARTED, 0)], RECORD))
        else:
            packet = MediaPacket(extended, ticks, False, bytes(120), arrival, restarted=begins)
            heard.on_packet(packet, unwrap.unwrap(ticks))
        if number % 50 == 49:
            heard.window(arrival, 0.05)
    bench.wheel.run_until(bench.clock.now() + 1.0)
    heard.finish()
    assert bench.values("residual_loss_ratio") == [0.0]
    assert bench.values("audio_mos_lq") == [pytest.approx(4.40, abs=0.01)]

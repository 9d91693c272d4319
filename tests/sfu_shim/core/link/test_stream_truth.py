from __future__ import annotations

import json
from random import Random

import pytest

from probe.measure.rtp_stream import StreamReceiver
from sfu_shim.core.link.impairment import GilbertElliott, Impairment, Jitter, Reorder
from sfu_shim.core.link.link import Link
from sfu_shim.core.link.stream_truth import HISTORY, StreamTruth
from tests.sfu_shim.core.link.simulate import carry, rtp, stream

IMPAIRED = Impairment(
    delay=0.05,
    jitter=Jitter("normal", 0.01, keep_order=False),
    loss=GilbertElliott(0.02, 0.3),
    duplicate=0.03,
    reorder=Reorder(0.02, 0.03),
)


def measured(truth: StreamTruth, until: float = float("inf")) -> StreamReceiver:
    """The probe's receiver, fed with what left the link."""
    receiver = StreamReceiver(truth.ssrc, 90000)
    for one in truth.releases:
        if one.released <= until:
            receiver.on_packet(one.number & 0xFFFF, one.timestamp, one.released, one.size)
    return receiver


def run(impairment: Impairment, count: int = 3000, history: int = 1 << 14) -> StreamTruth:
    link = Link(impairment, Random(11), history=history)
    carry(link, stream(count), late=0.0002)
    return link.truth.streams[7]


@pytest.mark.parametrize("until", [None, 10.0, 0.06, 0.0])
def test_the_probe_reads_what_the_truth_says(until: float | None) -> None:
    truth = run(IMPAIRED)
    receiver = measured(truth, float("inf") if until is None else until)
    seen = truth.observed(until)
    assert (receiver.packets, receiver.bytes, receiver.expected, receiver.lost_first) == (
        seen.packets, seen.bytes, seen.expected, seen.lost,
    )  # fmt: skip
    assert (receiver.duplicates, receiver.reordered, receiver.loss_runs) == (
        seen.duplicates, seen.reordered, seen.loss_runs,
    )  # fmt: skip
    assert receiver.snapshot(0).burst_ratio == pytest.approx(seen.burst_ratio)
    assert receiver.jitter_seconds == pytest.approx(truth.jitter_seconds(90000, until))
    if until is None:
        assert min(seen.lost, seen.duplicates, seen.reordered) > 50


def test_jitter_by_hand() -> None:
    """RFC 3550 6.4.1: |D| of 8 ms, then of 0."""
    link = Link(Impairment(), Random(1))
    for number, released in ((0, 0.0), (1, 0.018), (2, 0.028)):
        (copy,) = link.offer(rtp(number), number * 0.01)
        link.note_released(copy, released)
    truth = link.truth.streams[7]
    assert list(truth.jitter_series(90000)) == [
        (0.0, 0.0), (0.018, pytest.approx(0.0005)), (0.028, pytest.approx(0.0005 * 15 / 16)),
    ]  # fmt: skip
    assert truth.jitter_seconds(90000, until=0.02) == pytest.approx(0.0005)


def test_jitter_takes_no_notice_of_duplicates_and_timestamps_that_wrap() -> None:
    link = Link(Impairment(duplicate=1.0), Random(1))
    offers = [(i * 0.01, rtp(i, timestamp=(1 << 32) - 1800 + i * 900)) for i in range(10)]
    carry(link, offers)
    assert link.truth.streams[7].tally.duplicated == 10
    assert link.truth.streams[7].jitter_seconds(90000) == pytest.approx(0.0, abs=1e-12)


def test_delays_are_the_actual_ones() -> None:
    truth = run(Impairment(delay=0.05), 100)
    assert truth.tally.delays.mean == pytest.approx(0.0502)
    assert truth.delay_between(0.1, 0.2) == pytest.approx(0.0502)
    assert truth.delay_between(90, 91) is None


def test_bytes_of_an_interval() -> None:
    truth = run(Impairment(delay=0.05), 300)
    assert truth.offered_bytes_between(1.0, 2.0) == 100 * 100
    assert truth.delivered_bytes_between(1.0, 2.0) == 100 * 100
    assert truth.delivered_bytes_between(0.0, 1.0) == 95 * 100


def test_holes_that_came_from_upstream_are_lost_to_the_observer_only() -> None:
    link = Link(Impairment(), Random(1))
    carry(link, [(number * 0.01, rtp(number)) for number in (0, 1, 4, 5, 5)])
    truth = link.truth.streams[7]
    assert truth.tally.lost == 0
    assert (truth.observed().lost, truth.observed().duplicates) == (2, 1)


def test_a_retransmission_under_the_same_number_fills_the_hole() -> None:
    link = Link(Impairment(), Random(1))
    link.blackout(0.005, 0.01)
    carry(link, [(0.0, rtp(0)), (0.01, rtp(1)), (0.02, rtp(2)), (0.03, rtp(1))])
    truth = link.truth.streams[7]
    assert [(one.number, one.cause) for one in truth.lost] == [(1, "blackout")]
    assert (truth.observed().lost, truth.observed().reordered) == (0, 1)


def test_memory_is_bounded_and_counts_go_on() -> None:
    truth = run(Impairment(delay=0.01), HISTORY + 500, history=HISTORY)
    assert len(truth.releases) == len(truth.offers) == HISTORY
    assert truth.observed().packets == HISTORY + 500
    assert not truth.complete
    with pytest.raises(ValueError, match="only the last 4096 packets"):
        truth.observed(until=10.0)


def test_json() -> None:
    told = json.loads(json.dumps(run(IMPAIRED, 200).to_dict()))
    assert told["ssrc"] == 7
    assert len(told["lost"]["loss"]) == told["dropped_packets"]["loss"] > 0
    assert told["observed"]["packets"] + told["dropped_packets"]["loss"] == 200
    assert told["lost_forgotten"] == 0


def test_gaps() -> None:
    link = Link(Impairment(), Random(1))
    carry(link, [(0.0, rtp(0)), (0.01, rtp(1)), (0.5, rtp(2)), (0.6, rtp(2)), (0.9, rtp(3))])
    truth = link.truth.streams[7]
    assert truth.gaps(0.3) == [(0.01, 0.5), (0.5, 0.9)]  # the copy at 0.6 brought nothing new
    assert truth.longest_gap(0.0, 0.4) == pytest.approx(0.49)
    assert truth.longest_gap(2.0, 3.0) == 0.0

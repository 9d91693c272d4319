from __future__ import annotations

import math
import statistics
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfu_shim.core.link import link as link_module
from sfu_shim.core.link.impairment import (
    Distribution,
    GilbertElliott,
    Impairment,
    Jitter,
    Loss,
    RandomLoss,
    Reorder,
)
from sfu_shim.core.link.link import Copy, Link
from sfu_shim.core.link.schedule import Schedule, Step
from tests.sfu_shim.core.link.simulate import carry, numbers, rtp, stream


def made(impairment: Impairment | Schedule, seed: int = 1, start: float = 0.0) -> Link:
    return Link(impairment, Random(seed), start, history=1 << 16)


def fates(copies: list[Copy]) -> list[tuple[float, bytes]]:
    return [(copy.release, copy.data) for copy in copies]


def test_a_perfect_link_lets_everything_through_at_once() -> None:
    offers = stream(50)
    assert fates(carry(made(Impairment()), offers)) == offers


def test_delay() -> None:
    offers = stream(50)
    out = carry(made(Impairment(delay=0.04)), offers)
    assert [copy.release for copy in out] == [pytest.approx(now + 0.04) for now, _ in offers]
    assert [copy.data for copy in out] == [data for _, data in offers]


def test_same_seed_same_fates() -> None:
    impairment = Impairment(
        delay=0.04,
        jitter=Jitter("normal", 0.01, keep_order=False),
        loss=GilbertElliott(0.02, 0.3),
        duplicate=0.05,
        reorder=Reorder(0.05, 0.03),
        rate_bps=1e6,
    )
    first, again, other = (fates(carry(made(impairment, seed), stream(500))) for seed in (1, 1, 2))
    assert first == again != other


def test_the_pattern_of_losses_does_not_depend_on_what_else_the_link_does() -> None:
    loss = RandomLoss(0.1)
    alone = carry(made(Impairment(loss=loss)), stream(500))
    among = carry(made(Impairment(delay=0.1, jitter=Jitter("normal", 0.01), loss=loss)), stream(500))
    assert numbers(alone) == numbers(among)


def test_loss_ratio_and_duplicates() -> None:
    count = 20_000
    link = made(Impairment(loss=RandomLoss(0.05), duplicate=0.02))
    carry(link, stream(count))
    seen = link.truth.streams[7].observed()
    assert link.truth.total.dropped["loss"] / count == pytest.approx(0.05, abs=5 * math.sqrt(0.05 * 0.95 / count))
    assert seen.duplicates == link.truth.total.duplicated
    assert seen.duplicates / seen.packets == pytest.approx(0.02, abs=5 * math.sqrt(0.02 * 0.98 / seen.packets))
    assert seen.burst_ratio == pytest.approx(1.0, abs=0.05)


def test_burst_ratio_of_gilbert_loss() -> None:
    """Mean burst 4 at 5 % loss: G.107's burst ratio 4 × 0.95."""
    link = made(Impairment(loss=GilbertElliott(p=0.25 * 0.05 / 0.95, r=0.25)))
    carry(link, stream(40_000, 0.001))
    assert link.truth.streams[7].observed().burst_ratio == pytest.approx(3.8, rel=0.1)


def test_rate() -> None:
    """2 Mbit/s offered to 1 Mbit/s: half gets through, at the rate, 300 ms late once the queue is full."""
    link = made(Impairment(rate_bps=1e6))
    out = carry(link, stream(5000, 0.004, size=972))
    intervals = [after.release - before.release for before, after in pairwise(out)]
    assert all(interval == pytest.approx(0.008) for interval in intervals)
    assert link.truth.total.dropped["queue"] == 5000 - len(out)
    assert len(out) == pytest.approx(2500 + 37, abs=2)
    assert link.truth.total.delays.maximum == pytest.approx(0.296, abs=0.009)


def test_a_fast_enough_link_adds_only_its_serialisation() -> None:
    link = made(Impairment(delay=0.02, rate_bps=10e6))
    carry(link, stream(100, 0.01, size=1222))  # 1250 bytes: 1 ms
    assert link.truth.total.lost == 0
    assert link.truth.total.delays.minimum == pytest.approx(0.021)
    assert link.truth.total.delays.maximum == pytest.approx(0.021)


def test_jitter_without_order_keeps_its_distribution() -> None:
    link = made(Impairment(delay=0.1, jitter=Jitter("normal", 0.01, keep_order=False)))
    out = carry(link, stream(20_000, 0.001))
    delays = [copy.release - copy.arrival for copy in out]
    assert statistics.mean(delays) == pytest.approx(0.1, abs=5 * 0.01 / math.sqrt(20_000))
    assert statistics.stdev(delays) == pytest.approx(0.01, rel=0.03)
    assert link.truth.streams[7].observed().reordered > 1000


def test_jitter_with_order_lets_nothing_overtake() -> None:
    link = made(Impairment(delay=0.1, jitter=Jitter("pareto", 0.05)))
    out = carry(link, stream(2000, 0.001))
    assert numbers(out) == list(range(2000))
    assert link.truth.streams[7].observed().reordered == 0


def test_what_is_held_back_is_overtaken() -> None:
    link = made(Impairment(delay=0.02, reorder=Reorder(0.1, 0.025)))
    out = carry(link, stream(1000))
    stream_truth = link.truth.streams[7]
    seen = stream_truth.observed()
    assert seen.lost == seen.duplicates == 0
    # 25 ms are two and a half intervals: each one that is held back comes after the next two, unless they are too, and
    # the last two packets have nobody behind them.
    held = [copy.number for copy in out if copy.release - copy.arrival > 0.04]
    overtaken = [number for number in held if {number + 1, number + 2} - set(held) and number < 999]
    assert seen.reordered == len(overtaken) > 50
    assert stream_truth.tally.held_back == len(held)


def test_a_shorter_delay_does_not_let_packets_overtake() -> None:
    schedule = Schedule(Impairment(delay=0.1), (Step(0.5, Impairment(delay=0.01)),))
    out = carry(made(schedule), stream(100))
    assert numbers(out) == list(range(100))
    assert out[50].release == out[49].release == pytest.approx(0.59)
    assert out[99].release == pytest.approx(1.0)


def test_schedule_counts_from_the_start() -> None:
    schedule = Schedule(Impairment(), (Step(1, Impairment(loss=RandomLoss(1))), Step(2, Impairment())))
    link = made(schedule, start=100.0)
    out = carry(link, [(100 + now, data) for now, data in stream(300)])
    assert numbers(out) == [*range(100), *range(200, 300)]


def test_blackout() -> None:
    link = made(Schedule(Impairment(delay=0.03), (Step(1, None, 0.4),)), start=50)
    carry(link, [(50 + now, data) for now, data in stream(300)])
    truth = link.truth
    assert truth.blackouts == [(51, 51.4)]
    assert truth.total.dropped == {"loss": 0, "blackout": 40, "queue": 0, "overflow": 0, "unsent": 0}
    ((before, after),) = truth.streams[7].gaps(0.05)
    assert before == pytest.approx(51.02)
    assert after == pytest.approx(51.43)
    assert truth.streams[7].longest_gap(50, 53) == pytest.approx(0.41)
    seen = truth.streams[7].observed()
    assert (seen.lost, seen.loss_runs) == (40, 1)


def test_blackout_on_demand() -> None:
    link = made(Impairment())
    link.blackout(0.5, 0.2)
    assert numbers(carry(link, stream(100))) == [*range(50), *range(70, 100)]


def test_a_link_holds_a_bounded_number_of_packets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link_module, "MAX_IN_FLIGHT", 10)
    link = made(Impairment(delay=1.0))
    out = carry(link, stream(20, 0.001))
    assert numbers(out) == list(range(10))
    assert link.truth.total.dropped["overflow"] == 10


def test_what_could_not_be_sent_is_known() -> None:
    link = made(Impairment())
    for number in range(3):
        (copy,) = link.offer(rtp(number), number * 0.01)
        if number == 1:
            link.note_unsent(copy)
        else:
            link.note_released(copy, number * 0.01)
    assert link.truth.total.dropped["unsent"] == 1
    assert link.truth.streams[7].observed().lost == 1
    assert [one.number for one in link.truth.streams[7].lost] == [1]


JITTERS = st.builds(
    Jitter, st.sampled_from(["uniform", "normal", "pareto"]), st.floats(0, 0.03), st.booleans()
)  # fmt: skip
LOSSES: st.SearchStrategy[Loss] = st.one_of(
    st.builds(RandomLoss, st.floats(0, 1)), st.builds(GilbertElliott, st.floats(0, 1), st.floats(0.01, 1))
)
IMPAIRMENTS = st.builds(
    Impairment,
    delay=st.floats(0.1, 0.3),
    jitter=st.none() | JITTERS,
    loss=st.none() | LOSSES,
    duplicate=st.floats(0, 1),
    reorder=st.none() | st.builds(Reorder, st.floats(0, 1), st.floats(0, 0.1)),
    rate_bps=st.none() | st.floats(10_000, 1e6),
)


@settings(max_examples=150, deadline=None)
@given(IMPAIRMENTS, IMPAIRMENTS, st.integers(0, 1000), st.lists(st.floats(0, 0.05), min_size=1, max_size=80))
def test_the_truth_knows_everything(before: Impairment, after: Impairment, seed: int, waits: list[float]) -> None:
    now, offers = 0.0, []
    for number, wait in enumerate(waits):
        now += wait
        offers.append((now, rtp(65_500 + number)))
    link = made(Schedule(before, (Step(0.5, after), Step(0.8, None, 0.2))), seed)
    out = carry(link, offers)
    truth = link.truth.streams[7]
    came = [copy.number for copy in out]
    assert {one.number for one in truth.lost} == set(range(65_500, 65_500 + len(waits))) - set(came)
    assert truth.tally.offered == len(waits) == truth.tally.lost + len(set(came))
    assert truth.tally.duplicated == len(came) - len(set(came))
    assert truth.tally.delivered == len(came)
    assert truth.tally.in_flight == 0
    assert truth.tally.delivered_bytes == sum(len(copy.data) for copy in out)
    assert all(copy.data == offers[copy.number - 65_500][1] for copy in out)
    assert all(copy.release >= copy.arrival for copy in out)
    if came:
        seen = truth.observed()
        assert (seen.packets, seen.duplicates) == (len(set(came)), truth.tally.duplicated)
        assert seen.expected == max(came) - min(came) + 1


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(["uniform", "normal", "pareto"]), st.floats(0, 0.03), st.integers(0, 1000), st.booleans())
def test_order_is_kept(distribution: Distribution, scale: float, seed: int, limited: bool) -> None:
    jitter = Jitter(distribution, scale)
    link = made(Impairment(delay=0.1, jitter=jitter, duplicate=0.2, rate_bps=2e5 if limited else None), seed)
    out = carry(link, stream(100, 0.003))
    assert numbers(out) == sorted(numbers(out))

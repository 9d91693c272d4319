"""Bounds: five standard errors of the estimate, for fixed seeds."""

from __future__ import annotations

import itertools
import math
import statistics
from random import Random

import pytest

from sfu_shim.core.link.impairment import GilbertElliott, Jitter, RandomLoss
from sfu_shim.core.link.processes import Bottleneck, DelayProcess, LossProcess

COUNT = 100_000


def losses(model: RandomLoss | GilbertElliott, seed: int = 1) -> list[bool]:
    process = LossProcess(Random(seed))
    return [process.loses(model) for _ in range(COUNT)]


@pytest.mark.parametrize("ratio", [0.0, 0.003, 0.05, 0.5, 1.0])
def test_random_loss_has_its_ratio_and_no_memory(ratio: float) -> None:
    lost = losses(RandomLoss(ratio))
    error = math.sqrt(ratio * (1 - ratio) / COUNT)
    assert sum(lost) / COUNT == pytest.approx(ratio, abs=5 * error)
    twice = sum(a and b for a, b in itertools.pairwise(lost)) / COUNT
    assert twice == pytest.approx(ratio**2, abs=5 * math.sqrt(ratio**2 * (1 - ratio**2) * 3 / COUNT) + 1e-5)


@pytest.mark.parametrize(("p", "r"), [(0.01, 0.25), (0.02, 0.5), (0.2, 0.2), (0.5, 1.0)])
def test_gilbert_bursts_last_one_over_r_packets(p: float, r: float) -> None:
    lost = losses(GilbertElliott(p, r))
    bursts = [sum(1 for _ in run) for gone, run in itertools.groupby(lost) if gone]
    gaps = [sum(1 for _ in run) for gone, run in itertools.groupby(lost) if not gone]
    burst_error = math.sqrt((1 - r) / r**2 / len(bursts))
    gap_error = math.sqrt((1 - p) / p**2 / len(gaps))
    assert statistics.mean(bursts) == pytest.approx(1 / r, abs=5 * burst_error)
    assert statistics.mean(gaps) == pytest.approx(1 / p, abs=5 * gap_error)
    # Geometric: the share of bursts of one packet is r.
    single = sum(1 for burst in bursts if burst == 1) / len(bursts)
    assert single == pytest.approx(r, abs=5 * math.sqrt(r * (1 - r) / len(bursts)) + 1e-9)


def test_elliott_loses_in_both_states() -> None:
    model = GilbertElliott(p=0.05, r=0.15, loss_good=0.02, loss_bad=0.6)
    assert sum(losses(model)) / COUNT == pytest.approx(model.mean_ratio, rel=0.05)
    assert model.mean_ratio == pytest.approx(0.25 * 0.6 + 0.75 * 0.02)


def test_same_seed_same_losses() -> None:
    model = GilbertElliott(0.05, 0.3)
    assert losses(model, 3) == losses(model, 3) != losses(model, 4)


def test_no_model_loses_nothing_and_draws_nothing() -> None:
    rng = Random(1)
    process = LossProcess(rng)
    assert not process.loses(None)
    assert rng.random() == Random(1).random()


def draws(delay: float, jitter: Jitter) -> list[float]:
    process = DelayProcess(Random(5))
    return [process.draw(delay, jitter) for _ in range(COUNT)]


def kolmogorov(values: list[float], cdf: list[float]) -> float:
    """Largest distance of the empirical distribution from the model's, times sqrt(n)."""
    n = len(values)
    ranked = sorted(cdf)
    return math.sqrt(n) * max(max((i + 1) / n - u, u - i / n) for i, u in enumerate(ranked))


KOLMOGOROV_LIMIT = 2.0
"""Exceeded by a right distribution in 7 of 10 000 samples (2 exp(-2 x²))."""


def test_uniform() -> None:
    values = draws(0.05, Jitter("uniform", 0.01))
    assert min(values) >= 0.04
    assert max(values) <= 0.06
    assert kolmogorov(values, [(value - 0.04) / 0.02 for value in values]) < KOLMOGOROV_LIMIT


def test_normal() -> None:
    values = draws(0.05, Jitter("normal", 0.01))
    model = statistics.NormalDist(0.05, 0.01)
    assert kolmogorov(values, [model.cdf(value) for value in values]) < KOLMOGOROV_LIMIT
    assert min(values) >= 0


def test_pareto() -> None:
    values = draws(0.05, Jitter("pareto", 0.01))
    assert min(values) >= 0.05
    assert max(values) <= 0.05 + 50 * 0.01
    assert kolmogorov(values, [1 - (1 + (value - 0.05) / 0.01) ** -3 for value in values]) < KOLMOGOROV_LIMIT
    ranked = sorted(values)
    assert ranked[COUNT // 2] - 0.05 == pytest.approx(0.0026, rel=0.02)
    assert ranked[COUNT * 99 // 100] - 0.05 == pytest.approx(0.0364, rel=0.05)
    assert statistics.mean(values) - 0.05 == pytest.approx(0.005, rel=0.03)


def test_no_delay_is_negative() -> None:
    process = DelayProcess(Random(1))
    assert min(process.draw(0.01, Jitter("normal", 0.01)) for _ in range(1000)) == 0


def test_a_bottleneck_serialises_one_packet_after_the_other() -> None:
    bottleneck = Bottleneck()
    # 972 bytes and 28 of headers at 1 Mbit/s: 8 ms each.
    assert bottleneck.pass_through(972, 10.0, 1e6, 5000) == pytest.approx(10.008)
    assert bottleneck.pass_through(972, 10.0, 1e6, 5000) == pytest.approx(10.016)
    assert bottleneck.pass_through(972, 10.02, 1e6, 5000) == pytest.approx(10.028)


def test_a_full_queue_drops_the_newcomer() -> None:
    bottleneck = Bottleneck()
    times = [bottleneck.pass_through(972, 0.0, 1e6, 3000) for _ in range(4)]
    assert times[:3] == [pytest.approx(0.008), pytest.approx(0.016), pytest.approx(0.024)]
    assert times[3] is None
    assert bottleneck.pass_through(972, 0.008, 1e6, 3000) == pytest.approx(0.032)  # the first has left
    assert bottleneck.pass_through(972, 0.008, 1e6, 3000) is None


def test_without_a_rate_nothing_waits() -> None:
    bottleneck = Bottleneck()
    assert [bottleneck.pass_through(1200, 1.5, None, 0) for _ in range(3)] == [1.5] * 3


def test_a_changed_rate_holds_for_what_comes_after() -> None:
    bottleneck = Bottleneck()
    bottleneck.pass_through(972, 0.0, 1e6, 5000)
    assert bottleneck.pass_through(972, 0.001, 2e6, 5000) == pytest.approx(0.012)

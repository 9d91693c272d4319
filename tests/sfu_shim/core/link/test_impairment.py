from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from probe.model.errors import ConfigError
from sfu_shim.core.link.impairment import GilbertElliott, Impairment, Jitter, RandomLoss, Reorder


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Impairment(delay=-0.1), "delay: -0.1 is not within 0 … 10 (seconds)"),
        (lambda: Impairment(delay=math.nan), "delay: nan is not within"),
        (lambda: Impairment(duplicate=1.5), "duplicate: 1.5 is not within 0 … 1 (a ratio)"),
        (lambda: Impairment(rate_bps=10), "rate_bps: 10 is not within 1000 … 1e+10 (bits per second)"),
        (lambda: Impairment(rate_bps=1e6, queue_bytes=100), "queue_bytes: 100 is not within 1500"),
        (lambda: Impairment(queue_bytes=3000), "a queue needs a rate_bps"),
        (lambda: RandomLoss(2), "loss.ratio: 2 is not within 0 … 1"),
        (lambda: GilbertElliott(p=-1, r=0.1), "loss.p: -1"),
        (lambda: GilbertElliott(p=0, r=0), "would never change"),
        (lambda: Reorder(0.1, 11), "reorder.extra_delay: 11"),
        (lambda: Jitter("gamma", 0.1), "unknown 'gamma'; valid: uniform, normal, pareto"),  # type: ignore[arg-type]
        (lambda: Jitter("normal", -1), "jitter.scale: -1"),
        (lambda: Impairment(delay=0.01, jitter=Jitter("uniform", 0.02)), "need a delay of at least 0.02 s"),
        (lambda: Impairment(delay=0.01, jitter=Jitter("normal", 0.005)), "need a delay of at least 0.015 s"),
    ],
)
def test_what_makes_no_sense_is_refused(make: Callable[[], object], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        make()
    assert message in str(caught.value)


def test_long_run_loss() -> None:
    assert RandomLoss(0.03).mean_ratio == 0.03
    assert GilbertElliott(p=0.01, r=0.09).mean_ratio == pytest.approx(0.1)
    assert GilbertElliott(p=0.5, r=0.5, loss_good=0.1, loss_bad=0.3).mean_ratio == pytest.approx(0.2)


def test_a_queue_that_is_not_given_holds_300_ms() -> None:
    assert Impairment(rate_bps=1e6).queue_limit == 37500
    assert Impairment(rate_bps=1e6, queue_bytes=5000).queue_limit == 5000
    assert Impairment(rate_bps=2000).queue_limit == 1500  # at least one full packet


def test_order_is_kept_unless_jitter_says_otherwise() -> None:
    assert Impairment().keeps_order
    assert Impairment(jitter=Jitter("pareto", 0.1)).keeps_order
    assert not Impairment(jitter=Jitter("pareto", 0.1, keep_order=False)).keeps_order

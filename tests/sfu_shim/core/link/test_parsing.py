from __future__ import annotations

import pytest

from probe.model.errors import ConfigError
from probe.model.yaml_file import parse_yaml
from sfu_shim.core.link.impairment import GilbertElliott, Impairment, Jitter, RandomLoss, Reorder
from sfu_shim.core.link.parsing import parse_impairment, parse_schedule
from sfu_shim.core.link.schedule import Schedule, Step


def test_everything() -> None:
    text = """
      delay: 0.04
      jitter: {distribution: normal, scale: 0.005, keep_order: false}
      loss: {p: 0.01, r: 0.3, loss_good: 0.001, loss_bad: 0.9}
      duplicate: 0.01
      reorder: {ratio: 0.02, extra_delay: 0.03}
      rate_bps: 2000000
      queue_bytes: 40000
    """
    assert parse_impairment(parse_yaml(text, source="test")) == Impairment(
        delay=0.04,
        jitter=Jitter("normal", 0.005, keep_order=False),
        loss=GilbertElliott(0.01, 0.3, 0.001, 0.9),
        duplicate=0.01,
        reorder=Reorder(0.02, 0.03),
        rate_bps=2e6,
        queue_bytes=40000,
    )


@pytest.mark.parametrize("data", [{"loss": 0.03}, {"loss": {"ratio": 0.03}}])
def test_both_ways_to_write_random_loss(data: dict[str, object]) -> None:
    assert parse_impairment(data) == Impairment(loss=RandomLoss(0.03))


def test_what_is_not_named_stays_and_null_switches_off() -> None:
    base = Impairment(delay=0.04, loss=RandomLoss(0.1), duplicate=0.1, rate_bps=1e6, queue_bytes=9000)
    assert parse_impairment({"delay": 0.02}, base=base).loss == RandomLoss(0.1)
    changed = parse_impairment({"loss": None, "duplicate": None, "rate_bps": 5e6}, base=base)
    assert changed == Impairment(delay=0.04, rate_bps=5e6)  # a queue for the old rate is not one for the new
    assert parse_impairment({"rate_bps": None}, base=base).rate_bps is None


def test_steps_build_on_each_other() -> None:
    schedule = parse_schedule(
        {
            "delay": 0.02,
            "schedule": [{"at": 5, "loss": 0.03}, {"at": 10, "blackout": 0.4}, {"at": 12, "delay": 0.1, "blackout": 1}],
        }
    )
    lossy = RandomLoss(0.03)
    assert schedule == Schedule(
        Impairment(delay=0.02),
        (
            Step(5, Impairment(delay=0.02, loss=lossy)),
            Step(10, None, 0.4),
            Step(12, Impairment(delay=0.1, loss=lossy), 1),
        ),
    )


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"dealy": 1}, "up: dealy: unknown key, did you mean 'delay'?"),
        ({"latency": 1}, "up: latency: unknown key; valid: delay, jitter"),
        ({"delay": "40ms"}, "delay: '40ms' is not a number; times are seconds, ratios 0 … 1: 40 ms is 0.04"),
        ({"delay": True}, "delay: True is not a number"),
        ({"delay": 40}, "delay: 40 is not within 0 … 10 (seconds)"),
        ({"loss": 3}, "loss.ratio: 3 is not within 0 … 1 (a ratio)"),
        ({"loss": True}, "loss: True is not a number"),
        ({"loss": "3 %"}, "loss: '3 %' stands where keys and values should"),
        ({"loss": {"p": 0.1}}, "loss.r: is required"),
        ({"loss": {"p": 0.1, "r": 0.1, "q": 1}}, "loss.q: unknown key"),
        ({"loss": {"ratio": 0.1, "r": 0.1}}, "loss.r: unknown key; valid: ratio"),
        ({"jitter": 0.01}, "jitter: 0.01 stands where keys and values should"),
        ({"jitter": {"scale": 0.01}}, "jitter.distribution: is required"),
        ({"jitter": {"distribution": 3, "scale": 0.01}}, "jitter.distribution: 3 is not a name"),
        ({"jitter": {"distribution": "unifrom", "scale": 0.01}}, "unknown 'unifrom', did you mean 'uniform'?"),
        ({"jitter": {"distribution": "pareto", "scale": 0.01, "keep_order": "no"}}, "neither true nor false"),
        ({"reorder": {"ratio": 0.1}}, "reorder.extra_delay: is required"),
        ({"rate_bps": 1e6, "queue_bytes": 2000.5}, "queue_bytes: 2000.5 is not a whole number of bytes"),
        ({"schedule": {"at": 1}}, "schedule: a dict stands where a list of steps should"),
        ({"schedule": [{"loss": 0.1}]}, "schedule[0]: at: is required"),
        ({"schedule": [{"at": 1, "loss": 0.1}, {"at": 2}]}, "schedule[1]: the step at 2 s changes nothing"),
        ({"schedule": [{"at": 1, "lost": 0.1}]}, "schedule[0]: lost: unknown key, did you mean 'loss'?"),
        ({"schedule": [{"at": -1, "loss": 0.1}]}, "schedule[0]: at: -1 is not within"),
        ({"schedule": [7]}, "schedule[0]: a step: 7 stands where keys and values should"),
        ([], "up: a list stands where keys and values should"),
    ],
)
def test_errors_say_where_and_what_would_be_right(data: object, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_schedule(data, where="up")
    assert message in str(caught.value)

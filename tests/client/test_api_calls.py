"""Calls as samples: what counts where, and what the figures of many come to."""

from __future__ import annotations

import pytest

from probe.client.api_calls import hear
from probe.measure.summary import Summary
from probe.model.calls import CLASSES
from probe.model.metrics import METRICS
from probe.signalling.calls import Call
from tests.client.fakes import Bench

CALLS = (
    *(Call("join", 0.1 * number, "answered") for number in (1, 2, 3)),
    Call("POST", 0.4, "4xx", 429),
    Call("POST", 0.5, "5xx", 503),
    Call("POST", 0.6, "answered", 406),
    Call("join", 10.0, "timeout"),
    Call("connect", 0.001, "unreachable"),
    Call("join", 0.7, "refused"),
)


def heard(*calls: Call) -> Summary:
    bench, found = Bench(), Summary()
    for call in calls:
        hear(bench.context, "signalling")(call)
    for sample in bench.samples:
        assert set(sample.tags) <= set(METRICS[sample.metric].tags), sample
        found.add(sample)
    return found


def ratio(found: Summary, name: str, tag: str = "") -> tuple[float, int] | None:
    """Ones, and of how many."""
    histogram = found.histogram(name, tag)
    return None if histogram is None else (histogram.sum, histogram.count)


def test_only_answers_have_a_time() -> None:
    times = heard(*CALLS).histogram("http_response_seconds")
    assert times is not None
    assert (times.count, times.maximum) == (7, 0.7)
    assert times.mean == pytest.approx(2.8 / 7)


def test_errors_are_a_share_of_all_calls_and_so_is_each_class() -> None:
    found = heard(*CALLS)
    assert ratio(found, "http_error_ratio") == (5.0, 9)
    assert {kind: ratio(found, "http_error_class_ratio", f"class={kind}") for kind in CLASSES} == dict.fromkeys(
        CLASSES, (1.0, 9)
    )


def test_who_is_there_and_answers_is_available_whatever_it_says() -> None:
    assert ratio(heard(*CALLS), "http_available_ratio") == (6.0, 9)


def test_only_429_is_a_rate_limit() -> None:
    found = heard(*CALLS)
    assert ratio(found, "rate_limited_ratio") == (1.0, 9)
    assert ratio(found, "rate_limited_ratio", "call=POST") == (1.0, 3)


def test_calls_are_told_apart_and_failures_by_their_class() -> None:
    found = heard(*CALLS)
    assert ratio(found, "http_error_ratio", "call=join") == (2.0, 5)
    assert ratio(found, "http_error_class_ratio", "call=join: timeout") == (1.0, 1)
    assert ratio(found, "http_error_class_ratio", "call=POST: 5xx") == (1.0, 1)
    assert ratio(found, "http_error_class_ratio", "call=POST: timeout") is None
    assert found.tags("http_error_ratio") == ["call=POST", "call=connect", "call=join", "source=signalling"]


def test_a_check_is_never_taken_for_a_call_of_the_adapter() -> None:
    bench = Bench()
    hear(bench.context, "check")(Call("join", 0.1, "answered", 200))
    assert {sample.tags["call"] for sample in bench.samples if "call" in sample.tags} == {"check join"}
    assert {sample.tags["source"] for sample in bench.samples if "source" in sample.tags} == {"check"}

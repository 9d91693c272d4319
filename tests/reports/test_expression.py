from __future__ import annotations

import pytest

from probe.model.errors import ConfigError
from reports.targets.expression import Aggregate, parse_aggregate, parse_comparison, parse_selector


@pytest.mark.parametrize(
    ("text", "name", "tag"),
    [
        ("join_success_ratio", "join_success_ratio", ""),
        ("round_trip_time_seconds{topology=p2p}", "round_trip_time_seconds", "topology=p2p"),
        (" migration_success_ratio { transition = p2p>sfu } ", "migration_success_ratio", "transition=p2p>sfu"),
    ],
)
def test_selectors(text: str, name: str, tag: str) -> None:
    found = parse_selector(text)
    assert (found.metric.name, found.tag) == (name, tag)
    assert parse_selector(str(found)) == found


def test_an_unknown_metric_gets_the_nearest_name() -> None:
    with pytest.raises(ConfigError, match="did you mean 'join_success_ratio'"):
        parse_selector("join_sucess_ratio")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("round_trip_time_seconds{topolgy=p2p}", "no tag 'topolgy', did you mean 'topology'"),
        ("connection_stability_ratio{topology=p2p}", "no tag 'topology'; it has none"),
        ("a b", "is not a metric"),
        ("jitter_seconds{topology=p2p,kind=audio}", "one tag"),
        ("jitter_seconds{topology}", "is not a metric"),
        ("", "is not a metric"),
    ],
)
def test_bad_selectors(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        parse_selector(text)


@pytest.mark.parametrize(
    ("text", "aggregate", "shown"),
    [
        ("mean", Aggregate("mean"), "mean"),
        ("p95", Aggregate("p(q)", 0.95), "p95"),
        ("p(95)", Aggregate("p(q)", 0.95), "p95"),
        ("p(99.9)", Aggregate("p(q)", 0.999), "p99.9"),
        ("ratio", Aggregate("ratio"), "ratio"),
    ],
)
def test_aggregates(text: str, aggregate: Aggregate, shown: str) -> None:
    assert parse_aggregate(text) == aggregate
    assert str(aggregate) == shown


@pytest.mark.parametrize("text", ["median", "p0", "p(100)", "p(q)", "", "meen"])
def test_bad_aggregates(text: str) -> None:
    with pytest.raises(ValueError, match="aggregate"):
        parse_aggregate(text)


def test_comparisons() -> None:
    assert [parse_comparison(text) for text in (">=", ">", "<=", "<")] == [">=", ">", "<=", "<"]
    with pytest.raises(ValueError, match="unknown comparison '=='; valid: >=, >, <=, <"):
        parse_comparison("==")

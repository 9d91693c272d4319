"""The exposition, parsed back by prometheus_client's own parser and, where it is, judged by promtool."""

from __future__ import annotations

import logging
import math
import socket
import subprocess
import threading
import urllib.request
from argparse import Namespace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import gevent
import pytest
from prometheus_client import generate_latest
from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families

import probe
from loadtest import prometheus
from loadtest.campaign import Campaign
from loadtest.exposition import HISTOGRAMS, edges
from loadtest.prometheus import place_of, registry_of, serve
from probe.measure.histogram import RELATIVE_ERROR
from probe.model.errors import ConfigError
from tests.interop import needs
from tests.loadtest.made_up import campaign_after

SHORT = 60.0


def _master(campaign: Campaign | None) -> Any:
    return SimpleNamespace(campaign=campaign)


NOBODY = _master(None)


def _families(master: Any) -> dict[str, Metric]:
    text = generate_latest(registry_of(master)).decode()
    return {family.name: family for family in text_string_to_metric_families(text)}


@pytest.fixture(scope="module")
def master() -> Any:
    return _master(campaign_after(SHORT))


@pytest.fixture(scope="module")
def families(master: Any) -> dict[str, Metric]:
    return _families(master)


def _value(families: dict[str, Metric], sample: str, **labels: str) -> float:
    found = [
        one.value
        for family in families.values()
        for one in family.samples
        if one.name == sample and one.labels == labels
    ]
    assert len(found) == 1, (sample, labels, found)
    return float(found[0])


def test_before_the_first_campaign_there_is_little_to_say() -> None:
    families = _families(NOBODY)
    assert set(families) == {"meetprobe_build_info", "meetprobe_campaign_running"}
    assert _value(families, "meetprobe_build_info", version=probe.__version__) == 1
    assert _value(families, "meetprobe_campaign_running") == 0


def test_the_docstring_lists_what_there_is(families: dict[str, Metric]) -> None:
    listed: dict[str, tuple[str, set[str]]] = {}
    for line in (prometheus.__doc__ or "").splitlines():
        words = line.split()
        if words and words[0].startswith("meetprobe_") and len(words) > 1:
            columns = [line[:50].strip(), line[50:60].strip(), line[60:80].strip()]
            listed[columns[0].removesuffix("_total")] = (columns[1], {name for name in columns[2].split(", ") if name})
    assert set(families) == set(listed)
    for name, family in families.items():
        kind, labels = listed[name]
        assert family.type == kind, name
        assert {label for sample in family.samples for label in sample.labels} - {"le"} == labels, name


def test_gauges_are_the_live_views(families: dict[str, Metric], master: Any) -> None:
    live = master.campaign.live()
    assert _value(families, "meetprobe_campaign_running") == 1
    assert _value(families, "meetprobe_participants") == live["participants"] == 60
    assert (
        _value(families, "meetprobe_campaign_start_time_seconds")
        == datetime(2026, 11, 22, 9, 0, tzinfo=UTC).timestamp()
    )
    sent = _value(families, "meetprobe_media_bytes_per_second", direction="send")
    assert sent == pytest.approx(live["send_bitrate_bps"] / 8, rel=1e-12)
    assert _value(families, "meetprobe_generator_trustworthy") == 1
    for worker in live["workers"]:
        lag = _value(families, "meetprobe_worker_loop_lag_p99_seconds", worker=worker["name"])
        assert lag == worker["loop_lag_p99_seconds"]


def test_counters_count_attempts_by_result(families: dict[str, Metric], master: Any) -> None:
    joins = master.campaign.summary.histogram("join_success_ratio")
    assert _value(families, "meetprobe_joins_total", result="success") == joins.sum
    assert _value(families, "meetprobe_joins_total", result="failure") == joins.count - joins.sum
    for direction in ("p2p>sfu", "sfu>p2p"):
        moves = master.campaign.summary.histogram("migration_success_ratio", f"transition={direction}")
        assert _value(families, "meetprobe_migrations_total", direction=direction, result="success") == moves.sum


def test_histograms_count_all_samples(families: dict[str, Metric], master: Any) -> None:
    for shown in HISTOGRAMS:
        name = f"meetprobe_{shown.metric}"
        overall = master.campaign.summary.histogram(shown.metric)
        samples = families[name].samples
        assert sum(one.value for one in samples if one.name == f"{name}_count") == overall.count
        assert sum(one.value for one in samples if one.name == f"{name}_sum") == pytest.approx(overall.sum, rel=1e-9)
        for label in {one.labels[shown.label] for one in samples}:
            buckets = [one for one in samples if one.name == f"{name}_bucket" and one.labels[shown.label] == label]
            limits = [math.inf if one.labels["le"] == "+Inf" else float(one.labels["le"]) for one in buckets]
            counts = [one.value for one in buckets]
            assert limits == sorted(limits)
            assert counts == sorted(counts)


def test_a_bucket_is_the_share_within_the_target(families: dict[str, Metric], master: Any) -> None:
    joins = master.campaign.summary.histogram("join_duration_seconds", "topology=p2p")
    within = _value(families, "meetprobe_join_duration_seconds_bucket", topology="p2p", le="0.25")
    assert 0 < within < joins.count
    assert within == joins.count_at_most(0.25)
    assert joins.value_at_rank(int(within)) <= 0.25 * (1 + RELATIVE_ERROR)


def test_edges_hold_every_target_of_the_profile(master: Any) -> None:
    by_metric = {shown.metric: edges(shown, master.campaign.profile) for shown in HISTOGRAMS}
    assert {30.0, 15.0, 10.0} <= set(by_metric["join_duration_seconds"])
    assert {0.12, 0.1, 0.08, 0.2} <= set(by_metric["round_trip_time_seconds"])  # 200 ms from the profile's risk
    assert {4.2, 4.6} <= set(by_metric["video_quality_score"])
    assert all(found == sorted(set(found)) for found in by_metric.values())


def test_samples_without_the_tag_are_kept_apart() -> None:
    campaign = campaign_after(SHORT, untagged=0.1)
    families = _families(_master(campaign))
    assert _value(families, "meetprobe_round_trip_time_seconds_count", topology="unknown") == 1
    assert _value(families, "meetprobe_round_trip_time_seconds_sum", topology="unknown") == pytest.approx(0.1, rel=1e-6)


def test_one_status_holds_per_kpi(families: dict[str, Metric], master: Any) -> None:
    for kpi in master.campaign.live()["kpis"]:
        told = {
            one.labels["status"]: one.value
            for one in families["meetprobe_kpi_status"].samples
            if one.labels["kpi"] == kpi["kpi"]
        }
        assert [status for status, value in told.items() if value] == [kpi["status"]]
        assert len(told) == 4
    assert _value(families, "meetprobe_kpi_target", kpi="join_time") == 10.0


def test_no_name_of_a_room_or_participant_is_a_label(families: dict[str, Metric]) -> None:
    values = {value for family in families.values() for one in family.samples for value in one.labels.values()}
    assert not [value for value in values if "room" in value.replace("room_join", "") or value == "p2"]


def test_promtool_has_nothing_to_say(master: Any) -> None:
    promtool = needs.program("promtool", package="prometheus")
    text = generate_latest(registry_of(master))
    checked = subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True, timeout=30, check=False)
    assert (checked.returncode, checked.stderr.decode()) == (0, "")


@pytest.mark.parametrize("told", ["", "http", "70000", "-1", "9.5"])
def test_a_port_that_cannot_be_is_refused(told: str) -> None:
    with pytest.raises(ConfigError, match=r"--metrics-port.*is no port"):
        place_of(Namespace(metrics_address="127.0.0.1", metrics_port=told))


def _at(port: int) -> Namespace:
    return Namespace(metrics_address="127.0.0.1", metrics_port=str(port))


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as held:
        return int(held.getsockname()[1])


def test_port_zero_is_off() -> None:
    assert serve(NOBODY, _at(0)) is None


def test_a_port_in_use_is_one_warning(caplog: pytest.LogCaptureFixture) -> None:
    with socket.create_server(("127.0.0.1", 0)) as held, caplog.at_level(logging.WARNING):
        port = held.getsockname()[1]
        assert serve(NOBODY, _at(port)) is None
    assert [record.getMessage() for record in caplog.records] == [
        f"no /metrics for Prometheus: can't listen on 127.0.0.1:{port}: Address already in use "
        "(choose another with --metrics-port, or 0 for none)"
    ]


def test_it_answers_over_http(master: Any) -> None:
    server = serve(master, _at(_free_port()))
    assert server is not None
    answers: list[bytes] = []

    def ask() -> None:
        with urllib.request.urlopen(f"http://127.0.0.1:{server.server_port}/metrics", timeout=10) as answer:
            answers.append(answer.read())

    client = threading.Thread(target=ask)
    client.start()
    try:
        for _ in range(1000):
            if not client.is_alive():
                break
            gevent.sleep(0.01)
    finally:
        server.stop()
        client.join(timeout=10)
    assert b"\nmeetprobe_participants 60.0\n" in answers[0]

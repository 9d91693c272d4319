from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from probe.model.errors import ConfigError
from probe.model.scenario_files import load_scenario, scenario_names
from probe.model.validation import validate
from probe.model.yaml_file import parse_yaml
from reports.targets.external import parse_external
from reports.targets.files import check_choice, load_profile, profile_names
from reports.targets.profile import Profile
from reports.units import UnitWant

ROW: dict[str, Any] = {
    "id": "joins",
    "title": "Joins",
    "metric": "join_success_ratio",
    "aggregate": "ratio",
    "comparison": ">=",
    "targets": {"now": "98 %"},
}


def profile(*rows: dict[str, Any], **fields: Any) -> Profile:
    data = {"profile": "mine", "title": "Mine", "horizons": ["now", "6m"], "default_horizon": "now", **fields}
    return validate(Profile, {"kpis": list(rows or (ROW,)), **data}, source="mine.yaml")


VIDEO_PLATFORM = {
    "join_success": (0.85, 0.95, 0.98, None),
    "join_time": (30.0, 15.0, 10.0, None),
    "uptime": (0.992, 0.999, 0.9995, None),
    "p2p_connection_success": (0.88, 0.95, 0.97, None),
    "p2p_latency": (0.120, 0.100, 0.080, None),
    "video_quality": (3.5, 4.2, 4.6, None),
    "audio_quality": (4.0, 4.5, 4.7, None),
    "stability": (0.85, 0.95, 0.98, None),
    "p2p_usage": (0.60, 0.75, 0.80, None),
    "concurrent_users": (20.0, 100.0, 500.0, None),
    "migration_success": (None, 0.99, 0.995, None),
    "cost_saving": (None, 0.60, 0.70, None),
    "bandwidth_saving": (None, 0.40, 0.60, None),
    "bandwidth_reduction": (None, None, 0.30, 0.50),
    "carbon_reduction": (0.0, None, 0.50, 0.65),
}


def test_video_platform_has_every_row_with_its_figures() -> None:
    found = load_profile("video-platform")
    assert {kpi.id: tuple(kpi.target(horizon) for horizon in found.horizons) for kpi in found.kpis} == VIDEO_PLATFORM
    assert found.default_horizon == "6m"


def test_lower_is_better_for_times_only() -> None:
    lower = {kpi.id for kpi in load_profile("video-platform").kpis if kpi.direction == "lower"}
    assert lower == {"join_time", "p2p_latency"}


def test_video_platform_alerts() -> None:
    alerts = load_profile("video-platform").alerts
    measured = {(alert.severity, alert.metric, alert.threshold) for alert in alerts if alert.metric}
    assert ("critical", "platform_uptime_ratio", 0.99) in measured
    assert ("critical", "connection_success_ratio", 0.90) in measured
    assert ("risk", "round_trip_time_seconds", 0.200) in measured
    assert ("warning", "http_response_seconds", 0.200) in measured
    supplied = {
        (alert.severity, alert.external, alert.comparison, alert.threshold) for alert in alerts if alert.external
    }
    assert supplied == {
        ("critical", "support_response_hours", ">", 4.0),
        ("warning", "csat", "<", 4.0),
        ("risk", "critical_vulnerabilities", ">", 0.0),
    }
    assert [alert.title for alert in alerts if alert.not_measured] == ["Revenue and conversion"]


def test_shipped_scenarios_judge_rows_that_exist() -> None:
    for name in scenario_names():
        scenario = load_scenario(name)
        check_choice(load_profile(scenario.targets), scenario.horizon, scenario.judges)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"metric": "join_succes_ratio"}, "kpis[0].metric: unknown metric 'join_succes_ratio', did you mean 'join_success_ratio'?"),
        ({"metirc": "x"}, "kpis[0].metirc: unknown key, did you mean 'metric'?"),
        ({"metric": "jitter_seconds{kidn=audio}"}, "no tag 'kidn', did you mean 'kind'"),
        ({"aggregate": "p0"}, "a percentile lies between 0 and 100"),
        ({"aggregate": "avg"}, "unknown aggregate 'avg'"),
        ({"metric": "jitter_seconds"}, "counts no successes"),
        ({"comparison": "=>"}, "unknown comparison '=>'"),
        ({"targets": {"now": "98 ms"}}, "target at now: '98 ms' is not a quantity in ratio"),
        ({"targets": {"noww": 1}}, "unknown horizon 'noww', did you mean 'now'?"),
        ({"metric": None}, "needs not_measured"),
        ({"metric": None, "not_measured": "no"}, "needs a unit"),
        ({"metric": None, "not_measured": "no", "unit": "percent"}, "unknown unit 'percent'"),
        ({"not_measured": "no"}, "not_measured is for rows without a metric"),
        ({"after": "soon"}, "joins: after: 'soon' is not a quantity in seconds"),
        ({"over": "0.5 s"}, "joins: over is at least 1 s"),
        ({"over": "10 ms"}, "joins: over is at least 1 s"),
        ({"at_least": "95 %"}, "say how long they are with over"),
        ({"over": "10 s", "at_least": "0 %"}, "at_least lies above 0"),
        ({"over": "10 s", "at_least": 95}, "at_least lies above 0 and up to 100 %"),
        ({"after": -1}, "after can't be negative"),
        ({"tolerance": "-1 %"}, "tolerance can't be negative"),
        ({"abort_after": "10 s"}, "abort_after delays abort_on_fail, which isn't set"),
        ({"aggregate": "max", "abort_on_fail": True}, "abort_on_fail can't look at max above a target"),
        ({"aggregate": "rate", "comparison": "<", "abort_on_fail": True, "targets": {}}, "can't look at rate below"),
        ({"metric": "jitter_seconds", "aggregate": "mean", "reduction_from": 1, "over": 10}, "has no slices"),
        ({"metric": "jitter_seconds", "aggregate": "mean", "reduction_from": 1, "multiple_of": 1}, "exclude each other"),
        ({"metric": "jitter_seconds", "aggregate": "mean", "multiple_of": -1}, "multiple_of must be above 0"),
        ({"unit": "ratio"}, "unit is for rows without a metric"),
        ({"split": "kind"}, "no tag 'kind' to split by"),
        ({"id": "Join Rate"}, "kpis[0].id"),
        ({"title": None}, "kpis[0].title"),
        ({"metric": "jitter_seconds", "aggregate": "mean", "reduction_from": 0}, "must be above 0"),
    ],
)  # fmt: skip
def test_a_mistake_in_a_row_says_where(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        profile({**ROW, **changes})
    assert said in caught.value.message
    assert caught.value.who == "mine.yaml"


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"default_horizon": "7m"}, "unknown horizon '7m'; valid: now, 6m"),
        ({"horizons": []}, "at least one horizon"),
        ({"kpis": []}, "one row of kpis"),
        ({"alerts": [{"severity": "loud", "title": "x"}]}, "'loud' is not one of"),
        ({"alerts": [{"severity": "critical", "title": "x"}]}, "needs not_measured"),
        (
            {"alerts": [{"severity": "critical", "title": "x", "metric": "jitter_seconds"}]},
            "needs comparison and value",
        ),
    ],
)
def test_a_mistake_in_the_profile_says_where(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        profile(**fields)
    assert said in caught.value.message


def test_an_id_may_not_stand_twice() -> None:
    with pytest.raises(ConfigError, match="'joins' appears twice"):
        profile(ROW, ROW)


def test_choice_of_horizon_and_judges() -> None:
    found = profile()
    check_choice(found, "6m", ["joins"])
    check_choice(found, "now", None)
    with pytest.raises(ConfigError, match="unknown horizon '3m'"):
        check_choice(found, "3m", None)
    with pytest.raises(ConfigError, match="unknown KPI 'join', did you mean 'joins'"):
        check_choice(found, "now", ["join"])


def test_an_unknown_profile_gets_the_nearest_name() -> None:
    assert "video-platform" in profile_names()
    with pytest.raises(ConfigError, match="did you mean 'video-platform'"):
        load_profile("video-plattform")


def test_a_file_of_the_users(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(profile().model_dump(mode="json", exclude_defaults=True)))
    assert load_profile(str(path)).profile == "mine"


def test_the_documented_example_is_right() -> None:
    text = (Path(__file__).parents[2] / "docs" / "targets.md").read_text(encoding="utf-8")
    example = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)[0]
    found = validate(Profile, parse_yaml(example, source="docs"), source="docs")
    assert [kpi.target("now") for kpi in found.kpis] == [0.95, 0.12]


CAMERA_TRAFFIC = {
    "frame_rate": 30.0,
    "frame_latency": 0.1,
    "frame_latency_p99": 0.1,
    "uptime": 0.999,
    "api_availability": 0.9995,
    "api_response": 0.15,
    "api_response_p95": 0.3,
    "api_sla": 0.2,
    "api_errors": 0.005,
    "system_errors": 0.001,
    "rate_limited": 0.01,
    "recovery": 900.0,
    "between_failures": 2_592_000.0,
    "cpu": 0.7,
    "gpu": 0.8,
    "memory": 0.75,
    "data_completeness": 0.98,
    "data_accuracy": 0.99,
    "data_freshness": 300.0,
    "data_duplicates": 0.001,
    "data_schema": 0.995,
}
DEVELOPER_COACHING = {
    "uptime": 0.999,
    "api_response": 0.2,
    "api_availability": 0.999,
    "scalability": 10.0,
    "load_time": 3.0,
    "security_incidents": 0.0,
}
AUTERITY = {
    "api_response": 0.2,
    "api_response_p95": 0.5,
    "api_response_p99": 1.0,
    "errors": 0.005,
    "errors_performance": 0.001,
    "errors_4xx": 0.02,
    "errors_5xx": 0.001,
    "timeouts": 0.002,
    "availability_month": 0.999,
    "availability_year": 0.9995,
    "downtime": None,
    "downtime_unplanned": None,
    "between_failures": 2_592_000.0,
    "recovery": 900.0,
    "concurrent_users": 10_000.0,
    "average_load": 0.6,
    "auto_scaling": 300.0,
    "network_latency": 0.05,
    "data_completeness": None,
    "data_accuracy": None,
    "data_timeliness": None,
    "data_consistency": None,
}
AGENT_FACTORY = {
    "uptime": 0.999,
    "errors": 0.001,
    "api_response_p95": 0.2,
    "network_latency": 0.05,
    "server_use_low": 0.6,
    "server_use_high": 0.8,
    "database_response": 0.1,
}
OTHERS = {
    "camera-traffic": CAMERA_TRAFFIC,
    "developer-coaching": DEVELOPER_COACHING,
    "auterity": AUTERITY,
    "agent-factory": AGENT_FACTORY,
}


@pytest.mark.parametrize("name", OTHERS)
def test_the_other_profiles_have_every_row_with_its_figure(name: str) -> None:
    found = load_profile(name)
    assert {kpi.id: kpi.target("target") for kpi in found.kpis} == OTHERS[name]
    assert found.default_horizon == "target"
    assert found.source
    assert found.external


def test_five_profiles_ship() -> None:
    assert profile_names() == sorted(["video-platform", *OTHERS])


def test_rows_that_nothing_measures_are_few_and_say_why() -> None:
    unmeasured = {(name, kpi.id) for name in profile_names() for kpi in load_profile(name).kpis if kpi.metric is None}
    assert unmeasured == {
        ("video-platform", "carbon_reduction"),
        ("camera-traffic", "cpu"),
        ("camera-traffic", "gpu"),
        ("camera-traffic", "memory"),
        ("developer-coaching", "security_incidents"),
        ("auterity", "average_load"),
        ("auterity", "auto_scaling"),
        ("agent-factory", "server_use_low"),
        ("agent-factory", "server_use_high"),
    }
    page = (Path(__file__).parents[2] / "docs" / "targets.md").read_text(encoding="utf-8")
    assert all(f"`{kpi}`" in page for _, kpi in unmeasured)


def test_errors_are_better_when_fewer() -> None:
    for name in OTHERS:
        for kpi in load_profile(name).kpis:
            if kpi.selector is not None and kpi.selector.metric.name not in ("concurrent_participants_peak",):
                assert kpi.direction == kpi.selector.metric.better, kpi.id


def test_auterity_alerts() -> None:
    found = {
        (one.severity, one.metric or one.external, one.comparison, one.threshold)
        for one in load_profile("auterity").alerts
    }
    assert found >= {
        ("critical", "platform_uptime_ratio", "<", 0.999),
        ("critical", "http_error_ratio", ">", 0.01),
        ("warning", "http_response_seconds", ">", 0.5),
        ("information", "resource_use", ">", 0.8),
    }


JITTER_ALERT = {"severity": "risk", "title": "x", "metric": "jitter_seconds", "comparison": "<", "value": 1}
EXTERNAL = {
    "video-platform": "MRR ARR CAC LTV LTV:CAC MAU NPS Churn",
    "camera-traffic": "ARR NRR NPS",
    "auterity": "MRR CLV ARR Churn DAU/MAU CSAT CAC Margin Burn",
    "agent-factory": "MRR ARR CAC LTV NPS CSAT",
}


@pytest.mark.parametrize("name", EXTERNAL)
def test_external_rows_are_named(name: str) -> None:
    titles = {row.title for row in load_profile(name).external}
    assert titles >= set(EXTERNAL[name].split())


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"external": ["NPS", "nps"]}, "external: 'nps' appears twice"),
        ({"external": [{"title": "Joins", "id": "joins"}]}, "'joins' appears twice, or is a row of kpis"),
        ({"external": ["!"]}, "needs an id"),
        ({"external": [{"title": "NPS", "targets": {"now": 40}}]}, "targets need a comparison"),
        ({"external": [{"title": "NPS", "comparison": ">=", "targets": {"nwo": 40}}]}, "unknown horizon 'nwo', did you mean 'now'?"),
        ({"external": [{"title": "NPS", "comparison": ">=", "targets": {"now": "many"}}]}, "NPS: target at now"),
        ({"alerts": [{"severity": "risk", "title": "x", "external": "nps", "comparison": "<", "value": 1}]}, "unknown external row 'nps'"),
        ({"alerts": [{**JITTER_ALERT, "aggregate": "ratio"}]}, "has no ratio"),
        ({"reports": [{"title": "x", "every": "fortnight", "audience": "a"}]}, "'fortnight' is not one of"),
    ],
)  # fmt: skip
def test_a_mistake_in_what_no_probe_touches_says_where(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        profile(**fields)
    assert said in caught.value.message


def test_a_mistake_in_a_file_names_its_line(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(
        "profile: mine\n"
        "title: Mine\n"
        "default_horizon: now\n"
        "kpis:\n"
        "  - id: joins\n"
        "    title: Joins\n"
        "    metirc: join_success_ratio\n"
        "    aggregate: avg\n"
        "    comparison: '>='\n"
        "alerts:\n"
        "  - {severity: loud, title: x, not_measured: no}\n"
    )
    with pytest.raises(ConfigError) as caught:
        load_profile(str(path))
    told = caught.value.message.split("; ")
    assert "line 7: kpis[0].metirc: unknown key, did you mean 'metric'?" in told
    assert any(one.startswith("line 8: kpis[0].aggregate: unknown aggregate 'avg'") for one in told)
    assert any(one.startswith("line 5: kpis[0].targets: is required") for one in told)
    assert any(one.startswith("line 11: alerts[0].severity: 'loud' is not one of") for one in told)
    assert caught.value.who == str(path)


def test_the_documented_time_keys_are_right() -> None:
    text = (Path(__file__).parents[2] / "docs" / "targets.md").read_text(encoding="utf-8")
    rows = parse_yaml(re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)[1], source="docs")["kpis"]
    found = profile(*rows)
    assert found.wants == (("round_trip_time_seconds", "topology=p2p", 10.0, 10.0),)
    assert found.unit_wants == ()  # slices are judged one by one
    assert (found.kpis[0].least_share, found.kpis[0].abort_seconds) == (0.95, 30.0)


def test_the_documented_csv_is_right() -> None:
    text = (Path(__file__).parents[2] / "docs" / "targets.md").read_text(encoding="utf-8")
    example = re.findall(r"```csv\n(.*?)```", text, re.DOTALL)[0]
    found = parse_external(example, load_profile("video-platform"), source="docs")
    assert [(one.key, one.value) for one in found] == [("nps", 42.0), ("churn", 0.045), ("carbon_reduction", 0.52)]


def test_figures_want_to_know_whose_readings_they_are_of() -> None:
    wants = load_profile("camera-traffic").unit_wants
    assert UnitWant("window_frame_rate") in wants
    assert UnitWant("one_way_delay_seconds", "kind=video") in wants
    assert UnitWant("http_error_ratio") in wants


def test_percentiles_want_to_know_how_many_are_within_the_target_of_each_horizon() -> None:
    row = {"id": "rtt", "title": "RTT", "metric": "round_trip_time_seconds", "aggregate": "p95", "comparison": "<"}
    found = profile({**row, "tolerance": "5 ms", "targets": {"now": "120 ms", "6m": "80 ms"}})
    assert found.unit_wants == (
        UnitWant("round_trip_time_seconds", limit=0.125),
        UnitWant("round_trip_time_seconds", limit=0.085),
    )
    assert found.kpis[0].unit_want(None) is None


def test_a_percentile_that_is_relative_counts_by_what_is_measured() -> None:
    row = {"id": "r", "title": "R", "metric": "join_duration_seconds", "aggregate": "p50"}
    saved = profile({**row, "comparison": ">=", "reduction_from": "2 s", "targets": {"now": "25 %"}})
    assert saved.unit_wants == (UnitWant("join_duration_seconds", limit=1.5),)
    times = profile({**row, "comparison": "<=", "multiple_of": "2 s", "targets": {"now": 1.5}})
    assert times.unit_wants == (UnitWant("join_duration_seconds", limit=3.0),)


def test_what_is_exact_needs_nobody() -> None:
    row = {"id": "rtt", "title": "RTT", "metric": "round_trip_time_seconds", "comparison": "<", "targets": {"now": 1}}
    assert profile({**row, "aggregate": "max"}).unit_wants == ()


def test_alerts_want_to_know_it_too() -> None:
    alert = {
        "severity": "warning",
        "title": "Slow",
        "metric": "round_trip_time_seconds",
        "comparison": ">",
        "value": "1 s",
    }
    row = {"id": "rtt", "title": "RTT", "metric": "jitter_seconds", "aggregate": "max", "comparison": "<"}
    found = profile({**row, "targets": {"now": 1}}, alerts=[{**alert, "aggregate": "p99"}, alert])
    assert found.unit_wants == (
        UnitWant("round_trip_time_seconds", limit=1.0),
        UnitWant("round_trip_time_seconds"),
    )

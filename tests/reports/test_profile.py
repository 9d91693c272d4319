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
from reports.targets.files import check_choice, load_profile, profile_names
from reports.targets.profile import Profile

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
    assert all(alert.not_measured for alert in alerts if alert.metric is None)


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
        ({"metric": None}, "needs not_judged"),
        ({"metric": None, "not_judged": "no"}, "needs a unit"),
        ({"metric": None, "not_judged": "no", "unit": "percent"}, "unknown unit 'percent'"),
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

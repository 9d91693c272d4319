from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import Any

import pytest

from loadtest.arguments import GUARDS, MEASURED, MEETINGS, SHAPE
from loadtest.settings import Settings, parse_duration, settings_of
from probe.model.errors import ConfigError

HOST = "ws://127.0.0.1:8787"
OPTIONS = (*MEETINGS, *MEASURED, *SHAPE, *GUARDS)


def defaults(**told: Any) -> Namespace:
    values: dict[str, Any] = {option.destination: option.default for option in OPTIONS}
    return Namespace(**values | {"strict": False, "allow_target": []} | told)


def settings(host: str | None = HOST, **told: Any) -> Settings:
    return settings_of(defaults(**told), host)


def test_defaults_make_a_campaign_of_two_in_hybrid_rooms() -> None:
    found = settings()
    assert (found.url, found.participants, found.meetings, found.mix) == (HOST, 2, 0, {"hybrid": 1.0})
    assert (found.stay, found.pause, found.retries, found.users_kind, found.shape) == (
        30.0,
        1.0,
        0,
        "participant",
        "constant",
    )
    assert (found.scenario.name, found.scenario.observe.depth, found.scenario.observe.pictures) == (
        "campaign",
        "headers",
        0.02,
    )
    assert (found.scenario.participants, found.scenario.visitors) == (2, 1)
    assert (found.targets, found.horizon, found.strict, found.out) == ("video-platform", "6m", False, None)
    assert (found.max_participants, found.max_rate, found.max_duration) == (1000, 100.0, 14_400.0)
    assert (found.metrics_port, found.metrics_address, found.allow_targets) == (9646, "127.0.0.1", ())
    assert (found.campaign, found.workers) == ("", ())


def test_what_the_options_say() -> None:
    found = settings(
        "wss://user:secret@meet.example:443/ws?token=x",
        participants="4",
        topology=" p2p=50, sfu=30%,hybrid=20 ",
        stay="1h30m",
        pause="500",
        observe="5%",
        network="lte",
        allow_target=["a.example, b.example", "c.example"],
        out="/x/y",
        max_rate="12.5/s",
        targets="mine.yaml",
        meetprobe_campaign="c1",
        meetprobe_workers=[0, 2],
        meetprobe_units=[["jitter_seconds", "kind=audio", 0.0, None]],
    )
    assert found.mix == {"p2p": 50.0, "sfu": 30.0, "hybrid": 20.0}
    assert (found.stay, found.pause) == (5400.0, 500.0)
    assert (found.scenario.observe.depth, found.scenario.observe.pictures) == ("headers", 0.05)
    assert found.allow_targets == ("a.example", "b.example", "c.example")
    assert (found.out, found.max_rate, found.campaign, found.workers) == (Path("/x/y"), 12.5, "c1", (0, 2))
    assert found.units == (("jitter_seconds", "kind=audio", 0.0, None),)
    assert found.target == "wss://meet.example:443/ws?…"
    assert (found.targets, found.horizon) == ("mine.yaml", "")  # another profile has horizons of its own
    assert (found.scenario.participants, found.scenario.visitors) == (4, 0)  # four don't migrate


def test_the_token_is_not_shown() -> None:
    found = settings_of(defaults(), HOST, "s3cret")
    assert found.token == "s3cret"
    assert "s3cret" not in repr(found)


@pytest.mark.parametrize("depth", ["headers", "frames", "pictures"])
def test_a_depth_for_everybody(depth: str) -> None:
    found = settings(observe=depth).scenario.observe
    assert (found.depth, found.pictures) == (depth, 0.0)


@pytest.mark.parametrize(
    ("told", "option", "allowed"),
    [
        ({"participants": "1"}, "--participants", "a whole number from 2 to 500"),
        ({"participants": ""}, "--participants", "a whole number from 2 to 500"),
        ({"participants": "２"}, "--participants", "a whole number from 2 to 500"),
        ({"meetings": "-1"}, "--meetings", "a whole number from 0"),
        ({"stay": "5x"}, "--stay", "1h30m"),
        ({"stay": "0"}, "--stay", "1s to 86400s"),
        ({"pause": "nan"}, "--pause", "0s to 86400s"),
        ({"join_retries": "11"}, "--join-retries", "from 0 to 10"),
        ({"topology": "mesh"}, "--topology", "p2p=50,sfu=30,hybrid=20"),
        ({"topology": "p2p,sfu"}, "--topology", "p2p=50,sfu=30,hybrid=20"),
        ({"topology": "p2p=1,p2p=2"}, "--topology", "p2p=50"),
        ({"topology": "p2p=0,sfu=1"}, "--topology", "a number above 0"),
        ({"topology": "p2p=nan"}, "--topology", "a number above 0"),
        ({"user": "robot"}, "--user", "participant | meeting | both"),
        ({"shape": "find_limit"}, "--shape", "did you mean 'find-limit'"),
        ({"observe": "deep"}, "--observe", "headers, frames, pictures"),
        ({"observe": "200%"}, "--observe", "like 2%"),
        ({"network": "5gg"}, "--network", ""),
        ({"max_rate": "0"}, "--max-rate", "above 0"),
        ({"max_rate": "inf"}, "--max-rate", "above 0"),
        ({"metrics_port": "65536"}, "--metrics-port", "from 0 to 65535"),
        ({"step_time": "1s"}, "--step-time", "5s to"),
        ({"scenario": "campain"}, "", "did you mean 'campaign'"),
        ({"scenario": "camera"}, "--scenario", "'camera' watches a stream"),
    ],
)
def test_bad_input_names_the_option_and_what_is_allowed(told: dict[str, str], option: str, allowed: str) -> None:
    with pytest.raises(ConfigError) as caught:
        settings(**told)
    assert caught.value.who == option
    assert allowed in str(caught.value)


@pytest.mark.parametrize("host", [None, "", "//x", "http://x", "ws://", "127.0.0.1:8787", "ws://x:99999", "ws://[x"])
def test_a_bad_target_names_the_host_option(host: str | None) -> None:
    with pytest.raises(ConfigError, match=r"^--host: .*ws://127\.0\.0\.1:8787"):
        settings(host)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", 90.0),
        ("30s", 30.0),
        ("5m", 300.0),
        ("5min", 300.0),
        ("1h30m", 5400.0),
        ("1h 5s", 3605.0),
        ("0.5s", 0.5),
        ("", None),
        ("s", None),
        ("5m3h", None),
        ("-1", None),
        ("1e3", None),
    ],
)
def test_durations(text: str, seconds: float | None) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(("line", "said"), [("browsers: 1", "has browsers"), ("legs: [direct]", "run on several legs")])
def test_what_only_probe_run_does_is_refused(tmp_path: Path, line: str, said: str) -> None:
    file = tmp_path / "s.yaml"
    file.write_text(f"name: s\n{line}\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=said):
        settings(scenario=str(file))


@pytest.mark.parametrize(
    ("host", "told"),
    [
        ("https://media.example/whip/x", {}),
        ("https://meet.example", {"signalling": "mine"}),
        ("janus+wss://x/?room=1", {}),
    ],
)
def test_other_platforms_than_ours(host: str, told: dict[str, str]) -> None:
    found = settings(host, **told).platform
    assert (found.url, found.signalling) == (host, told.get("signalling", ""))

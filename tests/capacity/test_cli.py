"""`probe capacity` from the outside, with points that are played."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from importlib import resources
from typing import Any

import jsonschema
import pytest

from probe.capacity import measure
from probe.capacity.document import SCHEMA
from probe.capacity.figures import Point
from probe.capacity.measure import Options
from probe.cli import main
from probe.media.video import VideoSpec
from probe.model.errors import MeasurementError
from tests.capacity.build import broken, held


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[Options]:
    """Options of each point. The machine drives 100; 1000 kill it, and 666 are a bug."""
    found: list[Options] = []

    async def measure_point(options: Options, participants: int, tell: Callable[[str], None]) -> Point:
        found.append(options)
        tell(f"{participants} participants: starting")
        if participants == 1000:
            raise MeasurementError("was ended by SIGKILL", who="engine 1")
        if participants == 666:
            return held(666, bugs=("KeyError (1 times)",))
        return held(participants) if participants <= 100 else broken(participants)

    monkeypatch.setattr(measure, "measure_point", measure_point)
    monkeypatch.setenv("COLUMNS", "200")
    return found


def call(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    monkeypatch.setattr(sys, "argv", ["probe", "capacity", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def schema() -> dict[str, Any]:
    text = (resources.files("reports") / "schema" / "capacity-1.json").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


def valid(text: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(text)
    jsonschema.Draft202012Validator(schema()).validate(found)
    return found


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(schema())
    assert schema()["properties"]["schema"]["const"] == SCHEMA


def test_a_search_as_json(
    seen: list[Options], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, "--json") == 0
    out, err = capsys.readouterr()
    document = valid(out)
    assert set(document) == set(schema()["properties"])
    assert set(document["points"][0]) == set(schema()["$defs"]["point"]["properties"])
    wanted = {
        "schema": "meetprobe/capacity/1", "participants": 100, "seconds": 10.0, "cpu_core_per_participant": 0.002,
        "join_cpu_seconds": 0.004, "rss_bytes_per_participant": 500_000.0, "loop_lag_p99_seconds": 0.002,
        "trustworthy": True, "max_trusted_participants": 100, "participants_per_core": 100.0, "reasons": [],
        "depth": "headers", "topology": "p2p", "processes": 1, "native": True, "authenticated_share": 0.01,
    }  # fmt: skip
    assert {name: document[name] for name in wanted} == wanted
    assert document["cpu_us_per_packet"] == pytest.approx(18.69, abs=0.01)
    assert [point["trustworthy"] for point in document["points"]] == [True] * 3 + [False, True] + [False] * 2 + [True]
    assert "16 participants: starting" in err
    assert "✗ 128 participants: CPU each" in err


def test_one_point_that_is_too_much(
    seen: list[Options], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, "--participants", 120, "--seconds", 5, "--json", "--quiet") == 0
    out, err = capsys.readouterr()
    document = valid(out)
    assert (document["participants"], document["trustworthy"], document["max_trusted_participants"]) == (
        120,
        False,
        None,
    )
    assert document["reasons"] == ["event-loop lag p99 46 ms, limit 20 ms"]
    assert document["limiting_factor"].startswith("CPU")
    assert err == ""
    assert seen[0].seconds == 5.0


def test_for_people(seen: list[Options], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(monkeypatch, "--quiet") == 0
    out = capsys.readouterr().out
    for wanted in (
        "Meetings of 2 peer to peer, read at depth headers",
        "made-up video, 57 packets/s of 1090 B",
        "0.2 %",
        "up to 100 participants in one process can be trusted: 100 per core",
        "limited by CPU (a process used 97% of its core): event-loop lag p99 46 ms, limit 20 ms",
        "a join costs 4 ms of CPU (100 joins/s reached, 95 % in within 60 ms), a participant 0.50 MB of memory",
        "compiled packet path, 0.01 of the packets authenticated",
    ):
        assert wanted in out


@pytest.mark.parametrize(
    ("participants", "code", "said"), [(1000, 4, "was ended by SIGKILL"), (666, 1, "a bug in meetprobe")]
)
def test_what_prevents_it_is_told(
    seen: list[Options],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    participants: int,
    code: int,
    said: str,
) -> None:
    assert call(monkeypatch, "--participants", participants, "--quiet") == code
    assert said in "".join(capsys.readouterr())
    assert call(monkeypatch, "--participants", participants, "--quiet", "--json") == code
    assert valid(capsys.readouterr().out)["exit_code"] == code


def test_options_reach_the_measurement(seen: list[Options], monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = ("--topology", "sfu", "--meeting-size", 4, "--depth", "pictures", "--video", "320x180", "--fps", 15)
    more = ("--participants", 8, "--processes", 2, "--join-rate", 20, "--authenticate", 0.5, "--quiet")
    assert call(monkeypatch, *arguments, *more) == 0
    (options,) = seen
    work = options.work
    assert (work.topology, work.meeting_size, work.depth, work.join_rate, work.authenticate) == (
        "sfu",
        4,
        "pictures",
        20,
        0.5,
    )
    assert work.video == VideoSpec(320, 180, 15, 500_000)
    assert (options.participants, options.processes) == (8, 2)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--depth", "header"), "did you mean 'headers'"),
        (("--topology", "mesh"), "one of p2p, sfu"),
        (("--video", "640"), "write it as 640x360"),
        (("--video", "641x360"), "video width 641 can't be used"),
        (("--depth", "frames", "--video-packets", 57), "encoded video makes its own"),
        (("--participants", 5), "can't be split into meetings of 2"),
        (("--url", "ws://somewhere"), "No such option"),
    ],
)
def test_mistakes_end_before_the_first_packet(
    seen: list[Options],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[object, ...],
    said: str,
) -> None:
    assert call(monkeypatch, *arguments) == 2
    assert said in capsys.readouterr().err
    assert seen == []

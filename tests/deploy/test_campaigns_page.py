"""docs/campaigns.md is held to the programs that it tells one to run, and to its own arithmetic."""

from __future__ import annotations

import math
import re

import pytest
import yaml

from loadtest.arguments import GUARDS, MEASURED, MEETINGS, SHAPE
from loadtest.settings import SHAPES
from probe.model.scenario import AudioMedia, VideoMedia
from tests.deploy.commands import locust_options, shell_lines, shim_options
from tests.deploy.exposed import ROOT
from tests.docs.test_docs import code, named, tables

PAGE = (ROOT / "docs" / "campaigns.md").read_text(encoding="utf-8")
LINES = shell_lines(PAGE)
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))


def arguments_of(program: str) -> list[list[str]]:
    return [[word for word in line[1:] if word != "&"] for line in LINES if line[0] == program]


def test_locust_takes_every_command() -> None:
    commands = arguments_of("locust")
    assert len(commands) == 4
    options = locust_options(*commands)
    assert {one["locustfile"] for one in options} == {"loadtest/locustfile.py"}
    assert (options[1]["num_users"], options[1]["spawn_rate"], options[1]["out"]) == (60, 10.0, "out")


def test_the_shim_takes_its_command() -> None:
    [arguments] = arguments_of("sfu-shim")
    assert shim_options(arguments)["port"] == 8787


def test_compose_has_every_profile_service_and_variable() -> None:
    [command] = [line for line in LINES if line[:2] == ["docker", "compose"]]
    profiles = {profile for service in COMPOSE["services"].values() for profile in service["profiles"]}
    assert {command[at + 1] for at, word in enumerate(command) if word == "--profile"} <= profiles
    assert set(named(tables(PAGE, "profile", "what"))) == profiles
    assert command[-1].split("=")[0] in COMPOSE["services"]
    variables = set(re.findall(r"\$\{(\w+):-", (ROOT / "docker-compose.yml").read_text(encoding="utf-8")))
    assert {name for name in variables if name not in PAGE} == {
        "MEETPROBE_MAX_PARTICIPANTS",
        "MEETPROBE_PROMETHEUS_URL",
    }


def test_options_that_the_page_names_exist() -> None:
    prose = re.sub(r"^```.*?^```", "", PAGE, flags=re.DOTALL | re.MULTILINE)
    told = {text.split()[0] for text in code(prose) if text.startswith("--")}
    known = {option.name for option in (*MEETINGS, *MEASURED, *SHAPE, *GUARDS)}
    assert len(told) > 10
    assert told - known == {"--users", "--spawn-rate"}


def test_shapes_are_all_told() -> None:
    assert tuple(named(tables(PAGE, "`--shape`"))) == SHAPES


@pytest.mark.parametrize("option", [option for option in GUARDS if option.default], ids=lambda option: option.name)
def test_guards_stand_with_their_defaults(option: object) -> None:
    name, default = option.name, option.default  # type: ignore[attr-defined]
    assert f"`{name} {default}`" in PAGE or (name == "--metrics-port" and f"port {default} (`{name}`" in PAGE)


def test_the_bandwidth_is_that_of_the_default_media() -> None:
    video, audio = VideoMedia().bitrate_bps, AudioMedia().bitrate_bps
    packets, overhead = (int(number) for number in re.findall(r"\(115 \+ (\d+)\) × (\d+)", PAGE)[0])
    rate = video + audio + (115 + packets) * overhead * 8
    assert f"{video:,} + {audio:,}".replace(",", " ") in PAGE
    assert f"= {rate / 1e6:.2f} Mbit/s" in PAGE
    gigabytes = 2500 * rate * 3600 / 8 * 1e-9
    assert f"{gigabytes:.0f}"[:3] == re.findall(r"are (\d+) GB an hour", PAGE)[0][:3]


def test_the_workers_are_worked_out() -> None:
    figures = tables(
        (ROOT / "docs" / "performance.md").read_text(encoding="utf-8"), "participants", "CPU µs per packet"
    )
    [measured] = [row for row in figures if row[0] == "600"]
    cost, memory = measured[1], measured[3]
    assert measured[-1] == "trusted"
    assert f"600 × 107 × {cost} µs = {600 * 107 * float(cost) * 1e-6:.2f} of a core, and {memory} a participant" in PAGE
    assert f"which by packets makes {600 * 107 // (115 + 50)}" in PAGE
    workers = -(-10_000 // 300)
    assert f"are {workers} workers, and {math.ceil(workers * 1.1)} with the reserve" in PAGE

"""Where adapters come from: ours, other packages', single files."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

from probe.model.errors import ConfigError
from probe.model.platform import Platform
from probe.signalling import adapters
from probe.signalling.choose import check_platform, check_topology, open_signalling
from probe.signalling.shim import ShimSignalling

THEIRS = """
from dataclasses import dataclass

from probe.signalling.access import Access


@dataclass
class Theirs:
    url: str
    access: Access
    schemes = ("theirs+ws", "theirs+wss")
    topologies = ("p2p",)
"""


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    for cached in (adapters.installed, adapters.adapter):
        cached.cache_clear()
    yield
    for cached in (adapters.installed, adapters.adapter):
        cached.cache_clear()


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package that brings one, and one under a name of ours."""
    (tmp_path / "theirs_package.py").write_text(THEIRS, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    points = [EntryPoint(name, "theirs_package:Theirs", adapters.GROUP) for name in ("theirs", "shim")]
    monkeypatch.setattr(adapters, "entry_points", lambda group: points if group == adapters.GROUP else [])


@pytest.mark.usefixtures("package")
def test_one_that_a_package_brings_is_found_by_its_scheme_and_by_its_name() -> None:
    for platform in (
        Platform(url="theirs+wss://meet.example/x", token="t"),
        Platform(url="wss://meet.example/x", signalling="theirs", token="t"),
    ):
        check_platform(platform)
        opened: Any = open_signalling(platform)
        assert (type(opened).__name__, opened.url, opened.access.token) == (
            "Theirs",
            "theirs+wss://meet.example/x",
            "t",
        )
    with pytest.raises(ConfigError, match=r"topology hybrid can't be had at .*, only p2p"):
        check_topology(platform, "hybrid")


@pytest.mark.usefixtures("package")
def test_ours_can_not_be_replaced() -> None:
    assert adapters.installed()["shim"] is ShimSignalling


def test_a_file_of_the_users_will_do(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(THEIRS, encoding="utf-8")
    platform = Platform(url="ws://127.0.0.1:1", signalling=f"{file}:Theirs")
    opened: Any = open_signalling(platform)
    assert opened.url == "theirs+ws://127.0.0.1:1"
    assert type(opened) is type(open_signalling(platform))  # loaded once


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("no_such_package:Theirs", "adapter 'theirs': can't be loaded: ModuleNotFoundError"),
        ("json:dumps", "adapter 'theirs': its schemes are no tuple of names"),
        ("json:__name__", "adapter 'theirs': it is a str, and no class"),
    ],
)
def test_an_installed_one_that_is_none_is_told(value: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    points = [EntryPoint("theirs", value, adapters.GROUP)]
    monkeypatch.setattr(adapters, "entry_points", lambda group: points)
    for platform in (
        Platform(url="theirs+ws://127.0.0.1:1"),
        Platform(url="ws://127.0.0.1:1", signalling="theirs"),
    ):
        with pytest.raises(ConfigError, match=said):
            check_platform(platform)
    for ours in ("ws://127.0.0.1:1", "https://127.0.0.1:1/live/whep", "janus+ws://127.0.0.1:1/?room=1"):
        check_platform(Platform(url=ours))  # who doesn't use it isn't troubled


def test_topologies_are_those_that_there_are() -> None:
    class Strange:
        schemes = ("ws",)
        topologies = ("sfu", "mesh")

    assert adapters.what_is_missing(Strange) == "topology 'mesh' is none of hybrid, p2p, sfu"

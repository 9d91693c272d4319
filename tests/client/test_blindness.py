"""Who never sees anybody: told once, after five seconds in which it could have."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from probe.client.blindness import Blindness
from probe.model.platform import Platform
from probe.run import RunOptions
from probe.signalling.adapters import adapter
from sfu_shim.config import ShimConfig
from sfu_shim.server import ShimServer
from tests.adapter_check.test_media import ONE_WAY
from tests.integration import small

UP, DOWN = SimpleNamespace(up=True), SimpleNamespace(up=False)
SEEN, UNSEEN = (SimpleNamespace(flows=lambda found=found: found) for found in (["audio"], []))


def told(*moments: tuple[set[str], list[Any], list[Any]]) -> list[int]:
    """The seconds in which it is told; a moment is (senders, views, paths), each a second."""
    blind = Blindness()
    return [
        second for second, (senders, views, paths) in enumerate(moments) if blind.tick(second, senders, views, paths)
    ]


def test_it_is_told_once_and_after_five_seconds() -> None:
    assert told(*[({"ann"}, [], [UP])] * 12) == [6]
    assert told(*[({"ann"}, [UNSEEN], [DOWN, UP])] * 12) == [6]


@pytest.mark.parametrize(
    "moment",
    [(set(), [], [UP]), ({"ann"}, [], [DOWN]), ({"ann"}, [], []), ({"ann"}, [UNSEEN, SEEN], [UP])],
    ids=["nobody sends", "not connected", "no path", "sees one"],
)
def test_who_could_not_see_or_does(moment: Any) -> None:
    assert told(*[moment] * 12) == []


def test_the_five_seconds_begin_anew_when_nobody_sends() -> None:
    sends: Any = ({"ann"}, [], [UP])
    silent: Any = (set(), [], [UP])
    assert told(*[sends] * 4, silent, *[sends] * 8) == [11]


def test_who_has_seen_somebody_is_not_blind_later() -> None:
    assert told(({"ann"}, [SEEN], [UP]), *[({"ann"}, [], [UP])] * 12) == []


async def test_a_meeting_in_which_one_sees_nobody_is_no_stable_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "one_way.py").write_text(ONE_WAY)
    monkeypatch.delitem(sys.modules, "one_way", raising=False)
    adapter.cache_clear()
    server = ShimServer(ShimConfig(port=0))
    try:
        platform = Platform(url=await server.start(), signalling=f"{tmp_path}/one_way.py:OneWay")
        result = await small.run(small.scenario(topology="sfu", settle=8.0), RunOptions(platform=platform))
    finally:
        await server.stop()
    assert small.mean(result, "join_success_ratio") == 1.0
    assert small.mean(result, "connection_stability_ratio") == 0.5
    assert [error.phase for error in result.errors] == ["in_call"]
    assert "no media of anybody for 5 s" in result.errors[0].message

"""The adapter that docs/adapters.md builds, taken from the page: it is short, keeps the contract, and holds meetings that move."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from probe.adapter_check.check import check
from probe.adapter_check.finding import Finding
from probe.model.errors import AccessDenied
from probe.model.platform import Platform
from probe.run import RunOptions
from probe.signalling.adapters import adapter
from probe.signalling.choose import open_signalling
from tests.adapter_check.roundtable_server import KEY, roundtable
from tests.integration import small

PAGE = Path(__file__).parents[2] / "docs" / "adapters.md"


@pytest.fixture
def name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """What `--signalling` would be told."""
    found = re.search(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert found is not None
    assert len(found[1].splitlines()) < 120
    file = tmp_path / "roundtable.py"
    file.write_text(found[1], encoding="utf-8")
    adapter.cache_clear()
    monkeypatch.delitem(sys.modules, "roundtable", raising=False)
    return f"{file}:Roundtable"


async def test_it_keeps_the_contract(name: str) -> None:
    told: list[Finding] = []
    async with roundtable() as url:
        findings = await check(name, Platform(url=url, signalling=name, token=KEY), told.append)
    assert [(finding.rule, finding.fault, finding.skipped) for finding in findings if not finding.holds] == []
    assert told == findings
    assert len(findings) > 20


async def test_who_has_no_key_stays_out(name: str) -> None:
    async with roundtable() as url:
        way = open_signalling(Platform(url=url, signalling=name, token="wrong"))
        await way.connect()
        with pytest.raises(AccessDenied, match="that is not the key"):
            await way.join("r", "eve")
        await way.leave()


async def test_meetings_move_to_the_server_and_back(name: str) -> None:
    scenario = small.scenario(visitors=1, settle=1.0, visit=1.5, after=1.0)
    async with roundtable() as url:
        result = await small.run(scenario, RunOptions(platform=Platform(url=url, signalling=name, token=KEY)))
    assert result.errors == ()
    assert small.mean(result, "join_success_ratio") == 1.0
    assert [(move["from"], move["to"], move["success"]) for move in result.migrations] == [
        ("p2p", "sfu", True),
        ("sfu", "p2p", True),
    ]
    assert small.count(result, "migration_audio_gap_seconds") >= 4
    assert small.mean(result, "packet_loss_ratio") == 0.0

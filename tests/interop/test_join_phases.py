"""Twenty who join the shim and twenty who join Janus: docs/staging.md's scenario, and the phases that a comparison shows of both."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from probe.measure.join import PHASES
from probe.model.platform import Platform
from probe.model.scenario import Scenario
from probe.model.scenario_files import parse_scenario
from probe.model.yaml_file import parse_yaml
from probe.run import RunOptions, run_scenario
from reports.compare_join import IN_ALL, join_phases
from reports.document import Document, build_document
from reports.targets.files import load_profile
from tests.bench.janus_server import ROOM
from tests.interop.janus import open_janus

pytestmark = pytest.mark.timeout(120)

PAGE = Path(__file__).parents[2] / "docs" / "staging.md"


def scenario() -> Scenario:
    text = PAGE.read_text(encoding="utf-8").partition("## Where a join spends its time")[2]
    (example,) = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    return parse_scenario(parse_yaml(example, source="staging.md"), source="staging.md")


async def held(url: str | None) -> Document:
    found = scenario()
    result = await run_scenario(found, RunOptions(Platform(url=url) if url else None))
    assert result.errors == ()
    assert len(result.participants) == found.participants == 20
    return build_document(result, load_profile(found.targets), found.horizon)


async def test_both_sides_of_a_comparison_have_every_phase() -> None:
    async with open_janus() as janus:
        there = await held(f"janus+{janus.websocket}/?room={ROOM}")
    here = await held(None)
    found = join_phases([here], [there], [])
    assert [one["phase"] for one in found] == [*(name for name in PHASES if name != "first_keyframe"), IN_ALL]
    for side in ("before", "after"):
        *phases, whole = [one[side] for one in found]
        assert sum(phases) == pytest.approx(whole), "the phases are the whole join"

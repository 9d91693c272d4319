"""A short real meeting of two through the adapter: do they see each other?"""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory

from probe.adapter_check.finding import Finding
from probe.model.errors import ProbeError
from probe.model.platform import Platform
from probe.model.result import RunResult
from probe.model.scenario import Observe, Scenario, Topology
from probe.run import RunOptions, run_scenario
from probe.signalling.choose import check_topology

RULE = "two meet there, and both receive the other's media"


def _scenario(platform: Platform) -> Scenario:
    possible: tuple[Topology, ...] = ("hybrid", "sfu", "p2p")
    for chosen in possible:
        try:
            check_topology(platform, chosen)
        except ProbeError:
            continue
        return Scenario(name="adapter check", topology=chosen, settle=2.0, after=0.5, observe=Observe(depth="headers"))
    raise AssertionError("an adapter has one of the three")


async def media(platform: Platform) -> list[Finding]:
    """One finding, with what the run's errors say."""
    with TemporaryDirectory() as folder:
        try:
            result = await run_scenario(_scenario(platform), RunOptions(platform=platform, spool=Path(folder)))
        except ProbeError as error:
            return [Finding(RULE, str(error))]
        samples = [json.loads(line) for line in (Path(folder) / "samples.jsonl").read_text().splitlines()]
    return [Finding(RULE, _fault(result, {one["detail"]["who"] for one in samples if one["m"] == "frame_rate"}))]


def _fault(result: RunResult, viewers: set[str]) -> str:
    """`viewers`: the ids of those who saw somebody's frames."""
    joined = sum(bool(one["joined"]) for one in result.participants)
    told = "; ".join(f"{error.phase}: {error.message}" for error in result.errors[:3])
    if joined < len(result.participants):
        return f"{joined} of {len(result.participants)} got in: {told}"
    blind = [str(one["name"]) for one in result.participants if one["id"] not in viewers]
    return f"{', '.join(blind)} received no video{': ' + told if told else ''}" if blind else told

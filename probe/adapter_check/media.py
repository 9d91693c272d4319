"""A short real meeting of two through the adapter: do they see each other?"""

from __future__ import annotations

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
    try:
        result = await run_scenario(_scenario(platform), RunOptions(platform=platform))
    except ProbeError as error:
        return [Finding(RULE, str(error))]
    return [Finding(RULE, _fault(result))]


def _fault(result: RunResult) -> str:
    joined = sum(bool(one["joined"]) for one in result.participants)
    told = "; ".join(f"{error.phase}: {error.message}" for error in result.errors[:3])
    if joined < len(result.participants):
        return f"{joined} of {len(result.participants)} got in: {told}"
    if not result.summary.get("receive_bitrate_bps"):
        return f"nobody received anything{': ' + told if told else ''}"
    return told

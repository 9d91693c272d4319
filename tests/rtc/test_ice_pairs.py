"""Our end of a pair as the other side sees it, and what was tried."""

from __future__ import annotations

import pytest
from aioice import Candidate
from aioice import ice as aioice_ice

from probe.rtc.clock import Clock
from probe.rtc.ice_agent import Agent
from probe.rtc.ice_pairs import local_type, tried
from probe.rtc.ice_protocol import Address, TimedStunProtocol

OURS, MAPPED, THEIRS = ("192.0.2.1", 4000), ("198.51.100.7", 5000), ("203.0.113.5", 6000)


def _pair(base: str, known: bool, mapped: Address | None) -> tuple[Agent, aioice_ice.CandidatePair]:
    agent = Agent(controlling=True, on_data=lambda data: None, on_end=lambda reason: None)
    protocol = TimedStunProtocol(agent, Clock(), lambda data, arrival: None, lambda seconds: None)
    protocol.local_candidate = Candidate("1", 1, "udp", 2, *OURS, base)
    if known:
        agent._local_candidates.append(Candidate("2", 1, "udp", 1, *MAPPED, "srflx"))
    if mapped is not None:
        protocol._mapped[THEIRS] = mapped
    pair = aioice_ice.CandidatePair(protocol, Candidate("3", 1, "udp", 2, *THEIRS, "host"))
    agent._check_list.append(pair)
    return agent, pair


@pytest.mark.parametrize(
    ("base", "known", "mapped", "seen"),
    [
        ("host", True, None, "host"),
        ("host", True, OURS, "host"),
        ("host", True, MAPPED, "srflx"),
        ("host", False, MAPPED, "prflx"),
        ("relay", True, MAPPED, "relay"),
    ],
)
async def test_our_type_is_what_the_other_side_sees(base: str, known: bool, mapped: Address | None, seen: str) -> None:
    agent, pair = _pair(base, known, mapped)
    assert local_type(agent, pair) == seen


async def test_what_was_tried_is_told_by_types() -> None:
    agent, pair = _pair("relay", False, None)
    agent._check_list.append(pair)
    assert tried(agent) == "tried 2 relay/host"

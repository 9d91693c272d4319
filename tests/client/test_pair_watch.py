from __future__ import annotations

import asyncio
import math
from types import SimpleNamespace
from typing import Any, cast

from aioice.ice import CandidatePair

from probe.client.pair_watch import PairWatch
from probe.rtc.clock import Clock
from probe.rtc.peer import Peer, PeerConfig
from tests.client.fakes import START, Bench


def test_another_pair_is_an_event_and_the_first_one_is_not() -> None:
    bench, peer = Bench(), SimpleNamespace(selected_pair=None, remote_address=None)
    watch = PairWatch(cast(Any, peer), bench.context.notice)

    def then(types: tuple[str, str] | None, address: tuple[str, int] | None) -> bool:
        bench.clock.time += 1.0
        peer.selected_pair, peer.remote_address = types, address
        return watch.changed()

    here, there = ("192.0.2.1", 1000), ("192.0.2.2", 1000)
    assert not then(None, None)
    assert not then(("host", "host"), here)
    assert not then(("host", "host"), here)
    assert then(("host", "prflx"), there)
    assert not then(("host", "prflx"), there)
    assert then(("relay", "prflx"), there)
    assert not then(None, None), "a connection that is gone is no other way"
    assert bench.context.noticed == {
        (START + 4, "selected pair changed: host/host to host/prflx at another address"): 1,
        (START + 6, "selected pair changed: host/prflx to relay/prflx"): 1,
    }


def test_what_befalls_many_at_once_is_one_event() -> None:
    bench = Bench()
    bench.context.notice("x")
    bench.clock.time += 0.4
    bench.context.notice("x")
    assert bench.context.noticed == {(START, "x"): 2}
    for second in range(2000):
        bench.clock.time = START + second
        bench.context.notice("y")
    assert len(bench.context.noticed) == 1000


async def test_a_real_connection_whose_other_end_changes_its_mind() -> None:
    """The other side nominates a pair from another address of its: ours sends there from then on, and it is noticed."""
    bench = Bench()
    far = _peer("far", ("127.0.0.1", "127.0.0.2"), controlling=True)
    near = _peer("near", ("127.0.0.1",), controlling=False)
    far.add_transceiver("audio", "sendonly", ("far", "far-audio"))
    await far.accept_answer(await near.accept_offer(await far.create_offer()))
    await asyncio.gather(far.connect(), near.connect())
    watch = PairWatch(near, bench.context.notice)
    assert not watch.changed()
    before = near.remote_address
    agent = far._stack._connection
    near._stack._connection._chosen_at = -math.inf  # so long ago that another choice is no part of the first
    protocol = next(one for one in agent._protocols if one is not agent._nominated[1].protocol)
    other = CandidatePair(protocol, agent._nominated[1].remote_candidate)
    await agent.check_start(other)
    async with asyncio.timeout(5.0):
        while not watch.changed():  # noqa: ASYNC110 - ICE tells nobody
            await asyncio.sleep(0.01)
    assert near.remote_address == other.local_addr != before
    assert bench.context.noticed == {(START, "selected pair changed: host/host to host/host at another address"): 1}
    await asyncio.gather(far.close(), near.close())


def _peer(label: str, addresses: tuple[str, ...], *, controlling: bool) -> Peer:
    return Peer(PeerConfig(addresses=addresses), label=label, controlling=controlling, clock=Clock())

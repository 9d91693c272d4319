"""aioice's ICE agent, more patient and quicker (the private attributes are listed in probe/rtc/ice_stack.py)."""

from __future__ import annotations

import asyncio
import base64
import math
import os
from collections.abc import Callable

import aioice
from aioice import ice as aioice_ice
from aioice import stun

from probe.rtc.ice_protocol import Address, TimedStunProtocol

_ONE_CHOICE = 2.0
"""Seconds: of pairs that are nominated within, the best counts. One that is nominated later is a change of mind."""
_USERNAME, _PASSWORD = 4, 24
"""ice-chars of 6 random bits each: RFC 8445 section 5.3 wants 24 and 128 bits at least."""


class Agent(aioice.Connection):
    """`on_data(data)` gets what is no STUN, `on_end(reason)` hears of an end that is not ours.

    It never gives up by itself (RFC 8863): pairs may come as long as the other side's checks may, its candidates unresolvable
    or ended. Who waits has a deadline. Where it controls and has chosen a pair, it stays with that (RFC 8445 section 8.1.1).
    """

    def __init__(self, *, controlling: bool, on_data: Callable[[bytes], None], on_end: Callable[[str], None]) -> None:
        super().__init__(
            controlling, local_username=_ice_characters(_USERNAME), local_password=_ice_characters(_PASSWORD)
        )
        self._on_data = on_data
        self._on_end = on_end
        self._chosen_at = -math.inf
        self._connecting: asyncio.Task[None] | None = None
        self._complete: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def connect(self) -> None:
        """Raises ConnectionError when it was closed. Returns as soon as a pair is chosen: aioice sleeps out the 20 ms between two
        checks before it looks."""
        self._connecting = asyncio.ensure_future(super().connect())
        try:
            await asyncio.wait((self._connecting, self._complete), return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            self._connecting.cancel()
            raise
        if self._connecting.done():
            self._connecting.result()
        for pair in self._check_list:
            if pair.task is not None:
                pair.task.cancel()

    def data_received(self, data: bytes, component: int) -> None:
        self._on_data(data)

    def check_incoming(self, message: stun.Message, addr: Address, protocol: aioice_ice.StunProtocol) -> None:
        chosen = self._nominated.get(1)
        if self.ice_controlling and chosen is not None and (chosen.protocol, chosen.remote_addr) != (protocol, addr):
            return  # aioice would nominate this pair too, and move to it, be it the worse one
        if "PRIORITY" not in message.attributes:
            return  # RFC 8445 section 7.1.1 wants it in each check, and aioice fails without
        waiting = any(
            pair.protocol is protocol
            and pair.remote_addr == addr
            and pair.state == aioice_ice.CandidatePair.State.IN_PROGRESS
            for pair in self._check_list
        )
        super().check_incoming(message, addr, protocol)
        if waiting and isinstance(protocol, TimedStunProtocol):
            protocol.ask_again_soon(addr)

    def check_complete(self, pair: aioice_ice.CandidatePair) -> None:
        """aioice takes the pair that was nominated last. It nominates all that answer (RFC 5245 section 8.1.1.2), of which both
        ends have to take the best, or each goes a way of its own."""
        before, now = self._nominated.get(1), asyncio.get_running_loop().time()
        super().check_complete(pair)
        if self._nominated and not self._complete.done():
            self._complete.set_result(None)
        if self._nominated.get(1) is before:
            return
        if before is not None and now - self._chosen_at < _ONE_CHOICE and self._rank(before) > self._rank(pair):
            self._nominated[1] = before
        else:
            self._chosen_at = now

    def _rank(self, pair: aioice_ice.CandidatePair) -> int:
        return aioice_ice.candidate_pair_priority(pair.local_candidate, pair.remote_candidate, self.ice_controlling)

    def _check_periodic(self) -> bool:
        # aioice would sleep for another 20 ms after the last check that there is to start, whatever comes of it meanwhile.
        unchecked = aioice_ice.CandidatePair.State.WAITING, aioice_ice.CandidatePair.State.FROZEN
        more = super()._check_periodic()
        return more and (
            self._remote_candidates_expected() or any(p.task is None and p.state in unchecked for p in self._check_list)
        )

    def _check_list_maybe_fail(self) -> None:
        """Not before the deadline."""

    def _prune_components(self) -> None:
        """There is one, also where all candidates of the other side will be peer-reflexive."""

    def _remote_candidates_expected(self) -> bool:
        # With pairs to check nothing is to be looked for: those that come later start by themselves.
        return super()._remote_candidates_expected() or not self._check_list

    def check_over(self, protocol: TimedStunProtocol, remote: aioice.Candidate) -> None:
        """A protocol that reaches one candidate of the other side and nobody else: check that pair, at once."""
        if self._closing or self._complete.done():
            protocol.transport.close()
            return
        self._protocols.append(protocol)
        self._remote_candidates.append(remote)
        pair = aioice_ice.CandidatePair(protocol, remote)
        self._check_list.append(pair)
        self.sort_check_list()
        self.check_start_task(pair)

    def protocol_lost(self, protocol: aioice_ice.StunProtocol) -> None:
        if any(pair.protocol is protocol for pair in self._nominated.values()):
            relayed = protocol.local_candidate.type == "relay"
            self._on_end(f"{'the relay' if relayed else 'the other side'} closed the connection")

    async def close(self) -> None:
        # aioice closes by itself when consent has expired (RFC 7675), and for no other reason.
        self._on_end("ICE consent expired: no answer from the other side")
        if self._connecting is not None and self._complete.done():
            self._connecting.cancel()  # or it would ask for consent yet
        await super().close()


def _ice_characters(length: int) -> str:
    """So many random ice-chars (RFC 8839 section 5.4, the letters of base64); a multiple of four. aioice would draw each letter
    by itself: 30 µs instead of 2."""
    return base64.b64encode(os.urandom(length * 3 // 4)).decode()

"""aioice's STUN endpoint on a transport of ours: our own socket, or an allocation at a TURN server."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable
from typing import Any

from aioice import ice as aioice_ice
from aioice import stun

from probe.model.ice_url import Way
from probe.rtc.clock import Clock
from probe.rtc.stun_repeats import BINDING_REQUEST, BINDING_SUCCESS, StunRepeats

MediaCallback = Callable[[bytes, float], None]
RoundTripCallback = Callable[[float], None]
Address = tuple[str, int]

_MAX_TRANSACTIONS = 64
_SOON = 0.02
"""Seconds until a check is repeated whose answer is missing though the other side's check has come."""


class TimedStunProtocol(aioice_ice.StunProtocol):
    """Media goes to `on_media`, round trips to `on_round_trip`. `way`: how we talk to the TURN server, "tcp" to the other side itself
    over TCP, None for a UDP socket of ours."""

    def __init__(
        self,
        connection: aioice_ice.Connection,
        clock: Clock,
        on_media: MediaCallback,
        on_round_trip: RoundTripCallback,
        way: Way | None = None,
    ) -> None:
        super().__init__(connection)
        self.way = way
        self._clock = clock
        self._on_media = on_media
        self._on_round_trip = on_round_trip
        self._sent: dict[bytes, float | None] = {}
        self._open: dict[Address, stun.Message] = {}
        self._mapped: dict[Address, Address] = {}
        self._untimed: set[bytes] = set()
        self._repeats = StunRepeats(connection.local_password)
        self._answered = b""

    async def ask_server(self, address: Address) -> Address:
        """How a STUN server sees us. Its round trip is none of the connection's. Raises stun.TransactionError, and ConnectionError
        for an answer that does not tell."""
        request = stun.Message(message_method=stun.Method.BINDING, message_class=stun.Class.REQUEST)
        self._untimed.add(request.transaction_id)
        try:
            response, _ = await self.request(request, address)
        finally:
            self._untimed.discard(request.transaction_id)
        mapped: Address | None = response.attributes.get("XOR-MAPPED-ADDRESS")
        if mapped is None:
            raise ConnectionError("its answer lacks XOR-MAPPED-ADDRESS")
        return mapped

    def send_stun(self, message: stun.Message, addr: Address) -> None:
        if message.transaction_id in self._untimed:
            super().send_stun(message, addr)
            return
        if message.message_class == stun.Class.REQUEST:
            again = message.transaction_id in self._sent
            self._sent[message.transaction_id] = None if again else self._clock.now()
            if len(self._sent) > _MAX_TRANSACTIONS:
                del self._sent[next(iter(self._sent))]
            if not again and (addr in self._open or len(self._open) < _MAX_TRANSACTIONS):
                self._open[addr] = message
        elif message.message_class == stun.Class.RESPONSE:
            self._answered = message.transaction_id
        super().send_stun(message, addr)

    def goes_out(self, data: bytes) -> None:
        """What waited for its way to be opened goes now: if it is a check, its round trip begins now."""
        if data[:2] == BINDING_REQUEST and self._sent.get(data[8:20]) is not None:
            self._sent[data[8:20]] = self._clock.now()

    def ask_again_soon(self, address: Address) -> None:
        """The other side's check came, so a NAT or a TURN server that dropped ours lets it through now (RFC 8445 section 7.3.1.4
        triggers a check even where one is in progress). aioice would wait for half a second."""
        asyncio.get_running_loop().call_later(_SOON, self._ask_again, address)

    def _ask_again(self, address: Address) -> None:
        message = self._open.pop(address, None)
        if message is not None and message.transaction_id in self.transactions:
            self.send_stun(message, address)

    def arrived(self, data: bytes, addr: tuple[Any, ...], arrival: float) -> None:
        """One datagram. RFC 7983: first byte 128–191 is RTP or RTCP, the rest STUN or DTLS."""
        if data and 128 <= data[0] <= 191:
            self._on_media(data, arrival)
            return
        if data[:2] == BINDING_REQUEST:
            self._asked(data, (addr[0], addr[1]))
            return
        if data[:2] == BINDING_SUCCESS:
            self._learn(data, (addr[0], addr[1]), arrival)
        if data:
            self._take(data, addr)

    def _take(self, data: bytes, addr: tuple[Any, ...]) -> None:
        try:
            self.datagram_received(data, addr)
        except struct.error:
            return  # STUN with an attribute of the wrong length, which aioice does not expect of anybody

    def _learn(self, data: bytes, address: Address, arrival: float) -> None:
        """The round trip, and how the other side sees us."""
        if data[8:20] not in self._sent:
            return
        sent = self._sent.pop(data[8:20])
        if sent is not None:
            self._on_round_trip(max(0.0, arrival - sent))
        if address not in self._mapped and len(self._mapped) < _MAX_TRANSACTIONS:
            mapped = _mapped_in(data)
            if mapped is not None:
                self._mapped[address] = mapped

    def mapped(self, address: Address) -> Address | None:
        """Where the other side at `address` sees us (RFC 8445 section 7.2.5.3.1). None before it has answered."""
        return self._mapped.get(address)

    def _asked(self, data: bytes, address: Address) -> None:
        """A check of the other side's. Where the pair is nominated there is nothing to do but to answer it."""
        connection = self.receiver
        pair = connection._nominated.get(1)
        settled = pair is not None and pair.protocol is self and pair.remote_addr == address and not connection._closing
        role = connection.ice_controlling
        answer = self._repeats.answer(data, address, role) if settled else None
        if answer is not None:
            self.transport.sendto(answer, address)
            return
        self._take(data, address)
        if settled and self._answered == data[8:20]:
            self._repeats.learn(data, address, role)


def _mapped_in(data: bytes) -> Address | None:
    """XOR-MAPPED-ADDRESS of a binding response (RFC 8489 section 14.2), None without."""
    try:
        mapped: Address | None = stun.parse_message(data).attributes.get("XOR-MAPPED-ADDRESS")
    except (ValueError, struct.error):
        return None  # what aioice makes of it is told
    return mapped

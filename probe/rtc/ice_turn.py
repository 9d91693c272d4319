"""An allocation at a TURN server (RFC 8656), as a datagram transport: what is sent leaves from the relay's address.

aioice has one of its own. This one binds a channel for every candidate of the other side as soon as it is known, so that no check
is lost at the relay; stamps what arrives over UDP by the kernel; sends without a task for each packet; keeps permissions alive
past their five minutes; and keeps the server's own code where something is refused.
"""

from __future__ import annotations

import asyncio
import hashlib
import struct
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aioice import stun

from probe.rtc.ice_carrier import Carrier
from probe.rtc.ice_protocol import Address, TimedStunProtocol
from probe.rtc.tasks import Tasks

_CHANNEL = struct.Struct("!HH")
_FIRST_CHANNEL, _LAST_CHANNEL = 0x4000, 0x4FFF
_UDP = 17 << 24
_LIFETIME = 600
_KEEP, _LEAST_KEEP = 240.0, 1.0
"""Seconds between two renewals: permissions last 300 (RFC 8656 section 9), channels longer, allocations as the server says."""
_FIRST_WAIT = 0.5
_TRANSACTION = 5.0
_FAREWELL = 0.5
_MOST_PEERS = 128
_MOST_WAITING = 16
"""Datagrams for one peer until its channel is bound."""


class TurnRefused(Exception):
    """The server's error response (RFC 8489 section 14.8). `challenged`: it had told its realm before, and knows who we are."""

    def __init__(self, code: int, reason: str, *, challenged: bool) -> None:
        super().__init__("".join(letter for letter in f"{code} {reason}" if letter.isprintable()).strip())
        self.code = code
        self.challenged = challenged


@dataclass(slots=True)
class _Peer:
    """An address that we send to. `used`: since the last renewal."""

    channel: int
    bound: bool = False
    refused: bool = False
    used: bool = False
    waiting: list[bytes] = field(default_factory=list)


class TurnAllocation(asyncio.DatagramTransport):
    """Give it a `carrier`, `await allocate()`, then it is `protocol`'s transport. `refusals` counts by (address, "code reason") to
    whom the server does not relay."""

    def __init__(self, username: str | None, password: str | None, protocol: TimedStunProtocol) -> None:
        super().__init__()
        self.carrier: Carrier | None = None
        self.refusals: Counter[tuple[str, str]] = Counter()
        self.relayed: Address = ("", 0)
        self.mapped: Address = ("", 0)
        self._username = username
        self._password = password
        self._protocol = protocol
        self._key: bytes | None = None
        self._realm = ""
        self._nonce = b""
        self._open: dict[bytes, tuple[asyncio.Future[stun.Message | None], bytes | None]] = {}
        self._peers: dict[Address, _Peer] = {}
        self._channels: dict[int, Address] = {}
        self._tasks = Tasks()
        self._closing = False
        self._ended = False

    # the allocation

    async def allocate(self) -> None:
        """Raises TurnRefused, ConnectionError when the server hangs up or answers nonsense, TimeoutError."""
        response = await self._ask(stun.Method.ALLOCATE, {"LIFETIME": _LIFETIME, "REQUESTED-TRANSPORT": _UDP})
        try:
            self.relayed = response.attributes["XOR-RELAYED-ADDRESS"]
            self.mapped = response.attributes["XOR-MAPPED-ADDRESS"]
            lifetime = float(response.attributes["LIFETIME"])
        except KeyError as error:
            raise ConnectionError(f"its answer lacks {error}") from error
        self._tasks.spawn(self._renew(max(_LEAST_KEEP, min(_KEEP, lifetime * 5 / 6))))

    async def _renew(self, interval: float) -> None:
        while True:
            await asyncio.sleep(interval)
            try:
                await self._ask(stun.Method.REFRESH, {"LIFETIME": _LIFETIME})
            except (TurnRefused, ConnectionError, TimeoutError):
                self._hung_up()  # it is about to expire
                return
            for address, peer in list(self._peers.items()):
                if peer.bound and peer.used:
                    peer.used = False
                    await self._bind(address, peer)

    # transactions

    async def _ask(self, method: stun.Method, attributes: Mapping[str, Any]) -> stun.Message:
        """The success response; authenticates as the server wants (RFC 8489 section 9.2)."""
        for _ in range(3):
            answer = await self._transact(stun.Message(method, stun.Class.REQUEST, attributes=dict(attributes)))
            if answer.message_class == stun.Class.RESPONSE:
                return answer
            code, reason = answer.attributes.get("ERROR-CODE", (0, "error without a code"))
            challenged = self._key is not None
            if not self._challenged(code, answer):
                break
        raise TurnRefused(code, reason, challenged=challenged)

    def _challenged(self, code: int, answer: stun.Message) -> bool:
        """Take the server's realm and nonce; whether the request may be right now."""
        if "NONCE" not in answer.attributes or self._username is None or self._password is None:
            return False
        if code == 401 and self._key is None and "REALM" in answer.attributes:
            self._realm = answer.attributes["REALM"]
            secret = f"{self._username}:{self._realm}:{self._password}"
            self._key = hashlib.md5(secret.encode(), usedforsecurity=False).digest()
        elif code != 438 or self._key is None:
            return False
        self._nonce = answer.attributes["NONCE"]
        return True

    async def _transact(self, request: stun.Message) -> stun.Message:
        """The answer, sooner or later one of our request's repetitions (RFC 8489 section 6.2.1). Over a stream they are not needed
        and do no harm: the server knows the transaction."""
        data = self._signed(request)
        answer: asyncio.Future[stun.Message | None] = asyncio.get_running_loop().create_future()
        self._open[request.transaction_id] = answer, self._key
        wait = _FIRST_WAIT
        try:
            async with asyncio.timeout(_TRANSACTION):
                while True:
                    if self._ended or self.carrier is None:
                        raise ConnectionError("it closed the connection")
                    self.carrier.send(data)
                    done, _ = await asyncio.wait([answer], timeout=wait)
                    if done and (message := answer.result()) is not None:
                        return message
                    wait *= 2
        finally:
            del self._open[request.transaction_id]
            answer.cancel()

    def _signed(self, request: stun.Message) -> bytes:
        """As the server wants it, once it has told."""
        if self._key is not None:
            request.attributes |= {"USERNAME": self._username, "REALM": self._realm, "NONCE": self._nonce}
            request.add_message_integrity(self._key)
        return bytes(request)

    # what the server says

    def heard(self, data: bytes, arrival: float) -> None:
        """One message of its."""
        if len(data) >= _CHANNEL.size and data[0] >> 6 == 1:
            number, length = _CHANNEL.unpack_from(data)
            address = self._channels.get(number)
            if address is not None and len(data) >= _CHANNEL.size + length:
                self._protocol.arrived(data[_CHANNEL.size : _CHANNEL.size + length], address, arrival)
            return
        try:
            message = stun.parse_message(data)
        except (ValueError, struct.error):
            return  # no STUN that we know
        if message.message_class in (stun.Class.RESPONSE, stun.Class.ERROR):
            self._answered(message)
        elif message.message_method == stun.Method.DATA and message.message_class == stun.Class.INDICATION:
            self._indicated(message.attributes, arrival)

    def _answered(self, message: stun.Message) -> None:
        """Who does not know our key may only ask for it (RFC 8489 section 9.2.5)."""
        answer, key = self._open.get(message.transaction_id, (None, None))
        challenge = message.message_class == stun.Class.ERROR and message.error_code in (401, 438)
        if answer is None or answer.done() or not (key is None or challenge or message.check_message_integrity(key)):
            return
        answer.set_result(message)

    def _indicated(self, attributes: Mapping[str, Any], arrival: float) -> None:
        """Data of a port that has no channel yet, at an address that we have let in (RFC 8656 section 11.4)."""
        address, data = attributes.get("XOR-PEER-ADDRESS"), attributes.get("DATA")
        if address is not None and data and any(peer[0] == address[0] for peer in self._peers):
            self._protocol.arrived(data, address, arrival)

    def ended(self) -> None:
        """The carrier is gone."""
        if not self._ended:
            self._ended = True
            for answer, _ in self._open.values():
                if not answer.done():
                    answer.set_result(None)
            if not self._closing:
                self._hung_up()

    def _hung_up(self) -> None:
        self._closing = True
        self._tasks.cancel()
        if self.carrier is not None:
            self.carrier.close()
        self._protocol.connection_lost(None)

    # peers

    def expect(self, address: Address) -> None:
        """Packets of that address shall come through, and ours go out without delay."""
        if address not in self._peers and len(self._peers) < _MOST_PEERS and not self._closing:
            self._tasks.spawn(self._bind(address, self._new_peer(address)))

    def _new_peer(self, address: Address) -> _Peer:
        peer = self._peers[address] = _Peer(_FIRST_CHANNEL + len(self._peers))
        self._channels[peer.channel] = address
        return peer

    async def _bind(self, address: Address, peer: _Peer) -> None:
        """RFC 8656 section 12: it is a permission too."""
        try:
            await self._ask(stun.Method.CHANNEL_BIND, {"CHANNEL-NUMBER": peer.channel, "XOR-PEER-ADDRESS": address})
        except (TurnRefused, ConnectionError, TimeoutError) as error:
            self.refusals[address[0], str(error) or "no answer"] += 1
            peer.refused = not peer.bound
            peer.waiting.clear()
            return
        peer.bound = True
        for data in peer.waiting:
            self._protocol.goes_out(data)
            self.sendto(data, address)
        peer.waiting.clear()

    def sendto(self, data: Any, addr: Any = None) -> None:
        """Now, or once the channel is bound; to whom the server does not relay, never."""
        if self._closing or self.carrier is None:
            return
        peer = self._peers.get(addr)
        if peer is None:
            self.expect(addr)
            peer = self._peers.get(addr)
        if peer is None or peer.refused:
            return
        if peer.bound:
            peer.used = True
            self.carrier.send(_CHANNEL.pack(peer.channel, len(data)) + data)
        elif len(peer.waiting) < _MOST_WAITING:
            peer.waiting.append(data)

    # asyncio's transport

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """`sockname`: the relayed address."""
        return self.relayed if name == "sockname" else default

    def is_closing(self) -> bool:
        return self._closing

    def close(self) -> None:
        """Give the allocation back (RFC 8656 section 8), within half a second, and tell the protocol. Idempotent."""
        if not self._closing:
            self._closing = True
            self._tasks.cancel()
            self._tasks.spawn(self._release())

    def abort(self) -> None:
        """At once, and the protocol hears nothing. The server is told and not waited for: over UDP it would else keep for ten minutes
        what it has granted or is about to."""
        self._closing = True
        self._tasks.cancel()
        if self.carrier is not None:
            farewell = stun.Message(stun.Method.REFRESH, stun.Class.REQUEST, attributes={"LIFETIME": 0})
            self.carrier.send(self._signed(farewell))
            self.carrier.close()

    async def _release(self) -> None:
        try:
            async with asyncio.timeout(_FAREWELL):
                await self._ask(stun.Method.REFRESH, {"LIFETIME": 0})
        except (TurnRefused, ConnectionError, TimeoutError):
            pass  # it expires by itself
        finally:
            if self.carrier is not None:
                self.carrier.close()
            self._protocol.connection_lost(None)

    @property
    def drops(self) -> int:
        """Datagrams that full buffers of this process lost, both ways."""
        return self.carrier.drops if self.carrier is not None else 0

"""A TURN server's side of the conversation, in memory: it authenticates, grants, refuses and relays as it is told to."""

from __future__ import annotations

import asyncio
import hashlib
import struct
from collections.abc import Callable
from typing import Any

from aioice import stun

USER, PASSWORD, REALM = "ann", "right", "turn.test"
RELAYED, MAPPED = ("192.0.2.200", 50000), ("198.51.100.1", 4000)
KEY = hashlib.md5(f"{USER}:{REALM}:{PASSWORD}".encode()).digest()


class FakeTurn:
    """The carrier of an allocation. `errors`: what to answer to the next requests of a method, once each; `silent`: methods that get
    no answer. `sent` collects ChannelData, by channel; `asked` the methods of authenticated requests."""

    def __init__(self) -> None:
        self.heard: Callable[[bytes, float], None] = lambda data, arrival: None
        self.ended: Callable[[], None] = lambda: None
        self.errors: dict[stun.Method, list[tuple[int, str]]] = {}
        self.silent: set[stun.Method] = set()
        self.signed = True
        self.nonce = b"first"
        self.challenges = True
        self.lifetime = 600
        self.asked: list[tuple[stun.Method, dict[str, Any]]] = []
        self.sent: list[tuple[int, bytes]] = []
        self.requests = 0
        self.closed = 0
        self.drops = 0

    def close(self) -> None:
        self.closed += 1

    def send(self, data: bytes) -> None:
        if data[0] >> 6 == 1:
            channel, length = struct.unpack_from("!HH", data)
            assert len(data) == 4 + length
            self.sent.append((channel, data[4:]))
            return
        request = stun.parse_message(data)
        self.requests += 1
        if request.message_method not in self.silent:
            asyncio.get_running_loop().call_soon(self._answer, request)

    def _answer(self, request: stun.Message) -> None:
        method = request.message_method
        if self.challenges and "USERNAME" not in request.attributes:
            self._refuse(request, (401, "Unauthorized"), REALM=REALM, NONCE=self.nonce)
            return
        if self.challenges and not (request.attributes["USERNAME"] == USER and request.check_message_integrity(KEY)):
            self._refuse(request, (401, "Unauthorized"), REALM=REALM, NONCE=self.nonce)
            return
        if self.challenges and request.attributes["NONCE"] != self.nonce:
            self._refuse(request, (438, "Stale Nonce"), REALM=REALM, NONCE=self.nonce)
            return
        self.asked.append((method, request.attributes))
        if self.errors.get(method):
            self._refuse(request, self.errors[method].pop(0), signed=self.signed)
            return
        granted: dict[str, Any] = {}
        if method == stun.Method.ALLOCATE:
            granted = {"XOR-RELAYED-ADDRESS": RELAYED, "XOR-MAPPED-ADDRESS": MAPPED, "LIFETIME": self.lifetime}
        self._say(request, stun.Class.RESPONSE, granted, signed=self.challenges)

    def _refuse(self, request: stun.Message, code: tuple[int, str], *, signed: bool = False, **more: Any) -> None:
        self._say(request, stun.Class.ERROR, {"ERROR-CODE": code, **more}, signed=signed)

    def _say(self, request: stun.Message, kind: stun.Class, attributes: dict[str, Any], *, signed: bool) -> None:
        answer = stun.Message(request.message_method, kind, request.transaction_id, attributes)
        if signed:
            answer.add_message_integrity(KEY)
        self.heard(bytes(answer), 0.0)

    def relay(self, channel: int, data: bytes, arrival: float) -> None:
        """What a peer with a channel sent."""
        self.heard(struct.pack("!HH", channel, len(data)) + data, arrival)

    def indicate(self, peer: tuple[str, int], data: bytes, arrival: float) -> None:
        """What a peer without one sent."""
        attributes = {"XOR-PEER-ADDRESS": peer, "DATA": data}
        self.heard(bytes(stun.Message(stun.Method.DATA, stun.Class.INDICATION, attributes=attributes)), arrival)

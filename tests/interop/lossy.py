"""Loss on purpose, between a peer and its sockets: the datagrams are gone as if the network had dropped them."""

from __future__ import annotations

import random

from probe.rtc.peer import Peer
from probe.wire.rtp import is_rtcp

_FIRST_MEDIA_BYTE = range(128, 192)


class Loss:
    """Drops one RTP packet in `every` at random while `active`; RTCP, DTLS and STUN pass. `dropped` counts."""

    def __init__(self, every: int, seed: int = 3) -> None:
        self.active = True
        self.dropped = 0
        self._every = every
        self._rng = random.Random(seed)

    def _drops(self, data: bytes) -> bool:
        if not self.active or data[0] not in _FIRST_MEDIA_BYTE or is_rtcp(data) or self._rng.randrange(self._every):
            return False
        self.dropped += 1
        return True

    def outgoing(self, peer: Peer) -> None:
        """From now on, of what the peer sends."""
        stack = peer._stack
        send = stack.send
        stack.send = lambda data: True if self._drops(data) else send(data)  # type: ignore[method-assign]

    def incoming(self, peer: Peer) -> None:
        """Of what the peer receives. To be called before it gathers."""
        stack = peer._stack
        on_media = stack._on_media

        def receive(data: bytes, arrival: float) -> None:
            if not self._drops(data):
                on_media(data, arrival)

        stack._on_media = receive

"""One participant's join: from the intended start to the first media of somebody else, or to what went wrong."""

from __future__ import annotations

import asyncio

from probe.measure.join import JoinClock
from probe.model.errors import ProbeError

HINTS = {
    "signalling_connect": "is the server running, is the URL right, and does no firewall drop the connection?",
    "room_join": "the server accepted the connection but does not let anybody in: see its log",
    "ice_gathering": "no candidates came together: check the addresses, and the STUN and TURN servers",
    "offer_answer": "no description came from the other side: see the server's log",
    "ice_connected": "no way through for UDP: firewall, NAT without TURN, or the other side is gone",
    "dtls_connected": "UDP gets through, but the handshake does not finish: see the server's log",
    "first_rtp": "connected, but nobody's media comes",
    "first_keyframe": "packets come, but no keyframe: are PLIs answered?",
    "first_decoded": "media comes, but no picture can be decoded from it",
}


class Joining:
    """`goal` is the phase that ends the join. Only the path that was opened first counts for its connection phases."""

    def __init__(self, intended: float, goal: str) -> None:
        self.clock = JoinClock(intended, goal)
        self.path: str | None = None
        self._goal = goal
        self._over = asyncio.Event()
        self._waiting = False
        self._error: ProbeError | None = None

    def aim(self, goal: str) -> None:
        """Another phase ends the join. Before any path was opened."""
        self._goal = self.clock.goal = goal

    def opened(self, path: str) -> None:
        """A path was opened."""
        self.path = self.path or path

    def reached(self, phase: str, time: float, path: str | None = None) -> None:
        """A phase is done; with `path`, on that path."""
        if self._over.is_set() or (path is not None and path != self.path):
            return
        self.clock.mark(phase, time)
        if phase == self._goal:
            self._over.set()

    async def wait(self) -> None:
        """Until the goal is reached. Raises what `fail` was given."""
        self._waiting = True
        try:
            await self._over.wait()
        finally:
            self._waiting = False
        if self._error is not None:
            raise self._error

    def fail(self, error: ProbeError) -> bool:
        """End the wait with that error. False when nobody is waiting."""
        if self._over.is_set() or not self._waiting:
            return False
        self._error = error
        self._over.set()
        return True

    def too_late(self, deadline: float, who: str) -> ProbeError:
        """The deadline passed: which phase did not come."""
        phase = self.clock.failed_phase or self._goal
        if phase == "ice_gathering" and self.path is None:
            phase = "offer_answer"  # nobody asked for a connection: that is not our gathering
        return ProbeError(f"not joined within {deadline:g} s", who=who, phase=phase, hint=HINTS.get(phase, ""))

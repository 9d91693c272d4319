"""The other side's candidates on their way into ICE: those of its description, and those that it trickles."""

from __future__ import annotations

from probe.model.errors import NegotiationError
from probe.rtc.ice_stack import IceStack
from probe.rtc.jsep import RemoteTransport
from probe.rtc.tasks import Tasks
from probe.wire.sdp import Candidate, SdpError


class RemoteCandidates:
    """Those of one connection, whose ICE is `stack`; `label` names it in errors."""

    def __init__(self, stack: IceStack, label: str) -> None:
        self._stack = stack
        self._label = label
        self._tasks = Tasks()

    async def described(self, remote: RemoteTransport) -> None:
        """What a description names, and whether that is all."""
        for candidate in remote.candidates:
            await self._add(candidate)
        if remote.end_of_candidates:
            await self._stack.add_remote(None)

    async def trickled(self, line: str | None) -> None:
        """One line, None for the end. Raises NegotiationError when it can't be read."""
        if line is None:
            await self._stack.add_remote(None)
            return
        try:
            candidate = Candidate.parse(line)
        except SdpError as error:
            raise NegotiationError(
                f"unusable ICE candidate: {error}", who=self._label, phase="ice_connected"
            ) from error
        await self._add(candidate)

    async def _add(self, candidate: Candidate) -> None:
        if candidate.transport not in ("udp", "tcp") or candidate.component != 1:
            return
        adding = self._stack.add_remote(candidate)
        if candidate.address.endswith(".local"):
            self._tasks.spawn(adding)  # an mDNS name takes a second or more to resolve: negotiation goes on meanwhile
        else:
            await adding

    async def close(self) -> None:
        """Names that are still being resolved are given up."""
        await self._tasks.close()

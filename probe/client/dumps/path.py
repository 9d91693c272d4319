"""A path that is recorded: the same in all that it does, with a dump of its events and of its statistics, once a second."""

from __future__ import annotations

from typing import Any, ClassVar

from probe.client.context import Context
from probe.client.dumps.folder import Recording
from probe.client.dumps.snapshot import Heard, snapshot
from probe.client.path import Path, PathOwner
from probe.client.publishing import AnyPublisher
from probe.measure.webrtc_stats import Pair, milliseconds
from probe.model.errors import ProbeError
from probe.rtc.ice_stack import GOODBYE
from probe.rtc.peer import IceServer, Peer
from probe.rtc.receiver import Records, TrackReceiver
from probe.rtc.transceiver import Transceiver
from probe.signalling.base import OpenPath, Signalling
from probe.wire.rtcp import RtcpPacket

_STATES = {
    "ice_gathering": ("icegathering", "complete"),
    "ice_connected": ("iceconnection", "connected"),
    "dtls_connected": ("connection", "connected"),
}


class RecordedPeer(Peer):
    """A peer that tells what is done with it; `tell(method, value)` as rtcstats names it."""

    def tell(self, method: str, value: Any = None) -> None:
        """Replaced by who records."""

    async def create_offer(self) -> str:
        self.tell("createOffer")
        sdp = await super().create_offer()
        self._made("createOffer", "offer", sdp)
        self.tell("onsignalingstatechange", "have-local-offer")
        return sdp

    async def accept_answer(self, sdp: str) -> None:
        before = self._receiving()
        self.tell("setRemoteDescription", {"type": "answer", "sdp": sdp})
        try:
            await super().accept_answer(sdp)
        except ProbeError as error:
            self.tell("setRemoteDescriptionOnFailure", str(error))
            raise
        self.tell("onsignalingstatechange", "stable")
        self._tracks(before)
        self.tell("setRemoteDescriptionOnSuccess")

    async def accept_offer(self, sdp: str) -> str:
        before = self._receiving()
        self.tell("setRemoteDescription", {"type": "offer", "sdp": sdp})
        try:
            answer = await super().accept_offer(sdp)
        except ProbeError as error:
            self.tell("setRemoteDescriptionOnFailure", str(error))
            raise
        self.tell("onsignalingstatechange", "have-remote-offer")
        self._tracks(before)
        self.tell("setRemoteDescriptionOnSuccess")
        self.tell("createAnswer")
        self._made("createAnswer", "answer", answer)
        self.tell("onsignalingstatechange", "stable")
        return answer

    def _made(self, method: str, type: str, sdp: str) -> None:
        self.tell(f"{method}OnSuccess", {"type": type, "sdp": sdp})
        self.tell("setLocalDescription", {"type": type, "sdp": sdp})
        self.tell("setLocalDescriptionOnSuccess")

    def _receiving(self) -> set[str]:
        return {transceiver.mid for transceiver in self.transceivers if transceiver.receives}

    def _tracks(self, before: set[str]) -> None:
        for transceiver in self.transceivers:
            if transceiver.receives and transceiver.mid not in before:
                stream, track = transceiver.remote_msid or ("-", transceiver.mid)
                self.tell("ontrack", [transceiver.kind, track, f"remote {transceiver.kind}", stream])

    async def add_candidate(self, line: str | None) -> None:
        if line is not None:
            self.tell("addIceCandidate", {"candidate": line})
        await super().add_candidate(line)

    async def connect(self) -> None:
        self.tell("oniceconnectionstatechange", "checking")
        self.tell("onconnectionstatechange", "connecting")
        await super().connect()

    def pairs(self) -> list[Pair]:
        """The candidate pairs that were or are checked."""
        return self._stack.pairs()

    @property
    def dtls_role(self) -> str:
        """client or server, once the descriptions were exchanged."""
        return self._jsep.dtls_role if self._jsep is not None else "unknown"

    @property
    def dtls_bytes(self) -> tuple[int, int]:
        """Sent and received."""
        return self._stack.dtls_bytes[0], self._stack.dtls_bytes[1]


class DumpedPath(Path):
    """Made in place of `Path` where `Context.dumps` is set."""

    peer_type: ClassVar[type[Peer]] = RecordedPeer

    def __init__(
        self,
        context: Context,
        owner: PathOwner,
        signalling: Signalling,
        publisher: AnyPublisher,
        open: OpenPath,
        servers: tuple[IceServer, ...],
    ) -> None:
        super().__init__(context, owner, signalling, publisher, open, servers)
        assert context.dumps is not None
        assert isinstance(self.peer, RecordedPeer)
        self._recorded = self.peer
        self._controlling = open.role == "offer"
        self._heard = Heard(context.clock)
        configuration = {"iceServers": [{"urls": list(server.urls)} for server in context.ice.beside(servers)]}
        what = f"{open.kind} to {open.remote}" if open.remote else open.kind
        self._recording: Recording = context.dumps.record(owner.participant, self._time(), what, configuration)
        # Neither is a method of ours to override: one is the peer's to be told, the other the peer's to tell.
        self.peer.tell = self._tell  # type: ignore[method-assign]
        self.peer.on_rtcp = self._on_rtcp

    def _time(self) -> float:
        clock = self._context.clock
        return milliseconds(clock.to_ntp(clock.now()))

    def _tell(self, method: str, value: Any = None) -> None:
        self._recording.event(self._time(), method, value)

    def _on_rtcp(self, packets: list[RtcpPacket], arrival: float) -> None:
        self._heard.listen(packets, arrival)
        self.rtcp.on_rtcp(packets, arrival)

    def _on_phase(self, phase: str, time: float) -> None:
        super()._on_phase(phase, time)
        if phase in _STATES:
            name, state = _STATES[phase]
            self._tell(f"on{name}statechange", state)
        if phase == "dtls_connected":
            self._sample()

    def _new_receiver(self, transceiver: Transceiver, ssrc: int) -> TrackReceiver:
        receiver = super()._new_receiver(transceiver, ssrc)
        numbered = receiver.numbered

        def weigh(records: Records) -> None:
            """At `headers` depth, where the receiver does not."""
            receiver.payload_bytes += int(records["size"].sum())
            numbered(records)

        receiver.numbered = weigh
        return receiver

    def _renegotiated(self) -> None:
        if self.up:
            self._sample()  # the last of streams that end now
        super()._renegotiated()

    def _window(self, due: float) -> None:
        super()._window(due)
        self._sample()

    def _sample(self) -> None:
        for receiver in list(self.rtcp.receivers.values()):
            receiver.pull()  # what it holds back is counted as a packet already, and not by its bytes
        video = self._context.video
        size = (video.spec.width, video.spec.height) if video is not None else None
        time = self._time()
        self._recording.sample(time, snapshot(time, self, self._recorded, self._heard, self._controlling, size))

    def _on_lost(self, reason: str) -> None:
        self._sample()
        super()._on_lost(reason)

    def fail(self, error: ProbeError) -> None:
        # As RTCPeerConnectionState is defined, a DTLS transport that the other side closed leaves a connection "connected".
        if self.closed_at is None and error.message != GOODBYE:
            self._tell("onconnectionstatechange", "failed")
        super().fail(error)

    async def close(self) -> None:
        if self.closed_at is None:
            if self.up:
                self._sample()
            self._tell("close")
        await super().close()

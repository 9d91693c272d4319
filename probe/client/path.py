"""One path of a participant: a peer connection with the tracks that go out and come in on it, from open to close."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import ClassVar, Protocol

from probe.client.context import Context
from probe.client.looked_at import count_up
from probe.client.pair_watch import PairWatch
from probe.client.path_readings import PathReadings
from probe.client.publishing import AnyPublisher, add_sections, send_track
from probe.measure.savings import Path as Via
from probe.model.errors import ConnectionFailed, ProbeError, SignallingError
from probe.rtc.demux import Demultiplexer
from probe.rtc.fast_sender import AnySender, FastTrackSender
from probe.rtc.peer import IceServer, Peer, PeerConfig
from probe.rtc.receiver import ReceiverHooks, TrackReceiver
from probe.rtc.rtcp_session import RtcpSession
from probe.rtc.transceiver import Transceiver
from probe.rtc.twcc_session import TwccSession
from probe.signalling.base import OpenPath, RemoteDescription, Signalling
from probe.wire.rtp import RtpHeader

WINDOW = 1.0
_PHASES = ("offer_answer", "ice_gathering", "ice_connected", "dtls_connected")


class PathOwner(Protocol):
    """The participant, as its paths see it."""

    participant: str

    def path_phase(self, path: Path, phase: str, time: float) -> None:
        """A step of the connection was reached."""

    def path_up(self, path: Path) -> None:
        """ICE and DTLS are connected."""

    def path_down(self, path: Path, error: ProbeError) -> None:
        """The path failed, or was lost after it had been up."""

    def hooks(self, path: Path, remote: str, receiver_kind: str, codec: str) -> ReceiverHooks:
        """Where the media of `remote` on this path goes, which is sent by that codec."""


class Path:
    """`open` says what to connect to. Every failure goes to `owner.path_down`; nothing is raised out of a task."""

    peer_type: ClassVar[type[Peer]] = Peer

    def __init__(
        self,
        context: Context,
        owner: PathOwner,
        signalling: Signalling,
        publisher: AnyPublisher,
        open: OpenPath,
        servers: tuple[IceServer, ...],
    ) -> None:
        self.id = open.path
        self.kind = open.kind
        self.remote = open.remote
        self.migration = open.migration
        self.opened = context.clock.now()
        self.closed_at: float | None = None
        self.up = False
        self._context = context
        self._owner = owner
        self._signalling = signalling
        self._publisher = publisher
        self._open = open
        label = f"{owner.participant} {'to ' + open.remote if open.remote else 'to the SFU'}"
        config = PeerConfig(
            context.addresses, context.ice.beside(servers), context.ice.relay_only, context.connect_deadline,
            context.codecs, context.reading, context.authenticate_every, context.ice.udp, context.ice.tls,
        )  # fmt: skip
        self.peer = self.peer_type(
            config, label=label, controlling=open.role == "offer", clock=context.clock, rng=context.rng
        )
        self.peer.on_rtp = self._on_rtp
        self.peer.on_replay = self._on_replay
        self.peer.on_phase = self._on_phase
        if context.depth == "headers":
            self.peer.skim(self._on_header)
        self.peer.on_closed = self._on_lost
        self.peer.on_trouble = partial(context.complain, who="ICE servers")
        self.readings = PathReadings(context, self.kind, owner.participant)
        self.peer.on_round_trip = self._on_stun_round_trip
        self._pair = PairWatch(self.peer, context.notice)
        self.rtcp = RtcpSession(
            owner.participant,
            context.clock,
            context.chores,
            self.peer.send_rtcp,
            self.readings.rtcp_round_trip,
            context.rng,
        )
        self.peer.on_rtcp = self.rtcp.on_rtcp
        counted_in_c = context.depth == "headers" and context.reading is not None
        self.twcc = TwccSession(
            context.wheel.at, context.clock.now, lambda: self.rtcp.own_ssrc, self.peer.send_rtcp,
            self._gather if counted_in_c else None,
        )  # fmt: skip
        tunnel = context.emulation.tunnel(owner.participant, open.remote) if context.emulation is not None else None
        # The offerer sets it up for both ends; a server that offers has none of ours.
        self._tunnel = tunnel if open.role == "offer" or open.remote is None else None
        self._demux = Demultiplexer(lambda: self.peer.transceivers, self._new_receiver)
        self._tracks: dict[str, str] = {}
        self._senders: dict[str, AnySender] = {}
        self._connecting: asyncio.Task[None] | None = None
        self._stops: list[Callable[[], None]] = []
        self._counted = False
        self._described: float | None = None
        self._reached: set[str] = set()

    # negotiation

    async def start(self) -> None:
        """Begin: the offerer describes what it has, the answerer waits."""
        add_sections(self.peer, self._publisher, self._open, self._owner.participant)
        if self._open.role == "offer":
            try:
                offer = await self.peer.create_offer()
                if self._tunnel is not None:
                    offer = self._tunnel.outgoing(offer)
                await self._signalling.send_description(self.id, "offer", offer)
            except ProbeError as error:
                self.fail(error)

    async def on_description(self, description: RemoteDescription) -> None:
        """The other side's offer or answer; offers may come at any time (renegotiation)."""
        self._tracks = dict(description.tracks)
        try:
            sdp = description.sdp if self._tunnel is None else await self._tunnel.incoming(description.sdp)
            if description.type == "offer":
                answer = await self.peer.accept_offer(sdp)
                answer = answer if self._tunnel is None else self._tunnel.outgoing(answer)
                await self._signalling.send_description(self.id, "answer", answer)
            else:
                await self.peer.accept_answer(sdp)
        except ProbeError as error:
            self.fail(error)
            return
        now = self._context.clock.now()
        self._described = now if self._described is None else self._described
        self._on_phase("offer_answer", now)
        self.twcc.negotiated(self.peer.transceivers)
        self._renegotiated()
        if self._connecting is None:
            self._connecting = asyncio.create_task(self._connect())
            self._connecting.add_done_callback(self._connect_done)

    async def on_candidate(self, candidate: str | None) -> None:
        """A trickled candidate."""
        try:
            if candidate is not None and self._tunnel is not None:
                candidate = await self._tunnel.incoming(candidate)
            if candidate != "":  # which no emulated network can stand in front of
                await self.peer.add_candidate(candidate)
        except ProbeError as error:
            self._context.complain(error, who=self.peer.label)

    async def _connect(self) -> None:
        try:
            await self.peer.connect()
        except ConnectionFailed as error:
            self.fail(error)
            return
        if self.closed_at is not None:
            return
        self.up = True
        self._count_attempt(success=True)
        self._attach_senders()
        if self._senders:
            self._context.senders.add(self._owner.participant)
        self._stops = [self._context.chores.every(WINDOW, self._window)]
        self._context.polls.want(self)
        self._owner.path_up(self)
        try:
            await self._signalling.send_connected(self.id)
        except SignallingError as error:
            self._context.complain(error, who=self.peer.label)

    def _connect_done(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self._context.crashed(error)

    def _on_phase(self, phase: str, time: float) -> None:
        self._reached.add(phase)
        self._owner.path_phase(self, phase, time)

    @property
    def phase(self) -> str:
        """The step that this connection waits for; in_call once it is up."""
        return next((phase for phase in _PHASES if phase not in self._reached), "in_call")

    def _on_stun_round_trip(self, seconds: float) -> None:
        reading = self._context.reading
        # One of ours that reads in ticks answers a check up to a tick late: that is our time, not the network's.
        if reading is None or not reading.in_ticks or self.remote not in self._context.captures:
            self.readings.stun_round_trip(seconds)
        self.rtcp.rtt = self.rtcp.rtt or seconds  # NACKs are paced by it until RTCP knows better

    def _via(self) -> Via:
        """How the media goes, for the bill: relayed P2P crosses a server too."""
        if self.kind == "sfu":
            return "sfu"
        return "relay" if "relay" in (self.peer.selected_pair or ()) else "p2p"

    def _attach_senders(self) -> None:
        """Send what both sides agreed that we send, and nothing else."""
        for transceiver in self.peer.transceivers:
            sender = self._senders.get(transceiver.mid)
            if not transceiver.sends:
                if sender is not None:
                    self._publisher.detach(sender)
                    del self._senders[transceiver.mid], self.rtcp.senders[sender.ssrc]
            elif sender is None and transceiver.sender is not None:
                self._attach(transceiver)

    def _attach(self, transceiver: Transceiver) -> None:
        sender = send_track(self._publisher, self.peer, transceiver, self._context, self._via())
        self._senders[transceiver.mid] = sender
        self.rtcp.senders[sender.ssrc] = sender

    # packets

    def _on_rtp(self, packet: bytes, header: RtpHeader, arrival: float) -> None:
        self.twcc.on_packet(header, len(packet), arrival)
        receiver = self._demux.receiver(header)
        if receiver is not None:
            receiver.on_packet(packet, header, arrival)

    def _on_header(self, packet: bytes, header: RtpHeader, arrival: float) -> bool:
        receiver = self._demux.known(header.ssrc)
        if receiver is None or not receiver.skim(packet, header, arrival):
            return False
        self.twcc.on_packet(header, len(packet), arrival)
        return True

    def _gather(self) -> None:
        for receiver in list(self.rtcp.receivers.values()):
            receiver.pull()

    def _on_replay(self, header: RtpHeader, size: int, arrival: float) -> None:
        if receiver := self._demux.known(header.ssrc):
            receiver.on_replay(header, size, arrival)

    def _new_receiver(self, transceiver: Transceiver, ssrc: int) -> TrackReceiver:
        remote = self.remote or self._tracks.get(transceiver.mid) or (transceiver.remote_msid or (transceiver.mid,))[0]
        hooks = self._owner.hooks(self, remote, transceiver.kind, transceiver.codec().name)
        hooks.feedback = self.rtcp.feedback
        frames = self._context.depth != "headers"
        receiver = TrackReceiver(
            transceiver, ssrc, self.rtcp.own_ssrc, self._context.clock, hooks, frames=frames, lane=self.peer.lane
        )
        receiver.needs_attention = partial(self._context.polls.want, self)
        receiver.numbered = partial(self.twcc.on_records, ssrc)
        self.rtcp.receivers[ssrc] = receiver
        self.readings.add(receiver, remote)
        self._context.polls.want(self)
        return receiver

    def receiver(self, remote: str, kind: str) -> TrackReceiver | None:
        """The receiver of that remote participant's track."""
        return self.readings.receiver(remote, kind)

    def _renegotiated(self) -> None:
        """Sources that are announced no more have ended, tracks that were agreed on since are sent."""
        for receiver in self._demux.retire():
            if self.rtcp.receivers.pop(receiver.ssrc, None) is not None:
                self.readings.finish(receiver)
        if self.up:
            self._attach_senders()

    def poll(self, now: float) -> bool:
        """Ask for what is missing. Whether there may be more soon."""
        return self.rtcp.poll(now)

    def _window(self, due: float) -> None:
        if self._pair.changed() and (address := self.peer.remote_address) is not None:
            for sender in self._fast_senders():
                sender.redirect(address)
        self.readings.window(self._context.clock.now(), self._senders.values())

    # the end

    def _count_attempt(self, *, success: bool) -> None:
        """The first outcome counts: a path that was up and is lost later did come up."""
        if not self._counted:
            self._counted = True
            # A P2P connection has two ends: where both are ours, the offerer's counts.
            if self._open.role == "answer" and self.remote in self._context.captures:
                return
            if not success and self.remote is None and "offer_answer" not in self._reached:
                return  # a server that never answered the offer: nothing was connected to, as the join tells
            pair = self.peer.pair_label
            self.readings.connection(success, pair if success else f"failed: {self.phase}")
            if success and self._described is not None:
                self.readings.connected(self._context.clock.now() - self._described, pair)

    def fail(self, error: ProbeError) -> None:
        """It did not come up, or is lost: count it, tell the owner."""
        if self.closed_at is None:
            self._count_attempt(success=False)
            self._owner.path_down(self, error)

    def missed_deadline(self) -> None:
        """The owner waited for as long as it is allowed to."""
        self._count_attempt(success=False)

    def _on_lost(self, reason: str) -> None:
        self.up = False
        for sender in self._fast_senders():
            sender.disconnect()
        self.fail(ConnectionFailed(reason, who=self.peer.label, phase="in_call"))

    @property
    def bytes_on_wire(self) -> tuple[int, int]:
        """SRTP and SRTCP bytes (sent, received)."""
        past_the_peer = sum(sender.bytes_sent for sender in self._fast_senders())
        return self.peer.bytes_sent + past_the_peer, self.peer.bytes_received

    def _fast_senders(self) -> list[FastTrackSender]:
        return [sender for sender in self._senders.values() if isinstance(sender, FastTrackSender)]

    async def close(self) -> None:
        """Detach, count up, say goodbye. Idempotent. An attempt still under way when it is called off is not counted."""
        if self.closed_at is not None:
            return
        self.closed_at = self._context.clock.now()
        self.up = False
        for stop in self._stops:
            stop()
        self._context.polls.forget(self)
        for sender in self._senders.values():
            self._publisher.detach(sender)
        self.rtcp.close()
        self.twcc.close()
        count_up(self._context, self.peer, list(self.rtcp.receivers.values()), self._fast_senders())
        self.readings.finish_all()
        self.readings.malformed(self.peer.malformed)
        self._context.socket_drops += self.peer.socket_drops + sum(s.send_drops for s in self._fast_senders())
        await self.peer.close()
        if self._tunnel is not None:
            self._tunnel.close()

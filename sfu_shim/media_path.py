"""The SFU's end of one participant's path: a Peer, its negotiation, and what it publishes and is sent.

All that concerns the descriptions runs in one task, one step after the other, so the SFU's own offers never overlap:
changes that come while an offer is unanswered wait, and are offered together after the answer.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from probe.model.errors import ConnectionFailed, NegotiationError
from probe.rtc.clock import Clock
from probe.rtc.peer import Peer, PeerConfig
from probe.rtc.transceiver import Transceiver, default_codecs, new_sender
from probe.rtc.twcc_session import TwccSession
from probe.wire.extensions import MID
from probe.wire.sdp import Codec, MediaSection
from sfu_shim.core.effects import Signal
from sfu_shim.core.forwarding import Forwarder, TrackId
from sfu_shim.core.mapping import codecs_for, map_extensions, map_payload_types, map_rtx
from sfu_shim.core.outgoing import OutgoingSpec
from sfu_shim.core.protocol import Answer, Candidate, Offer
from sfu_shim.core.reports import feedback
from sfu_shim.core.sections import Slot, plan
from sfu_shim.core.track import TrackSpec

log = logging.getLogger("sfu_shim")


OneWay = Literal["publishes", "watches"]


@dataclass(slots=True)
class _Section:
    """One of our sending m-sections; `forwarding` once the forwarder was told."""

    transceiver: Transceiver
    track: TrackId | None
    forwarding: bool = False


class _Refresh:
    """Look whether the tracks to send have changed."""


class MediaPath:
    """`wanted` gives the tracks that this participant should get, `say` sends a message to it, `changed` is called when
    what it publishes changed, `failed` once when the path can't go on. None of them is called from a method here.

    `one_way`: the other end offers once, takes no offer, and only publishes or only watches; what it wants to watch is filled
    with tracks that are there, and the path fails when none of them is left. `up` is set once the path is connected.
    """

    def __init__(self, config: PeerConfig, clock: Clock, forwarder: Forwarder, participant: str, path: str) -> None:
        self.participant = participant
        self.path = path
        self.published: dict[TrackId, TrackSpec] = {}
        self.peer = Peer(config, label=path, controlling=False, clock=clock)
        self.wanted: Callable[[], Mapping[TrackId, tuple[str, TrackSpec]]] = dict
        self.say: Callable[[Signal], None] = lambda message: None
        self.changed: Callable[[], None] = lambda: None
        self.failed: Callable[[str], None] = lambda reason: None
        self.failures = 0
        self.one_way: OneWay | None = None
        self.up = asyncio.Event()
        self._forwarder = forwarder
        self._rng = random.Random()
        self.twcc = self._feedback_session(clock)
        self._sections: list[_Section] = []
        self._refused: set[TrackId] = set()
        self._offered = False
        self._described = False
        self._steps: asyncio.Queue[Signal | _Refresh] = asyncio.Queue()
        self._tasks: list[asyncio.Task[None]] = []
        forwarder.add_endpoint(path, path)

    def _feedback_session(self, clock: Clock) -> TwccSession:
        """What publishers with congestion control need to hear from us. To subscribers we send no transport-wide numbers."""
        own_ssrc = self._rng.randrange(1, 1 << 32)
        return TwccSession(
            lambda due, callback: asyncio.get_running_loop().call_at(due, callback, due),
            clock.now,
            lambda: own_ssrc,
            lambda packet: self.peer.send_rtcp(feedback(own_ssrc, self.path, packet)),
        )

    def start(self) -> None:
        self._spawn(self._negotiate())

    def signal(self, message: Signal) -> None:
        self._steps.put_nowait(message)

    def refresh(self) -> None:
        self._steps.put_nowait(_Refresh())

    async def close(self) -> None:
        self._forwarder.remove_endpoint(self.path)
        self.failed = lambda reason: None
        self.twcc.close()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        await self.peer.close()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        task.add_done_callback(self._ended)
        self._tasks.append(task)

    def _ended(self, task: asyncio.Task[None]) -> None:
        """A mistake of ours must not leave a path that waits for ever."""
        error = None if task.cancelled() else task.exception()
        if error is not None:
            log.error("%s failed", self.path, exc_info=error)
            self.failed(f"internal error: {error!r}")

    # negotiation, in its one task

    async def _negotiate(self) -> None:
        try:
            while True:
                await self._step(await self._steps.get())
        except (NegotiationError, OSError) as error:  # OSError: no address to gather on
            self.failures += 1
            log.info("%s: %s", self.path, error)
            self.failed(str(error))

    async def _step(self, step: Signal | _Refresh) -> None:
        match step:
            case Offer(sdp=sdp):
                await self._take_offer(sdp)
            case Answer(sdp=sdp):
                await self._take_answer(sdp)
            case Candidate(candidate=line):
                await self.peer.add_candidate(line)
            case _Refresh():
                pass
        await self._offer_changes()

    async def _take_offer(self, sdp: str) -> None:
        if self._offered:
            raise NegotiationError("an offer came while ours was not answered", who=self.path, phase="offer_answer")
        if self.one_way:
            self.peer.accept_sections(self._fill)
        answer = await self.peer.accept_offer(sdp)
        if self.one_way and not any(t.sends or t.receives for t in self.peer.transceivers):
            raise NegotiationError(
                "nothing of what is published can be sent there", who=self.path, phase="offer_answer"
            )
        self.twcc.negotiated(self.peer.transceivers)
        self.say(Answer(path=self.path, sdp=answer))
        if not self._described:
            self._described = True
            self._spawn(self._connect())
        self._publish()

    def _publish(self) -> None:
        """Tell the forwarder what the participant sends now."""
        sending = {(self.path, t.mid): _track_spec(t) for t in self.peer.transceivers if t.receives}
        for track in self.published.keys() - sending.keys():
            self._forwarder.unpublish(track)
        for track, spec in sending.items():
            if self.published.get(track) != spec:
                self._forwarder.publish(self.path, spec)
        if sending != self.published:
            self.published = sending
            self.changed()

    async def _take_answer(self, sdp: str) -> None:
        if not self._offered:
            raise NegotiationError("an answer came without an offer of ours", who=self.path, phase="offer_answer")
        await self.peer.accept_answer(sdp)
        self.twcc.negotiated(self.peer.transceivers)
        self._offered = False
        self._forward()

    async def _connect(self) -> None:
        try:
            await self.peer.connect()
        except ConnectionFailed as error:
            log.info("%s: %s", self.path, error)
            self.failed(str(error))
        else:
            self.up.set()
            self._forward()

    # what the participant is sent

    def _fill(self, wish: MediaSection) -> Transceiver:
        """Receive an offered section of a publisher; send a viewer the next track of that kind that it understands."""
        if self.one_way == "publishes":
            return Transceiver(wish.kind, "recvonly")
        carried = {section.track for section in self._sections}
        wanted = self.wanted() if wish.direction in ("recvonly", "sendrecv") else {}
        for track, (publisher, spec) in wanted.items():
            if track not in carried and spec.kind == wish.kind and map_payload_types(spec.codecs, wish.codecs):
                transceiver = Transceiver(wish.kind, "sendonly", codecs=list(spec.codecs))
                msid = self._stream_name(track, publisher, spec), f"{publisher}-{spec.kind}-{spec.mid}"
                transceiver.sender = new_sender(msid, self.path, self._rng)
                self._sections.append(_Section(transceiver, track))
                return transceiver
        return Transceiver(wish.kind, "inactive")

    def _stream_name(self, track: TrackId, publisher: str, spec: TrackSpec) -> str:
        """The publisher's own, unless another's stream here has it already."""
        others = [each for each in self._sections if each.track is not None and each.track[0] != track[0]]
        taken = {each.transceiver.sender.msid[0] for each in others if each.transceiver.sender is not None}
        return publisher if spec.stream in {"", "-", *taken} else spec.stream

    def _look_what_is_left(self) -> None:
        wanted = self.wanted()
        for section in self._sections:
            section.track = section.track if section.track in wanted else None
        if self._sections and not any(section.track for section in self._sections):
            self.failed("what was watched has ended")

    async def _offer_changes(self) -> None:
        if self.one_way:
            self._look_what_is_left()
            return
        if self._offered or not self._described:
            return
        wanted = {track: found for track, found in self.wanted().items() if track not in self._refused}
        slots = [Slot(section.transceiver.kind, section.track) for section in self._sections]
        changes = plan(slots, {track: spec.kind for track, (_, spec) in wanted.items()})
        for index in changes.free:
            self._free(self._sections[index])
        places = [(self._sections[index], track) for index, track in changes.reuse]
        places += [(_Section(Transceiver(kind, "inactive"), None), track) for kind, track in changes.add]
        assigned = [self._assign(section, track, *wanted[track]) for section, track in places]
        if changes.free or any(assigned):
            self._offered = True
            self.say(Offer(path=self.path, sdp=await self.peer.create_offer()))

    def _free(self, section: _Section) -> None:
        if section.track is not None:
            self._forwarder.unsubscribe(section.track, self.path)
        section.track, section.forwarding = None, False
        section.transceiver.direction = "inactive"

    def _assign(self, section: _Section, track: TrackId, publisher: str, spec: TrackSpec) -> bool:
        """Let the section carry the track, in payload types that this session has given out already."""
        transceiver = section.transceiver
        codecs = codecs_for(spec.codecs, self._own_codecs(transceiver.kind))
        if not codecs:
            self.failures += 1
            self._refused.add(track)
            names = sorted({codec.name for codec in spec.codecs})
            log.warning("%s has no codec for the %s of %s (%s)", self.path, spec.kind, publisher, ", ".join(names))
            return False
        transceiver.codecs = codecs
        transceiver.extensions = self._own_extensions()
        transceiver.direction = "sendonly"
        transceiver.sender = new_sender((publisher, f"{publisher}-{spec.kind}-{spec.mid}"), self.path, self._rng)
        section.track, section.forwarding = track, False
        if section not in self._sections:
            self._sections.append(section)
            self.peer.transceivers.append(transceiver)
        return True

    def _own_codecs(self, kind: str) -> list[Codec]:
        """Payload types mean the same in all sections of a bundle (RFC 9143 section 10.1): those of its own hold."""
        own = next((t.codecs for t in self.peer.transceivers if t.kind == kind and t.receives), default_codecs(kind))
        return list(own)

    def _own_extensions(self) -> dict[int, str]:
        """Extension ids of the whole bundle, likewise."""
        return {number: uri for t in self.peer.transceivers for number, uri in t.extensions.items()}

    def _forward(self) -> None:
        """Begin to forward what is negotiated, once packets can get there: a keyframe sent too early is lost."""
        if not self.peer.connected:
            return
        wanted = self.wanted()
        for section in self._sections:
            track = section.track
            if track is not None and track in wanted and section.transceiver.sends and not section.forwarding:
                section.forwarding = True
                _, spec = wanted[track]
                self._forwarder.subscribe(track, self.path, _outgoing_spec(spec, section.transceiver))


def _track_spec(transceiver: Transceiver) -> TrackSpec:
    return TrackSpec(
        kind=transceiver.kind,
        mid=transceiver.mid,
        codecs=tuple(transceiver.codecs),
        extensions=dict(transceiver.extensions),
        ssrcs=tuple(transceiver.remote_ssrcs),
        rtx_ssrcs=dict(transceiver.remote_rtx),
        stream=transceiver.remote_msid[0] if transceiver.remote_msid is not None else "",
    )


def _outgoing_spec(spec: TrackSpec, transceiver: Transceiver) -> OutgoingSpec:
    assert transceiver.sender is not None  # given in _assign, before the offer
    mid = transceiver.extension_id(MID)
    return OutgoingSpec(
        ssrc=transceiver.sender.ssrc,
        rtx_ssrc=transceiver.sender.rtx_ssrc,
        clock_rate=transceiver.codec().clock_rate,
        payload_types=map_payload_types(spec.codecs, transceiver.codecs),
        rtx=map_rtx(transceiver.codecs),
        extensions=map_extensions(spec.extensions, transceiver.extensions),
        mid=None if mid is None else (mid, transceiver.mid.encode()),
    )

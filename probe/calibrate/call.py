"""Conducts one real call through known impairments, and keeps what the probe read beside what happened."""

from __future__ import annotations

import asyncio
import random
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from probe.calibrate.cases import Case
from probe.calibrate.recording import RecordingEmulation, RecordingLink
from probe.calibrate.reference_audio import Tick
from probe.calibrate.sent_log import SentStream
from probe.client.context import Context
from probe.client.participant import Participant
from probe.client.path import Path
from probe.client.seams import Observer, Somebody
from probe.client.vmaf_samples import VmafSamples
from probe.measure.migration import StreamSwitch
from probe.measure.rtp_stream import StreamSnapshot
from probe.measure.savings import SavingsLedger
from probe.model.errors import MeasurementError
from probe.model.platform import Platform
from probe.model.samples import Sample
from probe.signalling.base import MigrationStarted
from probe.signalling.choose import open_signalling
from probe.stage import Contents
from probe.wire import extensions as ext
from sfu_shim.core.link.profiles import Network

JOIN_DEADLINE = 20.0
_DRAIN = 1.2
"""Seconds after the last picture: holes are asked for again, and given up, within them."""
_MOVE_DEADLINE = 15.0
TAIL = 1.0
"""Seconds after a migration that still belong to it, as `probe.client.meeting` counts."""


class Seated(Participant):
    """A participant of the probe as it is, overheard: what it sends, and when its windows end."""

    sent: list[tuple[str, SentStream]]
    ticks: list[Tick]

    def path_up(self, path: Path) -> None:
        """The senders are attached, and nothing is sent yet."""
        super().path_up(path)
        for transceiver in path.peer.transceivers:
            info = transceiver.sender
            sender = path.rtcp.senders.get(info.ssrc) if info is not None else None
            if sender is None:
                continue
            codec, clock = transceiver.codec(), self._context.clock
            stream = SentStream(
                transceiver.kind, codec.name, codec.clock_rate, sender.ssrc, sender.rtx_ssrc,
                transceiver.extension_id(ext.ABS_CAPTURE_TIME), clock.from_ntp,
            )  # fmt: skip
            self.sent.append((path.kind, stream))
            sender.listen(stream.hear)

    def _window(self, due: float) -> None:
        receivers = [r for path in self.paths.values() for r in path.rtcp.receivers.values() if r.kind == "audio"]
        self.ticks.append(Tick(self._context.clock.now(), sum(receiver.stream.packets for receiver in receivers)))
        super()._window(due)


@dataclass(slots=True)
class Seat:
    """One of the two, with what it read. `out` is the last link that its packets pass towards the other side of its hop, and
    `into` the last one on the way to it."""

    participant: Seated
    samples: list[Sample] = field(default_factory=list)
    out: RecordingLink | None = None
    into: RecordingLink | None = None
    streams: dict[str, tuple[int, StreamSnapshot]] = field(default_factory=dict)
    gaps: dict[tuple[float, float], dict[str, float]] = field(default_factory=dict)
    left: float = 0.0

    def values(self, metric: str, **tags: str) -> list[Sample]:
        """Its samples of a metric, with those tags."""
        return [s for s in self.samples if s.metric == metric and tags.items() <= s.tags.items()]


@dataclass(slots=True)
class Move:
    """A migration as the room told of it: monotonic seconds, and what the watching side reads across it."""

    started: float = 0.0
    ended: float = 0.0
    failure: str = ""
    switches: tuple[StreamSwitch, ...] = ()


@dataclass(slots=True)
class Call:
    """A call that is over. `first` has the impaired access. Times are monotonic; `epoch` is when samples count from;
    `stopped`: cameras off."""

    case: Case
    first: Seat
    second: Seat
    epoch: float
    stopped: float = 0.0
    move: Move | None = None

    def directions(self) -> tuple[tuple[str, Seat, Seat], ...]:
        """(name, sender, receiver) both ways."""
        return (("up", self.first, self.second), ("down", self.second, self.first))


class _Room(Observer):
    """Hears of migrations, and cuts the first one's uplink the moment that one begins."""

    def __init__(self) -> None:
        self.move = Move()
        self.over = asyncio.Event()
        self.cut: RecordingLink | None = None
        self.blackout = 0.0

    def migration_started(self, who: Somebody, migration: MigrationStarted, now: float) -> None:
        if not self.move.started:
            self.move.started = now
            if self.cut is not None:
                self.cut.blackout(now, self.blackout)

    def migration_ended(self, who: Somebody, migration: str, failure: str, now: float) -> None:
        self.move.ended, self.move.failure = now, failure
        self.over.set()

    def signalling_lost(self, who: Somebody, now: float) -> None:
        self.over.set()


class Conductor:
    """`context` is the stage's, `url` where everybody meets. One call after the other, or several at once."""

    def __init__(self, context: Context, url: str, contents: Contents) -> None:
        self._context = context
        self._url = url
        self._contents = contents

    async def conduct(self, case: Case) -> Call:
        """Raises ProbeError when the call does not come about: then nothing was measured."""
        clock = self._context.clock
        emulation = RecordingEmulation(clock, self._context.addresses, random.Random(case.seed))
        context, room = replace(self._context, emulation=emulation), _Room()
        first, second = self._seat(context, room, case.network), self._seat(context, room, case.far)
        call = Call(case, first, second, context.epoch)
        name = f"calibrate-{uuid.uuid4().hex[:8]}"
        try:
            await first.participant.join(name, "A", clock.now(), JOIN_DEADLINE)
            if case.way == "sfu":
                await first.participant.force_topology("sfu")
            await second.participant.join(name, "B", clock.now(), JOIN_DEADLINE)
            self._find_links(emulation, call)
            await asyncio.sleep(case.seconds)
            if case.way == "migration":
                await self._migrate(call, context, room, name)
            else:
                await self._end(call)
        finally:
            await asyncio.gather(first.participant.leave(), second.participant.leave())
            emulation.close()
            self._context.socket_drops += emulation.socket_drops
        for seat in (first, second):
            seat.left = seat.participant.left_at or 0.0
        return call

    def _seat(self, context: Context, room: _Room, network: Network | None) -> Seat:
        samples: list[Sample] = []
        media = self._contents.media(context.rng)
        participant = Seated(
            replace(context, sink=samples.append), open_signalling(Platform(url=self._url)), media, room, SavingsLedger(),
            VmafSamples(context, enabled=False), network,
        )  # fmt: skip
        participant.sent, participant.ticks = [], []
        return Seat(participant, samples)

    @staticmethod
    def _find_links(emulation: RecordingEmulation, call: Call) -> None:
        def link(found: object) -> RecordingLink | None:
            return found if isinstance(found, RecordingLink) else None

        near = emulation.accesses[call.first.participant.participant]
        far = emulation.accesses.get(call.second.participant.participant)
        call.first.out, call.first.into = link(near.up), link(near.down)
        call.second.out = link(far.up if far is not None else near.down)
        call.second.into = link(far.down if far is not None else near.up)

    async def _end(self, call: Call) -> None:
        """Cameras off, let what is on its way arrive, read."""
        for seat in (call.first, call.second):
            seat.participant.stop_media()
        call.stopped = self._context.clock.now()
        await asyncio.sleep(_DRAIN + 2 * _longest_delay((call.first, call.second)))
        for seat in (call.first, call.second):
            self._read(seat)

    def _read(self, seat: Seat) -> None:
        now = self._context.clock.now()
        for path in seat.participant.paths.values():
            for receiver in path.rtcp.receivers.values():
                seat.streams[receiver.kind] = receiver.ssrc, receiver.stream.snapshot(now)
        view = next(iter(seat.participant.views.values()), None)
        if view is None or seat.into is None:
            return
        for start, end in seat.into.truth.blackouts:
            seat.gaps[start, end] = {kind: line.longest_gap(start, end) for kind, line in view.timelines.items()}

    async def _migrate(self, call: Call, context: Context, room: _Room, name: str) -> None:
        """A third one comes; the uplink goes black as the move begins; wait for the end of it, and read."""
        room.cut, room.blackout = call.first.out, call.case.blackout
        visitor = self._seat(context, room, None)
        try:
            await visitor.participant.join(name, "C", context.clock.now(), JOIN_DEADLINE)
            async with asyncio.timeout(_MOVE_DEADLINE):
                await room.over.wait()
            await asyncio.sleep(TAIL)
        except TimeoutError as error:
            raise MeasurementError(f"the room did not move within {_MOVE_DEADLINE:g} s", who=call.case.name) from error
        finally:
            move = room.move
            found = call.second.participant.switches(move.started, move.ended + TAIL) if move.ended else []
            sender = call.first.participant.participant
            move.switches = tuple(switch for switch in found if switch.sender == sender)
            call.move = move
            await visitor.participant.leave()


def _longest_delay(seats: Iterable[Seat]) -> float:
    """Of all that the links added so far, seconds."""
    return max((seat.into.truth.total.delays.maximum for seat in seats if seat.into is not None), default=0.0)

"""One headless participant: enters a meeting, owns its paths, perceives the others, follows the meeting's migrations."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Protocol

from probe.client.context import Context
from probe.client.path import Path
from probe.client.publisher import AudioPackets, Publisher, VideoFrames
from probe.client.view import View
from probe.client.vmaf_samples import VmafSamples
from probe.measure.join import JoinClock
from probe.measure.migration import Kind, StreamSwitch
from probe.measure.savings import SavingsLedger
from probe.model.errors import ConnectionFailed, ProbeError, SignallingError
from probe.rtc.peer import IceServer
from probe.rtc.receiver import ReceiverHooks
from probe.signalling import base
from sfu_shim.core.link.profiles import Network

_GRACE = 1.5
"""Seconds between a lost path and calling it a drop: the server's word that it was meant to go may still be on its way."""
_WINDOW = 1.0
_BEFORE = 5.0
"""Seconds before a migration that its MOS dip is measured against."""
_HINTS = {
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
_SILENCE = 5.0
"""Seconds without any media of somebody who is in the meeting: the viewer calls that a drop."""


class Observer(Protocol):
    """The meeting, as its participants see it."""

    def migration_started(self, who: Participant, migration: base.MigrationStarted, now: float) -> None:
        """The room begins to move."""

    def migration_ready(self, who: Participant, migration: str, now: float) -> None:
        """This participant has everybody's media on the new path."""

    def migration_ended(self, who: Participant, migration: str, failure: str, now: float) -> None:
        """Committed and the old paths closed (empty `failure`), or rolled back."""

    def signalling_lost(self, who: Participant, now: float) -> None:
        """It hears nothing any more."""


@dataclass(frozen=True, slots=True)
class Media:
    """What a participant sends; None for a kind that is off."""

    video: VideoFrames | None
    fps: float
    audio: AudioPackets | None
    phase: float


@dataclass(slots=True)
class _Move:
    """A migration under way, from one participant's side. `repeated`: per sender, frames seen twice before it began."""

    message: base.MigrationStarted
    repeated: dict[str, int]
    ready: bool = False

    def carries(self, participant: str) -> bool:
        """Whether there is anybody to move beside us: a room of one changes its topology without moving media."""
        return bool(set(self.message.members) - {participant})


class Participant:
    """Create, `await join(...)`, later `await leave()`. What it perceives goes to the context as samples."""

    def __init__(
        self,
        context: Context,
        signalling: base.Signalling,
        media: Media,
        observer: Observer,
        ledger: SavingsLedger,
        samples: VmafSamples,
        network: Network | None = None,
    ) -> None:
        self.participant = ""
        self.topology: base.Topology | None = None
        self.members: set[str] = set()
        self.views: dict[str, View] = {}
        self.paths: dict[str, Path] = {}
        self.join_clock: JoinClock | None = None
        self.drops: list[tuple[float, str]] = []
        self.joined_at: float | None = None
        self.left_at: float | None = None
        self.expects_media = False
        self.lost = False
        self._joining = False
        self._context = context
        self._signalling = signalling
        self._media = media
        self._observer = observer
        self._ledger = ledger
        self._samples = samples
        self._network = network
        self._publisher: Publisher | None = None
        self._servers: tuple[IceServer, ...] = ()
        self._join_path: str | None = None
        self._move: _Move | None = None
        self._repeated: dict[str, int] = {}
        self._media_seen = asyncio.Event()
        self._join_error: ProbeError | None = None
        self._leaving = False
        self._leave_task: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._stop_window: Callable[[], None] = lambda: None
        self._silent: set[str] = set()
        self._frames: dict[str, int] = {}
        self._frame_rate: float | None = None
        self._traffic: dict[str, int] = {}
        self._carried_since: tuple[base.Topology, float] | None = None
        self._seconds: dict[base.Topology, float] = {}

    # entering

    async def join(self, room: str, name: str, intended: float, deadline: float) -> None:
        """Enter the room and wait for the first decoded video of another, counted from the `intended` start (monotonic).

        The first in an empty room is done when it is in. Raises ProbeError, with the phase that failed, at the deadline.
        """
        self.join_clock = JoinClock(intended, self._goal)
        try:
            async with asyncio.timeout(max(0.1, intended + deadline - self._context.clock.now())):
                await self._enter(room, name)
                await self._wait_for_media()
        except TimeoutError as error:
            raise self._too_late(deadline) from error

    @property
    def _goal(self) -> str:
        """What ends a join: the first picture, or in a meeting without video the first packet."""
        return "first_decoded" if self._media.video is not None else "first_rtp"

    async def _enter(self, room: str, name: str) -> None:
        assert self.join_clock is not None
        await self._signalling.connect()
        self.join_clock.mark("signalling_connect", self._context.clock.now())
        joined = await self._signalling.join(room, name)
        now = self._context.clock.now()
        self.join_clock.mark("room_join", now)
        self.participant, self.members, self.joined_at = joined.participant, set(joined.members), now
        self._servers = tuple(
            IceServer(urls, username, credential) for urls, username, credential in joined.ice_servers
        )
        self._carried_by(joined.topology)
        self._publisher = Publisher(
            self._context.clock,
            self._context.wheel,
            video=self._media.video,
            fps=self._media.fps,
            audio=self._media.audio,
            phase=self._media.phase,
            receivers=lambda: len(self.members),
        )
        self._context.captures[self.participant] = self._publisher.captures
        if self._network is not None and self._context.emulation is not None:
            self._context.emulation.enter(self.participant, self._network)
        self._stop_window = self._context.wheel.every(_WINDOW, self._window)
        self._spawn(self._follow())

    async def _wait_for_media(self) -> None:
        self.expects_media = self._joining = bool(self.members)
        if self.expects_media:
            await self._media_seen.wait()
            self._joining = False
            if self._join_error is not None:
                raise self._join_error

    def _too_late(self, deadline: float) -> ProbeError:
        assert self.join_clock is not None
        phase = self.join_clock.failed_phase or "first_decoded"
        if phase == "ice_gathering" and not self.paths:
            phase = "offer_answer"  # nobody asked for a connection: that is not our gathering
        for path in self.paths.values():
            path.missed_deadline()
        return ProbeError(
            f"not joined within {deadline:g} s", who=self.participant, phase=phase, hint=_HINTS.get(phase, "")
        )

    # what the platform says

    async def _follow(self) -> None:
        while not self._leaving:
            event = await self._signalling.next_event()
            if isinstance(event, base.SignallingLost):
                self._signalling_lost(event.reason)
                return
            try:
                await self._on_event(event)
            except SignallingError as error:
                self._context.complain(error, who=self.participant, phase="signalling")

    async def _on_event(self, event: base.Event) -> None:
        match event:
            case base.OpenPath():
                await self._open(event)
            case base.ClosePath():
                await self._close_path(event.path)
            case base.RemoteDescription():
                if path := self.paths.get(event.path):
                    await path.on_description(event)
            case base.RemoteCandidate():
                if path := self.paths.get(event.path):
                    await path.on_candidate(event.candidate)
            case base.MemberJoined():
                self.members.add(event.participant)
            case base.MemberLeft():
                self._member_left(event.participant)
            case base.MigrationStarted():
                self._move = _Move(
                    event, {remote: view.timelines["video"].repeated for remote, view in self.views.items()}
                )
                if self._move.carries(self.participant):
                    self._observer.migration_started(self, event, self._context.clock.now())
                await self._check_ready()
            case base.MigrationCommitted() | base.MigrationRolledBack():
                await self._end_move(event)
            case base.ServerComplaint():
                self._server_complains(event)

    async def _open(self, event: base.OpenPath) -> None:
        assert self._publisher is not None
        path = Path(self._context, self, self._signalling, self._publisher, event, self._servers)
        self.paths[event.path] = path
        self._join_path = self._join_path or event.path
        await path.start()

    async def _close_path(self, name: str) -> None:
        path = self.paths.pop(name, None)
        if path is None:
            return
        await path.close()
        for view in self.views.values():
            view.path_closed(name)
        self._traffic[path.kind] = self._traffic.get(path.kind, 0) + sum(path.bytes_on_wire)

    def _server_complains(self, complaint: base.ServerComplaint) -> None:
        """About a path of ours: it won't come up, or was lost at the server's end."""
        path = self.paths.get(complaint.path or "")
        phase = "signalling" if path is None else path.phase
        error = SignallingError(f"{complaint.code}: {complaint.message}", who=self.participant, phase=phase)
        if path is None:
            self._context.complain(error)
        elif path.up and path.kind == self.topology:  # the server closes it next: no grace can bring it back
            self._context.complain(error)
            self._drop(str(error))
        else:
            path.fail(error)

    def _member_left(self, participant: str) -> None:
        self.members.discard(participant)
        if view := self.views.pop(participant, None):
            view.finish(self._context.clock.now())
        self._spawn(self._check_ready())

    def _signalling_lost(self, reason: str) -> None:
        if self._leaving:
            return
        self.lost = True
        error = SignallingError(
            reason, who=self.participant, phase="signalling", hint="the server or the way to it is gone"
        )
        if not self._fail_join(error):
            self._context.complain(error)
            self._drop(reason)
        self._observer.signalling_lost(self, self._context.clock.now())

    # what the paths say

    def path_phase(self, path: Path, phase: str, time: float) -> None:
        """Only the first path counts for the join."""
        if self.join_clock is not None and path.id == self._join_path and not self._media_seen.is_set():
            self.join_clock.mark(phase, time)

    def path_up(self, path: Path) -> None:
        """Nothing to do: media tells when a path is good."""

    def path_down(self, path: Path, error: ProbeError) -> None:
        """A path failed to connect, or was lost."""
        if self._leaving:
            return
        if error.phase == "in_call":
            self._spawn(self._confirm_drop(path, error))
            return
        # A connection that never came up broke nothing that was there: it counts as an attempt, not as a drop.
        if path.id == self._join_path and self._fail_join(error):
            return
        self._context.complain(error, who=self.participant)
        if path.migration is not None and self._move is not None and self._move.message.migration == path.migration:
            self._spawn(self._give_up(path.migration, str(error)))

    async def _confirm_drop(self, path: Path, error: ProbeError) -> None:
        await asyncio.sleep(_GRACE)
        if path.id in self.paths and not self._leaving:
            self._context.complain(error, who=self.participant)
            self._drop(str(error))

    async def _give_up(self, migration: str, reason: str) -> None:
        try:
            await self._signalling.send_failed(migration, reason)
        except SignallingError as error:
            self._context.complain(error, who=self.participant)

    def _fail_join(self, error: ProbeError) -> bool:
        """End a join that waits for media with that error. False when none is waiting."""
        if self._media_seen.is_set() or not self._joining:
            return False
        self._join_error = error
        self._media_seen.set()
        return True

    def _drop(self, reason: str) -> None:
        self.drops.append((self._context.clock.now(), reason))

    def hooks(self, path: Path, remote: str, kind: str) -> ReceiverHooks:
        """Media of `remote` begins on a path."""
        view = self.views.get(remote)
        if view is None:
            view = self.views[remote] = View(self._context, self.participant, remote, self._milestone, self._samples)

        def want_keyframe() -> None:
            if receiver := path.receiver(remote, "video"):
                receiver.need_keyframe()

        return view.hooks(
            path.id, path.kind, kind, self._context.codecs[0] if self._context.codecs else "VP8", want_keyframe
        )

    def _milestone(self, path: str, name: str, time: float) -> None:
        if name == "flowing":
            self._spawn(self._check_ready())
            return
        if self.join_clock is not None and not self._media_seen.is_set():
            self.join_clock.mark(name, time)
            if name == self._goal:
                self._media_seen.set()

    # migration

    async def _check_ready(self) -> None:
        """Tell the server once every awaited member's media flows on a path of this migration."""
        move = self._move
        if move is None or move.ready or self._publisher is None:
            return
        new = [path for path in self.paths.values() if path.migration == move.message.migration]
        awaited = (set(move.message.members) & self.members) - {self.participant}
        kinds = self._publisher.kinds
        if not all(any(self._flows(member, path, kinds) for path in new) for member in awaited):
            return
        move.ready = True
        self._observer.migration_ready(self, move.message.migration, self._context.clock.now())
        await self._signalling.send_ready(move.message.migration)

    def _flows(self, member: str, path: Path, kinds: tuple[str, ...]) -> bool:
        view = self.views.get(member)
        return view is not None and view.flows_on(path.id, kinds)

    def switches(self, start: float, end: float) -> list[StreamSwitch]:
        """What this receiver saw of each sender's streams between two times (monotonic), across a migration.

        Of those that it had seen before: who enters meanwhile has nothing to lose by the switch.
        """
        kinds = self._publisher.kinds if self._publisher is not None else ()
        known = [(remote, view) for remote, view in self.views.items() if remote in self._repeated]
        return [self._switch(remote, view, kind, start, end) for remote, view in known for kind in kinds]

    def _switch(self, remote: str, view: View, kind: Kind, start: float, end: float) -> StreamSwitch:
        gap = view.timelines[kind].longest_gap(start, end)
        if kind == "audio":
            return StreamSwitch(self.participant, remote, kind, gap)
        repeated = view.timelines["video"].repeated - self._repeated.get(remote, 0)
        return StreamSwitch(
            self.participant,
            remote,
            kind,
            gap,
            view.frames_lost(start, end),
            max(0, repeated),
            view.mean_mos(start - _BEFORE, start),
            view.lowest_mos(start, end),
        )

    async def _end_move(self, event: base.MigrationCommitted | base.MigrationRolledBack) -> None:
        move, self._move = self._move, None
        if move is None or move.message.migration != event.migration:
            return
        self._repeated = move.repeated
        committed = isinstance(event, base.MigrationCommitted)
        dead = [
            p.id
            for p in self.paths.values()
            if (p.migration == event.migration) != committed and p.kind != event.topology
        ]
        for name in dead:
            await self._close_path(name)
        self._carried_by(event.topology)
        failure = "" if isinstance(event, base.MigrationCommitted) else event.reason or "rolled back"
        if move.carries(self.participant):
            self._observer.migration_ended(self, event.migration, failure, self._context.clock.now())

    def _carried_by(self, topology: base.Topology) -> None:
        now = self._context.clock.now()
        if self._carried_since is not None:
            before, since = self._carried_since
            self._seconds[before] = self._seconds.get(before, 0.0) + now - since
        self._carried_since = (topology, now)
        self.topology = topology

    # once a second, and the end

    @property
    def state(self) -> str:
        """A word or two on where it is."""
        if self._leaving:
            return "left"
        if (
            self.join_clock is not None
            and self.join_clock.total is None
            and (self.expects_media or not self.participant)
        ):
            return f"joining: {(self.join_clock.failed_phase or '').replace('_', ' ')}"
        return f"moving to {self._move.message.target}" if self._move is not None else self.topology or "waiting"

    def figures(self) -> dict[str, float | None]:
        """The last second, for the live display; None where nothing is known."""
        rtts = [path.readings.last_rtt for path in self.paths.values() if path.readings.last_rtt is not None]
        losses = [loss for path in self.paths.values() if (loss := path.readings.loss_ratio) is not None]
        mos = [
            v.watching.last_mos
            for v in self.views.values()
            if v.watching is not None and v.watching.last_mos is not None
        ]
        audio = [
            v.last_audio.last.score
            for v in self.views.values()
            if v.last_audio is not None and v.last_audio.last is not None
        ]
        return {
            "round_trip_seconds": rtts[-1] if rtts else None,
            "loss_ratio": max(losses, default=None),
            "frame_rate": self._frame_rate if self.views else None,
            "video_score": min(mos, default=None),
            "audio_score": min(audio, default=None),
        }

    def _window(self, due: float) -> None:
        now = self._context.clock.now()
        frames = {remote: view.timelines["video"].new for remote, view in self.views.items()}
        rates = [count - self._frames.get(remote, 0) for remote, count in frames.items()]
        self._frame_rate, self._frames = min(rates, default=None), frames
        rtts = [p.readings.last_rtt for p in self.paths.values() if p.readings.last_rtt is not None]
        for view in self.views.values():
            view.window(now, rtts[-1] if rtts else None)
            if view.remote in self.members and view.silent_for(now) > _SILENCE and view.remote not in self._silent:
                self._silent.add(view.remote)
                error = ConnectionFailed(
                    f"no media of {view.remote} for {_SILENCE:g} s",
                    who=self.participant,
                    phase="in_call",
                    hint="the media path is dead",
                )
                self._context.complain(error)
                self._drop(str(error))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._task_done)

    def _task_done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if task.cancelled() or (error := task.exception()) is None:
            return
        if isinstance(error, ProbeError):
            self._context.complain(error, who=self.participant)
        else:
            self._context.crashed(error)

    async def force_topology(self, topology: base.Topology | None) -> None:
        """Pin the room (None: unpin)."""
        await self._signalling.force_topology(topology)

    def stop_media(self) -> None:
        """Camera and microphone off for good; everything else goes on."""
        if self._publisher is not None:
            self._publisher.close()

    async def leave(self) -> None:
        """Leave, close everything, emit what is final. Ends within seconds. Idempotent, and goes on where the caller is
        cancelled: a second caller waits for the same end."""
        if self._leave_task is None:
            self._leave_task = asyncio.ensure_future(self._leave())
        await asyncio.shield(self._leave_task)

    async def _leave(self) -> None:
        self._leaving = True
        self.left_at = self._context.clock.now()
        self._stop_window()
        await self._signalling.leave()  # first: the server shall not take our closing paths for a failure
        for name in list(self.paths):
            await self._close_path(name)
        for view in self.views.values():
            view.finish(self.left_at)
        for task in list(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=2.0)
        self._settle()

    def _settle(self) -> None:
        self.views.clear()
        self._context.captures.pop(self.participant, None)
        if self._publisher is not None:
            self._publisher.close()
            self._publisher.settle(self._ledger)
            self._publisher = None
        if self.topology is not None:
            self._carried_by(self.topology)
        for topology, seconds in self._seconds.items():
            self._ledger.add_time(topology, seconds)
            volume = self._traffic.get(topology, 0)
            if volume and seconds >= _WINDOW:
                per_hour = volume / 1e6 / seconds * 3600
                self._context.emit(
                    "megabytes_per_participant_hour", per_hour, {"topology": topology}, who=self.participant
                )

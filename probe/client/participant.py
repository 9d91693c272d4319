"""One headless participant: enters a meeting, owns its paths, perceives the others, follows the meeting's migrations."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from probe.client.blindness import Blindness, blindness
from probe.client.context import Context
from probe.client.dumps.path import DumpedPath
from probe.client.errands import Errands
from probe.client.joining import Joining
from probe.client.live import Live, silence, unheard, wanting_keyframe
from probe.client.moves import Moves
from probe.client.path import Path
from probe.client.picture_sample import PictureSample, look_at
from probe.client.publishing import AnyPublisher, open_publisher
from probe.client.seams import Media, Observer
from probe.client.stay import Stay
from probe.client.view import View
from probe.client.vmaf_samples import VmafSamples
from probe.measure.join import JoinClock
from probe.measure.migration import StreamSwitch
from probe.measure.savings import SavingsLedger
from probe.model.errors import ProbeError, SignallingError
from probe.rtc.peer import IceServer
from probe.rtc.receiver import ReceiverHooks
from probe.signalling import base
from sfu_shim.core.link.profiles import Network

_GRACE = 1.5
"""Seconds between a lost path and calling it a drop: the server's word that it was meant to go may still be on its way."""
_WINDOW = 1.0


class Participant:
    """Create, `await join(...)`, later `await leave()`. What it perceives goes to the context as samples.

    `expects_media`: its join waits for somebody's media; `timed`: for that, or where the platform shows nobody, for its own
    connection.
    """

    def __init__(
        self,
        context: Context,
        signalling: base.Signalling,
        media: Media,
        observer: Observer,
        ledger: SavingsLedger,
        samples: VmafSamples,
        network: Network | None = None,
        migration_deadline: float = 10.0,
    ) -> None:
        self.participant = ""
        self.members: set[str] = set()
        self.views: dict[str, View] = {}
        self.paths: dict[str, Path] = {}
        self.drops: list[tuple[float, str]] = []
        self.joined_at: float | None = None
        self.left_at: float | None = None
        self.expects_media = False
        self.timed = False
        self.lost = False
        self._context = context
        self._signalling = signalling
        self._media = media
        self._observer = observer
        self._ledger = ledger
        self._samples = samples
        self._network = network
        self._publisher: AnyPublisher | None = None
        self._servers: tuple[IceServer, ...] = ()
        self._joining: Joining | None = None
        self._stay = Stay(context)
        self._moves = Moves(self, context, signalling, observer, self._stay, migration_deadline)
        self._live = Live(self.views, self.paths)
        self._blindness = Blindness()
        self._leaving = False
        self._leave_task: asyncio.Task[None] | None = None
        self._errands = Errands(context, lambda: self.participant)
        self._stop_window: Callable[[], None] = lambda: None

    @property
    def topology(self) -> base.Topology | None:
        """What carries it, None before it is in."""
        return self._stay.topology

    @property
    def join_clock(self) -> JoinClock | None:
        """The phases of its join, None before it tried."""
        return self._joining.clock if self._joining is not None else None

    # entering

    async def join(self, room: str, name: str, intended: float, deadline: float) -> None:
        """Enter the room and wait for the first decoded video of another, counted from the `intended` start (monotonic).

        The first in an empty room is done when it is in. Raises ProbeError, with the phase that failed, at the deadline.
        """
        joining = self._joining = Joining(intended, self._media.goal)
        try:
            async with asyncio.timeout(max(0.1, intended + deadline - self._context.clock.now())):
                await self._enter(room, name, joining)
                if self.timed:
                    await joining.wait()
        except TimeoutError as error:
            for path in self.paths.values():
                path.missed_deadline()
            raise joining.too_late(deadline, self.participant) from error

    async def _enter(self, room: str, name: str, joining: Joining) -> None:
        await self._signalling.connect()
        joining.reached("signalling_connect", self._context.clock.now())
        joined = await self._signalling.join(room, name)
        now = self._context.clock.now()
        joining.reached("room_join", now)
        self.participant, self.members, self.joined_at = joined.participant, set(joined.members), now
        self._servers = tuple(IceServer(*server) for server in joined.ice_servers)
        self.expects_media = joined.awaits == "media" or (joined.awaits == "members" and bool(self.members))
        self.timed = self.expects_media or joined.awaits == "connection"
        if joined.awaits == "connection":
            joining.aim("dtls_connected")
        self._context.meetings[self.participant] = room
        self._moves.entered(joined)
        self._publisher = open_publisher(self._context, self._media, lambda: len(self.members))
        if self._publisher.kinds:  # who only watches is nobody's source, whatever the stream it watches is called
            self._context.captures[self.participant] = self._publisher.captures
        if self._network is not None and self._context.emulation is not None:
            self._context.emulation.enter(self.participant, self._network)
        self._stop_window = self._context.chores.every(_WINDOW, self._window)
        self._errands.send(self._follow())

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
        self._moves.saw(event)
        match event:
            case base.OpenPath():
                await self._open(event)
            case base.ClosePath():
                await self.close_path(event.path)
            case base.RemoteDescription():
                if path := self.paths.get(event.path):
                    await path.on_description(event)
            case base.RemoteCandidate():
                if path := self.paths.get(event.path):
                    await path.on_candidate(event.candidate)
            case base.MemberJoined():
                self.members.add(event.participant)
                self._members_changed()
            case base.MemberLeft():
                self._member_left(event.participant)
            case base.MigrationStarted():
                await self._moves.begin(event, self._publisher.kinds if self._publisher is not None else ())
            case base.MigrationCommitted() | base.MigrationRolledBack():
                await self._moves.end(event)
            case base.ServerComplaint():
                self._server_complains(event)

    async def _open(self, event: base.OpenPath) -> None:
        assert self._publisher is not None
        kind = Path if self._context.dumps is None else DumpedPath
        path = kind(self._context, self, self._signalling, self._publisher, event, self._servers)
        self.paths[event.path] = path
        self._context.garbage.connection_opened()
        if self._joining is not None:
            self._joining.opened(event.path)
        await path.start()

    async def close_path(self, name: str) -> None:
        """For good. No effect on one that is not open."""
        path = self.paths.pop(name, None)
        if path is None:
            return
        await path.close()
        for view in self.views.values():
            view.path_closed(name)
        self._stay.carried(path.kind, sum(path.bytes_on_wire))
        self._context.garbage.connection_closed()

    def _server_complains(self, complaint: base.ServerComplaint) -> None:
        """About a path of ours: it won't come up, or was lost at the server's end."""
        path = self.paths.get(complaint.path or "")
        phase = "signalling" if path is None else path.phase
        error = SignallingError(f"{complaint.code}: {complaint.message}", who=self.participant, phase=phase)
        if path is None:
            self._context.complain(error)
        elif path.up and path.kind == self.topology and not self._moves.outlived(path):
            # The server closes it next: no grace can bring it back.
            self._drop(error)
        else:
            path.fail(error)

    def _member_left(self, participant: str) -> None:
        self.members.discard(participant)
        self._members_changed()
        if view := self.views.pop(participant, None):
            view.finish(self._context.clock.now())
        self._errands.send(self._moves.check_ready())

    def _members_changed(self) -> None:
        if self._publisher is not None:
            self._publisher.members_changed()

    def _signalling_lost(self, reason: str) -> None:
        if self._leaving:
            return
        self.lost = True
        error = unheard(reason, self.participant)
        if not self._fail_join(error):
            self._drop(error, reason)
        self._observer.signalling_lost(self, self._context.clock.now())

    # what the paths say

    def path_phase(self, path: Path, phase: str, time: float) -> None:
        """Those of the first path are phases of the join."""
        if self._joining is not None:
            self._joining.reached(phase, time, path.id)

    def path_up(self, path: Path) -> None:
        """Nothing to do: media tells when a path is good."""

    def path_down(self, path: Path, error: ProbeError) -> None:
        """A path failed to connect, or was lost."""
        if self._leaving:
            return
        self._moves.path_lost(path, error)
        if error.phase == "in_call":
            self._errands.send(self._confirm_drop(path, error))
            return
        # A connection that never came up broke nothing that was there: it counts as an attempt, not as a drop.
        if self._joining is not None and path.id == self._joining.path and self._fail_join(error):
            return
        self._context.complain(error, who=self.participant)
        if path.migration is not None and self._moves.need(path):
            self._errands.send(self._moves.give_up(path.migration, str(error)))

    async def _confirm_drop(self, path: Path, error: ProbeError) -> None:
        await asyncio.sleep(_GRACE)
        if path.id not in self.paths or self._leaving:
            return
        if self._moves.outlived(path):
            await self.close_path(path.id)
        else:
            self._drop(error)

    def _fail_join(self, error: ProbeError) -> bool:
        """End a join that waits for media with that error. False when none is waiting."""
        return self._joining is not None and self._joining.fail(error)

    def _drop(self, error: ProbeError, reason: str = "") -> None:
        self._context.complain(error, who=self.participant)
        self.drops.append((self._context.clock.now(), reason or str(error)))

    def hooks(self, path: Path, remote: str, kind: str, codec: str) -> ReceiverHooks:
        """Media of `remote` begins on a path."""
        view = self.views.get(remote)
        if view is None:
            view = self.views[remote] = View(self._context, self.participant, remote, self._milestone, self._samples)
        return view.hooks(path.id, path.kind, kind, codec, wanting_keyframe(path, remote))

    def _milestone(self, path: str, name: str, time: float) -> None:
        if name == "flowing" and self._moves.target is not None:
            self._errands.send(self._moves.check_ready())
        elif name != "flowing" and self._joining is not None:
            self._joining.reached(name, time)

    def switches(self, start: float, end: float) -> list[StreamSwitch]:
        """What the migration of that time did to what it perceives, between two times (monotonic)."""
        return self._moves.switches(start, end)

    # once a second, and the end

    @property
    def state(self) -> str:
        """A word or two on where it is."""
        if self._leaving:
            return "left"
        clock = self.join_clock
        if clock is not None and clock.total is None and (self.timed or not self.participant):
            return f"joining: {(clock.failed_phase or '').replace('_', ' ')}"
        return f"moving to {self._moves.target}" if self._moves.target is not None else self.topology or "waiting"

    def figures(self) -> dict[str, float | None]:
        """The last second, for the live display; None where nothing is known."""
        return self._live.figures()

    def _window(self, due: float) -> None:
        now, senders = self._context.clock.now(), self._context.senders & self.members
        for remote in self._live.tick(now, self.members):
            self._drop(silence(remote, self.participant))
        if not self.expects_media and self._blindness.tick(now, senders, self.views.values(), self.paths.values()):
            self._drop(blindness(senders, self.participant))  # of others the join tells

    def look(self) -> list[PictureSample]:
        """Begin to look at the pictures of the streams that it receives now, where it reads headers only."""
        return look_at(self._context, self.participant, self.paths.values())

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
        self._moves.close()
        await self._signalling.leave()  # first: the server shall not take our closing paths for a failure
        for name in list(self.paths):
            await self.close_path(name)
        for view in self.views.values():
            view.finish(self.left_at)
        await self._errands.call_off()
        self._settle()

    def _settle(self) -> None:
        self.views.clear()
        self._context.captures.pop(self.participant, None)
        self._context.senders.discard(self.participant)
        if self._context.dumps is not None:
            self._context.dumps.left(self.participant)
        if self._publisher is not None:
            self._publisher.close()
            self._publisher.settle(self._ledger)
            self._publisher = None
        self._stay.settle(self._ledger, self.participant)

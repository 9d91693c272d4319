"""A migration from one participant's side: what is awaited on the new path, and what the switch did to what it perceives."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from probe.client.path import Path
from probe.client.view import View
from probe.measure.migration import Kind, StreamSwitch
from probe.measure.recognition import Stream
from probe.signalling import base

_BEFORE = 5.0
"""Seconds before a migration that its MOS dip is measured against."""


class Moving:
    """`views` and `paths` are the participant's own, by name, as they change. `kinds`: what everybody sends. `streams`: those that
    are to be moved, by sender and kind; None: all of everybody seen so far."""

    def __init__(
        self,
        message: base.MigrationStarted,
        who: str,
        views: Mapping[str, View],
        paths: Mapping[str, Path],
        kinds: Collection[Kind],
        streams: Collection[Stream] | None = None,
    ) -> None:
        self.message = message
        self.ready = False
        self._who = who
        self._views = views
        self._paths = paths
        self._kinds = tuple(kinds)
        self._streams = streams
        self._repeated = {remote: view.timelines["video"].repeated for remote, view in views.items()}

    @property
    def carries(self) -> bool:
        """Whether there is anybody to move beside us: a room of one changes its topology without moving media."""
        return bool(set(self.message.members) - {self._who})

    def complete(self, members: Collection[str]) -> bool:
        """Whether the media of all awaited ones who are still there flows on a new path."""
        new = [path for path in self._paths.values() if path.migration == self.message.migration]
        awaited = (set(self.message.members) & set(members)) - {self._who}
        return all(any(self._flows(member, path.id) for path in new) for member in awaited)

    def _flows(self, member: str, path: str) -> bool:
        view = self._views.get(member)
        return view is not None and view.flows_on(path, self._kinds)

    def superfluous(self, *, committed: bool, topology: base.Topology) -> list[Path]:
        """Which paths have to go: the old ones after a commit, those of this migration after a rollback."""
        mine = self.message.migration
        return [p for p in self._paths.values() if (p.migration == mine) != committed and p.kind != topology]

    def switches(self, start: float, end: float) -> list[StreamSwitch]:
        """What this receiver saw of each sender's streams between two times (monotonic).

        Of those that it had seen before: who enters meanwhile has nothing to lose by the switch.
        """
        known = [(remote, kind) for remote in self._views if remote in self._repeated for kind in self._kinds]
        moved = [stream for stream in known if self._streams is None or stream in self._streams]
        return [self._switch(remote, self._views[remote], kind, start, end) for remote, kind in moved]

    def _switch(self, remote: str, view: View, kind: Kind, start: float, end: float) -> StreamSwitch:
        """A stream that flows on no open path has no gap that ended: it is gone."""
        flows = any(view.flows_on(path.id, (kind,)) for path in self._paths.values())
        gap = view.timelines[kind].longest_gap(start, end) if flows else None
        if kind == "audio":
            return StreamSwitch(self._who, remote, kind, gap)
        return StreamSwitch(
            self._who,
            remote,
            kind,
            gap,
            frames_lost=view.frames_lost(start, end),
            frames_repeated=max(0, view.timelines["video"].repeated - self._repeated[remote]),
            mos_before=view.mean_mos(start - _BEFORE, start),
            mos_lowest=view.lowest_mos(start, end),
        )

"""Once a second: rate what is heard, see whose media has stopped, keep the figures of the moment for the display."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from probe.client.path import Path
from probe.client.view import View
from probe.model.errors import ConnectionFailed, SignallingError

SILENCE = 5.0
"""Seconds without any media of somebody who is in the meeting: the viewer calls that a drop."""


def silence(remote: str, who: str) -> ConnectionFailed:
    """What `who` has to complain of when the media of `remote` has stopped."""
    message = f"no media of {remote} for {SILENCE:g} s"
    return ConnectionFailed(message, who=who, phase="in_call", hint="the media path is dead")


def unheard(reason: str, who: str) -> SignallingError:
    """What `who` has to complain of when the platform says nothing any more."""
    return SignallingError(reason, who=who, phase="signalling", hint="the server or the way to it is gone")


def wanting_keyframe(path: Path, remote: str) -> Callable[[], None]:
    """What asks for a keyframe of the video of `remote` that comes by that path, if any does by then."""

    def want() -> None:
        if receiver := path.receiver(remote, "video"):
            receiver.need_keyframe()

    return want


class Live:
    """One participant's moment. `views` and `paths` are its own, as they change."""

    def __init__(self, views: Mapping[str, View], paths: Mapping[str, Path]) -> None:
        self._views = views
        self._paths = paths
        self._frames: dict[str, tuple[float, int]] = {}  # when they were counted last, and how many there were
        self._rates: dict[str, float] = {}
        self._silent: set[str] = set()

    def tick(self, now: float, members: Collection[str]) -> list[str]:
        """A second has passed. Returns the members whose media has stopped since the last call."""
        for remote, view in self._views.items():
            if view.due(now):
                self._count(remote, now, view.window(now, self._round_trip))
        stopped = [name for name, view in self._views.items() if name in members and view.silent_for(now) > SILENCE]
        new = [name for name in stopped if name not in self._silent]
        self._silent.update(new)
        return sorted(new)

    def _count(self, remote: str, now: float, frames: int) -> None:
        """Frames per second since the last look; a view's first look ends its first second."""
        then, before = self._frames.get(remote, (now - 1.0, 0))
        self._frames[remote] = now, frames
        self._rates[remote] = (frames - before) / (now - then) if now > then else 0.0

    @property
    def _round_trip(self) -> float | None:
        known = [path.readings.last_rtt for path in self._paths.values() if path.readings.last_rtt is not None]
        return known[-1] if known else None

    def figures(self) -> dict[str, float | None]:
        """None where nothing is known; of several streams the worst."""
        losses = [loss for path in self._paths.values() if (loss := path.readings.loss_ratio) is not None]
        watching = [view.watching for view in self._views.values() if view.watching is not None]
        listening = [view.last_audio for view in self._views.values() if view.last_audio is not None]
        rates = [self._rates[remote] for remote in self._views if remote in self._rates]
        return {
            "round_trip_seconds": self._round_trip,
            "loss_ratio": max(losses, default=None),
            "frame_rate": min(rates, default=None),
            "video_score": min((w.last_mos for w in watching if w.last_mos is not None), default=None),
            "audio_score": min((one.last.score for one in listening if one.last is not None), default=None),
        }

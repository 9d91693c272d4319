"""What a participant is given, and whom it tells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from probe.client.publisher import AudioPackets, VideoFrames
from probe.signalling import base


@dataclass(frozen=True, slots=True)
class Media:
    """What a participant sends; None for a kind that is off. `phase` (0–1) spreads participants in time. `watches`: it sends
    nothing, and waits for pictures."""

    video: VideoFrames | None
    fps: float
    audio: AudioPackets | None
    phase: float
    watches: bool = False

    @property
    def goal(self) -> str:
        """The phase that ends its join: the first picture, or in a meeting without video the first packet."""
        return "first_decoded" if self.video is not None or self.watches else "first_rtp"


NOTHING = Media(None, 1.0, None, 0.0, watches=True)
"""What who only watches sends."""


class Somebody(Protocol):
    """A participant, as its observer sees it."""

    participant: str


class Observer(Protocol):
    """The meeting, as its participants see it. `now` is monotonic seconds; of a migration that was recognised, not announced, it
    is when that began or was over, a moment ago."""

    def migration_started(self, who: Somebody, migration: base.MigrationStarted, now: float) -> None:
        """The room begins to move."""

    def migration_ended(self, who: Somebody, migration: str, failure: str, now: float) -> None:
        """Committed and the old paths closed (empty `failure`), or rolled back."""

    def signalling_lost(self, who: Somebody, now: float) -> None:
        """It hears nothing any more."""

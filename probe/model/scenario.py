"""What a run does: meetings, who comes and goes when, what they send, and which targets it can judge.

Everything is checked before the first packet. Times are seconds, bitrates bits per second.
"""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from probe.model.http_check import HttpCheck, check_names
from probe.model.ice import Ice, Leg
from probe.model.units import seconds, share
from probe.model.validation import Strict

Topology = Literal["hybrid", "p2p", "sfu"]
Depth = Literal["pictures", "frames", "headers"]

_LONGEST_NAME = 64

Number = Annotated[int, Field(strict=True)]  # `true` and "3" are mistakes, not numbers
Seconds = Annotated[float, Field(strict=True, ge=0, le=86_400)]
Deadline = Annotated[float, Field(strict=True, gt=0, le=600)]
Price = Annotated[float, Field(strict=True, ge=0, le=1e9)]


Share = Annotated[float, BeforeValidator(share), Field(strict=True, ge=0, le=1)]
# SRTP loses count of a stream of which less is authenticated.
Authenticated = Annotated[float, BeforeValidator(share), Field(strict=True, ge=0.001, le=1)]
Turn = Annotated[float, BeforeValidator(seconds), Field(strict=True, ge=2, le=3600)]


def _address(text: str) -> str:
    ipaddress.ip_address(text)
    return text


class VideoMedia(Strict):
    """What every participant's camera sends. `file` replaces the generated pictures, `seconds` is the loop's length."""

    codec: Literal["VP8", "H264"] = "VP8"
    width: Annotated[Number, Field(ge=96, le=3840, multiple_of=2)] = 640
    height: Annotated[Number, Field(ge=54, le=2160, multiple_of=2)] = 360
    fps: Annotated[Number, Field(ge=1, le=60)] = 30
    bitrate_bps: Annotated[Number, Field(ge=10_000, le=50_000_000)] = 1_000_000
    seconds: Annotated[Number, Field(ge=1, le=120)] = 8
    file: Path | None = None


class AudioMedia(Strict):
    """What every participant's microphone sends: Opus."""

    bitrate_bps: Annotated[Number, Field(ge=6_000, le=510_000)] = 48_000
    seconds: Annotated[Number, Field(ge=1, le=120)] = 10
    file: Path | None = None


class Observe(Strict):
    """How deep every participant looks. With `headers`, `pictures` is the share of the participants whose video is decoded and
    rated beside it, others in turn every `rotate` seconds, and `authenticate` the share of the packets that is decrypted and
    authenticated: the rest is read from the clear header."""

    depth: Depth = "headers"
    pictures: Share = 0.0
    rotate: Turn = 10.0
    authenticate: Authenticated = 0.01

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        if self.depth != "headers" and self.pictures:
            raise ValueError(
                f"pictures: a share of the participants is picked at depth headers; at {self.depth} all are alike"
            )
        return self


def _observe(value: object) -> object:
    return {"depth": value} if isinstance(value, str) else value


class Media(Strict):
    """`null` switches a kind off; a meeting without both measures nothing."""

    video: VideoMedia | None = VideoMedia()
    audio: AudioMedia | None = AudioMedia()

    @model_validator(mode="after")
    def _something(self) -> Self:
        if self.video is None and self.audio is None:
            raise ValueError("video and audio are both switched off")
        return self


class Prices(Strict):
    """What the savings are worked out with: the fields and defaults of `probe.measure.savings.Prices`."""

    egress_per_gb: Price = 0.09
    ingress_per_gb: Price = 0.0
    sfu_per_hour: Price = 0.17
    participants_per_sfu: Annotated[float, Field(strict=True, gt=0, le=1e9)] = 100.0


class Scenario(Strict):
    """One run.

    Each of `meetings` has `participants` core members who enter `join_spacing` apart; `settle` seconds after the last,
    `visitors` enter, stay for `visit` seconds once all is quiet, and leave; that is one of `cycles`. `after` the last,
    everybody leaves. All of it happens `rounds` times, in fresh rooms. `browsers` are headless Chromiums on the shim's meeting
    page, who enter after the core members, stay to the end, and tell what they see beside us. With topology `hybrid` the
    server's policy moves the room (`p2p_limit`: up to how many participants it keeps a room on P2P; the embedded server is
    started with it); with `p2p` or `sfu` the room is forced to stay there.

    `addresses` are those that ICE gathers on; empty: loopback for a server on loopback, else all of this machine's.
    `network` is the emulated access network of every participant, `networks` of single ones, in the order in which they
    enter a meeting (docs/network.md); null: none. Their grammar is checked where the emulator is known, before the first
    packet too.
    `ice` is what gets them through (docs/ice.md); with `legs` the run is repeated, once on each.
    With `watch` nobody of ours sends: all participants watch one stream, and one viewer is enough.
    `http` are requests that are made beside the meetings.
    `judges` are the KPIs that this scenario can judge; None: all that the target profile lets a single run judge.
    """

    name: Annotated[str, Field(min_length=1, max_length=_LONGEST_NAME, pattern=r"^[\w][\w .-]*$")]
    description: Annotated[str, Field(max_length=2000)] = ""
    topology: Topology = "hybrid"
    meetings: Annotated[Number, Field(ge=1, le=5000)] = 1
    participants: Annotated[Number, Field(ge=1, le=500)] = 2
    visitors: Annotated[Number, Field(ge=0, le=500)] = 0
    browsers: Annotated[Number, Field(ge=0, le=20)] = 0
    watch: Annotated[bool, Field(strict=True)] = False
    cycles: Annotated[Number, Field(ge=1, le=100_000)] = 1
    rounds: Annotated[Number, Field(ge=1, le=10_000)] = 1
    join_spacing: Seconds = 0.3
    meeting_spacing: Seconds = 0.5
    settle: Seconds = 8.0
    visit: Seconds = 8.0
    after: Seconds = 5.0
    join_deadline: Deadline = 15.0
    migration_deadline: Deadline = 10.0
    p2p_limit: Annotated[Number, Field(ge=1, le=500)] = 2
    observe: Annotated[Observe, BeforeValidator(_observe)] = Observe(depth="pictures")
    media: Media = Media()
    addresses: tuple[Annotated[str, AfterValidator(_address)], ...] = ()
    network: str | dict[str, Any] | None = None
    networks: tuple[str | dict[str, Any] | None, ...] = ()
    ice: Ice = Ice()
    legs: tuple[Leg, ...] = ()
    targets: str = "video-platform"
    horizon: str = "6m"
    judges: tuple[str, ...] | None = None
    prices: Prices = Prices()
    http: Annotated[tuple[HttpCheck, ...], Field(max_length=20), AfterValidator(check_names)] = ()

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        if len(set(self.legs)) < len(self.legs):
            raise ValueError("legs: one of them is named twice")
        if self.watch:
            return self._watchable()
        if self.participants + self.visitors + self.browsers < 2:
            raise ValueError("participants: 1 without visitors meets nobody; at least two must come together")
        if self.visitors and self.topology == "hybrid" and not self.migrates:
            raise ValueError(
                f"visitors: a hybrid meeting of {self.staying} that grows to {self.staying + self.visitors} "
                f"never crosses p2p_limit {self.p2p_limit}, so nothing would migrate"
            )
        if self.browsers and self.media.video is None:
            raise ValueError("browsers: they wait for a picture, and media.video is off")
        return self

    def _watchable(self) -> Self:
        if self.topology != "sfu":
            raise ValueError(f"watch: a stream comes from a server, so topology: sfu, not {self.topology}")
        if self.browsers:
            raise ValueError("watch: browsers would take part in a meeting, and nobody meets here")
        if self.media.video is None:
            raise ValueError("watch: a viewer waits for a picture, and media.video is off")
        return self

    def on(self, leg: Leg) -> Scenario:
        """The same on that leg, under a name of its own: runs on different legs are not to be compared with one another."""
        name = f"{self.name[: _LONGEST_NAME - 1 - len(leg)]} {leg}"
        return self.model_copy(update={"name": name, "ice": self.ice.on(leg), "legs": ()})

    @property
    def staying(self) -> int:
        """Of each meeting, who stays: core members and browsers."""
        return self.participants + self.browsers

    @property
    def migrates(self) -> bool:
        """Do the visitors move each meeting to the SFU and back?"""
        return self.topology == "hybrid" and self.staying <= self.p2p_limit < self.staying + self.visitors

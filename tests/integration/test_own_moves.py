"""Migrations that no platform announces, for real: the shim with its handshake hidden, against what the handshake says."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field
from typing import Any

import pytest

from probe.client.context import Depth
from probe.client.room_moves import TAIL
from probe.measure.migration import Migration
from probe.signalling.base import Signalling
from tests.integration.party import Party, party
from tests.integration.plain import PAUSE, PlainPlatform, Says, keep_answering
from tests.integration.small import VIDEO, scenario

FRAME = 1 / VIDEO.fps
NEAR = 0.3
"""Seconds by which a time may differ from the handshake's: its messages are handled one after the other, on a busy machine slowly."""

CLOSE = 0.02
"""Seconds by which a gap may differ: across times that are near to each other, it is the same gap."""


@dataclass
class Held:
    """A meeting that is over. `truths`: of each migration, as the handshake has it: (start, end) in seconds of the run, and the
    longest gaps of audio and video across that."""

    found: Party
    platforms: list[PlainPlatform]
    truths: list[tuple[float, float, float, float]] = field(default_factory=list)

    @property
    def migrations(self) -> list[Migration]:
        return self.found.meeting.migrations

    async def watch(self) -> None:
        """Work out each truth while what it is worked out from is still there."""
        while True:
            if len(self.migrations) > len(self.truths):
                self.truths.append(self._truth(len(self.truths)))
            await asyncio.sleep(0.02)

    def _truth(self, number: int) -> tuple[float, float, float, float]:
        there = [one for one in self.platforms if len(one.ended) > number and one.who is not None]
        start = min(one.began[number] for one in there)
        end = max(one.ended[number] for one in there)
        core = {one.who.participant for one in there if one.who is not None}
        views = [view for one in there if one.who is not None for who, view in one.who.views.items() if who in core]
        gaps = [max(v.timelines[kind].longest_gap(start, end + TAIL) for v in views) for kind in ("audio", "video")]
        epoch = self.found.context.epoch
        return start - epoch, end - epoch, gaps[0], gaps[1]


async def hold(
    says: Says = "nothing",
    *,
    breaks: bool = False,
    reaches: bool = True,
    plain: bool = True,
    depth: Depth = "pictures",
    **changes: Any,
) -> Held:
    """Two in a call; a third comes, and goes."""
    platforms: list[PlainPlatform] = []

    def around(shim: Signalling) -> Signalling:
        if not plain:
            return shim
        platforms.append(PlainPlatform(shim, asyncio.get_running_loop().time, says, breaks=breaks, reaches=reaches))
        return platforms[-1]

    values: dict[str, Any] = {"participants": 2, "visitors": 1, "settle": 1.5, "visit": 1.5, "after": 0.2}
    async with party(scenario(**(values | changes)), around, depth) as found:
        held = Held(found, platforms)
        beside = [asyncio.create_task(keep_answering(platforms, lambda: found.participants))]
        if plain and reaches:
            beside.append(asyncio.create_task(held.watch()))
        async with asyncio.timeout(30.0):
            await found.meeting.run(found.context.clock.now())
        for task in beside:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
    assert not found.context.crashes
    for move in held.migrations:
        print(_figures(move))
    return held


def _figures(move: Migration) -> str:
    """What docs/migration.md shows."""
    times = (move.duration_seconds, move.audio_gap_seconds or 0.0, move.video_gap_seconds or 0.0)
    duration, audio, video = (f"{1000 * one:.0f} ms" for one in times)
    return (
        f"{move.transition}: {move.reason or 'success'}, {duration}, audio gap {audio}, video gap {video}, "
        f"lost {move.frames_lost}, repeated {move.frames_repeated}"
    )


@pytest.mark.parametrize(
    ("says", "depth"), [("nothing", "pictures"), ("first", "pictures"), ("last", "pictures"), ("nothing", "headers")]
)
async def test_the_figures_are_those_of_the_handshake(says: Says, depth: Depth) -> None:
    held = await hold(says, depth=depth)
    assert [(move.transition, move.success, move.reason) for move in held.migrations] == [
        ("p2p>sfu", True, ""), ("sfu>p2p", True, ""),
    ]  # fmt: skip
    for move, (start, end, audio, video) in zip(held.migrations, held.truths, strict=True):
        assert move.start == pytest.approx(start, abs=NEAR)
        assert move.start + move.duration_seconds == pytest.approx(end, abs=NEAR)
        assert move.audio_gap_seconds == pytest.approx(audio, abs=CLOSE)
        assert move.video_gap_seconds == pytest.approx(video, abs=CLOSE)
        assert {(stream.receiver, stream.sender) for stream in move.streams} == _pairs(held)
    assert held.found.values("connection_stability_ratio") == [1.0] * 3
    assert not held.found.context.errors


def _pairs(held: Held) -> set[tuple[str, str]]:
    """The two who were there from the beginning, both ways."""
    a, b = (one.who.participant for one in held.platforms[:2] if one.who is not None)
    return {(a, b), (b, a)}


async def test_a_report_has_the_same_figures_either_way() -> None:
    """How long the gaps are in two runs is the machine's affair: what they are of must be the same."""
    plain, announced = await hold(), await hold(plain=False)
    assert len(plain.migrations) == len(announced.migrations) == 2
    for one, other in zip(plain.migrations, announced.migrations, strict=True):
        assert (one.transition, one.success, one.reason) == (other.transition, other.success, other.reason)
        assert [stream.kind for stream in one.streams] == [stream.kind for stream in other.streams]
        assert _known(one.to_dict()) == _known(other.to_dict())


def _known(figures: dict[str, Any]) -> set[str]:
    return {name for name, value in figures.items() if value is not None}


async def test_a_break_before_the_new_path_is_a_gap_and_no_drop() -> None:
    held = await hold(breaks=True)
    assert [(move.transition, move.success, move.reason) for move in held.migrations] == [
        ("p2p>sfu", True, ""), ("sfu>p2p", True, ""),
    ]  # fmt: skip
    for move, (start, _, audio, video) in zip(held.migrations, held.truths, strict=True):
        assert move.start == pytest.approx(start, abs=NEAR)
        assert move.audio_gap_seconds == pytest.approx(audio, abs=CLOSE)
        assert move.video_gap_seconds == pytest.approx(video, abs=CLOSE)
        for stream in move.of("video"):
            assert stream.gap_seconds is not None
            assert stream.gap_seconds > PAUSE
            assert stream.frames_lost is not None
            assert stream.frames_lost >= round(PAUSE / FRAME) - 1
            assert stream.frames_repeated == 0
    assert held.found.values("connection_stability_ratio") == [1.0] * 3


async def test_nobody_gets_through_to_the_server() -> None:
    held = await hold(reaches=False, migration_deadline=4.0, join_deadline=3.5, visit=0.2)
    (move,) = held.migrations
    assert (move.transition, move.success) == ("p2p>sfu", False)
    assert "back to p2p: ice_connected: not connected within 2 s" in move.reason
    assert move.video_gap_seconds is not None
    assert move.video_gap_seconds < 4 * FRAME, "the old path carried them all the time"
    assert move.duration_seconds < 4.0

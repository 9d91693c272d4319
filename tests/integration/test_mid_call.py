"""What breaks while a meeting runs: a peer, a server, packets. The others go on, the run ends, what was measured is kept."""

from __future__ import annotations

import asyncio
import sys
from typing import Literal

import pytest

from probe.model.platform import Platform
from probe.model.progress import Progress
from probe.rtc.peer import Peer
from probe.rtc.sender import TrackSender
from probe.run import RunOptions, run_scenario
from probe.wire.rtp import build_packet
from tests.integration.party import Party, party, vanish
from tests.integration.small import bugs, count, mean, phases, scenario


@pytest.mark.parametrize("topology", ["p2p", "sfu"])
async def test_a_peer_that_vanishes_harms_nobody_else(topology: Literal["p2p", "sfu"]) -> None:
    async with party(scenario(topology=topology, participants=3, settle=4.5, after=0.0)) as found:
        running = asyncio.create_task(found.meeting.run(found.context.clock.now()))
        await found.until(lambda: found.all_see_each_other(3))
        gone, *others = found.participants
        vanish(gone)
        await found.until(lambda: all(gone.participant not in who.members for who in others))
        seen = {who: view.timelines["video"].new for who in others for view in who.views.values()}
        await found.until(
            lambda: all(view.timelines["video"].new > seen[who] + 10 for who in others for view in who.views.values())
        )
        assert [len(who.views) for who in others] == [1, 1]
        assert not any(who.drops for who in others)
        async with asyncio.timeout(12.0):
            await running
    stable = {s.detail["who"]: s.value for s in found.samples if s.metric == "connection_stability_ratio"}
    assert sorted(stable.values()) == [0.0, 1.0, 1.0]
    assert stable[found.meeting.entries[0].name] == 0.0
    assert found.present == 0
    assert not found.context.crashes
    assert not found.meeting.migrations


async def test_a_peer_that_vanishes_while_the_room_moves() -> None:
    wanted = scenario(topology="hybrid", participants=2, visitors=1, settle=0.5, visit=0.3, migration_deadline=3.0)
    async with party(wanted) as found:
        running = asyncio.create_task(found.meeting.run(found.context.clock.now()))
        await found.until(lambda: found.meeting.state.startswith("moving"))
        vanish(found.participants[0])
        async with asyncio.timeout(20.0):
            await running
    assert found.meeting.migrations
    first = found.meeting.migrations[0]
    assert (first.source, first.target, first.success) == ("p2p", "sfu", False)
    assert len(found.values("join_success_ratio")) == 3
    assert not found.context.crashes


async def _server_process() -> tuple[asyncio.subprocess.Process, str]:
    """A shim of its own, that can be killed, and its URL."""
    command = "from sfu_shim.cli import main; main()"
    server = await asyncio.create_subprocess_exec(
        sys.executable, "-c", command, "--port", "0", stdout=asyncio.subprocess.PIPE
    )
    assert server.stdout is not None
    line = await asyncio.wait_for(server.stdout.readline(), 20.0)
    return server, line.decode().split()[-1]


async def test_the_server_dies_mid_call() -> None:
    server, url = await _server_process()

    def watch(progress: Progress) -> None:
        rates = [who.frame_rate for who in progress.participants]
        if len(rates) == 2 and all(rates) and server.returncode is None:
            server.kill()

    async with asyncio.timeout(40.0):
        result = await run_scenario(
            scenario(topology="sfu", settle=8.0, after=0.0, join_deadline=5.0),
            RunOptions(platform=Platform(url=url)),
            watch,
        )
    await server.wait()
    assert mean(result, "join_success_ratio") == 1.0
    assert count(result, "connection_stability_ratio") == 2
    assert mean(result, "connection_stability_ratio") == 0.0
    assert all(entry["drops"] for entry in result.participants)
    assert {"signalling", "in_call"} == phases(result)
    assert count(result, "frame_rate") == 2
    assert mean(result, "freeze_ratio") > 0.3  # the last picture stood until the end, and nobody saw a new one
    assert count(result, "round_trip_time_seconds") > 0
    assert not bugs(result)


async def test_the_server_dies_before_the_visit() -> None:
    server, url = await _server_process()

    def watch(progress: Progress) -> None:
        if progress.joins == 2 and server.returncode is None:
            server.kill()

    async with asyncio.timeout(40.0):
        result = await run_scenario(
            scenario(visitors=1, settle=1.0, visit=0.2, join_deadline=5.0),
            RunOptions(platform=Platform(url=url)),
            watch,
        )
    await server.wait()
    assert count(result, "join_success_ratio") == 3
    assert mean(result, "join_success_ratio") == pytest.approx(2 / 3)
    assert result.migrations == ()  # the visitor never got in: nobody was to be moved
    assert mean(result, "connection_stability_ratio") == 0.0
    assert not bugs(result)


def _garbage() -> list[bytes]:
    """Datagrams in clear that only look like STUN, RTP or RTCP."""
    return [
        b"\x80", b"\x80\x60", b"\x01\x01" + bytes(30), b"\x00", b"\x90" + bytes(11), b"\x80\xc8", b"\xbf" * 1400,
        b"\x80\xc8\xff\xff" + bytes(8),
    ]  # fmt: skip


def _authentic(peer: Peer) -> list[bytes]:
    """Packets that decrypt well and hold nonsense: padding longer than the packet, RTCP with wrong lengths, sources and
    payload types that nobody announced, RTX without an original."""
    assert peer._outbound is not None
    video = next(t for t in peer.transceivers if t.kind == "video")
    rtx = video.rtx_payload_type()
    assert video.sender is not None
    assert rtx is not None
    kind = video.codec().payload_type

    def packet(payload_type: int, source: int, sequence: int, payload: bytes) -> bytes:
        return build_packet(
            payload_type=payload_type, marker=True, sequence_number=sequence, timestamp=1, ssrc=source, payload=payload
        )

    padded = bytearray(packet(kind, 77, 1, b"\xff" * 20))
    padded[0] |= 0x20
    rtp = [
        bytes(padded), packet(kind, 4711, 9, b"x" * 10), packet(127, 4712, 9, b"x"),
        packet(rtx, video.sender.rtx_ssrc, 5, b""), packet(rtx, video.sender.rtx_ssrc, 6, b"\x00"),
        packet(rtx, video.sender.rtx_ssrc, 7, b"\x12\x34noise"),
    ]  # fmt: skip
    rtcp = [
        b"\x80\xc8\x00\xff" + bytes(24), b"\x9f\xc9\x00\x01" + bytes(4), b"\x00\xc8\x00\x06" + bytes(24),
        b"\x81\xcd\x00\x02" + bytes(8), b"\x8f\xce\x00\x05" + bytes(20), b"\x80\xcc\x00\x02" + b"\xff" * 8,
    ]  # fmt: skip
    protect = peer._outbound
    return [protect.protect(data) for data in rtp] + [protect.protect_rtcp(data) for data in rtcp]


def _inject(found: Party) -> None:
    """All of it, and noise in place of frames within the running streams."""
    for path in found.participants[0].paths.values():
        for data in _garbage() + _authentic(path.peer):
            path.peer._stack.send(data)
        for sender in path._senders.values():
            assert isinstance(sender, TrackSender)
            assert sender._last is not None
            for noise in (b"", b"\xff" * 30, b"\x90\x80", b"\x00"):
                sender._emit(noise, 1, True, sender._last)


@pytest.mark.parametrize("topology", ["p2p", "sfu"])
async def test_malformed_packets_are_counted_and_the_call_goes_on(topology: Literal["p2p", "sfu"]) -> None:
    async with party(scenario(topology=topology, settle=2.5, after=0.0)) as found:
        crashes: list[object] = []
        asyncio.get_running_loop().set_exception_handler(lambda loop, what: crashes.append(what))
        running = asyncio.create_task(found.meeting.run(found.context.clock.now()))
        await found.until(lambda: found.all_see_each_other(2))
        _inject(found)
        view = next(iter(found.participants[1].views.values()))
        seen = view.timelines["video"].new
        await found.until(lambda: view.timelines["video"].new > seen + 8)
        async with asyncio.timeout(12.0):
            await running
    assert not crashes
    assert not found.context.crashes
    assert found.values("connection_stability_ratio") == [1.0, 1.0]
    refused = sum(number for (phase, _, _), number in found.context.errors.items() if phase == "packets")
    assert {phase for phase, _, _ in found.context.errors} <= {"packets"}
    if topology == "p2p":
        assert refused == 10  # at the SFU it is the server that counts them

"""An emulated access network for our end of a call, and a ledger of what our readers made of each packet."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import pytest

from probe.calibrate.recording import RecordingEmulation, RecordingLink
from probe.measure.rtp_stream import PacketFate, StreamReceiver
from probe.wire.rtcp import ReceiverReport, ReportBlock, RtcpPacket, SenderReport
from sfu_shim.core.link.impairment import Impairment
from sfu_shim.core.link.profiles import Network
from sfu_shim.core.link.schedule import Schedule
from tests.interop.party import Party


class Links(NamedTuple):
    """The two directions of the access, with the truth of what they did."""

    up: RecordingLink
    down: RecordingLink


@contextmanager
def impaired(party: Party, up: Impairment | Schedule, down: Impairment | Schedule, seed: int = 1) -> Iterator[Links]:
    """What the party sends passes `up`, what it gets `down`. To be entered before it begins its offer. A datagram that was
    lost before a link saw it fails the test: the links' truth would be none."""
    first, second = (way if isinstance(way, Schedule) else Schedule(way) for way in (up, down))
    emulation = RecordingEmulation(party.context.clock, party.context.addresses, random.Random(seed))
    access = emulation.enter(party.participant, Network("impaired", first, second))
    assert isinstance(access.up, RecordingLink)
    assert isinstance(access.down, RecordingLink)
    party.path._tunnel = emulation.tunnel(party.participant, None)
    try:
        yield Links(access.up, access.down)
    finally:
        emulation.close()
    assert emulation.socket_drops == 0


class Heard(NamedTuple):
    """A packet of a stream, and the jitter estimate after it. Times in seconds."""

    sequence: int
    timestamp: int
    arrival: float
    fate: PacketFate
    jitter: float


class Ledger:
    """Listens in on all our `StreamReceiver`s: `heard` are the packets by SSRC, `reported` the blocks that they wrote."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.heard: dict[int, list[Heard]] = defaultdict(list)
        self.reported: dict[int, list[ReportBlock]] = defaultdict(list)
        on_packet, report_block = StreamReceiver.on_packet, StreamReceiver.report_block

        def overheard(stream: StreamReceiver, sequence: int, timestamp: int, arrival: float, size: int) -> PacketFate:
            fate = on_packet(stream, sequence, timestamp, arrival, size)
            self.heard[stream.ssrc].append(Heard(sequence, timestamp, arrival, fate, stream.jitter_seconds))
            return fate

        def read(stream: StreamReceiver, now: float) -> ReportBlock:
            block = report_block(stream, now)
            self.reported[stream.ssrc].append(block)
            return block

        patch.setattr(StreamReceiver, "on_packet", overheard)
        patch.setattr(StreamReceiver, "report_block", read)


class Told:
    """The report blocks that the other side sent us, with their arrival in seconds."""

    def __init__(self, party: Party) -> None:
        self.blocks: list[tuple[float, ReportBlock]] = []
        heed = party.path.peer.on_rtcp

        def hear(packets: list[RtcpPacket], arrival: float) -> None:
            for packet in packets:
                if isinstance(packet, SenderReport | ReceiverReport):
                    self.blocks += [(arrival, block) for block in packet.reports]
            heed(packets, arrival)

        party.path.peer.on_rtcp = hear

    def about(self, ssrc: int) -> list[tuple[float, ReportBlock]]:
        """Those about one of our streams."""
        return [(arrival, block) for arrival, block in self.blocks if block.ssrc == ssrc]

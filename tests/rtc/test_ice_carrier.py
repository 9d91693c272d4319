"""Messages of a TURN server, cut out of a stream wherever its segments happen to end."""

from __future__ import annotations

import asyncio
from typing import cast

import pytest

from probe.rtc.ice_carrier import StreamCarrier, UdpCarrier, padded
from tests.client.fakes import START, FakeClock


class Transport:
    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.waiting = 0
        self.aborted = 0

    def write(self, data: bytes) -> None:
        self.written.append(data)

    def get_write_buffer_size(self) -> int:
        return self.waiting

    def is_closing(self) -> bool:
        return self.aborted > 0

    def abort(self) -> None:
        self.aborted += 1


class Bench:
    def __init__(self) -> None:
        self.clock = FakeClock()
        self.heard: list[tuple[bytes, float]] = []
        self.ended = 0
        self.carrier = StreamCarrier(self.clock, lambda data, arrival: self.heard.append((data, arrival)), self._end)
        self.transport = Transport()
        self.carrier.connection_made(cast(asyncio.Transport, self.transport))

    def _end(self) -> None:
        self.ended += 1


STUN = b"\x01\x01\x00\x04" + bytes(16) + b"abcd"
CHANNEL = b"\x40\x00\x00\x05hello" + bytes(3)  # padded to a multiple of four over a stream
WHOLE = STUN + CHANNEL + STUN


@pytest.mark.parametrize("cut", range(1, len(WHOLE)))
def test_messages_come_whole_wherever_segments_end(cut: int) -> None:
    bench = Bench()
    bench.carrier.data_received(WHOLE[:cut])
    before = len(bench.heard)
    bench.clock.time = START + 1.0
    bench.carrier.data_received(WHOLE[cut:])
    assert [data for data, _ in bench.heard] == [STUN, CHANNEL, STUN]
    assert [arrival for _, arrival in bench.heard] == [START] * before + [START + 1.0] * (3 - before)


def test_one_byte_at_a_time() -> None:
    bench = Bench()
    for position in range(len(WHOLE)):
        bench.carrier.data_received(WHOLE[position : position + 1])
    assert [data for data, _ in bench.heard] == [STUN, CHANNEL, STUN]


def test_what_is_no_message_ends_the_stream() -> None:
    bench = Bench()
    bench.carrier.data_received(STUN + b"\xff\xff\x00\x01HTTP/1.1 400")
    assert [data for data, _ in bench.heard] == [STUN]
    assert bench.transport.aborted == 1
    bench.carrier.connection_lost(None)
    assert bench.ended == 1


def test_messages_are_padded_and_those_that_find_no_room_are_counted() -> None:
    bench = Bench()
    bench.carrier.send(b"\x40\x00\x00\x05hello")
    assert bench.transport.written == [CHANNEL]
    bench.transport.waiting = 1 << 20
    bench.carrier.send(b"late")
    assert (len(bench.transport.written), bench.carrier.drops) == (1, 1)
    bench.carrier.close()
    bench.transport.waiting = 0
    bench.carrier.send(b"closed")
    assert (len(bench.transport.written), bench.carrier.drops) == (1, 1)


@pytest.mark.parametrize(("length", "whole"), [(0, 0), (1, 4), (3, 4), (4, 4), (5, 8)])
def test_padding(length: int, whole: int) -> None:
    assert padded(length) == whole


async def test_over_udp_both_buffers_are_counted() -> None:
    carrier = UdpCarrier(("127.0.0.1", 9), FakeClock(), lambda data, arrival: None, lambda: None)
    carrier._endpoint.socket_drops, carrier._endpoint.send_drops = 2, 3
    assert carrier.drops == 5
    carrier.close()
    await asyncio.sleep(0)

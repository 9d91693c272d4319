from __future__ import annotations

import asyncio
import socket
import sys
import time
from typing import Any

import pytest

from probe.rtc.clock import Clock
from probe.rtc.endpoint import DatagramEndpoint

Received = list[tuple[bytes, Any, float]]


def _endpoint(clock: Clock, got: Received, closed: list[Exception | None]) -> DatagramEndpoint:
    return DatagramEndpoint.bind("127.0.0.1", clock, lambda *all: got.append(all), closed.append)


async def test_data_address_and_arrival_come_through() -> None:
    clock, got, closed = Clock(), Received(), list[Exception | None]()
    endpoint = _endpoint(clock, got, closed)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.bind(("127.0.0.1", 0))
        before = clock.now()
        sender.sendto(b"hello", endpoint.get_extra_info("sockname"))
        await asyncio.sleep(0.05)
        assert [data for data, _, _ in got] == [b"hello"]
        assert got[0][1] == sender.getsockname()
        assert before - 0.001 <= got[0][2] <= clock.now()
    endpoint.close()
    await asyncio.sleep(0)
    assert closed == [None]


@pytest.mark.skipif(sys.platform != "linux", reason="kernel arrival times are read on Linux only")
async def test_a_busy_loop_does_not_smear_arrival_times() -> None:
    clock, got = Clock(), Received()
    endpoint = _endpoint(clock, got, [])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(b"x", endpoint.get_extra_info("sockname"))
        sent = clock.now()
        time.sleep(0.2)  # noqa: ASYNC251 - the loop shall be busy
        await asyncio.sleep(0.01)
    assert got[0][2] < sent + 0.05
    endpoint.close()


@pytest.mark.skipif(sys.platform != "linux", reason="SO_RXQ_OVFL is Linux")
async def test_drops_of_a_full_socket_buffer_are_counted() -> None:
    clock, got = Clock(), Received()
    endpoint = _endpoint(clock, got, [])
    endpoint.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for _ in range(200):
            sender.sendto(b"x" * 1000, endpoint.get_extra_info("sockname"))
        await asyncio.sleep(0.05)
        sender.sendto(b"last", endpoint.get_extra_info("sockname"))
        await asyncio.sleep(0.05)
    assert got[-1][0] == b"last"
    assert endpoint.socket_drops == 201 - len(got)
    endpoint.close()


async def test_nothing_is_received_or_sent_after_close() -> None:
    got = Received()
    endpoint = _endpoint(Clock(), got, [])
    address = endpoint.get_extra_info("sockname")
    endpoint.close()
    endpoint.close()
    endpoint.sendto(b"x", address)
    assert endpoint.is_closing()
    await asyncio.sleep(0.01)
    assert got == []


async def test_an_address_that_is_not_ours_can_not_be_bound() -> None:
    with pytest.raises(OSError):
        DatagramEndpoint.bind("203.0.113.1", Clock(), lambda *_: None, lambda _: None)

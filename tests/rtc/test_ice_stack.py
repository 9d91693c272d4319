"""The seam to aioice and aiortc: media goes past it, round trips are told, candidates are where we want them."""

from __future__ import annotations

import re
from typing import Any

import pytest
from aioice import ice as aioice_ice
from aioice import stun

from probe.model.errors import ConnectionFailed
from probe.rtc.ice_protocol import TimedStunProtocol
from probe.rtc.ice_stack import IceStack
from probe.wire.sdp import Candidate
from tests.client.fakes import START, FakeClock


class Bench:
    def __init__(self) -> None:
        self.clock = FakeClock()
        self.media: list[tuple[bytes, float]] = []
        self.trips: list[float] = []
        self.lost: list[str] = []
        self.stack = IceStack(
            self.clock, controlling=True, on_media=lambda data, arrival: self.media.append((data, arrival)),
            on_round_trip=self.trips.append, on_lost=self.lost.append,
        )  # fmt: skip

    async def protocol(self) -> TimedStunProtocol:
        await self.stack.gather(["127.0.0.1"])
        found = self.stack._connection._protocols[0]
        assert isinstance(found, TimedStunProtocol)
        return found


def _request() -> stun.Message:
    return stun.Message(message_method=stun.Method.BINDING, message_class=stun.Class.REQUEST)


def _answer(request: stun.Message) -> bytes:
    answer = stun.Message(
        message_method=stun.Method.BINDING, message_class=stun.Class.RESPONSE, transaction_id=request.transaction_id
    )
    return bytes(answer)


ADDRESS = ("127.0.0.1", 9)


async def test_a_round_trip_is_told_by_arrival_and_once() -> None:
    bench = Bench()
    protocol, request = await bench.protocol(), _request()
    protocol.send_stun(request, ADDRESS)
    bench.clock.time = START + 5.0  # the loop came to it late: the arrival counts
    protocol.arrived(_answer(request), ADDRESS, START + 0.025)
    protocol.arrived(_answer(request), ADDRESS, START + 0.050)
    protocol.arrived(_answer(_request()), ADDRESS, START + 0.050)
    assert bench.trips == [pytest.approx(0.025)]
    await bench.stack.close()


async def test_a_repeated_request_proves_nothing() -> None:
    bench = Bench()
    protocol, request = await bench.protocol(), _request()
    protocol.send_stun(request, ADDRESS)
    protocol.send_stun(request, ADDRESS)
    protocol.arrived(_answer(request), ADDRESS, START + 0.025)
    assert bench.trips == []
    await bench.stack.close()


async def test_open_transactions_are_bounded() -> None:
    bench = Bench()
    protocol, first = await bench.protocol(), _request()
    protocol.send_stun(first, ADDRESS)
    for _ in range(1000):
        protocol.send_stun(_request(), ADDRESS)
    assert len(protocol._sent) == 64
    protocol.arrived(_answer(first), ADDRESS, START + 0.1)
    assert bench.trips == []
    await bench.stack.close()


@pytest.mark.parametrize(
    ("first", "media"), [(0, False), (1, False), (20, False), (63, False), (127, False), (128, True), (191, True), (192, False)]
)  # fmt: skip
async def test_rtp_goes_past_and_the_rest_goes_on(first: int, media: bool) -> None:
    bench = Bench()
    protocol = await bench.protocol()
    data = bytes([first]) + bytes(30)
    protocol.arrived(data, ADDRESS, START + 1.0)
    assert bench.media == ([(data, START + 1.0)] if media else [])
    protocol.arrived(b"", ADDRESS, START + 1.0)
    await bench.stack.close()


async def test_dtls_goes_to_dtls_and_the_rest_nowhere() -> None:
    bench = Bench()
    protocol = await bench.protocol()
    for data in (
        bytes([19]) + bytes(30),
        bytes([20]) + bytes(30),
        bytes([63]) + bytes(30),
        bytes([64]) + bytes(30),
        b"",
    ):
        protocol.arrived(data, ADDRESS, START)
        bench.stack._connection.data_received(data, 1)  # through TURN
    assert [data[0] for data in bench.stack.dtls._early] == [20, 20, 63, 63]
    assert bench.stack._connection._queue.empty()  # nobody would read it
    await bench.stack.close()


async def test_an_end_that_is_not_ours_is_told_with_its_reason() -> None:
    bench = Bench()
    await bench.protocol()
    bench.stack.watch()
    await bench.stack._connection.close()  # as aioice does when consent expires
    assert bench.lost == ["ICE consent expired: no answer from the other side"]
    await bench.stack.close()
    relayed = Bench()
    relay: Any = await relayed.protocol()
    relayed.stack.watch()
    relayed.stack._connection.protocol_lost(relay)  # a path that is not used
    assert relayed.lost == []
    relayed.stack._connection._nominated[1] = aioice_ice.CandidatePair(relay, relay.local_candidate)
    relay.local_candidate.type = "relay"
    relayed.stack._connection.protocol_lost(relay)
    assert relayed.lost == ["the relay closed the connection"]
    await relayed.stack.close()
    assert len(relayed.lost) == 1


async def test_candidates_after_the_last_are_ignored() -> None:
    bench = Bench()
    candidate = Candidate("1", 1, "udp", 5, "127.0.0.1", 9, "host")
    await bench.stack.add_remote(candidate)
    await bench.stack.add_remote(None)
    await bench.stack.add_remote(None)
    await bench.stack.add_remote(candidate)
    (found,) = bench.stack._connection.remote_candidates
    assert (found.host, found.port, found.type) == ("127.0.0.1", 9, "host")
    await bench.stack.close()


async def test_gathering_on_what_is_ours_and_what_is_not() -> None:
    bench = Bench()
    await bench.stack.gather(["203.0.113.1", "127.0.0.1"])
    (candidate,) = bench.stack.candidates()
    assert (candidate.address, candidate.type, candidate.transport) == ("127.0.0.1", "host", "udp")
    assert bench.stack.selected_pair() is None
    assert bench.stack.send(b"nowhere") is False
    assert bench.stack.socket_drops == 0
    await bench.stack.close()
    nowhere: list[dict[str, Any]] = [
        {"addresses": ["203.0.113.1"]},
        {"addresses": ["127.0.0.1"], "relay_only": True},
        {"addresses": []},
    ]
    for wanted in nowhere:
        other = Bench()
        with pytest.raises(ConnectionFailed) as failure:
            await other.stack.gather(**wanted)
        assert failure.value.phase == "ice_gathering"
        await other.stack.close()


async def test_a_loss_is_told_once_and_not_after_closing() -> None:
    bench = Bench()
    bench.stack._lost("before it was up")
    bench.stack.watch()
    bench.stack._lost("first")
    bench.stack._lost("second")
    assert bench.lost == ["first"]
    closed = Bench()
    closed.stack.watch()
    await closed.stack.close()
    closed.stack._lost("late")
    assert closed.lost == []


async def test_credentials_are_fresh_long_enough_and_of_the_allowed_letters() -> None:
    seen = set()
    for _ in range(20):
        stack = Bench().stack
        ufrag, password = stack.credentials
        assert re.fullmatch(r"[A-Za-z0-9+/]{4}", ufrag)  # RFC 8445 section 5.3: 24 bits
        assert re.fullmatch(r"[A-Za-z0-9+/]{22,256}", password)  # and 128
        seen.add(password)
        await stack.close()
    assert len(seen) == 20

"""Our end of a TURN allocation, against a server that answers as it is told to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, cast

import pytest
from aioice import stun

from probe.rtc import ice_turn
from probe.rtc.ice_protocol import TimedStunProtocol
from probe.rtc.ice_turn import TurnAllocation, TurnRefused
from tests.rtc.turn_server import MAPPED, PASSWORD, RELAYED, USER, FakeTurn

PEER, OTHER_PORT, STRANGER = ("203.0.113.5", 1000), ("203.0.113.5", 2000), ("203.0.113.9", 1000)
CHANNEL = 0x4000
Method = stun.Method


class Protocol:
    def __init__(self) -> None:
        self.got: list[tuple[bytes, Any, float]] = []
        self.lost = 0
        self.out: list[bytes] = []

    def goes_out(self, data: bytes) -> None:
        self.out.append(data)

    def arrived(self, data: bytes, address: Any, arrival: float) -> None:
        self.got.append((data, address, arrival))

    def connection_lost(self, error: Exception | None) -> None:
        self.lost += 1


class Bench:
    def __init__(self, username: str | None = USER, password: str | None = PASSWORD) -> None:
        self.protocol = Protocol()
        self.server = FakeTurn()
        self.allocation = TurnAllocation(username, password, cast(TimedStunProtocol, self.protocol))
        self.allocation.carrier = self.server
        self.server.heard, self.server.ended = self.allocation.heard, self.allocation.ended

    def methods(self) -> list[stun.Method]:
        return [method for method, _ in self.server.asked]


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(5.0):
        while not condition():  # noqa: ASYNC110 - bounded, of things that know of no event
            await asyncio.sleep(0.001)


async def test_an_allocation_is_granted_and_given_back() -> None:
    bench = Bench()
    await bench.allocation.allocate()
    assert (bench.allocation.relayed, bench.allocation.mapped) == (RELAYED, MAPPED)
    assert bench.allocation.get_extra_info("sockname") == RELAYED
    assert bench.server.asked[0][1]["REQUESTED-TRANSPORT"] == 17 << 24
    bench.allocation.close()
    bench.allocation.close()
    await until(lambda: bench.protocol.lost)
    assert bench.methods() == [Method.ALLOCATE, Method.REFRESH]
    assert bench.server.asked[1][1]["LIFETIME"] == 0
    assert (bench.protocol.lost, bench.server.closed) == (1, 1)


@pytest.mark.parametrize("granted", [True, False])
async def test_who_wants_no_allocation_any_more_tells_so_and_waits_for_nothing(granted: bool) -> None:
    bench = Bench()
    attempt = asyncio.ensure_future(bench.allocation.allocate())
    await until(lambda: bench.server.asked)
    if granted:
        await attempt
    attempt.cancel()
    bench.allocation.abort()
    assert (bench.server.closed, bench.protocol.lost) == (1, 0)
    await until(lambda: len(bench.server.asked) == 2)
    (method, attributes) = bench.server.asked[1]
    assert (method, attributes["LIFETIME"]) == (Method.REFRESH, 0)


async def test_a_server_without_credentials() -> None:
    bench = Bench(None, None)
    bench.server.challenges = False
    await bench.allocation.allocate()
    assert bench.allocation.relayed == RELAYED
    bench.allocation.abort()


@pytest.mark.parametrize(
    ("username", "password", "code", "challenged"),
    [(USER, "wrong", 401, True), ("bob", PASSWORD, 401, True), (None, None, 401, False)],
)
async def test_wrong_credentials_are_refused_in_the_server_s_words(
    username: str | None, password: str | None, code: int, challenged: bool
) -> None:
    bench = Bench(username, password)
    with pytest.raises(TurnRefused, match="401 Unauthorized") as refused:
        await bench.allocation.allocate()
    assert (refused.value.code, refused.value.challenged) == (code, challenged)
    bench.allocation.abort()


@pytest.mark.parametrize("error", [(403, "Forbidden"), (437, "Mismatch"), (486, "Quota"), (508, "Capacity")])
async def test_what_the_server_refuses_has_its_code(error: tuple[int, str]) -> None:
    bench = Bench()
    bench.server.errors[Method.ALLOCATE] = [error]
    with pytest.raises(TurnRefused, match=f"{error[0]} {error[1]}") as refused:
        await bench.allocation.allocate()
    assert refused.value.code == error[0]
    bench.allocation.abort()


async def test_a_stale_nonce_is_replaced() -> None:
    bench = Bench()
    await bench.allocation.allocate()
    bench.server.nonce = b"second"
    bench.allocation.expect(PEER)
    await until(lambda: Method.CHANNEL_BIND in bench.methods())
    assert bench.server.asked[-1][1]["NONCE"] == b"second"
    bench.allocation.abort()


async def test_an_error_that_nobody_signed_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    """RFC 8489 section 9.2.5: anybody on the way could have sent it."""
    monkeypatch.setattr(ice_turn, "_TRANSACTION", 0.05)
    bench = Bench()
    bench.server.errors[Method.ALLOCATE], bench.server.signed = [(486, "Quota")], False
    with pytest.raises(TimeoutError):
        await bench.allocation.allocate()
    bench.allocation.abort()


async def test_requests_are_repeated_until_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ice_turn, "_TRANSACTION", 0.08)
    monkeypatch.setattr(ice_turn, "_FIRST_WAIT", 0.01)
    bench = Bench()
    bench.server.silent = {Method.ALLOCATE}
    with pytest.raises(TimeoutError):
        await bench.allocation.allocate()
    assert 3 <= bench.server.requests <= 4  # at 0, 10, 30 and 70 ms
    bench.allocation.abort()


async def test_a_server_that_hangs_up_ends_the_attempt_at_once() -> None:
    bench = Bench()
    bench.server.silent = {Method.ALLOCATE}
    attempt = asyncio.ensure_future(bench.allocation.allocate())
    await until(lambda: bench.server.requests)
    bench.allocation.ended()
    with pytest.raises(ConnectionError, match="closed the connection"):
        await attempt
    bench.allocation.abort()


async def test_an_answer_that_lacks_what_it_must_have() -> None:
    bench = Bench()
    answer = bench.server._say

    def without(request: stun.Message, kind: stun.Class, attributes: dict[str, Any], *, signed: bool) -> None:
        attributes.pop("XOR-RELAYED-ADDRESS", None)
        answer(request, kind, attributes, signed=signed)

    bench.server._say = without  # type: ignore[method-assign]
    with pytest.raises(ConnectionError, match="XOR-RELAYED-ADDRESS"):
        await bench.allocation.allocate()
    bench.allocation.abort()


async def test_who_is_expected_has_a_channel_before_the_first_packet() -> None:
    bench = Bench()
    await bench.allocation.allocate()
    bench.allocation.expect(PEER)
    bench.allocation.expect(PEER)
    await until(lambda: Method.CHANNEL_BIND in bench.methods())
    (_, attributes) = bench.server.asked[-1]
    assert (attributes["CHANNEL-NUMBER"], attributes["XOR-PEER-ADDRESS"]) == (CHANNEL, PEER)
    await until(lambda: bench.allocation._peers[PEER].bound)
    bench.allocation.sendto(b"now", PEER)
    assert bench.server.sent == [(CHANNEL, b"now")]
    assert bench.methods().count(Method.CHANNEL_BIND) == 1
    bench.allocation.abort()


async def test_what_is_sent_before_waits_for_the_channel_and_keeps_its_order() -> None:
    bench = Bench()
    await bench.allocation.allocate()
    for number in range(20):
        bench.allocation.sendto(b"%d" % number, PEER)
    assert bench.server.sent == []
    await until(lambda: bench.server.sent)
    assert bench.server.sent == [(CHANNEL, b"%d" % number) for number in range(16)]  # as many as may wait
    assert bench.protocol.out == [b"%d" % number for number in range(16)]
    bench.allocation.sendto(b"at once", PEER)
    assert bench.protocol.out[-1] == b"15"
    bench.allocation.abort()


async def test_a_peer_that_the_server_does_not_relay_to() -> None:
    bench = Bench()
    await bench.allocation.allocate()
    bench.server.errors[Method.CHANNEL_BIND] = [(403, "Forbidden IP")]
    bench.allocation.sendto(b"check", PEER)
    await until(lambda: bench.allocation.refusals)
    bench.allocation.sendto(b"again", PEER)
    assert bench.allocation.refusals == {(PEER[0], "403 Forbidden IP"): 1}
    assert bench.server.sent == []
    bench.allocation.sendto(b"hello", STRANGER)
    await until(lambda: bench.server.sent)
    assert bench.server.sent == [(CHANNEL + 1, b"hello")]
    bench.allocation.abort()


async def test_what_arrives_has_its_sender_and_its_time() -> None:
    bench = Bench()
    await bench.allocation.allocate()
    bench.allocation.expect(PEER)
    bench.server.relay(CHANNEL, b"media", 7.5)
    bench.server.heard(b"\x40\x00\x00\x05media\x00\x00\x00", 8.0)  # padded, as over TCP
    bench.server.indicate(OTHER_PORT, b"from a new port", 8.5)
    bench.server.indicate(STRANGER, b"of nobody that we let in", 9.0)
    bench.server.relay(CHANNEL + 7, b"of no channel of ours", 9.5)
    for garbage in (b"", b"\x40", b"\x40\x00\x00\x09short", b"\x00\x01", b"\xff" * 40):
        bench.server.heard(garbage, 10.0)
    assert bench.protocol.got == [
        (b"media", PEER, 7.5),
        (b"media", PEER, 8.0),
        (b"from a new port", OTHER_PORT, 8.5),
    ]
    bench.allocation.abort()


async def test_permissions_in_use_are_renewed_and_the_allocation_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ice_turn, "_KEEP", 0.02)
    monkeypatch.setattr(ice_turn, "_LEAST_KEEP", 0.0)
    bench = Bench()
    await bench.allocation.allocate()
    bench.allocation.expect(STRANGER)
    bench.allocation.sendto(b"check", PEER)
    await until(lambda: bench.server.sent)
    await until(lambda: bench.methods().count(Method.CHANNEL_BIND) == 3 and bench.methods().count(Method.REFRESH) >= 3)
    bound = [attributes for method, attributes in bench.server.asked if method == Method.CHANNEL_BIND]
    again = [(attributes["XOR-PEER-ADDRESS"], attributes["CHANNEL-NUMBER"]) for attributes in bound]
    assert sorted(again) == [
        (PEER, CHANNEL + 1),
        (PEER, CHANNEL + 1),
        (STRANGER, CHANNEL),
    ]  # to whom something was sent
    bench.allocation.abort()


@pytest.mark.parametrize(("lifetime", "interval"), [(600, 240.0), (60, 50.0), (0, 1.0)])
async def test_the_next_renewal_comes_before_anything_expires(
    monkeypatch: pytest.MonkeyPatch, lifetime: int, interval: float
) -> None:
    asked: list[float] = []

    async def renew(self: TurnAllocation, interval: float) -> None:
        asked.append(interval)

    monkeypatch.setattr(TurnAllocation, "_renew", renew)
    bench = Bench()
    bench.server.lifetime = lifetime
    await bench.allocation.allocate()
    await until(lambda: asked)
    assert asked == [interval]
    bench.allocation.abort()


async def test_an_allocation_that_is_not_renewed_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ice_turn, "_KEEP", 0.02)
    monkeypatch.setattr(ice_turn, "_LEAST_KEEP", 0.0)
    bench = Bench()
    bench.server.errors[Method.REFRESH] = [(437, "Allocation Mismatch")]
    await bench.allocation.allocate()
    await until(lambda: bench.protocol.lost)
    assert bench.allocation.is_closing()
    assert bench.server.closed == 1
    bench.allocation.sendto(b"nowhere", PEER)
    bench.allocation.close()
    await asyncio.sleep(0)
    assert (bench.protocol.lost, bench.server.sent) == (1, [])


async def test_a_server_that_goes_away_in_the_call_is_told_once() -> None:
    bench = Bench()
    await bench.allocation.allocate()
    bench.allocation.ended()
    bench.allocation.ended()
    assert bench.protocol.lost == 1


async def test_a_server_that_says_nothing_at_the_end_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ice_turn, "_FAREWELL", 0.01)
    bench = Bench()
    await bench.allocation.allocate()
    bench.server.silent = {Method.REFRESH}
    bench.allocation.close()
    await until(lambda: bench.protocol.lost)
    assert bench.server.closed == 1

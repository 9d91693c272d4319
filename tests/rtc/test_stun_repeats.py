"""Checks that repeat themselves: answered as aioice answers them, byte for byte, and anything else left to it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aioice import stun
from hypothesis import given
from hypothesis import strategies as st

from probe.rtc.ice_protocol import TimedStunProtocol
from probe.rtc.ice_stack import IceStack
from probe.rtc.stun_repeats import StunRepeats, is_authentic
from tests.client.fakes import FakeClock

PASSWORD = "a password of 24 letters"
KEY = PASSWORD.encode()
HERE = ("192.0.2.7", 50_000)


def request(key: bytes = KEY, **attributes: Any) -> bytes:
    message = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
    message.attributes |= {"USERNAME": "ours:theirs", "PRIORITY": 1853824767, "ICE-CONTROLLING": 5}
    message.attributes |= {name.replace("_", "-"): value for name, value in attributes.items()}
    message.add_message_integrity(key)
    return bytes(message)


def aioices(data: bytes, address: tuple[str, int] = HERE) -> bytes:
    answer = stun.Message(stun.Method.BINDING, stun.Class.RESPONSE, transaction_id=data[8:20])
    answer.attributes["XOR-MAPPED-ADDRESS"] = address
    answer.add_message_integrity(KEY)
    return bytes(answer)


def learned(data: bytes, address: tuple[str, int] = HERE) -> StunRepeats:
    repeats = StunRepeats(PASSWORD)
    repeats.learn(data, address, True)
    return repeats


@given(st.ip_addresses(v=4), st.integers(1, 65535))
def test_the_answer_is_aioices(host: object, port: int) -> None:
    address = (str(host), port)
    repeats, again = learned(request(), address), request()
    assert repeats.answer(again, address, True) == aioices(again, address)


def test_another_request_is_left_alone() -> None:
    repeats, again = learned(request()), request()
    assert repeats.answer(again, HERE, True) is not None
    assert repeats.answer(again, (HERE[0], 50_001), True) is None
    assert repeats.answer(again, HERE, False) is None, "our role changed: there may be a conflict"
    assert repeats.answer(request(PRIORITY=1), HERE, True) is None
    assert repeats.answer(request(ICE_CONTROLLING=6), HERE, True) is None
    assert repeats.answer(request(USE_CANDIDATE=None), HERE, True) is None
    assert repeats.answer(b"", HERE, True) is None
    assert StunRepeats(PASSWORD).answer(again, HERE, True) is None


@pytest.mark.parametrize("place", [8, 30, 60, -1, -6, -20, -30])
def test_what_was_tampered_with_is_left_alone(place: int) -> None:
    repeats, again = learned(request()), bytearray(request())
    again[place] ^= 1
    assert repeats.answer(bytes(again), HERE, True) is None


def test_a_wrong_key_is_left_alone() -> None:
    repeats = learned(request())
    assert repeats.answer(request(b"another"), HERE, True) is None


@pytest.mark.parametrize(
    ("data", "address"),
    [
        (request(USE_CANDIDATE=None), HERE),
        (request(b"another"), HERE),
        (request()[:-1], HERE),
        (request()[:-8], HERE),
        (b"\0\1", HERE),
        (request(), ("2001:db8::1", 50_000)),
    ],
)
def test_what_is_not_learned(data: bytes, address: tuple[str, int]) -> None:
    repeats = learned(data, address)
    assert repeats.answer(data, address, True) is None


def test_authentic_is_what_aioice_calls_so() -> None:
    message = stun.parse_message(request())
    assert message.check_message_integrity(KEY)
    assert is_authentic(request(), KEY)
    assert not is_authentic(request(), b"another")
    assert not is_authentic(b"", KEY)


class Side:
    """One end of a connection on loopback, and the STUN that it sends."""

    def __init__(self, *, controlling: bool) -> None:
        self.lost: list[str] = []
        self.stack = IceStack(
            FakeClock(), controlling=controlling, on_media=lambda data, arrival: None,
            on_round_trip=lambda seconds: None, on_lost=self.lost.append,
        )  # fmt: skip

    @property
    def protocol(self) -> TimedStunProtocol:
        found = self.stack._connection._protocols[0]
        assert isinstance(found, TimedStunProtocol)
        return found

    def check(self, *, nominate: bool = False, key: str = "") -> tuple[bytes, tuple[str, int]]:
        """A check as this side would send it, and from where."""
        connection = self.stack._connection
        message = connection.build_request(connection._nominated[1], nominate=nominate)
        message.add_message_integrity((key or connection.remote_password or "").encode())
        candidate = self.protocol.local_candidate
        return bytes(message), (candidate.host, candidate.port)

    def asked(self, check: tuple[bytes, tuple[str, int]]) -> tuple[list[bytes], int]:
        """What this side answers, and how many datagrams aioice saw of it."""
        sent: list[bytes] = []
        seen: list[bytes] = []
        protocol: Any = self.protocol
        endpoint, read = protocol.transport, protocol.datagram_received
        protocol.transport = Wire(sent)

        def look(data: bytes, address: tuple[str, int]) -> None:
            seen.append(data)
            read(data, address)

        protocol.datagram_received = look
        protocol.arrived(*check, 0.0)
        protocol.transport, protocol.datagram_received = endpoint, read
        return sent, len(seen)


class Wire:
    def __init__(self, sent: list[bytes]) -> None:
        self._sent = sent

    def sendto(self, data: bytes, address: object) -> None:
        self._sent.append(data)


async def connected() -> tuple[Side, Side]:
    sides = Side(controlling=True), Side(controlling=False)
    for side in sides:
        await side.stack.gather(["127.0.0.1"])
    for side, other in (sides, sides[::-1]):
        for candidate in other.stack.candidates():
            await side.stack.add_remote(candidate)
        await side.stack.add_remote(None)
    one, other = sides
    async with asyncio.timeout(10):
        assert all(
            await asyncio.gather(
                one.stack.connect(*other.stack.credentials, lite=False),
                other.stack.connect(*one.stack.credentials, lite=False),
            )
        )
    return sides


@pytest.mark.parametrize("controlling", [True, False])
async def test_consent_checks_of_a_connection(controlling: bool) -> None:
    sides = await connected()
    asking, asked = sides if controlling else sides[::-1]
    answers = []
    for _ in range(3):
        check = asking.check()
        (answer,), seen = asked.asked(check)
        found = stun.parse_message(answer)
        assert found.check_message_integrity(asked.stack.credentials[1].encode())
        assert found.attributes["XOR-MAPPED-ADDRESS"] == check[1]
        assert found.transaction_id == check[0][8:20]
        answers.append(seen)
    assert answers == [1, 0, 0], "aioice accepts the first, the others repeat it"
    (refused,), seen = asked.asked(asking.check(key="another password"))
    assert stun.parse_message(refused).error_code == 401
    assert seen == 1
    if controlling:
        assert [asked.asked(asking.check(nominate=True))[1] for _ in range(2)] == [1, 1], "nominations are aioice's"
    for side in sides:
        await side.stack.close()


async def test_no_answer_while_closing() -> None:
    sides = await connected()
    asking, asked = sides
    for _ in range(2):
        assert asked.asked(asking.check())[0]
    check = asking.check()
    asked.stack._connection._closing = True
    assert asked.asked(check)[0] == []
    for side in sides:
        await side.stack.close()

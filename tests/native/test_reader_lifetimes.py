"""What the compiled reader, its sockets and their streams hold, and let go of; and misuse, which raises and breaks nothing."""

from __future__ import annotations

import fcntl
import gc
import os
import socket
import sys
import weakref
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pylibsrtp import Policy, Session

from probe.native import core, srtp_pointer
from probe.wire.rtp import parse_header
from tests.native.reader_bench import Bench, Token, rtp

pytestmark = pytest.mark.skipif(core is None, reason="the compiled packet path is not built here")


@pytest.fixture
def bench() -> Iterator[Bench]:
    with Bench() as made:
        yield made


ssrcs = st.sampled_from([*range(20), *(number << 20 for number in range(1, 30)), 0xFFFFFFFF])


@settings(max_examples=30)
@given(st.lists(st.tuples(st.booleans(), ssrcs), max_size=120))
def test_streams_come_and_go(steps: list[tuple[bool, int]]) -> None:
    with Bench() as bench:
        watched: dict[int, Any] = {}
        gone = [core.StreamCounter(7, 90_000)]
        for enter, ssrc in steps:
            if enter and ssrc in watched:
                with pytest.raises(ValueError, match="is watched"):
                    bench.watch(ssrc)
            elif enter:
                watched[ssrc] = bench.watch(ssrc)
            elif ssrc in watched:
                gone.append(watched.pop(ssrc))
                assert bench.socket.unwatch(gone[-1])
        assert not any(map(bench.socket.unwatch, gone))
        every = sorted({ssrc for _, ssrc in steps})
        up = bench.exchange([rtp(9, ssrc=ssrc) for ssrc in every])
        assert [parse_header(data).ssrc for data in up] == [ssrc for ssrc in every if ssrc not in watched]
        assert all(stream.packets == 1 and stream.highest == 9 for stream in watched.values())
        assert len({sys.getrefcount(stream) for stream in gone}) == 1  # the first was never watched


def test_many_streams_and_a_high_descriptor(bench: Bench) -> None:
    high = fcntl.fcntl(bench.near.fileno(), fcntl.F_DUPFD_CLOEXEC, 700)
    try:
        bench.reader.add(core.Socket(high, "high"))
        streams = [bench.watch(number << 16) for number in range(300)]
        assert bench.exchange([rtp(1, ssrc=number << 16) for number in range(300)]) == []
        assert all(bench.socket.unwatch(stream) and stream.packets == 1 for stream in streams)
        bench.near.sendto(b"?", bench.near.getsockname())
        assert [token for token, *_ in bench.drain()] == ["high"]
    finally:
        bench.reader.close()
        os.close(high)


def test_nothing_is_kept(bench: Bench) -> None:
    things = [bench.token, bench.inbound, bench.socket, stream := core.StreamCounter(7, 90_000)]
    before = [sys.getrefcount(thing) for thing in things]
    for number in range(50):
        made = core.Socket(bench.near.fileno(), bench.token)
        made.secure(bench.inbound, srtp_pointer(bench.inbound))
        made.secure(bench.inbound, srtp_pointer(bench.inbound))
        made.watch(stream)
        bench.reader.add(made)
        bench.near.sendto(bytes(number), bench.near.getsockname())
        assert len(bench.drain()) == 1
        bench.reader.remove(made)
        if number % 2:
            made.unwatch(stream)
        bench.reader.remove(bench.socket)
        bench.reader.add(bench.socket)
    del made
    assert [sys.getrefcount(thing) for thing in things] == before


def test_a_reader_that_is_closed_or_forgotten_lets_go(bench: Bench) -> None:
    class Knot(Token):
        reader: Any

    def tied(*, close: bool) -> weakref.ref[Knot]:
        knot = Knot()
        knot.reader = core.Reader()
        made = core.Socket(bench.near.fileno(), knot)
        made.secure(knot, srtp_pointer(bench.inbound))
        knot.reader.add(made)
        if close:
            knot.reader.close()
            knot.reader.close()
            assert knot.reader.fileno() == -1
        return weakref.ref(knot)

    for close in (True, False):
        found = tied(close=close)
        gc.collect()
        assert found() is None


def test_misuse_is_refused(bench: Bench) -> None:
    twin, stranger = core.Socket(bench.far.fileno(), bench.token), core.Socket(-1, bench.token)
    with pytest.raises(OSError, match="exists"):
        bench.reader.add(twin)
    with pytest.raises(OSError, match="descriptor"):
        bench.reader.add(stranger)
    for wrong in (twin, stranger):
        with pytest.raises(ValueError, match="not read here"):
            bench.reader.remove(wrong)
    for call in (bench.reader.add, bench.reader.remove, bench.socket.watch):
        with pytest.raises(TypeError, match="not a S"):
            call(bench.token)
    assert not bench.socket.unwatch(bench.token)
    with pytest.raises(RuntimeError, match="before secure"):
        twin.watch(core.StreamCounter(1, 90_000))
    with pytest.raises(RuntimeError, match="begins once"):
        core.StreamCounter.__init__(bench.watch(), 1, 90_000)
    with pytest.raises(ValueError, match="trailer"):
        core.StreamCounter(1, 1).watch(96, 1, 2, 0.0, -1, 0)
    bench.send(b"still here")
    assert len(bench.drain()) == 1
    bench.reader.close()
    with pytest.raises(ValueError, match="not read here"):
        bench.reader.remove(bench.socket)
    with pytest.raises(ValueError, match="reader is closed"):
        bench.drain()


def test_a_socket_closed_too_early_does_no_harm(bench: Bench) -> None:
    early = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    first = core.Socket(early.fileno(), bench.token)
    bench.reader.add(first)
    early.close()
    with pytest.raises(OSError, match="descriptor"):
        bench.reader.remove(first)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as heir:
        heir.bind(("127.0.0.1", 0))
        second = core.Socket(heir.fileno(), "heir")
        bench.reader.add(second)
        with pytest.raises(ValueError, match="not read here"):
            bench.reader.remove(first)
        bench.near.sendto(b"?", heir.getsockname())
        assert [token for token, *_ in bench.drain()] == ["heir"]


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="the collector no longer runs within a C function")
def test_the_collector_may_run_within_a_drain(bench: Bench) -> None:
    refused: list[str] = []

    def meddle(phase: str, info: dict[str, int]) -> None:
        try:
            bench.reader.drain(0.0)
        except RuntimeError as error:
            refused.append(str(error))
            bench.reader.close()
        except ValueError:  # closed by now
            pass

    bench.send(*(bytes((number,)) for number in range(20)))
    threshold = gc.get_threshold()
    gc.callbacks.append(meddle)
    gc.set_threshold(1)
    try:
        others, _ = bench.reader.drain(0.0)
    finally:
        gc.callbacks.remove(meddle)
        gc.set_threshold(*threshold)
    assert refused
    assert [data for _, data, _, _ in others] == [bytes((number,)) for number in range(20)]


def test_the_session_stays_while_the_socket_does(bench: Bench) -> None:
    owner = Session(Policy(bytes(30), Policy.SSRC_ANY_INBOUND))
    before = sys.getrefcount(owner)
    made = core.Socket(bench.near.fileno(), bench.token)
    made.secure(owner, srtp_pointer(owner))
    assert sys.getrefcount(owner) == before + 1
    del made
    assert sys.getrefcount(owner) == before

"""The compiled sources and their pacer: order, stalls, keyframes, captures, misuse, and nothing left behind."""

from __future__ import annotations

import gc
import random
import socket
import sys
import tracemalloc
import weakref
from array import array
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pylibsrtp import Policy, Session

from probe.client.capture_log import CaptureLog
from probe.native import core, srtp_pointer
from probe.rtc.fast_sender import sockaddr
from tests.native.wire import Wire, session

pytestmark = pytest.mark.skipif(core is None, reason="the compiled packet path is not built here")

HEADER = bytes((0x80, 96)) + bytes(10)


def loop(length: int = 4, gop: int = 2, payload: bytes = b"payload") -> Any:
    """A loop whose frames have one packet each."""
    return core.Content([((payload,), index % gop == 0, index, 100 + index) for index in range(length)], gop)


def track(near: object, keeper: Session, /, **more: Any) -> Any:
    """A video track that begins at 0."""
    given = {
        "socket": near, "session": srtp_pointer(keeper), "owner": keeper, "kind": "video", "header": HEADER,
        "capture_at": -1, "clock_rate": 90000.0, "ntp_offset": 0.0, "sequence": 0, "timestamp_base": 0, "keep": 4,
    }  # fmt: skip
    return core.Track(**(given | more))


@pytest.fixture
def wire() -> Iterator[Wire]:
    made = Wire()
    yield made
    made.close()


class Log:
    """Notes the units that a source hands out."""

    def __init__(self) -> None:
        self.units: list[tuple[int, float, int]] = []

    def __call__(self, frame: int, time: float, position: int) -> None:
        self.units.append((frame, time, position))


def ticking(
    kind: str = "audio", interval: float = 0.02, apart: float = 0.0, content: Any = None
) -> tuple[Any, Any, Log]:
    source, log, pacer = core.Source(content or loop(), interval, kind, 0, apart), Log(), core.Pacer()
    source.attach(log)
    pacer.add(source, 10.0)
    return pacer, source, log


@given(
    st.lists(st.tuples(st.floats(0.0, 1.0), st.floats(0.01, 0.3)), min_size=1, max_size=20), st.sets(st.integers(0, 19))
)
def test_ticks_come_in_the_order_of_their_due_times(plan: list[tuple[float, float]], gone: set[int]) -> None:
    pacer, order = core.Pacer(), []
    sources = [core.Source(loop(), interval, "audio") for _, interval in plan]
    for number, (source, (first, _)) in enumerate(zip(sources, plan, strict=True)):
        source.attach(lambda frame, time, position, number=number: order.append((number, position)))
        pacer.add(source, first)
    for number in sorted(gone & set(range(len(plan)))):
        assert pacer.remove(sources[number])
        assert not pacer.remove(sources[number])
    pacer.run(0.0)  # never behind by ten intervals: nothing is left out
    for step in range(1, 101):
        pacer.run(step / 50)
    expected = sorted(
        (due, number, position)
        for number, (first, interval) in enumerate(plan)
        if number not in gone
        for position, due in enumerate(_dues(first, interval))
    )
    # Of equal due times the one that was put down first comes first, which depends on the past: compare by time.
    dues = {(number, position): due for due, number, position in expected}
    assert sorted(order) == sorted(dues)
    assert [dues[tick] for tick in order] == sorted(dues.values())
    assert pacer.sources == len(plan) - len(gone & set(range(len(plan))))


def _dues(first: float, interval: float) -> Iterator[float]:
    while first <= 2.0 + 0.0005:
        yield first
        first += interval


def test_equal_due_times_keep_the_order_of_asking() -> None:
    pacer, order = core.Pacer(), []
    sources = [core.Source(loop(), 0.5, "audio") for _ in range(9)]
    for number, source in enumerate(sources):
        source.attach(lambda frame, time, position, number=number: order.append(number))
        pacer.add(source, 1.0)
    pacer.run(1.0)
    assert pacer.run(1.5) == 2.0
    assert order == [*range(9), *range(9)]


def test_what_is_due_within_half_a_millisecond_is_done_now() -> None:
    pacer, _, log = ticking()
    assert pacer.run(9.9994) == 10.0
    assert pacer.run(9.9996) == pytest.approx(10.02)
    assert log.units == [(0, 9.9996, 0)]
    assert array("d", pacer.take_lateness()).tolist() == [0.0]
    pacer.run(10.03)
    assert array("d", pacer.take_lateness()).tolist() == pytest.approx([0.01])
    assert pacer.take_lateness() == b""
    assert (core.Pacer().run(1.0), core.Pacer().next_due) == (None, None)


def test_a_short_stall_is_caught_up_and_a_long_one_left_out() -> None:
    pacer, _, log = ticking(apart=0.002)
    pacer.run(10.0)
    pacer.run(10.1)
    assert [position for *_, position in log.units] == [0, 1, 2, 3, 4, 5]
    assert [time for _, time, _ in log.units[1:]] == pytest.approx([10.1, 10.102, 10.104, 10.106, 10.108])
    log.units.clear()
    assert pacer.run(15.0) == pytest.approx(15.02)
    assert [frame for frame, *_ in log.units] == [2, 3]  # of the loop nothing is left out
    assert [position for *_, position in log.units] == [6, 250]  # 15.0 is 250 intervals after 10.0


def test_one_call_is_bounded() -> None:
    pacer = core.Pacer()
    sources = [core.Source(loop(), 0.02, "audio") for _ in range(4000)]
    for source in sources:
        pacer.add(source, 1.0)
    assert pacer.run(1.15) <= 1.15
    assert sum(source.ticks for source in sources) == 20_000
    assert pacer.run(1.15) > 1.15
    assert sum(source.ticks for source in sources) == 32_000


def test_by_the_machines_clock() -> None:
    import time

    pacer, source, log = core.Pacer(), core.Source(loop(), 0.02, "audio"), Log()
    source.attach(log)
    before = time.monotonic()
    pacer.add(source, before)
    assert pacer.run() > before
    ((_, captured, _),) = log.units
    assert before <= captured <= time.monotonic()


@pytest.mark.parametrize(("position", "asked"), [(0, 0), (1, 10), (9, 10), (10, 10), (11, 20), (29, 0), (21, 0)])
def test_a_keyframe_is_at_the_start_of_the_coming_group(position: int, asked: int) -> None:
    source = core.Source(loop(30, 10), 0.1, "video", position + 30)
    assert source.position == position
    source.request_keyframe()
    assert source.position == asked


def test_a_new_track_asks_for_a_keyframe_and_begins_there(wire: Wire) -> None:
    source, pacer, log = core.Source(loop(30, 10), 0.1, "video", 3), core.Pacer(), Log()
    mine = track(wire.near, wire.session)
    mine.set_destination(sockaddr(wire.far.getsockname()))
    source.attach(log)
    source.attach(mine)
    pacer.add(source, 10.0)
    for tick in range(3):
        pacer.run(10.0 + tick / 10)
    assert [frame for frame, *_ in log.units] == [3, 10, 11]
    assert (mine.frames, mine.last) == (2, (9000, 10.2))
    assert len(wire.clear()) == 2


@given(st.lists(st.tuples(st.floats(0.001, 20.0), st.booleans()), min_size=1, max_size=200), st.data())
def test_captures_are_found_as_in_the_log(steps: list[tuple[float, bool]], data: st.DataObject) -> None:
    content = loop(7, 3)
    source, pacer, log = core.Source(content, 0.04, "video", 0, 0.002), core.Pacer(), CaptureLog()

    def note(frame: int, time: float, position: int) -> None:
        log.note(frame, position, time)

    source.attach(note)
    pacer.add(source, 0.0)
    now = 0.0
    for tick, (step, jump) in enumerate(steps):
        pacer.run(now)
        now += step / 10
        if jump:
            source.request_keyframe()
        seen = now - data.draw(st.floats(0.0, 40.0)) if tick % 5 == 0 else now
        for index in range(8):
            known, found = log.find(index, seen), source.find(index, seen)
            plausible = found is not None and seen - found[1] <= 6.0
            assert (known is None) == (not plausible)
            assert known is None or (known.tick, known.time) == found


def test_who_is_called_may_change_what_is_attached() -> None:
    pacer, source, log = ticking()
    later = Log()

    def once(frame: int, time: float, position: int) -> None:
        assert source.detach(once)
        assert not source.detach(once)
        source.detach(log)
        source.attach(later)

    source.detach(log)
    source.attach(once)
    source.attach(log)
    pacer.run(10.0)
    assert (log.units, [p for *_, p in later.units], source.attached) == ([], [0], 1)


def test_a_tick_may_remove_its_source_and_others() -> None:
    pacer, source, _ = ticking()
    other = core.Source(loop(), 0.02, "audio")
    pacer.add(other, 10.0)

    def stop(frame: int, time: float, position: int) -> None:
        assert pacer.remove(source)
        assert pacer.remove(other)

    source.attach(stop)
    assert pacer.run(10.1) is None
    assert (source.ticks, other.ticks, pacer.sources) == (1, 0, 0)
    pacer.add(source, 11.0)  # and may come back
    assert pacer.next_due == 11.0


def test_an_error_of_who_is_called_comes_out_and_the_rhythm_stays() -> None:
    pacer, source, log = ticking()

    def broken(frame: int, time: float, position: int) -> None:
        raise KeyError("mine")

    source.detach(log)
    source.attach(broken)
    source.attach(log)
    with pytest.raises(KeyError, match="mine"):
        pacer.run(10.0)
    assert pacer.next_due == pytest.approx(10.02)
    source.detach(broken)
    pacer.run(10.02)
    assert [position for *_, position in log.units] == [1]


def test_the_pacer_does_not_run_within_itself() -> None:
    pacer, source, _ = ticking()
    source.attach(lambda frame, time, position: pacer.run(20.0))
    with pytest.raises(RuntimeError, match="running already"):
        pacer.run(10.0)
    assert source.ticks == 1


def test_a_track_forgets_the_packets_of_another_content(wire: Wire) -> None:
    pacer, first, _ = ticking("video", content=loop(payload=b"one"))
    second = core.Source(loop(payload=b"two"), 0.02, "video")
    mine = track(wire.near, wire.session)
    first.attach(mine)
    pacer.run(10.0)
    assert mine.packet(0)[12:] == b"one"
    first.detach(mine)
    second.attach(mine)
    pacer.add(second, 10.0)
    pacer.run(10.0)
    assert mine.packet(0) is None
    assert mine.packet(1)[12:] == b"two"
    assert [mine.packet(number) for number in (-1, 2, 65536)] == [None] * 3


def test_refused_datagrams_are_counted_and_nothing_is_raised(wire: Wire) -> None:
    pacer, source, _ = ticking("video")
    near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    full, lost = track(near, wire.session), track(wire.near, wire.session, header=HEADER[:11] + b"\1")
    full.set_destination(sockaddr(("127.0.0.1", 9)), True)  # connected: whom to, the socket knows
    lost.set_destination(sockaddr(("::1", 9)))  # no way from an IPv4 socket
    other = Policy(bytes(30), Policy.SSRC_SPECIFIC, 77, Policy.SRTP_PROFILE_AEAD_AES_128_GCM)
    refused = track(wire.near, Session(other))
    refused.set_destination(sockaddr(wire.far.getsockname()))
    for each in (full, lost, refused):
        source.attach(each)
    with near, far:
        for tick in range(2000):
            pacer.run(10.0 + tick / 50)
    assert full.packets == lost.packets == refused.packets == 2000
    assert 0 < full.send_drops < 2000
    assert (full.unreachable, lost.unreachable, lost.send_drops) == (0, 2000, 0)
    assert (refused.srtp_errors, refused.bytes_sent) == (2000, 0)


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda: core.Content([], 1), ValueError),
        (lambda: core.Content([((b"x",), True, 0, 1)], 0), ValueError),
        (lambda: core.Content([((), True, 0, 1)], 1), ValueError),
        (lambda: core.Content([((b"",), True, 0, 1)], 1), ValueError),
        (lambda: core.Content([((b"123",), True, 0, 1)], 1, 2), ValueError),
        (lambda: core.Content([((bytes(1793),), True, 0, 1)], 1), ValueError),
        (lambda: core.Content([((b"x", "y"), True, 0, 1)], 1), TypeError),
        (lambda: core.Content([((b"x",), True, -1, 1)], 1), ValueError),
        (lambda: core.Content([[b"x"]], 1), TypeError),
        (lambda: core.Content(7, 1), TypeError),
        (lambda: core.Source(loop(), 0.0, "video"), ValueError),
        (lambda: core.Source(loop(), float("nan"), "video"), ValueError),
        (lambda: core.Source(loop(), 0.1, "smell"), ValueError),
        (lambda: core.Source(loop(), 0.1, "video", -1), ValueError),
        (lambda: core.Source(loop(), 0.1, "video").attach(7), TypeError),
        (lambda: core.Source(loop(), 0.1, "video").attach(print, loop(5)), ValueError),
        (lambda: core.Pacer().add(core.Source(loop(), 0.1, "video"), float("inf")), ValueError),
        (lambda: core.Pacer().run("now"), TypeError),
    ],
)
def test_misuse_is_refused(make: Callable[[], object], error: type[Exception]) -> None:
    with pytest.raises(error):
        make()


@pytest.mark.parametrize(
    "wrong",
    [{"kind": "smell"}, {"header": HEADER[:11]}, {"header": bytes(257)}, {"capture_at": 5}, {"clock_rate": 0.0},
     {"clock_rate": float("inf")}, {"ntp_offset": float("nan")}, {"keep": 0}, {"keep": 1 << 16}, {"session": 0}],
    ids=lambda wrong: next(iter(wrong)),
)  # fmt: skip
def test_a_track_refuses(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        track(None, session(Policy.SSRC_ANY_OUTBOUND), **wrong)


def test_a_track_refuses_addresses_and_sources_that_are_none(wire: Wire) -> None:
    mine = track(wire.near, wire.session)
    for address in (b"", b"\2\0", bytes(16), sockaddr(("127.0.0.1", 9)) + b"\0"):
        with pytest.raises(ValueError, match="no sockaddr"):
            mine.set_destination(address)
    with pytest.raises(ValueError, match="one kind"):
        core.Source(loop(), 0.1, "audio").attach(mine)


class Owner:
    """Stands in for an SRTP session, to see when it is let go of."""


def test_cycles_are_collected() -> None:
    owner, kept = Owner(), session(Policy.SSRC_ANY_OUTBOUND)
    gone = weakref.ref(owner)

    def knot(owner: Owner) -> None:
        pacer, source, _ = ticking("video")
        mine = core.Track(None, srtp_pointer(kept), owner, "video", HEADER, -1, 90000.0, 0.0, 0, 0, 4)
        source.attach(mine)
        source.attach(lambda *unit: (source, pacer))
        mine.hear = lambda packet: (mine, source, pacer)

    knot(owner)
    del owner
    assert gone() is not None
    gc.collect()
    assert gone() is None


def test_nothing_is_left_behind(wire: Wire) -> None:
    payload, header = random.Random(1).randbytes(500), bytes((0x80, 97)) + bytes(10)
    gone = session(Policy.SSRC_ANY_OUTBOUND)
    before = [sys.getrefcount(thing) for thing in (payload, header, gone, wire.near)]

    def live() -> None:
        content = core.Content([((payload, payload), True, n, 1000) for n in range(10)], 1)
        sources, pacer = [core.Source(content, 0.02, "video") for _ in range(5)], core.Pacer()
        for number, source in enumerate(sources):
            mine = track(wire.near, gone, header=header[:11] + bytes((number,)), keep=64)
            mine.set_destination(sockaddr(wire.far.getsockname()))
            source.attach(mine)
            pacer.add(source, 1.0)
        for tick in range(70):
            pacer.run(1.0 + tick / 50)
            assert mine.packet(mine.packets - 1) is not None
        pacer.remove(sources[0])
        sources[1].detach(mine)
        pacer.take_lateness()
        wire.datagrams()

    live()
    gc.collect()
    tracemalloc.start()
    try:
        live()
        gc.collect()
        level = tracemalloc.get_traced_memory()[0]
        for _ in range(20):
            live()
        gc.collect()
        grown = tracemalloc.get_traced_memory()[0] - level
    finally:
        tracemalloc.stop()
    assert grown < 4000  # one lost history would be 20 times 24 bytes for each of 64 packets
    assert [sys.getrefcount(thing) for thing in (payload, header, gone, wire.near)] == before

"""The relay on real sockets. What the truth says is compared with what arrived; times only where load can't hurt."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

import pytest

from probe.measure.rtp_stream import StreamReceiver
from probe.rtc.clock import Clock
from probe.rtc.endpoint import DatagramEndpoint
from probe.wire.rtp import parse_header
from sfu_shim import link_relay
from sfu_shim.core.link.candidates import rewrite_candidates
from sfu_shim.core.link.impairment import GilbertElliott, Impairment, Jitter, RandomLoss, Reorder
from sfu_shim.core.link.link import Link
from sfu_shim.link_relay import LinkRelay, Releaser, WakeTimer
from tests.sfu_shim.core.link.simulate import rtp

CLOCK = Clock()
Precise = pytest.mark.parametrize(
    "precise",
    [pytest.param(True, marks=pytest.mark.skipif(sys.platform != "linux", reason="timerfd is Linux")), False],
)


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not holds():  # noqa: ASYNC110 - sockets set no events
            await asyncio.sleep(0.002)


@dataclass
class Party:
    """A socket that keeps what it gets: (data, source, arrival)."""

    got: list[tuple[bytes, Any, float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.endpoint = DatagramEndpoint.bind("127.0.0.1", CLOCK, lambda *all: self.got.append(all), lambda _: None)
        self.address = self.endpoint.get_extra_info("sockname")

    def send(self, data: bytes, to: tuple[str, int]) -> None:
        self.endpoint.sendto(data, to)

    @property
    def data(self) -> list[bytes]:
        return [data for data, _, _ in self.got]

    async def gets(self, count: int) -> None:
        """Wait until `count` datagrams are here."""
        await until(lambda: len(self.got) >= count)


@pytest.fixture
async def parties() -> AsyncIterator[tuple[Party, Party, Party]]:
    """Two clients and a target."""
    all_three = Party(), Party(), Party()
    yield all_three
    for party in all_three:
        party.endpoint.close()
    await asyncio.sleep(0)


def link(impairment: Impairment | None = None, seed: int = 1) -> Link:
    return Link(impairment or Impairment(), Random(seed), CLOCK.now(), history=1 << 14)


async def test_there_and_back(parties: tuple[Party, Party, Party]) -> None:
    client, _, target = parties
    forward, backward = link(Impairment(delay=0.03)), link(Impairment(delay=0.05))
    relay = await LinkRelay.create(target.address, forward, backward, CLOCK)
    before = CLOCK.now()
    client.send(b"\x00ask", relay.address)
    await target.gets(1)
    asked, source, arrival = target.got[0]
    assert asked == b"\x00ask"
    assert arrival >= before + 0.03
    target.send(b"\x01answer", source)
    await client.gets(1)
    answered, source, back = client.got[0]
    assert (answered, source) == (b"\x01answer", relay.address)
    assert back >= arrival + 0.05
    assert forward.truth.kinds["stun"].delivered == backward.truth.kinds["stun"].delivered == 1
    assert forward.truth.total.delays.minimum >= 0.03
    relay.close()
    relay.close()
    await asyncio.sleep(0)


async def test_answers_find_their_own_sender(parties: tuple[Party, Party, Party]) -> None:
    first, second, target = parties
    relay = await LinkRelay.create(target.address, link(), link(), CLOCK)
    first.send(b"1", relay.address)
    second.send(b"2", relay.address)
    await target.gets(2)
    for data, source, _ in target.got:
        target.send(b"to " + data, source)
    await first.gets(1)
    await second.gets(1)
    assert (first.data, second.data) == ([b"to 1"], [b"to 2"])
    relay.close()
    await asyncio.sleep(0)


async def test_unasked_the_target_reaches_the_latest_sender(parties: tuple[Party, Party, Party]) -> None:
    first, second, target = parties
    relay = await LinkRelay.create(target.address, link(), link(), CLOCK)
    target.send(b"nobody there", relay.address)
    await until(lambda: relay.strays > 0)
    for count, party in enumerate((second, first, second), 1):
        party.send(b"hello", relay.address)
        await target.gets(count)
    target.send(b"unasked", relay.address)
    await second.gets(1)
    assert (first.data, second.data) == ([], [b"unasked"])
    relay.close()
    await asyncio.sleep(0)


async def test_strangers_do_not_get_in_through_the_back(parties: tuple[Party, Party, Party]) -> None:
    client, stranger, target = parties
    backward = link()
    relay = await LinkRelay.create(target.address, link(), backward, CLOCK)
    client.send(b"hello", relay.address)
    await target.gets(1)
    stranger.send(b"psst", target.got[0][1])
    await until(lambda: relay.strays > 0)
    assert client.data == []
    assert backward.truth.total.offered == 0
    relay.close()
    await asyncio.sleep(0)


async def test_the_one_silent_longest_is_forgotten(
    parties: tuple[Party, Party, Party], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link_relay, "MAX_SENDERS", 2)
    first, second, target = parties
    third = Party()
    relay = await LinkRelay.create(target.address, link(), link(), CLOCK)
    for count, party in enumerate((first, second, first, third), 1):
        party.send(b"hello", relay.address)
        await target.gets(count)
    sources = [source for _, source, _ in target.got]
    assert sources[0] == sources[2]  # still known
    for source in sources[1:]:
        target.send(b"answer", source)
    await first.gets(1)
    await third.gets(1)
    assert second.data == []
    relay.close()
    third.endpoint.close()
    await asyncio.sleep(0)


@Precise
async def test_truth_is_what_arrives(parties: tuple[Party, Party, Party], precise: bool) -> None:
    """All counts exactly, jitter as the probe reads it from kernel arrival times, and no packet ever early."""
    client, _, target = parties
    releaser = Releaser(CLOCK, precise=precise)
    forward = link(
        Impairment(
            delay=0.03,
            jitter=Jitter("normal", 0.005, keep_order=False),
            loss=GilbertElliott(0.05, 0.3),
            duplicate=0.05,
            reorder=Reorder(0.05, 0.01),
        )
    )
    relay = await LinkRelay.create(target.address, forward, link(), CLOCK, releaser=releaser)
    for number in range(300):
        client.send(rtp(number + 65_400, timestamp=number * 360), relay.address)
        await asyncio.sleep(0.004)
    await target.gets(forward.truth.total.delivered + forward.truth.total.in_flight)
    receiver = StreamReceiver(7, 90000)
    for data, _, arrival in target.got:
        header = parse_header(data)
        receiver.on_packet(header.sequence_number, header.timestamp, arrival, len(data))
    truth = forward.truth.streams[7]
    seen = truth.observed()
    assert truth.tally.offered == 300
    assert min(seen.lost, seen.duplicates, seen.reordered) > 0
    assert (receiver.packets, receiver.bytes, receiver.lost_first, receiver.duplicates, receiver.reordered) == (
        seen.packets, seen.bytes, seen.lost, seen.duplicates, seen.reordered,
    )  # fmt: skip
    assert receiver.snapshot(0).burst_ratio == pytest.approx(seen.burst_ratio)
    assert receiver.jitter_seconds == pytest.approx(truth.jitter_seconds(90000), rel=0.03, abs=0.0003)
    assert min(one.released - one.arrival for one in truth.releases) >= 0.005
    assert relay.socket_drops == 0
    relay.close()
    releaser.close()
    await asyncio.sleep(0)


async def test_two_links_in_a_row(parties: tuple[Party, Party, Party]) -> None:
    """A's up, then B's down: delays add up, and B's truth sees the holes that A's losses left."""
    client, _, target = parties
    up = link(Impairment(delay=0.02, loss=RandomLoss(0.3)), 3)
    down = link(Impairment(delay=0.03, loss=RandomLoss(0.3)), 4)
    relay = await LinkRelay.create(target.address, (up, down), link(), CLOCK)
    for number in range(100):
        client.send(rtp(number), relay.address)
    await target.gets(1)
    await asyncio.sleep(0.05)
    await target.gets(down.truth.total.delivered + down.truth.total.in_flight)
    first, second = up.truth.streams[7], down.truth.streams[7]
    assert second.tally.offered == 100 - first.tally.lost == first.tally.delivered
    assert second.tally.delivered == len(target.got)
    assert up.truth.lateness.maximum == 0.0  # handed over on time, so that the delays add up to the real one
    assert first.tally.delays.maximum == pytest.approx(0.02)
    assert second.tally.delays.minimum >= 0.03
    came = {parse_header(data).sequence_number for data in target.data}
    assert second.observed().lost == max(came) - min(came) + 1 - len(came)
    relay.close()
    await asyncio.sleep(0)


async def test_a_participant_has_one_rate_whatever_the_path(parties: tuple[Party, Party, Party]) -> None:
    first, second, target = parties
    shared = link(Impairment(rate_bps=1e6, queue_bytes=50_000))
    releaser = Releaser(CLOCK)
    relays = [
        await LinkRelay.create(target.address, shared, link(), CLOCK, releaser=releaser),
        await LinkRelay.create(target.address, shared, link(), CLOCK, releaser=releaser),
    ]
    for number in range(10):
        first.send(rtp(number, size=972), relays[0].address)
        second.send(rtp(number, size=972, ssrc=8), relays[1].address)
    await target.gets(20)  # 8 ms each
    assert target.got[-1][2] - target.got[0][2] == pytest.approx(0.152, abs=0.02)
    assert sorted(shared.truth.streams) == [7, 8]
    for relay in relays:
        relay.close()
    releaser.close()
    await asyncio.sleep(0)


async def test_what_is_on_its_way_at_the_end_is_unsent(parties: tuple[Party, Party, Party]) -> None:
    client, _, target = parties
    releaser = Releaser(CLOCK)
    own, shared = link(Impairment(delay=0.2)), link(Impairment(delay=0.1))
    with_own = await LinkRelay.create(target.address, own, link(), CLOCK)
    with_shared = await LinkRelay.create(target.address, shared, link(), CLOCK, releaser=releaser)
    for relay in (with_own, with_shared):
        client.send(b"late", relay.address)
    await until(lambda: own.truth.total.offered == shared.truth.total.offered == 1)
    with_own.close()
    with_shared.close()
    assert own.truth.total.dropped["unsent"] == 1
    assert shared.truth.total.in_flight == 1
    await until(lambda: shared.truth.total.in_flight == 0)
    assert shared.truth.total.dropped["unsent"] == 1
    assert target.got == []
    releaser.close()
    await asyncio.sleep(0)


async def test_a_busy_loop_does_not_add_to_the_delay(parties: tuple[Party, Party, Party]) -> None:
    """The delay counts from the kernel's arrival time."""
    client, _, target = parties
    forward = link(Impairment(delay=0.2))
    relay = await LinkRelay.create(target.address, forward, link(), CLOCK)
    sent = CLOCK.now()
    client.send(b"x", relay.address)
    time.sleep(0.1)  # noqa: ASYNC251 - the loop shall be busy
    await target.gets(1)
    assert forward.truth.total.delivered == 1
    planned = forward.truth.total.delays.maximum - (forward.truth.lateness.maximum or 0.0)
    assert planned == pytest.approx(0.2, abs=1e-6)
    released = forward.truth.total.recent[0][0]
    assert released - forward.truth.total.delays.maximum < sent + 0.05
    relay.close()
    await asyncio.sleep(0)


@pytest.mark.parametrize(
    ("target", "message"),
    [(("example.org", 5), "example.org"), (("::1", 5), "IPv6 and IPv4"), (("6f1a.local", 5), "6f1a.local")],
)
async def test_targets_that_can_not_be(target: tuple[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        await LinkRelay.create(target, link(), link(), CLOCK)


async def test_both_directions_need_a_link() -> None:
    with pytest.raises(ValueError, match="at least one link"):
        await LinkRelay.create(("127.0.0.1", 5), link(), (), CLOCK)


async def test_in_place_of_a_candidate(parties: tuple[Party, Party, Party]) -> None:
    client, _, target = parties
    relay = await LinkRelay.create(target.address, link(), link(), CLOCK)
    line = f"candidate:1 1 udp 2130706431 127.0.0.1 {target.address[1]} typ host"
    told = rewrite_candidates(
        line, lambda host, port: relay.address if (host, port) == target.address else (host, port)
    )
    host, port = told.split()[4:6]
    client.send(b"hi", (host, int(port)))
    await target.gets(1)
    relay.close()
    await asyncio.sleep(0)


@Precise
async def test_wake_timer(precise: bool) -> None:
    woken: list[float] = []
    timer = WakeTimer(lambda: woken.append(time.monotonic()), precise=precise)
    start = time.monotonic()
    timer.set(start + 5)
    timer.set(start + 0.02)
    assert timer.at == start + 0.02
    await asyncio.sleep(0.06)
    assert len(woken) == 1
    assert woken[0] >= start + 0.0199
    assert timer.at is None
    timer.set(0.0)  # long past: at once
    await asyncio.sleep(0.01)
    assert len(woken) == 2
    timer.set(time.monotonic() + 0.01)
    timer.close()
    timer.close()
    await asyncio.sleep(0.03)
    assert len(woken) == 2


@pytest.mark.skipif(sys.platform != "linux", reason="timerfd is Linux")
async def test_releases_are_late_by_less_than_half_a_millisecond(parties: tuple[Party, Party, Party]) -> None:
    """By the median, which asyncio's own timers miss, in some moment in which the machine is not busy with others."""
    client, _, target = parties
    medians = []
    for attempt in range(1, 9):
        forward = link(Impairment(delay=0.0205))
        relay = await LinkRelay.create(target.address, forward, link(), CLOCK)
        for number in range(100):
            client.send(rtp(number), relay.address)
            await asyncio.sleep(0.0035)
        await target.gets(100 * attempt)
        relay.close()
        await asyncio.sleep(0)
        medians.append(forward.truth.lateness.quantile(0.5) or 1.0)
        if medians[-1] < 0.0005:
            return
    pytest.fail(f"medians of {medians}")

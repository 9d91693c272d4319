"""The same packets read by us and by tshark: a call of ours through emulated links, captured where its receivers get them.

Where tshark's definitions are others than ours (`rtp,streams`, version 4.0; docs/accuracy.md has the table):

- packets: it counts duplicates, we don't.
- lost: last number − first number + 1 − packets. So a duplicate makes up for a loss, as in RFC 3550's own count, and a stream
  that begins or ends with a late packet is taken for longer or shorter than it was. Ours: the numbers that never came.
- jitter: mean and maximum leave out packets with the marker, which end a video frame; the mean divides by their number
  nevertheless. The estimate itself runs on over all packets, as ours does, while they come in order and once. Of what comes
  twice or late it makes something of its own, so there the formula is applied to the times that tshark read instead.
"""

from __future__ import annotations

import asyncio
import statistics
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from probe.measure.rtp_stream import StreamSnapshot
from probe.media.audio import EncodedAudio
from probe.media.video import EncodedVideo
from sfu_shim.core.link.impairment import GilbertElliott, Impairment, Jitter, RandomLoss, Reorder
from sfu_shim.core.link.link import Link
from tests.interop.capture import Capture, SeenPacket, SeenStream, codecs_in
from tests.interop.impaired import Heard, Ledger, impaired
from tests.interop.party import Party

pytestmark = pytest.mark.timeout(40)

SECONDS = 6.0
CLOCK_RATES = {"audio": 48_000, "video": 90_000}

# Both read the time that the kernel gave the datagram when it came in; ours goes on to the monotonic clock by an offset that is
# read anew whenever datagrams are fetched, which costs a µs (seen: 1.2 at most).
ARRIVAL = 0.000_1
JITTER = ARRIVAL / 4
PRINTED = 0.000_001  # three decimals of a millisecond

LOSSY = Impairment(delay=0.02, jitter=Jitter("normal", 0.005), loss=RandomLoss(0.03))
BURSTY = Impairment(delay=0.01, jitter=Jitter("pareto", 0.01), loss=GilbertElliott(p=0.02, r=0.4))
UNTIDY = Impairment(delay=0.02, duplicate=0.04, reorder=Reorder(0.04, 0.03), loss=RandomLoss(0.02))


@pytest.mark.parametrize(
    ("up", "down"), [(LOSSY, Impairment()), (UNTIDY, BURSTY)], ids=["lossy and perfect", "untidy and bursty"]
)
async def test_we_and_tshark_read_the_same(
    up: Impairment,
    down: Impairment,
    videos: dict[str, EncodedVideo],
    audio: EncodedAudio,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ledger = Ledger(monkeypatch)
    async with (
        Capture(tmp_path) as capture,
        Party(videos["VP8"], audio, "offer") as first,
        Party(videos["VP8"], audio, "answer") as second,
    ):
        second.context.rng.seed(8)  # else both would make up the same SSRCs
        with impaired(first, up, down) as links:
            await _call(first, second, capture)
            read = [(impairment, link, end, kind, _snapshot(end, kind))
                    for impairment, link, end in ((up, links.up, second), (down, links.down, first))
                    for kind in ("audio", "video")]  # fmt: skip
    packets, streams = await capture.packets(), await capture.streams()
    for impairment, link, end, kind, ours in read:
        ssrc = end.receiver(kind).ssrc
        seen = [packet for packet in packets if packet.ssrc == ssrc]
        heard = ledger.heard[ssrc]
        _truth_is_read(impairment, link, ssrc, ours)
        _counts_agree(streams[ssrc], ours, seen)
        _arrivals_agree(heard, seen)
        _jitter_agrees_with_the_formula(heard, seen, CLOCK_RATES[kind])
        if not ours.duplicates and not ours.reordered:
            _jitter_agrees(streams[ssrc], heard, seen)


async def _call(first: Party, second: Party, capture: Capture) -> None:
    """From the first description until the last packet has come and is captured."""
    for end in (first, second):
        await end.path.start()
    offer = await first.say()
    await second.hear("offer", offer)
    answer = await second.say()
    await capture.start({_port(end): codecs_in(answer) for end in (first, second)})
    await first.hear("answer", answer)
    await first.up()
    await second.up()
    await asyncio.sleep(SECONDS)
    for end in (first, second):
        end.publisher.close()
    await asyncio.sleep(0.6)  # what is under way arrives, and dumpcap fetches it
    await capture.stop()


def _port(end: Party) -> int:
    """Where it receives: there is one local address, 127.0.0.1."""
    [endpoint] = end.path.peer._stack._endpoints
    return int(endpoint.get_extra_info("sockname")[1])


def _snapshot(end: Party, kind: str) -> StreamSnapshot:
    return end.receiver(kind).stream.snapshot(end.context.clock.now())


def _truth_is_read(impairment: Impairment, link: Link, ssrc: int, ours: StreamSnapshot) -> None:
    """Ours is what the link did; and it did something, or else the test would prove little."""
    true = link.truth.streams[ssrc].observed()
    assert (ours.packets, ours.expected, ours.lost_first) == (true.packets, true.expected, true.lost)
    assert (ours.duplicates, ours.reordered) == (true.duplicates, true.reordered)
    assert bool(ours.lost_first) == (impairment.loss is not None)
    assert bool(ours.duplicates) == (impairment.duplicate > 0)
    assert bool(ours.reordered) == (impairment.reorder is not None)


def _counts_agree(theirs: SeenStream, ours: StreamSnapshot, seen: Sequence[SeenPacket]) -> None:
    assert len(seen) == theirs.packets == ours.packets + ours.duplicates
    numbers = [packet.sequence for packet in seen]  # they begin below 2**15: none of them wraps
    overlooked = ours.expected - (numbers[-1] - numbers[0] + 1)
    assert theirs.lost == ours.lost_first - ours.duplicates - overlooked
    assert theirs.lost_percent == pytest.approx(100 * theirs.lost / (ours.expected - overlooked), abs=0.051)
    if not ours.reordered:
        assert overlooked == 0


def _arrivals_agree(heard: Sequence[Heard], seen: Sequence[SeenPacket]) -> None:
    """Packet by packet, but for the offset of the two clocks. The kernel stamps a packet for the capture and for the socket at two
    places: between them it may have been kept from going on, for some packet in a hundred."""
    assert [(one.sequence, one.timestamp) for one in heard] == [(one.sequence, one.timestamp) for one in seen]
    offsets = [one.time - other.arrival for one, other in zip(seen, heard, strict=True)]
    middle = statistics.median(offsets)
    apart = sorted(abs(offset - middle) for offset in offsets)
    assert apart[int(len(apart) * 0.99)] < ARRIVAL
    assert apart[-1] < 10 * ARRIVAL


def _formula(seen: Sequence[SeenPacket], clock_rate: int) -> Iterator[float]:
    """RFC 3550 section 6.4.1 on tshark's times, for each packet: its copies leave the estimate as it is."""
    jitter, numbers = 0.0, set[int]()
    last: SeenPacket | None = None
    for packet in seen:
        if packet.sequence not in numbers:
            numbers.add(packet.sequence)
            if last is not None:
                ticks = (packet.timestamp - last.timestamp + 2**31) % 2**32 - 2**31
                jitter += (abs(packet.time - last.time - ticks / clock_rate) - jitter) / 16
            last = packet
        yield jitter


def _jitter_agrees_with_the_formula(heard: Sequence[Heard], seen: Sequence[SeenPacket], clock_rate: int) -> None:
    true = list(_formula(seen, clock_rate))
    assert max(abs(one.jitter - jitter) for one, jitter in zip(heard, true, strict=True)) < JITTER


def _jitter_agrees(theirs: SeenStream, heard: Sequence[Heard], seen: Sequence[SeenPacket]) -> None:
    """tshark's maximum and mean, over the packets that it takes into account."""
    regular = [(number, one.jitter) for number, one in enumerate(heard) if number and not seen[number].marker]
    assert theirs.max_jitter == pytest.approx(max(jitter for _, jitter in regular), abs=JITTER + PRINTED)
    mean = 0.0
    for number, jitter in regular:
        mean += (jitter - mean) / number
    assert theirs.mean_jitter == pytest.approx(mean, abs=JITTER + PRINTED)

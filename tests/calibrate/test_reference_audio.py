"""The listener's reference against the probe's listener, in simulated time."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probe.calibrate.reference_audio import Heard, Tick, mos
from probe.client.capture_log import CaptureLog
from probe.client.listening import Listening
from probe.measure.assembly import MediaPacket
from tests.client.fakes import START, Bench


def ticks_at(times: list[float], packets: list[Heard]) -> list[Tick]:
    return [Tick(time, sum(packet.arrival <= time for packet in packets)) for time in times]


def listen(packets: list[Heard], ticks: list[float], end: float) -> tuple[float, float] | None:
    """MOS-LQ and MOS-CQ as the probe reads them."""
    bench = Bench(captures={"you": CaptureLog()})
    heard = Listening(bench.context, "me", "you", "p2p")
    events = [(p.arrival, 0, p) for p in packets] + [(tick, 1, None) for tick in ticks]
    for time, _, packet in sorted(events, key=lambda event: event[:2]):
        bench.clock.time = time
        if packet is None:
            heard.window(time, 0.1)
        else:
            media = MediaPacket(packet.number, 0, False, bytes(packet.size), time, False, packet.capture)
            heard.on_packet(media, round(packet.media * 48_000))
    bench.clock.time = end
    heard.finish()
    lq = bench.values("audio_mos_lq")
    return (lq[0], bench.values("audio_mos_cq")[0]) if lq else None


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_both_give_the_same_call_the_same_score(data: st.DataObject) -> None:
    fates = data.draw(st.lists(st.sampled_from([0.0] * 8 + [0.004, 0.03, 0.11, None]), min_size=60, max_size=400))
    if fates[0] is None:
        fates[0] = 0.0
    sent = [START + n * 0.02 for n in range(len(fates))]
    packets = [
        Heard(n, n * 0.02, sent[n], sent[n] + 0.05 + late, 100 + n % 40)
        for n, late in enumerate(fates)
        if late is not None
    ]
    packets.sort(key=lambda packet: (packet.arrival, packet.number))
    end = sent[-1] + 1.3
    ticks = [START + 0.37 + n for n in range(int(end - START))]
    read, true = listen(packets, ticks, end), mos(packets, ticks_at(ticks, packets), end)
    assert (read is None) == (true is None)
    if read is not None and true is not None:
        assert read == pytest.approx((true.lq, true.cq), abs=1e-9)


def test_an_undisturbed_call_is_worth_what_opus_can() -> None:
    packets = [Heard(n, n * 0.02, START + n * 0.02, START + n * 0.02 + 0.03, 120) for n in range(300)]
    found = mos(packets, ticks_at([START + 0.5 + n for n in range(6)], packets), START + 6.1)
    assert found is not None
    assert found.lq == pytest.approx(4.401, abs=0.001)
    assert found.cq == pytest.approx(4.401, abs=0.001)


def test_a_short_call_has_no_score() -> None:
    packets = [Heard(n, n * 0.02, START, START + n * 0.02, 120) for n in range(5)]
    assert mos(packets, [], START + 0.5) is None

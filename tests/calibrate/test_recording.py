"""Links that remember reports and STUN, in simulated time."""

from __future__ import annotations

from random import Random

import pytest

from probe.calibrate.recording import RecordingEmulation, RecordingLink
from probe.rtc.clock import Clock
from probe.wire.rtcp import Nack, ReceiverReport
from sfu_shim.core.link.impairment import Impairment, RandomLoss
from sfu_shim.core.link.profiles import network_profile
from sfu_shim.core.link.schedule import Schedule
from tests.sfu_shim.core.link.simulate import carry, stream

REPORT = ReceiverReport(5, ()).to_bytes()
NACK = Nack(5, 7, (1,)).to_bytes()


def stun(kind: bytes, transaction: bytes) -> bytes:
    return kind + b"\x00\x00\x21\x12\xa4\x42" + transaction


def test_reports_with_their_delays_and_nothing_else() -> None:
    link = RecordingLink(Schedule(Impairment(delay=0.05)), Random(1), 0.0)
    carry(
        link, [(1.0, REPORT), (1.1, NACK), *((t + 2, data) for t, data in stream(3)), (3.0, REPORT + b"2")], late=0.01
    )
    assert [report.arrival for report in link.reports] == [1.0, 3.0]
    assert [report.delay for report in link.reports] == pytest.approx([0.06, 0.06])


def test_a_copy_that_the_link_made_is_left_out_and_a_lost_one_too() -> None:
    twice = RecordingLink(Schedule(Impairment(duplicate=1.0)), Random(1), 0.0)
    carry(twice, [(1.0, REPORT)])
    assert (len(twice.reports), twice.truth.total.delivered) == (1, 2)
    lossy = RecordingLink(Schedule(Impairment(loss=RandomLoss(1.0))), Random(1), 0.0)
    carry(lossy, [(1.0, REPORT)])
    assert lossy.reports == []


def test_stun_by_transaction_the_first_of_each() -> None:
    link = RecordingLink(Schedule(Impairment()), Random(1), 0.0)
    one, two = b"a" * 12, b"b" * 12
    carry(link, [(1.0, stun(b"\x00\x01", one)), (1.2, stun(b"\x00\x01", one)), (1.3, stun(b"\x01\x01", two))])
    assert {key: passed.arrival for key, passed in link.requests.items()} == {one: 1.0}
    assert set(link.answers) == {two}


def test_an_emulation_makes_them() -> None:
    access = RecordingEmulation(Clock(), ("127.0.0.1",), Random(1)).enter("a", network_profile("lte"))
    assert isinstance(access.up, RecordingLink)
    assert isinstance(access.down, RecordingLink)
    assert access.up.schedule is network_profile("lte").up

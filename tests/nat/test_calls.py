"""Calls from behind NATs of every kind, each side in a network namespace of its own: P2P works exactly where theory says so."""

from __future__ import annotations

import pytest

from tests.nat.calls import Call
from tests.nat.measure import Measured
from tests.nat.namespaces import left_behind
from tests.nat.plan import CONNECT_SECONDS, HEARD, Report
from tests.nat.theory import KINDS, direct, pairs

_LATE = 0.2
"""Of the calls: where a busy machine is late with a direct check, the relay wins."""

pytestmark = pytest.mark.timeout(280)

every_kind = pytest.mark.parametrize("kind", KINDS)
every_pair = pytest.mark.parametrize(("first", "second"), pairs(), ids=[" with ".join(pair) for pair in pairs()])


@every_kind
def test_a_box_is_the_nat_that_its_name_says(measured: Measured, kind: str) -> None:
    for found in measured.found[kind]:
        assert found.behaviour == KINDS[kind]  # `measure` would not have gone on
        assert found.outer == found.site.public
        assert len(found.translated) == {"none": 0, "double": 2, "double-symmetric": 2}.get(kind, 1)
        assert all(found.translated)


@every_pair
def test_with_stun_alone_a_call_comes_about_exactly_where_theory_says(
    measured: Measured, first: str, second: str
) -> None:
    call = measured.calls["stun", first, second]
    if direct(first, second):
        _is_well(call)
        assert not call.relayed
    else:
        assert not call.first.packets
        assert not call.second.packets
        assert (call.first.failed_phase, call.second.failed_phase) == ("ice_connected", "ice_connected")
        assert "no way through for UDP" in call.second.errors[0]


@every_pair
def test_with_turn_every_call_comes_about(measured: Measured, first: str, second: str) -> None:
    call = measured.calls["turn", first, second]
    _is_well(call)
    assert call.relayed or direct(first, second)


def test_the_relay_carries_no_call_that_can_go_without_it(measured: Measured) -> None:
    able = [pair for pair in pairs() if direct(*pair)]
    relayed = [pair for pair in able if measured.calls["turn", *pair].relayed]
    assert len(relayed) <= _LATE * len(able), relayed


@every_kind
def test_the_sfu_is_reached_from_behind_every_nat(measured: Measured, kind: str) -> None:
    report = next(report for report in measured.everybody if report.name == kind)
    assert report.topology == "sfu"
    _hears(report, len(KINDS) - 1)


def test_a_room_whose_p2p_fails_is_rescued_by_the_sfu(measured: Measured) -> None:
    for report in (measured.rescued.first, measured.rescued.second):
        assert report.topology == "sfu"
        _hears(report, 1)


def test_nothing_is_left_behind(measured: Measured) -> None:
    assert left_behind() == []


def _is_well(call: Call) -> None:
    for report in (call.first, call.second):
        assert report.topology == "p2p"
        _hears(report, 1)
    assert call.second.connect is not None
    assert 0 < call.second.connect < CONNECT_SECONDS


def _hears(report: Report, others: int) -> None:
    assert report.connected, report
    assert len(report.packets) == others
    assert min(report.packets.values()) >= HEARD
    assert report.round_trip is not None

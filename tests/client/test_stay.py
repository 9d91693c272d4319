from __future__ import annotations

import pytest

from probe.client.stay import Stay
from probe.measure.savings import SavingsLedger
from tests.client.fakes import Bench


def test_time_and_volume_by_topology() -> None:
    bench, ledger = Bench(), SavingsLedger()
    stay = Stay(bench.context)
    assert stay.topology is None
    stay.carried_by("p2p")
    bench.clock.time += 30.0
    stay.carried_by("sfu")
    bench.clock.time += 10.0
    stay.carried_by("p2p")
    bench.clock.time += 6.0
    stay.carried("p2p", 36_000_000)
    stay.carried("sfu", 20_000_000)
    stay.settle(ledger, "me")
    assert bench.values("megabytes_per_participant_hour", topology="p2p") == [pytest.approx(3600.0)]
    assert bench.values("megabytes_per_participant_hour", topology="sfu") == [pytest.approx(7200.0)]
    assert ledger.p2p_seconds == pytest.approx(36.0)
    assert ledger.actual.seconds == pytest.approx(10.0)


def test_too_short_a_stay_has_no_rate_per_hour() -> None:
    bench = Bench()
    stay = Stay(bench.context)
    stay.carried_by("p2p")
    bench.clock.time += 0.5
    stay.carried("p2p", 1000)
    stay.settle(SavingsLedger(), "me")
    assert bench.values("megabytes_per_participant_hour") == []

from __future__ import annotations

import pytest

from probe.rtc.clock import Clock


def test_ntp_goes_there_and_back() -> None:
    clock = Clock()
    now = clock.now()
    assert clock.from_ntp(clock.to_ntp(now)) == pytest.approx(now, abs=1e-6)


def test_ntp_counts_from_1900() -> None:
    years = Clock().to_ntp(Clock().now()) / (365.2425 * 86400)
    assert 125 < years < 200


@pytest.mark.parametrize(
    ("realtime", "expected"),
    [
        (999.5, 99.5),  # half a second ago
        (1000.0, 100.0),
        (1000.1, 100.0),  # from the future: the wall clock was stepped back
        (980.0, 100.0),  # twenty seconds old: it was stepped forward
    ],
)
def test_kernel_times_become_monotonic_ones(realtime: float, expected: float) -> None:
    assert Clock.from_kernel(realtime, -900.0, 100.0) == pytest.approx(expected)

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.measure.opus import Band, RateControl, Robustness, g722, opus, opus_range_bps

TABLES: list[tuple[Band, RateControl]] = [
    ("swb", "vbr"), ("swb", "cbr"), ("wb", "vbr"), ("wb", "cbr"), ("nb", "vbr"), ("nb", "cbr")
]  # fmt: skip


@pytest.mark.parametrize(
    ("kbps", "band", "rate_control", "expected"),
    [
        (14, "swb", "vbr", (38.06, 16.51, 9.13)),
        (25, "swb", "vbr", (20.20905481, 11.28, 9.18)),
        (40, "swb", "vbr", (10.66596559, 9.79, 8.04)),
        (28, "swb", "cbr", (23.65242842, 11.67, 9.98)),
        (12, "wb", "vbr", (23.29505705, 22.2151863, 18.90376092)),
        (15, "wb", "cbr", (18.06274989, 18.73740804, 16.09740659)),
        (6, "nb", "vbr", (23.00233478, 24.5644848, 15.35503534)),
        (11, "nb", "cbr", (2.030115291, 15.95164784, 10.73313709)),
    ],
)
def test_rows(kbps: int, band: Band, rate_control: RateControl, expected: tuple[float, float, float]) -> None:
    assert opus(1000 * kbps, band, rate_control) == Robustness(*expected)


def test_between_rows_it_is_linear() -> None:
    found = opus(35_000)  # a third of the way from 34 to 37
    assert found.ie == pytest.approx(14.75893036 + (12.07782849 - 14.75893036) / 3)
    assert found.bpl == pytest.approx(10.12 + 0.26 / 3)
    assert found.bpl_bursty == pytest.approx(8.54 - 0.24 / 3)


@pytest.mark.parametrize(("band", "rate_control"), TABLES)
def test_constant_beyond_the_table(band: Band, rate_control: RateControl) -> None:
    low, high = opus_range_bps(band, rate_control)
    assert low < high
    assert opus(1, band, rate_control) == opus(low, band, rate_control)
    assert opus(510_000, band, rate_control) == opus(high, band, rate_control)


@pytest.mark.parametrize(("band", "rate_control"), TABLES)
@given(bitrate=st.floats(1000, 100_000))
def test_bursts_always_hurt_more_and_values_stay_in_the_table(
    band: Band, rate_control: RateControl, bitrate: float
) -> None:
    found = opus(bitrate, band, rate_control)
    assert 2 < found.ie < 47
    assert 5 < found.bpl_bursty < found.bpl < 25


@pytest.mark.parametrize(
    ("bitrate", "ie"), [(64_000, 13), (63_999, 20), (56_000, 20), (48_000, 31), (80_000, 13), (1, 31)]
)
def test_g722_modes(bitrate: float, ie: float) -> None:
    assert g722(bitrate).ie == ie

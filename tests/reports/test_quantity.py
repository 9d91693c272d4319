from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.targets.quantity import FACTORS, parse_quantity, show_quantity


@pytest.mark.parametrize(
    ("written", "unit", "value"),
    [
        ("98 %", "ratio", 0.98),
        ("99.95%", "ratio", 0.9995),
        (0.98, "ratio", 0.98),
        ("80 ms", "seconds", 0.08),
        ("15s", "seconds", 15.0),
        ("2 min", "seconds", 120.0),
        (4.6, "score", 4.6),
        ("4.6", "score", 4.6),
        ("500 kbit/s", "bits_per_second", 500_000.0),
        ("1e3", "count", 1000.0),
        (20, "count", 20.0),
        ("6 /min", "per_second", 0.1),
    ],
)
def test_written_quantities(written: float | str, unit: str, value: float) -> None:
    assert parse_quantity(written, unit) == value


@pytest.mark.parametrize(
    ("written", "unit"),
    [
        ("98 %", "seconds"),
        ("80 ms", "ratio"),
        ("fast", "seconds"),
        ("", "ratio"),
        ("4.6 stars", "score"),
        (True, "count"),
    ],
)
def test_the_wrong_suffix_is_refused(written: float | str, unit: str) -> None:
    with pytest.raises(ValueError, match="is not a quantity"):
        parse_quantity(written, unit)


@pytest.mark.parametrize(
    ("value", "unit", "shown"),
    [
        (0.98, "ratio", "98 %"),
        (0.9995, "ratio", "99.95 %"),
        (1.0, "ratio", "100 %"),
        (0.50716, "ratio", "50.7 %"),
        (0.000123, "ratio", "0.0123 %"),
        (-0.25, "ratio", "-25 %"),
        (0.0, "seconds", "0 ms"),
        (0.0004, "seconds", "0.4 ms"),
        (0.317, "seconds", "317 ms"),
        (12.34, "seconds", "12.3 s"),
        (120.0, "seconds", "120 s"),
        (900.0, "seconds", "15 min"),
        (2_592_000.0, "seconds", "720 h"),
        (10.0, "times", "10x"),
        (12.5, "W", "12.5 W"),
        (3.0, "", "3"),
        (986_000.0, "bits_per_second", "986 kbit/s"),
        (1_490_000.0, "bits_per_second", "1.49 Mbit/s"),
        (4.6, "score", "4.60"),
        (500.0, "count", "500"),
        (28.4, "fps", "28.4 fps"),
    ],
)
def test_shown_quantities(value: float, unit: str, shown: str) -> None:
    assert show_quantity(value, unit) == shown


@given(st.floats(min_value=1e-6, max_value=1e9), st.sampled_from(sorted(FACTORS)))
def test_what_is_shown_reads_back_within_half_a_percent(value: float, unit: str) -> None:
    if unit in ("mos", "score"):
        value = 1 + value % 4
    assert parse_quantity(show_quantity(value, unit), unit) == pytest.approx(value, rel=0.0051)

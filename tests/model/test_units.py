"""Shares and seconds as people write them."""

from __future__ import annotations

import pytest

from probe.model.units import seconds, share


@pytest.mark.parametrize(
    ("written", "meant"), [("2%", 0.02), (" 12.5 % ", 0.125), (0.3, 0.3), ("half", "half"), (None, None)]
)
def test_share(written: object, meant: object) -> None:
    assert share(written) == meant


@pytest.mark.parametrize(("written", "meant"), [("10s", 10.0), ("2.5 s", 2.5), (7, 7), ("soon", "soon")])
def test_seconds(written: object, meant: object) -> None:
    assert seconds(written) == meant


@pytest.mark.parametrize("written", ["%", "x%", "1,5%"])
def test_no_number(written: str) -> None:
    with pytest.raises(ValueError, match="no number with a unit"):
        share(written)
    with pytest.raises(ValueError, match="no number with a unit"):
        seconds(written.replace("%", "s"))

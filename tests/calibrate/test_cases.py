"""The calls of a calibration, and a network of the user's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from probe.calibrate.cases import from_file, full, quick
from probe.model.errors import ConfigError


def file(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    return path


def test_every_kind_of_impairment_is_in_the_full_set() -> None:
    steps = [step for case in full() for way in (case.network.up, case.network.down) for step in way.steps]
    found = [way.base for case in full() for way in (case.network.up, case.network.down)]
    for name in ("delay", "jitter", "loss", "duplicate", "reorder", "rate_bps"):
        assert any(getattr(impairment, name) for impairment in found), name
    assert any(step.blackout for step in steps)
    assert {case.way for case in full()} == {"p2p", "sfu", "migration"}
    assert len({case.name for case in full()}) == len(full())


def test_quick_fits_into_a_minute() -> None:
    assert sum(case.seconds + 5 for case in quick()) < 60
    assert {case.way for case in quick()} == {"p2p", "sfu", "migration"}


def test_ten_thousand_pictures_are_read_in_the_full_set() -> None:
    assert sum(2 * 30 * case.seconds for case in full() if case.way != "migration") > 10_000


@pytest.mark.parametrize("text", ["network: lte", "network: {up: {delay: 0.1}}", "up: {delay: 0.1}", "profile: lte"])
def test_a_file_holds_what_a_scenario_does(tmp_path: Path, text: str) -> None:
    case = from_file(file(tmp_path, text))
    assert (case.name, case.way, case.seconds) == ("mine", "p2p", 20.0)
    assert case.network.up.base.delay > 0


def test_the_call_lasts_beyond_the_last_change(tmp_path: Path) -> None:
    case = from_file(file(tmp_path, "down: {schedule: [{at: 30, blackout: 2}]}"))
    assert case.seconds == 37.0


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("up: {delay: -1}", "delay"),
        ("upp: {delay: 1}", "did you mean 'up'"),
        ("network: ltee", "did you mean 'lte'"),
        ("up: {schedule: [{at: 3000, blackout: 1}]}", "too late"),
    ],
)
def test_mistakes_are_told(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(ConfigError) as error:
        from_file(file(tmp_path, text))
    assert told in str(error.value)

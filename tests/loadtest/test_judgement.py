"""By which promises a campaign is judged."""

from __future__ import annotations

from pathlib import Path

import pytest

from loadtest.judgement import exit_code, judgement_of
from probe.model.errors import ConfigError
from reports.targets.files import load_profile
from reports.units import UnitWant
from tests.loadtest.build import RTT, settings
from tests.reports.build import BUSY, result

OWN = """
profile: mine
title: Mine
source: here
horizons: [soon, later]
default_horizon: later
kpis:
  - {id: rtt, title: Round trip, metric: round_trip_time_seconds, comparison: "<", targets: {soon: 1 s, later: 1 ms}}
  - {id: late, title: Later, metric: jitter_seconds, comparison: "<", targets: {soon: 1 s}, after: 10 s}
"""


def test_the_scenarios_own_promises_and_rows() -> None:
    found = judgement_of(settings(strict=True))
    assert (found.profile, found.horizon, found.strict) == (load_profile("video-platform"), "6m", True)
    assert found.judges is not None
    assert "join_time" in found.judges
    assert "uptime" not in found.judges
    assert RTT in found.unit_wants


def test_another_profile_has_its_own_rows_and_horizon(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(OWN)
    found = judgement_of(settings(targets=str(file), horizon=""))
    assert (found.profile.profile, found.horizon, found.judges) == ("mine", "later", None)
    assert found.unit_wants == (UnitWant("round_trip_time_seconds"),), "a campaign keeps nothing by its time"


@pytest.mark.parametrize(
    ("changes", "told"), [({"horizon": "9m"}, "9m"), ({"targets": "video-platfrom"}, "did you mean")]
)
def test_what_a_profile_lacks_is_told(changes: dict[str, str], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        judgement_of(settings(**changes))


def test_exit_codes() -> None:
    found = judgement_of(settings())
    assert exit_code(found.document(result())) == 0
    assert exit_code(found.document(result(health=BUSY))) == 4

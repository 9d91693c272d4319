"""Weeks of stored nights, and the reports that they make."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from probe.measure.summary import Summary
from probe.model.result import RunError
from reports.cadence.build import build
from reports.cadence.material import Material, gather
from reports.cadence.model import Cadence, Row
from reports.cadence.period import period_of
from reports.store.history import Wanted
from reports.targets.files import load_profile
from reports.targets.profile import Profile
from tests.reports.build import BUSY, add, attempts
from tests.reports.store.build import history, night

UNTIL = datetime(2026, 11, 29, tzinfo=UTC)
"""The nights of tests.reports.store.build are those of 15 to 28 November at two o'clock."""
PROFILE = load_profile("video-platform")


def run(join: float = 0.3, *, joins: int = 40, failed: int = 0, loss: float = 0.0) -> Summary:
    """A night's samples."""
    found = Summary()
    attempts(found, "join_success_ratio", joins, joins + failed, topology="p2p")
    attempts(found, "connection_success_ratio", joins, joins, topology="p2p")
    attempts(found, "p2p_connection_success_ratio", joins, joins)
    attempts(found, "connection_stability_ratio", joins, joins)
    add(found, "join_duration_seconds", [join * (0.9 + 0.2 * n / joins) for n in range(joins)], topology="p2p")
    add(found, "packet_loss_ratio", [loss] * 8, topology="p2p", kind="video")
    add(found, "round_trip_time_seconds", [0.02 + n / 1e4 for n in range(40)], topology="p2p", kind="video")
    add(found, "video_quality_score", [4.5, 4.55, 4.5], topology="p2p")
    add(found, "audio_quality_score", [4.8] * 4, topology="p2p")
    add(found, "send_bitrate_bps", [1e6], topology="p2p", kind="video")
    add(found, "p2p_usage_ratio", [0.62])
    return found


def join_of(number: int) -> float:
    """The second week takes a fifth longer to join; every night is a little different."""
    return (0.3 if number < 7 else 0.36) + 0.005 * (number % 3)


def two_weeks(
    folder: Path, change: Callable[[int], dict[str, Any]] = lambda number: {}, profile: Profile = PROFILE
) -> Material:
    """Fourteen nights; `change(number)` gives what is other than usual of a night."""
    with history(folder) as found:
        for number in range(14):
            told: dict[str, Any] = {"migrations": (), "participants": (), "summary": run(join_of(number))}
            told |= change(number)
            found.add(night(number, told.pop("summary"), **told), UNTIL)
        return gather(found, period_of("week", UNTIL), profile, Wanted())


def eventful(number: int) -> dict[str, Any]:
    """The last week: one busy machine, one night when nobody got in, one on another network with an error and failures."""
    nobody = Summary()
    attempts(nobody, "join_success_ratio", 0, 4, topology="p2p")
    error = RunError("ice", "b", "no <candidate> | pair", 3)
    found: dict[int, dict[str, Any]] = {
        9: {"health": BUSY},
        11: {"summary": nobody},
        12: {"summary": run(0.9, failed=10, loss=0.04), "labels": {"network": "lossy"}, "errors": (error,)},
    }
    return found.get(number, {})


def report(material: Material, audience: str = "engineering") -> Cadence:
    return build(material, PROFILE, "6m", audience)


def row(of: Cadence, name: str) -> Row:
    return next(one for one in (*of.rows, *of.unjudged) if one.kpi == name)


def days(count: int) -> timedelta:
    return timedelta(days=count)

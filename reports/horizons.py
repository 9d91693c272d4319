"""The verdicts of all horizons beside those of the one that counts: is what is kept now enough for next year's promise?"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from reports.targets.profile import Profile
from reports.verdict import Grounds, judge


def all_horizons(profile: Profile, judges: Collection[str] | None, grounds: Grounds) -> list[dict[str, dict[str, Any]]]:
    """For each row of the profile, in its order: by horizon the `target` (SI, None where the row has none) and the `status`."""
    rows: list[dict[str, dict[str, Any]]] = [{} for _ in profile.kpis]
    for horizon in profile.horizons:
        for row, kpi in zip(rows, judge(profile, horizon, judges, grounds), strict=True):
            row[horizon] = {"target": kpi.target, "status": str(kpi.status)}
    return rows

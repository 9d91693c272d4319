"""Reports as differences to the report before, as rtcstats dumps hold them: what did not change is left out, what is gone is null."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from probe.measure.webrtc_stats import Report


def delta(before: Report, now: Report) -> dict[str, Any]:
    """`now` as its difference to `before`. The id is the key already; every report keeps its timestamp."""
    changed: dict[str, Any] = {}
    for id, entry in now.items():
        old = before.get(id, {})
        changed[id] = {name: value for name, value in entry.items() if name != "id" and old.get(name) != value}
    return changed | dict.fromkeys(before.keys() - now.keys())


def restored(before: Report, changes: Mapping[str, Any]) -> Report:
    """The report that `delta` made `changes` of."""
    whole = {id: before.get(id, {"id": id}) | entry for id, entry in changes.items() if entry is not None}
    return whole | {id: entry for id, entry in before.items() if id not in changes}

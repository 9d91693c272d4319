"""Two runs, or two groups of runs, compared: which metrics changed beyond noise, by how much, and for better or worse. Pure.

Some sixty figures are looked at, so a few would seem changed by chance. Benjamini and Hochberg's procedure (J. R. Stat. Soc. B 57,
1995) keeps the share of false alarms among the alarms to FALSE_ALARMS; where nothing changed, that is the chance of any alarm.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from probe.model.metrics import METRICS
from reports.compare_join import join_phases
from reports.contrast import CONFIDENCE, FEWEST_DEGREES, Contrast, Reading, contrast
from reports.document import Document

SCHEMA = "meetprobe/comparison/1"
FALSE_ALARMS = 0.01
FEWEST = {"p50": 5, "p95": 59}
"""Values of each run: fewer bound no such percentile."""
_APART = {"join_phase_seconds": "phase"}
"""Metrics whose values all together mean nothing, and the tag that they are compared by."""


@dataclass(frozen=True, slots=True)
class Change:
    """One figure of a metric (or of its `tag` "tag=value") on both sides. `verdict`: worse, better or same; `p` after correction."""

    metric: str
    tag: str
    figure: str
    found: Contrast
    p: float

    @property
    def verdict(self) -> str:
        if self.p > FALSE_ALARMS:
            return "same"
        higher = METRICS[self.metric].better == "higher"
        return "better" if (self.found.difference > 0) == higher else "worse"

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready; figures in the metric's unit."""
        found, metric = self.found, METRICS[self.metric]
        return {
            "metric": self.metric,
            "tag": self.tag,
            "figure": self.figure,
            "unit": metric.unit,
            "better": metric.better,
            "verdict": self.verdict,
            "before": found.before,
            "after": found.after,
            "difference": found.difference,
            "interval": found.interval.to_list(),
            "confidence": CONFIDENCE,
            "relative": found.difference / found.before if found.before else None,
            "p": self.p,
        }


def compare(before: Sequence[Document], after: Sequence[Document]) -> dict[str, Any]:
    """The comparison as a JSON-ready document: `changes` (worse first, then better, then same, the surest first), `join`
    (`join_phases`), `not_compared` (metric to reason), `notes`, and `verdict` with its `exit_code`: 0 nothing got worse, 3 something
    did, 4 nothing could be compared.

    Runs whose generator could not be trusted, or that measured nothing, are left out, and a note says so.
    """
    notes = [note for name, side in (("A", before), ("B", after)) for note in _left_out(name, side)]
    left, right = _usable(before), _usable(after)
    raw = list(_contrasts(left, right)) if left and right else []
    corrected = benjamini_hochberg([found.p for _, _, _, found in raw])
    changes = [Change(*one, p) for one, p in zip(raw, corrected, strict=True)]
    order = {"worse": 0, "better": 1, "same": 2}
    changes.sort(key=lambda one: (order[one.verdict], one.p, one.metric, one.tag, one.figure))
    counts = {name: sum(one.verdict == name for one in changes) for name in order}
    code = 4 if not changes else 3 if counts["worse"] else 0
    told = [one.to_dict() for one in changes]
    return {
        "schema": SCHEMA,
        "before": [_named(document) for document in left],
        "after": [_named(document) for document in right],
        "changes": told,
        "join": join_phases(left, right, told),
        "not_compared": _not_compared(left, right, {one.metric for one in changes}),
        "notes": notes + _unlike(left, right) + _few(left, right),
        "verdict": {"exit_code": code, **counts},
    }


def benjamini_hochberg(ps: Sequence[float]) -> list[float]:
    """The p-values, corrected: one is below q where the procedure at q rejects it."""
    order = sorted(range(len(ps)), key=lambda place: ps[place], reverse=True)
    corrected, least = [1.0] * len(ps), 1.0
    for rank, place in zip(range(len(ps), 0, -1), order, strict=True):
        least = min(least, ps[place] * len(ps) / rank)
        corrected[place] = least
    return corrected


def _contrasts(before: Sequence[Document], after: Sequence[Document]) -> Iterator[tuple[str, str, str, Contrast]]:
    several = len(before) + len(after) > 2
    for name, metric in METRICS.items():
        if not all(name in document["metrics"] for document in (*before, *after)):
            continue
        for tag in _tags(name, before, after):
            # one slow join moves a mean of six, but not their median; a run's own percentiles scatter as nobody knows
            for figure in ("mean", *FEWEST) if several and metric.unit == "seconds" else ("mean",):
                sides = [[_reading(document, name, tag, figure) for document in side] for side in (before, after)]
                known = [[one for one in side if one is not None] for side in sides]
                if all(len(some) == len(side) for some, side in zip(known, sides, strict=True)):
                    found = contrast(known[0], known[1], metric.unit)
                    if found is not None:
                        yield name, tag, "ratio" if metric.rate else figure, found


def _tags(name: str, before: Sequence[Document], after: Sequence[Document]) -> list[str]:
    apart = _APART.get(name)
    if apart is None:
        return [""]
    tags = [set(document["metrics"][name]["by"]) for document in (*before, *after)]
    return sorted(tag for tag in set.intersection(*tags) if tag.startswith(f"{apart}="))


def _reading(document: Document, name: str, tag: str, figure: str) -> Reading | None:
    entry: Mapping[str, Any] = document["metrics"][name]
    found = entry["by"][tag] if tag else entry
    if found["count"] < FEWEST.get(figure, 0):
        return None
    if METRICS[name].rate:
        return Reading(found["mean"], None, found["count"], rate=True)
    deviation = document.get("deviations", {}).get(name, {}).get(tag) if figure == "mean" else None
    return Reading(found[figure], deviation, min(found["count"], _participants(document)))


def _participants(document: Document) -> int:
    """How many came: as many independent values a run has at most, however many readings each participant made."""
    joins = document["metrics"].get("join_success_ratio")
    return int(joins["count"]) if joins else 1


def _usable(documents: Sequence[Document]) -> list[Document]:
    return [one for one in documents if one["health"]["trustworthy"] and one["verdict"]["measured"]]


def _left_out(side: str, documents: Sequence[Document]) -> list[str]:
    def told(document: Document) -> str:
        trusted = document["health"]["trustworthy"]
        return f"{side}: run {document['run']['id']} left out: " + (
            "it measured nothing" if trusted else "its generator could not be trusted"
        )

    usable = [id(one) for one in _usable(documents)]
    return [told(document) for document in documents if id(document) not in usable]


def _named(document: Document) -> dict[str, Any]:
    run = document["run"]
    return {name: run[name] for name in ("id", "started_at", "scenario", "target", "version")}


def _unlike(before: Sequence[Document], after: Sequence[Document]) -> list[str]:
    """What differs beside the platform, and may be the cause."""
    found = []
    for key in ("scenario", "target", "version"):
        sides = [sorted({str(document["run"][key]) for document in side}) for side in (before, after)]
        if sides[0] != sides[1] and all(sides):
            found.append(f"{key} differs: {', '.join(sides[0])} against {', '.join(sides[1])}")
    return found


def _few(before: Sequence[Document], after: Sequence[Document]) -> list[str]:
    runs = len(before) + len(after)
    if 2 <= runs < FEWEST_DEGREES + 2 and before and after:
        enough = FEWEST_DEGREES + 2
        return [
            f"{runs} runs: how much runs differ by themselves is assumed; {enough} or more measure it, and find smaller changes"
        ]
    return []


def _not_compared(before: Sequence[Document], after: Sequence[Document], compared: set[str]) -> dict[str, str]:
    found = {}
    for name in METRICS:
        sides = [sum(name in document["metrics"] for document in side) for side in (before, after)]
        if name in compared or not any(sides):
            continue
        if sides[0] < len(before) or sides[1] < len(after):
            found[name] = f"measured by {sides[0]} of {len(before)} and {sides[1]} of {len(after)} runs"
        else:
            found[name] = "single values, of which nobody knows how much they scatter"
    return found

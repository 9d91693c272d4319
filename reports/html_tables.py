"""The sections for who wants to know exactly: P2P beside SFU, errors, the generator, and every figure with its meaning."""

from __future__ import annotations

from typing import Any

from probe.measure.health import HealthLimits
from probe.model.metrics import METRICS
from reports.document import Document
from reports.html_base import Cell, badge, number_cell, section, table, tag, text
from reports.readings import QUALITY
from reports.titles import title_of
from reports.words import UNKNOWN, show

_MOST_ERRORS = 100
_HEALTH = (
    ("event loop late, p99", "loop_lag_p99_seconds", "seconds", "reads as latency of the platform"),
    ("sending late, p99", "pacing_error_p99_seconds", "seconds", "reads as jitter"),
    ("packets dropped by own sockets", "socket_drops", "count", "read as loss"),
    ("pictures too many to decode", "decode_overload", "count", "read as lost pictures"),
    ("decoding late, p99", "decode_delay_p99_seconds", "seconds", "reads as delay"),
    ("processor time (100 % is one core)", "cpu_ratio", "ratio", "harms only through the others"),
)


def topologies(document: Document) -> str:
    """Means and the bad end of each reading, P2P beside SFU."""
    metrics = document["metrics"]
    known = [(words, metrics[name]) for words, name in QUALITY if name in metrics]
    tags = sorted({name for _, figures in known for name in figures["by"] if name.startswith("topology=")})
    if not tags:
        return ""
    names = [name.partition("=")[2].upper() for name in tags]
    header = ["", *(part for name in names for part in (f"{name}, mean", f"{name}, at worst"))]
    rows = []
    for words, figures in known:
        cells = [cell for name in tags for cell in _reading(figures["by"].get(name), figures["unit"])]
        rows.append([Cell(text(words), kind="title"), *cells])
    note = "At worst is the 95th percentile; of scores and frame rates it is the lowest."
    return section("Quality by path", table(header, rows, cards=False), note=note, id_="quality")


def _reading(part: dict[str, Any] | None, unit: str) -> tuple[Cell, Cell]:
    if part is None:
        return number_cell(UNKNOWN, None), number_cell(UNKNOWN, None)
    bad = part["min"] if unit in ("score", "fps") else part["p95"]
    return number_cell(show(part["mean"], unit), part["mean"]), number_cell(show(bad, unit), bad)


def errors(document: Document) -> str:
    """Who failed in which phase with what, most frequent first."""
    found = document["errors"]
    rows = [
        [
            number_cell(f"{one['count']}×", one["count"]),
            Cell(text(one["phase"])),
            Cell(text(one["who"])),
            Cell(text(one["message"]), kind="title"),
        ]
        for one in found[:_MOST_ERRORS]
    ]
    left = f"{_MOST_ERRORS} of {len(found)} kinds; report.json has all." if len(found) > _MOST_ERRORS else ""
    shown = table(("times", "phase", "who", "what was said"), rows, caption=left)
    return section("Errors", shown or tag("p", "None.", class_="note"), id_="errors")


def health(document: Document) -> str:
    """Could this machine be believed? Each figure with the limit from which on it could not."""
    found, limits = document["health"], HealthLimits()
    status, words = ("pass", "trustworthy") if found["trustworthy"] else ("fail", "not trustworthy")
    reasons = (tag("p", text(reason), class_="reason") for reason in found["reasons"])
    rows = []
    for name, key, unit, why in _HEALTH:
        value, limit = found.get(key), getattr(limits, key)
        if value is not None:
            most = f"≤ {show(limit, unit)}" if limit is not None else UNKNOWN
            cells = [number_cell(show(value, unit), value), Cell(text(most), kind="number"), Cell(text(why))]
            rows.append([Cell(text(name), kind="title"), *cells])
    note = "A test machine that is short of breath would blame the platform for it. Beyond a limit nothing is judged."
    shown = table(("figure", "was", "limit", "because too much of it"), rows)
    return section("The generator", tag("p", badge(status, words)), *reasons, shown, note=note, id_="generator")


def all_figures(document: Document) -> str:
    """Every metric that has samples: what it means, and its figures."""
    rows = []
    for name, figures in document["metrics"].items():
        meaning = METRICS[name].meaning if name in METRICS else ""
        title = tag("b", text(title_of(name))) + tag("small", text(meaning), " ", tag("code", text(name)))
        values = [(figures[key], figures["unit"]) for key in ("mean", "min", "p50", "p95", "p99", "max")]
        cells = [number_cell(show(value, unit), value) for value, unit in values]
        rows.append([Cell(title, name, kind="title"), number_cell(str(figures["count"]), figures["count"]), *cells])
    header = ("figure", "count", "mean", "lowest", "median", "p95", "p99", "highest")
    scales = sorted({f"{kpi['title']}: {kpi['scale']}." for kpi in document["kpis"] if kpi["scale"]})
    told = [tag("p", text(scale), class_="note") for scale in scales]
    return section("How each figure was measured", table(header, rows, sorts=True), *told, id_="figures")

"""What all renderers say alike: the verdict in one sentence, marks, quantities and intervals as people read them."""

from __future__ import annotations

from typing import Any

from reports.document import Document
from reports.targets.quantity import show_quantity

MARKS = {"pass": "✓", "fail": "✗", "inconclusive": "?", "not_judged": "–"}
SIGNS = {">=": "≥", "<=": "≤", ">": ">", "<": "<"}
UNKNOWN = "–"


def plain(text: object) -> str:
    """`text` without control characters: what servers and files say must not steer whoever shows it."""
    return "".join(char if char.isprintable() else " " for char in str(text))


def show(value: float | None, unit: str) -> str:
    """A quantity, or the dash of what is not known."""
    return UNKNOWN if value is None else show_quantity(value, unit)


def signed(value: float, unit: str) -> str:
    """A difference: +40 ms, -2 %, and 0 ms where there is none."""
    shown = show_quantity(value, unit)
    return shown if shown.startswith("-") or value == 0 else f"+{shown}"


def target(kpi: dict[str, Any]) -> str:
    """ "≥ 98 %", or the dash of a row without a target."""
    return UNKNOWN if kpi["target"] is None else f"{SIGNS[kpi['comparison']]} {show(kpi['target'], kpi['unit'])}"


def interval(kpi: dict[str, Any]) -> str:
    """ "97.1 – 100 %", "≥ 1.2 s" where the upper end is open, a dash where there is none."""
    if kpi["interval"] is None:
        return UNKNOWN
    low, high = kpi["interval"]
    unit = kpi["unit"]
    if low is None and high is None:
        return UNKNOWN
    if low is None:
        return f"≤ {show(high, unit)}"
    if high is None:
        return f"≥ {show(low, unit)}"
    first, last = show(low, unit), show(high, unit)
    number, _, suffix = last.partition(" ")
    return f"{first.removesuffix(f' {suffix}') if suffix else first} – {last}" if number else last


def headline(document: Document) -> tuple[str, str]:
    """The status of the whole run ("pass", "fail" or "inconclusive"), and the sentence that says so."""
    status, words = _outcome(document, document["verdict"])
    return status, f"{words} (interrupted)" if document["run"]["interrupted"] else words


def _outcome(document: Document, verdict: dict[str, Any]) -> tuple[str, str]:
    if verdict["exit_code"] == 1:
        return "fail", "A bug in meetprobe: don't rely on these figures"
    if verdict["fail"]:
        return "fail", f"{_targets(verdict['fail'])} missed: {_counts(verdict)}"
    if not verdict["measured"]:
        return "inconclusive", "No verdict: nothing could be measured"
    if not document["health"]["trustworthy"]:
        return "inconclusive", "No verdict: the generator can't be trusted"
    if verdict["inconclusive"]:
        status = "pass" if verdict["exit_code"] == 0 and verdict["pass"] else "inconclusive"
        return status, f"No target missed: {_counts(verdict)}"
    return (
        ("pass", f"All targets met: {_counts(verdict)}") if verdict["pass"] else ("inconclusive", "Nothing was judged")
    )


def _targets(count: int) -> str:
    return f"{count} target{'' if count == 1 else 's'}"


def _counts(verdict: dict[str, Any]) -> str:
    named = (("fail", "failed"), ("pass", "proven"), ("inconclusive", "not proven yet"))
    return ", ".join(f"{verdict[key]} {words}" for key, words in named if verdict[key])

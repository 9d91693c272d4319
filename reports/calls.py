"""The platform's interface as its callers saw it: a row for each call, read from the document's figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from probe.model.calls import CHECK, CLASSES, failure
from reports.document import Document
from reports.words import UNKNOWN, show

TITLE = "API calls"
HEADER = ("call", "calls", "mean", "median", "p95", "p99", "answered 429", "errors")
_ORDER = (
    "connect", "info", "OPTIONS", "create", "attach", "create room", "join", "POST", "publish", "subscribe", "start", "configure",
    "unsubscribe", "PATCH", "keepalive", "unpublish", "destroy", "DELETE",
)  # fmt: skip
"""As a stay goes. Calls of other adapters come after these, a scenario's checks last."""
_TIMES = ("mean", "p50", "p95", "p99")


@dataclass(frozen=True, slots=True)
class CallRow:
    """`call` is empty in the row of all calls. `times`: mean, p50, p95, p99 in seconds, None where no call had an answer. `errors`
    by class, of `count` calls; `limited`: how many were answered with 429."""

    call: str
    count: int
    times: tuple[float | None, ...]
    errors: dict[str, int]
    limited: int

    @property
    def title(self) -> str:
        """What it is called."""
        return self.call or "all calls"

    @property
    def failed(self) -> int:
        """Calls that ended in any error."""
        return sum(self.errors.values())


def call_rows(document: Document) -> list[CallRow]:
    """That of all calls first; empty where nothing was called."""
    metrics = document["metrics"]
    called = metrics.get("http_error_ratio")
    if called is None:
        return []
    names = [key.removeprefix("call=") for key in called["by"] if key.startswith("call=")]
    return [_row(metrics, ""), *(_row(metrics, name) for name in sorted(names, key=_place))]


def _place(name: str) -> tuple[bool, int, str]:
    known = _ORDER.index(name) if name in _ORDER else len(_ORDER)
    return name.startswith(CHECK), known, name


def _row(metrics: dict[str, Any], name: str) -> CallRow:
    def part(metric: str, key: str) -> dict[str, Any]:
        found: dict[str, Any] = metrics.get(metric, {})
        return found if not key else found.get("by", {}).get(key, {})

    own = f"call={name}" if name else ""
    answered = part("http_response_seconds", own)
    errors = {
        kind: _ones(part("http_error_class_ratio", f"class={kind}" if not own else f"call={failure(name, kind)}"))
        for kind in CLASSES
    }
    return CallRow(
        call=name,
        count=part("http_error_ratio", own)["count"],
        times=tuple(answered.get(key) for key in _TIMES),
        errors={kind: count for kind, count in errors.items() if count},
        limited=_ones(part("rate_limited_ratio", own)),
    )


def _ones(figures: dict[str, Any]) -> int:
    """How many samples of a ratio are 1."""
    return round(figures["mean"] * figures["count"]) if figures else 0


def times_of(row: CallRow) -> list[str]:
    """Its times as people read them."""
    return [show(value, "seconds") for value in row.times]


def errors_of(row: CallRow) -> str:
    """ "3 of 12: 4xx 2, timeout 1", or "2 of 12: 5xx"."""
    if not row.failed:
        return UNKNOWN
    (first, _), *others = row.errors.items()
    classes = ", ".join(f"{kind} {count}" for kind, count in row.errors.items()) if others else first
    return f"{row.failed} of {row.count}: {classes}"


def most_telling(rows: Sequence[CallRow], most: int) -> tuple[list[CallRow], int]:
    """The row of all and at most so many others, in their order: those that failed most, then the slowest; and how many more
    there are."""
    ranked = sorted(rows[1:], key=lambda row: (-row.failed, -(row.times[0] or 0.0)))[:most]
    return [*rows[:1], *(row for row in rows[1:] if row in ranked)], max(len(rows) - 1 - most, 0)

"""From what the engines delivered to what the run says: one outcome, one verdict on the generator, all errors and notes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from probe.browser.comparison import compare, joined
from probe.child_process import Loss
from probe.engine.outcome import Outcome
from probe.measure.observed import statement
from probe.model.result import RunError, counted_errors

BUG = "bug"
"""The phase of an error that is meetprobe's own."""


def merged(outcomes: Iterable[Outcome | None]) -> Outcome:
    """All that was delivered, as one."""
    total = Outcome()
    for outcome in outcomes:
        if outcome is not None:
            total.merge(outcome)
    return total


def health_of(outcomes: Sequence[Outcome | None], losses: Sequence[Loss | None], server: Loss | None) -> dict[str, Any]:
    """The generator's verdict: figures of all processes pooled, but the trust of each. One process that is short of breath among
    many would hide in pooled percentiles, and its participants' readings are as wrong as if it were alone. Its reasons name it;
    `processes` has each one's own figures where there are several."""
    pooled = merged(outcomes).health.verdict().to_dict()
    each = [_own(number, *pair) for number, pair in enumerate(zip(outcomes, losses, strict=True), start=1)]
    if len(each) == 1:
        reasons = list(each[0]["reasons"])
    else:
        reasons = [f"process {one['process']}: {reason}" for one in each for reason in one["reasons"]]
        pooled["processes"] = each
    if server is not None:
        reasons.append(f"{server.error.who}: {server.message}")
    return pooled | {"trustworthy": not reasons, "reasons": reasons}


def _own(number: int, outcome: Outcome | None, loss: Loss | None) -> dict[str, Any]:
    if outcome is None:
        reason = loss.message if loss is not None else "delivered nothing"
        return {"process": number, "trustworthy": False, "reasons": [reason]}
    return {"process": number, **outcome.health.verdict().to_dict()}


def errors_of(total: Outcome, losses: Iterable[Loss | None]) -> tuple[RunError, ...]:
    """Our bugs first, then the processes that were lost, then what went wrong in the meetings."""
    bugs = [RunError(BUG, "meetprobe", message, count) for message, count in total.crashes.items()]
    lost = [
        RunError(BUG if loss.crashed else loss.error.phase, loss.error.who, loss.message)
        for loss in losses
        if loss is not None
    ]
    return (*bugs, *lost, *counted_errors(total.errors))


def events_of(total: Outcome) -> tuple[dict[str, Any], ...]:
    """What emulated networks did and what happened to connections, and when: the report's `events`, in order of time."""
    kinds = (("impairment", total.disturbed), ("connection", total.noticed))
    found = [(time, kind, words, count) for kind, those in kinds for (time, words), count in those.items()]
    return tuple(
        {"time_seconds": max(0.0, time), "kind": kind, "label": words, "participants": count}
        for time, kind, words, count in sorted(found)
    )


def notes_of(total: Outcome, processes: int, asked: int) -> tuple[str, ...]:
    """What a reader of the figures has to know: what was sampled, which networks were emulated, and on
    how many processes it ran."""
    networks = [
        f"emulated network {name} for {count} participants" + (f" ({source})" if source else "")
        for (name, source), count in total.networks.items()
    ]
    ran = [f"held by {processes} processes"] if processes > 1 else []
    fewer = [f"{asked} processes were asked for: a meeting is held by one"] if asked > processes else []
    return (*statement(total.observed), *networks, *_company(total), *ran, *fewer)


def _company(total: Outcome) -> list[str]:
    count = joined(total.browsers)
    browsers = f"{count} real browser{'' if count == 1 else 's'}"
    return [f"{browsers} took part: what Chromium measures is shown apart, and is not judged"] if count else []


def beside_of(total: Outcome) -> tuple[dict[str, Any], ...]:
    """What the browsers saw and what we saw of the same meetings: the report's `browsers`."""
    return tuple(row.to_dict() for row in compare(total.browsers, total.summary))

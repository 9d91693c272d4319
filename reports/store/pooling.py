"""Evidence of several runs joined: a verdict on all of their samples. Pure.

Twenty joins without a failure do not prove 98 %, twenty nights of twenty do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from probe.measure.summary import Summary
from probe.model.result import RunResult
from reports.document import Document
from reports.slices import Slices


@dataclass(frozen=True, slots=True)
class Past:
    """A stored run whose samples may be counted again: it was trustworthy, and its data held."""

    run_id: str
    duration_seconds: float
    summary: Summary
    slices: Slices = field(default_factory=Slices)


def pool(summaries: Iterable[Summary]) -> Summary:
    """One summary of all samples."""
    found = Summary()
    for summary in summaries:
        found.merge(summary)
    return found


def pool_slices(runs: Iterable[Slices]) -> Slices:
    """The slices of all runs, one run's after the other's."""
    found = Slices()
    for slices in runs:
        found.append(slices)
    return found


def judged_with(
    past: Sequence[Past], result: RunResult, build: Callable[[RunResult], Document], *, span: str
) -> Document:
    """The run's document by `build`, with the verdicts that it gives on the samples of `past` and the run together.

    All other figures stay this run's own. A run that isn't trustworthy, or in which nobody got in, is judged as it was:
    no past makes up for that. `span` says in the note how far back the evidence goes.
    """
    own = build(result)
    if not past or not (own["health"]["trustworthy"] and own["verdict"]["measured"]):
        return own
    pooled = build(_pooled(past, result))
    return {
        **own,
        "verdict": pooled["verdict"],
        "kpis": [
            _marked(row, mine["count"], len(past) + 1) for mine, row in zip(own["kpis"], pooled["kpis"], strict=True)
        ],
        "notes": [*own["notes"], _note(len(past), span)],
    }


def _pooled(past: Sequence[Past], result: RunResult) -> RunResult:
    summary = pool([Summary.from_dict(result.summary), *(one.summary for one in past)])
    slices = pool_slices([Slices.from_dict(result.slices), *(one.slices for one in past)])
    seconds = result.duration_seconds + sum(one.duration_seconds for one in past)
    return replace(result, summary=summary.to_dict(), slices=slices.to_dict(), duration_seconds=seconds)


def _marked(row: Document, own_count: int, runs: int) -> Document:
    if row["status"] == "not_judged" or row["count"] == own_count:
        return row
    return {**row, "evidence": f"{row['evidence']} · {runs} runs pooled"}


def _note(earlier: int, span: str) -> str:
    runs = f"{earlier} earlier run{'' if earlier == 1 else 's'}"
    return f"verdicts rest on this run and {runs} of the same scenario, target and network within {span}"

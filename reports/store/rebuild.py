"""A killed run's summary, out of the samples that it left behind. Pure: lines in, a result out."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from probe.measure.histogram import Histogram
from probe.measure.summary import Summary
from probe.model.errors import ConfigError
from probe.model.result import RunResult
from probe.model.samples import Sample

KILLED = "the run was killed: nobody knows how healthy its generator was"


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """`seconds` of the run until its last sample; `lines` that were read, `damaged` ones that could not be."""

    summary: Summary
    seconds: float
    lines: int
    damaged: int


def rebuild(lines: Iterable[bytes]) -> Rebuilt:
    """Read `samples.jsonl` as `probe.spool` writes it. Its last line may be half of one: the process was killed."""
    summary, batches = Summary(), dict[tuple[str, tuple[tuple[str, str], ...]], Histogram]()
    seconds, good, damaged = 0.0, 0, 0
    for line in lines:
        try:
            told = json.loads(line)
            if "histogram" in told:
                key = (str(told["m"]), tuple((str(tag), str(value)) for tag, value in told["tags"].items()))
                found = Histogram.from_dict(told["histogram"])
                batches.setdefault(key, Histogram()).merge(found)
            else:
                summary.add(Sample(told["m"], float(told["v"]), float(told["t"]), dict(told["tags"])))
            seconds = max(seconds, float(told["t"]))
            good += 1
        except (ValueError, KeyError, TypeError, AttributeError, ConfigError):
            damaged += 1
    for (name, tags), histogram in batches.items():
        try:
            summary.merge(_one_series(name, tags, histogram))
        except (ValueError, ConfigError):
            damaged += 1
    return Rebuilt(summary, seconds, good, damaged)


def _one_series(name: str, tags: tuple[tuple[str, str], ...], histogram: Histogram) -> Summary:
    part = {"histogram": histogram.to_dict()}
    return Summary.from_dict({name: {**part, "by": {f"{tag}={value}": part for tag, value in tags}}})


def interrupted_result(header: dict[str, Any], rebuilt: Rebuilt) -> RunResult:
    """What can be said of the run. `header`: its id, started_at, scenario, target and version."""
    damaged = f"; {rebuilt.damaged} lines were damaged" if rebuilt.damaged else ""
    note = (
        f"recovered: the process was killed after {rebuilt.seconds:.0f} s; the figures come from {rebuilt.lines} lines of its "
        f"samples{damaged}; its lists of participants, migrations and errors are lost"
    )
    return RunResult(
        id=header["id"],
        started_at=header["started_at"],
        duration_seconds=rebuilt.seconds,
        scenario=header["scenario"],
        target=header["target"],
        version=header["version"],
        health={"trustworthy": False, "reasons": [KILLED]},
        summary=rebuilt.summary.to_dict(),
        interrupted=True,
        notes=(note,),
    )

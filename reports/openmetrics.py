"""The report as OpenMetrics text: a file for node_exporter's textfile collector, or the body of a push to a Pushgateway.

Both also have to read it as Prometheus text 0.0.4, so it keeps to what the two formats share: gauges and summaries, no
time stamps. Every sample carries the labels `scenario` and `target`, the service that was measured, and no label changes from
run to run: the next run replaces this one's figures instead of adding series for ever.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Iterable, Mapping
from datetime import datetime
from urllib.parse import quote

from reports.document import Document
from reports.kpi import Status
from reports.words import plain

_QUANTILES = (("0.5", "p50"), ("0.95", "p95"), ("0.99", "p99"))
_HELP = {
    "verdict_exit_code": "what the run exited with: 0 no target failed, 1 a bug, 3 a target failed, 4 nothing to judge",
    "run_measured": "1 when anybody got as far as a peer connection",
    "generator_trustworthy": "1 when the generator was well enough to be believed",
    "run_start_time_seconds": "when the run began, UTC seconds",
    "run_duration_seconds": "from the first join to the last leave",
    "run_errors": "what went wrong, by phase",
    "kpi_value": "what was measured, in the SI unit of the KPI",
    "kpi_target": "what was promised at the horizon of the run",
    "kpi_interval_low": "lower end of the 90 % interval",
    "kpi_interval_high": "upper end of the 90 % interval",
    "kpi_samples": "how many samples or attempts stand behind the value",
    "kpi_status": "1 for the status that holds, 0 for the others",
}

Labels = Mapping[str, object]


def grouping(document: Document) -> dict[str, str]:
    """What the figures belong to: a service, not a machine and not a run."""
    return {name: plain(document["run"][name]) for name in ("scenario", "target")}


def pushgateway_path(document: Document, job: str = "meetprobe") -> str:
    """Where to PUT the text on a Pushgateway: "/metrics/job/…" with the grouping; a value with a slash goes in base64, as
    the Pushgateway's documentation has it."""
    pairs = {"job": job, **grouping(document)}
    return "/metrics" + "".join(_segment(name, value) for name, value in pairs.items())


def _segment(name: str, value: str) -> str:
    if value and "/" not in value:
        return f"/{name}/{quote(value, safe='')}"
    return f"/{name}@base64/{urlsafe_b64encode(value.encode()).decode() or '='}"


def render_openmetrics(document: Document) -> str:
    """The text, `# EOF` at its end."""
    base = grouping(document)
    lines: list[str] = []
    for name, samples in _families(document):
        shown = [
            _line(f"meetprobe_{name}", {**base, **labels}, value) for labels, value in samples if value is not None
        ]
        if shown:
            lines += [f"# HELP meetprobe_{name} {_HELP[name]}", f"# TYPE meetprobe_{name} gauge", *shown]
    for name, figures in document["metrics"].items():
        family = f"meetprobe_run_{name}"
        lines += [f"# HELP {family} all samples of the run, docs/metrics.md", f"# TYPE {family} summary"]
        lines += [_line(family, {**base, "quantile": q}, figures[key]) for q, key in _QUANTILES]
        lines.append(_line(f"{family}_sum", base, figures["mean"] * figures["count"]))
        lines.append(_line(f"{family}_count", base, figures["count"]))
    return "\n".join([*lines, "# EOF"]) + "\n"


def _families(document: Document) -> Iterable[tuple[str, list[tuple[Labels, float | None]]]]:
    run, verdict = document["run"], document["verdict"]
    yield "verdict_exit_code", [({}, verdict["exit_code"])]
    yield "run_measured", [({}, verdict["measured"])]
    yield "generator_trustworthy", [({}, document["health"]["trustworthy"])]
    yield "run_start_time_seconds", [({}, _seconds(run["started_at"]))]
    yield "run_duration_seconds", [({}, run["duration_seconds"])]
    phases: dict[str, int] = {}
    for error in document["errors"]:
        phases[error["phase"]] = phases.get(error["phase"], 0) + error["count"]
    yield "run_errors", [({"phase": phase}, count) for phase, count in phases.items()]
    kpis = document["kpis"]
    for name, key in (("kpi_value", "value"), ("kpi_target", "target"), ("kpi_samples", "count")):
        yield name, [({"kpi": kpi["kpi"]}, kpi[key]) for kpi in kpis]
    for name, end in (("kpi_interval_low", 0), ("kpi_interval_high", 1)):
        yield name, [({"kpi": kpi["kpi"]}, kpi["interval"][end]) for kpi in kpis if kpi["interval"]]
    yield (
        "kpi_status",
        [({"kpi": kpi["kpi"], "status": str(status)}, kpi["status"] == status) for kpi in kpis for status in Status],
    )


def _seconds(started_at: str) -> float | None:
    try:
        return datetime.fromisoformat(started_at).timestamp()
    except ValueError:
        return None


def _line(name: str, labels: Labels, value: float) -> str:
    told = ",".join(f'{label}="{_escaped(said)}"' for label, said in labels.items())
    return f"{name}{{{told}}} {float(value)!r}"


def _escaped(value: object) -> str:
    return plain(value).replace("\\", r"\\").replace('"', r"\"")

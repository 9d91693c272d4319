"""`probe history` and `probe report`: the commands. What they do is imported only when they run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

history_app = typer.Typer(help="The runs that were stored: list, show, trend and prune.", no_args_is_help=True)

_JSON = Annotated[bool, typer.Option("--json", help="Print one JSON document instead.")]
_HISTORY = Annotated[
    str | None, typer.Option(metavar="FILE|URL", envvar="MEETPROBE_HISTORY", help="Where the runs are stored.")
]
_SINCE = Annotated[str | None, typer.Option(metavar="7d|TIME", help="Only runs that began within it, or since then.")]
_SCENARIO = Annotated[str, typer.Option(metavar="NAME", help="Only runs of this scenario.")]
_TARGET = Annotated[str, typer.Option(metavar="URL", help="Only runs against this server; embedded: the test SFU.")]
_NETWORK = Annotated[str | None, typer.Option(metavar="NAME", help="Only runs with this emulated access network.")]


@history_app.command("list")
def history_list(
    since: _SINCE = None,
    scenario: _SCENARIO = "",
    target: _TARGET = "",
    network: _NETWORK = None,
    limit: Annotated[int, typer.Option(min=1, max=5000, help="So many of the newest.")] = 20,
    json: _JSON = False,
    history: _HISTORY = None,
) -> None:
    """Stored runs, newest first."""
    from probe.cli_history_show import Choice, list_runs

    list_runs(Choice(history, since, scenario, target, network, limit), json)


@history_app.command("show")
def history_show(
    run: Annotated[str, typer.Argument(metavar="RUN", help="An id, the beginning of one, or latest.")],
    json: _JSON = False,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the run's HTML page there.")] = None,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Write it there in all its forms.")] = None,
    history: _HISTORY = None,
) -> None:
    """A stored run as it was reported then, and what the data-quality checks found."""
    from probe.cli_history_show import show_run

    show_run(history, run, json, html, out)


@history_app.command("trend")
def history_trend(
    name: Annotated[str, typer.Argument(metavar="METRIC|KPI", help="As in join_duration_seconds, or join_time.")],
    since: _SINCE = None,
    scenario: _SCENARIO = "",
    target: _TARGET = "",
    network: _NETWORK = None,
    limit: Annotated[int, typer.Option(min=1, max=5000, help="So many of the newest.")] = 30,
    json: _JSON = False,
    history: _HISTORY = None,
) -> None:
    """One figure, run by run."""
    from probe.cli_history_show import Choice, trend

    trend(Choice(history, since, scenario, target, network, limit), name, json)


@history_app.command("prune")
def history_prune(
    keep: Annotated[str, typer.Option(metavar="90d|TIME", help="Keep runs that began within it, or since then.")],
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False,
    history: _HISTORY = None,
) -> None:
    """Forget old runs for good."""
    from probe.cli_history_show import prune

    prune(history, keep, yes)


def report(
    period: Annotated[
        str | None, typer.Option(help="day, week, 2weeks, month, quarter or year; without it what the audience reads.")
    ] = None,
    audience: Annotated[str, typer.Option(help="engineering, product, leadership or board.")] = "engineering",
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write it there: .html, .md or .json, by its name.")
    ] = None,
    profile: Annotated[
        str | None, typer.Option(metavar="NAME|FILE", help="What to judge by; without it, as most of the runs were.")
    ] = None,
    horizon: Annotated[str | None, typer.Option(help="Which targets count; without it, as most of the runs.")] = None,
    until: Annotated[
        str | None, typer.Option(metavar="TIME", help="The period ends then (ISO 8601); without it: now.")
    ] = None,
    scenario: _SCENARIO = "",
    target: _TARGET = "",
    network: _NETWORK = None,
    json: _JSON = False,
    history: _HISTORY = None,
) -> None:
    """What the stored runs of a period say, for those who read it: what holds, what got better, what got worse."""
    from probe.cli_report import ReportChoice, print_cadence

    print_cadence(
        ReportChoice(period, audience, out, profile, horizon, until, scenario, target, network, json, history)
    )

"""The options of `probe run`, in the groups in which its help shows them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

HELP = (
    "Hold real meetings, measure them, and judge.\n\nExit code: 0 no target failed, 1 a bug of ours, 2 wrong usage or "
    "configuration, 3 a target failed, 4 nothing could be measured or this machine was too busy to measure."
)
_STORE = Annotated[
    str | None,
    typer.Option(
        metavar="FILE|URL",
        envvar="MEETPROBE_HISTORY",
        help="Where runs are stored; none: nowhere.",
        rich_help_panel="History",
    ),
]

_MEETINGS, _PLATFORM, _JUDGING = "Meetings", "The platform", "Judging"
_OUTPUT, _HISTORY = "Output", "History"


def run(
    scenario: Annotated[
        str,
        typer.Option(metavar="NAME|FILE", help="What to do; see `probe scenarios`.", rich_help_panel=_MEETINGS),
    ] = "hybrid",
    network: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Emulate this access network for everybody; see docs/network.md.",
            rich_help_panel=_MEETINGS,
        ),
    ] = None,
    leg: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Run on this leg: direct, relay-only or udp-blocked; may be repeated. See docs/ice.md.",
            rich_help_panel=_MEETINGS,
        ),
    ] = None,
    processes: Annotated[
        str,
        typer.Option(
            metavar="N|auto",
            help="Deal the meetings to so many processes; auto: one a core.",
            rich_help_panel=_MEETINGS,
        ),
    ] = "1",
    video: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Send this video instead.", rich_help_panel=_MEETINGS)
    ] = None,
    audio: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Send this sound instead.", rich_help_panel=_MEETINGS)
    ] = None,
    url: Annotated[
        str | None,
        typer.Option(
            metavar="wss://…",
            help="Where it is; without it a test SFU is started on loopback. See docs/staging.md.",
            rich_help_panel=_PLATFORM,
        ),
    ] = None,
    signalling: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="The adapter that enters its meetings, where the URL does not tell; see docs/adapters.md.",
            rich_help_panel=_PLATFORM,
        ),
    ] = "",
    token_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="What it lets us in with; without it the environment's MEETPROBE_TOKEN.",
            rich_help_panel=_PLATFORM,
        ),
    ] = None,
    room: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="Meet in this room, {n}: the meeting's number; else in new ones.",
            rich_help_panel=_PLATFORM,
        ),
    ] = "",
    ca: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.pem",
            help="Trust the certificates of this authority, not the system's.",
            rich_help_panel=_PLATFORM,
        ),
    ] = None,
    insecure: Annotated[
        bool,
        typer.Option("--insecure", help="Trust any certificate; the report says so.", rich_help_panel=_PLATFORM),
    ] = False,
    targets: Annotated[
        str | None,
        typer.Option(metavar="NAME|FILE", help="What to judge by; see `probe targets`.", rich_help_panel=_JUDGING),
    ] = None,
    horizon: Annotated[
        str | None,
        typer.Option(help="Which targets count: now, 3m, 6m or what the profile has.", rich_help_panel=_JUDGING),
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit 4 when a target is not decided.", rich_help_panel=_JUDGING)
    ] = False,
    external: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.csv",
            help="Values for the rows that no probe measures; see docs/targets.md.",
            rich_help_panel=_JUDGING,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Write the report there in all its forms, and the samples.",
            rich_help_panel=_OUTPUT,
        ),
    ] = None,
    json: Annotated[
        bool, typer.Option("--json", help="Print one JSON document instead.", rich_help_panel=_OUTPUT)
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress on stderr.", rich_help_panel=_OUTPUT)] = False,
    github: Annotated[
        bool,
        typer.Option(
            "--github", help="Annotate a GitHub job, and write the summary of its step.", rich_help_panel=_OUTPUT
        ),
    ] = False,
    pushgateway: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            envvar="MEETPROBE_PUSHGATEWAY",
            help="Push the figures to this Prometheus Pushgateway.",
            rich_help_panel=_OUTPUT,
        ),
    ] = None,
    dump_stats: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Write webrtc-internals and rtcstats dumps there; see docs/stats-dumps.md.",
            rich_help_panel=_OUTPUT,
        ),
    ] = None,
    history: _STORE = None,
    evidence: Annotated[
        str | None,
        typer.Option(
            metavar="7d",
            help="Judge on stored runs of this scenario and target too, this far back.",
            rich_help_panel=_HISTORY,
        ),
    ] = None,
    started_at: Annotated[
        str | None,
        typer.Option(
            metavar="TIME", help="File the run under this time (ISO 8601): for backfills.", rich_help_panel=_HISTORY
        ),
    ] = None,
    label: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=VALUE", help="A word to know the run by; may be repeated.", rich_help_panel=_HISTORY),
    ] = None,
) -> None:
    from probe.cli_keep import KeepChoice
    from probe.cli_legs import perform
    from probe.cli_platform import PlatformChoice
    from probe.cli_run import RunChoice

    choice = RunChoice(
        scenario,
        platform=PlatformChoice(url, signalling, token_file, ca, insecure, room),
        targets=targets, horizon=horizon, json=json, out=out, strict=strict, video=video, audio=audio, quiet=quiet,
        network=network, processes=processes, keep=KeepChoice(history, evidence, started_at, tuple(label or ())),
        github=github, external=external, pushgateway=pushgateway, dump_stats=dump_stats, legs=tuple(leg or ()),
    )  # fmt: skip
    raise typer.Exit(perform(choice))

"""`probe`: the command line. Imports only what a command needs when it runs, so that `probe --help` answers at once."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from probe import __version__
from probe.cli_adapter import adapter_app
from probe.cli_compare import compare
from probe.cli_history import history_app, report
from probe.cli_run_command import HELP, run
from probe.endings import end_alike, held_off
from probe.model.errors import ConfigError, ProbeError
from probe.streams import let_readers_leave, untold

app = typer.Typer(
    help="Measures whether video meetings work, from the first packet to the verdict.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
scenarios = typer.Typer(help="What a run does: list and show scenarios.", invoke_without_command=True)
targets = typer.Typer(
    help="What a platform promised: list, show and check target profiles.", invoke_without_command=True
)
score = typer.Typer(help="The quality models on given figures.", no_args_is_help=True)
app.add_typer(scenarios, name="scenarios")
app.add_typer(targets, name="targets")
app.add_typer(score, name="score")
app.add_typer(history_app, name="history")
app.add_typer(adapter_app, name="adapter")
app.command(help=HELP)(run)
app.command()(report)
app.command()(compare)

_JSON = Annotated[bool, typer.Option("--json", help="Print one JSON document instead.")]


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"meetprobe {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Measures whether video meetings work, from the first packet to the verdict."""


@app.command(
    help="Lead real calls through known impairments, and compare what was read with what was done.\n\nExit code: 0 every "
    "reading is within its tolerance, 1 a bug of ours, 2 wrong usage or configuration, 3 a reading is out, 4 this machine was "
    "too busy to tell."
)
def calibrate(
    quick: Annotated[bool, typer.Option("--quick", help="A selection, within a minute.")] = False,
    profile: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Impairments of your own (YAML); see docs/network.md.")
    ] = None,
    depth: Annotated[str, typer.Option(help="How deep to look: pictures, frames or headers.")] = "pictures",
    load: Annotated[bool, typer.Option("--load", help="Keep every processor 90 % busy; tolerances double.")] = False,
    json: _JSON = False,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Write calibration.json there.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Show every row, not the worst of each reading.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress on stderr.")] = False,
) -> None:
    from probe.cli_calibrate import CalibrateChoice, perform

    raise typer.Exit(perform(CalibrateChoice(quick, json, profile, depth, out, load, every, quiet)))


@app.command(
    help="Find out how many participants this machine can drive before its own readings lie: participants per core, CPU per packet, "
    "join CPU, memory, and what limits it. Without --participants it searches.\n\nIt measures this machine and no platform, so "
    "there is no --url: everything stays on loopback, against a test server of its own.\n\nExit code: 0 measured, 1 a bug of "
    "ours, 2 wrong usage or configuration, 4 it could not be measured."
)
def capacity(
    participants: Annotated[int | None, typer.Option(help="Measure this many, without a search.")] = None,
    seconds: Annotated[float, typer.Option(help="How long each point is measured, once all are in.")] = 10.0,
    processes: Annotated[int, typer.Option(help="Engine processes that share the participants; one core each.")] = 1,
    topology: Annotated[str, typer.Option(help="p2p, or sfu: through the test SFU.")] = "p2p",
    meeting_size: Annotated[int, typer.Option(help="Participants of each meeting.")] = 2,
    depth: Annotated[str, typer.Option(help="How deep to look: pictures, frames or headers.")] = "headers",
    video_packets: Annotated[
        int | None, typer.Option(help="Made-up video packets per second; the reference work has 57.")
    ] = None,
    video_bitrate: Annotated[
        int | None, typer.Option(help="Bits per second of them; the reference work's 497040 make 1090 bytes each.")
    ] = None,
    video: Annotated[
        str | None,
        typer.Option(metavar="WxH", help="Send encoded pictures; 640x360 where they are decoded."),
    ] = None,
    fps: Annotated[int | None, typer.Option(help="Encoded pictures per second, 30.")] = None,
    bitrate: Annotated[int | None, typer.Option(help="Of encoded pictures, bits per second, 500000.")] = None,
    authenticate: Annotated[
        float, typer.Option(help="Share of the packets that are authenticated where only headers are read.")
    ] = 0.01,
    join_rate: Annotated[float, typer.Option(help="Joins per second, on a schedule that waits for nobody.")] = 100.0,
    limit_seconds: Annotated[float, typer.Option(help="The search ends by then.")] = 600.0,
    json: _JSON = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress on stderr.")] = False,
) -> None:
    from probe.cli_capacity import CapacityChoice, perform

    choice = CapacityChoice(
        participants, seconds, processes, topology, meeting_size, depth, video_packets, video_bitrate, video, fps, bitrate,
        authenticate, join_rate, limit_seconds, json, quiet,
    )  # fmt: skip
    raise typer.Exit(perform(choice))


@scenarios.callback()
def scenarios_default(context: typer.Context) -> None:
    """What a run does: list and show scenarios."""
    if context.invoked_subcommand is None:
        scenarios_list()


@scenarios.command("list")
def scenarios_list() -> None:
    """The scenarios that ship with meetprobe."""
    from probe.cli_show import list_scenarios

    list_scenarios()


@scenarios.command("show")
def scenarios_show(name: Annotated[str, typer.Argument(metavar="NAME|FILE")]) -> None:
    """A scenario in full, with what it comes to and what it can decide."""
    from probe.cli_show import show_scenario

    show_scenario(name)


@targets.callback()
def targets_default(context: typer.Context) -> None:
    """What a platform promised: list, show and check target profiles."""
    if context.invoked_subcommand is None:
        targets_list()


@targets.command("list")
def targets_list() -> None:
    """The target profiles that ship with meetprobe."""
    from probe.cli_show import list_targets

    list_targets()


@targets.command("show")
def targets_show(name: Annotated[str, typer.Argument(metavar="NAME|FILE")]) -> None:
    """A profile row by row, at all its horizons."""
    from probe.cli_show import show_targets

    show_targets(name)


@targets.command("check")
def targets_check(file: Annotated[str, typer.Argument(metavar="FILE")]) -> None:
    """See whether a profile of your own is right."""
    from probe.cli_show import check_targets

    check_targets(file)


@score.command("audio")
def score_audio(
    bitrate: Annotated[float, typer.Option(help="Encoded audio, bits per second.")],
    codec: Annotated[str, typer.Option(help="opus, G722, PCMU or PCMA.")] = "opus",
    loss: Annotated[float, typer.Option(help="Missing at playout, 0 to 1: 0.025 is 2.5 %.")] = 0.0,
    burst_ratio: Annotated[float, typer.Option(help="Mean loss run over that of random loss.")] = 1.0,
    delay: Annotated[float, typer.Option(help="Seconds from mouth to ear.")] = 0.0,
    vendors: Annotated[bool, typer.Option("--vendors", help="Add what other dashboards would show.")] = False,
    round_trip: Annotated[float, typer.Option(help="Seconds, for the vendors' formulas.")] = 0.0,
    jitter: Annotated[float, typer.Option(help="Seconds, for the vendors' formulas.")] = 0.0,
    json: _JSON = False,
) -> None:
    """The E-model: G.107.2 for opus, G.107.1 for G.722, G.107 for PCMU and PCMA."""
    from probe.cli_score import print_audio_score

    network = {"round_trip_seconds": round_trip, "jitter_seconds": jitter} if vendors else None
    print_audio_score(codec, bitrate, loss, burst_ratio, delay, network, json)


@score.command("video")
def score_video(
    vmaf: Annotated[float | None, typer.Option(help="VMAF v0.6.1, 0 to 100.")] = None,
    ssim: Annotated[float | None, typer.Option(help="Luma SSIM (ffmpeg's, 8x8 blocks), up to 1.")] = None,
    height: Annotated[int, typer.Option(help="Picture height that the SSIM was taken at.")] = 360,
    frozen: Annotated[float, typer.Option(help="Seconds that the picture stood still.")] = 0.0,
    duration: Annotated[float, typer.Option(help="Seconds watched, frozen ones included.")] = 10.0,
    json: _JSON = False,
) -> None:
    """Picture MOS from VMAF, or from SSIM by calibration, and the score with freezes."""
    from probe.cli_score import print_video_score

    print_video_score(vmaf, ssim, height, frozen, duration, json)


@score.command("estimate")
def score_estimate(
    bitrate: Annotated[float, typer.Option(help="Video payload, bits per second.")],
    codec: Annotated[str, typer.Option(help="VP8 or H264.")] = "VP8",
    width: Annotated[int, typer.Option(help="Pixels.")] = 640,
    height: Annotated[int, typer.Option(help="Pixels.")] = 360,
    fps: Annotated[float, typer.Option(help="Frames per second as sent.")] = 30.0,
    frame_loss: Annotated[float, typer.Option(help="Share of frames not shown, 0 to 1.")] = 0.0,
    frozen: Annotated[float, typer.Option(help="Seconds that the picture stood still.")] = 0.0,
    duration: Annotated[float, typer.Option(help="Seconds watched, frozen ones included.")] = 10.0,
    vendors: Annotated[bool, typer.Option("--vendors", help="Add what other dashboards would show.")] = False,
    json: _JSON = False,
) -> None:
    """Video that nobody decoded: estimated from bitrate, size and frame rate, with the error of the fit."""
    from probe.cli_score import print_estimate

    print_estimate(codec, bitrate, (width, height), fps, frame_loss, (frozen, duration), vendors, json)


def main() -> None:
    """The console script."""
    let_readers_leave()
    end_alike()
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a terminal that knows no ✓ gets a ?, not a traceback
    try:
        app(prog_name="probe")
    except ProbeError as error:
        from probe.cli_errors import complain, error_code

        complain(error)
        sys.exit(error_code(error))
    except SystemExit as ended:
        with held_off():
            _see_that_it_was_told(ended)
        raise
    except Exception as error:  # noqa: BLE001 - the last line of defence: told, with its traceback
        from probe.cli_errors import complain_of_unexpected

        sys.exit(complain_of_unexpected(error))


def _see_that_it_was_told(ended: SystemExit) -> None:
    """What stdout was to say may have gone nowhere, as to a full disk. Then 0 would not be true."""
    sys.stdout.flush()
    if (lost := untold()) is None:
        return
    from probe.cli_errors import complain

    complain(ConfigError(f"can't be written to: {lost.strerror}", who="stdout"))
    ended.code = ended.code or 2

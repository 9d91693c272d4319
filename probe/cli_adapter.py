"""`probe adapter`: what can enter meetings, and whether a user's own adapter keeps to the contract."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

adapter_app = typer.Typer(
    help="Adapters, which enter a platform's meetings: list and check them.", no_args_is_help=True
)


@adapter_app.command("list")
def list_adapters() -> None:
    """The adapters that there are, and the URLs that they speak to."""
    from probe.signalling.adapters import installed

    for name, found in installed().items():
        typer.echo(f"{name:12}{', '.join(f'{scheme}://' for scheme in found.schemes)}")


@adapter_app.command(
    "check",
    help="Hold an adapter to the contract: is everything there, does it fail in time and in words, does it leave whatever happens; "
    "with --url, do two participants meet on your platform. See docs/adapters.md.\n\nExit code: 0 it keeps the contract, 2 there "
    "is no such adapter or the options are wrong, 3 it breaks it.",
)
def check_adapter(
    name: Annotated[str, typer.Argument(metavar="NAME|MODULE:CLASS|FILE.py:CLASS")],
    url: Annotated[str | None, typer.Option(metavar="URL", help="Meet on this platform too.")] = None,
    token_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="What it lets us in with; without it the environment's MEETPROBE_TOKEN."),
    ] = None,
    room: Annotated[str, typer.Option(metavar="NAME", help="Meet in this room, not in a new one.")] = "",
    ca: Annotated[Path | None, typer.Option(metavar="FILE.pem", help="Trust this authority, not the system's.")] = None,
    insecure: Annotated[bool, typer.Option("--insecure", help="Trust any certificate.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document instead.")] = False,
) -> None:
    import asyncio
    import json as json_module
    import sys
    from dataclasses import asdict

    from rich.console import Console
    from rich.text import Text

    from probe.adapter_check.check import check
    from probe.adapter_check.finding import Finding
    from probe.cli_platform import PlatformChoice
    from probe.model.scenario import Scenario
    from probe.signalling.choose import check_platform

    choice = PlatformChoice(url, name if url else "", token_file, ca, insecure, room)
    platform = choice.read(Scenario(name="adapter check"))
    if platform is not None:
        check_platform(platform)
    console = Console()

    def tell(finding: Finding) -> None:
        if json:
            return
        mark, style = ("✓", "green") if finding.holds else ("–", "dim") if finding.skipped else ("✗", "bold red")
        console.print(Text.assemble((f"{mark} ", style), finding.rule), soft_wrap=True)
        if words := finding.fault or finding.skipped:
            console.print(Text(f"    {words}", style="red" if finding.fault else "dim"), soft_wrap=True)

    findings = asyncio.run(check(name, platform, tell))
    broken = sum(bool(finding.fault) for finding in findings)
    if json:
        document = {
            "schema": "meetprobe/adapter-check/1",
            "adapter": name,
            "findings": [asdict(one) for one in findings],
        }
        sys.stdout.write(json_module.dumps(document, indent=1, ensure_ascii=False) + "\n")
    else:
        console.print(f"\n{name} {f'breaks the contract in {broken} points' if broken else 'keeps the contract'}")
    raise typer.Exit(3 if broken else 0)

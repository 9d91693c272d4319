"""`probe run` on legs: the same meetings on each, one after the other, each with a verdict of its own (docs/ice.md)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from probe.cli_run import Ended, RunChoice, check, refuse
from probe.cli_run import perform as perform_one
from probe.model.errors import ConfigError, ProbeError
from probe.model.ice import LEGS, Leg
from probe.model.scenario_files import load_scenario
from probe.model.validation import nearest
from reports import words
from reports.document import Document
from reports.terminal_style import MARKS, STYLES, new_table


def perform(choice: RunChoice) -> int:
    """Run on the legs that the user chose, or else the scenario; as it is where neither did. Returns the worst exit code. Nothing
    is sent before all legs were found to be right."""
    one = choice
    try:
        choices = [_on(choice, leg) for leg in _legs(choice)] or [choice]
        for one in choices:
            check(one)
    except ProbeError as error:
        return refuse(one, error).exit_code
    ended: list[Ended] = []
    for one in choices:
        ended.append(perform_one(one))
        if ended[-1].document["run"]["interrupted"]:
            break
    if len(choices) > 1 and not choice.json:
        _tell([str(one.leg) for one in choices], [one.document for one in ended])
    return worst([one.exit_code for one in ended])


def _legs(choice: RunChoice) -> list[Leg]:
    wanted = choice.legs or load_scenario(choice.scenario).legs
    for name in wanted:
        if name not in LEGS:
            raise ConfigError(f"unknown leg {name!r}{nearest(name, LEGS)}", who="--leg")
    return [leg for leg in LEGS if leg in wanted]


def _on(choice: RunChoice, leg: Leg) -> RunChoice:
    return replace(
        choice,
        leg=leg,
        out=choice.out / leg if choice.out is not None else None,
        dump_stats=choice.dump_stats / leg if choice.dump_stats is not None else None,
        keep=replace(choice.keep, labels=(*choice.keep.labels, f"leg={leg}")),
    )


def worst(codes: Sequence[int]) -> int:
    """A bug of ours (1) before wrong input (2) before a missed target (3) before nothing measured (4) before 0."""
    return min((code for code in codes if code), default=0)


def _tell(legs: Sequence[str], documents: Sequence[Document]) -> None:
    """One line for each; those after an interruption did not run."""
    table = new_table(header=False)
    for position, leg in enumerate(legs):
        if position < len(documents):
            status, sentence = words.headline(documents[position])
            table.add_row(Text(f"{MARKS[status]} {leg}", style=STYLES[status]), sentence)
        else:
            table.add_row(Text(f"  {leg}", style="dim"), Text("not run", style="dim"))
    console = Console()
    console.print(Padding(Text("Legs", style="bold"), (1, 0, 0, 0)))
    console.print(Padding(table, (0, 0, 0, 2)))

"""The campaign's options, in `locust --help`, in Locust's start form, in a locust.conf and as MEETPROBE_… variables.

All are text with a default: Locust's form keeps the type of what was there and answers what it can't convert with a crash,
while `loadtest.settings` answers with what is allowed. What guards a campaign is not in the form: whoever may press start
may not thereby lift its limits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from loadtest.settings import SHAPES, USERS_KINDS


class Group(Protocol):
    def add_argument(self, *names: str, **keywords: Any) -> Any: ...


class Parser(Group, Protocol):
    def add_argument_group(self, title: str, description: str) -> Group: ...


@dataclass(frozen=True, slots=True)
class Option:
    """One option. `flag`: set or not, without a value. `metavar` "": one of `choices`."""

    name: str
    help: str
    default: str = ""
    metavar: str = ""
    choices: Sequence[str] = ()
    flag: bool = False
    repeatable: bool = False
    in_form: bool = True

    @property
    def destination(self) -> str:
        return self.name.removeprefix("--").replace("-", "_")

    def add_to(self, group: Group) -> None:
        keywords: dict[str, Any] = {"help": self.help, "env_var": f"MEETPROBE_{self.destination.upper()}"}
        if self.flag:
            keywords |= {"action": "store_true", "default": False}
        elif self.repeatable:
            keywords |= {"action": "append", "default": [], "metavar": self.metavar}
        elif self.choices:
            keywords |= {"choices": list(self.choices), "default": self.default}
        else:
            keywords |= {"default": self.default, "metavar": self.metavar}
        action = group.add_argument(self.name, **keywords)
        action.include_in_web_ui = self.in_form  # Locust's parser takes this as a keyword; an argument group does not


MEETINGS = (
    Option(
        "--user",
        "What a Locust user is: a participant, who joins a meeting, stays, leaves and joins the next; a whole meeting of the "
        "scenario with its visitors and migrations; or both in equal numbers.",
        "participant",
        choices=USERS_KINDS,
    ),
    Option("--participants", "Participants per meeting, 2 to 500.", "2", "NUMBER"),
    Option(
        "--meetings",
        "Most meetings at a time; users beyond them wait for a free seat. 0: as many as the users fill.",
        "0",
        "NUMBER",
    ),
    Option(
        "--topology",
        "hybrid (the server decides), p2p or sfu, or a mix of them by weight, like p2p=50,sfu=30,hybrid=20.",
        "hybrid",
        "MIX",
    ),
    Option("--stay", "How long a participant stays in a meeting: 30s, 5m, 1h30m.", "30s", "TIME"),
    Option(
        "--pause",
        "Time from leaving a meeting to joining the next. Joins keep to this schedule however slow the server is: a join's "
        "time counts from when it was due.",
        "1s",
        "TIME",
    ),
    Option(
        "--join-retries",
        "How often a failed join is tried again before its meeting is over. Each try counts as an attempt.",
        "0",
        "NUMBER",
    ),
)

MEASURED = (
    Option(
        "--scenario",
        "What everybody sends and sees, the deadlines, and what is judged: a scenario's name (probe scenarios lists them) or "
        "a YAML file, which every worker must find at this path.",
        "campaign",
        "NAME|FILE",
    ),
    Option(
        "--network",
        "The access network emulated for every participant, by name (docs/network.md). Empty: as the scenario says.",
        "",
        "NAME",
    ),
    Option(
        "--observe",
        "How deep participants look: headers, frames or pictures, or the share of them whose pictures are rated beside "
        "headers, like 0.02. More costs more CPU. Empty: as the scenario says.",
        "",
        "DEPTH|SHARE",
    ),
    Option(
        "--targets",
        "The promises to judge by: a profile's name (probe targets lists them) or a YAML file on the master. Empty: the "
        "scenario's.",
        "",
        "NAME|FILE",
    ),
    Option("--horizon", "Which of the profile's horizons: now, 3m, 6m, … Empty: the scenario's.", "", "NAME"),
    Option("--strict", "A target that could not be decided fails the campaign too (exit code 4).", flag=True),
    Option(
        "--out",
        "Folder that gets the report when the campaign ends: report.json, report.html and more.",
        "",
        "FOLDER",
        in_form=False,
    ),
    Option(
        "--history",
        "Where finished campaigns are kept: a file, a database URL (docs/history.md), or none. Empty: where probe run keeps its "
        "runs.",
        "",
        "URL",
        in_form=False,
    ),
)

SHAPE = (
    Option(
        "--shape",
        "How the number of users moves: constant (up to --users at --spawn-rate, then hold), ramp (up over the whole run "
        "time), steps (--step-users more each --step-time), spike, soak, or find-limit (steps until a target breaks; the "
        "highest load that held is reported).",
        "constant",
        choices=SHAPES,
    ),
    Option("--step-users", "For steps and find-limit: users added each step.", "10", "NUMBER"),
    Option("--step-time", "For steps and find-limit: how long each step is held.", "30s", "TIME"),
    Option("--spike-users", "For spike: users added at its height. 0: as many again.", "0", "NUMBER"),
)

PLATFORM = (
    Option(
        "--signalling",
        "The adapter that enters the platform's meetings, where the URL does not tell (docs/adapters.md).",
        "",
        "NAME",
        in_form=False,
    ),
    Option(
        "--ca",
        "Trust the certificates of this authority (a PEM file on every worker), not the system's.",
        "",
        "FILE",
        in_form=False,
    ),
    Option("--insecure", "Trust any certificate.", flag=True, in_form=False),
)

GUARDS = (
    Option(
        "--allow-target",
        "A host outside this machine that may be loaded with more than 10 participants: only if it is yours to load. May be "
        "repeated, or hold several with commas.",
        metavar="HOST",
        repeatable=True,
        in_form=False,
    ),
    Option("--max-participants", "A campaign that asks for more is refused.", "1000", "NUMBER", in_form=False),
    Option("--max-rate", "A spawn rate above this many users a second is refused.", "100/s", "RATE", in_form=False),
    Option("--max-duration", "A campaign is stopped after this time.", "4h", "TIME", in_form=False),
    Option("--metrics-port", "Port of the master's /metrics for Prometheus. 0: none.", "9646", "PORT", in_form=False),
    Option("--metrics-address", "Address that /metrics is served on.", "127.0.0.1", "ADDRESS", in_form=False),
)

GUARDED = tuple(option.destination for option in (*MEASURED, *PLATFORM, *GUARDS) if not option.in_form)
"""What only the command line says: Locust would let a request to its web interface say it too, shown in the form or not."""

_GROUPS = (
    ("meetprobe: meetings", "Who comes and goes. The target is Locust's --host, like ws://127.0.0.1:8787.", MEETINGS),
    (
        "meetprobe: what is sent, measured and judged",
        "The token that the server asks for comes from MEETPROBE_TOKEN, on every worker.",
        MEASURED,
    ),
    ("meetprobe: the platform", "Not in the web form.", PLATFORM),
    ("meetprobe: shape", "How the load moves.", SHAPE),
    ("meetprobe: limits and metrics", "Not in the web form.", GUARDS),
)


def add_arguments(parser: Parser, **_: object) -> None:
    """Listener of `events.init_command_line_parser`."""
    for title, description, options in _GROUPS:
        group = parser.add_argument_group(title, description)
        for option in options:
            option.add_to(group)

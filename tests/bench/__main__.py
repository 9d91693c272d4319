"""`python -m tests.bench`: peers side by side, in one run, as ratios. docs/performance.md says how to read it."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from typing import Any

from rich.console import Console

from tests.bench import aiortc_pairs, chromium, meetprobe, pion, servers, sockets
from tests.bench.machine import describe
from tests.bench.rounds import Outcome, Peer, run_rounds
from tests.bench.summary import Summary, summarise
from tests.bench.table import build

SCHEMA = "meetprobe/bench/1"
PEERS = (
    *(Peer(variant.name, partial(meetprobe.measure, variant)) for variant in meetprobe.VARIANTS),
    Peer("pion", pion.measure),
    Peer("pion-1", partial(pion.measure, processors=1)),
    Peer("aiortc", aiortc_pairs.measure),
    Peer("chromium", chromium.measure),
    Peer("sockets", sockets.measure),
    Peer("sockets-2", partial(sockets.measure, processes=2)),
    Peer("shim", lambda participants, seconds: servers.measure("shim", seconds)),
    Peer("janus", lambda participants, seconds: servers.measure("janus", seconds)),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code: 0 measured, 1 a peer that is there gave no figures, 2 wrong usage."""
    choice = parse(arguments)
    machine = describe()
    tell = Console(stderr=True, highlight=False, soft_wrap=True)
    tell.print(f"{machine['processors']} × {machine['processor']}, load {machine['load_average']:.2f}", markup=False)
    outcomes = run_rounds(
        choice.only, choice.rounds, choice.participants, choice.seconds, partial(tell.print, markup=False)
    )
    summaries = summarise(outcomes)
    if choice.json:
        print(json.dumps(document(choice, machine, outcomes, summaries), indent=1, ensure_ascii=False))
    else:
        Console().print(build(summaries))
    return int(any(not outcome.rows and not outcome.missing for outcome in outcomes))


def document(
    choice: argparse.Namespace, machine: dict[str, Any], outcomes: Sequence[Outcome], summaries: Sequence[Summary]
) -> dict[str, Any]:
    """All that was measured: units as in Row."""
    return {
        "schema": SCHEMA,
        "machine": machine,
        "participants": choice.participants,
        "seconds": choice.seconds,
        "rounds": choice.rounds,
        "peers": [
            {**asdict(summary), "rows": [{"round": number, **asdict(row)} for number, row in outcome.rows.items()]}
            for outcome, summary in zip(outcomes, summaries, strict=True)
        ],
    }


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The command line; `only` are the chosen peers in their order. Wrong usage ends with exit code 2."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="Peers side by side, as ratios.")
    parser.add_argument("--participants", type=partial(_number, int, 2), default=100, metavar="N")
    parser.add_argument("--seconds", type=partial(_number, float, 1.0), default=10.0, help="length of each window")
    parser.add_argument("--rounds", type=partial(_number, int, 1), default=3, metavar="N")
    parser.add_argument("--only", type=_chosen, default=list(PEERS), metavar="NAME,…", help=f"of {_names()}")
    parser.add_argument("--json", action="store_true", help="one JSON document instead of the table")
    return parser.parse_args(arguments)


def _chosen(text: str) -> list[Peer]:
    wanted = [name.strip() for name in text.split(",")]
    if unknown := [name for name in wanted if name not in {peer.name for peer in PEERS}]:
        raise argparse.ArgumentTypeError(f"no peer {', '.join(unknown)}; there are {_names()}")
    return [peer for peer in PEERS if peer.name in wanted]


def _names() -> str:
    return ", ".join(peer.name for peer in PEERS)


def _number(kind: type[float], least: float, text: str) -> float:
    try:
        number = kind(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number") from None
    if not least <= number < 1e5:
        raise argparse.ArgumentTypeError(f"{text}: at least {least:g}")
    return number


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:  # the child that ran has been killed on the way here
        sys.exit(130)

"""`probe compare`: two runs, or two groups of runs, held against each other."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from probe.model.errors import ConfigError

_SCHEMA = "meetprobe/report/1"
MAX_BYTES = 200_000_000
_MOST_RUNS = 1000


def compare(
    before: Annotated[
        str,
        typer.Argument(
            metavar="A",
            help="report.json, a run's folder, or a folder of such; or of the history a run's id or its beginning, last, last~1, or "
            "baseline:7d: the runs like B in the week before it.",
        ),
    ],
    after: Annotated[str, typer.Argument(metavar="B", help="The same (no baseline), to be held against A.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document instead.")] = False,
    history: Annotated[
        str | None, typer.Option(metavar="FILE|URL", envvar="MEETPROBE_HISTORY", help="Where the runs are stored.")
    ] = None,
) -> None:
    """Which figures changed beyond noise between two runs, or between a window of several runs and what came after.

    Exit code: 0 nothing got worse, 1 a bug of ours, 2 wrong usage, 3 something got worse, 4 nothing could be compared.
    """
    from rich.console import Console

    from probe.cli_compare_stored import Sides
    from reports.compare import compare as compared
    from reports.compare_view import print_comparison

    with Sides(history) as sides:
        found = compared(*sides.read(before, after))
    if as_json:
        sys.stdout.write(json.dumps(found, indent=2, ensure_ascii=False, allow_nan=False) + "\n")
    else:
        print_comparison(found, Console())
    raise typer.Exit(found["verdict"]["exit_code"])


def read_runs(path: Path) -> list[dict[str, Any]]:
    """The reports at `path`: of the file, of the folder's report.json, or of each of its folders that has one, by their times. Raises
    ConfigError naming the file."""
    if not path.is_dir():
        return [_read(path)]
    if (path / "report.json").is_file():
        return [_read(path / "report.json")]
    files = sorted(path.glob("*/report.json"))
    if not files:
        raise ConfigError("has no report.json, nor has any folder in it", who=str(path), hint="probe run --out DIR")
    if len(files) > _MOST_RUNS:
        raise ConfigError(f"has {len(files)} runs, more than the {_MOST_RUNS} that are compared", who=str(path))
    return sorted((_read(file) for file in files), key=lambda document: str(document["run"]["started_at"]))


def _read(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ConfigError(f"has more than {MAX_BYTES} bytes", who=str(path))
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"can't be read: {error.strerror}", who=str(path)) from error
    except ValueError as error:
        raise ConfigError(f"is not JSON: {error}", who=str(path)) from error
    if not isinstance(document, dict) or document.get("schema") != _SCHEMA:
        raise ConfigError(f"is not a report of meetprobe ({_SCHEMA})", who=str(path))
    missing = [key for key in ("run", "verdict", "health", "metrics") if key not in document]
    if missing:
        raise ConfigError(f"has no {missing[0]}", who=str(path))
    found: dict[str, Any] = document
    return found

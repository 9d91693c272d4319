"""`probe calibrate`: known impairments, real calls, and what the probe made of them."""

from __future__ import annotations

import asyncio
import platform
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from rich.console import Console

from probe import __version__
from probe.cli_errors import complain, complain_of_unexpected, error_code
from probe.model.errors import ConfigError, MeasurementError, ProbeError
from probe.model.scenario import Depth
from probe.model.validation import nearest
from reports.jsonout import prepare_folder, to_json
from reports.writing import write_text

if TYPE_CHECKING:
    from probe.calibrate.calibration import Calibration, Options


@dataclass(frozen=True, slots=True)
class CalibrateChoice:
    """The options of `probe calibrate`."""

    quick: bool = False
    json: bool = False
    profile: Path | None = None
    depth: str = "pictures"
    out: Path | None = None
    load: bool = False
    every: bool = False
    quiet: bool = False


def perform(choice: CalibrateChoice) -> int:
    """Calibrate, tell, and return the exit code. Never raises for what can be expected to go wrong."""
    began, started_at = time.monotonic(), datetime.now(UTC)
    try:
        options = _check(choice)
        found = _measure(choice, options)
    except ProbeError as error:
        complain(error)
        return error_code(error)
    except KeyboardInterrupt:
        complain(MeasurementError("interrupted: nothing can be said of half a calibration"))
        return 4
    except Exception as error:  # noqa: BLE001 - told in full, with its traceback
        return complain_of_unexpected(error)
    try:
        _tell(choice, found, started_at, time.monotonic() - began)
    except ConfigError as error:
        complain(error)
        return found.exit_code or error_code(error)
    return found.exit_code


def _check(choice: CalibrateChoice) -> Options:
    """All that can be wrong with the input is found here, before the first packet."""
    depths = {depth: depth for depth in get_args(Depth)}
    if choice.depth not in depths:
        raise ConfigError(f"unknown depth {choice.depth!r}{nearest(choice.depth, depths)}", who="--depth")
    if choice.quick and choice.profile is not None:
        raise ConfigError("--quick chooses among our own calls", who="--profile", hint="leave one of the two out")
    from probe.calibrate import cases  # brings aiortc and av: not before they are needed
    from probe.calibrate.calibration import Options

    chosen = cases.quick() if choice.quick else cases.full()
    if choice.profile is not None:
        chosen = (cases.from_file(choice.profile),)
    if choice.out is not None:
        prepare_folder(choice.out)
    return Options(chosen, depths[choice.depth], choice.load)


def _measure(choice: CalibrateChoice, options: Options) -> Calibration:
    from probe.calibrate.calibration import calibrate

    console = Console(stderr=True, quiet=choice.quiet)
    return asyncio.run(calibrate(options, lambda line: console.print(line, style="dim", markup=False, soft_wrap=True)))


def _tell(choice: CalibrateChoice, found: Calibration, started_at: datetime, seconds: float) -> None:
    from probe.calibrate.document import build_document
    from probe.calibrate.terminal import print_calibration

    document = build_document(
        found,
        version=__version__,
        started_at=started_at.isoformat(timespec="seconds"),
        duration_seconds=seconds,
        python=platform.python_version(),
        system=f"{platform.system()} {platform.machine()}",
    )
    if choice.json:
        sys.stdout.write(to_json(document))
        sys.stdout.flush()
    else:
        print_calibration(found, Console(), every=choice.every)
    if choice.out is not None:
        write_text(choice.out / "calibration.json", to_json(document))

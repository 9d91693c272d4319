"""Runs all cases, and says how each reading stood."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from typing import Any

from probe.calibrate.call import Call, Conductor
from probe.calibrate.cases import Case
from probe.calibrate.compare import rows_of, shown_of
from probe.calibrate.load import busy
from probe.calibrate.pictures import Score, compare_call, compare_damaged
from probe.calibrate.rows import Row, RowWriter, all_ok
from probe.client.context import Depth
from probe.client.generator_watch import GeneratorWatch
from probe.model.errors import ProbeError
from probe.model.result import counted_errors
from probe.model.scenario import Observe, Scenario
from probe.stage import Contents, prepare, server, stage

LOAD_FACTOR = 2.0
"""Under load the tolerances are that many times as wide."""
AT_ONCE = 2
"""Calls side by side: more, and a 2-core machine would be measured instead of the probe."""


@dataclass(frozen=True, slots=True)
class Options:
    """`at_once`: calls side by side; `load`: keep every processor 90 % busy with other work meanwhile."""

    cases: tuple[Case, ...]
    depth: Depth = "pictures"
    load: bool = False
    at_once: int = AT_ONCE


@dataclass(slots=True)
class Calibration:
    """`errors`: calls that did not come about, and complaints; `bugs` what of ours raised unexpectedly."""

    options: Options
    rows: list[Row] = field(default_factory=list)
    health: dict[str, Any] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    bugs: list[str] = field(default_factory=list)

    @property
    def trustworthy(self) -> bool:
        """Was the generator well enough for its readings to be judged?"""
        return bool(self.health.get("trustworthy"))

    @property
    def verdict(self) -> str:
        """`pass`; `fail`: a reading is out of its tolerance; `inconclusive`: the generator was not well, or a call did not
        come about; `bug`."""
        if self.bugs:
            return "bug"
        if not self.trustworthy or self.errors or not self.rows:
            return "inconclusive"
        return "pass" if all_ok(self.rows) else "fail"

    @property
    def exit_code(self) -> int:
        return {"pass": 0, "bug": 1, "fail": 3, "inconclusive": 4}[self.verdict]


async def calibrate(options: Options, tell: Callable[[str], None] = lambda line: None) -> Calibration:
    """Hold the calls, then compare. `tell` hears what is going on, line by line."""
    scenario = Scenario(name="calibration", observe=Observe(depth=options.depth))
    tell("preparing media")
    contents = await prepare(scenario)
    found = Calibration(options)
    calls: Sequence[Call] = ()
    async with (
        server(None, scenario) as url,
        stage(scenario, None, contents, lambda position: None, lambda sample: None) as context,
    ):
        watch = GeneratorWatch(context)
        try:
            with _uncollected(), busy() if options.load else nullcontext():
                calls = await _hold(options, Conductor(context, url, contents), found, tell)
        finally:
            watch.close()
        context.health.socket_drops(context.socket_drops)
        found.health = context.health.verdict().to_dict()
        found.bugs += [f"{message} ({count} times)" for message, count in context.crashes.items()]
        found.errors += [f"{error.phase}: {error.message}" for error in counted_errors(context.errors)]
    tell("comparing")
    await asyncio.to_thread(_compare, found, calls, contents)
    return found


@contextmanager
def _uncollected() -> Iterator[None]:
    """No garbage collection: all that was read is kept for the comparison, and looking through that stops the loop for tenths of
    a second. What little garbage the calls make in cycles waits."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


async def _hold(
    options: Options, conductor: Conductor, found: Calibration, tell: Callable[[str], None]
) -> Sequence[Call]:
    gate, total = asyncio.Semaphore(max(1, options.at_once)), len(options.cases)

    async def hold(number: int, case: Case) -> Call | None:
        async with gate:
            tell(f"call {number} of {total}: {case.name}")
            try:
                return await conductor.conduct(case)
            except ProbeError as error:
                found.errors.append(f"{case.name}: {error}")
                return None

    held = await asyncio.gather(*(hold(number, case) for number, case in enumerate(options.cases, start=1)))
    return [call for call in held if call is not None]


def _compare(found: Calibration, calls: Sequence[Call], contents: Contents) -> None:
    """Numbers only: no clock, nobody waits."""
    pictures = 0
    for call in calls:
        try:
            found.rows += rows_of(call, found.options.depth)
        except ProbeError as error:
            found.errors.append(f"{call.case.name}: {error}")
        pictures += sum(len(seat.values("video_psnr_db")) for seat in (call.first, call.second))
    if found.options.depth == "pictures" and contents.video is not None:
        _compare_pictures(found, calls, contents, pictures)
    if found.options.load:
        found.rows = [replace(row, tolerance=row.tolerance * LOAD_FACTOR) for row in found.rows]


def _compare_pictures(found: Calibration, calls: Sequence[Call], contents: Contents, pictures: int) -> None:
    assert contents.video is not None
    for call in calls:
        if call.case.way == "p2p":
            for name, sender, receiver in call.directions():
                writer = RowWriter(f"{call.case.name}, {name}", found.rows)
                psnr, ssim = receiver.values("video_psnr_db"), receiver.values("video_ssim")
                read = [Score(p.value, s.value) for p, s in zip(psnr, ssim, strict=True)]
                compare_call(writer, contents.video, shown_of(sender, receiver), read)
    compare_damaged(RowWriter("no call", found.rows), contents.video)
    wrong = sum(
        sample.value for call in calls for seat in (call.first, call.second) for sample in seat.values("frame_id_wrong")
    )
    RowWriter("all calls", found.rows).exact(f"frame IDs wrong, of {pictures}", 0, wrong, "frames")

"""From a browser's reports, one after the other, to samples: windows as they pass, a stream's totals when it is gone. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from probe.browser.stats_map import PathReport, Reading, Stats, totals, window
from probe.model.samples import Sample

_TRANSITIONS = {"p2p": "p2p>sfu", "sfu": "sfu>p2p"}
_PHASES = (("signalling", "signalling_connect"), ("welcome", "room_join"))


class BrowserReadings:
    """One browser participant's, in one meeting. `who` goes into the samples' detail."""

    def __init__(self, who: str) -> None:
        self._who = who
        self._last: dict[str, PathReport] = {}

    def take(self, reports: Iterable[PathReport], time: float) -> list[Sample]:
        """The reports of all paths at a moment (seconds of the run)."""
        now = {report.path: report for report in reports}
        found: list[Reading] = []
        for path, before in self._last.items():
            after = now.get(path)
            gone = _streams(before).keys() - (_streams(after).keys() if after is not None else set())
            for key in sorted(gone):
                found += totals(before, _streams(before)[key])
        for path, report in now.items():
            if path in self._last:
                found += window(self._last[path], report)
        self._last = now
        return self._samples(found, time)

    def finish(self, time: float) -> list[Sample]:
        """It leaves: the totals of what still came."""
        return self.take((), time)

    def _samples(self, readings: Iterable[Reading], time: float) -> list[Sample]:
        return [self._sample(reading, time) for reading in readings]

    def _sample(self, reading: Reading, time: float) -> Sample:
        detail = {"who": self._who} | ({"remote": reading.remote} if reading.remote else {})
        return Sample(reading.metric, float(reading.value), time, reading.tags, detail)


def _streams(report: PathReport) -> dict[tuple[str, int], Stats]:
    """The inbound streams, each source by itself."""
    return {(str(one["id"]), int(one.get("ssrc", 0))): one for one in report.of_type("inbound-rtp")}


def join_samples(marks: Mapping[str, float], topology: str, who: str, time: float) -> list[Sample]:
    """Of a join: `marks` are the page's (monotonic seconds of the browser: begun, signalling, welcome, picture). The whole, and
    the phases of ours that a page can see."""
    tags, detail = {"topology": topology}, {"who": who}
    if "begun" not in marks or "picture" not in marks:
        return []
    found = [Sample("join_duration_seconds", marks["picture"] - marks["begun"], time, tags, detail)]
    before = marks["begun"]
    for mark, phase in _PHASES:
        if mark in marks:
            found.append(Sample("join_phase_seconds", marks[mark] - before, time, tags | {"phase": phase}, detail))
            before = marks[mark]
    return found


def migration_samples(moves: Iterable[Mapping[str, Any]], who: str, time: float) -> Iterator[Sample]:
    """Of the page's migrations that were committed: from the message to the commit, and the longest time without a new picture
    on the screen (the tile's, across both paths)."""
    for move in moves:
        if move.get("outcome") != "committed":
            continue
        tags, detail = {"transition": _TRANSITIONS[str(move["source"])]}, {"who": who}
        yield Sample("migration_duration_seconds", move["endedAt"] - move["begun"], time, tags, detail)
        if move.get("gap") is not None:
            yield Sample("migration_video_gap_seconds", float(move["gap"]), time, tags, detail)

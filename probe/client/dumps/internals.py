"""An rtcstats dump, turned into what chrome://webrtc-internals would have saved."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from probe.measure.stats_delta import restored
from probe.measure.webrtc_stats import Report

MOST_SAMPLES = 3600
"""Of a connection: an hour of seconds. From longer ones every second sample goes, again and again."""


class Columns:
    """The statistics of one connection, a list of values for each member of each report. All lists of a report are equally long
    and stand beside its timestamps: where a member was not known yet, None does."""

    def __init__(self, most: int = MOST_SAMPLES) -> None:
        self.values: dict[str, dict[str, list[Any]]] = {}
        self._most = most
        self._stride = 1
        self._seen = 0
        self._kept = 0
        self._last: Report | None = None

    def add(self, report: Report) -> None:
        """The next sample."""
        self._last = None
        if self._seen % self._stride == 0:
            self._append(report)
            if self._kept >= self._most:
                self._thin()
        else:
            self._last = report
        self._seen += 1

    def finish(self) -> None:
        """No more samples; the last of all is among those that are kept."""
        if self._last is not None:
            self._append(self._last)
            self._last = None

    def _append(self, report: Report) -> None:
        self._kept += 1
        for id, entry in report.items():
            columns = self.values.setdefault(id, {})
            length = len(columns.get("timestamp", ()))
            for name in entry:
                if name != "id" and name not in columns:
                    columns[name] = [None] * length
            for name, column in columns.items():
                column.append(entry.get(name))

    def _thin(self) -> None:
        for columns in self.values.values():
            for column in columns.values():
                del column[1::2]
        self._kept = (self._kept + 1) // 2
        self._stride *= 2

    def stats(self) -> dict[str, Any]:
        """As in the dump: `ID-MEMBER`: when it began and ended, its type, and its values as JSON text."""
        found = {}
        for id, columns in self.values.items():
            times, type = columns["timestamp"], columns["type"][0]
            edges = {"startTime": iso(times[0]), "endTime": iso(times[-1]), "statsType": type}
            for name, column in columns.items():
                found[f"{id}-{name}"] = {**edges, "values": _compact(column)}
        return found


def write_internals(source: Path, user_agent: str) -> Path:
    """Beside `source`, an rtcstats dump of ours: `NAME.webrtc-internals.json`. A line that a killed process left unfinished is the
    end. Raises OSError."""
    connections: dict[str, dict[str, Any]] = {}
    columns: dict[str, Columns] = {}
    reports: dict[str, Report] = {}
    for time, method, connection, value, more in _lines(source):
        if method == "create":
            told = {"pid": int(connection.partition("-")[0]), "url": more[0], "rtcConfiguration": _compact(value)}
            connections[connection] = told | {"constraints": "", "updateLog": [], "stats": {}}
            columns[connection], reports[connection] = Columns(), {}
        elif method == "getStats":
            reports[connection] = restored(reports[connection], value)
            columns[connection].add(reports[connection])
        else:
            connections[connection]["updateLog"].append(_update(time, method, value))
    for connection, kept in columns.items():
        kept.finish()
        connections[connection]["stats"] = kept.stats()
    return _write(source.with_suffix(".webrtc-internals.json"), connections, user_agent)


def _lines(source: Path) -> Iterator[tuple[float, str, str, Any, list[Any]]]:
    time = 0.0
    with source.open("rb") as file:
        next(file, b"")  # the magic word
        next(file, b"")  # the head
        for line in file:
            if not line.endswith(b"\n"):
                return
            method, connection, value, *more, since = json.loads(line)
            time += since
            yield time, method, connection, value, more


def _update(time: float, method: str, value: Any) -> dict[str, Any]:
    """Chromium names events without "on", and gives every value as text."""
    name = method.removeprefix("on") if method.endswith("change") else method
    return {"time": iso(time), "type": name, "value": "" if value is None else _compact(value), "timestamp": time}


def _write(path: Path, connections: dict[str, Any], user_agent: str) -> Path:
    name, _, version = user_agent.partition("/")
    # Viewers ask for UserAgentData to tell dumps with timestamps of their own for each report, as these are, from older ones.
    agent = {"brands": [{"brand": name, "version": version}], "mobile": False, "platform": ""}
    dump = {"getUserMedia": [], "PeerConnections": connections, "UserAgent": user_agent, "UserAgentData": agent}
    with path.open("w", encoding="utf-8") as file:
        json.dump(dump, file, separators=(",", ":"))
    return path


def iso(milliseconds: float) -> str:
    """`2026-01-31T12:34:56.789Z`."""
    text = datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def _compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))

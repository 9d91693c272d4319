"""Migrations over the run's time, each with how long its receivers were without new media."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from reports.document import Document
from reports.html_axis import Scale, clock, time_values
from reports.html_base import Cell, badge, number_cell, section, table, tag, text
from reports.html_chart import figure
from reports.titles import direction
from reports.words import show

_MOST_ROWS = 60
_MOST_STEMS = 600
_WIDTH, _HEIGHT = 1000.0, 200.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 56.0, 988.0, 14.0, 176.0
_FAILED_HEIGHT = 0.92
"""Where a failed migration without a gap is marked, of the chart's height."""
_HEADER = ("", "at", "meeting", "from, to", "took", "video gap", "audio gap", "frames lost", "MOS dip", "why it failed")
_NOTE = (
    "While a meeting moves between P2P and server, nobody should notice. The gap is the longest time that any receiver was without "
    "new video or sound across the move; undisturbed video has one of about 33 ms, sound one of 20 ms."
)


def migrations(document: Document) -> str:
    """The section; empty where nothing migrated."""
    found = document["migrations"]
    if not found:
        return ""
    return section(
        "Migrations", _directions(found), _timeline(document, found), _list(found), note=_NOTE, id_="migrations"
    )


def _worst(ones: Sequence[dict[str, Any]], key: str) -> float | None:
    return max((one[key] for one in ones if one.get(key) is not None), default=None)


def _directions(found: Sequence[dict[str, Any]]) -> str:
    rows = []
    for source, target in sorted({(one["from"], one["to"]) for one in found}):
        ones = [one for one in found if (one["from"], one["to"]) == (source, target)]
        good = sum(bool(one["success"]) for one in ones)
        status = "pass" if good == len(ones) else "fail"
        cells = [Cell(tag("b", text(direction(source, target))), kind="title")]
        cells.append(Cell(badge(status, f"{good} of {len(ones)} moved"), kind="status"))
        keys = ("duration_seconds", "video_gap_seconds", "audio_gap_seconds")
        cells += [number_cell(show(_worst(ones, key), "seconds"), _worst(ones, key)) for key in keys]
        rows.append(cells)
    return table(("from, to", "", "took at most", "longest video gap", "longest audio gap"), rows)


def _timeline(document: Document, found: Sequence[dict[str, Any]]) -> str:
    """A stem for each migration: as high as its longest video gap, with a ring at its audio gap."""
    shown = [one for one in _troubled_first(found)[:_MOST_STEMS] if one.get("start_seconds") is not None]
    if not shown:
        return ""
    gaps = [one[key] for one in shown for key in ("video_gap_seconds", "audio_gap_seconds") if one.get(key) is not None]
    span = max(document["run"]["duration_seconds"], *(one["start_seconds"] for one in shown), 1.0)
    across, up = Scale(0.0, span, _LEFT, _RIGHT), Scale(0.0, max(gaps, default=0.0) * 1.12 or 0.1, _BOTTOM, _TOP)
    drawn = tag(
        "svg",
        *(_level(value, up) for value in up.ticks(5)),
        tag("line", x1=_LEFT, x2=_RIGHT, y1=_BOTTOM, y2=_BOTTOM, class_="axis"),
        *(tag("text", clock(at), x=across(at), y=_BOTTOM + 17, text_anchor="middle") for at in time_values(span, 10)),
        *(_stem(one, across, up) for one in reversed(shown)),
        viewBox=f"0 0 {_WIDTH:.0f} {_HEIGHT:.0f}",
        role="img",
        aria_label=f"{len(shown)} migrations over time, with their media gaps",
        class_="chart",
    )
    named = (
        ("stem p2p-sfu", direction("p2p", "sfu")),
        ("stem sfu-p2p", direction("sfu", "p2p")),
        ("stem bad", "failed"),
    )
    keys = [tag("span", tag("i", class_=style), text(words), class_="key") for style, words in named]
    keys.append(tag("span", tag("i", class_="ring"), "audio gap", class_="key"))
    return tag("div", figure("Media gap of each migration", drawn, "".join(keys)), class_="scroll")


def _level(value: float, up: Scale) -> str:
    line = tag("line", x1=_LEFT, x2=_RIGHT, y1=up(value), y2=up(value), class_="grid")
    return line + tag("text", text(show(value, "seconds")), x=_LEFT - 6, y=up(value) + 4, text_anchor="end")


def _stem(one: dict[str, Any], across: Scale, up: Scale) -> str:
    x, gap, sound = across(one["start_seconds"]), one.get("video_gap_seconds"), one.get("audio_gap_seconds")
    top = up(gap) if gap is not None else up(up.high * _FAILED_HEIGHT) if not one["success"] else up(0.0)
    style = f"{one['from']}-{one['to']}" if one["success"] else "bad"
    parts = [tag("title", text(_said(one))), tag("line", x1=x, x2=x, y1=_BOTTOM, y2=top)]
    parts.append(
        tag("circle", cx=x, cy=top, r=3.5) if one["success"] else tag("text", "✗", x=x, y=top + 4, text_anchor="middle")
    )
    if sound is not None:
        parts.append(tag("circle", cx=x, cy=up(sound), r=3, class_="ring"))
    return tag("g", *parts, class_=f"stem {style}")


def _said(one: dict[str, Any]) -> str:
    gaps = [f"{kind} gap {show(one.get(f'{kind}_gap_seconds'), 'seconds')}" for kind in ("video", "audio")]
    outcome = (
        f"took {show(one['duration_seconds'], 'seconds')}"
        if one["success"]
        else f"failed: {one.get('reason') or 'no reason told'}"
    )
    return f"{one['meeting']}, {direction(one['from'], one['to'])} at {clock(one['start_seconds'])}: {outcome}, {', '.join(gaps)}"


def _troubled_first(found: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(found, key=lambda one: (bool(one["success"]), -(_worst([one], "video_gap_seconds") or 0.0)))


def _list(found: Sequence[dict[str, Any]]) -> str:
    """All of them, or, of many, those that went worst."""
    few = len(found) <= _MOST_ROWS
    shown = found if few else _troubled_first(found)[:_MOST_ROWS]
    left = (
        ""
        if few
        else f"The {_MOST_ROWS} that failed or had the longest video gaps, of {len(found)}; report.json has all."
    )
    return table(_HEADER, [_row(one) for one in shown], sorts=True, caption=left)


def _row(one: dict[str, Any]) -> list[Cell]:
    start, lost, dip = one.get("start_seconds"), one.get("frames_lost"), one.get("mos_dip")
    return [
        Cell(badge("pass" if one["success"] else "fail", "moved" if one["success"] else "failed"), kind="status"),
        number_cell(clock(start or 0.0), start),
        Cell(text(one["meeting"])),
        Cell(text(direction(one["from"], one["to"]))),
        *(
            number_cell(show(one.get(key), "seconds"), one.get(key))
            for key in ("duration_seconds", "video_gap_seconds", "audio_gap_seconds")
        ),
        number_cell(show(lost, "count"), lost),
        number_cell(show(dip, "mos"), dip),
        Cell(text(one.get("reason") or "")),
    ]

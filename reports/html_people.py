"""Who took part and how it went, and the pictures that came out worst."""

from __future__ import annotations

import re
from typing import Any

from reports.document import Document
from reports.html_axis import clock, lasting
from reports.html_base import Cell, badge, number_cell, section, table, tag, text
from reports.words import show

_MOST_ROWS = 400
_MOST_FRAMES = 12
_MOST_PICTURE_CHARS = 600_000
"""Of all pictures together: the page stays one that can be sent by mail."""
_HEADER = ("", "participant", "meeting", "joined by", "time to join", "stayed", "drops", "what went wrong")
_PICTURE = re.compile(r"data:image/(png|jpeg|webp);base64,[A-Za-z0-9+/]+=*")


def participants(document: Document) -> str:
    """The section; empty where the document lists nobody. Of very many, those with trouble first."""
    found = document["participants"]
    few = len(found) <= _MOST_ROWS
    shown = found if few else sorted(found, key=_ease)[:_MOST_ROWS]
    left = (
        ""
        if few
        else f"{_MOST_ROWS} of {len(found)}: those with trouble first, then the slowest to join; report.json has all."
    )
    return section(
        "Participants", table(_HEADER, [_row(one) for one in shown], sorts=True, caption=left), id_="participants"
    )


def _ease(one: dict[str, Any]) -> tuple[bool, bool, float]:
    return not one.get("error"), not one.get("drops"), -(one.get("join_duration_seconds") or 0.0)


def _row(one: dict[str, Any]) -> list[Cell]:
    joined, drops = bool(one.get("joined")), list(one.get("drops") or ())
    status = "fail" if one.get("error") or not joined else "inconclusive" if drops else "pass"
    words = {"fail": "failed", "inconclusive": "dropped", "pass": "joined"}[status]
    meeting, took, stay = str(one.get("meeting", "")), one.get("join_duration_seconds"), one.get("stay_seconds")
    wrong = "; ".join(str(part) for part in (one.get("error"), *drops) if part)
    return [
        Cell(badge(status, words), words, kind="status"),
        Cell(text(str(one.get("name", one.get("id", ""))).removeprefix(f"{meeting}-"))),
        Cell(text(meeting)),
        Cell(text(str(one.get("topology") or "").upper())),
        number_cell(show(took, "seconds"), took) if took is not None or not joined else Cell("first in", "", "number"),
        number_cell(lasting(stay or 0.0), stay),
        number_cell(str(len(drops)), len(drops)),
        Cell(text(wrong)),
    ]


def worst_frames(document: Document) -> str:
    """The section; empty where no pictures were kept. What is no picture of the three kinds is not shown."""
    drawn, size = [], 0
    people = {one.get("id"): one for one in document["participants"]}
    for one in (document.get("worst_frames") or [])[:_MOST_FRAMES]:
        pictures = [(words, one[key]) for words, key in (("as sent", "source"), ("as seen", "image")) if key in one]
        size += sum(len(picture) for _, picture in pictures)
        if size > _MOST_PICTURE_CHARS:
            break
        if all(_PICTURE.fullmatch(picture) for _, picture in pictures):
            drawn.append(_frame(one, pictures, people))
    note = "The decoded pictures that were rated lowest, each beside what was sent where that is known."
    return section("Worst pictures", tag("div", *drawn, class_="frames") if drawn else "", note=note, id_="pictures")


def _names(one: dict[str, Any], people: dict[Any, dict[str, Any]]) -> str:
    """Who saw whom, by their names where the table of participants has them."""
    seer, seen = (people.get(one.get(key), {}) for key in ("participant", "remote"))
    who = str(seer.get("name") or one["participant"])
    if not one.get("remote"):
        return who
    whom = str(seen.get("name") or one["remote"]).removeprefix(f"{seen.get('meeting', '')}-")
    return f"{who} saw {whom}"


def _frame(one: dict[str, Any], pictures: list[tuple[str, str]], people: dict[Any, dict[str, Any]]) -> str:
    shown = (tag("span", f'<img src="{picture}" alt="{words}">', tag("small", words)) for words, picture in pictures)
    scores = (("MOS", "mos", "mos"), ("SSIM", "ssim", "score"), ("PSNR", "psnr_db", "dB"))
    told = [f"{words} {show(one[key], unit)}" for words, key, unit in scores if one.get(key) is not None]
    told += ["as the encoder made it"] if one.get("undamaged") else []
    caption = " · ".join((f"{_names(one, people)} at {clock(one['time_seconds'])}", *told))
    return tag("figure", tag("div", *shown), tag("figcaption", text(caption)))

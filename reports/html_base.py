"""Markup by functions: what is not markup is escaped, always."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import NamedTuple

from reports.words import MARKS, UNKNOWN, plain

WORDS = {"pass": "met", "fail": "missed", "inconclusive": "not proven yet", "not_judged": "not judged"}
"""The statuses of a target, as people say them."""

_MOST_AT_ONCE = 25
"""Rows of a table; a longer one scrolls within the page, for what comes after it would never be seen. On paper it is whole."""

Attribute = str | int | float | None


def text(value: object) -> str:
    """`value` as markup that shows it."""
    return escape(plain(value))


def tag(name: str, *inside: str, **attributes: Attribute) -> str:
    """An element with `inside` (markup). An attribute None is left out; `class_` is class, `stroke_width` stroke-width."""
    told = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(_number(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    return f"<{name}{told}>{''.join(inside)}</{name}>"


def _number(value: Attribute) -> str:
    """Coordinates need two digits; what people read is text and stays."""
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else plain(value)


def badge(status: str, words: str = "") -> str:
    """Mark and words of a status: the colour says nothing that they don't."""
    return tag("span", tag("b", text(MARKS[status])), " ", text(words or WORDS[status]), class_=f"badge {status}")


def section(title: str, *body: str, note: str = "", id_: str = "") -> str:
    """A titled part of the page; empty where it has nothing to show."""
    shown = "".join(body)
    if not shown:
        return ""
    told = tag("p", text(note), class_="note") if note else ""
    return tag("section", tag("h2", text(title)), told, shown, id=id_ or None)


class Cell(NamedTuple):
    """One cell of a table. `sort` is what it is sorted by, where that is not its text."""

    markup: str
    sort: float | str | None = None
    kind: str = ""


def number_cell(shown: str, value: float | None) -> Cell:
    """A quantity: to the right, sorted by its value; what is not known comes last."""
    return Cell(text(shown if value is not None else UNKNOWN), "" if value is None else value, "number")


def table(
    header: Sequence[str], rows: Iterable[Sequence[Cell]], *, sorts: bool = False, cards: bool = True, caption: str = ""
) -> str:
    """A table whose rows become `cards` where it is narrow: each cell knows its column's name. `sorts`: by a click on a
    column's head, where there is JavaScript. Empty without rows."""
    body = [_row(header, row) for row in rows]
    if not body:
        return ""
    kinds = (("cards", cards), ("sorts", sorts))
    head = tag("thead", tag("tr", *(tag("th", text(name), scope="col") for name in header)))
    told = tag("caption", text(caption)) if caption else ""
    classes = " ".join(name for name, on in kinds if on)
    found = tag("table", told, head, tag("tbody", *body), class_=classes)
    return tag("div", found, class_="long", tabindex=0) if len(body) > _MOST_AT_ONCE else found


def _row(header: Sequence[str], row: Sequence[Cell]) -> str:
    cells = (
        tag(
            "td",
            cell.markup,
            class_=cell.kind or None,
            data_label=name or None,
            data_sort=repr(cell.sort) if isinstance(cell.sort, float) else cell.sort,
        )
        for name, cell in zip(header, row, strict=True)
    )
    return tag("tr", *cells)

"""A document with something in every section, and the page read back into what a reader finds in it."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

from probe.measure.series import Series
from probe.model.result import RunError
from probe.model.samples import Sample
from reports.document import Document, build_document
from reports.targets.files import load_profile
from tests.reports.build import result

EVIL = "<script>alert(1)</script>"
PICTURE = "data:image/png;base64,iVBORw0KGgo="
_VOID = {"meta", "img"}


def series() -> dict[str, Any]:
    found = Series()
    for second in range(24):
        for topology, value in (("p2p", 0.001), ("sfu", 0.004)):
            found.add(Sample("round_trip_time_seconds", value * (1 + second % 3), second, {"topology": topology}))
        found.add(Sample("send_bitrate_bps", 1e6, second, {"topology": "p2p", "kind": "video"}))
    found.add(Sample("window_loss_ratio", 0.01, 23.5, {"topology": "p2p", "kind": "video"}))
    return dict(found.columns())


def person(number: int, **changes: Any) -> dict[str, Any]:
    found: dict[str, Any] = {
        "id": f"u{number}", "name": f"room-1-p{number}", "meeting": "room-1", "joined": True, "topology": "p2p",
        "join_duration_seconds": number / 10, "join_phases": {}, "stay_seconds": 20.0, "drops": [], "error": None,
    }  # fmt: skip
    return {**found, **changes}


def beside(metric: str, browser: float, ours: float, tag: str = "", unit: str = "seconds") -> dict[str, Any]:
    """A row of what browsers saw beside us."""
    return {
        "metric": metric, "tag": tag, "unit": unit, "browser": browser, "ours": ours, "difference": browser - ours,
        "browser_count": 3, "our_count": 40,
    }  # fmt: skip


BESIDE = (
    beside("round_trip_time_seconds", 0.002, 0.0005, "source=rtcp"),
    beside("packet_loss_ratio", 0.0, 0.02, "kind=video", "ratio"),
    beside("migration_duration_seconds", 0.5, 0.5, "transition=p2p>sfu"),
)


def full_document(**changes: Any) -> Document:
    people = (
        person(1),
        person(2, drops=["ice failed"]),
        person(3, joined=False, error=EVIL, join_duration_seconds=None),
    )
    errors = (RunError("dtls_connected", "u3", EVIL, 2),)
    told = {"participants": people, "errors": errors, "series": series(), "notes": ("a | note",), **changes}
    return build_document(result(**told), load_profile("video-platform"), "6m")


@dataclass
class Element:
    """`text` is that of all within, without what is in style, script and title."""

    name: str
    attributes: dict[str, str]
    text: str = ""
    children: list[Element] = field(default_factory=list)

    def all(self, name: str, **wanted: str) -> list[Element]:
        """Every element of that name below, with these attributes; `class_` is one of its classes."""
        found = []
        for child in self.children:
            if child.name == name and all(child.has(key, value) for key, value in wanted.items()):
                found.append(child)
            found += child.all(name, **wanted)
        return found

    def has(self, key: str, value: str) -> bool:
        told = self.attributes.get(key.rstrip("_").replace("_", "-"), "")
        return value in told.split() if key == "class_" else told == value

    def one(self, name: str, **wanted: str) -> Element:
        (found,) = self.all(name, **wanted)
        return found


class Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open = [Element("", {})]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {key: value or "" for key, value in attrs})
        assert len(element.attributes) == len(attrs), f"an attribute of {tag} is there twice"
        self.open[-1].children.append(element)
        if tag not in _VOID:
            self.open.append(element)

    def handle_endtag(self, tag: str) -> None:
        assert tag == self.open[-1].name, f"</{tag}> ends <{self.open[-1].name}>"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        for element in self.open:
            if self.open[-1].name not in ("style", "script", "title") or element is self.open[-1]:
                element.text += data


def read_page(markup: str) -> Element:
    """The page as a tree. Asserts that every element is closed where it should be."""
    reader = Reader()
    reader.feed(markup)
    reader.close()
    assert len(reader.open) == 1, f"<{reader.open[-1].name}> is not closed"
    return reader.open[0].one("html")


def rows(table: Element) -> list[list[str]]:
    """The body of a table as texts."""
    return [[" ".join(cell.text.split()) for cell in row.all("td")] for row in table.one("tbody").all("tr")]

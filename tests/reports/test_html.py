"""The page, read back: what it says, and that it needs nothing else."""

from __future__ import annotations

import math
import re
from typing import Any

import pytest

from probe.model.errors import ConfigError
from probe.model.result import RunError
from reports.document import Document, failed_document
from reports.html import render_html
from tests.reports.build import BUSY, migration, result
from tests.reports.full import BESIDE, EVIL, PICTURE, Element, full_document, person, read_page, rows


def page(document: Document | None = None, **changes: Any) -> Element:
    return read_page(render_html(document or full_document(**changes)))


def test_the_first_screen_says_it_in_a_sentence() -> None:
    header = page().one("header", class_="pass")
    assert header.one("h1").text == "✓No target missed: 3 proven, 5 not proven yet"
    assert header.one("p", class_="lede").text == (
        "In 24 s, 6 test participants tried to join 1 meeting, and all got in. 4 times a running meeting moved between P2P "
        "and server, each time with success. 8 targets of the platform (video-platform, horizon 6m) were checked."
    )
    facts = dict(zip([dt.text for dt in header.all("dt")], [dd.text for dd in header.all("dd")], strict=True))
    assert facts["Platform"] == "built-in test server"
    assert facts["Begun"] == "2026-11-22 03:04 UTC"
    assert facts["Lasted"] == "24 s"
    assert facts["At one time"] == "6 participants"
    assert facts["Run"] == "a1b2c3"


@pytest.mark.parametrize(
    ("count", "good", "said"),
    [
        (1, 1, "Once a running meeting moved between P2P and server, with success."),
        (1, 0, "Once a running meeting moved between P2P and server, never with success."),
        (2, 1, "2 times a running meeting moved between P2P and server, once with success."),
        (9, 7, "9 times a running meeting moved between P2P and server, 7 times with success."),
    ],
)
def test_the_moves_in_words(count: int, good: int, said: str) -> None:
    document = full_document()
    document["metrics"]["migration_success_ratio"] |= {"count": count, "mean": good / count}
    assert said in page(document).one("header").one("p", class_="lede").text


def test_the_scorecard_has_every_target_with_its_figures() -> None:
    document = full_document()
    section = page(document).one("section", id="targets")
    judged, unjudged = (rows(table) for table in section.all("table"))
    assert len(judged) == 8
    assert len(unjudged) == 7
    audio = next(row for row in judged if row[1].startswith("Audio quality"))
    assert audio[0] == "✓ met"
    assert audio[2] == "4.88"
    assert audio[4] == "40"
    assert audio[5:] == ["✓ ≥ 4.00", "✓ ≥ 4.50", "✓ ≥ 4.70"]
    assert [row[0] for row in judged] == ["? not proven yet"] * 5 + ["✓ met"] * 3


def test_what_failed_stands_first() -> None:
    document = full_document()
    document["kpis"][6]["status"] = "fail"
    document["verdict"].update({"fail": 1, "pass": 2, "exit_code": 3})
    found = page(document)
    assert rows(found.one("section", id="targets").all("table")[0])[0][0] == "✗ missed"
    assert found.one("h1").text == "✗1 target missed: 1 failed, 2 proven, 5 not proven yet"
    assert found.one("header").has("class_", "fail")


def test_interval_and_target_are_drawn_where_they_are() -> None:
    """Join success: 6 of 6, by the binomial 60.7 to 100 %, target 98 %; the axis ends at 1."""
    section = page().one("section", id="targets")
    (drawn,) = [svg for svg in section.all("svg", class_="range") if "target ≥ 98 %" in svg.attributes["aria-label"]][
        :1
    ]
    low = math.pow(0.05, 1 / 6)
    left, right = 6.0, 194.0
    start = low - (1 - low) * 0.12

    def place(value: float) -> float:
        return left + (right - left) * (value - start) / (1 - start)

    bar, aim, dot = drawn.one("rect", class_="interval"), drawn.one("line", class_="target"), drawn.one("circle")
    assert float(bar.attributes["x"]) == pytest.approx(place(low), abs=0.01)
    assert float(bar.attributes["width"]) == pytest.approx(right - place(low), abs=0.01)
    assert float(aim.attributes["x1"]) == pytest.approx(place(0.98), abs=0.01)
    assert float(dot.attributes["cx"]) == pytest.approx(right, abs=0.01)
    good = drawn.one("rect", class_="good")
    assert float(good.attributes["x"]) == pytest.approx(place(0.98), abs=0.01)


def test_a_waterfall_of_the_join() -> None:
    table = page().one("section", id="join").one("table")
    found = rows(table)
    assert [row[0] for row in found] == [
        "signalling", "room", "offer/answer", "ICE", "DTLS", "first picture", "in all (4 joins)",
    ]  # fmt: skip
    assert found[0][2:] == ["50 ms", "60 ms"]
    bars = [bar.attributes["style"] for bar in table.all("div", class_="bar")]
    assert bars[0] == "margin-left:0.00%;width:16.67%"
    assert bars[3] == "margin-left:50.00%;width:16.67%"


def test_series_are_drawn_with_migrations_and_a_line_for_each_topology() -> None:
    figures = {figure.one("b").text: figure for figure in page().one("section", id="time").all("figure")}
    assert list(figures) == ["Round trip", "Packets lost", "Sent on a path"]
    drawn = figures["Round trip"].one("svg")
    assert [key.text for key in figures["Round trip"].all("span", class_="key")] == ["P2P", "SFU"]
    (p2p,) = drawn.all("g", class_="p2p")
    assert len(p2p.all("circle")) == 24
    assert p2p.one("path").attributes["d"].count("L") == 23
    assert len(drawn.all("g", class_="moment")) == 1  # four at the same second
    assert "round trip" not in figures["Sent on a path"].one("svg").attributes["aria-label"]


def test_what_was_done_to_the_network_is_marked_and_told() -> None:
    event = {"time_seconds": 12.0, "kind": "impairment", "label": "5 % loss up", "participants": 2}
    section = page(events=(event,), migrations=()).one("section", id="time")
    assert section.all("p", class_="note")[-1].text == "Done to the network (dashed lines): 5 % loss up at 12 s."
    for drawn in section.all("svg"):
        (mark,) = drawn.all("g", class_="moment")
        assert mark.has("class_", "impairment")
        assert float(mark.one("line").attributes["x1"]) == round(60 + 294 * 12 / 24)


def test_distributions_are_bars_and_what_never_changes_is_a_sentence() -> None:
    section = page().one("section", id="distributions")
    delay = next(figure for figure in section.all("figure") if figure.one("b").text == "One way delay")
    titles = [bar.one("title").text for bar in delay.all("rect", class_="bar")]
    assert sum(int(title.split(" ×")[0]) for title in titles) == 80
    assert "Packet loss 0 % (16 readings)" in section.text


def test_migrations_with_their_gaps() -> None:
    section = page(migrations=(migration(1), migration(2, success=False))).one("section", id="migrations")
    directions, each = (rows(table) for table in section.all("table"))
    assert directions == [
        ["P2P → SFU", "✓ 1 of 1 moved", "400 ms", "80 ms", "60 ms"],
        ["SFU → P2P", "✗ 0 of 1 moved", "400 ms", "–", "60 ms"],
    ]
    assert each[1][0] == "✗ failed"
    assert each[1][-1] == "b got no video from a on the new path"
    stems = section.one("svg").all("g", class_="stem")
    assert len(stems) == 2
    assert any("video gap 80 ms" in stem.one("title").text for stem in stems)


def test_real_browsers_beside_us() -> None:
    section = page(browsers=BESIDE).one("section", id="browsers")
    assert [row[:5] for row in rows(section.one("table"))] == [
        ["Round trip time (RTCP)", "2 ms", "0.5 ms", "+1.5 ms", "3 / 40"],
        ["Packet loss (video)", "0 %", "2 %", "-2 %", "3 / 40"],
        ["Migration duration (P2P → SFU)", "500 ms", "500 ms", "0 ms", "3 / 40"],
    ]
    assert rows(section.one("table"))[1][5] == "nothing: the same definition"
    assert page().all("section", id="browsers") == []


def test_alerts_that_fire_or_might() -> None:
    document = full_document()
    alert = {"severity": "critical", "condition": "ratio < 90 %", "value": 0.5, "unit": "ratio", "reason": "3 of 6"}
    document["alerts"] = [
        {**alert, "title": title, "state": state}
        for title, state in (("A", "suspected"), ("B", "firing"), ("C", "quiet"), ("D", "unknown"), ("E", "quiet"))
    ]
    section = page(document).one("section", id="alerts")
    assert rows(section.one("table")) == [
        ["✗ firing", "Bcritical", "ratio < 90 %", "50 %", "3 of 6"],
        ["? suspected", "Acritical", "ratio < 90 %", "50 %", "3 of 6"],
    ]
    assert [line.text for line in section.all("p")[1:]] == ["Quiet: C, E.", "Not known here: D."]


def test_people_errors_and_the_generator() -> None:
    found = page()
    people = rows(found.one("section", id="participants").one("table"))
    assert [row[0] for row in people] == ["✓ joined", "? dropped", "✗ failed"]
    assert people[1][-2:] == ["1", "ice failed"]
    assert people[2][-1] == EVIL
    assert rows(found.one("section", id="errors").one("table")) == [["2×", "dtls_connected", "u3", EVIL]]
    generator = rows(found.one("section", id="generator").one("table"))
    assert generator[0] == ["event loop late, p99", "2 ms", "≤ 50 ms", "reads as latency of the platform"]


def test_every_figure_with_its_meaning() -> None:
    document = full_document()
    figures = rows(page(document).one("section", id="figures").one("table"))
    assert len(figures) == len(document["metrics"])
    jitter = next(row for row in figures if "jitter" in row[0] or "Round trip" in row[0])
    assert "media round trip, by RTCP and by STUN" in jitter[0]
    assert jitter[1] == "80"


def test_nothing_is_loaded_and_nothing_from_outside_becomes_markup() -> None:
    document = full_document(scenario=EVIL, target=f"ws://x/{EVIL}", notes=(EVIL,), id=EVIL)
    for kpi in document["kpis"]:
        kpi.update({"title": EVIL, "evidence": EVIL, "benchmark": EVIL})
    markup = render_html(document)
    found = read_page(markup)
    assert len(found.all("script")) == 1
    assert EVIL not in markup
    assert not re.search(r"""(src|href)=["'](?!data:)|@import|url\(|<(link|iframe|object|embed|base)\b""", markup)
    assert "default-src 'none'" in markup


def test_worst_pictures_are_shown_where_the_document_has_them() -> None:
    document = full_document()
    assert not page(document).all("img")
    frame = {"image": PICTURE, "source": PICTURE, "participant": "a", "remote": "b", "time_seconds": 61.0, "ssim": 0.5}
    evil = {"image": 'x" onerror="alert(1)', "participant": "a", "time_seconds": 1.0}
    document["worst_frames"] = [frame, evil]
    section = page(document).one("section", id="pictures")
    assert [image.attributes["src"] for image in section.all("img")] == [PICTURE, PICTURE]
    assert section.one("figcaption").text == "a saw b at 1:01 · SSIM 0.50"
    document["participants"] = [
        {"id": "a", "name": "probe-1-p1", "meeting": "probe-1"}, {"id": "b", "name": "probe-1-p2", "meeting": "probe-1"}
    ]  # fmt: skip
    document["worst_frames"] = [{**frame, "undamaged": True}]
    caption = page(document).one("section", id="pictures").one("figcaption").text
    assert caption == "probe-1-p1 saw p2 at 1:01 · SSIM 0.50 · as the encoder made it"


def test_a_run_that_did_not_take_place() -> None:
    document = failed_document(
        ConfigError("no such scenario", who="--scenario x"), code=2, scenario="x", target="embedded", version="1",
        started_at="2026-11-22T03:04:05+00:00", run_id="r",
    )  # fmt: skip
    found = page(document)
    assert found.one("h1").text == "?No verdict: nothing could be measured"
    assert found.all("section")[0].has("id", "errors")
    assert "no such scenario" in found.one("section", id="errors").text


def test_an_untrustworthy_generator_is_said_at_the_top() -> None:
    header = page(health=BUSY).one("header", class_="inconclusive")
    assert header.one("p", class_="reason").text == (
        "Don't rely on the figures, the machine that took them was not well: event-loop lag p99 220 ms, limit 50 ms."
    )


def test_a_very_large_run_stays_a_small_page() -> None:
    people = tuple(person(n, meeting=f"m{n // 4}", error="lost" if n % 100 == 99 else None) for n in range(20_000))
    moves = tuple(migration(n, success=n % 50 > 0, start_seconds=n / 7) for n in range(1, 5000))
    errors = tuple(RunError("ice", f"u{n}", "x" * 300) for n in range(3000))
    markup = render_html(full_document(participants=people, migrations=moves, errors=errors, duration_seconds=715.0))
    assert len(markup.encode()) < 1_500_000
    found = read_page(markup)
    people_shown = rows(found.one("section", id="participants").one("table"))
    assert len(people_shown) == 400
    assert sum(row[0] == "✗ failed" for row in people_shown) == 200  # all that had trouble are among them
    assert len(rows(found.one("section", id="migrations").all("table")[1])) == 60


def test_the_same_document_is_the_same_page() -> None:
    assert render_html(full_document()) == render_html(full_document())
    assert result().series == {}

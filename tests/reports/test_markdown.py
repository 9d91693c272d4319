"""Markdown: the tables read back cell by cell, and nothing from outside becomes markup."""

from __future__ import annotations

import re

from probe.model.result import RunError
from reports.markdown import MAX_BYTES, escaped, render_markdown
from tests.reports.build import BUSY
from tests.reports.full import BESIDE, EVIL, full_document


def table(text: str, title: str) -> list[list[str]]:
    """The rows of the first table whose head has that column, entities and backslashes undone."""
    lines = text.splitlines()
    start = next(place for place, line in enumerate(lines) if line.startswith("|") and title in line)
    rows = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        cells = re.split(r"(?<!\\)\|", line)[1:-1]
        rows.append(
            [re.sub(r"\\(.)", r"\1", cell).replace("&lt;", "<").replace("&amp;", "&").strip() for cell in cells]
        )
    return rows


def test_verdict_facts_and_targets() -> None:
    document = full_document()
    text = render_markdown(document)
    first, _, facts = text.splitlines()[:3]
    assert first == "## ✅ No target missed: 3 proven, 5 not proven yet"
    assert facts.replace("\\", "") == (
        "hybrid against embedded · 24 s · video-platform at 6m · run a1b2c3 · 2026-11-22T03:04:05+00:00"
    )
    rows = table(text, "interval")
    assert len(rows) == 8
    assert rows[-1][:5] == ["✅ met", f"**{document['kpis'][6]['title']}**", "4.88", "4.88 – 4.89", "≥ 4.70"]
    assert len(table(text, "why")) == 7


def test_real_browsers_beside_us() -> None:
    text = render_markdown(full_document(browsers=BESIDE))
    assert "### Real browsers beside us" in text
    assert table(text, "difference")[:2] == [
        ["Round trip time (RTCP)", "2 ms", "0.5 ms", "+1.5 ms", "3 / 40"],
        ["Packet loss (video)", "0 %", "2 %", "-2 %", "3 / 40"],
    ]
    assert "Real browsers" not in render_markdown(full_document())


def test_errors_and_an_untrustworthy_generator() -> None:
    text = render_markdown(full_document(health=BUSY))
    assert table(text, "message") == [["2×", "dtls_connected", "u3", EVIL.replace(">", "&gt;")]]
    assert text.startswith("## ❔ No verdict: the generator can't be trusted")
    assert "event\\-loop lag p99 220 ms" in text


def test_pipes_and_markup_are_text() -> None:
    document = full_document()
    document["kpis"][0]["evidence"] = "a | b `c` [d](http://e) <img src=x> *f* @team\nnext"
    text = render_markdown(document)
    assert "<img" not in text
    assert next(row for row in table(text, "interval") if "a | b" in row[5])[5] == (
        "a | b `c` [d](http://e) <img src=x&gt; *f* @team next"
    )
    assert escaped("<b>") == "&lt;b&gt;"


def test_it_fits_into_a_step_summary() -> None:
    document = full_document(errors=tuple(RunError("p", f"u{n}", "long " * 500) for n in range(400)))
    document["kpis"] = [{**document["kpis"][0], "evidence": "|" * 5000} for _ in range(500)]
    text = render_markdown(document)
    assert len(text.encode()) < MAX_BYTES
    assert "and 370 more kinds" in text

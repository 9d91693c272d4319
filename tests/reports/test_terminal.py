from __future__ import annotations

import io
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console

from probe.measure.summary import Summary
from probe.model.result import RunError
from reports.document import BUG, build_document, failed_document
from reports.targets.files import load_profile
from reports.terminal import print_report
from reports.terminal_style import bar, plain
from tests.reports.build import BUSY, UNREACHABLE, attempts, good_run, migration, result
from tests.reports.full import BESIDE


def printed(width: int = 100, *, color: bool = False, **changes: Any) -> str:
    document = build_document(result(**changes), load_profile("video-platform"), "6m")
    stream = io.StringIO()
    print_report(
        document, Console(file=stream, width=width, force_terminal=color, color_system="standard" if color else None)
    )
    return stream.getvalue()


@pytest.mark.parametrize("width", [40, 80, 100, 120, 200])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    many = tuple(migration(n, success=n % 5 > 0) for n in range(1, 30))
    text = printed(width, migrations=many, errors=(UNREACHABLE,), health=BUSY, notes=("a note " * 30,), browsers=BESIDE)
    assert max(cell_len(line) for line in text.splitlines()) <= width


@pytest.mark.parametrize("width", [80, 120])
def test_all_that_matters_is_there(width: int) -> None:
    text = " ".join(printed(width).split())
    for wanted in (
        "✓ No target missed: 3 proven, 5 not proven yet",
        "hybrid against embedded · 24 s · video-platform at 6m · run a1b2c3",
        "Meeting join success rate",
        "68.9 – 100 %",
        "≥ 98 %",
        "0.6 ms < 80 ms",
        "first picture",
        "video gap",
        "p2p→sfu room-1",
        "50 % of the time on P2P · 39 % server traffic saved",
        "✓ trustworthy: loop lag p99 2 ms",
        "Platform uptime: one run sees one moment",
        "not measured by this probe: MRR",
        "G.107.2",
    ):
        assert wanted in text, wanted


def test_real_browsers_beside_us() -> None:
    lines = [" ".join(line.split()) for line in printed(80, browsers=BESIDE).splitlines()]
    start = lines.index("Real browsers beside us")
    assert lines[start + 1 : start + 4] == [
        "browser ours difference readings",
        "Round trip time (RTCP) 2 ms 0.5 ms +1.5 ms 3 / 40",
        "Packet loss (video) 0 % 2 % -2 % 3 / 40",
    ]
    narrow = " ".join(printed(48, browsers=BESIDE).split())
    assert "Round trip time 2 ms 0.5 ms +1.5 ms (RTCP)" in narrow
    assert "3 / 40" not in narrow
    assert "Real browsers" not in printed(80)


def test_evidence_is_shown_at_any_width() -> None:
    evidence = "6 of 6 (p2p 6 of 6): 143 more attempts without a failure would prove it"
    assert evidence in printed(160)  # in a column of its own
    assert evidence.rpartition(" would")[0] in " ".join(printed(90).split())  # below the row


@pytest.mark.parametrize(
    ("changes", "headline"),
    [
        ({"health": BUSY}, "? No verdict: the generator can't be trusted"),
        ({"summary": Summary()}, "? No verdict: nothing could be measured"),
        ({"errors": (RunError(BUG, "meetprobe", "KeyError"),)}, "✗ A bug in meetprobe"),
        ({"interrupted": True}, "✓ No target missed: 3 proven, 5 not proven yet (interrupted)"),
    ],
)
def test_headlines(changes: dict[str, Any], headline: str) -> None:
    assert printed(**changes).startswith(headline)


def test_a_reason_that_all_rows_share_is_told_once() -> None:
    text = " ".join(printed(health=BUSY).split())
    assert text.count("all rows: the generator was not trustworthy: event-loop lag p99 220 ms") == 1
    assert text.count("the generator was not trustworthy") == 1


def test_a_failed_target_leads() -> None:
    summary = good_run()
    attempts(summary, "join_success_ratio", 0, 20, topology="p2p")
    text = printed(summary=summary)
    assert text.startswith("✗ 1 target missed: 1 failed, 3 proven, 4 not proven yet")
    assert "can be believed" in " ".join(text.split())


def test_many_migrations_are_summed_up_and_failures_named() -> None:
    many = tuple(migration(n, success=n != 7) for n in range(1, 41))
    text = printed(120, migrations=many)
    assert "p2p→sfu 19 of 20, worst of all" in text
    assert "sfu→p2p 20 of 20, worst of all" in text
    assert "room-7" in text
    assert "b got no video from" in text
    assert "room-8" not in text


def test_errors_tell_who_where_and_how_often() -> None:
    text = printed(errors=(UNREACHABLE,))
    assert "6×  ws://127.0.0.1:1, signalling_connect: connection refused" in text


def test_what_servers_say_does_not_steer_the_terminal() -> None:
    bad = RunError("room", "\x1b[2Jme", "[red]ha[/red] \x1b]0;title\x07\nnew line")
    text = printed(errors=(bad,), migrations=(migration(meeting="\x1b[31m[bold]x"),))
    assert "\x1b" not in text
    assert "\x07" not in text
    assert "[red]ha[/red]" in text
    assert "[bold]x" in text


def test_colours_only_where_they_are_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "\x1b[1;32m✓" in printed(color=True)
    assert "\x1b" not in printed()
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[1;32m" not in printed(color=True)


def test_a_run_that_did_not_take_place_prints() -> None:
    document = failed_document(
        ValueError("x"),
        code=1,
        scenario="s",
        target="t",
        version="v",
        started_at="2026-11-22T03:04:05+00:00",
        run_id="r",
    )
    stream = io.StringIO()
    print_report(document, Console(file=stream, width=80))
    assert "A bug in meetprobe" in stream.getvalue()


def test_bars() -> None:
    assert bar(0, 10) == ""
    assert bar(1, 4) == "████"
    assert bar(0.5, 3) == "█▌"
    assert bar(7.0, 2) == "██"
    assert plain("a\tb\x1bc\u202e") == "a b c "

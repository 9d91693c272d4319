"""The platform's interface in the reports: one row for each call, the same in all of them."""

from __future__ import annotations

import io
from typing import Any

from rich.console import Console

from probe.client.api_calls import hear
from probe.measure.summary import Summary
from probe.signalling.calls import Call, Outcome
from reports.calls import CallRow, call_rows, errors_of, most_telling, times_of
from reports.document import Document, build_document, schema
from reports.html import render_html
from reports.markdown import render_markdown
from reports.targets.files import load_profile
from reports.terminal import print_report
from tests.client.fakes import Bench
from tests.reports.build import good_run, result
from tests.reports.full import read_page, rows

OURS: tuple[tuple[str, Outcome, int | None, float], ...] = (
    ("join", "answered", None, 0.2),
    ("join", "refused", None, 0.4),
    ("join", "timeout", None, 10.0),
    ("connect", "answered", None, 0.1),
    ("POST", "4xx", 429, 0.3),
    ("dance", "answered", None, 0.5),
)


def document(profile: str = "video-platform", summary: Summary | None = None) -> Document:
    bench, found = Bench(), summary or good_run()
    for name, outcome, status, seconds in OURS:
        hear(bench.context, "signalling")(Call(name, seconds, outcome, status))
    hear(bench.context, "check")(Call("<health>", 0.6, "unreachable"))
    for sample in bench.samples:
        found.add(sample)
    return build_document(result(found), load_profile(profile), load_profile(profile).default_horizon)


def silent() -> Document:
    return build_document(result(good_run()), load_profile("video-platform"), "6m")


def test_a_row_for_all_and_one_for_each_call_in_the_order_of_a_stay() -> None:
    found = call_rows(document())
    assert [row.title for row in found] == ["all calls", "connect", "join", "POST", "dance", "check <health>"]
    assert [row.count for row in found] == [7, 1, 3, 1, 1, 1]
    assert [row.failed for row in found] == [4, 0, 2, 1, 0, 1]
    assert [row.limited for row in found] == [1, 0, 0, 1, 0, 0]
    assert found[0].errors == {"4xx": 1, "timeout": 1, "unreachable": 1, "refused": 1}
    assert found[2].errors == {"timeout": 1, "refused": 1}
    assert found[-1].errors == {"unreachable": 1}


def test_errors_are_counted_whole() -> None:
    """29 of 100 are 28.999… of 100 in floating point."""
    found = good_run()
    bench = Bench()
    for number in range(100):
        hear(bench.context, "signalling")(Call("join", 0.1, "5xx" if number < 29 else "answered"))
    for sample in bench.samples:
        found.add(sample)
    assert call_rows(document(summary=found))[0].errors["5xx"] == 29


def test_times_are_those_of_answers_and_unknown_without_any() -> None:
    found = {row.call: row for row in call_rows(document())}
    assert times_of(found["join"])[0] == "300 ms"  # not 3.5 s, as if the one without an answer had one
    assert times_of(found["check <health>"]) == ["–"] * 4


def test_errors_in_words() -> None:
    def words(count: int, errors: dict[str, int]) -> str:
        return errors_of(CallRow("x", count, (), errors, 0))

    assert words(9, {}) == "–"
    assert words(3, {"5xx": 3}) == "3 of 3: 5xx"
    assert words(12, {"4xx": 2, "timeout": 1}) == "3 of 12: 4xx 2, timeout 1"


def test_where_there_is_room_for_few_the_failing_and_the_slow_are_told() -> None:
    def row(call: str, mean: float | None, **errors: int) -> CallRow:
        return CallRow(call, 10, (mean,), errors, 0)

    all_of_them = [row("", 0.1), row("a", 0.9), row("b", 0.1), row("c", None, timeout=1), row("d", 0.2)]
    told, left = most_telling(all_of_them, 3)
    assert ([one.call for one in told], left) == (["", "a", "c", "d"], 1)
    assert most_telling(all_of_them, 4) == (all_of_them, 0)
    assert most_telling([], 4) == ([], 0)


def test_the_page_has_the_table() -> None:
    page = read_page(render_html(document()))
    shown = rows(page.one("section", id="calls").one("table"))
    assert [row[0] for row in shown] == ["all calls", "connect", "join", "POST", "dance", "check <health>"]
    assert shown[2] == ["join", "3", "300 ms", "200 ms", "400 ms", "400 ms", "0", "2 of 3: timeout 1, refused 1"]
    assert shown[3][-2:] == ["1", "1 of 1: 4xx"]


def test_markdown_has_the_table() -> None:
    text = render_markdown(document())
    assert "### API calls" in text
    assert "| all calls | 7 |" in text
    assert r"| check &lt;health&gt; | 1 | – | – | – | – | 0 | 1 of 1: unreachable |" in text


def printed(told: Document, width: int = 100) -> str:
    console = Console(width=width, record=True, file=io.StringIO())
    print_report(told, console)
    return console.export_text()


def test_the_terminal_keeps_to_a_few_lines() -> None:
    text = printed(document())
    body = text[text.index("API calls") : text.index("Quality")].strip().splitlines()
    assert len(body) == 8  # title, header, all, five more
    assert "2 of 3: timeout 1, refused 1" in text


def test_where_nothing_was_called_nothing_is_said() -> None:
    assert call_rows(silent()) == []
    assert read_page(render_html(silent())).all("section", id="calls") == []
    assert "API calls" not in render_markdown(silent())
    assert "API calls" not in printed(silent())


def test_the_document_keeps_its_schema() -> None:
    import jsonschema

    jsonschema.Draft202012Validator(schema()).validate(document())


def judged(profile: str) -> dict[str, dict[str, Any]]:
    return {kpi["kpi"]: kpi for kpi in document(profile)["kpis"]}


def test_rows_of_the_profiles_are_judged_on_all_calls() -> None:
    auterity = judged("auterity")
    assert (auterity["api_response"]["count"], auterity["errors"]["count"], auterity["timeouts"]["count"]) == (5, 7, 7)
    assert auterity["errors"]["value"] == 4 / 7
    assert auterity["errors_4xx"]["value"] == auterity["timeouts"]["value"] == 1 / 7
    assert auterity["errors_5xx"]["value"] == 0.0
    camera = judged("camera-traffic")
    assert (camera["api_availability"]["value"], camera["rate_limited"]["value"]) == (5 / 7, 1 / 7)
    assert judged("agent-factory")["errors"]["value"] == judged("auterity")["errors"]["value"]
    assert judged("developer-coaching")["api_response"]["value"] == auterity["api_response"]["value"]


def test_the_alert_of_the_video_platform_hears_of_slow_calls() -> None:
    (alert,) = [one for one in document()["alerts"] if one["title"] == "API latency over 200 ms"]
    assert (alert["state"], alert["count"], alert["reason"]) == ("suspected", 5, "300 ms of 5 readings")

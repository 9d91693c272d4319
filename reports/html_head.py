"""The first screen: the verdict in a sentence, what was done in a sentence, and the facts of the run."""

from __future__ import annotations

from datetime import UTC, datetime

from reports.document import Document
from reports.html_axis import lasting
from reports.html_base import tag, text
from reports.words import MARKS, UNKNOWN, headline


def head(document: Document) -> str:
    """Verdict, explanation, facts, notes."""
    status, sentence = headline(document)
    mark = tag("span", text(MARKS[status]), class_="mark", aria_hidden="true")
    return tag(
        "header",
        tag("p", "Report of a video meeting test", class_="over"),
        tag("h1", mark, tag("span", text(sentence))),
        tag("p", text(_told(document)), class_="lede"),
        tag("p", text(_distrust(document)), class_="reason") if not document["health"]["trustworthy"] else "",
        _facts(document),
        class_=status,
    )


def _told(document: Document) -> str:
    """What was done, for somebody who never saw such a report."""
    verdict, run = document["verdict"], document["run"]
    judged = sum(verdict[status] for status in ("pass", "fail", "inconclusive"))
    done = " ".join(filter(None, (_joined(document), _moved(document))))
    if not done:
        return "No test participant came into a meeting, so there is nothing to judge."
    checked = (
        f" {judged} target{'' if judged == 1 else 's'} of the platform ({run['targets']}, horizon {run['horizon']}) "
    )
    return f"{done}{checked}{'was' if judged == 1 else 'were'} checked." if judged else done


def _joined(document: Document) -> str:
    joins = document["metrics"].get("join_success_ratio")
    if joins is None:
        return ""
    meetings = len({one.get("meeting") for one in document["participants"]})
    count = joins["count"]
    good = round(count * joins["mean"])
    where = f"{meetings} meeting{'' if meetings == 1 else 's'}" if meetings else "meetings"
    tried = f"{count} test participant{'' if count == 1 else 's'} tried to join {where}"
    came = "all got in" if good == count else f"{good} got in" if good else "nobody got in"
    return f"In {lasting(document['run']['duration_seconds'])}, {tried}, and {came}."


def _moved(document: Document) -> str:
    moves = document["metrics"].get("migration_success_ratio")
    if moves is None:
        return ""
    count, good = moves["count"], round(moves["count"] * moves["mean"])
    moved = f"{_times(count).capitalize()} a running meeting moved between P2P and server"
    how = f"{_times(good)} " if good < count else "each time " if count > 1 else ""
    return f"{moved}, {how}with success."


def _times(count: int) -> str:
    return {0: "never", 1: "once"}.get(count, f"{count} times")


def _distrust(document: Document) -> str:
    """Why the figures can't be trusted, where they can't."""
    found = document["health"]
    why = "; ".join(found["reasons"]) or "it gave no reason"
    return f"Don't rely on the figures, the machine that took them was not well: {why}."


def _facts(document: Document) -> str:
    run, peak = document["run"], document["metrics"].get("concurrent_participants_peak")
    judged = f"{run['targets']}, horizon {run['horizon']}" if run["targets"] else UNKNOWN
    facts = {
        "Platform": "built-in test server" if run["target"] == "embedded" else run["target"],
        "Scenario": run["scenario"],
        "Targets": judged,
        "Begun": _when(run["started_at"]),
        "Lasted": lasting(run["duration_seconds"]) + (" (interrupted)" if run["interrupted"] else ""),
        "At one time": f"{peak['max']:.0f} participants" if peak else UNKNOWN,
        "Generator": "trustworthy" if document["health"]["trustworthy"] else "not trustworthy",
        "Run": run["id"],
        "Version": f"meetprobe {run['version']}",
    }
    pairs = (tag("div", tag("dt", text(name)), tag("dd", text(value))) for name, value in facts.items())
    notes = (tag("p", text(note), class_="note") for note in document["notes"])
    return tag("dl", *pairs) + "".join(notes)


def _when(started_at: str) -> str:
    """A time that is none is shown as it is."""
    try:
        return datetime.fromisoformat(started_at).astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
    except ValueError:
        return started_at

"""The sections of the terminal report below the scorecard. Each is None where the run has nothing to say."""

from __future__ import annotations

from typing import Any

from rich.table import Table
from rich.text import Text

from reports.document import Document
from reports.readings import PHASES, QUALITY
from reports.terminal_style import MARKS, STYLES, UNKNOWN, bar, new_table, plain, show

_MOST_MIGRATIONS = 8
_MOST_ERRORS = 12


def join_phases(document: Document, width: int) -> Table | None:
    """Mean of each phase as a waterfall: a bar begins where the phases before it ended."""
    by = document["metrics"].get("join_phase_seconds", {}).get("by", {})
    known = [(words, by[f"phase={name}"]) for name, words in PHASES if f"phase={name}" in by]
    total = sum(figures["mean"] for _, figures in known)
    if not known or total <= 0:
        return None
    cells, elapsed = max(10, min(40, width - 50)), 0.0
    table = new_table()
    table.add_column("")
    for name in ("mean", "p95"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    for words, figures in known:
        indent = " " * round(cells * elapsed / total)
        drawn = bar(figures["mean"] / total, cells) or "▏"
        p95 = show(figures["p95"], "seconds")
        table.add_row(words, show(figures["mean"], "seconds"), p95, Text(indent + drawn, style="cyan"))
        elapsed += figures["mean"]
    joins = document["metrics"].get("join_duration_seconds")
    if joins:
        timed = f"{joins['count']} join{'' if joins['count'] == 1 else 's'}"
        table.add_row("in all", show(joins["mean"], "seconds"), show(joins["p95"], "seconds"), timed)
    return table


def quality(document: Document) -> Table | None:
    """One row per reading; mean and the bad end (p95, or the lowest) per topology."""
    metrics = document["metrics"]
    known = [(words, metrics[name]) for words, name in QUALITY if name in metrics]
    tags = sorted({tag for _, figures in known for tag in figures["by"] if tag.startswith("topology=")})
    if not tags:
        return None
    table = new_table()
    table.add_column("")
    for tag in tags:
        table.add_column(Text(plain(tag.partition("=")[2])), justify="right", no_wrap=True)
        table.add_column("at worst", justify="right", no_wrap=True)
    for words, figures in known:
        parts = [figures["by"].get(tag) for tag in tags]
        cells = [cell for part in parts for cell in _reading(part, figures["unit"])]
        table.add_row(words, *cells)
    return table


def _reading(part: dict[str, Any] | None, unit: str) -> tuple[Text, Text]:
    """Mean, and the end that hurts: the lowest of what should be high, else p95."""
    if part is None:
        return Text(UNKNOWN), Text(UNKNOWN, style="dim")
    bad = part["min"] if unit in ("score", "fps") else part["p95"]
    return Text(show(part["mean"], unit)), Text(show(bad, unit), style="dim")


def migrations(document: Document, width: int) -> Table | None:
    """The migrations one by one while they are few, then only the failed ones, and per direction."""
    found = document["migrations"]
    if not found:
        return None
    few = len(found) <= _MOST_MIGRATIONS
    shown = found if few else [one for one in found if not one["success"]][:_MOST_MIGRATIONS]
    table = new_table()
    table.add_column("")
    for name in ("took", "audio gap", "video gap", "frames lost", "dip"):
        table.add_column(name, justify="right", no_wrap=True)
    if width >= 100:
        table.add_column("")
    for one in shown:
        _add_migration(table, one, width)
    if not few:
        for direction in sorted({(one["from"], one["to"]) for one in found}):
            _add_direction(table, found, direction, width)
    return table


def _add_migration(table: Table, one: dict[str, Any], width: int) -> None:
    status = "pass" if one["success"] else "fail"
    reason = plain(one.get("reason") or "")
    name = Text.assemble((f"{MARKS[status]} ", STYLES[status]), f"{plain(one['from'])}→{plain(one['to'])} ")
    name.append(plain(one["meeting"]), style="dim")
    if reason and width < 100:
        name.append(f"\n  {reason}", style="red")
    _add_moves(table, name, [one], width, Text(reason, style="red"))


def _add_direction(table: Table, found: list[dict[str, Any]], direction: tuple[str, str], width: int) -> None:
    ones = [one for one in found if (one["from"], one["to"]) == direction]
    good = sum(bool(one["success"]) for one in ones)
    status = "pass" if good == len(ones) else "fail"
    name = Text.assemble((f"{MARKS[status]} ", STYLES[status]), f"{plain(direction[0])}→{plain(direction[1])} ")
    name.append(f"{good} of {len(ones)}, worst of all", style="dim")
    _add_moves(table, name, ones, width, Text(""))


def _add_moves(table: Table, name: Text, ones: list[dict[str, Any]], width: int, last: Text) -> None:
    """One row with the worst figures of `ones`."""
    cells = [
        show(_worst(ones, key), "seconds") for key in ("duration_seconds", "audio_gap_seconds", "video_gap_seconds")
    ]
    cells += [show(_worst(ones, "frames_lost"), "count"), show(_worst(ones, "mos_dip"), "mos")]
    table.add_row(name, *cells, *([last] if width >= 100 else []))


def _worst(ones: list[dict[str, Any]], key: str) -> float | None:
    return max((one[key] for one in ones if one.get(key) is not None), default=None)


def bandwidth(document: Document) -> Text | None:
    """What a participant sends, receives and uses, and what P2P saved."""
    metrics = document["metrics"]
    parts = []
    for words, name in (("sends", "send_bitrate_bps"), ("receives", "receive_bitrate_bps")):
        kinds = _by_kind(metrics.get(name))
        if kinds:
            parts.append(f"{words} {kinds}")
    hour = metrics.get("megabytes_per_participant_hour")
    if hour:
        parts.append(f"{show(hour['mean'], hour['unit'])} per participant")
    saved = [
        f"{show(metrics[name]['mean'], 'ratio')} {words}"
        for name, words in (
            ("p2p_usage_ratio", "of the time on P2P"),
            ("bandwidth_saving_ratio", "server traffic saved"),
            ("cost_saving_ratio", "server cost saved"),
        )
        if name in metrics
    ]
    lines = [" · ".join(line) for line in (parts, saved) if line]
    return Text("\n".join(lines)) if lines else None


def _by_kind(figures: dict[str, Any] | None) -> str:
    by = figures["by"] if figures else {}
    kinds = [(tag.partition("=")[2], part["mean"]) for tag, part in sorted(by.items()) if tag.startswith("kind=")]
    return " + ".join(f"{show(mean, 'bits_per_second')} {plain(kind)}" for kind, mean in kinds)


def errors(document: Document) -> Table | None:
    """Who failed in which phase with what, most frequent first."""
    found = document["errors"]
    if not found:
        return None
    table = new_table(header=False)
    table.add_column(justify="right", no_wrap=True)
    table.add_column(overflow="fold")
    for one in found[:_MOST_ERRORS]:
        head = ", ".join(plain(part) for part in (one["who"], one["phase"]) if part)
        text = Text.assemble((f"{head}: " if head else "", "bold"), plain(one["message"]))
        table.add_row(Text(f"{one['count']}×", style="red"), text)
    if len(found) > _MOST_ERRORS:
        table.add_row("", Text(f"and {len(found) - _MOST_ERRORS} more kinds", style="dim"))
    return table


def health(document: Document) -> Text:
    """Could the measuring process be trusted?"""
    found = document["health"]
    figures = (
        ("loop lag p99", "loop_lag_p99_seconds", "seconds"),
        ("pacing error p99", "pacing_error_p99_seconds", "seconds"),
        ("socket drops", "socket_drops", "count"),
        ("CPU", "cpu_ratio", "ratio"),
        ("decoder overload", "decode_overload", "count"),
    )
    parts = [f"{words} {show(found[key], unit)}" for words, key, unit in figures if found.get(key) is not None]
    status = "pass" if found["trustworthy"] else "fail"
    text = Text.assemble(
        (f"{MARKS[status]} ", STYLES[status]), "trustworthy" if found["trustworthy"] else "not trustworthy"
    )
    if parts:
        text.append(f": {' · '.join(parts)}", style="dim")
    for reason in found["reasons"]:
        text.append(f"\n  {plain(reason)}", style="red")
    return text

"""The campaign as its web page shows it, and the short table of it in Locust's own tab."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from probe.measure.health import HealthLimits
from reports.words import UNKNOWN, headline, show, target

if TYPE_CHECKING:
    from loadtest.campaign import Campaign
    from loadtest.master import Master

STATUS_WORDS = {
    "pass": "✓ met",
    "fail": "✗ missed",
    "inconclusive": "? not proven yet",
    "not_judged": "– not judged",
}
_SHARE = 0.05
_LEAST = 1.0

View = dict[str, Any]


class LiveView:
    """Made anew once a second at most, and so seldom that it takes no more than a twentieth of the time, however many look:
    on a local runner the same thread sends the joins on their way. `clock`: monotonic seconds."""

    def __init__(self, master: Master, clock: Callable[[], float] = time.monotonic) -> None:
        self._master = master
        self._clock = clock
        self._of: tuple[Campaign, str] | None = None
        self._view: View = {}
        self._until = 0.0

    def get(self) -> View:
        """`campaign.live()` with its verdict in words, {"headline": {"status", "sentence"}}, and the generator's `limits`; before
        the first campaign {"campaign": None, "state": "waiting"}."""
        campaign = self._master.campaign
        if campaign is None:
            return {"campaign": None, "state": "waiting"}
        began = self._clock()
        if self._of != (campaign, campaign.state) or began >= self._until:
            self._view = view_of(campaign)
            self._of = (campaign, campaign.state)
            now = self._clock()
            self._until = now + max(_LEAST, (now - began) / _SHARE)
        return self._view


def view_of(campaign: Campaign) -> View:
    """See `LiveView.get`."""
    live = campaign.live()
    judged = {"verdict": live["verdict"], "health": {"trustworthy": live["trustworthy"]}, "run": {"interrupted": False}}
    status, sentence = headline(judged)
    return {**live, "headline": {"status": status, "sentence": sentence}, "limits": asdict(HealthLimits())}


def rows_of(view: View) -> list[dict[str, str]]:
    """The table: {"figure", "measured", "target", "status"}, headline figures first, then the scorecard."""
    if view["campaign"] is None:
        return []
    figures = (
        ("Participants now", f"{view['participants']} (peak {view['participants_peak']})"),
        ("Joins", f"{view['joins']} ({view['joins_failed']} failed, {view['join_retries']} tried again)"),
        ("Join time p50, p95", " / ".join(show(view[f"join_{name}_seconds"], "seconds") for name in ("p50", "p95"))),
        ("Migrations", f"{view['migrations']} ({view['migrations_failed']} failed)"),
        ("Dropped participants", str(view["drops"])),
    )
    rows = [{"figure": name, "measured": text, "target": UNKNOWN, "status": ""} for name, text in figures]
    return rows + [
        {
            "figure": kpi["title"],
            "measured": show(kpi["value"], kpi["unit"]),
            "target": target(kpi),
            "status": STATUS_WORDS[kpi["status"]],
        }
        for kpi in view["kpis"]
    ]

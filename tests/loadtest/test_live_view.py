"""What the page is told, and how often it is made."""

from __future__ import annotations

from typing import Any

from loadtest.live_view import LiveView, rows_of, view_of
from tests.loadtest.made_up import MadeUpWorker, campaign_after


class Clock:
    """Stands still unless somebody moves it; making a view takes `cost` seconds."""

    def __init__(self, cost: float) -> None:
        self.now, self.cost = 100.0, cost


class Campaign:
    """As `loadtest.campaign.Campaign`, of which only the making counts here."""

    def __init__(self, clock: Clock) -> None:
        self.state, self._clock, self.made = "running", clock, 0

    def live(self) -> dict[str, Any]:
        self.made += 1
        self._clock.now += self._clock.cost
        verdict = {"exit_code": 4, "measured": False, "pass": 0, "fail": 0, "inconclusive": 0, "not_judged": 0}
        return {"campaign": "one", "state": self.state, "verdict": verdict, "trustworthy": True}


class Master:
    campaign: Any = None


def _live(cost: float) -> tuple[LiveView, Clock, Campaign, Master]:
    clock, master = Clock(cost), Master()
    campaign = master.campaign = Campaign(clock)
    return LiveView(master, lambda: clock.now), clock, campaign, master  # type: ignore[arg-type]


def test_many_viewers_are_one_in_a_second() -> None:
    live, clock, campaign, _ = _live(cost=0.0)
    assert [live.get()["headline"]["sentence"] for _ in range(5)] == ["No verdict: nothing could be measured"] * 5
    clock.now += 0.99
    live.get()
    assert campaign.made == 1
    clock.now += 0.01
    live.get()
    assert campaign.made == 2


def test_a_costly_view_is_made_a_twentieth_of_the_time() -> None:
    live, clock, campaign, _ = _live(cost=0.25)
    live.get()
    clock.now += 4.99
    live.get()
    assert campaign.made == 1
    clock.now += 0.01
    live.get()
    assert campaign.made == 2


def test_the_end_and_the_next_campaign_are_told_at_once() -> None:
    live, clock, campaign, master = _live(cost=0.25)
    live.get()
    campaign.state = "finished"
    assert live.get()["state"] == "finished"
    master.campaign = Campaign(clock)
    assert live.get()["state"] == "running"
    master.campaign = None
    assert live.get() == {"campaign": None, "state": "waiting"}


def test_a_busy_worker_leads_the_verdict() -> None:
    busy = MadeUpWorker("beta_2", 2, busy=True)
    view = view_of(campaign_after(30.0, MadeUpWorker("alpha_1", 1), busy))
    assert view["headline"] == {"status": "inconclusive", "sentence": "No verdict: the generator can't be trusted"}
    assert [worker["trustworthy"] for worker in view["workers"]] == [True, False]
    assert view["limits"]["loop_lag_p99_seconds"] == 0.05


def test_the_table_of_a_campaign_with_trouble() -> None:
    view = view_of(campaign_after(60.0, MadeUpWorker("alpha_1", 1, trouble=30.0)))
    rows = {row["figure"]: row for row in rows_of(view)}
    assert rows["Participants now"]["measured"] == "30 (peak 30)"
    assert (
        rows["Joins"]["measured"]
        == f"{view['joins']} ({view['joins_failed']} failed, {view['join_retries']} tried again)"
    )
    assert view["joins_failed"] == view["join_retries"] == 10  # one in each report of the second half
    assert rows["Platform uptime"]["status"] == "– not judged"
    assert rows["Platform uptime"]["measured"] == "–"

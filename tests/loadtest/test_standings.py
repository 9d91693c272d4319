"""Workers: each is judged alone, and none is counted twice."""

from __future__ import annotations

from loadtest.standings import Standings
from probe.model.result import RunError
from tests.loadtest.build import standing


def test_what_an_engine_says_replaces_what_it_said() -> None:
    found = Standings()
    for present, packets in ((2, 100), (5, 300)):
        found.of("hall_1f").take("e1", standing(present, packets=packets))
    assert (found.present, found.total.observed["packets"], len(found)) == (5, 300, 1)


def test_an_engine_in_anothers_place_adds_to_it() -> None:
    found = Standings()
    found.of("hall_1f").take("e1", standing(5, packets=300))
    found.of("hall_1f").take("e2", standing(1, packets=10))
    found.of("hall_1f").take("e2", standing(2, packets=20))
    found.of("hall_2f").take("e1", standing(4, packets=7))
    assert (found.present, found.total.observed["packets"], len(found)) == (6, 327, 2)
    found.of("hall_1f").take("e3", standing(1, packets=1))
    assert found.total.observed["packets"] == 328


def test_one_that_is_short_of_breath_spoils_it_and_is_named() -> None:
    found = Standings()
    for number in range(150):
        found.of(f"hall_{number:x}").take("e", standing())
    found.of("my_host_ff").take("e", standing(lag=0.2))
    health = found.health()
    assert health["loop_lag_p99_seconds"] < 0.01, "the pooled percentile hides it"
    assert health["reasons"] == ["worker 151 (my_host): event-loop lag p99 200 ms, limit 50 ms"]
    assert not health["trustworthy"]
    assert [one["trustworthy"] for one in health["workers"]] == [True] * 150 + [False]
    assert found.worst_lag == found.live()[150]["loop_lag_p99_seconds"]
    assert found.live()[150]["name"] == "worker 151 (my_host)"


def test_one_worker_is_the_whole() -> None:
    found = Standings()
    assert found.health() == {"trustworthy": False, "reasons": ["no worker ever reported"]}
    found.of("local").take("e", standing(3, cpu=0.5))
    assert found.health() == standing(cpu=0.5).health.verdict().to_dict()
    assert found.live() == [
        {
            "name": "worker 1 (local)", "participants": 3, "trustworthy": True, "reasons": [],
            "loop_lag_p99_seconds": 0.001, "pacing_error_p99_seconds": 0.0, "cpu": 0.5,
        }
    ]  # fmt: skip


def test_lost_engines_and_workers_are_told() -> None:
    found = Standings()
    record = found.of("hall_1f")
    record.take("e1", standing(3))
    record.lose("was ended by SIGKILL", crashed=False)
    record.lose("ended with exit code 1: oops", crashed=True)
    record.lose("ended with exit code 1: oops", crashed=True)
    record.gone = "it quit"
    assert found.present == 0
    assert found.health()["reasons"] == [
        "worker 1 (hall): was ended by SIGKILL",
        "worker 1 (hall): ended with exit code 1: oops",
        "worker 1 (hall): lost: it quit",
    ]
    assert found.errors() == (
        RunError("process", "worker 1 (hall)", "was ended by SIGKILL"),
        RunError("bug", "worker 1 (hall)", "ended with exit code 1: oops", 2),
        RunError("process", "worker 1 (hall)", "lost: it quit"),
    )
    record.take("e1", standing(3))
    assert found.present == 3, "it is heard again"
    assert len(found.health()["reasons"]) == 2


def test_losses_stay_few() -> None:
    record = Standings().of("hall_1f")
    for number in range(1000):
        record.lose(f"ended with exit code {number}", crashed=False)
    assert len(record.losses) == 20

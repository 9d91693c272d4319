"""What a run says of its processes."""

from __future__ import annotations

from probe.child_process import Loss
from probe.engine.outcome import Outcome
from probe.engine.summing import errors_of, events_of, health_of, merged, notes_of
from probe.model.errors import MeasurementError
from probe.model.result import RunError
from tests.engine.build import outcome

KILLED = Loss(MeasurementError("was ended by SIGKILL", who="process 2", phase="process"), False, "its meeting is gone")
CRASHED = Loss(MeasurementError("ended with exit code 1: oops", who="process 2", phase="process"), True)
SERVER = Loss(MeasurementError("was ended by SIGSEGV during the run", who="embedded server", phase="process"), True)


def test_one_process_is_the_run() -> None:
    found = health_of([outcome(1, lag=0.2)], [None], None)
    assert found == outcome(1, lag=0.2).health.verdict().to_dict()
    assert found["reasons"] == ["event-loop lag p99 200 ms, limit 50 ms"]
    assert health_of([outcome(1)], [None], None)["trustworthy"]


def test_one_of_many_that_is_short_of_breath_spoils_the_run_and_is_named() -> None:
    well = [outcome(1) for _ in range(150)]
    found = health_of([*well, outcome(1, lag=0.2)], [None] * 151, None)
    assert found["loop_lag_p99_seconds"] < 0.01, "the pooled percentile hides it"
    assert not found["trustworthy"]
    assert found["reasons"] == ["process 151: event-loop lag p99 200 ms, limit 50 ms"]
    assert [one["trustworthy"] for one in found["processes"]] == [True] * 150 + [False]
    assert found["processes"][150]["process"] == 151


def test_a_lost_process_is_named_and_the_others_count() -> None:
    found = health_of([outcome(1), None], [None, KILLED], None)
    assert found["reasons"] == ["process 2: was ended by SIGKILL; its meeting is gone"]
    assert not found["trustworthy"]
    assert found["cpu_ratio"] == 0.1
    assert found["processes"][1] == {
        "process": 2, "trustworthy": False, "reasons": ["was ended by SIGKILL; its meeting is gone"],
    }  # fmt: skip


def test_without_its_server_a_run_is_not_to_be_trusted() -> None:
    found = health_of([outcome(1)], [None], SERVER)
    assert found["reasons"] == ["embedded server: was ended by SIGSEGV during the run"]
    assert not found["trustworthy"]


def test_errors() -> None:
    total = merged([outcome(1)])
    assert errors_of(total, [None, CRASHED, KILLED]) == (
        RunError("bug", "meetprobe", "ZeroDivisionError('x') at a.py:1"),
        RunError("bug", "process 2", "ended with exit code 1: oops"),
        RunError("process", "process 2", "was ended by SIGKILL; its meeting is gone"),
        RunError("dtls_connected", "u1", "timeout"),
        RunError("signalling", "everybody", "gone"),
    )
    assert errors_of(Outcome(), []) == ()


def test_events() -> None:
    total = merged([outcome(1), outcome(2)])
    total.disturbed[-0.4, "blackout of 400 ms"] = 1
    assert events_of(total) == (
        {"time_seconds": 0.0, "kind": "impairment", "label": "blackout of 400 ms", "participants": 1},
        {"time_seconds": 5.0, "kind": "impairment", "label": "3 % loss", "participants": 3},
        {
            "time_seconds": 7.0,
            "kind": "connection",
            "label": "selected pair changed: host/host to host/prflx",
            "participants": 3,
        },
    )


def test_notes() -> None:
    assert notes_of(Outcome(), 1, 1) == ()
    assert notes_of(merged([outcome(1), outcome(2)]), 2, 4) == (
        "emulated network lte for 4 participants (a survey)",
        "held by 2 processes",
        "4 processes were asked for: a meeting is held by one",
    )

"""What is tested in a process of its own: `python -m tests.loadtest.gevent_cases NAME,NAME` runs the functions of those names.

gevent reaps every child of a process, and Locust patches its modules: neither may happen in that of the other tests.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import gevent

from loadtest import supervisor as supervising
from loadtest.link import Link
from loadtest.protocol import Harvest, Harvested, Join, Joined, Leave, Left, Operation, Prepare, Ready
from loadtest.supervisor import Supervisor
from probe.engine.protocol import Message
from probe.model.errors import MeasurementError, ProbeError
from probe.model.platform import Platform
from probe.model.scenario_files import load_scenario

FAKE = "tests.loadtest.fake_engine"
SOON = 10.0


def prepare(mode: str) -> Prepare:
    return Prepare(scenario=load_scenario("campaign"), platform=Platform(url="ws://127.0.0.1:1"), stamp=mode)


def join(ticket: int, attempt: int = 1) -> Join:
    return Join(
        ticket=ticket, room="r", name="p0", position=0, topology="sfu", intended=time.monotonic(), attempt=attempt
    )


def linked(mode: str) -> tuple[Link, list[Message]]:
    heard: list[Message] = []
    link = Link("engine 7", heard.append, FAKE)
    assert link.ask(prepare(mode), Ready, SOON).pid == link.pid
    return link, heard


def error_of(work: Any) -> ProbeError:
    try:
        work()
    except ProbeError as error:
        return error
    raise AssertionError("nothing was raised")


def alive(pid: int) -> bool:
    """Here children are reaped as soon as they end."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


# the link


def answers_find_who_asked() -> None:
    link, heard = linked("reversing")
    asking = [gevent.spawn(link.ask, join(ticket), Joined, SOON) for ticket in (3, 4)]
    gevent.joinall(asking, timeout=SOON, raise_error=True)
    assert [one.get().error for one in asking] == ["for 3", "for 4"]
    assert [getattr(one, "ticket", None) for one in heard] == [None, 4, 3]
    link.end(SOON)
    assert not alive(link.pid)


def nobody_waits_in_the_hub() -> None:
    link, _ = linked("mute")
    waiting = gevent.spawn(error_of, lambda: link.ask(join(1), Joined, 0.3))
    turns = 0
    while not waiting.ready():
        gevent.sleep(0.01)
        turns += 1
    assert turns > 5
    assert str(waiting.value) == "engine 7: process: no answer to join for 0.3 s"
    assert link.error is None
    assert link.ask(Leave(ticket=1), Left, SOON).ticket == 1
    link.end(SOON)


def a_crash_fails_all_who_wait() -> None:
    link, _ = linked("mute")
    asking = [gevent.spawn(error_of, lambda number=number: link.ask(join(number), Joined, 60.0)) for number in range(3)]
    gevent.sleep(0)
    os.kill(link.pid, signal.SIGKILL)
    gevent.joinall(asking, timeout=SOON, raise_error=True)
    assert {str(one.value) for one in asking} == {"engine 7: process: was ended by SIGKILL"}
    assert link.gone.wait(SOON)
    assert not link.crashed
    assert error_of(lambda: link.ask(Harvest(), Harvested, 60.0)) is link.error
    link.tell(Leave(ticket=1))  # to nobody
    link.end(SOON)


def its_last_words_are_told() -> None:
    link, _ = linked("crashing")
    error = error_of(lambda: link.ask(join(0), Joined, SOON))
    assert str(error) == "engine 7: process: ended with exit code 1: ZeroDivisionError: boom"
    assert link.crashed
    link.end(SOON)


def what_is_no_protocol_ends_it() -> None:
    link = Link("engine 7", lambda _: None, FAKE)
    error = error_of(lambda: link.ask(prepare("babbling"), Ready, SOON))
    assert "b'hello\\n' is no JSON" in str(error)
    assert not alive(link.pid)


def its_own_error_is_raised() -> None:
    link = Link("engine 7", lambda _: None, FAKE)
    error = error_of(lambda: link.ask(prepare("refusing"), Ready, SOON))
    assert (type(error).__name__, error.message, error.who) == ("ConfigError", "no such thing", "scenario")
    link.end(SOON)


def one_that_clings_is_killed() -> None:
    link, _ = linked("clinging")
    link.end(0.2)
    assert not alive(link.pid)
    link.end(0.2)


def a_pipe_that_is_full_stops_nobody() -> None:
    link, _ = linked("good")
    os.kill(link.pid, signal.SIGSTOP)
    for number in range(3000):  # more than a pipe holds
        link.tell(Leave(ticket=number))
    os.kill(link.pid, signal.SIGCONT)
    assert link.ask(join(9000), Joined, SOON).error == ""
    link.end(SOON)


def hold_a_real_engine() -> None:
    """For a test that kills this process: it tells the engine's number, and waits."""
    link = Link("engine", lambda _: None)
    gevent.sleep(0)
    sys.stdout.write(f"{link.pid}\n")
    sys.stdout.flush()
    gevent.sleep(60)


# the supervisor


class Ear:
    def __init__(self) -> None:
        self.operations: list[Operation] = []
        self.harvests: list[tuple[str, int, int]] = []
        self.losses: list[tuple[str, bool]] = []
        self.end = ""

    def operation(self, operation: Operation) -> None:
        self.operations.append(operation)

    def harvested(self, engine: str, delta: dict[str, Any], total: dict[str, Any]) -> None:
        self.harvests.append((engine, delta["retries"], total["present"]))

    def lost(self, message: str, crashed: bool) -> None:
        self.losses.append((message, crashed))

    def gave_up(self, message: str) -> None:
        self.end = message


def supervised(mode: str) -> tuple[Supervisor, Ear]:
    supervising.HARVEST_EVERY = 0.05
    ear = Ear()
    return Supervisor("engine 7", prepare(mode), ear, FAKE), ear


def what_is_harvested_is_told_once() -> None:
    keeper, ear = supervised("good")
    link = keeper.engine()
    assert keeper.warm_up > 0
    assert link.ask(join(0), Joined, SOON).error == ""
    while len(ear.harvests) < 3:
        gevent.sleep(0.01)
    keeper.finish()
    assert not alive(link.pid)
    engines, deltas, totals = zip(*ear.harvests, strict=True)
    assert len(set(engines)) == 1
    assert sum(deltas) == totals[-1] == len(totals)
    assert ear.losses == []
    assert [(one.name, one.topology, one.seconds) for one in ear.operations] == [("join", "sfu", 0.25)]


def a_lost_engine_is_started_again() -> None:
    keeper, ear = supervised("crashing_once")
    keeper._restarts.first_pause = 0.01
    first = keeper.engine()
    error_of(lambda: first.ask(join(0), Joined, SOON))
    second = keeper.engine()
    assert second is not first
    assert second.ask(join(1, attempt=2), Joined, SOON).error == ""
    while not ear.harvests:
        gevent.sleep(0.01)
    keeper.finish()
    assert ear.losses == [("engine 7: process: ended with exit code 1: ZeroDivisionError: boom", True)]
    assert ear.end == ""
    assert not alive(second.pid)


def enough_is_enough() -> None:
    keeper, ear = supervised("stillborn")
    keeper._restarts.first_pause = 0.01
    error = error_of(keeper.engine)
    assert str(error) == ear.end
    assert "failed 4 times within 600 s, the last time: ended with exit code 1: out of luck" in ear.end
    assert len(ear.losses) == 4
    keeper.finish()


def wrong_input_is_not_tried_again() -> None:
    keeper, ear = supervised("refusing")
    assert str(error_of(keeper.engine)) == "engine 7: process: failed: scenario: no such thing"
    assert ear.losses == []
    keeper.finish()


def an_engine_that_is_never_ready_is_given_up() -> None:
    supervising._READY_DEADLINE = 0.05
    keeper, ear = supervised("deaf")
    keeper._restarts.first_pause = 0.01
    assert "no answer to prepare for 0.05 s" in str(error_of(keeper.engine))
    assert all(not crashed for _, crashed in ear.losses)
    keeper.finish()


def who_does_not_close_is_killed() -> None:
    supervising._CLOSE_DEADLINE = 0.2
    keeper, ear = supervised("unclosing")
    link = keeper.engine()
    keeper.finish()
    assert not alive(link.pid)
    assert ear.losses == [("engine 7: process: no answer to close for 0.2 s", False)]
    assert sum(harvest[1] for harvest in ear.harvests) == ear.harvests[-1][2]


def stopping_before_it_is_ready_is_prompt() -> None:
    keeper, ear = supervised("deaf")
    gevent.sleep(0.05)
    began = time.monotonic()
    keeper.finish()
    assert time.monotonic() - began < SOON
    assert ear.losses == []
    link = keeper._link
    assert link is not None
    assert not alive(link.pid)


# Locust itself


def locust_plays_a_campaign() -> None:
    from tests.loadtest.locust_case import play

    play(Path(sys.argv[2]), "good")


def locust_plays_a_campaign_of_failures() -> None:
    from tests.loadtest.locust_case import play

    play(Path(sys.argv[2]), "full")


def locust_ends_a_campaign_without_engine() -> None:
    from tests.loadtest.locust_case import end_without_engine

    end_without_engine()


def workers_are_briefed() -> None:
    from tests.loadtest.locust_case import brief_the_workers

    brief_the_workers()


def users_are_chosen_at_the_start() -> None:
    from tests.loadtest.locust_case import choose_users_at_the_start

    choose_users_at_the_start()


def locust_s_side_knows_no_asyncio() -> None:
    from tests.loadtest.locust_case import know_no_asyncio

    know_no_asyncio()


def options_come_through_locust_s_parser() -> None:
    from tests.loadtest.locust_case import read_locust_s_parser

    read_locust_s_parser()


def the_master_is_told_once() -> None:
    from tests.loadtest.locust_case import tell_the_master_once

    tell_the_master_once()


if __name__ == "__main__":
    try:
        for name in sys.argv[1].split(","):
            globals()[name]()
    except MeasurementError as error:
        sys.exit(f"MeasurementError: {error}")

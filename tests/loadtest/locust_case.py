"""Locust's own local runner with our users and a fake engine, for `tests.loadtest.gevent_cases`."""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from collections import Counter
from collections.abc import Mapping
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import gevent
from locust import User, events
from locust.argument_parser import get_parser
from locust.env import Environment
from locust.runners import WorkerNode

import loadtest.schedule as scheduling
import loadtest.supervisor as supervising
import loadtest.users as acting
import loadtest.worker as working
from loadtest import plugin
from loadtest.arguments import GUARDED, add_arguments
from loadtest.harvest import Delta, Standing
from loadtest.protocol import COMMANDS, PROTOCOL, Close, Join, Leave, Prepare
from loadtest.settings import settings_of
from loadtest.supervisor import Supervisor
from loadtest.users import MeetingUser, ParticipantUser
from loadtest.worker import Outbox, Worker
from probe.engine.protocol import Message, decode
from tests.loadtest.test_settings import defaults

FAKE = "tests.loadtest.fake_engine"
UNITS = ["jitter_seconds", "kind=audio", 0.0, None]


class Recorder:
    """What a master would be told."""

    def __init__(self) -> None:
        self.payloads: list[Mapping[str, Any]] = []

    def take(self, worker: str, payload: Mapping[str, Any]) -> None:
        assert worker == "local"
        self.payloads.append(payload)


def environment(campaign: str, **told: Any) -> tuple[Any, Recorder]:
    """A Locust with one class of users, whose engine is the fake one."""
    supervising.HARVEST_EVERY = 0.1
    setattr(working, "Supervisor", partial(Supervisor, module=FAKE))  # noqa: B010 - a class for mypy, made once for us
    options = defaults(
        stay="1", pause="0", meetprobe_campaign=campaign, meetprobe_rate=100, meetprobe_units=[UNITS], **told
    )
    vars(options).update(headless=False, stop_timeout=0.0, tags=None, exclude_tags=None)
    make: Any = Environment
    locust = make(user_classes=[ParticipantUser], host="ws://127.0.0.1:1", parsed_options=options)
    locust.create_local_runner()
    recorder = locust.meetprobe = Recorder()
    locust.meetprobe_worker = Worker(locust)
    return locust, recorder


def play(log: Path, mode: str) -> None:
    """Three users in rooms of two, for a bit more than two stays. Joins that fail are tried once more."""
    os.environ["FAKE_ENGINE_LOG"] = str(log)
    for module in (acting, scheduling):
        setattr(module, "RETRY_AFTER", 0.2)  # noqa: B010 - it is imported by one from the other
    locust, recorder = environment(f"{mode}-c", join_retries="1")
    locust.runner.start(3, spawn_rate=100)
    gevent.sleep(0.1)
    while locust.meetprobe_worker.job.supervisor.warm_up == 0:
        gevent.sleep(0.05)
    gevent.sleep(2.5)
    locust.runner.stop()
    assert locust.meetprobe_worker.job is None
    _check_commands(log, mode)
    _check_payloads(recorder.payloads)
    _check_statistics(locust.stats, mode)
    assert locust.runner.exceptions == {}


def _check_commands(log: Path, mode: str) -> None:
    heard: list[Message] = []
    for number, line in enumerate(log.read_bytes().splitlines()):
        heard.append(decode(line, COMMANDS, first=number == 0, protocol=PROTOCOL))
    prepare, joins = heard[0], [one for one in heard if isinstance(one, Join)]
    assert isinstance(prepare, Prepare)
    assert (prepare.worker, prepare.stamp, prepare.platform.url) == (0, f"{mode}-c", "ws://127.0.0.1:1")
    assert prepare.units == (tuple(UNITS),), "as the master says"
    assert sum(isinstance(one, Close) for one in heard) == 1
    places = {(join.name, join.position, join.room.rpartition("-g")[0]) for join in joins}
    assert places == {("p0", 0, "w0-r0"), ("p1", 1, "w0-r0"), ("p0", 0, "w0-r1")}
    attempts = Counter(join.attempt for join in joins)
    assert set(attempts) == ({1, 2} if mode == "full" else {1})
    assert attempts[1] >= 6
    by_room = {join.room for join in joins if join.position == 0}
    assert {"w0-r0-g0", "w0-r0-g1", "w0-r0-g2", "w0-r1-g0"} <= by_room
    dues = sorted({join.intended for join in joins if join.room.startswith("w0-r1")})
    assert all(abs(later - earlier - 1.0) < 1e-6 for earlier, later in pairwise(dues))
    left = [one.ticket for one in heard if isinstance(one, Leave)]
    assert sorted(left) == sorted(join.ticket for join in joins), "each leaves once"


def _check_payloads(payloads: list[Mapping[str, Any]]) -> None:
    assert [payload["final"] for payload in payloads] == [False] * (len(payloads) - 1) + [True]
    assert len({payload["engine"] for payload in payloads}) == 1
    assert sum(payload["delta"]["retries"] for payload in payloads) == payloads[-1]["total"]["present"] > 3
    assert all(payload["losses"] == [] and not payload["given_up"] for payload in payloads)


def _check_statistics(stats: Any, mode: str) -> None:
    joins = stats.get("join hybrid", "WebRTC")
    assert joins.num_requests >= 6
    assert joins.num_failures == (joins.num_requests if mode == "full" else 0)
    assert joins.avg_response_time == 250
    assert stats.get("leave", "WebRTC").num_failures == 0
    assert {error.parse_error(error.error) for error in stats.errors.values()} == (
        {"full"} if mode == "full" else set()
    )


def end_without_engine() -> None:
    """An engine that can't be started ends the campaign, and nobody spins."""
    locust, recorder = environment("refusing-c")
    locust.runner.start(3, spawn_rate=100)
    with gevent.Timeout(20):
        while locust.runner.state != "stopped":
            gevent.sleep(0.05)
    losses = [loss["message"] for payload in recorder.payloads for loss in payload["losses"]]
    assert losses == ["engine w0: process: failed: scenario: no such thing"]
    assert any(payload["given_up"] for payload in recorder.payloads)
    assert locust.runner.user_count == 0
    assert locust.stats.total.num_requests == 0
    assert locust.runner.exceptions == {}


def _bare(**told: Any) -> Any:
    make: Any = Environment
    options = defaults(user_classes=[], **told)
    vars(options).update(tags=None, exclude_tags=None, stop_timeout=0.0, spawn_rate=20)
    locust = make(user_classes=[MeetingUser, ParticipantUser], parsed_options=options)
    locust.create_local_runner()
    return locust


def brief_the_workers() -> None:
    locust = _bare()
    plugin._brief_workers(locust, locust.runner)
    locust.events.test_start.fire(environment=locust)
    found = settings_of(locust.parsed_options, "ws://x")
    assert (found.workers, found.rate) == ((0,), 20.0)
    assert plugin._workers(_MasterRunner()) == [0, 3, 7]


class _MasterRunner:
    """As much of Locust's as is asked."""

    clients = Namespace(ready=[Namespace(id="3"), Namespace(id="0")], spawning=[], running=[Namespace(id="7")])

    def get_worker_index(self, client: str) -> int:
        return int(client)


def choose_users_at_the_start() -> None:
    class Guest(ParticipantUser):
        pass

    locust = _bare(user="meeting")
    plugin._choose_users(locust)

    def chosen(*classes: type[User]) -> set[str]:
        dispatcher = locust.dispatcher_class(worker_nodes=[WorkerNode("w")], user_classes=list(classes))
        dispatcher.new_dispatch(4, 100)
        (counts,) = list(dispatcher)[-1].values()
        return {name for name, number in counts.items() if number}

    assert chosen(MeetingUser, ParticipantUser) == {"MeetingUser"}
    locust.parsed_options.user = "participant"  # in the form, before the next start
    assert chosen(MeetingUser, ParticipantUser) == {"ParticipantUser"}
    assert chosen(MeetingUser, ParticipantUser, Guest) == {"ParticipantUser", "Guest"}
    locust.parsed_options.user = "both"
    assert chosen(MeetingUser, ParticipantUser) == {"MeetingUser", "ParticipantUser"}
    locust.parsed_options.user = "meeting"
    locust.parsed_options.user_classes = ["ParticipantUser"]  # named on the command line
    assert chosen(ParticipantUser) == {"ParticipantUser"}


def know_no_asyncio() -> None:
    assert {"loadtest.plugin", "loadtest.worker", "loadtest.master", "loadtest.web"} <= set(sys.modules)
    assert not {"asyncio", "aiortc", "aioice", "av", "aiohttp"} & set(sys.modules)


def read_locust_s_parser() -> None:
    """Our options through Locust's own parser and form."""
    hooks: Any = events
    hooks.init_command_line_parser.add_listener(add_arguments)
    parse: Any = get_parser
    parser = parse(default_config_files=[])
    options = parser.parse_args(
        ["--user", "both", "--allow-target", "a,b", "--allow-target", "c", "--strict", "-u", "7"]
    )
    found = settings_of(options, "ws://x")
    assert (found.users_kind, found.allow_targets, found.strict, options.num_users) == (
        "both",
        ("a", "b", "c"),
        True,
        7,
    )
    assert found.max_duration == 7200.0, "from the environment"
    form = parser.args_included_in_web_ui
    assert {"user", "participants", "topology", "shape", "strict"} <= set(form)
    assert not set(GUARDED) & set(form)
    assert list(form["user"].choices) == ["participant", "meeting", "both"]


def tell_the_master_once() -> None:
    outbox = Outbox("c")
    assert outbox.take() is None
    harvested = Delta(retries=2).to_dict(), Standing(present=4).to_dict()
    outbox.harvested("e1", *harvested)
    outbox.harvested("e1", *harvested)
    first = outbox.take()
    assert first is not None
    assert (first["campaign"], first["engine"], first["delta"]["retries"], first["total"]["present"]) == (
        "c",
        "e1",
        4,
        4,
    )
    assert outbox.take() is None
    outbox.lost("engine w0: gone", crashed=True)
    outbox.skipped(3)
    second = outbox.take()
    assert second is not None
    assert second["losses"] == [{"message": "engine w0: gone; 4 participants were in", "crashed": True}]
    assert (second["delta"]["retries"], second["total"]["present"]) == (0, 0)
    ((phase, who, message, count),) = second["delta"]["errors"]
    assert (phase, who, count) == ("schedule", "", 3)
    assert "a join was due and not asked for" in message
    outbox.gave_up("enough")
    last = outbox.take(final=True)
    assert last is not None
    assert (last["losses"], last["given_up"], last["final"]) == ([{"message": "enough", "crashed": False}], True, True)
    empty = outbox.take(final=True)
    assert empty is not None
    assert (empty["losses"], empty["delta"]) == ([], Delta().to_dict())

"""A real engine process and a real server: rooms fill, move and empty, and what becomes of it all when one of them dies.

No assertion depends on the speed of the machine.
"""

from __future__ import annotations

import asyncio
import os
import signal
from typing import Any

import pytest

from loadtest.engine.rooms import CALLED_OFF, CLOSED
from loadtest.harvest import Delta
from loadtest.protocol import Close, Closed, Joined, Meet, Met, Operation
from probe.engine.protocol import Failed
from probe.model.scenario import Observe
from tests.integration.servers import mute_server, unused_port
from tests.integration.small import scenario
from tests.loadtest.engine.driver import RTT, Driver, engine_process, gauges, shim_process, until

SMALL = scenario(observe=Observe(), join_deadline=10.0)


def _operations(driver: Driver, name: str) -> list[tuple[str, str]]:
    return [(m.topology, m.error) for m in driver.heard if isinstance(m, Operation) and m.name == name]


async def _moved(driver: Driver, times: int) -> None:
    """Wait for so many migrations, which are told a second after their end."""

    async def told() -> bool:
        await driver.harvest()  # somebody has to say something, or reading would wait
        return len(_operations(driver, "migrate")) >= times

    await until(told)


async def test_a_campaign_in_small() -> None:
    async with shim_process() as (_, url), engine_process() as driver:
        ready = await driver.prepare(SMALL, url)
        assert ready.pid == driver.child.pid
        first = [await driver.join(1, "a"), await driver.join(2, "a", position=1)]
        pinned = [(3, "b"), (4, "b")]
        for position, (ticket, room) in enumerate(pinned):
            driver.ask_to_join(ticket, room, "sfu", position)
        second = [await driver.expect(Joined, ticket) for ticket, _ in pinned]
        assert [(one.topology, one.error) for one in first] == [("p2p", "")] * 2
        assert [one.error for one in second] == [""] * 2
        assert second[1].topology == "sfu"
        assert sorted(_operations(driver, "join")) == [("p2p", "")] * 2 + [("sfu", "")] * 2
        assert sorted(_operations(driver, "first_frame")) == [("p2p", ""), ("sfu", "")]
        figures = await gauges(url)
        assert figures["sfu_shim_participants"] == 4
        assert (figures["sfu_shim_rooms{p2p}"], figures["sfu_shim_rooms{sfu}"]) == (1, 1)

        assert (await driver.join(5, "a", position=2)).topology == "sfu"
        await _moved(driver, 1)
        await driver.leave(5)
        await _moved(driver, 2)
        assert _operations(driver, "migrate") == [("p2p to sfu", ""), ("sfu to p2p", "")]

        driver.send(Meet(ticket=9, room="whole", topology="p2p", intended=asyncio.get_running_loop().time()))
        assert (await driver.expect(Met, 9)).error == ""

        driver.send(Close())
        await driver.expect(Closed)
        assert (await gauges(url))["sfu_shim_participants"] == 0
        assert (await driver.join(6, "a")).error == CLOSED
        assert (await driver.leave(1)).ticket == 1
        delta, standing = await driver.harvest()
        assert standing.present == 0
        assert sum(change for _, change in delta.presence) < 0  # those who came were told with earlier harvests
        assert not delta.errors
        assert not delta.crashes
        assert standing.health.verdict().cpu_ratio > 0
        assert standing.observed["packets"] > 0
        assert standing.ledger.pure.seconds > 0
        await driver.child.end()
        assert driver.child.ended.result() == 0


async def test_what_is_measured_is_handed_over_once() -> None:
    async with shim_process() as (_, url), engine_process() as driver:
        await driver.prepare(SMALL.model_copy(update={"network": "wifi-busy"}), url)
        for ticket in (1, 2):
            await driver.join(ticket, "a", "p2p", ticket)
        there, standing = await driver.harvest()
        assert standing.present == 2

        async def streams_are_measured() -> bool:
            there.merge((await driver.harvest())[0])
            return "send_bitrate_bps" in there.summary

        await until(streams_are_measured)
        assert [change for _, change in there.presence] == [1, 1]
        assert not there.participants
        joins = there.summary.histogram("join_success_ratio")
        assert joins is not None
        assert (joins.count, joins.mean) == (2, 1.0)
        assert {name: count for (name, _), count in standing.networks.items()} == {"wifi-busy": 2}
        for ticket in (1, 2):
            await driver.leave(ticket)
        after, standing = await driver.harvest()
        assert standing.present == 0
        assert "join_success_ratio" not in after.summary
        assert [(row["joined"], row["drops"], row["error"]) for row in after.participants] == [(True, [], None)] * 2
        assert {row["meeting"] for row in after.participants} == {"load-test-a"}
        there.merge(after)
        _each_reading_is_somebodys(there)
        stable = after.summary.histogram("connection_stability_ratio")
        assert stable is not None
        assert (stable.count, stable.mean) == (2, 1.0)


def _each_reading_is_somebodys(told: Delta) -> None:
    """Of the two in one room."""
    shares, found = told.units.shares(RTT), told.summary.histogram(*RTT[:2])
    assert found is not None
    assert {unit.partition("\n")[0] for unit in shares} == {"load-test-a"}
    assert len(shares) == 2
    assert sum(share.count for share in shares.values()) == found.count
    assert sum(share.sum for share in shares.values()) == pytest.approx(found.sum)


async def test_the_server_dies() -> None:
    async with shim_process() as (shim, url), engine_process() as driver:
        await driver.prepare(SMALL.model_copy(update={"join_deadline": 2.0}), url)
        for ticket in (1, 2):
            assert not (await driver.join(ticket, "a", "sfu", ticket)).error
        told, _ = await driver.harvest()
        os.kill(shim.pid, signal.SIGKILL)

        async def nobody_is_in() -> bool:
            delta, standing = await driver.harvest()
            told.merge(delta)
            return standing.present == 0

        await until(nobody_is_in)
        assert told.first_drop is not None
        assert [bool(row["drops"]) for row in told.participants] == [True, True]
        assert {phase for phase, _, _ in told.errors} <= {"signalling", "in_call"}
        stable = told.summary.histogram("connection_stability_ratio")
        assert stable is not None
        assert (stable.count, stable.mean) == (2, 0.0)
        refused = await driver.join(3, "a", "sfu")
        assert refused.error.startswith("signalling_connect: ")
        failed = [m for m in driver.heard if isinstance(m, Operation) and m.error]
        assert [(m.name, m.topology) for m in failed] == [("join", "sfu")]
        assert not _operations(driver, "leave")
        assert (await driver.leave(1)).ticket == 1
        driver.send(Close())
        await driver.expect(Closed)
        last, _ = await driver.harvest()
        assert [row["error"] is None for row in last.participants] == [False]
        assert not told.crashes + last.crashes


async def test_a_join_is_called_off_at_a_server_that_does_not_answer() -> None:
    async with mute_server() as url, engine_process() as driver:
        await driver.prepare(SMALL, url)
        driver.ask_to_join(1, "a")
        driver.ask_to_join(2, "a")
        assert (await driver.leave(1)).ticket == 1
        assert (await driver.expect(Joined, 1)).error == CALLED_OFF
        driver.send(Close())
        await driver.expect(Closed)
        assert (await driver.expect(Joined, 2)).error == CALLED_OFF
        delta, standing = await driver.harvest()
        assert (list(delta.summary), delta.participants, delta.errors, standing.present) == ([], [], {}, 0)
        assert not [m for m in driver.heard if isinstance(m, Operation)]


async def test_the_end_of_stdin_is_its_end_whoever_is_in() -> None:
    async with shim_process() as (_, url), engine_process() as driver:
        await driver.prepare(SMALL, url)
        await driver.join(1, "a")
        driver.ask_to_join(2, "a", position=1)
        await driver.child.end()
        assert driver.child.ended.result() == 0

        async def empty() -> bool:
            return (await gauges(url))["sfu_shim_participants"] == 0

        await until(empty)


@pytest.mark.parametrize(
    ("url", "changes", "kind", "said"),
    [
        ("http://127.0.0.1/", {}, "ConfigError", "can't enter a meeting"),
        ("ws://127.0.0.1:9", {"network": "wet string"}, "ConfigError", "wet string"),
    ],
)
async def test_a_stage_that_can_not_be(url: str, changes: dict[str, Any], kind: str, said: str) -> None:
    async with engine_process() as driver:
        driver.send_prepare(SMALL.model_copy(update=changes), url)
        failed = await driver.expect(Failed)
        assert failed.kind == kind
        assert said in failed.message
        await driver.child.end()
        assert driver.child.ended.result() == 1


async def test_nobody_listens_there() -> None:
    async with engine_process() as driver:
        await driver.prepare(SMALL, f"ws://127.0.0.1:{await unused_port()}")
        for ticket in (1, 2):
            assert (await driver.join(ticket, "a", "p2p")).error.startswith("signalling_connect: ")
        delta, _ = await driver.harvest()
        assert sum(delta.errors.values()) == 2
        assert len(delta.errors) == 1
        assert {who.partition(":")[0] for _, who, _ in delta.errors} == {"ws"}
        assert delta.first_drop is None

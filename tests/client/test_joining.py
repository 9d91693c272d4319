from __future__ import annotations

import asyncio

import pytest

from probe.client.joining import HINTS, Joining
from probe.measure.join import PHASES
from probe.model.errors import ProbeError


def test_every_phase_has_advice() -> None:
    assert set(HINTS) == set(PHASES)


async def test_the_goal_ends_the_wait() -> None:
    joining = Joining(10.0, "first_decoded")
    joining.opened("path-1")
    waiting = asyncio.create_task(joining.wait())
    await asyncio.sleep(0)
    joining.reached("ice_connected", 10.5, "path-1")
    assert not waiting.done()
    joining.reached("first_decoded", 11.0)
    await asyncio.wait_for(waiting, 1.0)
    assert joining.clock.total == pytest.approx(1.0)


async def test_where_nobodys_media_is_awaited_the_connection_ends_the_wait() -> None:
    joining = Joining(10.0, "first_decoded")
    joining.aim("dtls_connected")
    joining.opened("path-1")
    waiting = asyncio.create_task(joining.wait())
    await asyncio.sleep(0)
    joining.reached("dtls_connected", 10.25, "path-1")
    await asyncio.wait_for(waiting, 1.0)
    assert (joining.clock.total, joining.clock.failed_phase) == (0.25, None)


def test_only_the_first_path_counts_for_its_phases_and_nothing_after_the_goal() -> None:
    joining = Joining(0.0, "first_rtp")
    joining.opened("path-1")
    joining.opened("path-2")
    joining.reached("ice_connected", 1.0, "path-2")
    joining.reached("ice_connected", 2.0, "path-1")
    joining.reached("first_rtp", 3.0)
    joining.reached("first_decoded", 4.0)
    assert joining.clock.durations() == {"ice_connected": 2.0, "first_rtp": 1.0}


async def test_a_failure_reaches_who_waits_and_nobody_else() -> None:
    joining = Joining(0.0, "first_decoded")
    error = ProbeError("gone", phase="ice_connected")
    assert not joining.fail(error), "nobody waits yet"
    waiting = asyncio.create_task(joining.wait())
    await asyncio.sleep(0)
    assert joining.fail(error)
    with pytest.raises(ProbeError, match="gone"):
        await waiting
    assert not joining.fail(error)


@pytest.mark.parametrize(
    ("reached", "path", "phase"),
    [
        ((), None, "signalling_connect"),
        (("signalling_connect", "room_join"), None, "offer_answer"),
        (("signalling_connect", "room_join"), "p", "ice_gathering"),
        (("signalling_connect", "room_join", "ice_gathering", "offer_answer"), "p", "ice_connected"),
    ],
)
def test_the_deadline_names_the_phase_that_did_not_come(reached: tuple[str, ...], path: str | None, phase: str) -> None:
    joining = Joining(0.0, "first_decoded")
    if path is not None:
        joining.opened(path)
    for number, name in enumerate(reached):
        joining.reached(name, float(number))
    error = joining.too_late(15.0, "anna")
    assert (error.phase, error.who, error.hint) == (phase, "anna", HINTS[phase])

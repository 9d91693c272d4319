"""Who looks when, in simulated time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast

from probe.client.rotation import Look, Looker, Rotation
from probe.rtc.wheel import TimerWheel


class Wheel:
    """Calls back when told to."""

    def __init__(self) -> None:
        self.callback: Callable[[float], None] | None = None
        self.interval = 0.0

    def every(self, interval: float, callback: Callable[[float], None], first: float) -> Callable[[], None]:
        self.callback, self.interval = callback, interval

        def stop() -> None:
            self.callback = None

        return stop

    def turn(self) -> None:
        assert self.callback is not None
        self.callback(0.0)


class Person:
    def __init__(self, name: str, log: list[str], streams: int = 1) -> None:
        self.participant = name
        self._log = log
        self._streams = streams

    def look(self) -> Sequence[Look]:
        self._log.append(f"+{self.participant}")
        return [_Look(self.participant, self._log) for _ in range(self._streams)]


class _Look:
    def __init__(self, name: str, log: list[str]) -> None:
        self._name = name
        self._log = log

    def end(self) -> None:
        self._log.append(f"-{self._name}")


def _rotation(present: list[Looker], share: float) -> tuple[Rotation, Wheel]:
    wheel = Wheel()
    return Rotation(cast(TimerWheel, wheel), share, 10.0, lambda: present, 1.0), wheel


def test_everybody_has_a_turn_before_anybody_has_two() -> None:
    log: list[str] = []
    rotation, wheel = _rotation([Person(name, log) for name in "abcde"], 0.4)
    for _ in range(5):
        wheel.turn()
    assert [entry for entry in log if entry[0] == "+"] == ["+a", "+b", "+c", "+d", "+e", "+a", "+b", "+c", "+d", "+e"]
    assert log[:6] == ["+a", "+b", "-a", "-b", "+c", "+d"]
    assert (rotation.turns, rotation.looks) == (5, 10)


def test_at_least_one_looks_and_a_share_is_not_rounded_up_by_its_own_error() -> None:
    log: list[str] = []
    _, wheel = _rotation([Person(str(number), log) for number in range(100)], 0.07)
    wheel.turn()
    assert len(log) == 7
    few: list[str] = []
    _, wheel = _rotation([Person("a", few), Person("b", few)], 0.02)
    wheel.turn()
    assert few == ["+a"]


def test_who_comes_later_is_next() -> None:
    log: list[str] = []
    present: list[Looker] = [Person("a", log), Person("b", log)]
    _, wheel = _rotation(present, 0.1)
    for _ in range(2):
        wheel.turn()
    present.append(Person("c", log))
    wheel.turn()
    assert log[-1] == "+c"


def test_who_has_left_is_forgotten() -> None:
    log: list[str] = []
    present: list[Looker] = []
    rotation, wheel = _rotation(present, 1.0)
    for number in range(50):
        present[:] = [Person(f"{number}a", log), Person(f"{number}b", log)]
        wheel.turn()
    assert rotation.looks == 100
    assert dict(rotation._had) == {"49a": 1, "49b": 1}


def test_the_end_ends_the_looks_and_nobody_there_is_no_turn() -> None:
    log: list[str] = []
    rotation, wheel = _rotation([Person("a", log, streams=2)], 1.0)
    wheel.turn()
    rotation.close()
    rotation.close()
    assert log == ["+a", "-a", "-a"]
    assert wheel.callback is None
    empty, wheel = _rotation([], 1.0)
    wheel.turn()
    assert (empty.turns, empty.looks) == (0, 0)

"""Sources that take turns on a path."""

from __future__ import annotations

from typing import Any, cast

from probe.client.perceived import Perceived
from probe.client.sources import _MOST, Sources
from probe.measure.recognition import Flow


def stream(last: float | None = None, listening: object = None) -> Perceived:
    """One whose only packet came at that time."""
    one = Perceived()
    one.listening = cast(Any, listening)
    if last is not None:
        one.came(last, last, 1)
    return one


def test_all_of_a_path_are_there_until_it_closes() -> None:
    sources, one, two, other = Sources(), stream(1.0), stream(), stream(2.0)
    for path, kind, added in (("a", "video", one), ("a", "video", two), ("b", "audio", other)):
        assert sources.add(path, kind, added) is None
    assert list(sources) == [("a", "video", one), ("a", "video", two), ("b", "audio", other)]
    assert sources.paths == ["a", "b"]
    assert sources.flows("you") == [Flow("you", "video", "a", 1.0, 1.0), Flow("you", "audio", "b", 2.0, 2.0)]
    assert sources.flows_on("a", ("video",))
    assert not sources.flows_on("a", ("audio", "video"))
    assert sources.close("a") == [one, two]
    assert (sources.paths, list(sources)) == (["b"], [("b", "audio", other)])
    assert sources.close("a") == []


def test_heard_is_who_came_last_and_before_anybody_came_the_newest() -> None:
    sources = Sources()
    assert sources.heard is None
    sources.add("a", "audio", stream(listening="first"))
    sources.add("a", "audio", stream(listening="second"))
    assert sources.heard == "second"
    sources.add("b", "audio", stream(5.0, "third"))
    sources.add("b", "audio", stream(4.0, "fourth"))
    sources.add("b", "video", stream(9.0))
    assert sources.heard == "third"


def test_who_has_been_silent_longest_makes_room() -> None:
    sources = Sources()
    there = [stream(float(number)) for number in range(_MOST - 1)]
    padding = stream()
    for one in (*there, padding):
        assert sources.add("a", "video", one) is None
    assert sources.add("a", "audio", stream(0.5)) is None, "another kind has room of its own"
    assert sources.add("a", "video", stream(90.0)) is padding, "it never brought any media"
    assert sources.add("a", "video", stream(91.0)) is there[0]
    assert len(sources.close("a")) == _MOST + 1

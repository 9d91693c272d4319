from __future__ import annotations

from sfu_shim.core.link.link import Copy
from sfu_shim.core.link.packets import Packet
from sfu_shim.core.link.release import ReleaseQueue


def copy(release: float, data: bytes = b"") -> Copy:
    return Copy(release, data, 0.0, Packet("other", len(data)), 0)


def test_in_order_of_release_and_of_arrival_within_an_instant() -> None:
    queue: ReleaseQueue[str] = ReleaseQueue()
    for release, route in ((3.0, "c"), (1.0, "a"), (2.0, "b"), (1.0, "a2")):
        queue.push(copy(release), route)
    assert len(queue) == 4
    assert queue.next_release() == 1.0
    assert [route for _, route in queue.release(2.0)] == ["a", "a2", "b"]
    assert queue.release(2.9) == []
    assert queue.next_release() == 3.0
    assert [route for _, route in queue.drain()] == ["c"]
    assert queue.next_release() is None
    assert queue.pop_due(9.0) is None

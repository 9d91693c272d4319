"""What a path that closes adds to the counts of what was looked at closely."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from probe.client.looked_at import count_up
from probe.measure.observed import AUTHENTICATED, PACKETS, REFUSED, VIDEO_STREAMS
from tests.client.fakes import Bench


def _straw(**told: Any) -> Any:
    return SimpleNamespace(**told)


def _receiver(kind: str, packets: int, lost: int = 0) -> Any:
    return _straw(kind=kind, stream=_straw(packets=packets), readings_lost=lost)


def test_each_path_adds_its_own_on_whichever_way_it_was_read() -> None:
    bench = Bench(depth="headers")
    peer = _straw(label="me", authenticated=3, lane=_straw(authenticated=40, refused=2))
    slow = _straw(label="me", authenticated=5, lane=None)
    count_up(bench.context, peer, [_receiver("audio", 10), _receiver("video", 90)], [])
    count_up(bench.context, slow, [_receiver("video", 7)], [_straw(srtp_errors=0)])
    assert bench.context.observed == {PACKETS: 107, AUTHENTICATED: 48, REFUSED: 2, VIDEO_STREAMS: 2}
    assert bench.context.errors == {}


def test_what_went_wrong_on_our_side_is_said() -> None:
    bench = Bench(depth="headers")
    peer = _straw(label="me", authenticated=0, lane=None)
    count_up(bench.context, peer, [_receiver("audio", 1, lost=4)], [_straw(srtp_errors=6)])
    assert set(bench.context.errors) == {
        ("packets", "me", "4 readings lost: nobody took them in time"),
        ("packets", "me", "6 packets that SRTP did not protect"),
    }


def test_elsewhere_nothing_is_looked_at_so() -> None:
    bench = Bench(depth="frames")
    count_up(bench.context, _straw(label="me"), [], [])
    assert bench.context.observed == {}

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from probe.client.pair_watch import PairWatch
from tests.client.fakes import START, Bench


def test_another_pair_is_an_event_and_the_first_one_is_not() -> None:
    bench, peer = Bench(), SimpleNamespace(selected_pair=None, remote_address=None)
    watch = PairWatch(cast(Any, peer), bench.context.notice)

    def then(types: tuple[str, str] | None, address: tuple[str, int] | None) -> bool:
        bench.clock.time += 1.0
        peer.selected_pair, peer.remote_address = types, address
        return watch.changed()

    here, there = ("192.0.2.1", 1000), ("192.0.2.2", 1000)
    assert not then(None, None)
    assert not then(("host", "host"), here)
    assert not then(("host", "host"), here)
    assert then(("host", "prflx"), there)
    assert not then(("host", "prflx"), there)
    assert then(("relay", "prflx"), there)
    assert not then(None, None), "a connection that is gone is no other way"
    assert bench.context.noticed == {
        (START + 4, "selected pair changed: host/host to host/prflx at another address"): 1,
        (START + 6, "selected pair changed: host/prflx to relay/prflx"): 1,
    }


def test_what_befalls_many_at_once_is_one_event() -> None:
    bench = Bench()
    bench.context.notice("x")
    bench.clock.time += 0.4
    bench.context.notice("x")
    assert bench.context.noticed == {(START, "x"): 2}
    for second in range(2000):
        bench.clock.time = START + second
        bench.context.notice("y")
    assert len(bench.context.noticed) == 1000

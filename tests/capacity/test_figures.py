"""What a point comes to, and when it is believed."""

from __future__ import annotations

from typing import Any

import pytest

from probe.capacity.factor import hopeless, limiting_factor
from probe.capacity.figures import Point, Reading, limit_of
from tests.capacity.build import broken, held, point, reading


def test_figures_of_one_process() -> None:
    found = point()
    assert found.trustworthy
    assert found.measured
    assert found.cpu_cores == found.busiest == 0.2
    assert found.cpu_core_per_participant == 0.002
    assert found.cpu_wait_ratio == pytest.approx(0.005)
    assert found.cpu_us_per_packet == pytest.approx(2e6 / 107_000)
    assert found.join_cpu_seconds == pytest.approx(0.004)
    assert found.joins_per_second == pytest.approx(99 / 0.99)
    assert found.rss_bytes_per_participant == 500_000
    assert found.authenticated_share == 0.01
    assert limiting_factor(found, 2) == ""


def test_processes_add_up_and_each_has_to_be_well() -> None:
    late = reading(loop_lag_p99_seconds=0.03, first_joined=10.005, last_joined=10.995, cpu_seconds=4.0, native=False)
    found = point(reading(), late, participants=200)
    assert found.cpu_cores == pytest.approx(0.6)
    assert found.busiest == 0.4
    assert found.cpu_core_per_participant == pytest.approx(0.003)
    assert found.packets_received == 214_000
    assert found.joins_per_second == pytest.approx(199 / 0.995)
    assert found.loop_lag_p99_seconds == 0.03
    assert not found.native
    assert not found.trustworthy


@pytest.mark.parametrize(
    ("changes", "kind", "said"),
    [
        ({"joined": 98, "join_failures": 2}, "joins", "2 of 100 joins failed"),
        ({"elsewhere": 1}, "joins", "1 participants are not in the topology that was asked for"),
        ({"loop_lag_p99_seconds": 0.0201}, "loop lag", "event-loop lag p99 20.1 ms, limit 20 ms"),
        ({"pacing_error_p99_seconds": 0.006}, "pacing", "pacing error p99 6 ms, limit 5 ms"),
        ({"decode_delay_p99_seconds": 0.2}, "decoding", "decoding p99 after arrival 200 ms, limit 100 ms"),
        ({"decode_overload": 3}, "decoding", "3 pictures not decoded for lack of CPU"),
        ({"socket_drops": 7}, "socket buffers", "7 datagrams dropped by our own full socket buffers"),
        ({"streams_measured": 199}, "readings", "1 of 200 streams could not be measured"),
        ({"packets_lost": 5, "packets_received": 106_995}, "readings", "5 packets lost"),
        ({"packets_received": 106_000}, "readings", "1000 packets sent were neither received nor known as lost"),
    ],
)
def test_each_limit(changes: dict[str, Any], kind: str, said: str) -> None:
    found = point(reading(**changes))
    assert [(trouble.kind, trouble.text) for trouble in found.troubles] == [(kind, said)]


@pytest.mark.parametrize(
    "changes",
    [
        {"loop_lag_p99_seconds": 0.02, "pacing_error_p99_seconds": 0.005, "decode_delay_p99_seconds": 0.1},
        {"packets_received": 106_470},  # 50 ms of 10 700 packets a second may be on their way
        {"packets_received": 107_200},  # and more may have come than were sent, those of before
    ],
)
def test_on_the_edge_is_well(changes: dict[str, Any]) -> None:
    assert point(reading(**changes)).trustworthy


def test_an_sfu_makes_copies() -> None:
    copies = reading(packets_received=3 * 107_000, streams=600, streams_measured=600)
    assert point(copies, streams_expected=600, fan_out=3).trustworthy
    assert not point(reading(streams=600, streams_measured=600), streams_expected=600, fan_out=3).trustworthy


def test_nothing_to_tell() -> None:
    nobody = point(
        reading(joined=0, join_failures=100, packets_sent=0, packets_received=0, first_joined=None, last_joined=None)
    )
    assert not nobody.measured
    assert nobody.troubles[0].text == "nobody joined, or no packet came"
    assert nobody.cpu_core_per_participant is None
    assert nobody.cpu_us_per_packet is None
    assert nobody.joins_per_second is None
    assert nobody.authenticated_share is None


def test_a_reading_survives_the_pipe() -> None:
    one = reading(errors=("join: no",), bugs=("KeyError (1 times)",))
    assert Reading.from_dict(one.to_dict()) == one


@pytest.mark.parametrize(
    ("found", "begins"),
    [
        (broken(100), "CPU (a process used 97% of its core): event-loop lag p99 46 ms"),
        (broken(100, cpu_seconds=5.0), "loop lag: event-loop lag p99 46 ms"),
        (held(100, pacing_error_p99_seconds=0.01), "pacing: pacing error p99 10 ms"),
        (held(100, pacing_error_p99_seconds=0.01, socket_drops=4), "socket buffers: pacing"),
        (held(100, join_failures=1, joined=99, loop_lag_p99_seconds=1.0), "joins: 1 of 100 joins failed; event-loop lag"),
        (
            point(reading(loop_lag_p99_seconds=0.1, waited_seconds=4.0), other_cpu_cores=1.7),
            "CPU (a process waited for a processor 40% of the time; others used 1.7 of 2 cores): event-loop",
        ),
        (point(reading(loop_lag_p99_seconds=0.1, waited_seconds=None), other_cpu_cores=1.7), "loop lag: event-loop"),
        (point(reading(packets_lost=9), server_cpu_cores=0.98), "the test server (it used 98% of a core): 9 packets lost"),
        (Point(100, 1, failure="no room", failure_kind="memory"), "memory: no room"),
        (Point(100, 1, failure="said nothing"), "the engine process: said nothing"),
    ],
)  # fmt: skip
def test_the_factor_is_the_cause_where_there_is_a_sign_of_one(found: Point, begins: str) -> None:
    assert limiting_factor(found, 2).startswith(begins)


def test_trying_again_helps_only_where_it_was_near() -> None:
    assert hopeless([broken(100)])
    assert not hopeless([broken(100, cpu_seconds=5.0)])
    assert hopeless([held(100, joined=99)])
    assert hopeless([Point(100, 1, failure="killed")])


def test_the_smallest_beyond_all_that_held_shows_the_limit() -> None:
    points = [broken(16), held(16), broken(64), held(32), broken(48), broken(48, cpu_seconds=5.0)]
    assert limit_of(points) is points[5]
    assert limit_of(points[:1]) is points[0]
    assert limit_of(points[:2]) is None

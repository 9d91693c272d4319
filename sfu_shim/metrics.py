"""The Prometheus page of the shim, made from the counters at the moment of the scrape."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from sfu_shim.core.protocol import TOPOLOGIES
from sfu_shim.core.rooms import Rooms
from sfu_shim.core.stats import ForwardingStats

_COUNTERS = {
    "packets_received": "RTP packets that reached the SFU",
    "bytes_received": "RTP bytes that reached the SFU",
    "packets_sent": "RTP packets that the SFU sent",
    "bytes_sent": "RTP bytes that the SFU sent",
    "packets_withheld": "video packets held back from a subscriber until a keyframe came",
    "packets_unknown": "RTP packets that belong to no published track",
    "packets_malformed": "packets that could not be read",
    "packets_late": "packets too old to forward",
    "packets_duplicate": "packets that came more than once and were not forwarded again",
    "packets_dropped": "packets lost within the SFU: a full socket buffer, or no way to the address",
    "nacked_packets": "packets that subscribers asked for again",
    "nacks_relayed": "packets that the SFU asked a publisher for, because it never had them",
    "retransmitted_rtx": "packets retransmitted as RFC 4588 RTX",
    "retransmitted_plain": "packets retransmitted as they were",
    "plis_received": "keyframe requests from subscribers",
    "plis_relayed": "keyframe requests to publishers",
    "negotiation_failures": "tracks that no codec could carry to a subscriber, and descriptions that failed",
}


class _Page(Collector):
    def __init__(self, rooms: Rooms, stats: ForwardingStats, errors: Mapping[str, int]) -> None:
        self._rooms, self._stats, self._errors = rooms, stats, errors

    def collect(self) -> Iterator[Metric]:
        by_topology = GaugeMetricFamily("sfu_shim_rooms", "rooms by committed topology", labels=["topology"])
        for topology in TOPOLOGIES:
            by_topology.add_metric([topology], self._rooms.count(topology))
        yield by_topology
        yield GaugeMetricFamily("sfu_shim_participants", "participants in all rooms", value=self._rooms.participants)
        migrations = CounterMetricFamily(
            "sfu_shim_migrations", "ended migrations", labels=["source", "target", "outcome"]
        )
        for (source, target, outcome), count in sorted(self._rooms.migrations.items()):
            migrations.add_metric([source, target, outcome], count)
        yield migrations
        errors = CounterMetricFamily("sfu_shim_errors", "error messages sent, by code", labels=["code"])
        for code, count in sorted(self._errors.items()):
            errors.add_metric([code], count)
        yield errors
        for name, meaning in _COUNTERS.items():
            yield CounterMetricFamily(f"sfu_shim_{name}", meaning, value=getattr(self._stats, name))


def render(rooms: Rooms, stats: ForwardingStats, errors: Mapping[str, int]) -> bytes:
    """The page in the Prometheus text format 0.0.4."""
    registry = CollectorRegistry()
    registry.register(_Page(rooms, stats, errors))
    return generate_latest(registry)

"""`/metrics` of the master: the campaign as it stands, read when Prometheus asks, on a port of its own.

Name                                              type       labels              unit, meaning
meetprobe_build_info                              gauge      version             always 1
meetprobe_campaign_running                        gauge                          1 while a campaign runs, 0 before and after
    the rest exists from the first campaign on:
meetprobe_campaign_start_time_seconds             gauge                          UTC seconds
meetprobe_participants                            gauge                          in a meeting with media, now
meetprobe_participants_peak                       gauge                          most at one time
meetprobe_meetings                                gauge                          as the campaign's live view counts them
meetprobe_joins_total                             counter    result              success, failure
meetprobe_join_retries_total                      counter                        joins that were tried again
meetprobe_connections_total                       counter    topology, result    peer connections tried: p2p, sfu; success, failure
meetprobe_migrations_total                        counter    direction, result   p2p>sfu, sfu>p2p; success, failure
meetprobe_drops_total                             counter                        participants who lost their meeting
meetprobe_join_duration_seconds                   histogram  topology            intended start to first picture
meetprobe_join_phase_seconds                      histogram  phase               one phase of a join
meetprobe_round_trip_time_seconds                 histogram  topology
meetprobe_one_way_delay_seconds                   histogram  kind                audio, video
meetprobe_jitter_seconds                          histogram  kind
meetprobe_packet_loss_ratio                       histogram  kind                0-1, before repair
meetprobe_residual_loss_ratio                     histogram  kind                0-1, after repair
meetprobe_freeze_ratio                            histogram  topology            0-1, frozen time of watched time
meetprobe_audio_quality_score                     histogram  topology            1-5
meetprobe_video_quality_score                     histogram  topology            1-5, decoded video
meetprobe_video_score_estimated                   histogram  topology            1-5, video that is not decoded
meetprobe_migration_duration_seconds              histogram  direction
meetprobe_migration_audio_gap_seconds             histogram  direction
meetprobe_migration_video_gap_seconds             histogram  direction
meetprobe_media_bytes_per_second                  gauge      direction           send, receive: of one participant, now
meetprobe_generator_trustworthy                   gauge                          1 when every worker is
meetprobe_worker_trustworthy                      gauge      worker              1 or 0
meetprobe_worker_participants                     gauge      worker
meetprobe_worker_loop_lag_p99_seconds             gauge      worker              the generator's own lateness
meetprobe_worker_pacing_error_p99_seconds         gauge      worker
meetprobe_worker_cpu_ratio                        gauge      worker              1 is one core
meetprobe_kpi_status                              gauge      kpi, status         1 for the status that holds, 0 for the others:
                                                                                 pass, fail, inconclusive, not_judged
meetprobe_kpi_value                               gauge      kpi                 in the KPI's own SI unit; absent without samples
meetprobe_kpi_target                              gauge      kpi                 likewise, at the campaign's horizon
meetprobe_verdict_exit_code                       gauge                          what the campaign would exit with now: 0, 3, 4; 1 is a bug

A new campaign begins its counters and histograms at 0, as a restarted process would. Samples without the label's tag count
under "unknown". Histogram edges contain every target of the profile on that metric, at all horizons, so that a share
"within the target" is exact to the 0.25 % of our histograms.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from gevent.pywsgi import WSGIServer
from gevent.socket import AF_INET, AF_INET6, SO_REUSEADDR, SOL_SOCKET, socket
from prometheus_client import CollectorRegistry, make_wsgi_app
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from loadtest.exposition import families
from probe.model.errors import ConfigError

if TYPE_CHECKING:
    from loadtest.master import Master

_log = logging.getLogger(__name__)


class CampaignCollector(Collector):
    """Reads `master.campaign` whenever it is asked."""

    def __init__(self, master: Master) -> None:
        self._master = master

    def describe(self) -> Iterable[Metric]:
        """Nothing: what there is depends on the campaign."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """All families of the campaign as it stands."""
        return families(self._master.campaign)


def registry_of(master: Master) -> CollectorRegistry:
    """A registry that holds the campaign and nothing of this process."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(CampaignCollector(master))
    return registry


def place_of(options: object) -> tuple[str, int]:
    """Address and port as the options say. Raises ConfigError for a port that can't be."""
    told = vars(options)
    port = str(told["metrics_port"]).strip()
    if not (port.isascii() and port.isdigit() and int(port) <= 65_535):
        raise ConfigError(f"{port!r} is no port", who="--metrics-port", hint="allowed: 1 to 65535, or 0 for no metrics")
    return str(told["metrics_address"]).strip() or "127.0.0.1", int(port)


def serve(master: Master, options: object) -> WSGIServer | None:
    """Serve `/metrics` where Locust's parsed `options` say (`--metrics-address`, `--metrics-port`). A port that can't be had is a warning:
    the campaign goes on without. None then, and for port 0.

    gevent's own server: prometheus_client's would need a thread, and here a scrape is one greenlet's turn, in which no
    figure changes.
    """
    address, port = place_of(options)
    if not port:
        return None
    try:
        listener = _listen(address, port)
    except OSError as error:
        _log.warning(
            "no /metrics for Prometheus: can't listen on %s:%d: %s (choose another with --metrics-port, or 0 for none)",
            address,
            port,
            error.strerror or error,
        )
        return None
    server = WSGIServer(listener, make_wsgi_app(registry_of(master)), log=None)
    server.start()
    _log.info("metrics for Prometheus at http://%s:%d/metrics", address, port)
    return server


def _listen(address: str, port: int) -> socket:
    """As gevent's server would, which leaves the socket of a failed attempt open."""
    listener = socket(AF_INET6 if ":" in address else AF_INET)
    try:
        listener.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)
        listener.bind((address, port))
        listener.listen()
    except OSError:
        listener.close()
        raise
    return listener

"""A campaign that nobody drove: what two workers would have reported, worked out, the same each time."""

from __future__ import annotations

import random
from argparse import Namespace
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np

from loadtest.arguments import GUARDS, MEASURED, MEETINGS, SHAPE
from loadtest.campaign import Campaign
from loadtest.harvest import Delta, Standing
from loadtest.settings import settings_of
from probe.measure.join import PHASES
from probe.measure.summary import Summary
from probe.model.samples import Sample
from reports.targets.files import load_profile

HOST = "ws://127.0.0.1:8787"
BEGAN = 1000.0
STARTED = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
EVERY = 3.0
"""Seconds between two reports of a worker."""
USERS = 30
"""Participants of each worker when all are in."""


def add(summary: Summary, metric: str, values: Iterable[float], **tags: str) -> None:
    for value in values:
        summary.add(Sample(metric, value, 0.0, tags))


@dataclass(slots=True)
class MadeUpWorker:
    """Comes up over half a minute, holds, and from `trouble` on loses joins and packets. `busy`: can't be believed."""

    name: str
    seed: int
    trouble: float = 1e9
    busy: bool = False
    present: int = 0
    standing: Standing = field(default_factory=Standing)
    rng: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.rng = random.Random(self.seed)

    def payload(self, time: float, start: float, campaign: str) -> dict[str, Any]:
        """The report at `time` seconds of a campaign that began at monotonic `start`."""
        wanted = min(USERS, round(USERS * time / 30))
        delta = Delta()
        self._come(delta, wanted - self.present, start + time, late=time > self.trouble)
        self._go_on(delta.summary, lossy=time > self.trouble)
        self._standing(wanted)
        if time > self.trouble:
            delta.retries += 1
            delta.errors["first_decoded", f"{self.name}/room-17/p2", "no picture within 15 s"] += 1
        return {
            "campaign": campaign,
            "engine": f"{self.name}-engine-1",
            "delta": delta.to_dict(),
            "total": self.standing.to_dict(),
            "losses": [],
        }

    def _come(self, delta: Delta, arriving: int, now: float, *, late: bool) -> None:
        moved = 1 if late else max(arriving, 2)
        for number in range(max(arriving, 0) + 2):  # two leave and come again, too
            topology = ("p2p", "sfu")[number % 2]
            failed = late and number == 0
            add(delta.summary, "join_success_ratio", [0.0 if failed else 1.0], topology=topology)
            add(delta.summary, "connection_success_ratio", [0.0 if failed else 1.0], topology=topology)
            if topology == "p2p":
                add(delta.summary, "p2p_connection_success_ratio", [0.0 if failed else 1.0])
            if not failed:
                duration = self.rng.lognormvariate(-1.1, 0.35) + (0.9 if late else 0.0)
                add(delta.summary, "join_duration_seconds", [duration], topology=topology)
                for phase in PHASES:
                    add(delta.summary, "join_phase_seconds", [duration / len(PHASES)], phase=phase, topology=topology)
        delta.presence += [(now - 1.0, 1)] * max(arriving, 0)
        self.present += max(arriving, 0)
        for number in range(moved):
            transition = ("p2p>sfu", "sfu>p2p")[number % 2]
            add(delta.summary, "migration_success_ratio", [0.0 if late else 1.0], transition=transition)
            add(delta.summary, "migration_duration_seconds", [0.3 + self.rng.random() / 5], transition=transition)
            add(delta.summary, "migration_audio_gap_seconds", [0.02 + self.rng.random() / 50], transition=transition)
            add(delta.summary, "migration_video_gap_seconds", [0.05 + self.rng.random() / 20], transition=transition)
        add(delta.summary, "connection_stability_ratio", [1.0, 0.0 if late else 1.0])

    def _go_on(self, summary: Summary, *, lossy: bool) -> None:
        if not self.present:
            return
        for topology, slower in (("p2p", 0.0), ("sfu", 0.012)):
            noise = [self.rng.gauss(0, 1) for _ in range(12)]
            times = [0.021 + slower + 0.002 * abs(one) for one in noise]
            add(summary, "round_trip_time_seconds", times, topology=topology, source="rtcp", kind="video")
            add(summary, "one_way_delay_seconds", [time / 2 for time in times], topology=topology, kind="video")
            for kind, bits in (("audio", 62_000.0), ("video", 1_180_000.0)):
                tags = {"topology": topology, "kind": kind}
                lost = (0.03 if lossy else 0.0008) * abs(noise[0])
                add(summary, "packet_loss_ratio", [lost], **tags)
                add(summary, "window_loss_ratio", [lost], **tags)
                add(summary, "residual_loss_ratio", [lost / 4], **tags)
                add(summary, "jitter_seconds", [0.0015 + 0.001 * abs(noise[1])], **tags)
                add(summary, "send_bitrate_bps", [bits * (1 + noise[2] / 40)], **tags)
                add(summary, "receive_bitrate_bps", [bits * (1.5 + noise[3] / 40)], **tags)
            add(summary, "audio_quality_score", [4.85 - (0.6 if lossy else 0.02) * abs(noise[4])], topology=topology)
            add(summary, "window_audio_score", [4.85 - (0.6 if lossy else 0.02) * abs(noise[4])], topology=topology)
            if self.rng.random() < 0.4:  # few are looked at closely
                add(
                    summary, "video_quality_score", [4.72 - (0.9 if lossy else 0.05) * abs(noise[5])], topology=topology
                )
            add(summary, "video_score_estimated", [4.1], topology=topology)
            add(summary, "freeze_ratio", [0.0], topology=topology)

    def _standing(self, present: int) -> None:
        lag = 0.09 if self.busy else 0.004
        self.standing.health.loop_lags(np.array([lag * self.rng.random() for _ in range(50)]))
        self.standing.health.pacing_errors(np.array([0.001 * self.rng.random() for _ in range(50)]))
        self.standing.health.cpu(0.97 if self.busy else 0.41)
        self.standing.present = present


def reports(
    workers: Iterable[MadeUpWorker], seconds: float, start: float, campaign: str
) -> Iterator[tuple[str, dict[str, Any], float]]:
    """(worker, payload, monotonic time) of a campaign of that length."""
    told = list(workers)
    for step in range(1, int(seconds / EVERY) + 1):
        for number, worker in enumerate(told):
            time = step * EVERY + number / 10
            yield worker.name, worker.payload(time, start, campaign), start + time


def options(**changes: Any) -> Namespace:
    """The options as Locust parses them from an empty command line."""
    told: dict[str, Any] = {
        option.destination: False if option.flag else [] if option.repeatable else option.default
        for group in (MEETINGS, MEASURED, SHAPE, GUARDS)
        for option in group
    }
    return Namespace(**{**told, "meetprobe_campaign": "load-2026-11-22", "meetprobe_workers": [], **changes})


def new_campaign() -> Campaign:
    """One that has begun, at monotonic BEGAN."""
    settings = settings_of(options(), HOST)
    profile = load_profile(settings.targets)
    return Campaign(settings, profile, profile.default_horizon, STARTED, BEGAN)


def campaign_after(seconds: float, *workers: MadeUpWorker, untagged: float | None = None) -> Campaign:
    """The master's campaign after so long, with two workers unless others are given; `untagged`: a round trip without tags."""
    campaign = new_campaign()
    told = workers or (MadeUpWorker("alpha_1", 1), MadeUpWorker("beta_2", 2))
    for name, payload, now in reports(told, seconds, BEGAN, campaign.id):
        campaign.take(name, payload, now)
    if untagged is not None:
        add(campaign.summary, "round_trip_time_seconds", [untagged])
    return campaign

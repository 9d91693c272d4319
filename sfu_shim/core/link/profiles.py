"""Named networks, from published figures, and how a scenario names or describes one.

A profile is one participant's own access: `up` carries what it sends, `down` what it receives. Half of a published
round-trip time is each direction's delay. Where a source publishes no figure for something (loss, jitter), the profile
has none: a plausible number without a source would be ours, not the network's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from probe.model.errors import ConfigError
from probe.model.validation import nearest
from sfu_shim.core.link.impairment import GilbertElliott, Impairment, Jitter, RandomLoss
from sfu_shim.core.link.parsing import parse_schedule
from sfu_shim.core.link.schedule import Schedule

UNCHANGED = Schedule()


@dataclass(frozen=True, slots=True)
class Network:
    """Both directions of one participant's access. `source`: where the figures are from, `why`: how they were taken; both
    empty for a network that the scenario made up."""

    name: str
    up: Schedule = UNCHANGED
    down: Schedule = UNCHANGED
    source: str = ""
    why: str = ""


def _network(name: str, up: Impairment, down: Impairment, source: str, why: str) -> Network:
    return Network(name, Schedule(up), Schedule(down), source, why)


def _both(name: str, impairment: Impairment, source: str, why: str) -> Network:
    return _network(name, impairment, impairment, source, why)


_LOSSY_DELAY = 0.05

PROFILES: dict[str, Network] = {
    network.name: network
    for network in (
        _both(
            "perfect",
            Impairment(),
            "none needed: nothing is done to the packets",
            "The baseline: what the probe and the machine alone cost.",
        ),
        _network(
            "fiber",
            Impairment(delay=0.002, rate_bps=5e6),
            Impairment(delay=0.002, rate_bps=20e6),
            'WebPageTest connectivity profiles, "FIOS": 20/5 Mbit/s, 4 ms round trip, no loss',
            "A modest fibre line: what is seen on it is not the network's fault.",
        ),
        _network(
            "dsl",
            Impairment(delay=0.025, rate_bps=1.4e6),
            Impairment(delay=0.025, rate_bps=24e6),
            'WebPageTest connectivity profiles, "DSL": 50 ms round trip; ITU-T G.992.5 (ADSL2+), annex A: up to 24/1.4 Mbit/s',
            "WebPageTest's 384 kbit/s up predate video meetings, so the rates are the standard's. Sending 1 Mbit/s of "
            "video nearly fills the uplink: bursts of key frames queue up there.",
        ),
        _both(
            "wifi-busy",
            Impairment(delay=0.002, jitter=Jitter("pareto", 0.038), loss=GilbertElliott(p=0.00505, r=0.5)),
            "Pei et al., WiFi can be the weakest link of round trip network latency in the wild, IEEE INFOCOM 2016: "
            "more than 50 % of packets wait over 20 ms, 10 % over 100 ms; RFC 8868: 1 % as the mild loss level",
            "The Pareto tail with scale 38 ms in each direction has half of those figures: median 10 + 2 ms, 90th "
            "percentile 44 + 2 ms. 802.11 delivers in order; what its retransmissions do not save is lost in short "
            "runs, here two packets on average, 1 % in all.",
        ),
        _both(
            "lte",
            Impairment(delay=0.035, jitter=Jitter("normal", 0.003), loss=RandomLoss(0.001), rate_bps=12e6),
            'WebPageTest connectivity profiles, "LTE": 12/12 Mbit/s, 70 ms round trip; 3GPP TS 23.203 table 6.1.7, QCI 2 '
            "(conversational video): packet error loss rate 10⁻³; 3GPP TS 26.131: 10 % block errors and ± 3 ms of core "
            "network jitter in its delay profiles",
            "A HARQ repetition costs 8 ms and befalls a tenth of the packets (standard deviation 2.4 ms); with the core's "
            "± 3 ms (1.7 ms) that makes 3 ms. RLC delivers in order.",
        ),
        _network(
            "3g",
            Impairment(delay=0.15, rate_bps=768e3),
            Impairment(delay=0.15, rate_bps=1.6e6),
            'WebPageTest connectivity profiles, "3G": 1.6 Mbit/s / 768 kbit/s, 300 ms round trip',
            "Sending 1 Mbit/s of video does not fit: the uplink's queue fills, adds 300 ms and drops.",
        ),
        _both(
            "transatlantic",
            Impairment(delay=0.045, loss=RandomLoss(0.0025)),
            "Verizon service level agreement, New York – London: round trip of 90 ms or less, 99.5 % of packets delivered",
            "The bounds that the carrier guarantees, the loss spread over both directions; real months are better.",
        ),
        _network(
            "geo-satellite",
            Impairment(delay=0.315, rate_bps=3.38e6),
            Impairment(delay=0.315, rate_bps=18.13e6),
            "Ookla Speedtest Intelligence, Q2 2021, Viasat in the USA: medians of 18.13/3.38 Mbit/s and 630 ms; "
            "ITU-T G.114: 260 ms one way through a geostationary satellite",
            "260 of the 315 ms are the way of light, the rest is the ground's. G.114 holds 400 ms mouth to ear for the limit.",
        ),
        _both(
            "lossy-5",
            Impairment(delay=_LOSSY_DELAY, loss=RandomLoss(0.05)),
            "RFC 8868, evaluating congestion control for interactive real-time media: 5 % loss, 50 ms one-way delay",
            "Independent losses: what retransmission, FEC and concealment are usually shown with.",
        ),
        _both(
            "burst-loss",
            Impairment(delay=_LOSSY_DELAY, loss=GilbertElliott(p=0.25 * 0.05 / 0.95, r=0.25)),
            "RFC 8868: 5 % loss, 50 ms; Haßlinger and Hohlfeld, The Gilbert–Elliott Model for Packet Loss in Real Time "
            "Services on the Internet, MMB 2008; ITU-T G.107 section 3.5: burst ratio",
            "As many losses as lossy-5 in runs of 4 packets on average: burst ratio 3.8. Worse to hear and to see.",
        ),
    )
}

PERFECT = PROFILES["perfect"]


def network_profile(name: str, *, where: str = "network") -> Network:
    """The named profile. Raises ConfigError with the nearest name."""
    if name not in PROFILES:
        raise ConfigError(f"unknown network profile {name!r}{nearest(name, PROFILES)}", who=where)
    return PROFILES[name]


def parse_network(value: object, *, where: str = "network") -> Network:
    """A profile's name, or `{profile: NAME, up: …, down: …}` where each direction is a profile's name or an impairment with
    a schedule (`parse_schedule`) that changes the profile's; all three may be left out. Raises ConfigError."""
    if isinstance(value, str):
        return network_profile(value, where=where)
    if not isinstance(value, Mapping):
        raise ConfigError("expected a profile's name, or up and down", who=where)
    for key in value:
        if key not in ("profile", "up", "down"):
            raise ConfigError(f"unknown key {key!r}{nearest(str(key), ('profile', 'up', 'down'))}", who=where)
    profile = value.get("profile", PERFECT.name)
    if not isinstance(profile, str):
        raise ConfigError(f"profile: {profile!r} is not a name", who=where)
    base = network_profile(profile, where=f"{where}.profile")
    up = _direction(value, "up", base.up, where)
    down = _direction(value, "down", base.down, where)
    if (up, down) == (base.up, base.down):
        return base
    if base is PERFECT:  # whose source says that nothing is done to the packets
        return Network("custom", up, down)
    return Network(f"{profile} (changed)", up, down, base.source, base.why)


def _direction(value: Mapping[str, object], key: str, base: Schedule, where: str) -> Schedule:
    told = value.get(key)
    if told is None:
        return base
    if isinstance(told, str):
        named = network_profile(told, where=f"{where}.{key}")
        return named.up if key == "up" else named.down
    return parse_schedule(told, base=base.base, where=f"{where}.{key}")

"""The E-models: R and MOS from delay, loss and codec. ITU-T G.107 (narrowband), G.107.1 (wideband), G.107.2 (fullband).

Delays are seconds and losses ratios 0-1 here; the Recommendations use milliseconds and percent. Each model has its own
scale of R (93.2, 129 and 148 at best): compare their MOS, never their R.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from math import exp, log10

MAX_BURST_RATIO = 8.0
"""G.107 Table 2 permits burst ratios from 1 to 8; outside they are clamped."""
DEFAULT_BPL = 4.3
"""Packet-loss robustness of a codec without concealment: G.107's default, also G.711's without PLC (G.113)."""


@dataclass(frozen=True, slots=True)
class DelaySensitivity:
    """G.107 Table 1: `slope` sT, and `onset_seconds` mT, the mouth-to-ear delay up to which nobody minds."""

    slope: float
    onset_seconds: float


DEFAULT_SENSITIVITY = DelaySensitivity(1.0, 0.100)
LOW_SENSITIVITY = DelaySensitivity(0.55, 0.120)
VERY_LOW_SENSITIVITY = DelaySensitivity(0.4, 0.150)


@dataclass(frozen=True, slots=True)
class Circuit:
    """The transmission parameters of G.107 Table 2 and their defaults: dB (noises dBm0p or dB(A)), delays in seconds.

    WebRTC has echo cancellers and no sidetone: leave these alone and the full model equals the simplified
    R = 93.2 - Idd - Ie,eff. `talker_echo_delay` is T (one way), `round_trip_delay` Tr.
    """

    slr: float = 8.0
    rlr: float = 2.0
    stmr: float = 15.0
    lstr: float = 18.0
    d_send: float = 3.0
    telr: float = 65.0
    wepl: float = 110.0
    quantisation_units: float = 1.0
    circuit_noise: float = -70.0
    noise_floor: float = -64.0
    room_noise_send: float = 35.0
    room_noise_receive: float = 35.0
    talker_echo_delay: float = 0.0
    round_trip_delay: float = 0.0
    advantage: float = 0.0

    @property
    def olr(self) -> float:
        return self.slr + self.rlr


DEFAULT_CIRCUIT = Circuit()


@dataclass(frozen=True, slots=True)
class G107Rating:
    """The terms of G.107, all in R points."""

    r0: float
    i_olr: float
    i_st: float
    i_q: float
    i_dte: float
    i_dle: float
    i_dd: float
    ie_eff: float
    advantage: float

    @property
    def i_s(self) -> float:
        return self.i_olr + self.i_st + self.i_q

    @property
    def i_d(self) -> float:
        return self.i_dte + self.i_dle + self.i_dd

    @property
    def r(self) -> float:
        return self.r0 - self.i_s - self.i_d - self.ie_eff + self.advantage


def g107(
    *,
    mouth_to_ear_seconds: float = 0.0,
    loss_ratio: float = 0.0,
    burst_ratio: float = 1.0,
    ie: float = 0.0,
    bpl: float = DEFAULT_BPL,
    circuit: Circuit = DEFAULT_CIRCUIT,
    sensitivity: DelaySensitivity = DEFAULT_SENSITIVITY,
) -> G107Rating:
    """G.107 (06/2015), complete: 93.206 with everything at its default."""
    noise = _noise_sum(circuit)
    r0 = 15 - 1.5 * (circuit.slr + noise)  # 7.2
    i_st = _sidetone(circuit)
    return G107Rating(
        r0=r0,
        i_olr=_loudness(circuit, noise),
        i_st=i_st,
        i_q=_quantisation(circuit, r0),
        i_dte=_talker_echo(circuit, noise, i_st),
        i_dle=_listener_echo(circuit, r0),
        i_dd=delay_impairment(mouth_to_ear_seconds, sensitivity),
        ie_eff=equipment_impairment(ie, bpl, loss_ratio, burst_ratio),
        advantage=circuit.advantage,
    )


def g107_1(
    *, mouth_to_ear_seconds: float = 0.0, loss_ratio: float = 0.0, ie: float = 0.0, bpl: float = DEFAULT_BPL
) -> float:
    """R of G.107.1 (06/2019, Cor. 1 01/2020): 129 - Idd - Ie,eff,WB. Wideband loss knows no burst ratio, and its anchor
    is 95 although the scale ends at 129."""
    return 129.0 - delay_impairment(mouth_to_ear_seconds) - equipment_impairment(ie, bpl, loss_ratio, 1.0)


def g107_2(
    *,
    mouth_to_ear_seconds: float = 0.0,
    loss_ratio: float = 0.0,
    burst_ratio: float = 1.0,
    ie: float = 0.0,
    bpl: float = DEFAULT_BPL,
    advantage: float = 0.0,
) -> float:
    """R of G.107.2 (06/2019): 148 - 1.48 Idd - Ie,eff,FB + A."""
    delay = 1.48 * delay_impairment(mouth_to_ear_seconds)
    return 148.0 - delay - equipment_impairment(ie, bpl, loss_ratio, burst_ratio, anchor=132.0) + advantage


def mos_from_r(r: float) -> float:
    """MOS of an R on the narrowband scale (G.107 Annex B), 1 to 4.5; clamped where the cubic dips below 1 (R < 6.52).

    Wideband: mos_from_r(R / 1.29), fullband: mos_from_r(R / 1.48).
    """
    if r <= 0:
        return 1.0
    if r >= 100:
        return 4.5
    return max(1.0, 1 + 0.035 * r + r * (r - 60) * (100 - r) * 7e-6)


def good_or_better(r: float) -> float:
    """Share of users who find the call good or better, 0-1 (G.107 Annex B), narrowband R."""
    return _normal_cdf((r - 60) / 16)


def poor_or_worse(r: float) -> float:
    """Share of users who find the call poor or worse, 0-1 (G.107 Annex B), narrowband R."""
    return _normal_cdf((45 - r) / 16)


def delay_impairment(mouth_to_ear_seconds: float, sensitivity: DelaySensitivity = DEFAULT_SENSITIVITY) -> float:
    """Idd, the impairment by delay alone, echo-free (G.107 7.4)."""
    if mouth_to_ear_seconds <= sensitivity.onset_seconds:
        return 0.0
    x, n = math.log2(mouth_to_ear_seconds / sensitivity.onset_seconds), 6 * sensitivity.slope
    return max(0.0, 25 * (_knee(x, n) - 3 * _knee(x / 3, n) + 2))


def equipment_impairment(
    ie: float, bpl: float, loss_ratio: float, burst_ratio: float = 1.0, *, anchor: float = 95.0
) -> float:
    """Ie,eff: the codec's impairment `ie`, grown by loss (G.107 7.5; anchor 132 in G.107.2). BurstR is kept to 1-8."""
    burst = min(max(burst_ratio, 1.0), MAX_BURST_RATIO)
    percent = 100 * loss_ratio
    return ie + (anchor - ie) * percent / (percent / burst + bpl)


def _noise_sum(c: Circuit) -> float:
    """No, the power sum of all noises at the 0 dBr point (G.107 7.2)."""
    send = c.room_noise_send - c.slr - c.d_send - 100 + 0.004 * (c.room_noise_send - c.olr - c.d_send - 14) ** 2
    effective = c.room_noise_receive + 10 * log10(1 + 10 ** ((10 - c.lstr) / 10))
    receive = c.rlr - 121 + effective + 0.008 * (effective - 35) ** 2
    return 10 * log10(sum(10 ** (level / 10) for level in (c.circuit_noise, send, receive, c.noise_floor + c.rlr)))


def _loudness(c: Circuit, noise: float) -> float:
    """Iolr: too low an overall loudness rating (G.107 7.3)."""
    x = c.olr + 0.2 * (64 + noise - c.rlr)
    return 20 * (_knee(x / 8, 8) - x / 8)


def _sidetone(c: Circuit) -> float:
    """Ist: sidetone that is not optimum (G.107 7.3)."""
    echo = exp(-1000 * c.talker_echo_delay / 4) * 10 ** (-c.telr / 10)
    stmr = -10 * log10(10 ** (-c.stmr / 10) + echo)
    return 12 * _knee((stmr - 13) / 6, 8) - 28 * _knee((stmr + 1) / 19.4, 35) - 13 * _knee((stmr - 3) / 33, 13) + 29


def _quantisation(c: Circuit, r0: float) -> float:
    """Iq: quantising distortion (G.107 7.3)."""
    q = 37 - 15 * log10(c.quantisation_units)
    g = 1.07 + 0.258 * q + 0.0602 * q * q
    return 15 * log10(1 + 10 ** ((r0 - 100) / 15 + 46 / 8.4 - g / 9) + 10 ** (46 / 30 - g / 40))


def _talker_echo(c: Circuit, noise: float, i_st: float) -> float:
    """Idte (G.107 7.4); none below a delay of 1 ms."""
    t = 1000 * c.talker_echo_delay
    if t < 1:
        return 0.0
    terv = c.telr - 40 * log10((1 + t / 10) / (1 + t / 150)) + 6 * exp(-0.3 * t * t)
    terv += i_st / 2 if c.stmr < 9 else 0.0
    echo, quiet = 80 + 2.5 * (terv - 14), -1.5 * (noise - c.rlr)
    i_dte = ((quiet - echo) / 2 + math.sqrt((quiet - echo) ** 2 / 4 + 100) - 1) * (1 - exp(-t))
    return math.hypot(i_dte, i_st) if c.stmr > 20 else i_dte


def _listener_echo(c: Circuit, r0: float) -> float:
    """Idle (G.107 7.4)."""
    rle = 10.5 * (c.wepl + 7) * math.pow(1000 * c.round_trip_delay + 1, -0.25)
    return (r0 - rle) / 2 + math.sqrt((r0 - rle) ** 2 / 4 + 169)


def _knee(x: float, n: float) -> float:
    """(1 + x^n)^(1/n): 1 for small x, x for large, the shape of most terms of G.107."""
    return math.pow(1 + math.pow(x, n), 1 / n)


def _normal_cdf(x: float) -> float:
    return math.erfc(-x / math.sqrt(2)) / 2

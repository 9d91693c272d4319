"""Audio scores: one window by the E-model of its codec, a call by the mean R of its windows."""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from probe.measure import opus as codecs
from probe.measure.emodel import MAX_BURST_RATIO, g107, g107_1, g107_2, mos_from_r
from probe.measure.histogram import Histogram
from probe.model.errors import ConfigError

SCALE_TOP = 4.5
"""Where the MOS scale of all three E-models ends by definition; the score of 5 stretches 1-4.5 to 1-5."""


@dataclass(frozen=True, slots=True)
class AudioScore:
    """`lq` listens only (no delay), `cq` converses (with mouth-to-ear delay). R is on the model's own scale.

    `score` is 1 + 4 (mos_cq - 1) / 3.5, 1 to 5. `ceiling` is the best MOS of the model, `note` what limits the figure.
    """

    r_lq: float
    r_cq: float
    mos_lq: float
    mos_cq: float
    score: float
    model: str
    ceiling: float
    note: str


@dataclass(frozen=True)
class _Model:
    """`rate(robustness, loss, burst, delay)` is R, `scale` what R is divided by to be a narrowband R."""

    name: str
    scale: float
    rate: Callable[[codecs.Robustness, float, float, float], float]
    robustness: Callable[[float], codecs.Robustness]
    note: Callable[[float], str]

    def mos(self, r: float) -> float:
        return mos_from_r(r / self.scale)

    @cached_property
    def ceiling(self) -> float:
        return self.mos(self.rate(codecs.Robustness(0.0, 1.0, 1.0), 0.0, 1.0, 0.0))


def audio_score(
    codec: str, bitrate_bps: float, loss_ratio: float, burst_ratio: float = 1.0, mouth_to_ear_seconds: float = 0.0
) -> AudioScore:
    """The E-model for one window: opus by G.107.2, G722 by G.107.1, PCMU and PCMA by G.107.

    `bitrate_bps` is the encoded audio as sent; `loss_ratio` (0-1) what was missing at playout, after repair and with
    late packets; `burst_ratio` 1 for random loss; delay from mouth to ear. Raises ConfigError for values that can't be.
    """
    model = _model(codec)
    _check(bitrate_bps, loss_ratio, burst_ratio, mouth_to_ear_seconds)
    return _rated(
        model,
        model.robustness(bitrate_bps),
        model.note(bitrate_bps),
        loss_ratio,
        burst_ratio,
        mouth_to_ear_seconds,
    )


def _rated(
    model: _Model, robustness: codecs.Robustness, note: str, loss: float, burst: float, delay: float
) -> AudioScore:
    r_lq = model.rate(robustness, loss, burst, 0.0)
    r_cq = model.rate(robustness, loss, burst, delay)
    if limits := _limits(model, loss, burst, delay):
        note = "; ".join([note, *limits] if note else limits)
    return _score(model, r_lq, r_cq, note)


def stretched(mos: float) -> float:
    """A MOS of 1-4.5 on the scale of 1-5 (quality models 7): the definition's own range, not the codec's best."""
    return 1 + 4 * (mos - 1) / (SCALE_TOP - 1)


def _score(model: _Model, r_lq: float, r_cq: float, note: str) -> AudioScore:
    mos_cq = model.mos(r_cq)
    return AudioScore(r_lq, r_cq, model.mos(r_lq), mos_cq, stretched(mos_cq), model.name, model.ceiling, note)


def _opus_note(bitrate_bps: float) -> str:
    low, high = codecs.opus_range_bps()
    if bitrate_bps > high:
        return f"lower bound: Opus above {high / 1000:.0f} kbit/s is rated as {high / 1000:.0f} kbit/s"
    if bitrate_bps < low:
        return f"upper bound: Opus below {low / 1000:.0f} kbit/s is rated as {low / 1000:.0f} kbit/s"
    return ""


_OPUS = _Model(
    "G.107.2",
    1.48,
    lambda c, loss, burst, delay: g107_2(
        mouth_to_ear_seconds=delay, loss_ratio=loss, burst_ratio=burst, ie=c.ie, bpl=c.bpl
    ),
    codecs.opus,
    _opus_note,
)
_G722 = _Model(
    "G.107.1",
    1.29,
    lambda c, loss, burst, delay: g107_1(mouth_to_ear_seconds=delay, loss_ratio=loss, ie=c.ie, bpl=c.bpl),
    codecs.g722,
    lambda _: "Bpl 4.3 assumed (none published for G.722), burst ratio has no effect in G.107.1",
)
_G711 = _Model(
    "G.107",
    1.0,
    lambda c, loss, burst, delay: (
        g107(mouth_to_ear_seconds=delay, loss_ratio=loss, burst_ratio=burst, ie=c.ie, bpl=c.bpl).r
    ),
    lambda _: codecs.G711_WITH_CONCEALMENT,
    lambda _: "loss concealment assumed (Bpl 25.1), no echo",
)
_MODELS: dict[str, _Model] = {"opus": _OPUS, "G722": _G722, "PCMU": _G711, "PCMA": _G711}
CODECS = tuple(_MODELS)
"""Codecs that can be rated, by their names in SDP (in any case)."""


def _model(codec: str) -> _Model:
    by_lower = {name.lower(): model for name, model in _MODELS.items()}
    found = by_lower.get(codec.lower())
    if found is None:
        near = difflib.get_close_matches(codec.lower(), by_lower, n=1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise ConfigError(f"no quality model for codec {codec!r}", hint=f"{hint}allowed: {', '.join(CODECS)}")
    return found


def _check(bitrate_bps: float, loss_ratio: float, burst_ratio: float, mouth_to_ear_seconds: float) -> None:
    possible = 0 <= loss_ratio <= 1 and 0 < burst_ratio < math.inf and 0 <= mouth_to_ear_seconds < math.inf
    if possible and 0 < bitrate_bps < math.inf:
        return
    rules = (
        ("bitrate", bitrate_bps, 0 < bitrate_bps < math.inf, "bits per second, above 0"),
        ("loss ratio", loss_ratio, 0 <= loss_ratio <= 1, "0 to 1 (0.025 is 2.5 %)"),
        ("burst ratio", burst_ratio, 0 < burst_ratio < math.inf, "above 0; 1 is random loss, rated from 1 to 8"),
        ("mouth-to-ear delay", mouth_to_ear_seconds, 0 <= mouth_to_ear_seconds < math.inf, "seconds, 0 or more"),
    )
    for name, value, valid, allowed in rules:
        if not valid:
            raise ConfigError(f"{name} {value!r} is out of range", hint=f"allowed: {allowed}")


def _limits(model: _Model, loss: float, burst: float, delay: float) -> list[str]:
    """What the models' authors did not test."""
    found = []
    if burst > MAX_BURST_RATIO:
        found.append(f"burst ratio {burst:g} rated as {MAX_BURST_RATIO:g}")
    elif burst < 1:
        found.append(f"burst ratio {burst:g} rated as 1")
    if model is not _G722 and burst > 2 and loss > 0.02:
        found.append("bursts above 2 with more than 2 % loss are outside the validated range")
    if loss > 0.2:
        found.append("loss above 20 % is outside the permitted range")
    if delay > 0.5:
        found.append("delay above 0.5 s is outside the permitted range")
    return found


@dataclass(frozen=True, slots=True)
class CallQuality:
    """`mean` is rated from the time-weighted mean R of all windows (R is additive, MOS is not); the worst windows stand
    beside it, since the E-model knows neither recency nor peaks."""

    mean: AudioScore
    windows: int
    lowest_mos_cq: float
    p5_mos_cq: float


class AudioQuality:
    """The quality of one received audio stream, window by window (1-5 s each). Bounded memory."""

    def __init__(self, codec: str = "opus") -> None:
        self._model = _model(codec)
        self._bitrate = 0.0
        self._robustness = codecs.Robustness(0.0, 1.0, 1.0)  # at that bitrate, which most often stays as it is
        self._note = ""
        self._seconds = 0.0
        self._r_lq = 0.0
        self._r_cq = 0.0
        self._mos = Histogram()
        self._notes: dict[str, None] = {}  # an ordered set
        self.unrated = 0
        """Windows in which no media was due."""

    def add_window(
        self,
        loss_ratio: float | None,
        burst_ratio: float = 1.0,
        delay: float = 0.0,
        bitrate: float = 0.0,
        duration: float = 1.0,
    ) -> AudioScore | None:
        """Rate one window of `duration` seconds (values as for `audio_score`): its score, None where nothing was due.

        `loss_ratio` None: no packet was due. A bitrate of 0 (all packets of the window lost) means the last known one;
        before any media flowed there is nothing to rate.
        """
        if not 0 < duration < math.inf:
            raise ConfigError(f"window duration {duration!r} is out of range", hint="allowed: seconds, above 0")
        if bitrate and bitrate != self._bitrate:
            self._take_bitrate(bitrate)
        if loss_ratio is None or not self._bitrate:
            self.unrated += 1
            return None
        _check(self._bitrate, loss_ratio, burst_ratio, delay)
        score = _rated(self._model, self._robustness, self._note, loss_ratio, burst_ratio, delay)
        self._seconds += duration
        self._r_lq += score.r_lq * duration
        self._r_cq += score.r_cq * duration
        self._mos.add(score.mos_cq)
        self._remember(score.note)
        return score

    def _take_bitrate(self, bitrate: float) -> None:
        _check(bitrate, 0.0, 1.0, 0.0)
        self._bitrate, self._robustness = bitrate, self._model.robustness(bitrate)
        self._note = self._model.note(bitrate)

    def _remember(self, note: str) -> None:
        if note and len(self._notes) < 8:
            self._notes.update(dict.fromkeys(part for part in note.split("; ") if part))

    def result(self) -> CallQuality | None:
        """The call so far; None where no media flowed."""
        lowest, p5 = self._mos.minimum, self._mos.quantile(0.05)
        if lowest is None or p5 is None:
            return None
        mean = _score(self._model, self._r_lq / self._seconds, self._r_cq / self._seconds, "; ".join(self._notes))
        return CallQuality(mean, self._mos.count, lowest, p5)

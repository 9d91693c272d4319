"""Prepared test audio: a speech-like clip or a user's file with chirps to time it by, as a loop of Opus packets."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from pathlib import Path

import av
import numpy as np
from av import AudioFrame
from av.audio.codeccontext import AudioCodecContext
from numpy.typing import NDArray

from probe.media.clip import read_samples
from probe.media.speech import Signal, synthesise
from probe.model.errors import ConfigError, MediaError

RATE = 48_000
PACKET_SAMPLES = 960
"""20 ms at 48 kHz: the RTP timestamp step of one packet."""

CHIRP_SECONDS = 0.1
CHIRP_BAND = (600.0, 3400.0)  # inside what Opus' `voip` high-pass and its narrowest band leave alone
CHIRP_PEAK = 0.244  # 8000 of 32768
_CHIRP_FIRST = 200  # ms
# The spacings alternate: a delay of whole seconds would fit every chirp of an even train, and none of this one.
_CHIRP_SPACINGS = (900, 1100)


@dataclass(frozen=True, slots=True)
class AudioSpec:
    """What to send: Opus bits per second, loop length in seconds, and a file instead of the generated clip."""

    bitrate_bps: int = 48_000
    seconds: int = 10
    file: Path | None = None

    def __post_init__(self) -> None:
        if not 6_000 <= self.bitrate_bps <= 510_000:
            raise ConfigError(f"audio bitrate_bps {self.bitrate_bps!r} can't be used", hint="allowed: 6 000 to 510 000")
        if not 1 <= self.seconds <= 120:
            raise ConfigError(f"audio seconds {self.seconds!r} can't be used", hint="allowed: 1 to 120")


@dataclass(frozen=True, eq=False)
class EncodedAudio:
    """Packets of 20 ms mono Opus, and when in the loop (seconds) each chirp begins: even ones rise, odd ones fall."""

    spec: AudioSpec
    packets: tuple[bytes, ...]
    chirp_times: tuple[float, ...]


class AudioCursor:
    """Plays the loop from packet `start` (taken modulo), over and over."""

    def __init__(self, encoded: EncodedAudio, start: int = 0) -> None:
        self.encoded = encoded
        self._packets = encoded.packets
        self._position = start % len(self._packets)

    @property
    def position(self) -> int:
        """Which packet of the loop comes next."""
        return self._position

    def next(self) -> bytes:
        packet = self._packets[self._position]
        self._position = (self._position + 1) % len(self._packets)
        return packet


@lru_cache(maxsize=4)
def prepare_audio(spec: AudioSpec) -> EncodedAudio:
    """The encoded loop for `spec` (kept for the life of the process; under a second to make). Raises MediaError."""
    sound = _source(spec)
    times = chirp_times(spec.seconds)
    for number, time in enumerate(times):
        wave = chirp(rising=number % 2 == 0)
        span = sound[round(time * RATE) :][: len(wave)]
        span *= 1 - 0.8 * np.hanning(len(wave))  # the speech steps back, lest it hide the chirp
        span += wave
    return EncodedAudio(spec, _encode(np.clip(sound, -1, 1), spec.bitrate_bps), times)


def chirp_times(seconds: float) -> tuple[float, ...]:
    """When chirps begin in a loop of that length: 0.9 s and 1.1 s apart by turns, all of each inside the loop."""
    times, time = [], _CHIRP_FIRST
    while time + 1000 * CHIRP_SECONDS <= 1000 * seconds:
        times.append(time / 1000)
        time += _CHIRP_SPACINGS[(len(times) - 1) % 2]
    return tuple(times)


def chirp(*, rising: bool) -> Signal:
    """A linear sweep through CHIRP_BAND under a Hann window, within ±CHIRP_PEAK, at RATE."""
    time = np.arange(round(CHIRP_SECONDS * RATE)) / RATE
    low, high = CHIRP_BAND if rising else CHIRP_BAND[::-1]
    sweep = np.sin(2 * np.pi * (low * time + (high - low) * time**2 / (2 * CHIRP_SECONDS)))
    return np.asarray(CHIRP_PEAK * np.hanning(len(time)) * sweep, dtype=np.float64)


def _source(spec: AudioSpec) -> Signal:
    if spec.file is None:
        return synthesise(RATE, spec.seconds)
    return read_samples(spec.file, RATE, spec.seconds) / 32768.0


def _encode(sound: Signal, bitrate_bps: int) -> tuple[bytes, ...]:
    try:
        context = _encoder(bitrate_bps)
        pieces = (sound * 32767).astype(np.int16).reshape(-1, PACKET_SAMPLES)
        packets = [packet for number, piece in enumerate(pieces) for packet in context.encode(_frame(piece, number))]
    except av.FFmpegError as error:
        raise MediaError(f"Opus can't be encoded at {bitrate_bps} bit/s: {error}", phase="encode") from error
    if len(packets) != len(pieces):
        raise MediaError(f"Opus made {len(packets)} packets of {len(pieces)} frames", phase="encode")
    return tuple(bytes(packet) for packet in packets)


def _encoder(bitrate_bps: int) -> AudioCodecContext:
    context = av.CodecContext.create("libopus", "w")
    assert isinstance(context, AudioCodecContext)
    context.sample_rate, context.layout, context.format = RATE, "mono", "s16"
    context.bit_rate = bitrate_bps
    context.time_base = Fraction(1, RATE)
    context.options = {"application": "voip", "frame_duration": "20", "dtx": "0"}
    return context


def _frame(samples: NDArray[np.int16], number: int) -> AudioFrame:
    frame = AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="mono")
    frame.sample_rate, frame.time_base, frame.pts = RATE, Fraction(1, RATE), number * PACKET_SAMPLES
    return frame

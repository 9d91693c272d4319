"""A speech-like sound made of arithmetic: voiced syllables with moving formants, hisses between them, and pauses.

Not intelligible and nobody's voice, but it has what codecs and playout react to: pitch, formants, onsets, silence.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Signal = NDArray[np.float64]

# First three formants (Hz) of open, front, back and neutral vowels, rounded.
_FRONT, _BACK = ((270, 2290, 3010), (530, 1840, 2480)), ((300, 870, 2240), (570, 840, 2410))
_VOWELS = ((730, 1090, 2440), (500, 1500, 2500), *_FRONT, *_BACK)
_BANDWIDTHS = (80.0, 110.0, 160.0)
_LEVEL = 0.22  # peak of a stressed syllable, of full scale
_ROOM = 5e-4  # noise of a quiet room: without it, VBR codecs nearly stop sending in the pauses


def synthesise(rate: int, seconds: float, seed: int = 1) -> Signal:
    """`seconds` of speech-like mono sound within ±1 at `rate` samples per second. The same seed, the same sound."""
    rng = np.random.default_rng(seed)
    total = round(rate * seconds)
    sound = rng.normal(0, _ROOM, total)
    at, left_in_phrase = round(0.1 * rate), 6
    while at < total:
        piece = _syllable(rate, rng)
        end = min(total, at + len(piece))
        sound[at:end] += piece[: end - at]
        at, left_in_phrase = at + len(piece), left_in_phrase - 1
        if left_in_phrase == 0:
            at += round(rng.uniform(0.25, 0.6) * rate)
            left_in_phrase = int(rng.integers(5, 11))
    return sound


def _syllable(rate: int, rng: np.random.Generator) -> Signal:
    """A vowel of 120–260 ms that glides to another one, in half of all cases after a hiss."""
    length = round(rng.uniform(0.12, 0.26) * rate)
    pitch = np.linspace(rng.uniform(105, 140), rng.uniform(90, 125), length)
    begin, end = (np.array(_VOWELS[k], dtype=np.float64) for k in rng.integers(0, len(_VOWELS), 2))
    glide = np.linspace(0, 1, length)[:, None]
    voice = _voiced(rate, pitch, begin * (1 - glide) + end * glide)
    voice *= _LEVEL * rng.uniform(0.5, 1.0) / max(1e-9, float(np.abs(voice).max()))
    voice *= np.sin(np.pi * np.linspace(0, 1, length)) ** 0.5
    return np.concatenate([_hiss(rate, rng), voice]) if rng.random() < 0.5 else voice


def _voiced(rate: int, pitch: Signal, formants: Signal) -> Signal:
    """A sum of harmonics of `pitch` (Hz per sample), weighted by resonances at `formants` (shape (samples, 3), Hz)."""
    phase = 2 * math.pi * np.cumsum(pitch) / rate
    sound = np.zeros(len(pitch))
    for harmonic in range(1, int(4000 / pitch.max()) + 1):
        frequency = harmonic * pitch
        gain = sum(1 / (1 + ((frequency - formants[:, k]) / _BANDWIDTHS[k]) ** 2) / (k + 1) for k in range(3))
        sound += (gain + 0.02) / math.sqrt(harmonic) * np.sin(harmonic * phase)
    return sound


def _hiss(rate: int, rng: np.random.Generator) -> Signal:
    """40–90 ms of high-passed noise, as of an s or f."""
    noise = np.diff(rng.normal(0, 1, round(rng.uniform(0.04, 0.09) * rate) + 1))
    return np.asarray(noise * np.hanning(len(noise)) * 0.02, dtype=np.float64)

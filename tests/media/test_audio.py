from __future__ import annotations

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from probe.media.audio import RATE, AudioCursor, AudioSpec, EncodedAudio, chirp, chirp_times, prepare_audio
from probe.media.speech import synthesise
from probe.model.errors import ConfigError

LOOK_AHEAD = 312 / RATE  # libopus at 48 kHz, voip


@pytest.fixture(scope="module")
def audio() -> EncodedAudio:
    return prepare_audio(AudioSpec(48_000))


@pytest.fixture(scope="module")
def sound(audio: EncodedAudio) -> NDArray[np.float64]:
    decoder = av.CodecContext.create("libopus", "r")
    assert isinstance(decoder, av.AudioCodecContext)
    decoder.sample_rate, decoder.layout = RATE, "mono"
    frames = [frame for packet in audio.packets for frame in decoder.decode(av.Packet(packet))]
    assert {frame.samples for frame in frames} == {960}
    scale = 32768.0 if frames[0].format.name.startswith("s16") else 1.0
    return np.concatenate([frame.to_ndarray().reshape(-1) for frame in frames]).astype(np.float64) / scale


def test_every_packet_is_twenty_milliseconds_of_mono(audio: EncodedAudio) -> None:
    assert len(audio.packets) == 500
    for packet in audio.packets:
        config, stereo, frames = packet[0] >> 3, packet[0] >> 2 & 1, packet[0] & 3  # RFC 6716 3.1
        seconds = {1: 0.02, 5: 0.02, 9: 0.02, 13: 0.02, 15: 0.02, 19: 0.02, 23: 0.02, 27: 0.02, 31: 0.02}[config]
        assert (seconds, stereo, frames) == (0.02, 0, 0)


@pytest.mark.parametrize("spec", [AudioSpec(), AudioSpec(48_000), AudioSpec(24_000)])
def test_the_bitrate_is_about_the_wanted_one_and_pauses_are_sent_too(spec: AudioSpec) -> None:
    packets = prepare_audio(spec).packets
    assert 0.85 * spec.bitrate_bps < 8 * sum(map(len, packets)) / spec.seconds < 1.05 * spec.bitrate_bps
    assert min(map(len, packets)) > 10  # DTX packets have 1 or 2 bytes


def test_the_default_is_above_where_the_opus_table_ends() -> None:
    assert 8 * sum(map(len, prepare_audio(AudioSpec()).packets)) / 10 > 40_000


def test_the_whole_loop_decodes(sound: NDArray[np.float64]) -> None:
    assert len(sound) == 10 * RATE
    assert 0.02 < np.sqrt((sound**2).mean()) < 0.2
    assert np.abs(sound).max() < 1


def test_chirps_come_out_where_they_were_put(audio: EncodedAudio, sound: NDArray[np.float64]) -> None:
    assert audio.chirp_times == (0.2, 1.1, 2.2, 3.1, 4.2, 5.1, 6.2, 7.1, 8.2, 9.1)
    margin = 2400
    for number, time in enumerate(audio.chirp_times):
        wave = chirp(rising=number % 2 == 0)
        other = chirp(rising=number % 2 == 1)
        start = round(time * RATE)
        heard = sound[start - margin : start + len(wave) + margin]
        power = np.sqrt(np.convolve(heard**2, np.ones(len(wave)), "valid") * (wave**2).sum())
        match = np.correlate(heard, wave, "valid") / power
        assert match.max() > 0.8
        assert match.max() > 1.5 * np.abs(np.correlate(heard, other, "valid") / power).max()
        assert (np.argmax(match) - margin) / RATE == pytest.approx(LOOK_AHEAD, abs=0.0002)


@pytest.mark.parametrize(
    ("seconds", "times"),
    [(0.29, ()), (0.3, (0.2,)), (1, (0.2,)), (2.3, (0.2, 1.1, 2.2)), (2.29, (0.2, 1.1))],
)
def test_chirps_lie_inside_the_loop(seconds: float, times: tuple[float, ...]) -> None:
    assert chirp_times(seconds) == times


def test_a_chirp_sweeps_its_band() -> None:
    wave = chirp(rising=True)
    assert len(wave) == 4800
    assert np.allclose(wave, -chirp(rising=False)[::-1], atol=0.02) or np.allclose(
        np.abs(np.fft.rfft(wave)), np.abs(np.fft.rfft(chirp(rising=False))), atol=2.0
    )
    spectrum = np.abs(np.fft.rfft(wave)) ** 2
    frequency = np.fft.rfftfreq(len(wave), 1 / RATE)
    inside = (frequency > 600) & (frequency < 3400)
    assert spectrum[inside].sum() / spectrum.sum() > 0.99
    assert np.abs(wave).max() == pytest.approx(0.244, rel=0.01)


def test_speech_has_pauses_and_syllables_and_is_the_same_each_time() -> None:
    sound = synthesise(16_000, 10)
    assert np.array_equal(sound, synthesise(16_000, 10))
    assert not np.array_equal(sound, synthesise(16_000, 10, seed=2))
    level = np.sqrt((sound[: 160 * 1000].reshape(-1, 320) ** 2).mean(axis=1))  # 20 ms
    assert 0.1 < (level < 0.001).mean() < 0.5
    assert (level > 0.02).mean() > 0.3
    assert np.abs(sound).max() <= 0.25


def test_the_cursor_plays_the_loop(audio: EncodedAudio) -> None:
    cursor = AudioCursor(audio, 498 + 500)
    assert [cursor.next() for _ in range(4)] == [audio.packets[n] for n in (498, 499, 0, 1)]


@pytest.mark.parametrize(("bitrate", "seconds"), [(5_999, 10), (510_001, 10), (48_000, 0), (48_000, 121)])
def test_wrong_specs_are_refused(bitrate: int, seconds: int) -> None:
    with pytest.raises(ConfigError, match="can't be used"):
        AudioSpec(bitrate, seconds)


def test_other_bitrates() -> None:
    low, high = (sum(map(len, prepare_audio(AudioSpec(rate, 2)).packets)) for rate in (16_000, 96_000))
    assert high > 3 * low

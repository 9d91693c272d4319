from __future__ import annotations

import wave
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av import VideoFrame

from probe.media.audio import AudioSpec, prepare_audio
from probe.media.clip import fit_picture, read_pictures, read_samples
from probe.media.decoder import VideoDecoder
from probe.media.picture import PictureScorer
from probe.media.prepare import prepare_video
from probe.media.video import VideoSpec
from probe.media.yuv import split_planes, to_frame
from probe.model.errors import MediaError

SPEC = VideoSpec(width=160, height=90, fps=10, bitrate_bps=200_000, seconds=2)


def write_clip(path: Path, levels: list[int], fps: int, size: tuple[int, int] = (160, 90)) -> Path:
    """A clip whose frame n is a flat grey of `levels[n]`."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=fps, options={"qp": "4", "bf": "0"})
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        for number, level in enumerate(levels):
            picture = np.full((size[1] * 3 // 2, size[0]), 128, np.uint8)
            picture[: size[1]] = level
            frame = to_frame(picture)
            frame.pts, frame.time_base = number, Fraction(1, fps)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def write_tone(path: Path, seconds: float, rate: int = 44_100, channels: int = 2, frequency: float = 1000.0) -> Path:
    time = np.arange(round(seconds * rate)) / rate
    tone = (8000 * np.sin(2 * np.pi * frequency * time)).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.repeat(tone, channels).tobytes())
    return path


def ramp(count: int) -> list[int]:
    return [40 + 4 * number for number in range(count)]


def shown(path: Path, spec: VideoSpec) -> list[int]:
    """Which frames of a ramp the pictures show."""
    return [round((float(split_planes(picture)[0].mean()) - 40) / 4) for picture in read_pictures(path, spec)]


@pytest.mark.parametrize(
    ("fps", "count", "expected"),
    [
        (10, 20, list(range(20))),
        (20, 40, list(range(0, 40, 2))),
        (30, 50, [*range(0, 50, 3), 49, 0, 3]),
        (5, 10, [number // 2 for number in range(20)]),
        (8, 16, [(number * 8 + 2) // 10 for number in range(20)]),
        (10, 3, [number % 3 for number in range(20)]),
        (5, 4, [number // 2 % 4 for number in range(20)]),
        (10, 50, list(range(20))),
        (10, 1, [0] * 20),
    ],
)
def test_a_clip_of_any_rate_and_length(tmp_path: Path, fps: int, count: int, expected: list[int]) -> None:
    assert shown(write_clip(tmp_path / "a.mp4", ramp(count), fps), SPEC) == expected


@pytest.mark.parametrize("fps", [24, 30, 60])
def test_times_rounded_to_milliseconds_lose_no_frame(tmp_path: Path, fps: int) -> None:
    path = write_clip(tmp_path / "a.mkv", ramp(40), fps)
    spec = VideoSpec(width=160, height=90, fps=fps, bitrate_bps=200_000, seconds=1)
    assert shown(path, spec)[:40] == list(range(min(fps, 40)))


@pytest.mark.parametrize(("size", "inner"), [((90, 90), (90, 90)), ((320, 90), (160, 44)), ((160, 90), (160, 90))])
def test_the_picture_keeps_its_shape_on_black(size: tuple[int, int], inner: tuple[int, int]) -> None:
    grey = VideoFrame.from_ndarray(np.full((size[1], size[0]), 200, np.uint8), format="gray")
    luma, u, _ = split_planes(fit_picture(grey, 160, 90))
    lit = luma > 100
    assert (np.flatnonzero(lit.any(axis=0)).size, np.flatnonzero(lit.any(axis=1)).size) == inner
    assert np.abs(u.astype(int) - 128).max() <= 1
    assert luma[~lit].size == 0 or set(luma[~lit].tolist()) == {16}
    rows = np.flatnonzero(lit.any(axis=1))
    assert abs(int(rows[0]) - (89 - int(rows[-1]))) <= 2  # centred


def test_a_user_s_clip_is_sent_and_scored_like_ours(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.mp4", [60 + 5 * n for n in range(20)], fps=10, size=(120, 90))
    video = prepare_video(VideoSpec(width=160, height=90, fps=10, bitrate_bps=200_000, seconds=2, file=path))
    decoder, scorer = VideoDecoder("VP8"), PictureScorer(video)
    readings = [scorer.score(decoder.decode(frame.data)[0]) for frame in video.frames]
    assert [reading.index for reading in readings] == list(range(20))
    assert all(reading.identical for reading in readings)


def test_a_changed_file_is_prepared_anew(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.mp4", [60] * 5, fps=10)
    spec = VideoSpec(width=160, height=90, fps=10, bitrate_bps=200_000, seconds=1, file=path)
    before = prepare_video(spec).reference_picture(0).mean()
    write_clip(path, [160] * 7, fps=10)
    assert prepare_video(spec).reference_picture(0).mean() > before + 20


def broken_files(folder: Path) -> dict[str, Path]:
    text = folder / "text.mp4"
    text.write_text("this is no film " * 50)
    empty = folder / "empty.mp4"
    empty.write_bytes(b"")
    whole = write_clip(folder / "whole.mp4", [60] * 20, fps=10)
    cut = folder / "cut.mp4"
    cut.write_bytes(whole.read_bytes()[:200])
    return {"missing": folder / "no.mp4", "folder": folder, "text": text, "empty": empty, "cut": cut}


@pytest.mark.parametrize("kind", ["missing", "folder", "text", "empty", "cut"])
def test_an_unreadable_file_is_named_with_the_reason(tmp_path: Path, kind: str) -> None:
    path = broken_files(tmp_path)[kind]
    with pytest.raises(MediaError, match="can't be read") as video:
        prepare_video(VideoSpec(file=path))
    with pytest.raises(MediaError, match="can't be read") as audio:
        prepare_audio(AudioSpec(file=path))
    assert video.value.who == audio.value.who == str(path)
    assert all(len(error.value.message) > len("can't be read: ") + 10 for error in (video, audio))


def test_a_file_without_the_wanted_stream_is_named(tmp_path: Path) -> None:
    sound, film = write_tone(tmp_path / "a.wav", 1.0), write_clip(tmp_path / "v.mp4", [60] * 5, fps=10)
    with pytest.raises(MediaError, match="no video stream") as caught:
        read_pictures(sound, SPEC)
    assert caught.value.who == str(sound)
    with pytest.raises(MediaError, match="no audio stream") as caught:
        read_samples(film, 48_000, 1)
    assert caught.value.who == str(film)


def test_a_file_with_an_empty_stream_is_named(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="no audio could be decoded"):
        read_samples(write_tone(tmp_path / "empty.wav", 0.0), 48_000, 1)


def test_sound_is_made_mono_at_the_rate_and_repeated(tmp_path: Path) -> None:
    samples = read_samples(write_tone(tmp_path / "a.wav", 0.5), 48_000, 2)
    assert (samples.shape, samples.dtype) == ((96_000,), np.dtype(np.int16))
    spectrum = np.abs(np.fft.rfft(samples[2400:21_600]))
    assert np.argmax(spectrum) * 48_000 / 19_200 == pytest.approx(1000, abs=3)
    assert np.sqrt((samples[2400:21_600].astype(float) ** 2).mean()) == pytest.approx(8000 / np.sqrt(2), rel=0.02)
    assert np.array_equal(samples[:20_000], samples[24_000:44_000])


def test_a_long_sound_is_cut(tmp_path: Path) -> None:
    assert len(read_samples(write_tone(tmp_path / "a.wav", 3.0), 48_000, 1)) == 48_000

from __future__ import annotations

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from probe.media.decoder import VideoDecoder
from probe.media.encoder import encode_gop
from probe.media.strip import CELLS, crop_rows, draw_strip, frame_id, read_strip, split_frame_id, strip_height
from probe.media.video import VideoSpec
from probe.media.yuv import frame_luma, mark

VALUES = st.integers(0, 2**32 - 1)
SIZES = st.sampled_from([(96, 54), (160, 90), (176, 144), (320, 180), (500, 282), (640, 360), (1280, 720), (360, 640)])


def drawn(value: int, width: int = 640, height: int = 360) -> NDArray[np.uint8]:
    luma = np.full((height, width), 128, np.uint8)
    draw_strip(luma, value)
    return luma


def cells(luma: NDArray[np.uint8]) -> str:
    centres = (2 * np.arange(CELLS) + 1) * luma.shape[1] // (2 * CELLS)
    return "".join("1" if level > 128 else "0" for level in luma[1, centres])


def long_division(bits: str) -> str:
    """CRC-12 by polynomial division over bits: 12 ones are added to the head, 12 zeros to the tail."""
    work = [int(bit) for bit in bits] + [0] * 12
    for position in range(12):
        work[position] ^= 1
    for position in range(len(bits)):
        if work[position]:
            for offset, bit in enumerate("1100000001111"):  # x^12 + 0x80F
                work[position + offset] ^= int(bit)
    return "".join(map(str, work[-12:]))


@given(VALUES, SIZES)
def test_what_is_drawn_is_read(value: int, size: tuple[int, int]) -> None:
    assert read_strip(drawn(value, *size)) == value


@given(VALUES)
def test_the_cells_are_sync_gray_code_crc_sync(value: int) -> None:
    payload = format(value ^ value >> 1, "032b")
    assert cells(drawn(value)) == "10" + payload + long_division(payload) + "01"


def test_the_levels_and_the_height_are_those_of_the_definition() -> None:
    luma = drawn(0)
    assert set(np.unique(luma[:20]).tolist()) == {32, 224}
    assert (luma[20:] == 128).all()
    assert [strip_height(height) for height in (90, 180, 360, 720)] == [5, 10, 20, 40]
    assert [crop_rows(height) for height in (90, 180, 360, 720)] == [22, 26, 36, 56]


@given(st.integers(0, 2**24 - 2), st.integers(0, 255))
def test_neighbours_differ_in_one_payload_cell(index: int, content: int) -> None:
    one, two = (cells(drawn(frame_id(content, number)))[2:34] for number in (index, index + 1))
    assert sum(a != b for a, b in zip(one, two, strict=True)) == 1


@given(VALUES, st.integers(0, CELLS - 1))
def test_any_single_wrong_cell_is_noticed(value: int, cell: int) -> None:
    luma = drawn(value, 48 * 4, 108)
    luma[:, cell * 4 : cell * 4 + 4] = 256 - luma[:, cell * 4 : cell * 4 + 4].astype(int)
    assert read_strip(luma) is None


@given(VALUES, st.integers(2, 12))
def test_bursts_up_to_the_crc_length_are_noticed(value: int, length: int) -> None:
    luma = drawn(value, 48 * 4, 108)
    luma[:, 3 * 4 : (3 + length) * 4] = 256 - luma[:, 3 * 4 : (3 + length) * 4].astype(int)
    assert read_strip(luma) is None


@pytest.mark.parametrize("level", [0, 128, 255])
def test_a_flat_picture_has_no_strip(level: int) -> None:
    assert read_strip(np.full((360, 640), level, np.uint8)) is None


def test_too_little_contrast_is_refused() -> None:
    luma = drawn(12345).astype(float)
    assert read_strip((128 + (luma - 128) * 0.19).astype(np.uint8)) is None  # 36 steps
    assert read_strip((128 + (luma - 128) * 0.25).astype(np.uint8)) == 12345  # 48 steps


def test_noise_and_a_missing_border_do_not_matter() -> None:
    luma = drawn(0xDEADBEEF)
    noisy = luma + np.random.default_rng(1).normal(0, 25, luma.shape)
    assert read_strip(np.clip(noisy, 0, 255).astype(np.uint8)) == 0xDEADBEEF


@pytest.mark.parametrize("width", [0, 1, 48, 95])
def test_a_picture_too_narrow_for_the_cells_has_no_strip(width: int) -> None:
    assert read_strip(np.zeros((90, width), np.uint8)) is None


def test_random_pictures_are_hardly_ever_taken_for_a_strip() -> None:
    rng = np.random.default_rng(7)
    blocks = rng.choice(np.array([32, 224], np.uint8), (2000, CELLS))
    read = [read_strip(np.repeat(np.repeat(row[None, :], 36, axis=0), 2, axis=1)) for row in blocks]
    assert sum(value is not None for value in read) <= 3  # expected: 2000 / 2^16


@given(st.integers(0, 255), st.integers(0, 2**24 - 1))
def test_frame_ids_split_into_what_they_were_made_of(content: int, index: int) -> None:
    assert split_frame_id(frame_id(content, index)) == (content, index)


@pytest.mark.parametrize(("content", "index"), [(-1, 0), (256, 0), (0, -1), (0, 2**24)])
def test_ids_that_do_not_fit_are_refused(content: int, index: int) -> None:
    with pytest.raises(ValueError, match="does not fit"):
        frame_id(content, index)


def test_values_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="does not fit"):
        draw_strip(np.zeros((90, 160), np.uint8), 2**32)


@pytest.mark.parametrize(("codec", "bitrate"), [("VP8", 60_000), ("H264", 60_000)])
def test_it_survives_poor_encoding_and_halving(codec: str, bitrate: int) -> None:
    spec = VideoSpec(width=320, height=180, fps=30, bitrate_bps=bitrate, codec=codec)
    grain = np.random.default_rng(3).integers(90, 160, (270, 320), dtype=np.uint8)
    pictures = [np.roll(grain, n, axis=1).copy() for n in range(10)]
    for number, picture in enumerate(pictures):
        mark(picture, frame_id(9, 1000 + number))
    decoder = VideoDecoder(codec)
    shown = [frame for data, _ in encode_gop(spec, pictures) for frame in decoder.decode(data)]
    halves = [frame.reformat(160, 90) for frame in shown]
    for frames in (shown, halves):
        assert all(isinstance(frame, av.VideoFrame) for frame in frames)
        assert [read_strip(frame_luma(frame)) for frame in frames] == [frame_id(9, 1000 + n) for n in range(10)]

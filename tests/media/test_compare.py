from __future__ import annotations

import math

import numpy as np
import pytest
from av import VideoFrame
from numpy.typing import NDArray

from probe.media.compare import MAX_PSNR_DB, Comparator, psnr_ssim
from probe.media.scene import Scene
from probe.media.strip import crop_rows
from probe.media.yuv import split_planes, to_frame

WIDTH, HEIGHT = 320, 180


def flat(level: int) -> NDArray[np.uint8]:
    return np.full((HEIGHT * 3 // 2, WIDTH), level, np.uint8)


def picture() -> NDArray[np.uint8]:
    return Scene(WIDTH, HEIGHT, 10).render(0)


def test_equal_pictures() -> None:
    assert psnr_ssim(to_frame(picture()), to_frame(picture())) == (MAX_PSNR_DB, 1.0)


@pytest.mark.parametrize(("a", "b"), [(100, 101), (100, 110), (60, 200)])
def test_flat_pictures_give_what_the_formulas_say(a: int, b: int) -> None:
    psnr, ssim = psnr_ssim(to_frame(flat(a)), to_frame(flat(b)))
    assert psnr == pytest.approx(20 * math.log10(255 / abs(a - b)), abs=0.01)
    c1 = (0.01 * 255) ** 2  # Wang et al. 2004, no variance: the luminance term alone
    assert ssim == pytest.approx((2 * a * b + c1) / (a * a + b * b + c1), rel=3e-4)


def test_psnr_of_one_wrong_pixel() -> None:
    reference, damaged = flat(100), flat(100)
    damaged[100, 50] = 140
    psnr, ssim = psnr_ssim(to_frame(damaged), to_frame(reference))
    pixels = WIDTH * (HEIGHT - crop_rows(HEIGHT))
    assert psnr == pytest.approx(10 * math.log10(255**2 * pixels / 1600), abs=0.06)  # the filter prints two digits
    assert 0.99 < ssim < 1


def test_the_strip_and_the_macroblock_below_do_not_count_and_the_next_row_does() -> None:
    rows = crop_rows(HEIGHT)
    damaged = picture()
    split_planes(damaged)[0][:rows] = 0
    assert psnr_ssim(to_frame(damaged), to_frame(picture())) == (MAX_PSNR_DB, 1.0)
    split_planes(damaged)[0][rows] = 0
    assert psnr_ssim(to_frame(damaged), to_frame(picture()))[0] < 40


def test_chroma_does_not_count() -> None:
    damaged = picture()
    for chroma in split_planes(damaged)[1:]:
        chroma[:] = 0
    assert psnr_ssim(to_frame(damaged), to_frame(picture())) == (MAX_PSNR_DB, 1.0)


def test_other_sizes_and_formats_are_scaled_to_the_reference() -> None:
    reference = to_frame(picture())
    half = reference.reformat(WIDTH // 2, HEIGHT // 2)
    psnr, ssim = psnr_ssim(half, reference)
    assert 20 < psnr < 45
    assert 0.6 < ssim < 1
    assert isinstance(reference, VideoFrame)
    assert psnr_ssim(reference.reformat(format="yuv444p"), reference)[0] > 60


def test_one_comparator_serves_many_pairs_and_gives_each_its_own_result() -> None:
    comparator = Comparator(WIDTH, HEIGHT)
    results = [comparator.psnr_ssim(to_frame(flat(100 + step)), to_frame(flat(100))) for step in range(1, 40)]
    single = [psnr_ssim(to_frame(flat(100 + step)), to_frame(flat(100))) for step in range(1, 40)]
    assert results == single
    assert results == sorted(results, reverse=True)

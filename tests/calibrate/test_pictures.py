"""Second-way picture scores: they agree on the true, and tell the false."""

from __future__ import annotations

import numpy as np
import pytest

from probe.calibrate.pictures import EVERY, Score, compare_call, compare_damaged, psnr, ssim
from probe.calibrate.rows import Row, RowWriter
from probe.media.prepare import prepare_video
from probe.media.video import EncodedVideo, VideoSpec


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> EncodedVideo:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MEETPROBE_CACHE", str(tmp_path_factory.mktemp("cache")))
        return prepare_video(VideoSpec(width=320, height=180, fps=15, bitrate_bps=200_000, seconds=4))


def known(content: EncodedVideo) -> list[Score]:
    return [Score(one.psnr_db, one.ssim) for one in content.reconstructions]


def test_what_the_probe_scores_is_what_the_pixels_say(content: EncodedVideo) -> None:
    rows: list[Row] = []
    compare_call(RowWriter("x", rows), content, [frame.data for frame in content.frames], known(content))
    assert len(rows) == 2
    assert all(row.ok for row in rows)
    assert rows[0].reading.endswith(f"of {-(-len(content.frames) // EVERY)}")


def test_a_score_that_is_a_little_off_is_told(content: EncodedVideo) -> None:
    rows: list[Row] = []
    wrong = [Score(score.psnr_db + 1e-4, score.ssim + 1e-5) for score in known(content)]
    compare_call(RowWriter("x", rows), content, [frame.data for frame in content.frames], wrong)
    assert [row.measured for row in rows] == [-(-len(content.frames) // EVERY)] * 2
    assert not any(row.ok for row in rows)


def test_damaged_pictures_too(content: EncodedVideo) -> None:
    rows: list[Row] = []
    compare_damaged(RowWriter("x", rows), content)
    assert len(rows) == 2  # there are some
    assert all(row.ok for row in rows)


def test_the_formulas() -> None:
    a, b = np.full((32, 64), 100.0), np.full((32, 64), 110.0)
    assert psnr(a, b) == pytest.approx(20 * np.log10(25.5), abs=1e-6)
    assert psnr(a, a) == 100.0
    c1 = (0.01 * 255) ** 2
    assert ssim(a, b) == pytest.approx((2 * 100 * 110 + c1) / (100**2 + 110**2 + c1), abs=1e-4)
    assert ssim(a, a) == 1.0

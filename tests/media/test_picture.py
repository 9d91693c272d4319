from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from av import VideoFrame

from probe.measure.video_quality import SsimCalibration
from probe.media.compare import psnr_ssim
from probe.media.decoder import VideoDecoder
from probe.media.picture import UNREAD, PictureScorer
from probe.media.ssim_calibration import calibration_for
from probe.media.strip import crop_rows
from probe.media.video import EncodedVideo
from probe.media.yuv import mark, split_planes, to_frame, to_picture


@pytest.fixture(scope="module")
def decoded(small_video: EncodedVideo) -> list[VideoFrame]:
    decoder = VideoDecoder("VP8")
    return [decoder.decode(frame.data)[0] for frame in small_video.frames]


def test_an_undamaged_picture_has_the_known_score(small_video: EncodedVideo, decoded: list[VideoFrame]) -> None:
    scorer = PictureScorer(small_video)
    for index, frame in enumerate(decoded):
        reading, known = scorer.score(frame), small_video.reconstruction_score(index)
        assert (reading.index, reading.identical) == (index, True)
        assert (reading.psnr_db, reading.ssim) == (known.psnr_db, known.ssim)
        assert (reading.psnr_db, reading.ssim) == psnr_ssim(frame, small_video.reference(index))
        assert reading.mos == calibration_for(180).mos(known.ssim)


def test_any_order_and_repetition(small_video: EncodedVideo, decoded: list[VideoFrame]) -> None:
    scorer = PictureScorer(small_video)
    assert [scorer.score(decoded[index]).index for index in (29, 3, 3, 17)] == [29, 3, 3, 17]


def test_a_damaged_picture_is_compared_with_its_own_source(
    small_video: EncodedVideo, decoded: list[VideoFrame]
) -> None:
    picture = to_picture(decoded[12]).copy()
    split_planes(picture)[0][100:140, 60:200] = 128
    reading = PictureScorer(small_video).score(to_frame(picture))
    whole = small_video.reconstruction_score(12)
    assert (reading.index, reading.identical) == (12, False)
    assert (reading.psnr_db, reading.ssim) == psnr_ssim(to_frame(picture), small_video.reference(12))
    assert reading.psnr_db is not None
    assert reading.psnr_db < whole.psnr_db - 3
    assert reading.mos is not None
    assert reading.mos < calibration_for(180).mos(whole.ssim)


def test_damage_under_the_strip_costs_identity_but_no_quality(
    small_video: EncodedVideo, decoded: list[VideoFrame]
) -> None:
    picture = to_picture(decoded[5]).copy()
    split_planes(picture)[0][crop_rows(180) - 1] = 0
    reading = PictureScorer(small_video).score(to_frame(picture))
    assert not reading.identical
    assert reading.ssim == small_video.reconstruction_score(5).ssim


def test_a_scaled_picture_is_identified_and_judged_at_the_source_size(
    small_video: EncodedVideo, decoded: list[VideoFrame]
) -> None:
    reading = PictureScorer(small_video).score(decoded[8].reformat(160, 90))
    assert (reading.index, reading.identical) == (8, False)
    assert reading.ssim is not None
    assert 0.5 < reading.ssim < small_video.reconstruction_score(8).ssim


def test_what_is_not_ours_is_unread(small_video: EncodedVideo, decoded: list[VideoFrame]) -> None:
    scorer = PictureScorer(small_video)
    picture = to_picture(decoded[0]).copy()
    values = (small_video.strip_value(0) ^ 1 << 24, small_video.strip_value(30), small_video.strip_value(2**24 - 1))
    for value in values:  # other content; beyond the loop
        mark(picture, value)
        assert scorer.score(to_frame(picture)) is UNREAD
    mark(picture, small_video.strip_value(29))
    assert scorer.score(to_frame(picture)).index == 29
    split_planes(picture)[0][:10] = 128
    assert scorer.score(to_frame(picture)) is UNREAD
    assert scorer.score(to_frame(np.full((270, 320), 128, np.uint8))) is UNREAD


def test_a_lost_frame_is_never_called_identical(small_video: EncodedVideo) -> None:
    """After a frame is lost, what is decoded from wrong references up to the next key frame differs from the known."""
    decoder, scorer = VideoDecoder("VP8"), PictureScorer(small_video)
    kept = [frame for frame in small_video.frames if frame.index != 13]
    readings = {frame.index: scorer.score(decoder.decode(frame.data)[0]) for frame in kept}
    assert [index for index, reading in readings.items() if not reading.identical] == [14, 15, 16, 17, 18, 19]
    assert all(reading.index in (None, index) for index, reading in readings.items())


def test_its_own_calibration_can_be_given(small_video: EncodedVideo, decoded: list[VideoFrame]) -> None:
    flat = SsimCalibration(((0.0, 60.0), (60.0, 60.0)), 0.0, "test")
    assert PictureScorer(small_video, flat).score(decoded[0]).mos == 3.0


def test_the_reference_of_another_loop_is_not_used(small_video: EncodedVideo, decoded: list[VideoFrame]) -> None:
    stranger = replace(small_video, content_id=small_video.content_id ^ 0xFF)
    assert PictureScorer(stranger).score(decoded[0]) is UNREAD

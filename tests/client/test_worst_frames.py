"""Which pictures are kept to be looked at, and what the report gets of them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import jsonschema
import numpy as np
import pytest
from av import VideoFrame

from probe.client.stream_decoder import Decoded
from probe.client.worst_frames import WorstFrames
from probe.engine.outcome import Outcome
from probe.media.picture import PictureReading
from probe.media.thumbnail import data_url, thumbnail
from probe.media.yuv import to_frame
from reports.document import build_document, schema
from reports.targets.files import load_profile
from tests.reports.build import result

STREAM = ("a", "b", "sfu")


def grey(value: int) -> VideoFrame:
    return to_frame(np.full((54 * 3 // 2, 96), value, np.uint8))


VIDEO: Any = SimpleNamespace(reference=lambda index: grey(100 + index))


def decoded(ssim: float | None, index: int | None = 1, *, value: int = 0, identical: bool = False) -> Decoded:
    return Decoded(0.0, PictureReading(index, 30.0, ssim, 2.5, identical), grey(value))


def test_a_row_has_the_picture_its_source_and_what_is_known_of_it() -> None:
    worst = WorstFrames()
    worst.offer(STREAM, decoded(0.5, 3, value=9), age=1.0, time=7.5)
    assert worst.draw(VIDEO) == [
        {
            "image": data_url(thumbnail(grey(9))), "source": data_url(thumbnail(grey(103))), "participant": "a",
            "remote": "b", "topology": "sfu", "time_seconds": 7.5, "frame": 3, "ssim": 0.5, "psnr_db": 30.0,
            "mos": 2.5, "undamaged": False,
        }
    ]  # fmt: skip
    assert "source" not in worst.draw(None)[0]


def test_not_from_the_first_second_and_not_what_has_no_score() -> None:
    worst = WorstFrames()
    worst.offer(STREAM, decoded(0.1), age=0.99, time=3.0)
    worst.offer(STREAM, decoded(None), age=5.0, time=8.0)
    worst.offer(STREAM, decoded(0.1, None), age=5.0, time=8.0)
    worst.offer(STREAM, Decoded(0.0, None, None), age=5.0, time=8.0)
    assert worst.draw(VIDEO) == []


@pytest.mark.parametrize("identical", [False, True])
def test_what_is_kept_is_what_a_look_at_all_would_choose(identical: bool) -> None:
    worst, scores = WorstFrames(), np.random.default_rng(3).random(2000).round(4).tolist()
    for number, ssim in enumerate(scores):
        stream = (f"u{number % 9}", "b", "sfu")
        worst.offer(stream, decoded(ssim, number, identical=identical), age=2.0, time=float(number))
    kept = [row["ssim"] for row in worst.draw(None)]
    assert kept == sorted(scores)[: len(kept)]
    assert len(kept) == (2 if identical else 6)


def test_undamaged_pictures_leave_room_for_damaged_ones() -> None:
    worst = WorstFrames()
    for index in range(20):
        worst.offer((f"u{index}", "b", "p2p"), decoded(0.9 - index / 100, index, identical=True), age=2.0, time=2.0)
    worst.offer(STREAM, decoded(0.95), age=2.0, time=2.0)
    assert [row["ssim"] for row in worst.draw(None)] == [0.9 - 19 / 100, 0.9 - 18 / 100, 0.95]


def test_they_cross_a_pipe_are_merged_and_stand_in_the_document() -> None:
    outcomes = []
    for who, ssim in (("a", 0.6), ("c", 0.4)):
        worst = WorstFrames()
        worst.offer((who, "b", "sfu"), decoded(ssim), age=2.0, time=4.0)
        outcomes.append(Outcome.from_dict(Outcome(worst_frames=worst.draw(VIDEO)).to_dict()))
    outcomes[0].merge(outcomes[1])
    assert [row["participant"] for row in outcomes[0].worst_frames] == ["c", "a"]
    profile = load_profile("video-platform")
    document = build_document(result(worst_frames=tuple(outcomes[0].worst_frames)), profile, "6m")
    jsonschema.Draft202012Validator(schema()).validate(document)
    assert document["worst_frames"] == outcomes[0].worst_frames
    assert "worst_frames" not in build_document(result(), profile, "6m")

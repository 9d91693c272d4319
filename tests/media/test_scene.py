from __future__ import annotations

import numpy as np
import pytest

from probe.media.scene import Scene
from probe.media.yuv import split_planes


def test_the_same_seed_gives_the_same_pictures() -> None:
    one, two, other = Scene(160, 90, 30), Scene(160, 90, 30), Scene(160, 90, 30, seed=2)
    for index in (0, 29):
        assert np.array_equal(one.render(index), two.render(index))
        assert not np.array_equal(one.render(index), other.render(index))


def test_the_noise_is_fixed_per_frame() -> None:
    scene = Scene(160, 90, 30)
    first = scene.render(7)
    scene.render(8)
    assert np.array_equal(scene.render(7), first)


@pytest.mark.parametrize(("width", "height"), [(96, 54), (320, 180), (360, 640), (640, 360)])
def test_pictures_look_like_a_camera_s(width: int, height: int) -> None:
    scene = Scene(width, height, 240)
    pictures = [split_planes(scene.render(index))[0].astype(float) for index in (0, 1, 60)]
    assert 16 <= pictures[0].min() < 60
    assert 180 < pictures[0].max() <= 235
    assert pictures[0].std() > 25  # contrast
    steps = [np.abs(pictures[0] - other).mean() for other in pictures[1:]]
    assert 0.5 < steps[0] < 5  # something moves, smoothly
    assert steps[1] > steps[0]


def test_the_loop_closes() -> None:
    scene = Scene(320, 180, 60)
    first, last, middle = (split_planes(scene.render(index))[0].astype(float) for index in (0, 59, 20))
    assert np.abs(first - last).mean() < np.abs(first - middle).mean() / 2

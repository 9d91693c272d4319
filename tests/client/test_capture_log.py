"""From a frame ID back to the moment of capture, although the content is a loop."""

from __future__ import annotations

from probe.client.capture_log import Capture, CaptureLog


def _log(seconds: float, loop: int = 60, fps: int = 30) -> CaptureLog:
    log = CaptureLog()
    for tick in range(round(seconds * fps)):
        log.note(tick % loop, tick, tick / fps)
    return log


def test_the_latest_turn_that_is_not_in_the_future() -> None:
    log = _log(5.0)
    assert log.find(3, 0.15) == Capture(3, 0.1)
    assert log.find(3, 2.0) == Capture(3, 0.1)
    assert log.find(3, 2.1) == Capture(63, 2.1)
    assert log.find(3, 4.5) == Capture(123, 4.1)


def test_what_cannot_be_ours() -> None:
    log = _log(2.0)
    assert log.find(60, 2.0) is None
    assert log.find(3, 0.05) is None
    assert log.find(3, 0.1 + 6.0) == Capture(3, 0.1)
    assert log.find(3, 0.1 + 6.01) is None
    assert CaptureLog().find(0, 1.0) is None


def test_memory_is_bounded() -> None:
    log = _log(100.0)
    assert len(log._recent) <= 30 * 30 + 1
    assert sum(map(len, log._by_index.values())) == len(log._recent)
    assert log.find(3, 75.0) == Capture(3 + 60 * 37, (3 + 60 * 37) / 30)

"""Short runs of consecutive pictures, kept to be scored by VMAF after the call: VMAF is too dear to run beside it.

At most one window per topology is kept: VMAF samples say what a picture on an undisturbed stretch is worth, SSIM says it for every one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from probe.client.context import Context

if TYPE_CHECKING:
    from av import VideoFrame

WINDOW_FRAMES = 30
_SKIP_FRAMES = 45
"""Frames of a stretch that pass before the window begins: not its first second."""


class VmafSamples:
    """`offer` every rated picture; `score` at the end of the run. Keeps nothing unless `enabled` (the extra is installed)."""

    def __init__(self, context: Context, *, enabled: bool) -> None:
        self._context = context
        self._enabled = enabled
        self._windows: dict[str, list[tuple[VideoFrame, int]]] = {}
        self._skipped: dict[str, int] = {}
        self._source: dict[str, int] = {}

    def offer(self, topology: str, picture: VideoFrame, index: int, stream: int) -> None:
        """A decoded picture whose content index is known. `stream`: an id of the stretch; a window holds one stretch only."""
        if not self._enabled or self._context.video is None:
            return
        if self._source.setdefault(topology, stream) != stream:
            return
        self._skipped[topology] = self._skipped.get(topology, 0) + 1
        window = self._windows.setdefault(topology, [])
        if self._skipped[topology] > _SKIP_FRAMES and len(window) < WINDOW_FRAMES:
            window.append((picture, index))

    def ended(self, topology: str, stream: int) -> None:
        """That stretch is over. One that was too short for a window makes room for the next."""
        if self._source.get(topology) == stream and len(self._windows.get(topology, ())) < WINDOW_FRAMES:
            for kept in (self._source, self._skipped, self._windows):
                kept.pop(topology, None)

    def score(self) -> None:
        """Emit video_vmaf for each full window. Blocks for about a second per window; raises MediaError when VMAF fails."""
        from probe.media.vmaf import score_window

        video = self._context.video
        for topology, window in self._windows.items():
            if video is None or len(window) < WINDOW_FRAMES:
                continue
            result = score_window([(picture, video.reference(index)) for picture, index in window])
            for value in result.frames:
                self._context.emit("video_vmaf", value, {"topology": topology})
        self._windows.clear()

"""The pictures of a run that came out worst, for people to look at: kept as they are, drawn small after the call."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from probe.measure.worst import MOST, MOST_UNDAMAGED, Row, worst_of

if TYPE_CHECKING:
    from av import VideoFrame

    from probe.client.stream_decoder import Decoded
    from probe.media.video import EncodedVideo

FIRST = 1.0
"""Seconds of a stream whose pictures are not kept: how a stream begins is told by the join."""
_PICTURE = "picture"


class WorstFrames:
    """`offer` every rated picture: nearly all cost one comparison. Holds at most `probe.measure.worst.MOST` pictures, which are the
    decoder's own and not copied."""

    def __init__(self) -> None:
        self._kept: list[Row] = []
        self._limits = {
            True: math.inf,
            False: math.inf,
        }  # SSIM from which on undamaged and other pictures can't be among the worst

    def offer(self, stream: tuple[str, str, str], decoded: Decoded, age: float, time: float) -> None:
        """`stream`: who saw it, who sent it, topology. `age`: seconds since the stream's first picture; `time`: of the run."""
        reading, picture = decoded.reading, decoded.picture
        if reading is None or reading.ssim is None or reading.index is None or picture is None:
            return
        if age < FIRST or reading.ssim >= self._limits[reading.identical]:
            return
        participant, remote, topology = stream
        row = {
            "participant": participant,
            "remote": remote,
            "topology": topology,
            "time_seconds": max(0.0, time),
            "frame": reading.index,
            "ssim": reading.ssim,
            "psnr_db": reading.psnr_db,
            "mos": reading.mos,
            "undamaged": reading.identical,
            _PICTURE: picture,
        }
        self._kept = worst_of([*self._kept, row])
        self._limits = {True: self._limit(undamaged=True), False: self._limit(undamaged=False)}

    def _limit(self, *, undamaged: bool) -> float:
        full = self._kept[-1]["ssim"] if len(self._kept) == MOST else math.inf
        pure = [row["ssim"] for row in self._kept if row["undamaged"]]
        return float(min(full, pure[-1]) if undamaged and len(pure) == MOST_UNDAMAGED else full)

    def draw(self, video: EncodedVideo | None) -> list[Row]:
        """The report's `worst_frames`, worst first, each beside its source. Takes some 10 ms; raises MediaError."""
        return [_drawn(row, video) for row in self._kept]


def _drawn(row: Row, video: EncodedVideo | None) -> Row:
    told: dict[str, Any] = {name: value for name, value in row.items() if name != _PICTURE}
    source = {} if video is None else {"source": _url(video.reference(row["frame"]))}
    return {"image": _url(row[_PICTURE]), **source, **told}


def _url(picture: VideoFrame) -> str:
    from probe.media.thumbnail import data_url, thumbnail

    return data_url(thumbnail(picture))

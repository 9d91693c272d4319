"""What a decoded picture is worth beside what its sender sent."""

from __future__ import annotations

from probe.client.context import Context
from probe.client.stream_decoder import Decoded
from probe.client.vmaf_samples import VmafSamples
from probe.client.watching import Watching


def rate(
    context: Context,
    samples: VmafSamples,
    stream: tuple[str, str],
    watching: Watching,
    decoded: Decoded,
    shown: float,
    *,
    plausible: bool,
) -> None:
    """A new picture of `stream` (who watches, whom) was shown at `shown` (monotonic). `plausible`: the sender's log knows its frame
    ID. No effect for senders that are not ours: there is nothing to compare with."""
    reading = decoded.reading
    assert reading is not None
    who, remote = stream
    if remote not in context.captures:
        return
    watching.on_reading(read=reading.index is not None, plausible=plausible)
    tags = {"topology": watching.topology}
    if reading.psnr_db is not None:
        context.emit("video_psnr_db", reading.psnr_db, tags)
    if reading.ssim is not None:
        context.emit("video_ssim", reading.ssim, tags)
    if reading.index is not None and decoded.picture is not None:
        samples.offer(watching.topology, decoded.picture, reading.index, id(watching))
    if plausible and watching.began is not None:
        context.worst.offer((who, remote, watching.topology), decoded, shown - watching.began, shown - context.epoch)

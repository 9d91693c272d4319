"""Where headers are read: how much of what a path carried was looked at closely, and what of it went wrong on our side."""

from __future__ import annotations

from collections.abc import Collection

from probe.client.context import Context
from probe.measure.observed import AUTHENTICATED, PACKETS, REFUSED, VIDEO_STREAMS
from probe.model.errors import MeasurementError
from probe.rtc.fast_sender import FastTrackSender
from probe.rtc.peer import Peer
from probe.rtc.receiver import TrackReceiver


def count_up(
    context: Context, peer: Peer, receivers: Collection[TrackReceiver], senders: Collection[FastTrackSender]
) -> None:
    """Of a path that closes, into the context's counts. No effect at other depths."""
    if context.depth != "headers":
        return
    lane, observed = peer.lane, context.observed
    observed[PACKETS] += sum(receiver.stream.packets for receiver in receivers)
    observed[AUTHENTICATED] += peer.authenticated + (lane.authenticated if lane is not None else 0)
    observed[REFUSED] += lane.refused if lane is not None else 0
    observed[VIDEO_STREAMS] += sum(receiver.kind == "video" for receiver in receivers)
    wrong = {
        "readings lost: nobody took them in time": sum(receiver.readings_lost for receiver in receivers),
        "packets that SRTP did not protect": sum(sender.srtp_errors for sender in senders),
    }
    for what, count in wrong.items():
        if count:  # never should be, and is never silent
            context.complain(MeasurementError(f"{count} {what}", who=peer.label, phase="packets"))

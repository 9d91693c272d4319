"""Between two sessions: which payload type and extension id of the publisher is which of the subscriber. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from probe.wire import extensions as ext
from probe.wire.sdp import Codec
from sfu_shim.core.track import rtx_types

HOP_BY_HOP = {ext.MID, ext.RID, ext.REPAIRED_RID, ext.TRANSPORT_CC, ext.ABS_SEND_TIME}
"""Extensions that belong to one transport: never passed on. All others are, where both sides negotiated them."""


def same_codec(one: Codec, other: Codec) -> bool:
    """Whether a packet of `one` may be sent as `other`. H.264 needs the same packetization mode and profile
    (RFC 6184 section 8.2.2); the level is the receiver's limit and does not matter for forwarding."""
    if (one.name.lower(), one.clock_rate, one.channels) != (other.name.lower(), other.clock_rate, other.channels):
        return False
    if one.name.lower() != "h264":
        return True
    ours, theirs = dict(one.parameters), dict(other.parameters)
    mode = (ours.get("packetization-mode") or "0") == (theirs.get("packetization-mode") or "0")
    profiles = [(found.get("profile-level-id") or "42000a")[:2].lower() for found in (ours, theirs)]
    return mode and profiles[0] == profiles[1]


def map_payload_types(publisher: Sequence[Codec], subscriber: Sequence[Codec]) -> dict[int, int]:
    """The publisher's media payload types to the subscriber's; those that the subscriber lacks are left out."""
    mapped: dict[int, int] = {}
    for codec in publisher:
        if codec.name.lower() != "rtx":
            match = next((found for found in subscriber if same_codec(codec, found)), None)
            if match is not None:
                mapped[codec.payload_type] = match.payload_type
    return mapped


def map_rtx(subscriber: Sequence[Codec]) -> dict[int, int]:
    """The subscriber's media payload types to their RTX payload types."""
    return {media: rtx for rtx, media in rtx_types(subscriber).items()}


def map_extensions(publisher: Mapping[int, str], subscriber: Mapping[int, str]) -> dict[int, int]:
    """The publisher's extension ids to the subscriber's, end-to-end extensions only."""
    ids = {uri: number for number, uri in subscriber.items() if uri not in HOP_BY_HOP}
    return {number: ids[uri] for number, uri in publisher.items() if uri in ids}


def codecs_for(publisher: Sequence[Codec], subscriber: Sequence[Codec]) -> list[Codec]:
    """Of the subscriber's codecs those that can carry the track, with their RTX; empty: it can't be forwarded."""
    wanted = set(map_payload_types(publisher, subscriber).values())
    repairs = rtx_types(subscriber)
    return [c for c in subscriber if c.payload_type in wanted or repairs.get(c.payload_type) in wanted]

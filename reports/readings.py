"""What the renderers show of a call's course, in their order and in the words for it."""

from __future__ import annotations

PHASES = (
    ("signalling_connect", "signalling"),
    ("room_join", "room"),
    ("ice_gathering", "ICE gathering"),
    ("offer_answer", "offer/answer"),
    ("ice_connected", "ICE"),
    ("dtls_connected", "DTLS"),
    ("first_rtp", "first packet"),
    ("first_keyframe", "first key frame"),
    ("first_decoded", "first picture"),
)
"""Join phases in order, with the words for them."""

QUALITY = (
    ("round trip", "round_trip_time_seconds"),
    ("one way", "one_way_delay_seconds"),
    ("jitter", "jitter_seconds"),
    ("lost", "packet_loss_ratio"),
    ("lost or late", "residual_loss_ratio"),
    ("frame rate", "frame_rate"),
    ("frozen", "freeze_ratio"),
    ("video score", "video_quality_score"),
    ("video, estimated", "video_score_estimated"),
    ("audio score", "audio_quality_score"),
)
"""Readings of quality, with the words for them."""

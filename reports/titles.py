"""Names of metrics and series as people say them, and their units."""

from __future__ import annotations

import re

from probe.model.metrics import METRICS

_UNITS = {"_seconds": "seconds", "_ratio": "ratio", "_bps": "bits_per_second", "_score": "score", "_rate": "fps"}
_UNIT_WORDS = re.compile(r"_(seconds|ratio|bps|db)(_|$)")
_CAPITALS = {
    "p2p": "P2P", "sfu": "SFU", "mos": "MOS", "lq": "LQ", "cq": "CQ", "psnr": "PSNR", "ssim": "SSIM", "vmaf": "VMAF",
    "http": "HTTP", "nack": "NACK", "pli": "PLI", "id": "ID", "p50": "p50", "p95": "p95", "p99": "p99",
}  # fmt: skip


def title_of(name: str) -> str:
    """ "round_trip_time_seconds" is "Round trip time"."""
    words = [_CAPITALS.get(word, word) for word in _UNIT_WORDS.sub(r"\2", name).strip("_").split("_")]
    said = " ".join(words)
    return said[:1].upper() + said[1:]


def unit_of(name: str) -> str:
    """The metric's unit; that of a series which is no metric is told by its name's end, else it is a count."""
    if name in METRICS:
        return METRICS[name].unit
    return next((unit for end, unit in _UNITS.items() if name.endswith(end)), "count")


def direction(source: str, target: str) -> str:
    """ "P2P → SFU"."""
    return f"{_CAPITALS.get(source, source)} → {_CAPITALS.get(target, target)}"

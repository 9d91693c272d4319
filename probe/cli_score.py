"""`probe score`: the models of `probe.measure` on given figures."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Literal

from rich.console import Console
from rich.text import Text

from probe.measure.audio_quality import audio_score
from probe.measure.estimated_video import estimated_video_score
from probe.measure.vendor_scores import vendor_scores
from probe.measure.video_quality import video_quality_score, vmaf_to_mos
from probe.model.errors import ConfigError


def print_audio_score(
    codec: str,
    bitrate: float,
    loss: float,
    burst_ratio: float,
    delay: float,
    network: Mapping[str, float] | None,
    as_json: bool,
) -> None:
    """With `network` figures also what the vendors' formulas make of it. Raises ConfigError for a codec without a model or
    figures that can't be."""
    found = audio_score(codec, bitrate, loss, burst_ratio, delay)
    figures: dict[str, Any] = {"codec": codec, "r": found.r_cq, **asdict(found)}
    if network is not None:
        figures["vendors"] = _vendors("audio", loss_ratio=loss, bitrate_bps=bitrate, **network)
    _print(figures, as_json)


def print_estimate(
    codec: str,
    bitrate: float,
    size: tuple[int, int],
    fps: float,
    frame_loss: float,
    times: tuple[float, float],
    vendors: bool,
    as_json: bool,
) -> None:
    """`size` in pixels, `times`: frozen and watched seconds. Raises ConfigError for figures that can't be."""
    _check_times(*times)
    found = estimated_video_score(
        codec,
        bitrate,
        *size,
        fps,
        frame_loss_ratio=frame_loss,
        frozen_seconds=times[0],
        duration_seconds=times[1],
    )
    figures: dict[str, Any] = {"codec": codec, **asdict(found)}
    if vendors:
        wide, high = size
        figures["vendors"] = _vendors("video", bitrate_bps=bitrate, width=wide, height=high, frames_per_second=fps)
    _print(figures, as_json)


def _vendors(kind: Literal["audio", "video"], **figures: Any) -> list[dict[str, Any]]:
    return [asdict(one) for one in vendor_scores(kind, **figures)]


def print_video_score(
    vmaf: float | None, ssim: float | None, height: int, frozen: float, duration: float, as_json: bool
) -> None:
    """Raises ConfigError for figures that can't be."""
    _check_times(frozen, duration)
    figures = _picture(vmaf, ssim, height)
    mos = figures["picture_mos"]
    figures["score"] = video_quality_score([(duration - frozen, mos)], frozen) if frozen < duration else 1.0
    figures |= {"frozen_seconds": frozen, "duration_seconds": duration, "ceiling": 5.0}
    _print(figures, as_json)


def _check_times(frozen: float, duration: float) -> None:
    if not 0 < duration < math.inf:
        raise ConfigError(f"--duration {duration:g} is out of range", hint="allowed: seconds, above 0")
    if not 0 <= frozen <= duration:
        raise ConfigError(f"--frozen {frozen:g} is out of range", hint=f"allowed: 0 to the duration, {duration:g} s")


def _picture(vmaf: float | None, ssim: float | None, height: int) -> dict[str, Any]:
    """What the pictures are worth, and by which model."""
    if (vmaf is None) == (ssim is None):
        raise ConfigError("one of --vmaf and --ssim is needed", hint="probe score video --vmaf 88")
    if vmaf is not None:
        if not 0 <= vmaf <= 100:
            raise ConfigError(f"--vmaf {vmaf:g} is out of range", hint="allowed: 0 to 100")
        return {
            "vmaf": vmaf,
            "picture_mos": vmaf_to_mos(vmaf),
            "model": "VMAF v0.6.1, 20 bad to 100 excellent",
            "note": "",
        }
    assert ssim is not None
    if not -1 <= ssim <= 1:
        raise ConfigError(f"--ssim {ssim:g} is out of range", hint="allowed: up to 1")
    if height < 1:
        raise ConfigError(f"--height {height} is out of range", hint="allowed: pixels, 1 or more")
    return _by_ssim(ssim, height)


def _by_ssim(ssim: float, height: int) -> dict[str, Any]:
    from probe.media.ssim_calibration import calibration_for

    table = calibration_for(height)
    vmaf = table.vmaf(ssim)
    note = f"fitted on this project's content, ± {table.fit_error:g} VMAF: {table.source}"
    return {
        "ssim": ssim,
        "vmaf": vmaf,
        "picture_mos": vmaf_to_mos(vmaf),
        "model": "SSIM calibrated to VMAF",
        "note": note,
    }


_WORDS = {
    "r": "R, with delay",
    "r_lq": "R, listening",
    "r_cq": "",
    "mos_lq": "MOS-LQ",
    "mos_cq": "MOS-CQ",
    "picture_mos": "picture MOS",
    "frozen_seconds": "frozen, s",
    "duration_seconds": "watched, s",
    "vmaf": "VMAF",
    "ssim": "SSIM",
    "ceiling": "ceiling of the MOS",
    "score": "score (of 5)",
    "fit_error": "fit error, ± MOS",
    "largest_error": "largest error, MOS",
}


def _print(figures: dict[str, Any], as_json: bool) -> None:
    if as_json:
        sys.stdout.write(json.dumps(figures, indent=2, ensure_ascii=False, allow_nan=False) + "\n")
        return
    console = Console()
    vendors = figures.pop("vendors", [])
    for key, value in figures.items():
        words = _WORDS.get(key, key)
        if words and value != "":
            console.print(Text.assemble((f"{words:<23}", "dim"), _shown(value)), soft_wrap=True)
    for vendor in vendors:
        scale = f"{vendor['scale']['low']:.4g} to {vendor['scale']['ceiling']:.4g}"
        line = f"{_shown(vendor['score'])} of {scale}; {vendor['note']}"
        console.print(Text.assemble((f"{vendor['name']:<23}", "dim"), line), soft_wrap=True)


def _shown(value: object) -> str:
    """Scores to three decimals, as the models' tables have them; an R of 100 needs fewer."""
    if not isinstance(value, float):
        return str(value)
    return f"{value:.3f}" if abs(value) < 10 else f"{value:.2f}"

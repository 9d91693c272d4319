"""SSIM → VMAF for our own generated content, one table per comparison height: VMAF depends on the size.

Made by `python -m probe.media.calibrate_ssim` (2.5 minutes on two cores) with VMAF v0.6.1, from the generated scene of
three seeds, encoded as VP8 and H.264 from very poor to transparent, also in smaller sizes scaled up again. The errors,
in VMAF points, stand at each table. Other content (a user's clip) is outside of the fit: sample VMAF there.
"""

from __future__ import annotations

import math

from probe.measure.video_quality import SsimCalibration

CALIBRATIONS: dict[int, SsimCalibration] = {
    # 5760 frames; RMSE 3.40, where VMAF >= 80 1.40, largest error 16.2, RMSE on a seed left out 3.46
    180: SsimCalibration(
        points=(
            (4.455, 0.76),
            (4.92, 0.77),
            (5.886, 9.52),
            (7.566, 41.77),
            (8.022, 44.32),
            (8.561, 52.75),
            (9.387, 61.34),
            (10.178, 69.28),
            (11.884, 79.39),
            (13.698, 88.52),
            (14.754, 92.13),
            (15.715, 94.27),
            (16.544, 95.51),
            (20.317, 96.71),
        ),
        fit_error=3.4,
        source="generated content, 320x180, VP8 and H.264; FFmpeg ssim, luma",
    ),
    # 5760 frames; RMSE 4.06, where VMAF >= 80 2.03, largest error 19.0, RMSE on a seed left out 4.35
    360: SsimCalibration(
        points=(
            (6.155, 0.0),
            (8.241, 17.3),
            (8.923, 31.01),
            (9.716, 50.24),
            (10.611, 58.08),
            (11.036, 60.97),
            (12.638, 77.76),
            (13.361, 83.17),
            (14.337, 87.69),
            (15.33, 92.22),
            (16.095, 94.45),
            (16.51, 95.23),
            (16.922, 96.24),
            (21.478, 97.1),
        ),
        fit_error=4.06,
        source="generated content, 640x360, VP8 and H.264; FFmpeg ssim, luma",
    ),
    # 5760 frames; RMSE 4.52, where VMAF >= 80 3.03, largest error 20.6, RMSE on a seed left out 4.75
    720: SsimCalibration(
        points=(
            (10.981, 22.33),
            (11.822, 41.84),
            (12.514, 53.62),
            (12.958, 60.39),
            (13.563, 68.17),
            (14.181, 74.97),
            (14.864, 83.31),
            (15.389, 88.46),
            (15.728, 89.76),
            (16.25, 93.24),
            (16.548, 94.79),
            (16.653, 94.79),
            (16.85, 95.67),
            (23.333, 97.02),
        ),
        fit_error=4.52,
        source="generated content, 1280x720, VP8 and H.264; FFmpeg ssim, luma",
    ),
}


def calibration_for(height: int) -> SsimCalibration:
    """The table whose comparison height (rows) is nearest by ratio."""
    return CALIBRATIONS[min(CALIBRATIONS, key=lambda known: abs(math.log(known / height)))]

"""SSIM → VMAF for our own generated content, one table per comparison height: VMAF depends on the size.

Made by `python -m probe.media.calibrate_ssim` (2.5 minutes on two cores) with VMAF v0.6.1, from the generated scene of
three seeds, encoded as VP8 and H.264 from very poor to transparent, also in smaller sizes scaled up again. The errors,
in VMAF points, stand at each table. Other content (a user's clip) is outside of the fit: sample VMAF there.
"""

from __future__ import annotations

import math

from probe.measure.video_quality import SsimCalibration

CALIBRATIONS: dict[int, SsimCalibration] = {
    # 5760 frames; RMSE 3.60, where VMAF >= 80 1.39, largest error 15.6, RMSE on a seed left out 3.67
    180: SsimCalibration(
        points=(
            (4.455, 0.76),
            (4.92, 0.77),
            (5.886, 9.52),
            (7.476, 39.11),
            (7.927, 43.05),
            (8.523, 52.33),
            (9.27, 61.01),
            (10.021, 66.17),
            (11.794, 79.71),
            (13.372, 86.46),
            (14.523, 91.29),
            (15.676, 94.26),
            (16.575, 95.5),
            (20.317, 96.69),
        ),
        fit_error=3.6,
        source="generated content, 320x180, VP8 and H.264; FFmpeg ssim, luma",
    ),
    # 5760 frames; RMSE 4.05, where VMAF >= 80 1.94, largest error 20.5, RMSE on a seed left out 4.30
    360: SsimCalibration(
        points=(
            (6.155, 0.0),
            (8.193, 17.07),
            (8.871, 30.56),
            (9.666, 49.83),
            (10.503, 57.2),
            (11.02, 60.91),
            (12.587, 77.65),
            (13.269, 81.74),
            (14.269, 87.81),
            (15.288, 91.99),
            (16.065, 94.39),
            (16.494, 95.22),
            (16.905, 96.11),
            (21.478, 97.09),
        ),
        fit_error=4.05,
        source="generated content, 640x360, VP8 and H.264; FFmpeg ssim, luma",
    ),
    # 5760 frames; RMSE 4.54, where VMAF >= 80 2.97, largest error 20.6, RMSE on a seed left out 4.61
    720: SsimCalibration(
        points=(
            (10.981, 22.33),
            (11.803, 43.58),
            (12.448, 52.3),
            (12.912, 61.01),
            (13.533, 68.32),
            (14.116, 74.08),
            (14.819, 83.4),
            (15.361, 88.48),
            (15.713, 89.72),
            (16.24, 93.19),
            (16.542, 94.8),
            (16.654, 94.8),
            (16.844, 95.67),
            (23.333, 97.02),
        ),
        fit_error=4.54,
        source="generated content, 1280x720, VP8 and H.264; FFmpeg ssim, luma",
    ),
}


def calibration_for(height: int) -> SsimCalibration:
    """The table whose comparison height (rows) is nearest by ratio."""
    return CALIBRATIONS[min(CALIBRATIONS, key=lambda known: abs(math.log(known / height)))]

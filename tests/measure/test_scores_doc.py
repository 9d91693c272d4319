"""docs/scores.md shows tables with the code that made them: here it runs, and must print what stands there."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

import pytest

from probe.measure.estimated_video import FITS

TEXT = (Path(__file__).parents[2] / "docs" / "scores.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)


@pytest.mark.parametrize("number", range(len(BLOCKS)))
def test_the_tables_are_what_their_code_prints(number: int) -> None:
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(BLOCKS[number], f"docs/scores.md, block {number}", "exec"), {})
    lines = printed.getvalue().splitlines()
    assert len(lines) == 7
    assert printed.getvalue() in TEXT


def test_the_fit_errors_are_those_that_are_shipped() -> None:
    fields = ("rmse", "rmse_above_3", "rmse_unseen", "rmse_lost_frames", "largest")
    shown = re.findall(r"^\| [^|]* \| (\d\.\d\d) \| (\d\.\d\d) \|$", TEXT, re.MULTILINE)
    assert len(shown) == len(fields)
    for field, row in zip(fields, shown, strict=True):
        assert row == tuple(f"{getattr(FITS[codec], field):.2f}" for codec in ("VP8", "H264"))
    assert [f"{1 + FITS[codec].curve.best:.2f}" for codec in ("VP8", "H264")] == ["4.80", "4.72"]

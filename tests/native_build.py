"""Builds the compiled packet path beside its sources, since the tests run the code of this tree and not the installed one.

Nothing is done while what was built is newer than its sources. Without a compiler the tests that need it skip.
"""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
_NATIVE = ROOT / "probe" / "native"
_DEADLINE = 120.0


def build_native() -> str:
    """Why it could not be built; empty when it is there."""
    built = _NATIVE / f"_core{sysconfig.get_config_var('EXT_SUFFIX')}"
    sources = [ROOT / "setup.py", *_NATIVE.glob("*.[ch]")]
    if built.exists() and built.stat().st_mtime >= max(source.stat().st_mtime for source in sources):
        return ""
    with tempfile.TemporaryDirectory() as scratch:
        where = ["--inplace", "--build-temp", scratch, "--build-lib", scratch]
        command = [sys.executable, "setup.py", "-q", "build_ext", *where]
        try:
            done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=_DEADLINE, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            return str(error)
    return "" if built.exists() else done.stderr[-2000:] or "nothing was built"

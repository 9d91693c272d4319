"""What the figures were measured on."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

from probe import __version__


def describe(cpuinfo: Path = Path("/proc/cpuinfo")) -> dict[str, Any]:
    """Processor, system and versions; `load_average` of the last minute, before the bench has begun."""
    return {
        "processor": processor_name(cpuinfo.read_text()) if cpuinfo.is_file() else platform.processor(),
        "processors": len(os.sched_getaffinity(0)),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "meetprobe": __version__,
        "aiortc": version("aiortc"),
        "load_average": os.getloadavg()[0],
    }


def processor_name(cpuinfo: str) -> str:
    """The first model name of /proc/cpuinfo."""
    for line in cpuinfo.splitlines():
        key, _, value = line.partition(":")
        if key.strip() == "model name":
            return value.strip()
    return platform.machine()

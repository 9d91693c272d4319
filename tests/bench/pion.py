"""Pion's rows: the Go program of pion_peer/, built on demand from Debian's packages; nothing is fetched."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.bench.built import built, compile_by
from tests.bench.child import run_json
from tests.bench.row import NotInstalled, Row, row_of_window

INSTALL = "apt-get install golang-go golang-github-pion-webrtc.v3-dev"
SOURCES = Path(__file__).parent / "pion_peer"
LIBRARIES = Path("/usr/share/gocode")
"""Where Debian's Go libraries live."""

VIDEO_PACKETS_PER_SECOND = 57
_MEASURED = "every packet authenticated, decrypted, read and discarded"


def measure(participants: int, seconds: float, *, processors: int = 0) -> Row:
    """`processors`: GOMAXPROCS, 0 for Go's own choice. Raises NotInstalled, PeerFailed."""
    calls = max(1, participants // 2)
    options = ["-calls", str(calls), "-seconds", f"{seconds:g}", "-video", str(VIDEO_PACKETS_PER_SECOND)]
    found = run_json([str(program()), *options, "-processors", str(processors)], deadline=seconds + 60 + calls * 0.4)
    return row_of_window(
        "pion-1" if processors == 1 else "pion",
        _MEASURED,
        participants=found["participants"],
        seconds=found["seconds"],
        cpu_seconds=found["cpu_seconds"],
        packets_received=found["packets_received"],
        setup_cpu_seconds=found["setup_cpu_seconds"],
        grown_bytes=found["rss_bytes"] - found["idle_rss_bytes"],
    )


def program() -> Path:
    """Made where the cache has none of these sources. Raises NotInstalled, PeerFailed."""
    return built(SOURCES, _build)


def _build(made: Path) -> None:
    """By GOPATH, as Debian packages are built. go.mod must lie beside the sources: it lets Go find the /v3 import path."""
    compiler = shutil.which("go")
    if compiler is None or not (LIBRARIES / "src/github.com/pion/webrtc").is_dir():
        raise NotInstalled(INSTALL)
    package = made.parent / "src" / "pion_peer"
    shutil.copytree(SOURCES, package)
    compile_by([compiler, "build", "-o", str(made), "pion_peer"], package, _build_environment(made.parent))


def _build_environment(folder: Path) -> dict[str, str]:
    return {
        "GO111MODULE": "off",
        "GOFLAGS": "",
        "GOPATH": f"{folder}:{LIBRARIES}",
        "GOCACHE": str(folder / "cache"),
        "GOPROXY": "off",
        "GOTOOLCHAIN": "local",
    }

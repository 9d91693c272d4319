"""Pion's rows: the Go program of pion_peer/, built on demand from Debian's packages; nothing is fetched."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from probe.media.cache import cache_root
from tests.bench.child import run_json
from tests.bench.row import NotInstalled, PeerFailed, Row, row_of_window

INSTALL = "apt-get install golang-go golang-github-pion-webrtc.v3-dev"
SOURCES = Path(__file__).parent / "pion_peer"
LIBRARIES = Path("/usr/share/gocode")
"""Where Debian's Go libraries live."""

VIDEO_PACKETS_PER_SECOND = 57
_BUILD_SECONDS = 600.0
_MEASURED = "every packet authenticated, decrypted, read and discarded"


def measure(participants: int, seconds: float, *, processors: int = 0) -> Row:
    """`processors`: GOMAXPROCS, 0 for Go's own choice. Raises NotInstalled, PeerFailed."""
    program = built()
    calls = max(1, participants // 2)
    options = ["-calls", str(calls), "-seconds", f"{seconds:g}", "-video", str(VIDEO_PACKETS_PER_SECOND)]
    found = run_json([str(program), *options, "-processors", str(processors)], deadline=seconds + 60 + calls * 0.4)
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


def built() -> Path:
    """The program, made where the cache has none of these sources. Raises NotInstalled, PeerFailed."""
    compiler = shutil.which("go")
    if compiler is None or not (LIBRARIES / "src/github.com/pion/webrtc").is_dir():
        raise NotInstalled(INSTALL)
    program = cache_root() / f"pion_peer-{_fingerprint()}"
    if not program.is_file():
        _build(compiler, program)
    return program


def _fingerprint() -> str:
    """Of the sources: changed ones are built anew."""
    digest = hashlib.sha256()
    for source in sorted(SOURCES.iterdir()):
        digest.update(source.name.encode() + b"\0" + source.read_bytes())
    return digest.hexdigest()[:16]


def _build(compiler: str, program: Path) -> None:
    """By GOPATH, as Debian packages are built. go.mod must lie beside the sources: it lets Go find the /v3 import path."""
    program.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="pion_peer-") as folder:
        package = Path(folder) / "src" / "pion_peer"
        shutil.copytree(SOURCES, package)
        output = Path(folder) / "pion_peer"
        command = [compiler, "build", "-o", str(output), "pion_peer"]
        environment = {**os.environ, **_build_environment(Path(folder))}
        try:
            done = subprocess.run(
                command, cwd=package, env=environment, capture_output=True, text=True, timeout=_BUILD_SECONDS
            )
        except subprocess.TimeoutExpired:
            raise PeerFailed(f"pion: not built after {_BUILD_SECONDS:g} s") from None
        if done.returncode:
            raise PeerFailed(f"pion: go build says: {' '.join(done.stderr.split())[-300:]}")
        _put(output, program)


def _put(made: Path, program: Path) -> None:
    """Two benches may build at once: the program appears whole or not at all."""
    aside = program.with_name(f"{program.name}.{os.getpid()}")
    shutil.copy2(made, aside)
    aside.replace(program)


def _build_environment(folder: Path) -> dict[str, str]:
    return {
        "GO111MODULE": "off",
        "GOFLAGS": "",
        "GOPATH": f"{folder}:{LIBRARIES}",
        "GOCACHE": str(folder / "cache"),
        "GOPROXY": "off",
        "GOTOOLCHAIN": "local",
    }

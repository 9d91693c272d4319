"""Programs of peers, made from sources of this project when they are first needed, and kept in the cache."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from probe.media.cache import cache_root
from tests.bench.row import PeerFailed

_BUILD_SECONDS = 600.0


def built(sources: Path, build: Callable[[Path], None]) -> Path:
    """The program of the folder `sources`, named like it. `build` makes it at the path it is given, where the cache has none of
    these very sources. Raises what `build` raises."""
    program = cache_root() / f"{sources.name}-{_fingerprint(sources)}"
    if not program.is_file():
        program.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f"{sources.name}-") as folder:
            made = Path(folder) / "program"
            build(made)
            _put(made, program)
    return program


def compile_by(command: Sequence[str], folder: Path, environment: Mapping[str, str] | None = None) -> None:
    """Run a compiler there. Raises PeerFailed with the end of what it says."""
    name = Path(command[0]).name
    try:
        done = subprocess.run(
            list(command),
            cwd=folder,
            env={**os.environ, **(environment or {})},
            capture_output=True,
            text=True,
            timeout=_BUILD_SECONDS,
        )
    except subprocess.TimeoutExpired:
        raise PeerFailed(f"{name}: not built after {_BUILD_SECONDS:g} s") from None
    if done.returncode:
        raise PeerFailed(f"{name} says: {' '.join(done.stderr.split())[-300:]}")


def _fingerprint(sources: Path) -> str:
    """Changed sources are built anew."""
    digest = hashlib.sha256()
    for source in sorted(sources.iterdir()):
        digest.update(source.name.encode() + b"\0" + source.read_bytes())
    return digest.hexdigest()[:16]


def _put(made: Path, program: Path) -> None:
    """Two benches may build at once: the program appears whole or not at all."""
    aside = program.with_name(f"{program.name}.{os.getpid()}")
    shutil.copy2(made, aside)
    aside.replace(program)

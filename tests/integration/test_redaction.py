"""What lets us in is written nowhere: not by a run that succeeds, not by one that is refused."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sfu_shim.config import ShimConfig
from sfu_shim.server import ShimServer

TOKEN, PASSWORD, QUERY = "tok3n-Qx7", "pa55word-Zk2", "k3y-Wm9"
SECRETS = (TOKEN, PASSWORD, QUERY)
SCENARIO = """
name: short
topology: p2p
join_spacing: 0.05
settle: 0.5
after: 0
media: {video: {width: 160, height: 90, fps: 15, bitrate_bps: 100000, seconds: 1}, audio: {seconds: 1}}
"""


@pytest.fixture
async def shim() -> AsyncIterator[str]:
    """The address of a server that wants the token."""
    server = ShimServer(ShimConfig(port=0, token=TOKEN))
    url = await server.start()
    yield url.removeprefix("ws://")
    await server.stop()


def _written(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.name != "token"}


@pytest.mark.parametrize("token", [TOKEN, TOKEN + "-wrong"])
async def test_no_secret_is_written_or_said(shim: str, tmp_path: Path, token: str) -> None:
    (tmp_path / "token").write_text(token)
    (tmp_path / "s.yaml").write_text(SCENARIO)
    command = [
        sys.executable, "-c", "from probe.cli import main; main()", "run", "--scenario", "s.yaml",
        "--url", f"ws://ann:{PASSWORD}@{shim}?key={QUERY}", "--token-file", "token",
        "--out", "out", "--history", "history.db", "--dump-stats", "dumps", "--github",
    ]  # fmt: skip
    environment = {**os.environ, "HOME": str(tmp_path), "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md")}
    environment["PYTHONPATH"] = os.pathsep.join(path or os.getcwd() for path in sys.path)

    def probe() -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, timeout=60, check=False)

    ended = await asyncio.to_thread(probe)
    told, written = ended.stdout + ended.stderr, _written(tmp_path)
    report = json.loads((tmp_path / "out" / "report.json").read_text(encoding="utf-8"))
    assert [one["joined"] for one in report["participants"]] == [token == TOKEN] * 2, told.decode()
    assert {path.name for path in written} >= {
        "report.json",
        "report.html",
        "history.db",
        "samples.jsonl",
        "summary.md",
    }
    for secret in SECRETS:
        assert secret.encode() not in told
        assert [path.name for path, content in written.items() if secret.encode() in content] == []

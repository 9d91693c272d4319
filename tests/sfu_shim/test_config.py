from __future__ import annotations

import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
from typer.testing import CliRunner

from probe.model.errors import ConfigError
from sfu_shim.cli import app
from sfu_shim.config import ShimConfig, ice_servers, is_loopback
from sfu_shim.core.policy import Policy


@pytest.mark.parametrize(
    ("host", "expected"),
    [("localhost", True), ("127.0.0.1", True), ("127.3.2.1", True), ("::1", True), ("0.0.0.0", False), ("lab", False)],
)
def test_is_loopback(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"host": "10.0.0.1"}, "without a token"),
        ({"host": "0.0.0.0", "token": "t"}, "no address that media could be sent to"),
        ({"port": 70000}, "not in 0..65535"),
        ({"join_deadline": 0.0}, "join_deadline must be positive"),
        ({"policy": Policy(p2p_limit=-1)}, "must not be negative"),
    ],
)
def test_refuses(arguments: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        ShimConfig(**arguments)  # type: ignore[arg-type]


def test_addresses() -> None:
    assert ShimConfig().addresses == ("127.0.0.1",)
    assert ShimConfig(host="localhost").addresses == ("127.0.0.1",)
    assert ShimConfig(host="0.0.0.0", token="t", media_addresses=("10.0.0.1",)).addresses == ("10.0.0.1",)


def test_cli_refuses_an_open_server() -> None:
    result = CliRunner().invoke(app, ["--host", "0.0.0.0"])
    assert result.exit_code == 2
    assert "without a token" in result.output
    assert result.output.count("sfu-shim: ") == 1


def test_cli_says_which_address_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = CliRunner().invoke(app, ["--port", str(port)])
    assert result.exit_code == 2
    assert result.output.startswith(f"sfu-shim: can't listen on 127.0.0.1:{port}: ")


def test_cli_serves_until_it_is_told_to_stop() -> None:
    command = [sys.executable, "-c", "from sfu_shim.cli import main; main()", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("sfu-shim listens on ws://127.0.0.1:")
        process.terminate()
        assert process.communicate(timeout=20) == ("", "")
        assert process.returncode == 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_disk_under_stdout_does_not_keep_it_from_serving() -> None:
    with socket.create_server(("127.0.0.1", 0)) as found:
        port = found.getsockname()[1]
    command = [sys.executable, "-c", "from sfu_shim.cli import main; main()", "--port", str(port)]
    with (
        Path("/dev/full").open("wb") as disk,
        subprocess.Popen(command, stdout=disk, stderr=subprocess.PIPE) as process,
    ):
        assert _answers(port, process)
        process.terminate()
        assert process.communicate(timeout=20)[1] == b""
        assert process.returncode == 0


def _answers(port: int, process: subprocess.Popen[bytes]) -> bool:
    """Whether it listens before it ends."""
    deadline = time.monotonic() + 20
    while process.poll() is None and time.monotonic() < deadline:
        with suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port), 1.0):
            return True
        time.sleep(0.05)
    return False


def test_ice_servers_are_told_with_what_each_needs() -> None:
    found = ice_servers(["stun:stun.example", "turns:turn.example:5349?transport=tcp"], "ann", "secret")
    assert [(entry.urls, entry.username, entry.credential) for entry in found] == [
        (("stun:stun.example",), None, None),
        (("turns:turn.example:5349?transport=tcp",), "ann", "secret"),
    ]


@pytest.mark.parametrize("url", ["http://turn.example", "turn:", "turn://turn.example", "turn.example"])
def test_what_is_no_ice_server(url: str) -> None:
    with pytest.raises(ConfigError, match="no STUN or TURN server"):
        ice_servers([url], "ann", "secret")


def test_a_turn_server_needs_a_password() -> None:
    with pytest.raises(ConfigError, match="SFU_SHIM_ICE_CREDENTIAL"):
        ice_servers(["turn:turn.example"], "ann", "")

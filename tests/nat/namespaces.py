"""Network namespaces of one test: made under names of their own, and gone with it, or with the next one after a crash."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

_PREFIX = "meetprobe-nat"
_COMMAND_SECONDS = 20.0


def run(*command: str, given: str | None = None) -> str:
    """A short command's output. Raises RuntimeError with its last words when it fails."""
    done = subprocess.run(command, input=given, capture_output=True, text=True, timeout=_COMMAND_SECONDS, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip() or f'exit code {done.returncode}'}")
    return done.stdout


def inside(namespace: str, *command: str) -> tuple[str, ...]:
    """That command, to be run in the namespace, which ends with the process that starts it."""
    return ("setpriv", "--pdeathsig", "KILL", "ip", "netns", "exec", namespace, *command)


class Lab:
    """Namespaces and the cables between them. Addresses are CIDR text: "203.0.113.10/24"."""

    def __init__(self) -> None:
        self._made: list[str] = []

    def namespace(self, name: str) -> str:
        """A new one, IPv4 only, its loopback up. Returns the system's name of it."""
        full = f"{_PREFIX}-{os.getpid()}-{name}"
        run("ip", "netns", "add", full)
        self._made.append(full)
        settings = {"ipv6/conf/all/disable_ipv6": "1", "ipv6/conf/default/disable_ipv6": "1"}
        self.settings(full, settings)
        self.batch(full, "link set lo up")
        return full

    @staticmethod
    def settings(namespace: str, values: dict[str, str]) -> None:
        """sysctl, by the path below /proc/sys/net."""
        script = "; ".join(f"echo {value} > /proc/sys/net/{path}" for path, value in values.items())
        run("ip", "netns", "exec", namespace, "sh", "-ec", script)

    @staticmethod
    def batch(namespace: str, *commands: str) -> None:
        """Lines of `ip`."""
        run("ip", "-n", namespace, "-batch", "-", given="\n".join(commands) + "\n")

    def cable(self, inner: str, inner_end: str, outer: str, outer_end: str) -> None:
        """A pair of interfaces, both up, one in each namespace."""
        self.batch(
            inner,
            f"link add {inner_end} type veth peer name {outer_end} netns {outer}",
            f"link set {inner_end} up",
        )
        self.batch(outer, f"link set {outer_end} up")

    def close(self) -> None:
        """All of it goes, whatever became of what was started in it."""
        for name in reversed(self._made):
            _delete(name)
        self._made.clear()


@contextmanager
def lab() -> Iterator[Lab]:
    """An empty one; also clears away what a test that was killed has left behind."""
    sweep()
    made = Lab()
    try:
        yield made
    finally:
        made.close()


def left_behind() -> list[str]:
    """The namespaces of tests whose process is no more."""
    return [name for name in _names() if not _alive(name)]


def sweep() -> None:
    """Remove them."""
    for name in left_behind():
        _delete(name)


def _names() -> Sequence[str]:
    """Of all tests, of this process and of others."""
    with suppress(FileNotFoundError):
        return sorted(entry.name for entry in Path("/run/netns").iterdir() if entry.name.startswith(f"{_PREFIX}-"))
    return []


def _alive(name: str) -> bool:
    owner = name.removeprefix(f"{_PREFIX}-").partition("-")[0]
    return owner.isdigit() and Path(f"/proc/{owner}").exists()


def _delete(name: str) -> None:
    subprocess.run(["ip", "netns", "delete", name], capture_output=True, timeout=_COMMAND_SECONDS, check=False)

"""What interop tests need of the machine: they skip where it is missing, and fail where MEETPROBE_REQUIRE_SYSTEM=1."""

from __future__ import annotations

import importlib
import os
import shutil
import subprocess
from collections.abc import Sequence
from types import ModuleType
from typing import NoReturn

import pytest


def program(name: str, package: str) -> str:
    """The path of an executable, which Debian's `package` brings."""
    return shutil.which(name) or _missing(f"{name} (apt-get install {package})")


def module(name: str, package: str) -> ModuleType:
    """An imported module, which PyPI's `package` brings."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError:
        _missing(f"{name} (pip install {package})")


def node_package(name: str) -> str:
    """The path of Node, which finds npm's package of that name (by NODE_PATH)."""
    node = program("node", package="nodejs")
    found = subprocess.run([node, "-e", f"require.resolve('{name}')"], capture_output=True, timeout=30, check=False)
    return node if found.returncode == 0 else _missing(f"{name} (npm install {name}, and NODE_PATH to find it)")


def success(command: Sequence[str], what: str) -> None:
    """`what` is there only where that command succeeds: a right, or something of the kernel's."""
    if subprocess.run(command, capture_output=True, timeout=30, check=False).returncode:
        _missing(what)


def _missing(what: str) -> NoReturn:
    if os.environ.get("MEETPROBE_REQUIRE_SYSTEM") == "1":
        pytest.fail(f"missing: {what}", pytrace=False)
    pytest.skip(f"missing: {what}")

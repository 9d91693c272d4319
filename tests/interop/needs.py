"""What interop tests need of the machine: they skip where it is missing, and fail where MEETPROBE_REQUIRE_SYSTEM=1."""

from __future__ import annotations

import importlib
import os
import shutil
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


def _missing(what: str) -> NoReturn:
    if os.environ.get("MEETPROBE_REQUIRE_SYSTEM") == "1":
        pytest.fail(f"missing: {what}", pytrace=False)
    pytest.skip(f"missing: {what}")

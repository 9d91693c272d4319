"""What is built, shipped and declared is one and the same: sources in setup.py, files of a distribution, names in the stub."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from probe import native
from tests.native_build import ROOT

NATIVE = ROOT / "probe" / "native"


def setup_names(variable: str) -> tuple[str, ...]:
    """The literal that setup.py gives to that variable; running it would take setuptools."""
    tree = ast.parse((ROOT / "setup.py").read_text())
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == variable:
            names: tuple[str, ...] = ast.literal_eval(node.value)
            return names
    raise AssertionError(f"setup.py has no {variable}")


@pytest.mark.parametrize(("variable", "ending"), [("SOURCES", ".c"), ("HEADERS", ".h")])
def test_setup_names_every_file(variable: str, ending: str) -> None:
    names = setup_names(variable)
    assert sorted(names) == sorted(path.stem for path in NATIVE.glob(f"*{ending}"))
    assert len(set(names)) == len(names)


def test_each_file_says_what_it_is_and_its_types_are_added() -> None:
    module = (NATIVE / "module.c").read_text()
    for path in NATIVE.glob("*.[ch]"):
        text = path.read_text()
        assert text.startswith("/* "), path.name
        for line in text.splitlines():
            if line.startswith("int add_") and line.endswith("{"):
                assert f" {line[4 : line.index('(')]}," in module, line


def test_a_distribution_has_what_it_takes_to_build() -> None:
    manifest = (ROOT / "MANIFEST.in").read_text().split()
    setuptools = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    for ending in ("c", "h", "pyi"):
        assert f"probe/native/*.{ending}" in manifest
    assert "*.so" in manifest[manifest.index("global-exclude") :]  # what was built here fits here
    assert "*.pyi" in setuptools["package-data"]["*"]


def _declared(body: list[ast.stmt]) -> dict[str, ast.stmt]:
    """Public names of a stub's class or module."""
    found: dict[str, ast.stmt] = {}
    for node in body:
        name = node.target.id if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) else None
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            name = node.name
        if name is not None and not name.startswith("_"):
            found[name] = node
    return found


def _public(thing: Any) -> set[str]:
    return {name for name in vars(thing) if not name.startswith("_")}


@pytest.mark.skipif(not native.available(), reason="the compiled packet path is not built here")
def test_the_stub_declares_what_is_there() -> None:
    stub = _declared(ast.parse((NATIVE / "_core.pyi").read_text()).body)
    assert set(stub) == _public(native.core)
    for name, node in stub.items():
        if isinstance(node, ast.ClassDef):
            assert set(_declared(node.body)) == _public(getattr(native.core, name)), name


def test_the_environment_turns_it_off(tmp_path: Path) -> None:
    program = (
        "import probe.native, probe.native.stream, probe.rtc.receiver;"
        "print(probe.native.available(), probe.native.core, 'probe.native._core' in __import__('sys').modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env=os.environ | {"MEETPROBE_NATIVE": "0", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.split() == ["False", "None", "False"]


@pytest.mark.skipif(not native.available(), reason="the compiled packet path is not built here")
def test_a_libsrtp_with_other_arguments_is_not_called(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native, "_SIGNATURE", "int(*)(void *)")
    assert native._load() is None

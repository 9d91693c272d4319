"""Children: what they print, how they fail, and that none is left."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests.bench.child import ROOT, document_in, run_json
from tests.bench.row import PeerFailed


@pytest.mark.parametrize(
    ("output", "found"),
    [
        ('{"a": 1}', {"a": 1}),
        ('\n{\n "a": [2]\n}\n', {"a": [2]}),
        ("[1, 2]\n", [1, 2]),
        ('getting ready …\n{"a": 3}\n', {"a": 3}),
        ('1\n{"a": 4}', {"a": 4}),
    ],
)
def test_the_document_is_the_output_or_its_last_line(output: str, found: object) -> None:
    assert document_in(output) == found


@pytest.mark.parametrize(("output", "said"), [("", "it is empty"), ("12\n", "12"), ('{"a": 1}\nbye', "bye")])
def test_anything_else_is_a_failure(output: str, said: str) -> None:
    with pytest.raises(PeerFailed, match=f"no JSON document .*{said}"):
        document_in(output)


def _python(*arguments: str) -> list[str]:
    return [sys.executable, "-S", "-c", *arguments]


def test_a_child_gets_its_environment_the_tree_and_an_open_standard_input() -> None:
    code = "import json, os, select; ended = select.select([0], [], [], 0)[0]"
    code += "; print(json.dumps([os.environ['PEER'], os.getcwd(), bool(ended)]))"
    assert run_json(_python(code), deadline=20, environment={"PEER": "x"}) == ["x", str(ROOT), False]


def test_an_exit_code_that_is_not_expected_is_a_failure_with_its_last_words() -> None:
    with pytest.raises(PeerFailed, match="exit code 7: out of luck"):
        run_json(_python("import sys; sys.stderr.write('out of\\nluck'); sys.exit(7)"), deadline=20)


def test_an_expected_exit_code_is_not() -> None:
    assert run_json(_python("print('{}'); raise SystemExit(4)"), deadline=20, codes=(0, 4)) == {}


def test_a_program_that_is_not_there_is_a_failure() -> None:
    with pytest.raises(PeerFailed, match=r"exit code 1: .*FileNotFoundError"):
        run_json(["no-such-program"], deadline=20)


def test_after_the_deadline_the_child_and_what_it_started_are_gone(tmp_path: Path) -> None:
    noted = tmp_path / "pids"
    code = (
        "import os, pathlib, subprocess, sys\n"
        "inner = subprocess.Popen([sys.executable, '-S', '-c', 'import time; time.sleep(60)'], start_new_session=True)\n"
        f"pathlib.Path({str(noted)!r}).write_text(f'{{os.getpid()}} {{inner.pid}}')\n"
        "sys.stderr.write('still at it'); sys.stderr.flush()\n"
        "inner.wait()\n"
    )
    with pytest.raises(PeerFailed, match=r"not done after 0\.8 s: still at it"):
        run_json(_python(code), deadline=0.8)
    assert [pid for pid in map(int, noted.read_text().split()) if _alive(pid)] == []


def _alive(pid: int) -> bool:
    """Zombies don't count: an orphan's new parent waits for it when it likes."""
    try:
        os.kill(pid, 0)
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (ProcessLookupError, FileNotFoundError):
        return False

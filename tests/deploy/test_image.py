"""The Dockerfile and what goes into its context."""

from __future__ import annotations

import re
import subprocess

from tests.deploy.exposed import ROOT

TEXT = (ROOT / "Dockerfile").read_text(encoding="utf-8")
STAGES = re.split(r"^(?=FROM )", TEXT, flags=re.MULTILINE)[1:]
IGNORED = (ROOT / ".dockerignore").read_text(encoding="utf-8").split("\n")


def instructions(name: str, text: str = TEXT) -> list[str]:
    """The arguments of every instruction of that name, with its continued lines."""
    return [
        " ".join(found.replace("\\\n", " ").split())
        for found in re.findall(rf"^{name} ((?:.*\\\n)*.*)$", text, re.MULTILINE)
    ]


def test_both_stages_come_from_one_pinned_base() -> None:
    [base] = instructions("ARG")
    assert re.fullmatch(r"BASE=python:3\.\d+\.\d+-slim-\w+(@sha256:[0-9a-f]{64})?", base)
    assert instructions("FROM") == ["${BASE} AS build", "${BASE}"]


def test_what_builds_stays_out_of_what_runs() -> None:
    build, runtime = STAGES
    assert "gcc" in build
    assert "native.available()" in build
    assert not re.search(r"gcc|apt-get|pip ", runtime)


def test_it_runs_as_nobody_in_particular() -> None:
    assert re.fullmatch(r"[1-9]\d+:[1-9]\d+", instructions("USER", STAGES[-1])[-1])


def test_it_can_be_stopped_and_asked_how_it_is() -> None:
    assert instructions("STOPSIGNAL") == ["SIGTERM"]
    [check] = instructions("HEALTHCHECK")
    assert "MEETPROBE_HEALTH_URL" in check


def test_what_is_copied_is_there_and_in_the_context() -> None:
    assert IGNORED[1] == "*"
    taken = [line.removeprefix("!") for line in IGNORED if line.startswith("!")]
    assert all((ROOT / name).exists() for name in taken)
    copied = [line.split()[0] for line in instructions("COPY") if not line.startswith("--from")]
    assert copied == [".", "deploy/entrypoint.sh", "loadtest/locustfile.py"]
    for name in copied[1:]:
        assert (ROOT / name).is_file()
        assert any(name == one or name.startswith(f"{one}/") for one in taken), name


def entrypoint(*arguments: str, path: str = "/usr/bin:/bin") -> str:
    command = ["/bin/sh", str(ROOT / "deploy" / "entrypoint.sh"), *arguments]
    done = subprocess.run(command, env={"PATH": path}, capture_output=True, text=True, timeout=10, check=False)
    return done.stdout + done.stderr


def test_commands_are_run_and_bare_options_are_locust_s() -> None:
    assert entrypoint("echo", "probe", "run") == "probe run\n"
    assert "locust" in entrypoint("--worker", path="/nowhere")

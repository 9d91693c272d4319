"""The command line, with a run that is played instead of held: tests/integration holds real ones."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import types
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from probe import __version__
from probe.cli import main
from probe.measure.summary import Summary
from probe.model.errors import MediaError, ServerUnreachable
from probe.model.platform import Platform
from probe.model.progress import Progress
from probe.model.result import RunResult
from probe.model.scenario import Scenario
from reports.document import schema
from reports.targets.files import load_profile
from reports.writing import RENDERERS
from tests.reports.build import BUSY, attempts, good_run, result


@dataclass(frozen=True)
class Options:
    platform: Platform | None = None
    spool: Path | None = None
    processes: int = 1
    slices: tuple[object, ...] = ()
    units: tuple[object, ...] = ()
    watch: object = None
    dump_stats: object = None


class Played:
    """Stands in for `probe.run`: keeps what it was asked for, answers what it was told to."""

    def __init__(self) -> None:
        self.outcome: RunResult | BaseException = result()
        self.scenario: Scenario | None = None
        self.options: Options | None = None

    async def run_scenario(self, scenario: Scenario, options: Options, progress: Any = None) -> RunResult:
        self.scenario, self.options = scenario, options
        progress(Progress("measuring", 1.0, 25.0))
        if isinstance(self.outcome, BaseException):
            raise self.outcome
        return self.outcome


@pytest.fixture
def played(monkeypatch: pytest.MonkeyPatch) -> Played:
    found = Played()
    module: Any = types.ModuleType("probe.run")
    module.RunOptions, module.run_scenario = Options, found.run_scenario
    monkeypatch.setitem(sys.modules, "probe.run", module)
    monkeypatch.delenv("MEETPROBE_TOKEN", raising=False)
    monkeypatch.setenv("COLUMNS", "120")
    return found


@dataclass(frozen=True)
class Ended:
    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        """The one JSON document on stdout, valid by the schema."""
        found: dict[str, Any] = json.loads(self.out)
        jsonschema.Draft202012Validator(schema()).validate(found)
        return found


@pytest.fixture
def probe(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    def call(*arguments: object) -> Ended:
        monkeypatch.setattr(sys, "argv", ["probe", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        captured = capsys.readouterr()
        code = ended.value.code
        return Ended(code if isinstance(code, int) else 0, captured.out, captured.err)

    return call


# probe run


def test_a_good_run(played: Played, probe: Any) -> None:
    ended = probe("run")
    assert ended.code == 0
    assert ended.out.startswith("✓ No target missed")
    assert "1 s of about 25: measuring" in ended.err
    assert played.scenario is not None
    assert played.scenario.name == "hybrid"
    assert played.options == Options(units=load_profile("video-platform").unit_wants)


def test_json_is_one_document_and_quiet_is_quiet(played: Played, probe: Any) -> None:
    ended = probe("run", "--json", "--quiet")
    assert ended.code == 0
    assert ended.err == ""
    assert ended.document["verdict"]["pass"] == 3


def test_options_reach_the_run(played: Played, probe: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEETPROBE_TOKEN", "from-the-environment")
    out = tmp_path / "out"
    arguments = ("--scenario", "p2p", "--url", "ws://127.0.0.1:9", "--out", out, "--video", "v.mp4", "--audio", "a.wav")
    ended = probe("run", *arguments)
    platform = Platform(url="ws://127.0.0.1:9", token="from-the-environment")
    assert played.options == Options(platform, out, units=load_profile("video-platform").unit_wants)
    assert played.scenario is not None
    assert played.scenario.name == "p2p"
    assert played.scenario.media.video is not None
    assert played.scenario.media.audio is not None
    assert played.scenario.media.video.file == Path("v.mp4")
    assert played.scenario.media.audio.file == Path("a.wav")
    assert "from-the-environment" not in ended.out + ended.err
    assert json.loads((out / "report.json").read_text(encoding="utf-8"))["run"]["id"] == "a1b2c3"


def test_out_gets_the_report_in_all_its_forms(played: Played, probe: Any, tmp_path: Path) -> None:
    assert probe("run", "--out", tmp_path, "--strict").code == 4
    assert {path.name for path in tmp_path.iterdir()} >= set(RENDERERS)
    assert 'type="not proven"' in (tmp_path / "junit.xml").read_text(encoding="utf-8")


@pytest.mark.parametrize("json_too", [False, True])
def test_github_gets_annotations_and_a_summary(
    played: Played, probe: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, json_too: bool
) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    ended = probe("run", "--github", "--quiet", *(["--json"] if json_too else []))
    assert "::warning title=" in (ended.err if json_too else ended.out)
    assert "No target missed" in (tmp_path / "summary.md").read_text(encoding="utf-8")
    if json_too:
        assert ended.document["verdict"]["pass"] == 3


def test_github_hears_of_a_run_that_did_not_take_place(played: Played, probe: Any) -> None:
    played.outcome = ServerUnreachable("nobody answers", who="ws://127.0.0.1:9")
    ended = probe("run", "--github")
    assert ended.code == 4
    assert "::error title=probe run::" in ended.err


@pytest.mark.parametrize(
    ("told", "processes"), [("1", 1), ("3", 3), ("256", 256), ("auto", 2)], ids=lambda value: str(value)
)
def test_processes(played: Played, probe: Any, monkeypatch: pytest.MonkeyPatch, told: str, processes: int) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: set(range(64)), raising=False)
    assert probe("run", "--processes", told).code == 0
    assert played.options is not None
    assert played.options.processes == processes, "auto: no more than there are meetings"


@pytest.mark.parametrize("told", ["0", "-1", "257", "1.5", "many", "", "²"])
def test_processes_that_cannot_be(played: Played, probe: Any, told: str) -> None:
    ended = probe("run", f"--processes={told}")
    assert ended.code == 2
    assert "is no number of processes" in ended.err
    assert played.options is None


def failing() -> Summary:
    summary = good_run()
    attempts(summary, "join_success_ratio", 0, 20, topology="p2p")
    return summary


@pytest.mark.parametrize(
    ("outcome", "arguments", "code"),
    [
        (result(failing()), (), 3),
        (result(failing()), ("--strict",), 3),
        (result(), ("--strict",), 4),
        (result(health=BUSY), (), 4),
        (result(Summary()), (), 4),
        (result(interrupted=True), (), 0),
        (
            ServerUnreachable("connection refused", who="ws://x", phase="signalling_connect", hint="is it running?"),
            (),
            4,
        ),
        (MediaError("not a video", who="v.mp4"), ("--video", "v.mp4"), 2),
        (MediaError("the encoder is missing"), (), 4),
        (KeyboardInterrupt(), (), 4),
        (ZeroDivisionError("oops"), (), 1),
    ],
)
def test_exit_codes_and_a_document_in_every_case(
    played: Played, probe: Any, outcome: Any, arguments: tuple[str, ...], code: int
) -> None:
    played.outcome = outcome
    ended = probe("run", "--json", *arguments)
    assert ended.code == code
    assert ended.document["verdict"]["exit_code"] == code
    assert bool(ended.document["errors"]) == isinstance(outcome, BaseException)


@pytest.mark.parametrize(
    ("lack", "said"),
    [
        (MemoryError(), "out of memory"),
        (RuntimeError("can't start new thread"), "can't start new thread"),
        (ImportError("libav.so: failed to map segment from shared object"), "failed to map segment"),
        (OSError(11, "Resource temporarily unavailable"), "Resource temporarily unavailable"),
        (OSError(24, "Too many open files"), "Too many open files"),
        (OSError(28, "No space left on device"), "No space left on device"),
    ],
)
def test_what_this_machine_lacks_is_no_bug(played: Played, probe: Any, lack: BaseException, said: str) -> None:
    played.outcome = lack
    ended = probe("run", "--quiet")
    assert ended.code == 4
    assert ended.err.startswith("✗ this machine: ")
    assert said in ended.err
    assert "Traceback" not in ended.err


@pytest.mark.parametrize(("missed", "code"), [(False, 2), (True, 3)])
def test_a_report_that_can_not_be_written_is_told_all_the_same(
    played: Played, probe: Any, tmp_path: Path, missed: bool, code: int
) -> None:
    if missed:
        summary = good_run()
        attempts(summary, "join_success_ratio", 0, 60, topology="p2p")
        played.outcome = result(summary)
    (tmp_path / "kpis.csv").mkdir()
    ended = probe("run", "--json", "--quiet", "--out", tmp_path)
    assert ended.code == code
    assert f"✗ {tmp_path / 'kpis.csv'}: can't write there" in ended.err
    assert ended.document["verdict"]["exit_code"] == (3 if missed else 0), "the verdict is the platform's alone"


def test_an_expected_failure_is_one_clear_line_and_a_hint(played: Played, probe: Any) -> None:
    played.outcome = ServerUnreachable("connection refused", who="ws://x", phase="connect", hint="is it running?")
    ended = probe("run", "--quiet")
    assert ended.err == "✗ ws://x: connect: connection refused\n  is it running?\n"
    assert ended.out == ""


def test_a_bug_shows_its_traceback(played: Played, probe: Any) -> None:
    played.outcome = ZeroDivisionError("oops")
    ended = probe("run", "--quiet")
    assert "Traceback" in ended.err
    assert "this is a bug in meetprobe: ZeroDivisionError: oops" in ended.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--scenario", "hybird"), "did you mean 'hybrid'"),
        (("--scenario", "/nowhere.yaml"), "can't be read"),
        (("--targets", "video-plattform"), "did you mean 'video-platform'"),
        (("--horizon", "9m"), "unknown horizon '9m'"),
        (("--out", "/proc/nowhere"), "can't write there"),
    ],
)
def test_wrong_input_ends_before_the_first_packet(
    played: Played, probe: Any, arguments: tuple[str, ...], said: str
) -> None:
    ended = probe("run", "--json", *arguments)
    assert ended.code == 2
    assert said in ended.err
    assert said in ended.document["errors"][0]["message"]
    assert played.scenario is None


def test_a_scenario_of_the_users_with_targets_of_its_own(played: Played, probe: Any, tmp_path: Path) -> None:
    (tmp_path / "t.yaml").write_text(
        "profile: mine\ntitle: Mine\nhorizons: [now]\ndefault_horizon: now\nkpis:\n"
        "  - {id: joins, title: Joins, metric: join_success_ratio, aggregate: ratio, comparison: '>=', targets: {now: 50 %}}\n"
    )
    (tmp_path / "s.yaml").write_text("name: mine\ntargets: t.yaml\nhorizon: now\njudges: [joins]\n")
    own = probe("run", "--json", "--scenario", tmp_path / "s.yaml").document
    assert [(one["kpi"], one["status"]) for one in own["kpis"]] == [("joins", "pass")]
    other = probe("run", "--json", "--targets", tmp_path / "t.yaml").document
    assert (other["run"]["targets"], other["run"]["horizon"]) == ("mine", "now")
    assert other["run"]["scenario"] == "hybrid"
    (tmp_path / "s.yaml").write_text("name: mine\ntargets: t.yaml\nhorizon: now\njudges: [join]\n")
    wrong = probe("run", "--scenario", tmp_path / "s.yaml")
    assert wrong.code == 2
    assert "unknown KPI 'join', did you mean 'joins'" in wrong.err


def test_the_horizon_chooses_the_targets(played: Played, probe: Any) -> None:
    rows = probe("run", "--json", "--horizon", "now").document["kpis"]
    assert next(one["target"] for one in rows if one["kpi"] == "join_time") == 30.0
    assert next(one["status"] for one in rows if one["kpi"] == "migration_success") == "not_judged"


def test_secrets_are_not_shown(played: Played, probe: Any, tmp_path: Path) -> None:
    played.outcome = ServerUnreachable("no")
    (tmp_path / "token").write_text("secret\n", encoding="utf-8")
    arguments = ("--url", "wss://me:secret@host/?token=secret", "--token-file", tmp_path / "token")
    ended = probe("run", "--json", *arguments)
    assert "secret" not in ended.out + ended.err
    assert ended.document["run"]["target"] == "wss://host/?…"


@pytest.mark.parametrize(
    "option", [("--token", "secret"), ("--ca", "ca.pem"), ("--room", "x"), ("--signalling", "whip")]
)
def test_what_says_nothing_without_a_platform(played: Played, probe: Any, option: tuple[str, str]) -> None:
    ended = probe("run", *option)
    assert ended.code == 2
    assert option[0] in ended.err
    assert played.options is None


# the rest


@pytest.mark.parametrize("arguments", [("scenarios",), ("scenarios", "list")])
def test_scenarios_are_listed(probe: Any, arguments: tuple[str, ...]) -> None:
    ended = probe(*arguments)
    assert ended.code == 0
    assert [line.split()[0] for line in ended.out.splitlines() if line[:1].strip()][1:] == [
        "camera",
        "campaign",
        "hybrid",
        "nightly",
        "p2p",
        "sfu",
    ]


def test_a_scenario_shows_what_it_can_decide(probe: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    nightly, hybrid = probe("scenarios", "show", "nightly").out, probe("scenarios", "show", "hybrid").out
    assert "✓  Migration success rate (P2P↔SFU, both ways) ≥ 99.5 %" in nightly
    assert "598 without a failure" in nightly
    assert "?  Migration success rate" in hybrid
    assert "640" in hybrid


@pytest.mark.parametrize("arguments", [("targets",), ("targets", "list")])
def test_targets_are_listed(probe: Any, arguments: tuple[str, ...]) -> None:
    ended = probe(*arguments)
    assert ended.code == 0
    assert "video-platform" in ended.out


def test_targets_are_shown_and_checked(probe: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    shown = probe("targets", "show", "video-platform").out
    for wanted in ("≥ 99.95 %", "< 80 ms", "Zoom ~97 %", "p95 of join_duration_seconds", "critical", "Q3", "NPS"):
        assert wanted in shown
    path = tmp_path / "mine.yaml"
    path.write_text(
        "profile: mine\ntitle: M\ndefault_horizon: now\nkpis: [{id: a, title: A, metirc: x, comparison: '>'}]\n"
    )
    ended = probe("targets", "check", path)
    assert ended.code == 2
    assert "kpis[0].metirc: unknown key, did you mean 'metric'?" in ended.err
    assert "kpis[0].targets: is required" in ended.err
    path.write_text(path.read_text().replace("metirc: x", "metric: frame_rate, targets: {now: 25 fps}"))
    ended = probe("targets", "check", path)
    assert (ended.code, ended.out) == (0, "✓ mine: 1 rows, 1 of them judged by a single run, 0 alerts\n")


def test_audio_score(probe: Any) -> None:
    arguments = (
        "--codec",
        "opus",
        "--bitrate",
        32000,
        "--loss",
        0.025,
        "--burst-ratio",
        1.3,
        "--delay",
        0.18,
        "--json",
    )
    found = json.loads(probe("score", "audio", *arguments).out)
    # Opus at 32 kbit/s between the rows of 31 and 34: Ie 16.1388, Bpl 10.3333; G.107.2 by hand
    ie_eff = 16.13875 + (132 - 16.13875) * 2.5 / (2.5 / 1.3 + 10.33333)
    assert found["r_lq"] == pytest.approx(148 - ie_eff, abs=1e-3)
    assert found["r"] == found["r_cq"] < found["r_lq"]
    assert found["mos_cq"] == pytest.approx(3.679, abs=0.001)
    assert found["score"] == pytest.approx(1 + 4 * (found["mos_cq"] - 1) / 3.5)
    assert (found["model"], found["ceiling"]) == ("G.107.2", 4.5)
    assert "MOS-LQ" in probe("score", "audio", "--bitrate", 48000).out


def test_what_other_dashboards_would_show(probe: Any) -> None:
    arguments = ("--bitrate", 32000, "--loss", 0.02, "--round-trip", 0.1, "--jitter", 0.01, "--vendors")
    found = json.loads(probe("score", "audio", *arguments, "--json").out)
    by_name = {vendor["name"]: vendor["score"] for vendor in found["vendors"]}
    assert by_name["Twilio"] > found["mos_cq"], "a published formula is kinder than ours"
    assert "Vonage" in probe("score", "audio", *arguments).out
    assert "vendors" not in json.loads(probe("score", "audio", "--bitrate", 32000, "--json").out)


def test_an_estimate_says_that_it_is_one_and_how_far_off(probe: Any) -> None:
    found = json.loads(probe("score", "estimate", "--bitrate", 500000, "--frozen", 1, "--vendors", "--json").out)
    assert found["model"] == "estimated"
    assert 0 < found["fit_error"] < 0.5
    assert 1 < found["score"] < found["picture_mos"] < 5
    assert {"G.1070", "LiveKit"} <= {vendor["name"] for vendor in found["vendors"]}
    assert probe("score", "estimate", "--bitrate", 0).code == 2


def test_video_score(probe: Any) -> None:
    still = json.loads(probe("score", "video", "--vmaf", 88, "--frozen", 1, "--duration", 10, "--json").out)
    assert still["picture_mos"] == 4.4
    assert still["score"] == pytest.approx((9 * 4.4 + 2) / 11)
    assert json.loads(probe("score", "video", "--vmaf", 88, "--frozen", 10, "--json").out)["score"] == 1.0
    by_ssim = json.loads(probe("score", "video", "--ssim", 0.99, "--json").out)
    assert 20 < by_ssim["vmaf"] <= 100
    assert "fitted on" in by_ssim["note"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("audio", "--codec", "opsu", "--bitrate", 1), "did you mean 'opus'"),
        (("audio", "--bitrate", 32000, "--loss", 2), "loss ratio 2.0 is out of range"),
        (("video",), "one of --vmaf and --ssim"),
        (("video", "--vmaf", 88, "--ssim", 0.9), "one of --vmaf and --ssim"),
        (("video", "--vmaf", 101), "--vmaf 101 is out of range"),
        (("video", "--ssim", 2), "--ssim 2 is out of range"),
        (("video", "--ssim", 0.9, "--height", 0), "--height 0 is out of range"),
        (("video", "--vmaf", 88, "--frozen", 11), "--frozen 11 is out of range"),
        (("video", "--vmaf", "nan"), "--vmaf nan is out of range"),
        (("video", "--vmaf", 88, "--duration", 0), "--duration 0 is out of range"),
    ],
)
def test_figures_that_cannot_be(probe: Any, arguments: tuple[object, ...], said: str) -> None:
    ended = probe("score", *arguments)
    assert ended.code == 2
    assert said in ended.err


def test_version_and_usage(probe: Any) -> None:
    assert probe("--version").out == f"meetprobe {__version__}\n"
    assert probe("run", "--nonsense").code == 2
    assert probe("--help").code == 0


def test_help_imports_nothing_heavy() -> None:
    """The promise is 0.3 s on an idle machine; a shared one gets more, so what is imported is checked too."""
    program = (
        "import sys; from probe.cli import main\n"
        "sys.argv = ['probe', '--help']\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "heavy = {'pydantic', 'av', 'numpy', 'aiortc', 'aiohttp', 'asyncio', 'yaml'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    began = time.monotonic()
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr
    assert time.monotonic() - began < 3

"""What crosses the pipes, and what does not get through."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from probe.engine.outcome import Outcome
from probe.engine.protocol import (
    ANSWERS,
    COMMANDS,
    MAX_LISTED,
    PROTOCOL,
    Close,
    Closed,
    Deliver,
    Delivered,
    Failed,
    Held,
    Hold,
    Message,
    Ready,
    Setup,
    Snapshot,
    decode,
    encode,
)
from probe.model.errors import ConfigError, MeasurementError, MediaError, ProbeError
from probe.model.platform import Platform
from probe.model.progress import ParticipantNow
from probe.model.scenario import Media, Scenario, VideoMedia
from probe.model.scenario_files import load_scenario, scenario_names
from tests.engine.build import outcome

SETUP = Setup(scenario=Scenario(name="s"), platform=Platform(url="ws://127.0.0.1:1/ws"), stamp="ab12cd", epoch=12.5)
NOW = ParticipantNow("room", "ann", "p2p", 0.001, 0.0, 29.9, None, 4.4)
MESSAGES: tuple[Message, ...] = (
    SETUP,
    SETUP.model_copy(update={"token": "secret", "number": 2, "of": 3, "spool": Path("out")}),
    Hold(round=0, start=1234.5, meetings=(0, 2)),
    Hold(round=3, start=0.0, meetings=()),
    Close(),
    Deliver(),
    Deliver(vmaf=False),
    Ready(pid=7),
    Held(round=3),
    Closed(),
    Delivered(outcome={"summary": {}, "presence": [[1.5, 1]]}),
    Snapshot(),
    Snapshot(participants=(NOW,) * MAX_LISTED, unlisted=984, joins=1000, migrations=2, migrations_failed=1),
    Failed(kind="MediaError", message="not a film", who="clip.mp4"),
)


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.type)
def test_every_message_comes_back(message: Message) -> None:
    kinds = COMMANDS if isinstance(message, COMMANDS) else ANSWERS
    for first in (True, False):
        line = encode(message, first=first)
        assert line.endswith(b"\n")
        assert line.count(b"\n") == 1
        assert decode(line, kinds, first=first) == message
        assert (json.loads(line).get("protocol") == PROTOCOL) is first


def test_both_sides_are_all_there() -> None:
    assert {type(message) for message in MESSAGES} == {*COMMANDS, *ANSWERS}
    assert len({kind.type for kind in (*COMMANDS, *ANSWERS)}) == len(COMMANDS) + len(ANSWERS)


@pytest.mark.parametrize("name", scenario_names())
def test_scenarios_are_the_same_on_the_other_side(name: str) -> None:
    setup = SETUP.model_copy(update={"scenario": load_scenario(name)})
    assert decode(encode(setup), COMMANDS) == setup


def test_a_scenario_with_everything() -> None:
    video = VideoMedia(file=Path("clip.mp4"))
    scenario = Scenario(
        name="all", media=Media(video=video, audio=None), network={"up": {"delay": "20 ms"}, "down": {}},
        networks=("lte", None), addresses=("::1",), judges=("join_success",),
    )  # fmt: skip
    setup = SETUP.model_copy(update={"scenario": scenario})
    assert decode(encode(setup), COMMANDS) == setup


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b"", "is no JSON"),
        (b"Traceback (most recent call last):", "is no JSON"),
        (b"[1]", "is no object"),
        (b'{"protocol": "meetprobe/engine/1", "type": "close"}', "protocol 'meetprobe/engine/1' where None is spoken"),
        (b'{"type": "clsoe"}', "unknown message 'clsoe', did you mean 'close'?"),
        (b'{"type": "held", "round": 1}', "unknown message 'held'"),
        (b'{"round": 1}', "unknown message None"),
        (b'{"type": "close", "now": true}', "close: now: unknown key"),
        (b'{"type": "hold", "round": 0, "start": 1.0}', "hold: meetings: is required"),
        (b'{"type": "hold", "round": -1, "start": 1.0, "meetings": []}', "hold: round: -1"),
        (b'{"type": "hold", "round": 0, "start": 1.0, "meetings": ["all"]}', "hold: meetings[0]: 'all'"),
    ],
)
def test_what_is_no_command(line: bytes, said: str) -> None:
    with pytest.raises(MeasurementError) as refused:
        decode(line, COMMANDS)
    assert said in refused.value.message
    assert refused.value.who == "engine protocol"


@pytest.mark.parametrize("protocol", ["", '"protocol": "meetprobe/engine/2", '])
def test_another_protocol_is_refused_at_once(protocol: str) -> None:
    with pytest.raises(MeasurementError, match="where 'meetprobe/engine/1' is spoken"):
        decode(f'{{{protocol}"type": "ready", "pid": 1}}'.encode(), ANSWERS, first=True)


def test_a_long_line_is_shown_in_part() -> None:
    with pytest.raises(MeasurementError) as refused:
        decode(b"x" * 10_000, COMMANDS)
    assert len(refused.value.message) < 200


def test_a_snapshot_stays_small() -> None:
    with pytest.raises(ValueError, match="participants"):
        Snapshot(participants=(NOW,) * (MAX_LISTED + 1))
    assert len(encode(Snapshot(participants=(NOW,) * MAX_LISTED))) < 4096


@pytest.mark.parametrize("kind", [ConfigError, MediaError, MeasurementError])
def test_an_error_is_of_its_class_again(kind: type[ProbeError]) -> None:
    error = Failed.of(kind("no", who="me", phase="here", hint="try")).error()
    assert type(error) is kind
    assert (error.message, error.who, error.phase, error.hint) == ("no", "me", "here", "try")


@pytest.mark.parametrize("kind", ["Nonsense", "annotations", "Exception"])
def test_an_unknown_kind_of_error_is_still_told(kind: str) -> None:
    assert type(Failed(kind=kind, message="no").error()) is ProbeError


def test_an_outcome_crosses_unharmed() -> None:
    sent = outcome(1)
    delivered = decode(encode(Delivered(outcome=sent.to_dict())), ANSWERS)
    assert isinstance(delivered, Delivered)
    assert Outcome.from_dict(delivered.outcome).to_dict() == sent.to_dict()


def test_what_json_cannot_say_is_null() -> None:
    line = encode(Delivered(outcome={"participants": [[1, [{"stay_seconds": math.inf}]]]}))
    assert json.loads(line)["outcome"] == {"participants": [[1, [{"stay_seconds": None}]]]}


def test_a_name_that_is_no_text_crosses_all_the_same() -> None:
    """A file's name may hold any bytes: Python reads those that are no UTF-8 as lone surrogates."""
    said = Failed(kind="MediaError", message="not a film", who="\udcff.mp4")
    assert decode(encode(said, first=True), ANSWERS, first=True) == said

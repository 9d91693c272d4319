from __future__ import annotations

import contextlib
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.measure.savings import DEFAULT_PRICES
from probe.model.errors import ConfigError
from probe.model.scenario import Observe, Prices, Scenario
from probe.model.scenario_files import load_scenario, parse_scenario, scenario_names, with_media_files


def scenario(**fields: Any) -> Scenario:
    return parse_scenario({"name": "x", **fields}, source="test.yaml")


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"meetigns": 3}, "meetigns: unknown key, did you mean 'meetings'?"),
        ({"media": {"video": {"widht": 640}}}, "media.video.widht: unknown key, did you mean 'width'?"),
        ({"prices": {"egress": 1}}, "prices.egress: unknown key, did you mean 'egress_per_gb'?"),
        ({"quux": 1}, "quux: unknown key; valid: name, description, topology"),
        ({"topology": "p3p"}, "topology: 'p3p' is not one of 'hybrid', 'p2p' or 'sfu', did you mean 'p2p'?"),
        ({"observe": "all"}, "observe.depth: 'all' is not one of 'pictures', 'frames' or 'headers'"),
        ({"observe": {"depht": "headers"}}, "observe.depht: unknown key, did you mean 'depth'?"),
        ({"observe": 3}, "observe: 3 stands where keys and values should"),
        ({"observe": {"pictures": "101%"}}, "observe.pictures: '101%' should be less than or equal to 1"),
        ({"observe": {"pictures": -0.1}}, "observe.pictures: -0.1 should be greater than or equal to 0"),
        ({"observe": {"pictures": "few"}}, "observe.pictures: 'few' should be a valid number"),
        ({"observe": {"pictures": "x%"}}, "observe.pictures: 'x%' is no number with a unit"),
        ({"observe": {"depth": "frames", "pictures": 0.1}}, "at frames all are alike"),
        ({"observe": {"rotate": "1s"}}, "observe.rotate: '1s' should be greater than or equal to 2"),
        ({"observe": {"rotate": 3601}}, "observe.rotate: 3601 should be less than or equal to 3600"),
        ({"observe": {"authenticate": 0}}, "observe.authenticate: 0 should be greater than or equal to 0.001"),
        ({"observe": {"depth": "pictures", "authenticate": 0.0}}, "observe.authenticate: 0.0 should be greater"),
        ({"meetings": 0}, "meetings: 0 should be greater than or equal to 1"),
        ({"meetings": "3"}, "meetings: '3' should be a valid integer"),
        ({"meetings": True}, "meetings: True should be a valid integer"),
        ({"settle": -1}, "settle: -1 should be greater than or equal to 0"),
        ({"settle": float("nan")}, "settle: nan should be"),
        ({"join_deadline": 0}, "join_deadline: 0 should be greater than 0"),
        ({"media": 3}, "media: 3 stands where keys and values should"),
        ({"media": {"video": {"width": 97}}}, "media.video.width: 97 should be a multiple of 2"),
        ({"media": {"video": {"codec": "AV1"}}}, "media.video.codec: 'AV1' is not one of 'VP8' or 'H264'"),
        ({"media": {"video": None, "audio": None}}, "video and audio are both switched off"),
        ({"participants": 1}, "1 without visitors meets nobody"),
        ({"participants": 3, "visitors": 1}, "never crosses p2p_limit 2"),
        ({"watch": 1}, "watch: 1 should be a valid boolean"),
        ({"watch": True}, "watch: a stream comes from a server, so topology: sfu, not hybrid"),
        ({"watch": True, "topology": "sfu", "browsers": 1}, "watch: browsers would take part in a meeting"),
        ({"watch": True, "topology": "sfu", "media": {"video": None}}, "watch: a viewer waits for a picture"),
        ({"addresses": ["here"]}, "addresses[0]: 'here' does not appear to be an IPv4 or IPv6 address"),
        ({"addresses": "127.0.0.1"}, "addresses: '127.0.0.1' should be a list"),
        ({"name": ""}, "name: '' "),
    ],
)
def test_a_mistake_says_where_and_what_is_right(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        scenario(**fields)
    assert said in caught.value.message
    assert caught.value.who == "test.yaml"


@pytest.mark.parametrize(
    ("observe", "meant"),
    [
        ("frames", Observe(depth="frames")),
        ("headers", Observe()),
        ({}, Observe(depth="headers", pictures=0.0, rotate=10.0, authenticate=0.01)),
        ({"depth": "pictures"}, Observe(depth="pictures")),
        (
            {"depth": "headers", "pictures": "2%", "rotate": "30s", "authenticate": "100%"},
            Observe(depth="headers", pictures=0.02, rotate=30.0, authenticate=1.0),
        ),
        ({"pictures": 0.5, "rotate": 2}, Observe(pictures=0.5, rotate=2.0)),
        ({"authenticate": "0.1%"}, Observe(authenticate=0.001)),
    ],
)
def test_how_deep_to_look_is_a_word_or_a_mapping(observe: object, meant: Observe) -> None:
    assert scenario(observe=observe).observe == meant


def test_without_a_word_pictures_are_looked_at() -> None:
    assert scenario().observe == Observe(depth="pictures")


def test_several_mistakes_are_told_together() -> None:
    with pytest.raises(ConfigError) as caught:
        scenario(meetings=0, rounds=0)
    assert "meetings: 0" in caught.value.message
    assert "rounds: 0" in caught.value.message


def test_a_scenario_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        scenario().meetings = 3


def test_prices_are_those_that_savings_are_worked_out_with() -> None:
    assert Prices().model_dump() == asdict(DEFAULT_PRICES)


@pytest.mark.parametrize(
    ("fields", "moves"),
    [
        ({"visitors": 1}, True),
        ({"visitors": 0}, False),
        ({"topology": "sfu", "visitors": 1}, False),
        ({"topology": "p2p", "visitors": 1}, False),
        ({"participants": 1, "visitors": 2}, True),
        ({"participants": 4, "visitors": 1, "p2p_limit": 4}, True),
    ],
)
def test_who_migrates(fields: dict[str, Any], moves: bool) -> None:
    assert scenario(**fields).migrates is moves


@pytest.mark.parametrize("name", ["hybrid", "nightly", "p2p", "sfu"])
def test_shipped_scenarios_load(name: str) -> None:
    assert name in scenario_names()
    found = load_scenario(name)
    assert found.name == name
    assert found.description


def test_the_media_default_is_switched_off_by_null() -> None:
    found = scenario(media={"audio": None})
    assert found.media.audio is None
    assert found.media.video is not None
    assert (found.media.video.width, found.media.video.height, found.media.video.fps) == (640, 360, 30)


def test_an_unknown_name_gets_the_nearest() -> None:
    with pytest.raises(ConfigError, match="did you mean 'hybrid'"):
        load_scenario("hybird")


def test_relative_files_belong_to_the_scenarios_folder(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("name: mine\ntargets: t.yaml\nmedia: {video: {file: clip.mp4}, audio: {file: /abs/talk.wav}}\n")
    found = load_scenario(str(path))
    assert found.media.video is not None
    assert found.media.audio is not None
    assert found.media.video.file == tmp_path / "clip.mp4"
    assert found.media.audio.file == Path("/abs/talk.wav")
    assert found.targets == str(tmp_path / "t.yaml")


def test_media_files_of_the_command_line_replace_those_of_the_scenario() -> None:
    found = with_media_files(scenario(), video=Path("v.mp4"))
    assert found.media.video is not None
    assert found.media.audio is not None
    assert found.media.video.file == Path("v.mp4")
    assert found.media.audio.file is None


def test_a_file_for_a_kind_that_is_off_is_refused() -> None:
    with pytest.raises(ConfigError, match="sends no audio"):
        with_media_files(scenario(media={"audio": None}), audio=Path("talk.wav"))


_ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from(sorted(Scenario.model_fields)) | st.text(max_size=8), _ANYTHING, max_size=5))
def test_rubbish_is_a_config_error_or_a_scenario(data: dict[str, Any]) -> None:
    """Nothing but a ConfigError may come out, whatever goes in."""
    with contextlib.suppress(ConfigError):
        assert isinstance(parse_scenario(data, source="fuzz"), Scenario)


def test_one_viewer_is_enough() -> None:
    found = scenario(watch=True, topology="sfu", participants=1)
    assert (found.watch, found.migrates, found.staying) == (True, False, 1)
    assert not scenario().watch

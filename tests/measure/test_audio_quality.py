from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.measure.audio_quality import CODECS, AudioQuality, audio_score, stretched
from probe.model.errors import ConfigError

CODEC = st.sampled_from(CODECS)
BITRATE, LOSS, BURST, DELAY = st.floats(1, 510_000), st.floats(0, 1), st.floats(0.1, 20), st.floats(0, 3)


def test_clean_opus() -> None:
    score = audio_score("opus", 40_000, 0.0)
    assert (score.model, score.ceiling, score.note) == ("G.107.2", 4.5, "")
    assert (round(score.r_lq, 3), round(score.mos_lq, 4), round(score.score, 3)) == (137.334, 4.4013, 4.887)
    assert score.r_cq == score.r_lq
    assert score.mos_cq == score.mos_lq


def test_delay_touches_conversation_only() -> None:
    score = audio_score("opus", 40_000, 0.0, 1.0, 0.3)
    assert (round(score.mos_lq, 4), round(score.mos_cq, 4)) == (4.4013, 3.9475)
    assert score.score == stretched(score.mos_cq)


@pytest.mark.parametrize(("mos", "score"), [(1.0, 1.0), (4.0625, 4.5), (4.2375, 4.7), (4.5, 5.0)])
def test_stretched(mos: float, score: float) -> None:
    assert stretched(mos) == pytest.approx(score, abs=1e-12)


@pytest.mark.parametrize(
    ("target", "delay_ms", "percent"),
    [
        *[(4.5, 100, 1.64), (4.5, 150, 1.62), (4.5, 200, 1.17), (4.5, 250, 0.36)],
        *[(4.7, 100, 0.85), (4.7, 150, 0.83), (4.7, 200, 0.44)],
    ],
)
def test_loss_up_to_which_the_targets_hold(target: float, delay_ms: int, percent: float) -> None:
    def score(loss_percent: float) -> float:
        return audio_score("opus", 40_000, loss_percent / 100, 1.0, delay_ms / 1000).score

    assert score(percent - 0.01) >= target > score(percent)  # the first hundredth of a percent that is too much


def test_best_target_is_out_of_reach_at_250_ms() -> None:
    assert audio_score("opus", 40_000, 0.0, 1.0, 0.25).score < 4.7


@pytest.mark.parametrize(
    ("codec", "bitrate", "loss", "model", "ceiling", "mos"),
    [
        ("PCMU", 64_000, 0.0, "G.107", 4.409, 4.409),
        ("pcma", 64_000, 0.05, "G.107", 4.409, 3.923),
        ("G722", 64_000, 0.0, "G.107.1", 4.5, 4.337),
        ("OPUS", 31_000, 0.02, "G.107.2", 4.5, 3.869),
    ],
)
def test_each_codec_has_its_model(
    codec: str, bitrate: float, loss: float, model: str, ceiling: float, mos: float
) -> None:
    score = audio_score(codec, bitrate, loss)
    assert (score.model, round(score.ceiling, 3), round(score.mos_lq, 3)) == (model, ceiling, mos)


@pytest.mark.parametrize(
    ("codec", "bitrate", "loss", "burst", "delay", "note"),
    [
        ("opus", 96_000, 0.0, 1.0, 0.0, "lower bound: Opus above 40 kbit/s is rated as 40 kbit/s"),
        ("opus", 8_000, 0.0, 1.0, 0.0, "upper bound: Opus below 14 kbit/s is rated as 14 kbit/s"),
        ("opus", 40_000, 0.01, 9.5, 0.0, "burst ratio 9.5 rated as 8"),
        ("opus", 40_000, 0.01, 0.5, 0.0, "burst ratio 0.5 rated as 1"),
        ("opus", 40_000, 0.03, 3.0, 0.0, "bursts above 2 with more than 2 % loss are outside the validated range"),
        ("opus", 40_000, 0.25, 1.0, 0.0, "loss above 20 % is outside the permitted range"),
        ("opus", 40_000, 0.0, 1.0, 0.6, "delay above 0.5 s is outside the permitted range"),
        ("PCMU", 64_000, 0.0, 1.0, 0.0, "loss concealment assumed (Bpl 25.1), no echo"),
    ],
)
def test_notes_say_what_limits_the_figure(
    codec: str, bitrate: float, loss: float, burst: float, delay: float, note: str
) -> None:
    assert audio_score(codec, bitrate, loss, burst, delay).note == note


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("opus", 0.0, 0.0, 1.0, 0.0), "bitrate 0.0 .*bits per second, above 0"),
        (("opus", math.inf, 0.0, 1.0, 0.0), "bitrate"),
        (("opus", 4e4, 2.5, 1.0, 0.0), "loss ratio 2.5 .*0 to 1"),
        (("opus", 4e4, -0.1, 1.0, 0.0), "loss ratio"),
        (("opus", 4e4, math.nan, 1.0, 0.0), "loss ratio nan"),
        (("opus", 4e4, 0.0, 0.0, 0.0), "burst ratio 0.0"),
        (("opus", 4e4, 0.0, math.inf, 0.0), "burst ratio inf"),
        (("opus", 4e4, 0.0, 1.0, -0.1), "mouth-to-ear delay -0.1"),
        (("opus", 4e4, 0.0, 1.0, math.nan), "mouth-to-ear delay nan"),
        (("opuss", 4e4, 0.0, 1.0, 0.0), "did you mean 'opus'.*allowed: opus, G722, PCMU, PCMA"),
        (("speex", 4e4, 0.0, 1.0, 0.0), "no quality model for codec 'speex' .allowed"),
    ],
)
def test_bad_input_says_what_is_allowed(arguments: tuple[str, float, float, float, float], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        audio_score(*arguments)


@given(CODEC, BITRATE, LOSS, LOSS, BURST, BURST, DELAY, DELAY)
def test_more_loss_burst_or_delay_never_scores_higher(
    codec: str, bitrate: float, loss1: float, loss2: float, b1: float, b2: float, d1: float, d2: float
) -> None:
    loss, burst, delay = sorted((loss1, loss2)), sorted((b1, b2)), sorted((d1, d2))
    best = audio_score(codec, bitrate, loss[0], burst[0], delay[0])
    for worse in (
        audio_score(codec, bitrate, loss[1], burst[0], delay[0]),
        audio_score(codec, bitrate, loss[0], burst[1], delay[0]),
        audio_score(codec, bitrate, loss[0], burst[0], delay[1]),
    ):
        assert worse.score <= best.score + 1e-9
        assert worse.mos_lq <= best.mos_lq + 1e-9


@given(CODEC, BITRATE, LOSS, BURST, DELAY)
def test_every_score_is_within_its_scale(codec: str, bitrate: float, loss: float, burst: float, delay: float) -> None:
    score = audio_score(codec, bitrate, loss, burst, delay)
    assert 1 <= score.mos_cq <= score.mos_lq <= score.ceiling <= 4.5
    assert 1 <= score.score <= 5


def test_a_call_averages_r_not_mos() -> None:
    call = AudioQuality()
    good, bad = call.add_window(0.0, bitrate=40_000), call.add_window(0.10, bitrate=40_000)
    result = call.result()
    assert good is not None
    assert bad is not None
    assert result is not None
    assert result.mean.r_lq == pytest.approx((good.r_lq + bad.r_lq) / 2)
    assert result.mean.mos_lq != pytest.approx((good.mos_lq + bad.mos_lq) / 2, abs=0.01)
    assert (result.windows, result.lowest_mos_cq) == (2, bad.mos_cq)
    assert result.p5_mos_cq == bad.mos_cq
    assert result.mean.model == "G.107.2"


def test_windows_weigh_by_their_duration() -> None:
    call = AudioQuality()
    long, short = call.add_window(0.0, bitrate=4e4, duration=3.0), call.add_window(0.1, bitrate=4e4, duration=1.0)
    result = call.result()
    assert long is not None
    assert short is not None
    assert result is not None
    assert result.mean.r_cq == pytest.approx((3 * long.r_cq + short.r_cq) / 4)


def test_no_media_has_no_score() -> None:
    call = AudioQuality()
    assert call.add_window(None) is None
    assert call.add_window(0.0, bitrate=0.0) is None
    assert call.result() is None
    assert call.unrated == 2


def test_a_window_in_which_all_was_lost_keeps_the_bitrate() -> None:
    call = AudioQuality()
    call.add_window(0.0, bitrate=25_000)
    lost = call.add_window(1.0, bitrate=0.0)
    assert lost == audio_score("opus", 25_000, 1.0)


def test_notes_are_collected_once() -> None:
    call = AudioQuality()
    for _ in range(3):
        call.add_window(0.3, burst_ratio=9.0, bitrate=96_000)
    result = call.result()
    assert result is not None
    assert result.mean.note.count("lower bound") == 1
    assert result.mean.note.count("burst ratio 9 rated as 8") == 1


def test_bad_windows_are_refused_and_not_counted() -> None:
    call = AudioQuality()
    for arguments in ({"loss_ratio": 0.0, "bitrate": 4e4, "duration": 0.0}, {"loss_ratio": 2.0, "bitrate": 4e4}):
        with pytest.raises(ConfigError, match="out of range"):
            call.add_window(**arguments)
    assert call.result() is None
    with pytest.raises(ConfigError, match="codec"):
        AudioQuality("speex")

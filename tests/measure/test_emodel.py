from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.measure.emodel import (
    LOW_SENSITIVITY,
    VERY_LOW_SENSITIVITY,
    Circuit,
    delay_impairment,
    equipment_impairment,
    g107,
    g107_1,
    g107_2,
    good_or_better,
    mos_from_r,
    poor_or_worse,
)

LOSS, BURST, DELAY = st.floats(0, 1), st.floats(0.5, 12), st.floats(0, 3)
IE, BPL = st.floats(0, 60), st.floats(4.3, 40)
ROUNDING = 1e-9


def _wb(r: float) -> float:
    return mos_from_r(r / 1.29)


def _fb(r: float) -> float:
    return mos_from_r(r / 1.48)


def test_g107_intermediate_values_with_defaults() -> None:
    rating = g107()
    assert round(rating.r0, 4) == 94.7688
    assert (round(rating.i_olr, 4), round(rating.i_st, 4), round(rating.i_q, 4)) == (0.4402, -0.0007, 0.9741)
    assert round(rating.i_s, 4) == 1.4136
    assert (round(rating.i_dle, 3), round(rating.i_d, 3)) == (0.149, 0.149)
    assert (rating.i_dte, rating.i_dd, rating.ie_eff) == (0.0, 0.0, 0.0)
    assert round(rating.r, 4) == 93.2062
    assert round(mos_from_r(rating.r), 4) == 4.4094


@pytest.mark.parametrize(
    ("delay_ms", "idd"),
    [
        *[(0, 0), (100, 0), (125, 0.005), (150, 0.164), (200, 3.044)],
        *[(250, 8.917), (300, 14.761), (400, 24.070), (500, 30.636)],
    ],
)
def test_delay_impairment(delay_ms: int, idd: float) -> None:
    assert round(delay_impairment(delay_ms / 1000), 3) == idd


@pytest.mark.parametrize(
    ("delay_ms", "r", "mos"), [(150, 93.04, 4.406), (200, 90.16, 4.343), (300, 78.45, 3.964), (400, 69.14, 3.556)]
)
def test_g107_delay(delay_ms: int, r: float, mos: float) -> None:
    rating = g107(mouth_to_ear_seconds=delay_ms / 1000)
    assert (round(rating.r, 2), round(mos_from_r(rating.r), 3)) == (r, mos)


@pytest.mark.parametrize(("delay_ms", "r", "mos"), [(200, 85.80, 4.223), (300, 72.67, 3.719)])
def test_g107_echo(delay_ms: int, r: float, mos: float) -> None:
    circuit = Circuit(talker_echo_delay=delay_ms / 1000, round_trip_delay=2 * delay_ms / 1000)
    rating = g107(mouth_to_ear_seconds=delay_ms / 1000, circuit=circuit)
    assert (round(rating.r, 2), round(mos_from_r(rating.r), 3)) == (r, mos)


@pytest.mark.parametrize(
    ("ie", "bpl", "burst", "percent", "r", "mos"),
    [
        (0, 4.3, 1, 1, 75.28, 3.834),
        (0, 4.3, 1, 2, 63.05, 3.256),
        (0, 4.3, 1, 3, 54.17, 2.794),
        (0, 4.3, 1, 5, 42.13, 2.170),
        (0, 4.3, 1, 10, 26.77, 1.481),
        (0, 25.1, 1, 1, 89.57, 4.328),
        (0, 25.1, 1, 2, 86.20, 4.235),
        (0, 25.1, 1, 3, 83.06, 4.134),
        (0, 25.1, 1, 5, 77.43, 3.923),
        (0, 25.1, 1, 10, 66.14, 3.411),
        (0, 4.3, 2, 1, 73.41, 3.753),
        (0, 4.3, 2, 2, 57.36, 2.962),
        (0, 4.3, 2, 5, 23.35, 1.358),
        (11, 19, 1, 0, 82.21, 4.105),
        (11, 19, 1, 1, 78.01, 3.946),
        (11, 19, 1, 2, 74.21, 3.788),
        (11, 19, 1, 5, 64.71, 3.340),
    ],
)
def test_g107_loss(ie: float, bpl: float, burst: float, percent: float, r: float, mos: float) -> None:
    rating = g107(ie=ie, bpl=bpl, burst_ratio=burst, loss_ratio=percent / 100)
    assert (round(rating.r, 2), round(mos_from_r(rating.r), 3)) == (r, mos)


@pytest.mark.parametrize(
    ("r", "mos"),
    [
        *[(100, 4.5), (94.2, 4.428), (93.2, 4.409), (90, 4.339), (80, 4.024), (70, 3.597), (60, 3.1), (50, 2.575)],
        *[(40, 2.064), (30, 1.609), (20, 1.252), (10, 1.035), (6.5, 1.0), (3, 1.0), (0, 1.0), (-50, 1.0), (148, 4.5)],
    ],
)
def test_mos_from_r(r: float, mos: float) -> None:
    assert round(mos_from_r(r), 3) == mos


@pytest.mark.parametrize(
    ("r", "good", "poor"), [(90, 97.0, 0.2), (80, 89.4, 1.4), (70, 73.4, 5.9), (60, 50.0, 17.4), (50, 26.6, 37.7)]
)
def test_shares_of_users(r: float, good: float, poor: float) -> None:
    assert (round(100 * good_or_better(r), 1), round(100 * poor_or_worse(r), 1)) == (good, poor)


@pytest.mark.parametrize(("ie", "mos"), [(0, 4.5), (1, 4.4940), (8, 4.4206), (13, 4.3371), (41, 3.5123), (56, 2.9220)])
def test_g107_1_clean(ie: float, mos: float) -> None:
    assert round(_wb(g107_1(ie=ie)), 4) == mos


def test_g107_1_loss_and_delay() -> None:
    assert round(equipment_impairment(20, 4.3, 0.02), 4) == 43.8095
    assert round(_wb(g107_1(ie=20, bpl=4.3, loss_ratio=0.02)), 4) == 3.4062
    assert round(g107_1() - g107_1(mouth_to_ear_seconds=0.2), 3) == 3.044


OPUS_40, OPUS_31, OPUS_25 = (10.66596559, 9.79), (16.82867498, 10.44), (20.20905481, 11.28)
OPUS_16, EVS_24, EVS_48, RTPENGINE = (30.16302131, 11.83), (7.2, 11.4), (10.2, 9.6), (10.2, 4.3)


@pytest.mark.parametrize(
    ("codec", "percent", "mos"),
    [
        *[(OPUS_40, p, m) for p, m in [(0, 4.4013), (1, 4.2043), (2, 3.9812), (3, 3.7594), (5, 3.3585), (10, 2.6469)]],
        *[(OPUS_31, p, m) for p, m in [(0, 4.3040), (1, 4.0911), (2, 3.8692), (3, 3.6555), (5, 3.2757), (10, 2.6043)]],
        *[(OPUS_25, p, m) for p, m in [(0, 4.2395), (1, 4.0313), (2, 3.8206), (3, 3.6193), (5, 3.2614), (10, 2.6197)]],
        *[(OPUS_16, p, m) for p, m in [(0, 4.0095), (1, 3.7897), (2, 3.5814), (3, 3.3894), (5, 3.0573), (10, 2.4755)]],
        *[(EVS_24, p, m) for p, m in [(0, 4.4436), (1, 4.2961), (3, 3.9288), (5, 3.5700), (10, 2.8769)]],
        *[(EVS_48, p, m) for p, m in [(0, 4.4075), (1, 4.2089), (3, 3.7572), (5, 3.3508), (10, 2.6339)]],
        *[(RTPENGINE, p, m) for p, m in [(0, 4.4075), (1, 3.9294), (2, 3.4525), (5, 2.5154), (10, 1.8525)]],
    ],
)
def test_g107_2_loss(codec: tuple[float, float], percent: float, mos: float) -> None:
    assert round(_fb(g107_2(ie=codec[0], bpl=codec[1], loss_ratio=percent / 100)), 4) == mos


def test_g107_2_r_and_bursty_bpl() -> None:
    assert round(g107_2(ie=OPUS_40[0], bpl=OPUS_40[1]), 3) == 137.334
    assert round(g107_2(ie=OPUS_40[0], bpl=OPUS_40[1], loss_ratio=0.01), 3) == 126.089
    assert round(_fb(g107_2(ie=OPUS_40[0], bpl=8.04, loss_ratio=0.05)), 3) == 3.170
    assert round(_fb(g107_2(ie=EVS_48[0], bpl=EVS_48[1], loss_ratio=0.02)), 2) == 3.98
    assert g107_2(advantage=5) == 153


@pytest.mark.parametrize(
    ("delay_ms", "impairment", "mos", "digits"),
    [(150, 0.242, 4.398, 3), (200, 4.506, 4.3328, 4), (300, 21.846, 3.9475, 4), (400, 35.624, 3.5366, 4)],
)
def test_g107_2_delay(delay_ms: int, impairment: float, mos: float, digits: int) -> None:
    r = g107_2(ie=OPUS_40[0], bpl=OPUS_40[1], mouth_to_ear_seconds=delay_ms / 1000)
    assert round(137.33403441 - r, 3) == impairment
    assert round(_fb(r), digits) == mos


def test_quantising_distortion_and_sidetone_lower_r() -> None:
    assert g107(circuit=Circuit(quantisation_units=4)).r < g107().r
    assert g107(circuit=Circuit(stmr=5)).r < g107().r
    loud = Circuit(stmr=5, talker_echo_delay=0.05)
    silent = Circuit(stmr=25, talker_echo_delay=0.05)
    assert g107(circuit=loud).i_dte < g107(circuit=Circuit(talker_echo_delay=0.05)).i_dte  # it masks the echo
    assert g107(circuit=silent).i_dte == math.hypot(
        g107(circuit=Circuit(stmr=20, talker_echo_delay=0.05)).i_dte, g107(circuit=silent).i_st
    )
    assert g107(circuit=Circuit(advantage=10)).r == pytest.approx(g107().r + 10)


def test_burst_ratio_is_kept_to_one_to_eight() -> None:
    assert equipment_impairment(10, 5, 0.1, 0.2) == equipment_impairment(10, 5, 0.1, 1)
    assert equipment_impairment(10, 5, 0.1, 50) == equipment_impairment(10, 5, 0.1, 8)
    assert equipment_impairment(10, 5, 0.1, 8) > equipment_impairment(10, 5, 0.1, 7)


def test_sensitivity_classes_start_later_and_hurt_less() -> None:
    assert delay_impairment(0.12, LOW_SENSITIVITY) == delay_impairment(0.15, VERY_LOW_SENSITIVITY) == 0
    for delay in (0.2, 0.3, 0.4):
        default, low, very_low = (
            delay_impairment(delay, *s) for s in ((), (LOW_SENSITIVITY,), (VERY_LOW_SENSITIVITY,))
        )
        assert default > low > very_low > 0


@given(IE, BPL, LOSS, LOSS, BURST, BURST, DELAY, DELAY)
def test_more_loss_burst_or_delay_never_scores_higher(
    ie: float, bpl: float, loss1: float, loss2: float, burst1: float, burst2: float, delay1: float, delay2: float
) -> None:
    better = {"loss": min(loss1, loss2), "burst": min(burst1, burst2), "delay": min(delay1, delay2)}
    for name, value in (("loss", max(loss1, loss2)), ("burst", max(burst1, burst2)), ("delay", max(delay1, delay2))):
        worse = {**better, name: value}
        for rate in (_nb_mos, _wb_mos, _fb_mos):
            assert rate(ie, bpl, **worse) <= rate(ie, bpl, **better) + ROUNDING


@given(IE, BPL, LOSS, BURST, DELAY)
def test_every_mos_is_within_its_scale(ie: float, bpl: float, loss: float, burst: float, delay: float) -> None:
    assert 1 <= _nb_mos(ie, bpl, loss, burst, delay) <= 4.4095
    assert 1 <= _wb_mos(ie, bpl, loss, burst, delay) <= 4.5
    assert 1 <= _fb_mos(ie, bpl, loss, burst, delay) <= 4.5


@given(st.floats(-200, 300), st.floats(-200, 300))
def test_mos_rises_with_r(a: float, b: float) -> None:
    assert mos_from_r(min(a, b)) <= mos_from_r(max(a, b)) + ROUNDING


def _nb_mos(ie: float, bpl: float, loss: float, burst: float, delay: float) -> float:
    return mos_from_r(g107(mouth_to_ear_seconds=delay, loss_ratio=loss, burst_ratio=burst, ie=ie, bpl=bpl).r)


def _wb_mos(ie: float, bpl: float, loss: float, burst: float, delay: float) -> float:
    return _wb(g107_1(mouth_to_ear_seconds=delay, loss_ratio=loss, ie=ie, bpl=bpl))


def _fb_mos(ie: float, bpl: float, loss: float, burst: float, delay: float) -> float:
    return _fb(g107_2(mouth_to_ear_seconds=delay, loss_ratio=loss, burst_ratio=burst, ie=ie, bpl=bpl))

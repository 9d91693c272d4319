from __future__ import annotations

from reports.availability import Check, Outage, availability_samples, outages


def checks(pattern: str) -> list[Check]:
    """A check a minute: u is up, d down, p down as planned."""
    return [Check(60.0 * n, one == "u", one == "p") for n, one in enumerate(pattern)]


def test_outages_last_from_the_first_failed_check_to_the_next_good_one() -> None:
    assert outages(checks("uudduupu")) == [Outage(120.0, 240.0, False), Outage(360.0, 420.0, True)]
    assert outages(checks("uupdu")) == [Outage(120.0, 240.0, False)]
    assert outages(checks("ud")) == [Outage(60.0, None, False)]
    assert outages(checks("uu")) == []
    assert outages(reversed(checks("udu"))) == [Outage(60.0, 120.0, False)]


def test_samples_of_uptime_recovery_and_time_between_failures() -> None:
    found = availability_samples(checks("uduupuuddu"))
    by = {name: [one for one in found if one.metric == name] for name in {one.metric for one in found}}
    assert [one.value for one in by["platform_uptime_ratio"]] == [1, 0, 1, 1, 0, 1, 1, 0, 0, 1]
    assert [(one.value, one.tags["class"]) for one in by["outage_seconds"]] == [
        (60.0, "unplanned"),
        (60.0, "planned"),
        (120.0, "unplanned"),
    ]
    assert [one.value for one in by["time_between_failures_seconds"]] == [300.0]  # from 120 s to 420 s


def test_an_outage_that_lasts_has_no_length_yet() -> None:
    found = availability_samples(checks("udud"))
    assert [one.value for one in found if one.metric == "outage_seconds"] == [60.0]
    assert [one.value for one in found if one.metric == "time_between_failures_seconds"] == [60.0]

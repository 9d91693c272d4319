"""The forwarding bench itself: that it counts what it says, and reads its own rows rightly."""

from __future__ import annotations

from probe.rtc.certificate import PREFERRED_PROFILES
from tests.bench import forwarding, janus_server
from tests.bench.forwarding import PROFILES, Row, measure, table


def row(server: str, cpu: float, lost: int = 0) -> Row:
    return Row(server, PROFILES[0], 30, 1000, cpu, lost, 0)


def test_the_table_gives_medians_and_ratios() -> None:
    rows = [row("sfu-shim", 12.0), row("sfu-shim", 10.0), row("sfu-shim", 20.0, lost=3), row("Janus 1.1.2", 48.0)]
    lines = table(rows).splitlines()
    assert lines[2:] == [
        f"| {PROFILES[0]} | Janus 1.1.2 | 48.0 (48.0) | 1.00 | 0 |",
        f"| {PROFILES[0]} | sfu-shim | 12.0 (12.0, 10.0, 20.0) | 0.25 | 3 |",
    ]


def test_every_placeholder_of_the_configuration_is_known() -> None:
    text = "".join(template.read_text() for template in janus_server.CONFIGURATION.glob("*.jcfg"))
    for known in ("@FOLDER@", "@MODULES@", "@PORT@", "@HTTP_PORT@", "@TRICKLE@", "@TCP@"):
        assert known in text
        text = text.replace(known, "")
    assert "@" not in text


async def test_a_small_meeting_is_counted_to_the_packet() -> None:
    found = await measure(forwarding.SHIM, 0.5, subscribers=2, profile=PROFILES[0])
    assert (found.server, found.profile, found.subscribers) == ("sfu-shim", PROFILES[0], 2)
    assert (found.lost, found.wrong) == (0, 0)
    assert found.forwarded > 50
    assert found.forwarded % 2 == 0
    assert found.cpu_us_per_packet > 0.0


def test_the_participants_are_offered_again_what_they_know() -> None:
    before = list(PREFERRED_PROFILES)
    with forwarding._only(PROFILES[1]):
        assert [each.openssl_profile.decode() for each in PREFERRED_PROFILES] == [PROFILES[1]]
    assert before == PREFERRED_PROFILES

"""The table of who can call whom follows from what the NATs do, and so does what a STUN probe makes of its answers."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.nat.stun_probe import Address, mapping
from tests.nat.theory import KINDS, Behaviour, Dependence, direct, pairs


def _hidden_from(one: Behaviour, other: Behaviour) -> bool:
    """Whether `other` lets in only what comes from ports it has sent to, while `one` sends to it from a port of which nobody
    can have heard."""
    return one.mapping is not Dependence.NONE and other.filtering is Dependence.PORT


@pytest.mark.parametrize(("left", "right"), pairs(), ids=[" with ".join(pair) for pair in pairs()])
def test_calls_fail_where_one_hides_its_port_and_the_other_wants_to_know_it(left: str, right: str) -> None:
    one, two = KINDS[left], KINDS[right]
    assert direct(left, right) is not (_hidden_from(one, two) or _hidden_from(two, one))
    assert direct(left, right) is direct(right, left)


def test_every_combination_is_there_once() -> None:
    assert len(pairs()) == 28
    assert len({frozenset(pair) for pair in pairs()}) == 28
    assert sum(not direct(*pair) for pair in pairs()) == 7


A, B, C = ("203.0.113.9", 1), ("203.0.113.9", 2), ("203.0.113.9", 3)


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        ([A, A, A], Dependence.NONE),
        ([A, B, B], Dependence.ADDRESS),
        ([A, B, C], Dependence.PORT),
        ([A, A, B], Dependence.PORT),
    ],
)
def test_a_mapping_is_told_by_what_the_server_sees_of_it(seen: list[Address], expected: Dependence) -> None:
    assert mapping(seen) is expected


def test_the_document_has_every_combination_with_its_theory_and_an_outcome_that_agrees() -> None:
    page = (Path(__file__).parents[2] / "docs" / "nat.md").read_text(encoding="utf-8")
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in page.splitlines() if line.startswith("|")]
    calls = {(row[0], row[1]): row[2:] for row in rows if (row[0], row[1]) in pairs()}
    assert list(calls) == pairs()
    for pair, (theory, stun, turn) in calls.items():
        assert theory == ("direct" if direct(*pair) else "relay")
        assert stun.partition(",")[0] == ("direct" if direct(*pair) else "fails")
        assert turn.partition(",")[0] == ("direct" if direct(*pair) else "relayed")

"""What is listed one by one, and what is only counted."""

from __future__ import annotations

from loadtest.kept import FIRST, FURTHER, LAST, MOST_FAILED, MOST_KINDS, OTHERS, KeptRows, KindsOfErrors


def rows(count: int, failed: set[int]) -> KeptRows:
    found = KeptRows(lambda row: bool(row["failed"]))
    for number in range(count):
        found.add({"number": number, "failed": number in failed})
    return found


def test_few_rows_are_all_listed_in_order() -> None:
    found = rows(FIRST + LAST + 1, {3})
    assert [row["number"] for row in found.rows] == list(range(FIRST + LAST + 1))
    assert found.note("stays") == ""


def test_of_many_the_failed_the_first_and_the_last() -> None:
    found = rows(1000, {100, 500})
    listed = [row["number"] for row in found.rows]
    assert listed == [*range(FIRST), 100, 500, *range(1000 - LAST, 1000)]
    assert found.note("stays") == "898 of 1000 stays are not listed; all 2 that failed are"


def test_rows_that_nobody_told_are_missing_too() -> None:
    found = rows(3, set())
    found.pass_over(7)
    assert len(found.rows) == 3
    assert found.note("stays") == "7 of 10 stays are not listed; none of them failed"


def test_of_many_failed_the_first() -> None:
    found = rows(1000, set(range(1000)))
    assert [row["number"] for row in found.rows] == list(range(MOST_FAILED))
    assert found.note("stays") == "800 of 1000 stays are not listed; the first 200 of 1000 that failed are"


def test_kinds_of_errors_stay_few_and_none_is_lost() -> None:
    found = KindsOfErrors()
    for number in range(3 * MOST_KINDS):
        found.add({("join", f"who {number}", "timeout"): 2})
    assert len(found.counts) == MOST_KINDS + 1
    assert found.counts["join", OTHERS, "timeout"] == 4 * MOST_KINDS
    for number in range(3 * MOST_KINDS):
        found.add({("join", f"who {number}", f"message {number}"): 1})
    assert len(found.counts) <= 2 * MOST_KINDS + 1
    assert found.counts["", OTHERS, FURTHER] > 0
    assert sum(found.counts.values()) == 9 * MOST_KINDS
    assert found.counts["join", "who 0", "timeout"] == 2

"""Texts without names."""

from __future__ import annotations

import pytest

from loadtest.engine.names import OTHERS, Kinds, anonymous

NAMES = {"u12", "u7", "load-x-r1", "w0-r1-p1"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("no media of u12 for 5 s", "no media of * for 5 s"),
        ("u7 got no video from u12 on the new path", "* got no video from * on the new path"),
        ("dropped: u7, u12, w0-r1-p1", "dropped: *, …"),
        ("dropped: u7", "dropped: *"),
        ("unknown path sfu:u7:1", "unknown path sfu:*:1"),
        ("room load-x-r1 is full", "room * is full"),
        ("u71 and u125 are others", "u71 and u125 are others"),
        ("", ""),
    ],
)
def test_a_name_is_a_word_of_its_own(text: str, expected: str) -> None:
    assert anonymous(text, NAMES) == expected


def test_errors_are_folded_by_what_they_say() -> None:
    kinds = Kinds()
    errors = {
        ("dtls_connected", "u7 to u12", "timeout"): 2,
        ("dtls_connected", "u12 to the SFU", "timeout"): 3,
        ("in_call", "u7", "no media of u12 for 5 s"): 1,
        ("in_call", "u12", "no media of u7 for 5 s"): 1,
        ("signalling_connect", "ws://host:1/ws", "refused"): 4,
    }
    assert kinds.fold(errors, NAMES) == {
        ("dtls_connected", "", "timeout"): 5,
        ("in_call", "", "no media of * for 5 s"): 2,
        ("signalling_connect", "ws://host:1/ws", "refused"): 4,
    }


def test_beyond_so_many_kinds_they_are_only_counted() -> None:
    kinds = Kinds(most=3)
    first = kinds.fold({("p", "", f"new {number}"): 1 for number in range(5)}, ())
    assert first == {("p", "", "new 0"): 1, ("p", "", "new 1"): 1, ("p", "", "new 2"): 1, ("", "", OTHERS): 2}
    assert kinds.fold({("p", "", "new 1"): 7, ("p", "", "new 9"): 2}, ()) == {
        ("p", "", "new 1"): 7,
        ("", "", OTHERS): 2,
    }

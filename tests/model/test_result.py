from __future__ import annotations

from collections import Counter

from probe.model.result import RunError, counted_errors


def test_errors_come_most_frequent_first() -> None:
    counts = Counter({("ice", "b", "no pair"): 1, ("dtls", "c", "timeout"): 3, ("ice", "a", "no pair"): 1})
    assert counted_errors(counts) == (
        RunError("dtls", "c", "timeout", 3),
        RunError("ice", "a", "no pair", 1),
        RunError("ice", "b", "no pair", 1),
    )
    assert counted_errors(counts)[0].to_dict() == {"phase": "dtls", "who": "c", "message": "timeout", "count": 3}

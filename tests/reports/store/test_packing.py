"""Stored JSON: small, and never more than fits."""

from __future__ import annotations

import pytest

from reports.store.packing import pack, pack_document, unpack
from tests.reports.store.build import entry


def test_what_is_packed_comes_back() -> None:
    assert unpack(pack({"a": [1, 2.5, None, "ü"]})) == {"a": [1, 2.5, None, "ü"]}


def test_numbers_that_json_has_not_are_refused() -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        pack([float("nan")])


@pytest.mark.parametrize("damaged", [b"", b"junk", pack([1])[:-4]])
def test_damage_is_told(damaged: bytes) -> None:
    with pytest.raises(ValueError, match="damaged"):
        unpack(damaged)


def test_a_document_that_fits_stays_whole() -> None:
    document = entry().document
    assert unpack(pack_document(document)) == document


def test_a_longer_one_loses_what_is_long_and_says_so() -> None:
    people = [{"id": f"{number:x}" * 8, "joined": True} for number in range(4000)]
    document = {**entry().document, "participants": people}
    whole = len(pack(document))
    kept = unpack(pack_document(document, whole // 3))
    assert len(pack(kept)) <= whole // 3
    assert kept["participants"] == people[: len(kept["participants"])]
    assert 0 < len(kept["participants"]) < 4000
    assert kept["notes"] == [f"the history keeps {len(kept['participants'])} of 4000 participants"]
    assert kept["kpis"] == document["kpis"]


def test_what_cannot_be_cut_is_refused() -> None:
    with pytest.raises(ValueError, match="can't be stored, the limit is 100"):
        pack_document(entry().document, 100)

from __future__ import annotations

from pathlib import Path

import pytest

from tests.loadtest.test_link import run


@pytest.mark.parametrize("case", ["locust_plays_a_campaign", "locust_plays_a_campaign_of_failures"])
def test_a_campaign_of_locust_s_own(case: str, tmp_path: Path) -> None:
    run(case, log=tmp_path / "commands.jsonl")


def test_a_campaign_whose_engine_refuses() -> None:
    run("locust_ends_a_campaign_without_engine")

"""One small Internet for all tests of this folder, measured once."""

from __future__ import annotations

import asyncio

import pytest

from tests.interop import needs
from tests.nat.boxes import rules
from tests.nat.measure import Measured, measure

_WITHIN = 240.0


@pytest.fixture(scope="session")
def privileged() -> None:
    """Skips where namespaces can't be made, and fails there with MEETPROBE_REQUIRE_SYSTEM=1."""
    for name, package in (
        ("ip", "iproute2"), ("nft", "nftables"), ("turnserver", "coturn"), ("setpriv", "util-linux"),
    ):  # fmt: skip
        needs.program(name, package=package)
    needs.success(
        ["unshare", "--net", "nft", rules("symmetric")], "the right to make network namespaces with NAT (root)"
    )


@pytest.fixture(scope="session")
def measured(privileged: None, tmp_path_factory: pytest.TempPathFactory) -> Measured:
    """Every combination, and the SFU."""

    async def bounded() -> Measured:
        async with asyncio.timeout(_WITHIN):
            return await measure()

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MEETPROBE_CACHE", str(tmp_path_factory.mktemp("nat-media")))
        return asyncio.run(bounded())

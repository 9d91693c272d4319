from __future__ import annotations

import pytest

from probe.model.url import without_secrets


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("ws://127.0.0.1:8787", "ws://127.0.0.1:8787"),
        ("wss://user:secret@host:1/ws", "wss://host:1/ws"),
        ("wss://host/ws?token=secret&x=1#secret", "wss://host/ws?…"),
        ("ws://[::1]:8787/a", "ws://[::1]:8787/a"),
        ("ws://[bad", "…"),
        ("embedded", "embedded"),
        ("user:secret@host:1/ws?token=secret", "…@host:1/ws?…"),
        ("ws:///user:secret@host", "…@host"),
        ("", ""),
    ],
)
def test_nothing_that_lets_somebody_in_is_shown(url: str, shown: str) -> None:
    assert without_secrets(url) == shown

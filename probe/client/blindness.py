"""Who is in a meeting with people that send, and never sees any of them: no stream falls silent, for none ever began."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from probe.client.live import SILENCE
from probe.client.path import Path
from probe.client.view import View
from probe.model.errors import ConnectionFailed


class Blindness:
    """One participant's. It counts only who sees nobody at all: a platform need not forward everybody to everybody."""

    def __init__(self) -> None:
        self._since: float | None = None
        self._over = False

    def tick(self, now: float, senders: Collection[str], views: Iterable[View], paths: Iterable[Path]) -> bool:
        """A second has passed. `senders` are the members whose media goes out for certain. True once, when nothing of anybody has
        come for `SILENCE` seconds although there was a connection for it."""
        if self._over:
            return False
        self._over = any(view.flows() for view in views)
        if self._over or not senders or not any(path.up for path in paths):
            self._since = None
            return False
        self._since = now if self._since is None else self._since
        self._over = now - self._since > SILENCE
        return self._over


def blindness(senders: Collection[str], who: str) -> ConnectionFailed:
    """What `who` has to complain of then."""
    message = f"no media of anybody for {SILENCE:g} s, though {', '.join(sorted(senders))} sent"
    hint = "the platform does not forward it, or the media path is dead"
    return ConnectionFailed(message, who=who, phase="in_call", hint=hint)

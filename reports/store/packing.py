"""JSON that is stored: small, and never more than fits."""

from __future__ import annotations

import json
import zlib
from typing import Any

from reports.document import Document

MOST_BYTES = 4 << 20
"""Of a packed document. A short call of two packs into 11 kB."""
_LONG = ("participants", "migrations", "errors", "worst_frames")
"""The parts of a document that grow with the run; all others are bounded by the registry and the profile."""


def pack(value: object) -> bytes:
    """Compressed JSON. Raises ValueError for numbers that JSON has not."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return zlib.compress(text.encode(), 6)


def pack_if_fits(value: object, most: int = MOST_BYTES) -> bytes | None:
    """None for nothing, and for what takes more than `most` bytes."""
    packed = pack(value) if value else None
    return packed if packed is not None and len(packed) <= most else None


def unpack(packed: bytes) -> Any:
    """What `pack` packed. Raises ValueError when it is damaged."""
    try:
        return json.loads(zlib.decompress(packed))
    except zlib.error as error:
        raise ValueError(f"a stored document is damaged: {error}") from error


def pack_document(document: Document, most: int = MOST_BYTES) -> bytes:
    """The document, at most `most` bytes: where it is longer, its long lists lose half of their entries, and a note says so.

    Raises ValueError when even without them it doesn't fit.
    """
    packed = pack(document)
    lengths = {name: len(document[name]) for name in _LONG if name in document}
    while len(packed) > most:
        name = max(lengths, key=lambda part: len(json.dumps(document[part])))
        if not document[name]:
            raise ValueError(f"a document of {len(packed)} bytes can't be stored, the limit is {most}")
        document = {**document, name: document[name][: len(document[name]) // 2]}
        packed = pack({**document, "notes": [*document["notes"], *_cuts(document, lengths)]})
    return packed


def _cuts(document: Document, lengths: dict[str, int]) -> list[str]:
    cut = {name: count for name, count in lengths.items() if len(document[name]) < count}
    return [f"the history keeps {len(document[name])} of {count} {name}" for name, count in cut.items()]

"""The frame-ID strip: 48 black and white cells across the top of a picture that carry 32 bits through any encoder.

Cells from left to right: sync `1 0`, 32 payload bits (Gray coded), CRC-12 (polynomial 0x80F) of the payload bits as
they are drawn, sync `0 1`. A cell is W/48 wide, the strip H/18 high. The payload holds 8 bits of content id and 24 of
content index.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Luma = NDArray[np.uint8]

CELLS = 48
BLACK, WHITE = 32, 224
MACROBLOCK = 16
MIN_CONTRAST = 40.0
MIN_WIDTH = 2 * CELLS
INDEX_BITS = 24
MAX_INDEX = (1 << INDEX_BITS) - 1
MAX_CONTENT_ID = 0xFF

_PAYLOAD_BITS, _CRC_BITS = 32, 12
_CRC_POLYNOMIAL, _CRC_START = 0x80F, 0xFFF
_HEAD, _TAIL = 0b10, 0b01
_WEIGHTS = 1 << np.arange(CELLS - 1, -1, -1, dtype=np.int64)
_WHITE_CELLS, _BLACK_CELLS = (0, CELLS - 1), (1, CELLS - 2)  # the sync cells, by what they must be


def strip_height(height: int) -> int:
    """Rows of the strip in a picture of `height` rows: H/18, never less than 2."""
    return max(2, round(height / 18))


def crop_rows(height: int) -> int:
    """Rows at the top to leave out of a comparison: the strip and the macroblock below it, which its edge disturbs.
    Even, because 4:2:0 chroma has half the rows."""
    rows = strip_height(height) + MACROBLOCK
    return rows + rows % 2


def frame_id(content: int, index: int) -> int:
    """The 32-bit strip value of frame `index` of content `content`. Raises ValueError out of 8 and 24 bits."""
    if not 0 <= content <= MAX_CONTENT_ID or not 0 <= index <= MAX_INDEX:
        raise ValueError(f"content {content} or index {index} does not fit into 8 and 24 bits")
    return content << INDEX_BITS | index


def split_frame_id(value: int) -> tuple[int, int]:
    """(content, index) of a strip value."""
    return value >> INDEX_BITS, value & MAX_INDEX


def draw_strip(luma: Luma, value: int) -> None:
    """Draws `value` (32 bits) into the top rows of a luma plane of shape (H, W), in place; chroma is to be 128."""
    if not 0 <= value < 1 << _PAYLOAD_BITS:
        raise ValueError(f"strip value {value} does not fit into {_PAYLOAD_BITS} bits")
    height, width = luma.shape
    bits = (_code(value) & _WEIGHTS) != 0
    row = np.where(bits, WHITE, BLACK).astype(np.uint8)
    luma[: strip_height(height)] = row[np.arange(width) * CELLS // width]


def read_strip(luma: Luma) -> int | None:
    """The 32-bit value in the strip of a luma plane of shape (H, W); None: too little contrast, wrong sync, wrong CRC.

    A cell is read as the mean of its central half in both directions, against the middle of the four sync cells.
    """
    height, width = luma.shape
    if width < MIN_WIDTH:
        return None
    strip = strip_height(height)
    top, bottom = strip // 4, max(strip // 4 + 1, strip * 3 // 4)
    columns = np.sum(luma[top:bottom], axis=0, dtype=np.uint32)
    edges, widths = _cell_edges(width)
    cells = np.add.reduceat(columns, edges)[::2] / (widths * (bottom - top))
    white, black = cells[list(_WHITE_CELLS)].mean(), cells[list(_BLACK_CELLS)].mean()
    if white - black < MIN_CONTRAST:
        return None
    return _decode(int(_WEIGHTS[cells > (white + black) / 2].sum()))


@lru_cache(maxsize=64)
def _cell_edges(width: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Columns [begin, end, begin, end, …] of the central half of each cell (for `add.reduceat`), and their widths."""
    cell = np.arange(CELLS)
    begin = (cell * 4 + 1) * width // (CELLS * 4)
    end = np.maximum(begin + 1, (cell * 4 + 3) * width // (CELLS * 4))
    return np.stack([begin, end], axis=1).ravel().astype(np.int64), (end - begin).astype(np.int64)


def _code(value: int) -> int:
    gray = value ^ value >> 1
    return ((_HEAD << _PAYLOAD_BITS | gray) << _CRC_BITS | _crc12(gray)) << 2 | _TAIL


def _decode(code: int) -> int | None:
    gray = code >> (_CRC_BITS + 2) & 0xFFFFFFFF
    if code >> (CELLS - 2) != _HEAD or code & 0b11 != _TAIL or code >> 2 & 0xFFF != _crc12(gray):
        return None
    value = gray
    for shift in (1, 2, 4, 8, 16):  # prefix XOR turns Gray code back into binary
        value ^= value >> shift
    return value


def _crc12(payload: int) -> int:
    # It starts from ones: an all-black payload must not check by itself.
    crc = _CRC_START
    for shift in (24, 16, 8, 0):
        crc = (crc << 8 & 0xFFF) ^ _CRC_TABLE[(crc >> 4) ^ (payload >> shift & 0xFF)]
    return crc


def _crc_entry(byte: int) -> int:
    crc = byte << 4
    for _ in range(8):
        crc = (crc << 1) ^ (_CRC_POLYNOMIAL if crc & 0x800 else 0)
    return crc & 0xFFF


_CRC_TABLE = tuple(_crc_entry(byte) for byte in range(256))

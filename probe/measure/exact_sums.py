"""Sums and sums of squares of floats without any rounding: whole numbers in the unit of the smallest float.

Floating-point sums depend on the order of their terms, and a thousand participants on ten workers must add up to one figure in
whatever order they report. A sum is in units of 2**-1074, a sum of squares in units of 2**-2148; both merge by adding.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

_UNIT_BITS = 1074  # every finite float is a whole multiple of 2**-1074
_SUM_UNIT = 1 << _UNIT_BITS
_SQUARE_UNIT = 1 << (2 * _UNIT_BITS)
_LIMBS = (18, 36, 53)
"""Where the three parts of a float's 53 bits end: the products of two parts, 2**16 of them added up, are whole numbers that a
float holds, in whatever order they are added."""
_BLOCK = 1 << 13
"""Values at a time: in cache, and few enough that no linear-algebra library wakes its threads for them."""

Part = tuple[int, int, int, int, int, int]
"""(exponent, sign, sum in two words of 64 bits, sum of squares likewise), in units of 2**(exponent - 53)."""


def sums_of_one(value: float, count: int) -> tuple[int, int]:
    """Sum and sum of squares of `count` times that finite value."""
    numerator, denominator = value.as_integer_ratio()  # the denominator is a power of two
    shift = _UNIT_BITS + 1 - denominator.bit_length()
    return (numerator * count) << shift, (numerator * numerator * count) << (2 * shift)


def sums_of_many(values: NDArray[np.float64]) -> tuple[int, int]:
    """Sum and sum of squares of these finite values."""
    total = squares = 0
    for start in range(0, len(values), _BLOCK):
        for limbs, power in _by_power(values[start : start + _BLOCK]):
            for one, (end, limb) in enumerate(zip(_LIMBS, limbs, strict=True)):
                total += _shift(int(np.add.reduce(limb)), power - end)
                squares += _shift(int(limb.dot(limb)), 2 * (power - end))
                for other_end, other in zip(_LIMBS[:one], limbs[:one], strict=True):
                    squares += _shift(2 * int(limb.dot(other)), 2 * power - end - other_end)
    return total, squares


def _by_power(values: NDArray[np.float64]) -> Iterable[tuple[list[NDArray[np.float64]], int]]:
    """By power of two, the parts of the values' 53 bits, which can be added up as floats."""
    fractions, exponents = np.frexp(values)
    order = np.argsort(exponents.astype(np.int16), kind="stable")
    fractions, exponents = fractions[order], exponents[order]
    limbs, scale = [], 0
    for end in _LIMBS:
        shifted = fractions * 2.0 ** (end - scale)
        limbs.append(np.trunc(shifted))
        fractions, scale = shifted - limbs[-1], end
    edges = [0, *((exponents[1:] != exponents[:-1]).nonzero()[0] + 1).tolist(), len(values)]
    for first, last in pairwise(edges):
        yield [limb[first:last] for limb in limbs], exponents.item(first) + _UNIT_BITS


def sums_of_parts(parts: Iterable[Part]) -> tuple[int, int]:
    """Sum and sum of squares of what was added up by power of two already."""
    total = squares = 0
    for exponent, sign, total_high, total_low, squares_high, squares_low in parts:
        power = exponent + _UNIT_BITS - _LIMBS[-1]
        total += sign * _shift(total_high << 64 | total_low, power)
        squares += _shift(squares_high << 64 | squares_low, 2 * power)
    return total, squares


def _shift(number: int, bits: int) -> int:
    """What is shifted down has zeros there: no finite float has anything below the unit."""
    return number << bits if bits >= 0 else number >> -bits


def mean_of(total: int, count: int) -> float:
    """Rounded once. `count` is 1 or more."""
    return float(Fraction(total, count * _SUM_UNIT))


def variance_of(total: int, squares: int, count: int) -> float:
    """Sample variance (n - 1), exact before one rounding. `count` is 2 or more."""
    spread = squares * count - total * total
    return float(Fraction(spread, count * (count - 1) * _SQUARE_UNIT))


def pack(number: int) -> str:
    """An exact integer as "hex digits << shift": short, because most low bits are zero."""
    shift = (number & -number).bit_length() - 1 if number else 0
    return f"{number >> shift:x}<<{shift}"


def unpack(text: object) -> int:
    """What `pack` wrote. Raises ValueError for what it did not."""
    digits, _, shift = str(text).partition("<<")
    if not 0 <= int(shift) <= 4 * _UNIT_BITS:
        raise ValueError(f"shift {shift} out of range")
    return int(digits, 16) << int(shift)

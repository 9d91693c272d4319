"""`python -m tests.nat`, as root: measure every combination of NATs, and print the table."""

from __future__ import annotations

import asyncio

from tests.nat.measure import measure
from tests.nat.table import table

if __name__ == "__main__":
    print(table(asyncio.run(measure())))

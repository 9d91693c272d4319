"""`python -m sfu_shim`: the same as `sfu-shim`."""

from __future__ import annotations

from sfu_shim.cli import main

if __name__ == "__main__":
    main()

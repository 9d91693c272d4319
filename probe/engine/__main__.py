"""`python -m probe.engine`: an engine process. Its parent speaks `probe.engine.protocol` with it."""

from __future__ import annotations

import sys

from probe.engine.child import main

if __name__ == "__main__":
    sys.exit(main())

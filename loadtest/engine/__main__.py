"""`python -m loadtest.engine`: an engine process. Its parent speaks `loadtest.protocol` with it."""

from __future__ import annotations

import sys

from loadtest.engine.child import main

if __name__ == "__main__":
    sys.exit(main())

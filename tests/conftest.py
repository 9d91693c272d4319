"""For all tests: generated cases have no time limit of their own (machines are noisy), and in CI they are the same each time."""

from __future__ import annotations

import os

from hypothesis import settings

from tests.native_build import build_native

settings.register_profile("here", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "here")

os.environ["MEETPROBE_HISTORY"] = "none"  # tests that want a history name one of their own

if os.environ.get("MEETPROBE_NATIVE", "1") != "0" and (problem := build_native()):
    if os.environ.get("MEETPROBE_REQUIRE_SYSTEM") == "1":
        raise RuntimeError(f"the compiled packet path can't be built: {problem}")
    print(f"the compiled packet path can't be built, its tests are skipped: {problem}")

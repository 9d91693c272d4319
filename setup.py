"""The compiled packet path is optional: without a C compiler the installation goes on, and Python does the work."""

import sys

from setuptools import Extension, setup

SOURCES = (
    "module", "stream", "socket", "arrivals", "reader", "content", "track", "source", "pacer", "route", "output",
    "forward", "analysis", "playout", "tally", "seal",
)  # fmt: skip
HEADERS = ("column", "core", "forward", "gcm", "seal", "sender", "socket", "stream")
WARNINGS = ["-Wall", "-Wextra", "-Wno-unused-parameter", "-Wno-missing-field-initializers"]

native = Extension(
    "probe.native._core",
    sources=[f"probe/native/{name}.c" for name in SOURCES],
    depends=[f"probe/native/{name}.h" for name in HEADERS],
    libraries=["m"],
    # No fused multiply-add, which rounds once where Python rounds twice: the same floating-point results on every machine.
    extra_compile_args=["-O2", "-ffp-contract=off", *WARNINGS],
    optional=True,
)

setup(ext_modules=[native] if sys.platform == "linux" else [])

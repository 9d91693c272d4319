"""Peers side by side: the same calls by this project, Pion, aiortc and Chromium, in one run, as ratios. `python -m tests.bench`."""

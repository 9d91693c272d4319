"""The formulas behind other people's dashboards, as they are: cross-checks with their faults, never our score.

Each takes SI units (seconds, ratios 0-1, bits/s) and says its source, its scale and what is known to be wrong with it.
"""

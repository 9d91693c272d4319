"""Holds what the probe reads against a truth that is worked out apart from it."""

"""How to enter a meeting: one adapter per platform."""

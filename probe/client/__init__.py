"""Headless participants: what they send, what they receive, how they move between paths."""

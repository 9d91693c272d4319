"""Holds a user's adapter to the contract of `probe.signalling.base`, and says in words where it breaks it."""

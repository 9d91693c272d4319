"""Finds out what this machine can drive before its readings are not to be believed any more."""

"""The embedded test SFU: rooms, signalling and forwarding that the probe can be tried against."""

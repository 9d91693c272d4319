"""Emulates a network link in simulated time, and keeps the truth of what it did to every packet.

    datagram ──> blackout, loss ──> queue and rate ──> delay and jitter ──> duplicate, hold back ──> release
                     └───────────────── every step is written down in the truth ─────────────────┘

Pure: `now` and the random generator are arguments. `sfu_shim.link_relay` drives it on real packets.
"""

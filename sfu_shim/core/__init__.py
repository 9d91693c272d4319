"""Pure cores of the shim: rooms, forwarding, protocol. No clock, no I/O."""

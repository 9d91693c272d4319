"""Pure arithmetic over packets, frames and events: no clock, no I/O; `now` is an argument."""

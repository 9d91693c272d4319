"""What browsers' tools can open: every peer connection's statistics and events, as webrtc-internals and rtcstats dumps."""

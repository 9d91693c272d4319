"""Drivers of a WebRTC connection: ICE and DTLS by aiortc, the packet path our own."""

"""Formats on the wire, pure: RTP, RTCP, header extensions, payload formats, SDP."""

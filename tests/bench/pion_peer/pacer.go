package main

import (
	"sync/atomic"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/webrtc/v3"
)

const (
	tick         = 20 * time.Millisecond // one audio packet
	ticksASecond = int(time.Second / tick)
	audioBytes   = 80
	videoBytes   = 1090
	pacers       = 8 // each serves an eighth of the participants, staggered over the tick: fewer timers than one each
)

var audioPayload, videoPayload = make([]byte, audioBytes), make([]byte, videoBytes)

// send starts the media of all participants; the counter is of the packets sent so far.
func send(all []*participant, videoPerSecond int) *int64 {
	sent := new(int64)
	start := time.Now()
	for i := 0; i < pacers; i++ {
		var share []*participant
		for j := i; j < len(all); j += pacers {
			share = append(share, all[j])
		}
		go pace(share, videoPerSecond, start.Add(tick*time.Duration(i)/pacers), sent)
	}
	return sent
}

// pace sends by absolute times: a late tick is made up for, so the rate holds on a busy machine.
func pace(share []*participant, videoPerSecond int, start time.Time, sent *int64) {
	for n := 0; ; n++ {
		time.Sleep(time.Until(start.Add(time.Duration(n) * tick)))
		first, end := n*videoPerSecond/ticksASecond, (n+1)*videoPerSecond/ticksASecond
		for _, one := range share {
			write(one.audio, packet(n, n*960, false), audioPayload, sent)
			for sequence := first; sequence < end; sequence++ {
				write(one.video, packet(sequence, n*1800, sequence == end-1), videoPayload, sent)
			}
		}
	}
}

// packet is a header; the track fills in its own payload type and SSRC.
func packet(sequence, timestamp int, marker bool) rtp.Header {
	return rtp.Header{
		Version: 2, SequenceNumber: uint16(sequence), Timestamp: uint32(timestamp), Marker: marker,
	}
}

func write(track *webrtc.TrackLocalStaticRTP, header rtp.Header, payload []byte, sent *int64) {
	if err := track.WriteRTP(&rtp.Packet{Header: header, Payload: payload}); err != nil {
		fail(err)
	}
	atomic.AddInt64(sent, 1)
}

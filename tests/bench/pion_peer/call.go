package main

import (
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/pion/ice/v2"
	"github.com/pion/interceptor"
	"github.com/pion/webrtc/v3"
)

const joinDeadline = 30 * time.Second

// participant is one end of a call: a peer connection that sends two tracks and counts the packets it reads.
type participant struct {
	connection   *webrtc.PeerConnection
	video, audio *webrtc.TrackLocalStaticRTP
	connected    chan struct{}
	received     int64
}

// newAPI is Pion as an application has it by default (NACK, RTCP reports, TWCC), kept on loopback.
func newAPI() (*webrtc.API, error) {
	media, interceptors, settings := &webrtc.MediaEngine{}, &interceptor.Registry{}, webrtc.SettingEngine{}
	if err := media.RegisterDefaultCodecs(); err != nil {
		return nil, err
	}
	if err := webrtc.RegisterDefaultInterceptors(media, interceptors); err != nil {
		return nil, err
	}
	settings.SetIncludeLoopbackCandidate(true)
	settings.SetInterfaceFilter(func(name string) bool { return name == "lo" })
	settings.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	settings.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled) // it would listen on every interface
	return webrtc.NewAPI(
		webrtc.WithMediaEngine(media), webrtc.WithInterceptorRegistry(interceptors), webrtc.WithSettingEngine(settings),
	), nil
}

// joinAll makes the calls one after another, and waits until every participant is connected.
func joinAll(calls int) ([]*participant, error) {
	api, err := newAPI()
	if err != nil {
		return nil, err
	}
	var all []*participant
	for i := 0; i < calls; i++ {
		caller, callee, err := call(api)
		if err != nil {
			return nil, fmt.Errorf("call %d: %w", i, err)
		}
		all = append(all, caller, callee)
	}
	deadline := time.After(joinDeadline)
	for i, one := range all {
		select {
		case <-one.connected:
		case <-deadline:
			return nil, fmt.Errorf("participant %d of %d is not connected after %s", i, len(all), joinDeadline)
		}
	}
	return all, nil
}

func call(api *webrtc.API) (caller, callee *participant, err error) {
	if caller, err = join(api); err != nil {
		return nil, nil, err
	}
	if callee, err = join(api); err != nil {
		return nil, nil, err
	}
	offer, err := caller.connection.CreateOffer(nil)
	if err != nil {
		return nil, nil, err
	}
	if err := describe(caller, callee, offer); err != nil {
		return nil, nil, err
	}
	answer, err := callee.connection.CreateAnswer(nil)
	if err != nil {
		return nil, nil, err
	}
	return caller, callee, describe(callee, caller, answer)
}

// describe sets a description on its owner, and with all candidates in it on the other end.
func describe(owner, other *participant, description webrtc.SessionDescription) error {
	gathered := webrtc.GatheringCompletePromise(owner.connection)
	if err := owner.connection.SetLocalDescription(description); err != nil {
		return err
	}
	select {
	case <-gathered:
	case <-time.After(joinDeadline):
		return errors.New("gathering candidates takes too long")
	}
	return other.connection.SetRemoteDescription(*owner.connection.LocalDescription())
}

func join(api *webrtc.API) (*participant, error) {
	connection, err := api.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		return nil, err
	}
	one := &participant{connection: connection, connected: make(chan struct{})}
	if one.video, err = addTrack(connection, webrtc.MimeTypeVP8, "video"); err != nil {
		return nil, err
	}
	if one.audio, err = addTrack(connection, webrtc.MimeTypeOpus, "audio"); err != nil {
		return nil, err
	}
	connection.OnTrack(func(track *webrtc.TrackRemote, _ *webrtc.RTPReceiver) { one.read(track) })
	connection.OnConnectionStateChange(func(state webrtc.PeerConnectionState) {
		if state == webrtc.PeerConnectionStateConnected {
			close(one.connected) // comes once: nothing here restarts ICE
		}
	})
	return one, nil
}

func addTrack(connection *webrtc.PeerConnection, mimeType, id string) (*webrtc.TrackLocalStaticRTP, error) {
	track, err := webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: mimeType}, id, "stream")
	if err != nil {
		return nil, err
	}
	sender, err := connection.AddTrack(track)
	if err != nil {
		return nil, err
	}
	go func() { // RTCP must be read, or the interceptors see none of it
		buffer := make([]byte, 1500)
		for {
			if _, _, err := sender.Read(buffer); err != nil {
				return
			}
		}
	}()
	return track, nil
}

func (one *participant) read(track *webrtc.TrackRemote) {
	buffer := make([]byte, 1500)
	for {
		if _, _, err := track.Read(buffer); err != nil {
			return
		}
		atomic.AddInt64(&one.received, 1)
	}
}

func receivedBy(all []*participant) (packets int64) {
	for _, one := range all {
		packets += atomic.LoadInt64(&one.received)
	}
	return packets
}

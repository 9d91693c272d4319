// Pion in the work of the bench: one-to-one calls on loopback, every packet authenticated, decrypted, read and discarded.
// Prints one JSON object. Ends early when its standard input does, so that it never outlives who started it.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"sync/atomic"
	"syscall"
	"time"
)

// report is what a run comes to. CPU is of the whole process, user and system; memory is resident.
type report struct {
	Participants    int     `json:"participants"`
	Seconds         float64 `json:"seconds"`
	SetupCPUSeconds float64 `json:"setup_cpu_seconds"` // all joins together
	CPUSeconds      float64 `json:"cpu_seconds"`       // in the window
	PacketsReceived int64   `json:"packets_received"`
	PacketsSent     int64   `json:"packets_sent"`
	IdleRSSBytes    int64   `json:"idle_rss_bytes"` // before the first join
	RSSBytes        int64   `json:"rss_bytes"`      // at the end of the window
	Processors      int     `json:"processors"`     // GOMAXPROCS
}

func main() {
	calls := flag.Int("calls", 50, "one-to-one calls, of two participants each")
	seconds := flag.Float64("seconds", 10, "the measured window")
	warmUp := flag.Float64("warm-up", 1, "seconds of media before the window")
	video := flag.Int("video", 57, "video packets a second of each participant")
	processors := flag.Int("processors", 0, "GOMAXPROCS; 0: what Go chooses")
	flag.Parse()
	if *calls < 1 || *seconds <= 0 || *video < 0 || *processors < 0 {
		fail(fmt.Errorf("calls %d, seconds %g, video %d, processors %d: out of range", *calls, *seconds, *video, *processors))
	}
	runtime.GOMAXPROCS(*processors)
	go endWithStandardInput()
	result, err := measure(*calls, *video, duration(*warmUp), duration(*seconds))
	if err != nil {
		fail(err)
	}
	if err := json.NewEncoder(os.Stdout).Encode(result); err != nil {
		fail(err)
	}
}

func measure(calls, video int, warmUp, window time.Duration) (report, error) {
	idle := residentBytes()
	start := cpuSeconds()
	all, err := joinAll(calls)
	if err != nil {
		return report{}, err
	}
	setup := cpuSeconds() - start
	sent := send(all, video)
	time.Sleep(warmUp)

	began, cpu := time.Now(), cpuSeconds()
	sentBefore, receivedBefore := atomic.LoadInt64(sent), receivedBy(all)
	time.Sleep(window)
	return report{
		Participants:    2 * calls,
		SetupCPUSeconds: setup,
		CPUSeconds:      cpuSeconds() - cpu,
		Seconds:         time.Since(began).Seconds(),
		PacketsReceived: receivedBy(all) - receivedBefore,
		PacketsSent:     atomic.LoadInt64(sent) - sentBefore,
		IdleRSSBytes:    idle,
		RSSBytes:        residentBytes(),
		Processors:      runtime.GOMAXPROCS(0),
	}, nil
}

func duration(seconds float64) time.Duration {
	return time.Duration(seconds * float64(time.Second))
}

func cpuSeconds() float64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		fail(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano()).Seconds()
}

// residentBytes reads the second field of /proc/self/statm, which counts pages.
func residentBytes() int64 {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		fail(err)
	}
	var size, resident int64
	if _, err := fmt.Sscan(string(text), &size, &resident); err != nil {
		fail(err)
	}
	return resident * int64(os.Getpagesize())
}

func endWithStandardInput() {
	_, _ = io.Copy(io.Discard, os.Stdin)
	os.Exit(3)
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "pion_peer:", err)
	os.Exit(1)
}

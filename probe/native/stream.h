/* One incoming RTP stream: its counters, and the log of what arrived. */
#ifndef MEETPROBE_STREAM_H
#define MEETPROBE_STREAM_H

#include "core.h"

#define WINDOW 1024 /* numbers, as in probe.measure.stream_counter */

/* probe.measure.records.RECORD, byte for byte. */
typedef struct {
    int64_t sequence;
    double arrival;
    double capture;
    uint32_t timestamp;
    uint32_t size;
    uint32_t flags;
    uint32_t transport;
} Record;

enum { RECORD_MARKER = 1, RECORD_RECOVERED = 2, RECORD_RESTARTED = 4 };
#define TRANSPORT_KNOWN 0x10000u /* set beside a transport-wide sequence number */

typedef struct {
    int64_t extended;
    int is_new, duplicate, reordered, restarted;
} Fate;

typedef struct {
    PyObject_HEAD
    /* counters, read from Python */
    unsigned int ssrc;
    int clock_rate;
    long long packets, bytes, duplicates, reordered, recovered, strays, restarts, repeated_bytes;
    double jitter_seconds;
    /* the sequence ring */
    uint8_t ring[WINDOW];
    int64_t base, highest, closed_expected, runs;
    int started, in_run;
    /* a packet far from the others, until its successor decides */
    int suspect;
    uint16_t suspect_sequence;
    uint32_t suspect_timestamp;
    double suspect_arrival;
    long long suspect_accepted;
    /* jitter */
    int timed;
    uint32_t timestamp;
    double arrival;
    /* what to log, and how to read it */
    int logging, payload_type, capture_id, transport_id, trailer;
    double ntp_offset;
    unsigned int authenticate_every, since_authenticated;
    long long authenticated, refused, overrun;
    int attention; /* already in the list of those that want to be looked at */
    char eager;    /* wants to be looked at after every packet */
    Record *log;
    size_t logged, room;
} Stream;

extern PyTypeObject *stream_type;

Fate stream_packet(Stream *self, uint16_t sequence, uint32_t timestamp, double arrival, long long size);
void stream_log(Stream *self, const Fate *fate, uint32_t timestamp, int marker, double arrival, double capture,
                uint32_t size, uint32_t transport);

/* First the stream itself, then what it points into. */
static inline void stream_prefetch(const Stream *self, int last) {
    if (!last) {
        prefetch(self, offsetof(Stream, ring));
        prefetch(&self->base, sizeof *self - offsetof(Stream, base));
    } else {
        __builtin_prefetch(&self->ring[(self->highest + 1) & (WINDOW - 1)], 1);
        if (self->log != NULL && self->logged < self->room) __builtin_prefetch(&self->log[self->logged], 1);
    }
}

#endif

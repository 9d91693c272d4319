/* Sending: what content.c, track.c, source.c and pacer.c know of each other.

   A Content is a loop of frames, cut into payloads once and shared by all; a Source plays it as one camera or microphone; a Track
   puts it on the wire as one RTP stream; the Pacer ticks all sources of the process when they are due. The same streams, byte for
   byte, as probe.client.publisher and probe.rtc.sender make. */
#ifndef MEETPROBE_SENDER_H
#define MEETPROBE_SENDER_H

#include "seal.h"

#include <math.h>
#include <netinet/in.h>
#include <stddef.h>
#include <sys/socket.h>

#define MAX_HEADER 256 /* what a datagram leaves to the payload is the rest of MAX_DATAGRAM */

typedef struct {
    uint32_t first, count; /* its payloads, in the content's */
    uint32_t index, size; /* content index; bytes before they were cut into payloads */
    uint8_t keyframe;
} Frame;

typedef struct {
    PyObject_HEAD
    Frame *frames;
    PyObject **payloads; /* bytes */
    Py_ssize_t frame_count, payload_count, gop;
    int picture_id_offset; /* -1: the payloads hold none */
} Content;

typedef struct Sent Sent;

typedef struct {
    PyObject_HEAD
    PyObject *socket, *owner, *header, *hear;
    Content *content;
    void *session;
    Seal *seal; /* protects instead of the session, or NULL */
    struct sockaddr_in6 destination; /* IPv4 takes less of it */
    socklen_t destination_size; /* 0: a connected socket has its own, if `ready` */
    int ready, video, started, capture_at;
    double clock_rate, ntp_offset, origin_capture, last_capture;
    int64_t origin_position;
    uint32_t timestamp_base, last_timestamp;
    uint16_t sequence, picture_id;
    Sent *history;
    uint64_t remembered; /* packets of the present content */
    uint32_t capacity, keep;
    unsigned long long packets, octets, wire_bytes, frames, bytes_sent, send_drops, unreachable, srtp_errors;
} Track;

typedef struct Attachment Attachment;
typedef struct Capture Capture;

typedef struct {
    PyObject_HEAD
    Content *content;
    int video, begun, ticking, paced;
    double interval, apart, first_due, last_capture;
    Py_ssize_t position;
    unsigned long long ticks, bytes;
    Attachment *attachments;
    Py_ssize_t attachment_count;
    Capture *captures; /* a ring of a power of two */
    uint64_t capture_first, capture_next, capture_capacity;
} Source;

extern PyTypeObject *content_type, *track_type, *source_type;

/* 1 for "video", 0 for "audio", -1 with an exception set. */
static inline int is_video(const char *kind) {
    if (strcmp(kind, "video") == 0) return 1;
    if (strcmp(kind, "audio") == 0) return 0;
    PyErr_Format(PyExc_ValueError, "media is audio or video, not %s", kind);
    return -1;
}

/* One frame. 0: done, 1: a keyframe is wanted first, -1: an exception is set. */
int track_send(Track *track, Content *content, const Frame *frame, double capture, int64_t position);

/* Have the memory that its next tick touches brought near: the hops before it must have come, so the steps go over several
 * sources each, 0 first. */
#define PREFETCH_STEPS 4
void source_prefetch(const Source *source, int step);
void track_prefetch(const Track *track);

/* One unit to all that are attached, due at `due`, now. Not 0 with an exception set. */
int source_tick(Source *source, double due, double now);

#endif

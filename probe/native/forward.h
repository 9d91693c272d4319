/* Forwarding: one packet of a published track, written, protected and sent for every subscriber of the track in one call.
 *
 * What is sent is decided elsewhere (sfu_shim.core.outgoing): it sets an Output's numbers, and `write_output` does with them what
 * Outgoing.rewrite does, byte for byte. An Output whose Route leads nowhere has its packet handed back instead, in clear. */
#ifndef MEETPROBE_FORWARD_H
#define MEETPROBE_FORWARD_H

#include "core.h"

#include <stddef.h>
#include <sys/socket.h>

#define MAX_ELEMENTS 255 /* extension ids are 1 to 255 */
#define MAX_PACKET 4096  /* a datagram that came in, with two-byte elements and a MID added, is far below */

#define COLLECTED(prefix) \
    {Py_tp_traverse, prefix##_traverse}, {Py_tp_clear, prefix##_clear}, {Py_tp_dealloc, prefix##_dealloc}
#define FLAGS (Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC)

/* Where one subscriber's packets go, and the session that protects them. */
typedef struct {
    PyObject_HEAD
    PyObject *socket;  /* asked for its descriptor each time: a closed one must never be mistaken for its successor */
    PyObject *session; /* keeps `srtp` alive */
    void *srtp;
    struct sockaddr_storage address;
    socklen_t address_size;
    long long bytes_sent, drops, unreachable, refused;
} Route;

/* One subscriber's stream of the track. Its numbers are those of sfu_shim.core.outgoing.Numbers. */
typedef struct {
    PyObject_HEAD
    PyObject *endpoint;
    Route *route;
    PyObject *mid_value; /* bytes, or NULL */
    uint8_t mid_id;
    long long mid_packets;
    uint32_t ssrc;
    int16_t payload_types[128]; /* the publisher's to the subscriber's, -1: not negotiated */
    uint8_t extensions[256];    /* likewise, 0: dropped */
    long long source_ssrc, anchor, sequence_offset, timestamp_offset, next_sequence, last_timestamp, packets, octets;
    double last_arrival;
} Output;

/* An extension element (RFC 8285). */
typedef struct {
    uint8_t id;
    uint8_t size;
    const uint8_t *bytes;
} Element;

/* One packet of the publisher. */
typedef struct {
    long long ssrc, sequence, timestamp;
    int marker, payload_type, padding;
    const uint8_t *payload;
    Py_ssize_t size;
    double arrival;
    Element elements[MAX_ELEMENTS];
    int element_count;
} Incoming;

extern PyTypeObject *route_type, *output_type;

/* Protect the packet in place and send it. What can't be sent now is lost, as on a wire, and counted; -1 with an exception set. */
int route_send(Route *self, uint8_t *packet, int size);

/* The packet for this output, in MAX_PACKET bytes; 0 when it gets none, -1 with an exception set. The counts move on. */
int write_output(Output *output, const Incoming *source, uint8_t *packet);

#endif

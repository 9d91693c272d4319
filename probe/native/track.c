/* Track: one outgoing RTP stream. Builds each packet from a header that all share, protects it in place and sends it; keeps
   what it takes to build the last ones again. */
#include "sender.h"

#include <errno.h>

#define FIRST_HISTORY 64

PyTypeObject *track_type = NULL;
static PyObject *fileno_name;

struct Sent { /* what a packet can be built from again; the payload belongs to the track's content */
    PyObject *payload;
    double capture;
    uint32_t timestamp;
    uint16_t picture_id;
    uint8_t marker;
};

static int track_traverse(Track *self, visitproc visit, void *arg) {
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(self->socket);
    Py_VISIT(self->owner);
    Py_VISIT(self->hear);
    Py_VISIT(self->seal);
    return 0;
}

static void track_disconnect(Track *self) {
    self->ready = 0;
    self->session = NULL;
    Py_CLEAR(self->socket);
    Py_CLEAR(self->owner);
    Py_CLEAR(self->seal);
}

static int track_clear(Track *self) {
    track_disconnect(self);
    Py_CLEAR(self->hear);
    return 0;
}

static void track_dealloc(Track *self) {
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    track_clear(self);
    Py_CLEAR(self->header);
    Py_CLEAR(self->content);
    PyMem_Free(self->history);
    type->tp_free(self);
    Py_DECREF(type);
}

static int track_check(const Track *self, Py_ssize_t header_size, unsigned int keep) {
    const char *wrong = NULL;
    if (header_size < 12 || header_size > MAX_HEADER) wrong = "a header has 12 to 256 bytes";
    else if (self->capture_at >= 0 && self->capture_at + 8 > header_size) wrong = "the capture time lies outside the header";
    else if (!isfinite(self->clock_rate) || self->clock_rate <= 0) wrong = "the clock rate must be above 0";
    else if (!isfinite(self->ntp_offset)) wrong = "the NTP offset must be finite";
    else if (keep < 1 || keep > 1 << 15) wrong = "1 to 32768 packets can be kept";
    else if (self->session == NULL) wrong = "the SRTP session is null";
    if (wrong != NULL) PyErr_SetString(PyExc_ValueError, wrong);
    return wrong == NULL ? 0 : -1;
}

static PyObject *track_new(PyTypeObject *type, PyObject *args, PyObject *keywords) {
    static char *names[] = {"socket", "session", "owner", "kind", "header", "capture_at", "clock_rate", "ntp_offset",
                            "sequence", "timestamp_base", "keep", "seal", NULL};
    PyObject *socket, *owner, *header, *seal = Py_None;
    unsigned long long session;
    const char *kind;
    int capture_at;
    double clock_rate, ntp_offset;
    unsigned short sequence;
    unsigned int timestamp_base, keep;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "OKOsSiddHII|O:Track", names, &socket, &session, &owner, &kind, &header,
                                     &capture_at, &clock_rate, &ntp_offset, &sequence, &timestamp_base, &keep, &seal))
        return NULL;
    if (seal != Py_None && !Py_IS_TYPE(seal, seal_type)) return PyErr_Format(PyExc_TypeError, "the seal is none");
    Track *self = (Track *)type->tp_alloc(type, 0);
    if (self == NULL) return NULL;
    self->socket = Py_NewRef(socket);
    self->owner = Py_NewRef(owner);
    self->header = Py_NewRef(header);
    self->session = (void *)(uintptr_t)session;
    self->seal = seal == Py_None ? NULL : (Seal *)Py_NewRef(seal);
    self->video = is_video(kind);
    self->capture_at = capture_at;
    self->clock_rate = clock_rate;
    self->ntp_offset = ntp_offset;
    self->sequence = sequence;
    self->timestamp_base = timestamp_base;
    self->keep = keep;
    if (self->video < 0 || track_check(self, PyBytes_GET_SIZE(header), keep) < 0) {
        Py_DECREF(self);
        return NULL;
    }
    return (PyObject *)self;
}

static PyObject *track_set_destination(Track *self, PyObject *args) {
    Py_buffer address;
    int connected = 0;
    if (!PyArg_ParseTuple(args, "y*|p:set_destination", &address, &connected)) return NULL;
    int family = address.len >= (Py_ssize_t)sizeof(sa_family_t) ? ((struct sockaddr *)address.buf)->sa_family : AF_UNSPEC;
    size_t size = family == AF_INET ? sizeof(struct sockaddr_in) : family == AF_INET6 ? sizeof(struct sockaddr_in6) : 0;
    int valid = size > 0 && (size_t)address.len == size;
    if (valid) {
        memcpy(&self->destination, address.buf, size);
        self->destination_size = connected ? 0 : (socklen_t)size;
        self->ready = self->socket != NULL;
    }
    PyBuffer_Release(&address);
    if (!valid) return PyErr_Format(PyExc_ValueError, "the destination is no sockaddr of IPv4 or IPv6");
    Py_RETURN_NONE;
}

/* The descriptor to send on, asked for once a frame: a number that was kept could by now be some other socket's.
 * -1 for none, -2 with an exception set. */
static int track_descriptor(Track *self) {
    if (!self->ready) return -1;
    PyObject *number = PyObject_CallMethodNoArgs(self->socket, fileno_name);
    if (number == NULL) return -2;
    long descriptor = PyLong_AsLong(number);
    Py_DECREF(number);
    if (descriptor == -1 && PyErr_Occurred()) return -2;
    return descriptor < 0 ? -1 : (int)descriptor;
}

/* Round half to even, as Python rounds; rint does in the rounding mode that nobody changes here. */
static uint32_t ticks(double elapsed, double rate) { return (uint32_t)(int64_t)rint(elapsed * rate); }

/* Audio counts samples; video samples its clock at capture. */
static uint32_t track_timestamp(const Track *self, double capture, int64_t position) {
    double elapsed = self->video ? capture - self->origin_capture : (double)(position - self->origin_position) * 0.02;
    return self->timestamp_base + ticks(elapsed, self->clock_rate);
}

/* UQ32.32 seconds since 1900, within the era (RFC 5905). */
static uint64_t ntp_fixed(double ntp) {
    return ntp >= 0 && isfinite(ntp) ? (uint64_t)fmod(ntp * 4294967296.0, 18446744073709551616.0) : 0;
}

static int track_build(const Track *self, uint8_t *buffer, const Sent *sent, uint16_t sequence) {
    size_t header_size = (size_t)PyBytes_GET_SIZE(self->header), size = (size_t)PyBytes_GET_SIZE(sent->payload);
    memcpy(buffer, PyBytes_AS_STRING(self->header), header_size);
    memcpy(buffer + header_size, PyBytes_AS_STRING(sent->payload), size);
    buffer[1] = (uint8_t)(buffer[1] | (sent->marker ? 0x80 : 0));
    write16(buffer + 2, sequence);
    write32(buffer + 4, sent->timestamp);
    if (self->capture_at >= 0) write64(buffer + self->capture_at, ntp_fixed(sent->capture + self->ntp_offset));
    if (self->content->picture_id_offset >= 0)
        write16(buffer + header_size + self->content->picture_id_offset, (uint16_t)(sent->picture_id | 0x8000));
    return (int)(header_size + size);
}

/* A short stream needs no long history: it grows to `keep` (rounded up to a power of two) as packets go out. */
static int track_remember(Track *self, const Sent *sent) {
    if (self->remembered >= self->capacity && self->capacity < self->keep) {
        uint32_t capacity = self->capacity ? 2 * self->capacity : FIRST_HISTORY;
        Sent *grown = PyMem_Realloc(self->history, capacity * sizeof *grown);
        if (grown == NULL) {
            PyErr_NoMemory();
            return -1;
        }
        self->history = grown;
        self->capacity = capacity;
    }
    self->history[self->remembered++ & (self->capacity - 1)] = *sent;
    return 0;
}

static void track_transmit(Track *self, int descriptor, uint8_t *buffer, int size, int again) {
    int refused = self->seal != NULL ? seal_packet(self->seal, buffer, &size, again)
                                     : srtp_protect_call(self->session, buffer, &size);
    if (refused) {
        self->srtp_errors++;
        return;
    }
    self->bytes_sent += (unsigned long long)size;
    struct sockaddr *to = self->destination_size ? (struct sockaddr *)&self->destination : NULL;
    if (sendto(descriptor, buffer, (size_t)size, MSG_DONTWAIT, to, self->destination_size) >= 0) return;
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) self->send_drops++;
    else self->unreachable++;
}

/* One packet: number it, keep it, let it be heard, send it. */
static int track_emit(Track *self, const Sent *sent, int descriptor) {
    _Alignas(16) uint8_t buffer[MAX_DATAGRAM + SRTP_TRAILER];
    if (track_remember(self, sent) < 0) return -1;
    int size = track_build(self, buffer, sent, self->sequence++);
    self->packets++;
    self->octets += (unsigned long long)PyBytes_GET_SIZE(sent->payload);
    self->wire_bytes += (unsigned long long)size;
    if (self->hear != NULL && self->hear != Py_None) {
        PyObject *hear = Py_NewRef(self->hear), *heard = PyObject_CallFunction(hear, "y#", buffer, (Py_ssize_t)size);
        Py_DECREF(hear);
        if (heard == NULL) return -1;
        Py_DECREF(heard);
        if ((descriptor = track_descriptor(self)) < -1) return -1; /* it may have been closed meanwhile */
    }
    if (descriptor >= 0) track_transmit(self, descriptor, buffer, size, 0);
    return 0;
}

/* The track plays this content from now on: of another one no packet can be built any more. */
static void track_use(Track *self, Content *content) {
    if (self->content == content) return;
    Py_XSETREF(self->content, (Content *)Py_NewRef(content));
    self->remembered = 0;
}

void track_prefetch(const Track *self) {
    if (self->seal != NULL) seal_prefetch(self->seal);
    else if (self->session != NULL) __builtin_prefetch(self->session);
    if (self->history != NULL) __builtin_prefetch(&self->history[self->remembered & (self->capacity - 1)], 1);
    prefetch(self->socket, 64);
}

int track_send(Track *self, Content *content, const Frame *frame, double capture, int64_t position) {
    if (!self->started) {
        if (self->video && !frame->keyframe) return 1;
        self->started = 1;
        self->origin_capture = capture;
        self->origin_position = position;
    }
    track_use(self, content);
    Sent sent = {NULL, capture, track_timestamp(self, capture, position), self->picture_id, 0};
    self->last_capture = capture;
    self->last_timestamp = sent.timestamp;
    self->picture_id = (self->picture_id + 1) & 0x7FFF;
    int descriptor = track_descriptor(self);
    if (descriptor < -1) return -1;
    for (uint32_t at = 0; at < frame->count; at++) {
        sent.payload = content->payloads[frame->first + at];
        sent.marker = self->video ? at + 1 == frame->count : self->packets == 0;
        if (track_emit(self, &sent, descriptor) < 0) return -1;
        if (self->content != content) return 0; /* who listened put the track to other use */
    }
    self->frames++;
    return 0;
}

static PyObject *track_packet(Track *self, PyObject *argument) {
    long sequence = PyLong_AsLong(argument);
    if (sequence == -1 && PyErr_Occurred()) return NULL;
    uint64_t age = (uint16_t)(self->sequence - (uint16_t)sequence), kept = self->remembered;
    if (kept > self->keep) kept = self->keep;
    if (sequence < 0 || sequence > 0xFFFF || age == 0 || age > kept) Py_RETURN_NONE;
    uint8_t buffer[MAX_DATAGRAM];
    const Sent *sent = &self->history[(self->remembered - age) & (self->capacity - 1)];
    int size = track_build(self, buffer, sent, (uint16_t)sequence);
    return PyBytes_FromStringAndSize((const char *)buffer, size);
}

static PyObject *track_send_again(Track *self, PyObject *argument) {
    _Alignas(16) uint8_t buffer[MAX_DATAGRAM + SRTP_TRAILER];
    char *packet;
    Py_ssize_t size;
    if (PyBytes_AsStringAndSize(argument, &packet, &size) < 0) return NULL;
    if (size > MAX_DATAGRAM) return PyErr_Format(PyExc_ValueError, "a packet of %zd bytes", size);
    int descriptor = track_descriptor(self);
    if (descriptor < -1) return NULL;
    memcpy(buffer, packet, (size_t)size);
    if (descriptor >= 0) track_transmit(self, descriptor, buffer, (int)size, 1);
    Py_RETURN_NONE;
}

static PyObject *track_disconnect_method(Track *self, PyObject *unused) {
    track_disconnect(self);
    Py_RETURN_NONE;
}

static PyObject *track_last(Track *self, void *unused) {
    if (!self->started) Py_RETURN_NONE;
    return Py_BuildValue("Id", (unsigned int)self->last_timestamp, self->last_capture);
}

static PyMethodDef track_methods[] = {
    {"set_destination", (PyCFunction)track_set_destination, METH_VARARGS, "A packed sockaddr; whether the socket is connected."},
    {"disconnect", (PyCFunction)track_disconnect_method, METH_NOARGS, "Let go of socket and session: packets are numbered on, not sent."},
    {"send_again", (PyCFunction)track_send_again, METH_O, "This clear packet, which was sent before, unchanged."},
    {"packet", (PyCFunction)track_packet, METH_O, "The clear packet with that sequence number, None if it is not kept."},
    {NULL},
};

static PyGetSetDef track_properties[] = {
    {"last", (getter)track_last, NULL, "(timestamp, capture time) of the last frame, None before the first.", NULL},
    {NULL},
};

#define COUNTER(name, doc) {#name, T_ULONGLONG, offsetof(Track, name), READONLY, doc}
static PyMemberDef track_members[] = {
    COUNTER(packets, "RTP packets."),
    COUNTER(octets, "Payload bytes."),
    COUNTER(wire_bytes, "Bytes of clear packets."),
    COUNTER(frames, "Frames."),
    COUNTER(bytes_sent, "SRTP bytes."),
    COUNTER(send_drops, "Datagrams that a full send buffer refused."),
    COUNTER(unreachable, "Datagrams that had no route."),
    COUNTER(srtp_errors, "Packets that libsrtp refused to protect."),
    {"hear", T_OBJECT, offsetof(Track, hear), 0, "Called with every clear packet before it is sent, or None."},
    {NULL},
};

static PyType_Slot track_slots[] = {
    {Py_tp_doc, "One outgoing RTP stream on one socket."},
    {Py_tp_new, track_new},
    {Py_tp_dealloc, track_dealloc},
    {Py_tp_traverse, track_traverse},
    {Py_tp_clear, track_clear},
    {Py_tp_methods, track_methods},
    {Py_tp_members, track_members},
    {Py_tp_getset, track_properties},
    {0, NULL},
};
static PyType_Spec track_spec = {
    "probe.native._core.Track", sizeof(Track), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC, track_slots};

int add_track(PyObject *module) {
    if ((fileno_name = PyUnicode_InternFromString("fileno")) == NULL) return -1;
    track_type = add_type(module, &track_spec);
    return track_type == NULL ? -1 : 0;
}

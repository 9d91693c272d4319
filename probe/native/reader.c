/* Reader: drains the sockets of many connections in one go, with the kernel's arrival times.

   Packets of streams that are watched are counted here, from the header that SRTP leaves in clear (RFC 3711 section 3.1).
   Whatever else arrives (STUN, DTLS, RTCP, retransmissions, unknown sources, what makes no sense) goes up as it came. */
#include "stream.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define BATCH 32          /* datagrams per system call */
#define CALLS_PER_SOCKET 4
#define EVENTS 512
#define POLLS 16          /* so many times EVENTS sockets in one drain: the rest waits for the next */
#define OLDEST 10.0       /* seconds; a stamp older than this shows a stepped wall clock (probe.rtc.clock) */
#define CONTROL 128
#ifndef SO_RXQ_OVFL
#define SO_RXQ_OVFL 40
#endif

typedef struct {
    PyObject_HEAD
    int fd;
    PyObject *token; /* whose it is, handed up with what Python has to see */
    PyObject *owner; /* keeps the SRTP session alive */
    void *session;
    Stream **streams; /* open addressing by SSRC */
    unsigned int slots, watched;
    unsigned long long bytes_received, packets;
    unsigned int socket_drops;
    struct sockaddr_storage last;
    socklen_t last_length;
    PyObject *address; /* of `last`, for Python */
} Socket;

typedef struct {
    PyObject_HEAD
    int epoll;
} Reader;

static PyTypeObject *socket_type = NULL, *reader_type = NULL;
static uint8_t buffers[BATCH][MAX_DATAGRAM];
static char controls[BATCH][CONTROL];
static struct sockaddr_storage names[BATCH];

/* streams of a socket, by SSRC */

static Stream **slot_of(Stream **table, unsigned int slots, uint32_t ssrc) {
    unsigned int at = (ssrc * 2654435761u) & (slots - 1);
    while (table[at] != NULL && table[at]->ssrc != ssrc) at = (at + 1) & (slots - 1);
    return &table[at];
}

static Stream *stream_of(const Socket *self, uint32_t ssrc) {
    return self->slots ? *slot_of(self->streams, self->slots, ssrc) : NULL;
}

/* A table of at least twice `wanted` places with all streams but `without`. */
static int rebuild(Socket *self, unsigned int wanted, const Stream *without) {
    unsigned int slots = 4;
    while (slots < 2 * wanted) slots *= 2;
    Stream **table = PyMem_Calloc(slots, sizeof(Stream *));
    if (table == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (unsigned int at = 0; at < self->slots; at++)
        if (self->streams[at] != NULL && self->streams[at] != without)
            *slot_of(table, slots, self->streams[at]->ssrc) = self->streams[at];
    PyMem_Free(self->streams);
    self->streams = table;
    self->slots = slots;
    return 0;
}

/* one datagram */

/* 32.32 fixed point, truncated to what a double holds, as probe.wire.rtp.ntp_from_fixed does it. */
static double ntp_seconds(uint64_t fixed) {
    int excess = fixed ? 64 - __builtin_clzll(fixed) - 53 : 0;
    return (double)(excess > 0 ? fixed >> excess << excess : fixed) / 4294967296.0;
}

/* The capture time and the transport-wide number of a one-byte header extension (RFC 8285 section 4.2). */
static void read_elements(const Stream *stream, const uint8_t *at, const uint8_t *end, double *capture, uint32_t *transport) {
    while (at < end) {
        int identifier = *at >> 4, length = (*at & 15) + 1;
        if (*at == 0) {
            at++;
            continue;
        }
        if (identifier == 0 || identifier == 15 || at + 1 + length > end) return;
        if (identifier == stream->capture_id && length >= 8)
            *capture = ntp_seconds(read64(at + 1)) - stream->ntp_offset;
        else if (identifier == stream->transport_id && length >= 2)
            *transport = TRANSPORT_KNOWN | read16(at + 1);
        at += 1 + length;
    }
}

/* Count one packet of a watched stream. 0 if it needs Python's eyes. `data` may be decrypted in place. */
static int count_packet(Socket *self, Stream *stream, uint8_t *data, int size, double arrival, PyObject *attention) {
    int header = 12 + 4 * (data[0] & 15);
    double capture = Py_NAN;
    uint32_t transport = 0;
    if ((data[1] & 0x7F) != stream->payload_type) return 0;
    if (data[0] & 0x10) {
        if (size < header + 4) return 0;
        int start = header + 4, length = 4 * read16(data + header + 2);
        int one_byte = read16(data + header) == 0xBEDE;
        header = start + length;
        if (size < header || !one_byte) return 0;
        read_elements(stream, data + start, data + header, &capture, &transport);
    }
    int payload = size - header - stream->trailer;
    if (payload < 0) return 0;
    uint32_t timestamp = read32(data + 4);
    uint16_t sequence = read16(data + 2);
    int marker = data[1] >> 7;
    if (stream->authenticate_every && ++stream->since_authenticated >= stream->authenticate_every) {
        stream->since_authenticated = 0;
        int length = size, status = srtp_unprotect_call(self->session, data, &length);
        if (status == 0) {
            stream->authenticated++;
            if (data[0] & 0x20) payload -= data[length - 1] <= payload ? data[length - 1] : 0;
        } else if (status != SRTP_REPLAY_FAIL && status != SRTP_REPLAY_OLD) {
            stream->refused++; /* not what the sender sent: it counts for nothing, and is told */
            return 1;
        }
    }
    int64_t highest = stream->highest;
    int started = stream->started;
    Fate fate = stream_packet(stream, sequence, timestamp, arrival, size - stream->trailer);
    if (stream->logging && fate.is_new) stream_log(stream, &fate, timestamp, marker, arrival, capture, (uint32_t)payload, transport);
    if (stream->logging && !stream->attention && (!started || stream->eager || fate.extended != highest + 1)) {
        stream->attention = 1;
        if (PyList_Append(attention, (PyObject *)stream) < 0) return -1;
    }
    return 1;
}

static PyObject *address_of(Socket *self, const struct sockaddr_storage *from, socklen_t length) {
    if (self->address == NULL || length != self->last_length || memcmp(from, &self->last, length) != 0) {
        char text[INET6_ADDRSTRLEN] = "";
        PyObject *address;
        if (from->ss_family == AF_INET6) {
            const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)from;
            inet_ntop(AF_INET6, &six->sin6_addr, text, sizeof text);
            address = Py_BuildValue("(siII)", text, (int)ntohs(six->sin6_port), ntohl(six->sin6_flowinfo), six->sin6_scope_id);
        } else {
            const struct sockaddr_in *four = (const struct sockaddr_in *)from;
            inet_ntop(AF_INET, &four->sin_addr, text, sizeof text);
            address = Py_BuildValue("(si)", text, (int)ntohs(four->sin_port));
        }
        if (address == NULL) return NULL;
        Py_XSETREF(self->address, address);
        memcpy(&self->last, from, length);
        self->last_length = length;
    }
    return Py_NewRef(self->address);
}

static int hand_up(Socket *self, struct msghdr *message, const uint8_t *data, int size, double arrival, PyObject *others) {
    PyObject *address = address_of(self, message->msg_name, message->msg_namelen);
    if (address == NULL) return -1;
    PyObject *item = Py_BuildValue("(Oy#Nd)", self->token, (const char *)data, (Py_ssize_t)size, address, arrival);
    if (item == NULL) return -1;
    int failed = PyList_Append(others, item);
    Py_DECREF(item);
    return failed;
}

/* Arrival by the kernel's stamp, in monotonic seconds; the time of reading where the stamp makes no sense. */
static double arrival_of(Socket *self, struct msghdr *message, double offset) {
    double now = monotonic_now(), arrival = now;
    for (struct cmsghdr *part = CMSG_FIRSTHDR(message); part != NULL; part = CMSG_NXTHDR(message, part)) {
        if (part->cmsg_level != SOL_SOCKET) continue;
        if (part->cmsg_type == SCM_TIMESTAMPNS) {
            struct timespec stamp;
            memcpy(&stamp, CMSG_DATA(part), sizeof stamp);
            double found = (double)stamp.tv_sec + (double)stamp.tv_nsec * 1e-9 + offset;
            if (now - OLDEST < found && found <= now) arrival = found;
        } else if (part->cmsg_type == SO_RXQ_OVFL) {
            memcpy(&self->socket_drops, CMSG_DATA(part), sizeof self->socket_drops);
        }
    }
    return arrival;
}

static int take_datagram(Socket *self, struct mmsghdr *message, uint8_t *data, double offset, PyObject *others, PyObject *attention) {
    int size = (int)message->msg_len;
    double arrival = arrival_of(self, &message->msg_hdr, offset);
    int is_rtp = size >= 12 && (data[0] & 0xC0) == 0x80 && (data[1] < 192 || data[1] > 223);
    Stream *stream = is_rtp && !(message->msg_hdr.msg_flags & MSG_TRUNC) ? stream_of(self, read32(data + 8)) : NULL;
    if (stream != NULL) {
        int done = count_packet(self, stream, data, size, arrival, attention);
        if (done < 0) return -1;
        if (done) {
            self->packets++;
            self->bytes_received += (unsigned long long)size;
            return 0;
        }
    }
    return hand_up(self, &message->msg_hdr, data, size, arrival, others);
}

static int drain_socket(Socket *self, double offset, PyObject *others, PyObject *attention) {
    struct mmsghdr messages[BATCH];
    struct iovec parts[BATCH];
    for (int call = 0; call < CALLS_PER_SOCKET; call++) {
        for (int at = 0; at < BATCH; at++) {
            parts[at] = (struct iovec){buffers[at], MAX_DATAGRAM};
            messages[at].msg_hdr = (struct msghdr){
                .msg_name = &names[at], .msg_namelen = sizeof names[at], .msg_iov = &parts[at], .msg_iovlen = 1,
                .msg_control = controls[at], .msg_controllen = CONTROL,
            };
        }
        int got = recvmmsg(self->fd, messages, BATCH, MSG_DONTWAIT, NULL);
        if (got < 0) {
            if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EBADF) return 0;
            continue; /* an ICMP error of an earlier send: nothing was received */
        }
        for (int at = 0; at < got; at++)
            if (take_datagram(self, &messages[at], buffers[at], offset, others, attention) < 0) return -1;
        if (got < BATCH) return 0;
    }
    return 0;
}

/* Reader, from Python */

static int reader_init(Reader *self, PyObject *args, PyObject *keywords) {
    static char *names[] = {NULL};
    if (!PyArg_ParseTupleAndKeywords(args, keywords, ":Reader", names)) return -1;
    self->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (self->epoll < 0) {
        PyErr_SetFromErrno(PyExc_OSError);
        return -1;
    }
    return 0;
}

static PyObject *reader_new(PyTypeObject *type, PyObject *args, PyObject *keywords) {
    Reader *self = (Reader *)type->tp_alloc(type, 0);
    if (self != NULL) self->epoll = -1;
    return (PyObject *)self;
}

static PyObject *reader_close(Reader *self, PyObject *nothing) {
    if (self->epoll >= 0) close(self->epoll);
    self->epoll = -1;
    Py_RETURN_NONE;
}

static void reader_dealloc(Reader *self) {
    PyTypeObject *type = Py_TYPE(self);
    Py_XDECREF(reader_close(self, NULL));
    type->tp_free(self);
    Py_DECREF(type);
}

static PyObject *reader_add(Reader *self, PyObject *object) {
    if (!PyObject_TypeCheck(object, socket_type)) return PyErr_Format(PyExc_TypeError, "not a Socket");
    Socket *socket = (Socket *)object;
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = socket};
    if (epoll_ctl(self->epoll, EPOLL_CTL_ADD, socket->fd, &event) < 0) return PyErr_SetFromErrno(PyExc_OSError);
    Py_INCREF(socket); /* the kernel's pointer to it; given back by remove */
    Py_RETURN_NONE;
}

static PyObject *reader_remove(Reader *self, PyObject *object) {
    if (!PyObject_TypeCheck(object, socket_type)) return PyErr_Format(PyExc_TypeError, "not a Socket");
    if (epoll_ctl(self->epoll, EPOLL_CTL_DEL, ((Socket *)object)->fd, NULL) < 0) return PyErr_SetFromErrno(PyExc_OSError);
    Py_DECREF(object);
    Py_RETURN_NONE;
}

static PyObject *reader_drain(Reader *self, PyObject *offset_object) {
    double offset = PyFloat_AsDouble(offset_object);
    if (offset == -1.0 && PyErr_Occurred()) return NULL;
    PyObject *others = PyList_New(0), *attention = PyList_New(0);
    if (others == NULL || attention == NULL) goto failed;
    struct epoll_event events[EVENTS];
    for (int poll = 0; poll < POLLS; poll++) {
        int ready = epoll_wait(self->epoll, events, EVENTS, 0);
        if (ready < 0 && errno != EINTR) {
            PyErr_SetFromErrno(PyExc_OSError);
            goto failed;
        }
        for (int at = 0; at < ready; at++)
            if (drain_socket(events[at].data.ptr, offset, others, attention) < 0) goto failed;
        if (ready < EVENTS) break;
    }
    return Py_BuildValue("(NN)", others, attention);
failed:
    Py_XDECREF(others);
    Py_XDECREF(attention);
    return NULL;
}

static PyObject *reader_fileno(Reader *self, PyObject *nothing) { return PyLong_FromLong(self->epoll); }

static PyMethodDef reader_methods[] = {
    {"add", (PyCFunction)reader_add, METH_O, "Read this socket too."},
    {"remove", (PyCFunction)reader_remove, METH_O, "Read it no more; before its descriptor is closed."},
    {"drain", (PyCFunction)reader_drain, METH_O, "All that has arrived: what Python has to see, and the streams to look at."},
    {"fileno", (PyCFunction)reader_fileno, METH_NOARGS, "A descriptor that is readable while datagrams wait."},
    {"close", (PyCFunction)reader_close, METH_NOARGS, "Give the descriptor back."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot reader_slots[] = {
    {Py_tp_doc, "Drains many sockets at once."}, {Py_tp_new, reader_new}, {Py_tp_init, reader_init},
    {Py_tp_dealloc, reader_dealloc}, {Py_tp_methods, reader_methods}, {0, NULL},
};

static PyType_Spec reader_spec = {"probe.native._core.Reader", sizeof(Reader), 0, Py_TPFLAGS_DEFAULT, reader_slots};

/* Socket, from Python */

static int socket_init(Socket *self, PyObject *args, PyObject *keywords) {
    static char *names[] = {"fd", "token", NULL};
    PyObject *token;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "iO:Socket", names, &self->fd, &token)) return -1;
    Py_XSETREF(self->token, Py_NewRef(token));
    return 0;
}

static int socket_clear(Socket *self) {
    Stream **streams = self->streams;
    unsigned int slots = self->slots;
    self->streams = NULL;
    self->slots = self->watched = 0;
    for (unsigned int at = 0; at < slots; at++) Py_XDECREF(streams[at]);
    PyMem_Free(streams);
    self->session = NULL;
    Py_CLEAR(self->token);
    Py_CLEAR(self->owner);
    Py_CLEAR(self->address);
    return 0;
}

static int socket_traverse(Socket *self, visitproc visit, void *arg) {
    for (unsigned int at = 0; at < self->slots; at++) Py_VISIT(self->streams[at]);
    Py_VISIT(self->token);
    Py_VISIT(self->owner);
    Py_VISIT(self->address);
    Py_VISIT(Py_TYPE(self));
    return 0;
}

static void socket_dealloc(Socket *self) {
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    socket_clear(self);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyObject *socket_secure(Socket *self, PyObject *args) {
    PyObject *owner;
    unsigned long long session;
    if (!PyArg_ParseTuple(args, "OK:secure", &owner, &session)) return NULL;
    if (srtp_unprotect_call == NULL) return PyErr_Format(PyExc_RuntimeError, "use_srtp was not called");
    Py_XSETREF(self->owner, Py_NewRef(owner));
    self->session = (void *)(uintptr_t)session;
    Py_RETURN_NONE;
}

static PyObject *socket_watch(Socket *self, PyObject *object) {
    if (!PyObject_TypeCheck(object, stream_type)) return PyErr_Format(PyExc_TypeError, "not a StreamCounter");
    if (self->session == NULL) return PyErr_Format(PyExc_RuntimeError, "watch before secure");
    Stream *stream = (Stream *)object;
    if (stream_of(self, stream->ssrc) != NULL) return PyErr_Format(PyExc_ValueError, "SSRC %u is watched", stream->ssrc);
    if (rebuild(self, self->watched + 1, NULL) < 0) return NULL;
    *slot_of(self->streams, self->slots, stream->ssrc) = (Stream *)Py_NewRef(object);
    stream->logging = 1;
    self->watched++;
    Py_RETURN_NONE;
}

static PyObject *socket_unwatch(Socket *self, PyObject *object) {
    Stream *stream = (Stream *)object;
    if (!PyObject_TypeCheck(object, stream_type) || stream_of(self, stream->ssrc) != stream) Py_RETURN_FALSE;
    if (rebuild(self, self->watched, stream) < 0) return NULL;
    stream->logging = 0;
    self->watched--;
    Py_DECREF(object);
    Py_RETURN_TRUE;
}

static PyMethodDef socket_methods[] = {
    {"secure", (PyCFunction)socket_secure, METH_VARARGS, "The session that unprotects what arrives, and its address."},
    {"watch", (PyCFunction)socket_watch, METH_O, "Count this stream's packets here."},
    {"unwatch", (PyCFunction)socket_unwatch, METH_O, "Hand them up again. False if it was not watched."},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef socket_members[] = {
    {"fd", T_INT, offsetof(Socket, fd), READONLY, NULL},
    {"bytes_received", T_ULONGLONG, offsetof(Socket, bytes_received), READONLY, "Of packets counted here."},
    {"packets", T_ULONGLONG, offsetof(Socket, packets), READONLY, "Counted here."},
    {"socket_drops", T_UINT, offsetof(Socket, socket_drops), READONLY, "Dropped by the full receive buffer."},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot socket_slots[] = {
    {Py_tp_doc, "A UDP socket for a Reader. The descriptor stays its maker's."}, {Py_tp_new, PyType_GenericNew},
    {Py_tp_init, socket_init}, {Py_tp_dealloc, socket_dealloc}, {Py_tp_traverse, socket_traverse},
    {Py_tp_clear, socket_clear}, {Py_tp_methods, socket_methods}, {Py_tp_members, socket_members}, {0, NULL},
};

static PyType_Spec socket_spec = {
    "probe.native._core.Socket", sizeof(Socket), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC, socket_slots,
};

int add_reader(PyObject *module) {
    socket_type = (PyTypeObject *)PyType_FromSpec(&socket_spec);
    reader_type = (PyTypeObject *)PyType_FromSpec(&reader_spec);
    if (socket_type == NULL || reader_type == NULL) return -1;
    if (PyModule_AddObjectRef(module, "Socket", (PyObject *)socket_type) < 0) return -1;
    return PyModule_AddObjectRef(module, "Reader", (PyObject *)reader_type);
}

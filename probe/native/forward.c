/* Forwarding: one packet of a published track, written, protected and sent for every subscriber of the track in one call.
 *
 * What is sent is decided elsewhere (sfu_shim.core.outgoing): it sets an Output's numbers, and `write_output` does with them what
 * Outgoing.rewrite does, byte for byte. An Output whose Route leads nowhere has its packet handed back instead, in clear. */
#include "core.h"

#include <errno.h>
#include <math.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#define FIXED_HEADER 12
#define MAX_ELEMENTS 255 /* extension ids are 1 to 255 */
#define MAX_PACKET 4096  /* a datagram that came in, with two-byte elements and a MID added, is far below */

static PyTypeObject *route_type, *output_type;
static PyObject *fileno_name;

/* Route: where one subscriber's packets go, and the session that protects them. */

typedef struct {
    PyObject_HEAD
    PyObject *socket;  /* asked for its descriptor each time: a closed one must never be mistaken for its successor */
    PyObject *session; /* keeps `srtp` alive */
    void *srtp;
    struct sockaddr_storage address;
    socklen_t address_size;
    long long bytes_sent, drops, unreachable, refused;
} Route;

static int route_traverse(Route *self, visitproc visit, void *arg) {
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(self->socket);
    Py_VISIT(self->session);
    return 0;
}

static int route_clear(Route *self) {
    self->srtp = NULL;
    Py_CLEAR(self->socket);
    Py_CLEAR(self->session);
    return 0;
}

static void route_dealloc(Route *self) {
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    route_clear(self);
    type->tp_free(self);
    Py_DECREF(type);
}

/* A packed sockaddr of IPv4 or IPv6. */
static int read_address(Route *self, const char *packed, Py_ssize_t size) {
    sa_family_t family = AF_UNSPEC;
    if (size >= (Py_ssize_t)sizeof family) memcpy(&family, packed, sizeof family);
    size_t wanted = family == AF_INET    ? sizeof(struct sockaddr_in)
                    : family == AF_INET6 ? sizeof(struct sockaddr_in6)
                                         : 0;
    if (wanted == 0 || (size_t)size != wanted) {
        PyErr_SetString(PyExc_ValueError, "the destination is no sockaddr of IPv4 or IPv6");
        return -1;
    }
    memcpy(&self->address, packed, wanted);
    self->address_size = (socklen_t)wanted;
    return 0;
}

static PyObject *route_set(Route *self, PyObject *args) {
    PyObject *socket, *session;
    const char *packed;
    Py_ssize_t size;
    unsigned long long pointer;
    if (!PyArg_ParseTuple(args, "Oy#OK:set", &socket, &packed, &size, &session, &pointer)) return NULL;
    if (pointer == 0) {
        PyErr_SetString(PyExc_ValueError, "a session has an address");
        return NULL;
    }
    route_clear(self);
    if (read_address(self, packed, size) < 0) return NULL;
    self->socket = Py_NewRef(socket);
    self->session = Py_NewRef(session);
    self->srtp = (void *)(uintptr_t)pointer;
    Py_RETURN_NONE;
}

static PyObject *route_forget(Route *self, PyObject *unused) {
    route_clear(self);
    Py_RETURN_NONE;
}

static PyMethodDef route_methods[] = {
    {"set", (PyCFunction)route_set, METH_VARARGS, "set(socket, sockaddr, session, pointer): lead there from now on."},
    {"clear", (PyCFunction)route_forget, METH_NOARGS, "Lead nowhere."},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef route_members[] = {
    {"bytes_sent", T_LONGLONG, offsetof(Route, bytes_sent), READONLY, "SRTP bytes that were sent."},
    {"drops", T_LONGLONG, offsetof(Route, drops), READONLY, "Packets that a full send buffer refused."},
    {"unreachable", T_LONGLONG, offsetof(Route, unreachable), READONLY, "Packets for which there was no way."},
    {"refused", T_LONGLONG, offsetof(Route, refused), READONLY, "Packets that SRTP would not protect."},
    {NULL, 0, 0, 0, NULL},
};

/* As a wire does: what can't be sent now is lost, and counted. */
static int route_send(Route *self, uint8_t *packet, int size) {
    PyObject *number = PyObject_CallMethodNoArgs(self->socket, fileno_name);
    if (number == NULL) return -1;
    int descriptor = (int)PyLong_AsLong(number);
    Py_DECREF(number);
    if (descriptor == -1 && PyErr_Occurred()) return -1;
    if (srtp_protect_call(self->srtp, packet, &size) != 0) {
        self->refused++;
        return 0;
    }
    ssize_t sent = descriptor < 0 ? -1
                                  : sendto(descriptor, packet, (size_t)size, MSG_DONTWAIT,
                                           (struct sockaddr *)&self->address, self->address_size);
    if (sent >= 0) self->bytes_sent += sent;
    else if (descriptor >= 0 && (errno == EAGAIN || errno == EINTR || errno == ENOBUFS)) self->drops++;
    else self->unreachable++;
    return 0;
}

/* Output: one subscriber's stream of the track. Its numbers are those of sfu_shim.core.outgoing.Numbers. */

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

static int output_traverse(Output *self, visitproc visit, void *arg) {
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(self->endpoint);
    Py_VISIT(self->route);
    Py_VISIT(self->mid_value);
    return 0;
}

static int output_clear(Output *self) {
    Py_CLEAR(self->endpoint);
    Py_CLEAR(self->route);
    Py_CLEAR(self->mid_value);
    return 0;
}

static void output_dealloc(Output *self) {
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    output_clear(self);
    type->tp_free(self);
    Py_DECREF(type);
}

/* A pair of numbers of a mapping, each within its limits. */
static int read_pair(PyObject *key, PyObject *value, long low, long high, long *from, long *to) {
    *from = PyLong_AsLong(key);
    if (*from == -1 && PyErr_Occurred()) return -1;
    *to = PyLong_AsLong(value);
    if (*to == -1 && PyErr_Occurred()) return -1;
    if (*from < low || *from > high || *to < low || *to > high) {
        PyErr_Format(PyExc_ValueError, "%ld to %ld: both must be %ld to %ld", *from, *to, low, high);
        return -1;
    }
    return 0;
}

static int read_tables(Output *self, PyObject *payload_types, PyObject *extensions) {
    PyObject *key, *value;
    Py_ssize_t at = 0;
    long from, to;
    memset(self->payload_types, -1, sizeof self->payload_types);
    memset(self->extensions, 0, sizeof self->extensions);
    while (PyDict_Next(payload_types, &at, &key, &value)) {
        if (read_pair(key, value, 0, 127, &from, &to) < 0) return -1;
        self->payload_types[from] = (int16_t)to;
    }
    at = 0;
    while (PyDict_Next(extensions, &at, &key, &value)) {
        if (read_pair(key, value, 1, 255, &from, &to) < 0) return -1;
        self->extensions[from] = (uint8_t)to;
    }
    return 0;
}

static int read_mid(Output *self, PyObject *mid) {
    int number;
    PyObject *value;
    if (mid == Py_None) return 0;
    if (!PyArg_ParseTuple(mid, "iS", &number, &value)) return -1;
    if (number < 1 || number > 255 || PyBytes_GET_SIZE(value) > 255) {
        PyErr_SetString(PyExc_ValueError, "mid: ids are 1 to 255, lengths 0 to 255");
        return -1;
    }
    self->mid_id = (uint8_t)number;
    Py_XSETREF(self->mid_value, Py_NewRef(value));
    return 0;
}

static int output_init(Output *self, PyObject *args, PyObject *keywords) {
    static char *names[] = {"endpoint", "route", "ssrc", "payload_types", "extensions", "mid", "mid_packets", NULL};
    PyObject *endpoint, *route, *payload_types, *extensions, *mid;
    unsigned long ssrc;
    long long mid_packets;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "OO!kO!O!OL:Output", names, &endpoint, route_type, &route, &ssrc,
                                     &PyDict_Type, &payload_types, &PyDict_Type, &extensions, &mid, &mid_packets))
        return -1;
    if (ssrc > UINT32_MAX) {
        PyErr_SetString(PyExc_ValueError, "an SSRC has 32 bits");
        return -1;
    }
    if (read_tables(self, payload_types, extensions) < 0 || read_mid(self, mid) < 0) return -1;
    Py_XSETREF(self->endpoint, Py_NewRef(endpoint));
    Py_XSETREF(self->route, (Route *)Py_NewRef(route));
    self->ssrc = (uint32_t)ssrc;
    self->mid_packets = mid_packets;
    self->source_ssrc = -1;
    self->last_arrival = NAN;
    return 0;
}

#define NUMBER(name) {#name, T_LONGLONG, offsetof(Output, name), 0, NULL}
static PyMemberDef output_members[] = {
    NUMBER(source_ssrc), NUMBER(anchor), NUMBER(sequence_offset), NUMBER(timestamp_offset), NUMBER(next_sequence),
    NUMBER(last_timestamp), NUMBER(packets), NUMBER(octets),
    {"last_arrival", T_DOUBLE, offsetof(Output, last_arrival), 0, NULL},
    {"endpoint", T_OBJECT_EX, offsetof(Output, endpoint), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

/* One packet of the publisher, and what of it becomes another in each output. */

typedef struct {
    uint8_t id;
    uint8_t size;
    const uint8_t *bytes;
} Element;

typedef struct {
    long long ssrc, sequence, timestamp;
    int marker, payload_type, padding;
    const uint8_t *payload;
    Py_ssize_t size;
    double arrival;
    Element elements[MAX_ELEMENTS];
    int element_count;
} Source;

/* As a dict does: a later value of the same id takes the place of the earlier one. */
static int put_element(Element *kept, int count, Element element) {
    for (int at = 0; at < count; at++) {
        if (kept[at].id == element.id) {
            kept[at] = element;
            return count;
        }
    }
    kept[count] = element;
    return count + 1;
}

static int kept_elements(const Output *output, const Source *source, Element *kept) {
    int count = 0;
    for (int at = 0; at < source->element_count; at++) {
        Element element = source->elements[at];
        element.id = output->extensions[element.id];
        if (element.id != 0) count = put_element(kept, count, element);
    }
    if (output->mid_value != NULL && output->packets <= output->mid_packets) {
        Element mid = {output->mid_id, (uint8_t)PyBytes_GET_SIZE(output->mid_value),
                       (const uint8_t *)PyBytes_AS_STRING(output->mid_value)};
        count = put_element(kept, count, mid);
    }
    return count;
}

/* RFC 8285: the one-byte form where all fit (ids 1 to 14, 1 to 16 bytes), else the two-byte form. The end of the block. */
static uint8_t *write_extensions(uint8_t *at, const Element *kept, int count) {
    bool small = true;
    for (int each = 0; each < count; each++)
        small = small && kept[each].id <= 14 && kept[each].size >= 1 && kept[each].size <= 16;
    uint8_t *block = at + 4, *end = block;
    for (int each = 0; each < count; each++) {
        if (small) {
            *end++ = (uint8_t)(kept[each].id << 4 | (kept[each].size - 1));
        } else {
            *end++ = kept[each].id;
            *end++ = kept[each].size;
        }
        memcpy(end, kept[each].bytes, kept[each].size);
        end += kept[each].size;
    }
    while ((end - block) % 4) *end++ = 0;
    write16(at, small ? 0xBEDE : 0x1000);
    write16(at + 2, (uint16_t)((end - block) / 4));
    return end;
}

/* The size that the packet has at most: checked before anything is written. */
static Py_ssize_t room_for(const Source *source, const Element *kept, int count) {
    Py_ssize_t size = FIXED_HEADER + 4 + 3 + source->size + source->padding;
    for (int at = 0; at < count; at++) size += 2 + kept[at].size;
    return size;
}

/* The packet for this output; 0 when it gets none, -1 with an exception set. The counts move on. */
static int write_output(Output *output, const Source *source, uint8_t *packet) {
    Element kept[MAX_ELEMENTS];
    int payload_type = output->payload_types[source->payload_type];
    if (output->source_ssrc != source->ssrc || payload_type < 0 || source->sequence < output->anchor) return 0;
    long long sequence = source->sequence + output->sequence_offset;
    long long timestamp = source->timestamp + output->timestamp_offset;
    if (sequence >= output->next_sequence) {
        output->next_sequence = sequence + 1;
        output->last_timestamp = timestamp;
        output->last_arrival = source->arrival;
    }
    output->packets++;
    output->octets += source->size;
    int count = kept_elements(output, source, kept);
    if (room_for(source, kept, count) > MAX_PACKET) {
        PyErr_Format(PyExc_ValueError, "a packet of %zd bytes is too long to forward", source->size);
        return -1;
    }
    packet[0] = (uint8_t)(0x80 | (source->padding ? 0x20 : 0) | (count ? 0x10 : 0));
    packet[1] = (uint8_t)(payload_type | (source->marker ? 0x80 : 0));
    write16(packet + 2, (uint16_t)sequence);
    write32(packet + 4, (uint32_t)timestamp);
    write32(packet + 8, output->ssrc);
    uint8_t *end = packet + FIXED_HEADER;
    if (count) end = write_extensions(end, kept, count);
    memcpy(end, source->payload, (size_t)source->size);
    end += source->size;
    if (source->padding) {
        memset(end, 0, (size_t)source->padding);
        end += source->padding;
        end[-1] = (uint8_t)source->padding;
    }
    return (int)(end - packet);
}

/* Fanout: the outputs of one track, in the order in which they came. */

typedef struct {
    PyObject_HEAD
    PyObject *outputs; /* a list */
} Fanout;

static PyObject *fanout_new(PyTypeObject *type, PyObject *args, PyObject *keywords) {
    Fanout *self = (Fanout *)type->tp_alloc(type, 0);
    if (self != NULL && (self->outputs = PyList_New(0)) == NULL) Py_CLEAR(self);
    return (PyObject *)self;
}

static int fanout_traverse(Fanout *self, visitproc visit, void *arg) {
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(self->outputs);
    return 0;
}

static int fanout_clear(Fanout *self) {
    Py_CLEAR(self->outputs);
    return 0;
}

static void fanout_dealloc(Fanout *self) {
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    fanout_clear(self);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyObject *fanout_add(Fanout *self, PyObject *output) {
    if (!PyObject_TypeCheck(output, output_type) || ((Output *)output)->route == NULL) {
        PyErr_SetString(PyExc_TypeError, "an Output is wanted");
        return NULL;
    }
    if (PyList_Append(self->outputs, output) < 0) return NULL;
    Py_RETURN_NONE;
}

static PyObject *fanout_remove(Fanout *self, PyObject *output) {
    Py_ssize_t count = PyList_GET_SIZE(self->outputs);
    for (Py_ssize_t at = 0; at < count; at++) {
        if (PyList_GET_ITEM(self->outputs, at) != output) continue;
        if (PyList_SetSlice(self->outputs, at, at + 1, NULL) < 0) return NULL;
        break;
    }
    Py_RETURN_NONE;
}

static int read_elements(Source *source, PyObject *extensions) {
    PyObject *key, *value;
    Py_ssize_t at = 0;
    while (PyDict_Next(extensions, &at, &key, &value)) {
        long id = PyLong_AsLong(key);
        if (id == -1 && PyErr_Occurred()) return -1;
        if (id < 1 || id > 255 || !PyBytes_Check(value) || PyBytes_GET_SIZE(value) > 255) {
            PyErr_SetString(PyExc_ValueError, "extension elements: ids are 1 to 255, values 0 to 255 bytes");
            return -1;
        }
        source->elements[source->element_count++] =
            (Element){(uint8_t)id, (uint8_t)PyBytes_GET_SIZE(value), (const uint8_t *)PyBytes_AS_STRING(value)};
    }
    return 0;
}

static int read_source(Source *source, PyObject *args) {
    PyObject *payload, *extensions;
    source->element_count = 0;
    if (!PyArg_ParseTuple(args, "LLLpiSiO!d:forward", &source->ssrc, &source->sequence, &source->timestamp,
                          &source->marker, &source->payload_type, &payload, &source->padding, &PyDict_Type, &extensions,
                          &source->arrival))
        return -1;
    if (source->payload_type < 0 || source->payload_type > 127 || source->padding < 0 || source->padding > 255) {
        PyErr_SetString(PyExc_ValueError, "payload types are 0 to 127, padding is 0 to 255 bytes");
        return -1;
    }
    source->payload = (const uint8_t *)PyBytes_AS_STRING(payload);
    source->size = PyBytes_GET_SIZE(payload);
    return read_elements(source, extensions);
}

/* Keep for the caller what has no route. */
static int leave(PyObject *left, Output *output, const uint8_t *packet, int size) {
    PyObject *pair = Py_BuildValue("(Oy#)", output->endpoint, packet, (Py_ssize_t)size);
    if (pair == NULL) return -1;
    int result = PyList_Append(left, pair);
    Py_DECREF(pair);
    return result;
}

static PyObject *fanout_forward(Fanout *self, PyObject *args) {
    static _Alignas(16) uint8_t packet[MAX_PACKET + SRTP_TRAILER]; /* the GIL is held: one call at a time */
    Source source;
    long long packets = 0, bytes = 0;
    if (read_source(&source, args) < 0) return NULL;
    PyObject *left = PyList_New(0);
    if (left == NULL) return NULL;
    for (Py_ssize_t at = 0; at < PyList_GET_SIZE(self->outputs); at++) {
        Output *output = (Output *)PyList_GET_ITEM(self->outputs, at);
        int size = write_output(output, &source, packet);
        if (size == 0) continue;
        if (size > 0) {
            packets++;
            bytes += size;
            size = output->route->srtp == NULL ? leave(left, output, packet, size) : route_send(output->route, packet, size);
        }
        if (size < 0) {
            Py_DECREF(left);
            return NULL;
        }
    }
    return Py_BuildValue("(LLN)", packets, bytes, left);
}

static PyMethodDef fanout_methods[] = {
    {"add", (PyCFunction)fanout_add, METH_O, "Another output."},
    {"remove", (PyCFunction)fanout_remove, METH_O, "Forget an output; no effect if it is not there."},
    {"forward", (PyCFunction)fanout_forward, METH_VARARGS,
     "forward(ssrc, sequence, timestamp, marker, payload_type, payload, padding, extensions, arrival) -> (packets, bytes, left)"},
    {NULL, NULL, 0, NULL},
};

/* The module's part. */

#define COLLECTED(prefix) \
    {Py_tp_traverse, prefix##_traverse}, {Py_tp_clear, prefix##_clear}, {Py_tp_dealloc, prefix##_dealloc}
#define FLAGS (Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC)

static PyType_Slot route_slots[] = {
    {Py_tp_doc, "Where one subscriber's packets go; nowhere at first."}, {Py_tp_new, PyType_GenericNew}, COLLECTED(route),
    {Py_tp_methods, route_methods}, {Py_tp_members, route_members}, {0, NULL},
};
static PyType_Slot output_slots[] = {
    {Py_tp_doc, "One subscriber's stream of a track."}, {Py_tp_new, PyType_GenericNew}, {Py_tp_init, output_init},
    COLLECTED(output), {Py_tp_members, output_members}, {0, NULL},
};
static PyType_Slot fanout_slots[] = {
    {Py_tp_doc, "All subscribers of a track."}, {Py_tp_new, fanout_new}, COLLECTED(fanout),
    {Py_tp_methods, fanout_methods}, {0, NULL},
};
static PyType_Spec route_spec = {"probe.native._core.Route", sizeof(Route), 0, FLAGS, route_slots};
static PyType_Spec output_spec = {"probe.native._core.Output", sizeof(Output), 0, FLAGS, output_slots};
static PyType_Spec fanout_spec = {"probe.native._core.Fanout", sizeof(Fanout), 0, FLAGS, fanout_slots};

/* The type, added to the module; a reference of its own is kept by whoever stores it. */
int add_forward(PyObject *module) {
    if ((fileno_name = PyUnicode_InternFromString("fileno")) == NULL) return -1;
    if ((route_type = add_type(module, &route_spec)) == NULL) return -1;
    if ((output_type = add_type(module, &output_spec)) == NULL) return -1;
    PyTypeObject *fanout_type = add_type(module, &fanout_spec);
    if (fanout_type == NULL) return -1;
    Py_DECREF(fanout_type); /* the module has one */
    return 0;
}

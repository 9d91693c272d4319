/* Output: one subscriber's stream of a track, and how a packet of the publisher becomes one of its own. */
#include "forward.h"

#include <math.h>
#include <stdbool.h>

#define FIXED_HEADER 12

PyTypeObject *output_type = NULL;

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

static int kept_elements(const Output *output, const Incoming *source, Element *kept) {
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
static Py_ssize_t room_for(const Incoming *source, const Element *kept, int count) {
    Py_ssize_t size = FIXED_HEADER + 4 + 3 + source->size + source->padding;
    for (int at = 0; at < count; at++) size += 2 + kept[at].size;
    return size;
}

int write_output(Output *output, const Incoming *source, uint8_t *packet) {
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

static PyType_Slot output_slots[] = {
    {Py_tp_doc, "One subscriber's stream of a track."}, {Py_tp_new, PyType_GenericNew}, {Py_tp_init, output_init},
    COLLECTED(output), {Py_tp_members, output_members}, {0, NULL},
};
static PyType_Spec output_spec = {"probe.native._core.Output", sizeof(Output), 0, FLAGS, output_slots};

int add_output(PyObject *module) {
    output_type = add_type(module, &output_spec);
    return output_type == NULL ? -1 : 0;
}

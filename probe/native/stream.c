/* StreamCounter: probe.measure.stream_counter.StreamCounter in C, with a log of the packets that brought something new.

   The Python class is the definition; tests/native/test_stream.py holds both to the same results, bit for bit. */
#include "stream.h"

#include <math.h>

#define MASK (WINDOW - 1)
#define MAX_DROPOUT 3000
#define CLOCK_JUMP 10.0
#define MOST_RECORDS 65536 /* ten minutes of a video stream that nobody asks about */

enum { MISSING, RECEIVED, RECOVERED, UNBORN };

PyTypeObject *stream_type = NULL;

/* The state of a number that leaves the window can't change any more. */
static void finalise(Stream *self, int state) {
    int lost = state == MISSING || state == RECOVERED;
    if (lost && !self->in_run) self->runs++;
    self->in_run = lost;
}

static void begin(Stream *self, int64_t extended) {
    self->ring[extended & MASK] = RECEIVED;
    self->base = self->highest = extended;
    self->started = 1;
}

/* A first transmission, and its share of the jitter (RFC 3550 section 6.4.1). */
static void received(Stream *self, uint32_t timestamp, double arrival) {
    self->packets++;
    if (self->timed) {
        double ticks = (double)(int32_t)(timestamp - self->timestamp);
        double difference = fabs(arrival - self->arrival - ticks / self->clock_rate);
        if (difference < CLOCK_JUMP) self->jitter_seconds += (difference - self->jitter_seconds) / 16.0;
    }
    self->timed = 1;
    self->timestamp = timestamp;
    self->arrival = arrival;
}

static int64_t expected(const Stream *self) {
    return self->closed_expected + (self->started ? self->highest - self->base + 1 : 0);
}

static void restart(Stream *self, int64_t first) {
    int64_t oldest = self->highest + 1;
    for (int position = 0; position < WINDOW; position++) finalise(self, self->ring[(oldest + position) & MASK]);
    self->in_run = 0;
    self->closed_expected = expected(self);
    memset(self->ring, UNBORN, WINDOW);
    self->suspect = self->timed = 0;
    self->restarts++;
    begin(self, first);
}

static Fate behind(Stream *self, int64_t extended, uint32_t timestamp, double arrival, long long size) {
    Fate fate = {.extended = extended};
    int state = self->ring[extended & MASK];
    if (state == RECEIVED) {
        self->duplicates++;
        self->repeated_bytes += size;
        fate.duplicate = 1;
        return fate;
    }
    if (state == UNBORN) { /* reordered at the start */
        for (int64_t earlier = extended + 1; earlier < self->base; earlier++) self->ring[earlier & MASK] = MISSING;
        self->base = extended;
    }
    if (state == RECOVERED) self->recovered--;
    self->ring[extended & MASK] = RECEIVED;
    self->reordered++;
    received(self, timestamp, arrival);
    fate.is_new = state != RECOVERED;
    fate.reordered = 1;
    return fate;
}

static Fate far_off(Stream *self, int64_t extended, uint16_t sequence, uint32_t timestamp, double arrival) {
    Fate fate = {.extended = extended};
    if (!self->suspect || (uint16_t)(self->suspect_sequence + 1) != sequence || self->suspect_accepted != self->packets) {
        self->strays++;
        self->suspect = 1;
        self->suspect_sequence = sequence;
        self->suspect_timestamp = timestamp;
        self->suspect_arrival = arrival;
        self->suspect_accepted = self->packets;
        return fate;
    }
    uint32_t first_timestamp = self->suspect_timestamp;
    double first_arrival = self->suspect_arrival;
    self->strays--;
    restart(self, extended - 1);
    received(self, first_timestamp, first_arrival);
    stream_packet(self, sequence, timestamp, arrival, 0);
    fate.is_new = fate.restarted = 1;
    return fate;
}

Fate stream_packet(Stream *self, uint16_t sequence, uint32_t timestamp, double arrival, long long size) {
    self->bytes += size;
    if (!self->started) {
        begin(self, sequence);
        received(self, timestamp, arrival);
        return (Fate){.extended = sequence, .is_new = 1};
    }
    uint16_t ahead = (uint16_t)(sequence - (uint16_t)self->highest);
    if (0 < ahead && ahead < MAX_DROPOUT) {
        int64_t extended = self->highest + ahead;
        for (int64_t skipped = self->highest + 1; skipped < extended; skipped++) {
            finalise(self, self->ring[skipped & MASK]);
            self->ring[skipped & MASK] = MISSING;
        }
        finalise(self, self->ring[extended & MASK]);
        self->ring[extended & MASK] = RECEIVED;
        self->highest = extended;
        received(self, timestamp, arrival);
        return (Fate){.extended = extended, .is_new = 1};
    }
    if (ahead == 0 || ahead > 0x10000 - WINDOW)
        return behind(self, self->highest - (uint16_t)-ahead, timestamp, arrival, size);
    return far_off(self, self->highest + ahead, sequence, timestamp, arrival);
}

void stream_log(Stream *self, const Fate *fate, uint32_t timestamp, int marker, double arrival, double capture,
                uint32_t size, uint32_t transport) {
    if (self->logged == self->room) {
        size_t room = self->room ? 2 * self->room : 64;
        Record *log = room <= MOST_RECORDS ? PyMem_Realloc(self->log, room * sizeof(Record)) : NULL;
        if (log == NULL) {
            self->overrun++; /* a lost reading: told, never silent */
            return;
        }
        self->log = log;
        self->room = room;
    }
    uint32_t flags = (marker ? RECORD_MARKER : 0) | (fate->restarted ? RECORD_RESTARTED : 0);
    self->log[self->logged++] = (Record){fate->extended, arrival, capture, timestamp, size, flags, transport};
}

/* Python's side */

static PyObject *fate_tuple(const Fate *fate) {
    return Py_BuildValue("(LNNNN)", (long long)fate->extended, PyBool_FromLong(fate->is_new),
                         PyBool_FromLong(fate->duplicate), PyBool_FromLong(fate->reordered),
                         PyBool_FromLong(fate->restarted));
}

static int init(Stream *self, PyObject *args, PyObject *keywords) {
    static char *names[] = {"ssrc", "clock_rate", NULL};
    unsigned int ssrc;
    int clock_rate;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "Ii:StreamCounter", names, &ssrc, &clock_rate)) return -1;
    if (clock_rate <= 0) {
        PyErr_Format(PyExc_ValueError, "clock rate %d Hz is not positive", clock_rate);
        return -1;
    }
    if (self->clock_rate) {
        PyErr_SetString(PyExc_RuntimeError, "a stream begins once: sockets know it by its SSRC");
        return -1;
    }
    self->ssrc = ssrc;
    self->clock_rate = clock_rate;
    self->payload_type = self->capture_id = self->transport_id = -1;
    memset(self->ring, UNBORN, WINDOW);
    return 0;
}

static void dealloc(Stream *self) {
    PyTypeObject *type = Py_TYPE(self);
    PyMem_Free(self->log);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyObject *on_packet(Stream *self, PyObject *const *args, Py_ssize_t count) {
    if (count != 4) {
        PyErr_SetString(PyExc_TypeError, "on_packet takes sequence, timestamp, arrival and size");
        return NULL;
    }
    unsigned long sequence = PyLong_AsUnsignedLongMask(args[0]), timestamp = PyLong_AsUnsignedLongMask(args[1]);
    double arrival = PyFloat_AsDouble(args[2]);
    long long size = PyLong_AsLongLong(args[3]);
    if (PyErr_Occurred()) return NULL;
    Fate fate = stream_packet(self, (uint16_t)sequence, (uint32_t)timestamp, arrival, size);
    return fate_tuple(&fate);
}

static PyObject *on_recovered(Stream *self, PyObject *number) {
    unsigned long sequence = PyLong_AsUnsignedLongMask(number);
    if (PyErr_Occurred()) return NULL;
    uint16_t back = (uint16_t)((uint16_t)self->highest - (uint16_t)sequence);
    if (!self->started || back >= WINDOW || self->highest - back < self->base) Py_RETURN_NONE;
    Fate fate = {.extended = self->highest - back};
    fate.is_new = self->ring[fate.extended & MASK] == MISSING;
    fate.duplicate = !fate.is_new;
    if (fate.is_new) {
        self->ring[fate.extended & MASK] = RECOVERED;
        self->recovered++;
    }
    return fate_tuple(&fate);
}

static PyObject *watch(Stream *self, PyObject *args, PyObject *keywords) {
    static char *names[] = {"payload_type", "capture_id", "transport_id", "ntp_offset", "trailer", "authenticate_every", NULL};
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "iiidiI:watch", names, &self->payload_type, &self->capture_id,
                                     &self->transport_id, &self->ntp_offset, &self->trailer, &self->authenticate_every))
        return NULL;
    if (self->trailer < 0) return PyErr_Format(PyExc_ValueError, "a trailer of %d bytes", self->trailer);
    self->since_authenticated = self->authenticate_every; /* the first one is */
    Py_RETURN_NONE;
}

static PyObject *note(Stream *self, PyObject *args) {
    long long extended;
    unsigned int timestamp, size, flags, transport;
    double arrival, capture;
    if (!PyArg_ParseTuple(args, "LddIIII:append", &extended, &arrival, &capture, &timestamp, &size, &flags, &transport))
        return NULL; /* the order of Record */
    Fate fate = {.extended = extended};
    size_t before = self->logged;
    stream_log(self, &fate, timestamp, 0, arrival, capture, size, transport);
    if (self->logged > before) self->log[before].flags = flags; /* a full log takes none */
    Py_RETURN_NONE;
}

static PyObject *take(Stream *self, PyObject *nothing) {
    PyObject *data = PyBytes_FromStringAndSize((const char *)self->log, (Py_ssize_t)(self->logged * sizeof(Record)));
    if (data != NULL) {
        self->logged = 0;
        self->attention = 0;
    }
    return data;
}

static PyObject *get_loss_runs(Stream *self, void *closure) {
    if (!self->started) return PyLong_FromLong(0);
    int64_t runs = self->runs;
    int lost = 0, first_missing = 0;
    for (int position = 0; position < WINDOW; position++) {
        int state = self->ring[(self->highest + 1 + position) & MASK];
        int missing = state == MISSING || state == RECOVERED;
        if (position == 0) first_missing = missing;
        if (missing && !lost) runs++;
        lost = missing;
    }
    return PyLong_FromLongLong(runs - (self->in_run && first_missing));
}

static PyObject *get_expected(Stream *self, void *closure) { return PyLong_FromLongLong(expected(self)); }

static PyObject *get_highest(Stream *self, void *closure) {
    if (!self->started) Py_RETURN_NONE;
    return PyLong_FromLongLong(self->highest);
}

static PyMethodDef methods[] = {
    {"on_packet", (PyCFunction)(void (*)(void))on_packet, METH_FASTCALL, "A packet of the stream arrived."},
    {"on_recovered", (PyCFunction)on_recovered, METH_O, "A retransmission brought a packet."},
    {"watch", (PyCFunction)(void (*)(void))watch, METH_VARARGS | METH_KEYWORDS, "How the reader reads this stream's headers."},
    {"append", (PyCFunction)note, METH_VARARGS, "Log a packet that Python counted."},
    {"take", (PyCFunction)take, METH_NOARGS, "The records since the last call, as bytes."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef properties[] = {
    {"loss_runs", (getter)get_loss_runs, NULL, "Runs of lost first transmissions.", NULL},
    {"expected", (getter)get_expected, NULL, "Packets that should have arrived.", NULL},
    {"highest", (getter)get_highest, NULL, "Highest extended sequence number, None before the first packet.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

#define COUNTER(name) {#name, T_LONGLONG, offsetof(Stream, name), READONLY, NULL}
static PyMemberDef members[] = {
    {"ssrc", T_UINT, offsetof(Stream, ssrc), READONLY, NULL},
    {"clock_rate", T_INT, offsetof(Stream, clock_rate), READONLY, NULL},
    {"eager", T_BOOL, offsetof(Stream, eager), 0, NULL},
    {"jitter_seconds", T_DOUBLE, offsetof(Stream, jitter_seconds), READONLY, NULL},
    {"arrival", T_DOUBLE, offsetof(Stream, arrival), READONLY, NULL},
    COUNTER(packets), COUNTER(bytes), COUNTER(duplicates), COUNTER(reordered), COUNTER(recovered), COUNTER(strays),
    COUNTER(restarts), COUNTER(repeated_bytes), COUNTER(authenticated), COUNTER(refused), COUNTER(overrun),
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, "One RTP stream counted in C; see probe.measure.stream_counter."},
    {Py_tp_new, PyType_GenericNew}, {Py_tp_init, init}, {Py_tp_dealloc, dealloc}, {Py_tp_methods, methods},
    {Py_tp_getset, properties}, {Py_tp_members, members}, {0, NULL},
};

static PyType_Spec spec = {
    "probe.native._core.StreamCounter", sizeof(Stream), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, slots,
};

int add_stream(PyObject *module) {
    stream_type = add_type(module, &spec);
    return stream_type == NULL ? -1 : 0;
}

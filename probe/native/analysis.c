/* The usual case of what probe.measure works out from records, compiled: an unbroken run of packets, frames in order.

   The Python classes are the definition (header_frames, timeline, frame_clock, freeze); probe.native.analysis puts these in
   their place, and their own tests hold both to the same results, bit for bit. A function that finds its case unusual returns
   None and has changed nothing: Python does it then. */
#include "column.h"
#include "stream.h"

#include <math.h>

/* Whole frames. */

typedef struct {
    double first, capture;
    int64_t size;
    long long packets;
} Open;

static const Open nothing_open = {INFINITY, NAN, 0, 0};

/* Unbroken, directly behind what was before, the stream not begun anew, the timestamp another one behind each marker and nowhere
   else; `opened`: the frame of `timestamp` has not ended. `markers`: frames that end within. */
static int is_run(const Record *records, size_t count, const int64_t *next, int opened, long long timestamp, size_t *markers) {
    *markers = 0;
    if (!count || (next != NULL && records[0].sequence != *next)) return 0;
    for (size_t at = 0; at < count; at++) {
        if (records[at].sequence != records[0].sequence + (int64_t)at || records[at].flags & RECORD_RESTARTED) return 0;
        if ((records[at].timestamp == timestamp) != opened) return 0;
        timestamp = records[at].timestamp;
        opened = !(records[at].flags & RECORD_MARKER);
        *markers += !opened;
    }
    return 1;
}

/* Five columns, one behind the other: complete, first arrival, capture, size, timestamp. */
static void cut(const Record *records, size_t count, size_t markers, double *clock, Open *open, char *out) {
    double *complete = (double *)out, *first = complete + markers, *capture = first + markers;
    int64_t *size = (int64_t *)(capture + markers);
    uint32_t *timestamp = (uint32_t *)(size + markers);
    for (size_t at = 0, frame = 0; at < count; at++) {
        const Record *record = &records[at];
        if (record->arrival > *clock) *clock = record->arrival;
        if (record->arrival < open->first) open->first = record->arrival;
        open->capture = fmin(open->capture, record->capture);
        open->size += record->size;
        open->packets++;
        if (!(record->flags & RECORD_MARKER)) continue;
        complete[frame] = *clock;
        first[frame] = open->first;
        capture[frame] = open->capture;
        size[frame] = open->size;
        timestamp[frame++] = record->timestamp;
        *open = nothing_open;
    }
}

static PyObject *frames(PyObject *module, PyObject *const *args, Py_ssize_t count) {
    Py_buffer view;
    if (!wants(count, 8, "frames")) return NULL;
    int64_t next = args[1] == Py_None ? 0 : PyLong_AsLongLong(args[1]);
    double clock = PyFloat_AsDouble(args[2]);
    Open open = {.packets = PyLong_AsLongLong(args[3]), .first = PyFloat_AsDouble(args[4]),
                 .capture = PyFloat_AsDouble(args[5]), .size = PyLong_AsLongLong(args[6])};
    long long timestamp = PyLong_AsLongLong(args[7]);
    if (PyErr_Occurred() || PyObject_GetBuffer(args[0], &view, PyBUF_SIMPLE) < 0) return NULL;
    const Record *records = view.buf;
    size_t rows = (size_t)view.len / sizeof(Record), markers;
    PyObject *result = NULL;
    if ((size_t)view.len % sizeof(Record) || (uintptr_t)view.buf % sizeof(double) ||
        !is_run(records, rows, args[1] == Py_None ? NULL : &next, open.packets > 0, timestamp, &markers)) {
        result = Py_NewRef(Py_None);
    } else {
        PyObject *columns = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)(markers * (4 * sizeof(double) + sizeof(uint32_t))));
        if (columns != NULL) {
            cut(records, rows, markers, &clock, &open, PyBytes_AS_STRING(columns));
            const Record *last = &records[rows - 1];
            result = Py_BuildValue("(NndLLddLI)", columns, (Py_ssize_t)markers, clock, (long long)last->sequence + 1,
                                   open.packets, open.first, open.capture, (long long)open.size,
                                   last->timestamp);
        }
    }
    PyBuffer_Release(&view);
    return result;
}

/* Rhythm. */

static PyObject *rising(PyObject *module, PyObject *const *args, Py_ssize_t count) {
    Column values;
    if (!wants(count, 3, "rising")) return NULL;
    double before = PyFloat_AsDouble(args[1]), step = PyFloat_AsDouble(args[2]);
    if (PyErr_Occurred() || open_column(args[0], &values, sizeof(double)) < 0) return NULL;
    int found = 1;
    for (Py_ssize_t at = 0; at < values.count && found; at++) {
        double value = real_at(&values, at);
        found = !(value - before <= step); /* as Python asks it: also of what is no number */
        before = value;
    }
    PyBuffer_Release(&values.view);
    return PyBool_FromLong(found);
}

static PyObject *rhythm(PyObject *module, PyObject *const *args, Py_ssize_t count) {
    Column times;
    if (!wants(count, 5, "rhythm")) return NULL;
    double last = PyFloat_AsDouble(args[1]), total = PyFloat_AsDouble(args[2]), squares = PyFloat_AsDouble(args[3]);
    double longest = PyFloat_AsDouble(args[4]);
    if (PyErr_Occurred() || open_column(args[0], &times, sizeof(double)) < 0) return NULL;
    for (Py_ssize_t at = 0; at < times.count; at++) {
        double time = real_at(&times, at), interval = 0.0;
        if (time > last) {
            interval = time - last;
            last = time;
        }
        total += interval;
        squares += interval * interval;
        if (interval > longest) longest = interval;
    }
    PyBuffer_Release(&times.view);
    return Py_BuildValue("(dddd)", last, total, squares, longest);
}

#define LATEST 9e15 /* milliseconds that a float counts one by one */

static PyObject *intervals(PyObject *module, PyObject *const *args, Py_ssize_t count) {
    Column times;
    if (!wants(count, 2, "intervals")) return NULL;
    long long last = PyLong_AsLongLong(args[1]);
    if (PyErr_Occurred() || open_column(args[0], &times, sizeof(double)) < 0) return NULL;
    PyObject *found = PyList_New(times.count);
    for (Py_ssize_t at = 0; found != NULL && at < times.count; at++) {
        double milliseconds = rint(real_at(&times, at) * 1000);
        if (!(fabs(milliseconds) < LATEST)) {
            PyErr_SetString(PyExc_ValueError, "intervals: a time that can't be");
            Py_CLEAR(found);
            break;
        }
        long long time = (long long)milliseconds;
        if (time < last) time = last;
        PyObject *interval = PyLong_FromLongLong(time - last);
        if (interval == NULL) Py_CLEAR(found);
        else PyList_SET_ITEM(found, at, interval);
        last = time;
    }
    PyBuffer_Release(&times.view);
    return found == NULL ? NULL : Py_BuildValue("(NL)", found, last);
}

static PyMethodDef methods[] = {
    {"frames", (PyCFunction)(void (*)(void))frames, METH_FASTCALL, "Whole frames of an unbroken run of records."},
    {"rising", (PyCFunction)(void (*)(void))rising, METH_FASTCALL, "Whether each value is more than a step above the one before."},
    {"rhythm", (PyCFunction)(void (*)(void))rhythm, METH_FASTCALL, "Sums of the intervals between frames."},
    {"intervals", (PyCFunction)(void (*)(void))intervals, METH_FASTCALL, "Milliseconds between frames."},
    {NULL, NULL, 0, NULL},
};

int add_analysis(PyObject *module) { return PyModule_AddFunctions(module, methods); }

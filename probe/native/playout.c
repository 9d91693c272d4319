/* The usual case of the playout buffer, compiled: packets that are new, in order, of one clock, and what becomes due of them.

   probe.measure.playout is the definition; see analysis.c. */
#include "column.h"

#include <math.h>

#define HISTORY 10.0
#define QUANTILE 0.97
#define MARGIN 0.020
#define MIN_TARGET 0.020
#define MAX_TARGET 0.200
#define RESYNC 5.0
#define RETARGET_EVERY 25
#define MAX_PENDING 4096

/* One run of packets. */

typedef struct {
    double base, base_time, target;
    long long since;
    double *times, *transits; /* of the last 10 s, then of this run */
    Py_ssize_t kept;
} Buffer;

/* The first that is still within 10 s of `time`. */
static Py_ssize_t recent(const double *times, Py_ssize_t count, double time) {
    Py_ssize_t low = 0, high = count;
    while (low < high) {
        Py_ssize_t middle = (low + high) / 2;
        if (times[middle] < time - HISTORY) low = middle + 1;
        else high = middle;
    }
    return low;
}

/* The value of that rank (0 the smallest): the smallest of those that rank no lower, kept in ascending order. */
static double ranked(const double *values, Py_ssize_t count, Py_ssize_t rank, double *top) {
    Py_ssize_t wanted = count - rank, held = 0;
    for (Py_ssize_t at = 0; at < count; at++) {
        double value = values[at];
        if (held == wanted && value <= top[0]) continue;
        Py_ssize_t place = 0;
        if (held == wanted) {
            while (place + 1 < held && top[place + 1] < value) {
                top[place] = top[place + 1];
                place++;
            }
        } else {
            place = held++;
            while (place > 0 && top[place - 1] > value) {
                top[place] = top[place - 1];
                place--;
            }
        }
        top[place] = value;
    }
    return top[0];
}

static double target(const Buffer *buffer, double time, double *top) {
    Py_ssize_t first = recent(buffer->times, buffer->kept, time), count = buffer->kept - first;
    Py_ssize_t rank = (Py_ssize_t)ceil(QUANTILE * (double)count) - 1;
    double spread = ranked(buffer->transits + first, count, rank > 0 ? rank : 0, top) - buffer->base + MARGIN;
    return fmin(MAX_TARGET, fmax(MIN_TARGET, spread));
}

static void find_base(Buffer *buffer, double time) {
    Py_ssize_t first = recent(buffer->times, buffer->kept, time), best = buffer->kept - 1;
    for (Py_ssize_t at = best; at >= first; at--)
        if (buffer->transits[at] < buffer->transits[best]) best = at;
    buffer->base = buffer->transits[best];
    buffer->base_time = buffer->times[best];
}

static void observe(Buffer *buffer, double transit, double time, double *top) {
    buffer->times[buffer->kept] = time;
    buffer->transits[buffer->kept++] = transit;
    if (transit <= buffer->base) {
        buffer->base = transit;
        buffer->base_time = time;
    } else if (buffer->base_time < time - HISTORY) {
        find_base(buffer, time);
    }
    if (++buffer->since >= RETARGET_EVERY) {
        buffer->since = 0;
        buffer->target = target(buffer, time, top);
    }
}

enum { SEQUENCES, MEDIA_TIMES, ARRIVALS, TIMES, TRANSITS, COLUMNS };

/* New, in order, of one clock. */
static int is_steady(const Column *columns, double newest, double base) {
    Py_ssize_t count = columns[SEQUENCES].count, before = columns[TIMES].count;
    if (!count || !before || count + before > MAX_PENDING || (double)whole_at(&columns[SEQUENCES], 0) <= newest) return 0;
    double lowest = base, highest = base, arrival = real_at(&columns[TIMES], before - 1);
    for (Py_ssize_t at = 0; at < count; at++) {
        double earlier = arrival, transit;
        arrival = real_at(&columns[ARRIVALS], at);
        if (!(arrival >= earlier)) return 0;
        if (at && whole_at(&columns[SEQUENCES], at) <= whole_at(&columns[SEQUENCES], at - 1)) return 0;
        transit = arrival - real_at(&columns[MEDIA_TIMES], at);
        lowest = fmin(lowest, transit);
        highest = fmax(highest, transit);
    }
    return highest - lowest <= RESYNC;
}

/* What the run adds to the buffer's arrays: times, transits, sequences, deadlines, waits, one behind the other. */
static void play(const Column *columns, Buffer *buffer, double *top, PyObject **added) {
    Py_ssize_t count = columns[SEQUENCES].count, before = columns[TIMES].count;
    double *deadlines = (double *)PyBytes_AS_STRING(added[3]), *waits = (double *)PyBytes_AS_STRING(added[4]);
    int64_t *sequences = (int64_t *)PyBytes_AS_STRING(added[2]);
    for (buffer->kept = 0; buffer->kept < before; buffer->kept++) {
        buffer->times[buffer->kept] = real_at(&columns[TIMES], buffer->kept);
        buffer->transits[buffer->kept] = real_at(&columns[TRANSITS], buffer->kept);
    }
    for (Py_ssize_t at = 0; at < count; at++) {
        double media = real_at(&columns[MEDIA_TIMES], at), arrival = real_at(&columns[ARRIVALS], at);
        observe(buffer, arrival - media, arrival, top);
        sequences[at] = whole_at(&columns[SEQUENCES], at);
        deadlines[at] = media + buffer->base + buffer->target;
        waits[at] = buffer->base + buffer->target - (arrival - media);
    }
    memcpy(PyBytes_AS_STRING(added[0]), buffer->times + before, (size_t)count * sizeof(double));
    memcpy(PyBytes_AS_STRING(added[1]), buffer->transits + before, (size_t)count * sizeof(double));
}

static PyObject *play_run(const Column *columns, Buffer *buffer) {
    Py_ssize_t count = columns[SEQUENCES].count, most = count + columns[TIMES].count;
    PyObject *added[5] = {NULL}, *result = NULL;
    double *room = PyMem_Malloc((size_t)most * 3 * sizeof(double));
    int ready = room != NULL;
    for (int at = 0; ready && at < 5; at++) {
        added[at] = PyBytes_FromStringAndSize(NULL, count * (Py_ssize_t)sizeof(double));
        ready = added[at] != NULL;
    }
    if (ready) {
        buffer->times = room;
        buffer->transits = room + most;
        play(columns, buffer, room + 2 * most, added);
        result = Py_BuildValue("(OOOOOdddL)", added[0], added[1], added[2], added[3], added[4], buffer->base,
                               buffer->base_time, buffer->target, buffer->since);
    } else if (!PyErr_Occurred()) {
        PyErr_NoMemory();
    }
    for (int at = 0; at < 5; at++) Py_XDECREF(added[at]);
    PyMem_Free(room);
    return result;
}

static PyObject *playout(PyObject *module, PyObject *const *args, Py_ssize_t count) {
    Column columns[COLUMNS];
    if (!wants(count, 10, "playout")) return NULL;
    double newest = PyFloat_AsDouble(args[5]);
    Buffer buffer = {.base = PyFloat_AsDouble(args[6]), .base_time = PyFloat_AsDouble(args[7]),
                     .target = PyFloat_AsDouble(args[8]), .since = PyLong_AsLongLong(args[9])};
    if (PyErr_Occurred() || open_columns(args, columns, COLUMNS, sizeof(double)) < 0) return NULL;
    PyObject *result = NULL;
    if (columns[MEDIA_TIMES].count != columns[SEQUENCES].count || columns[ARRIVALS].count != columns[SEQUENCES].count ||
        columns[TRANSITS].count != columns[TIMES].count)
        PyErr_SetString(PyExc_ValueError, "playout: the columns are not equally long");
    else
        result = is_steady(columns, newest, buffer.base) ? play_run(columns, &buffer) : Py_NewRef(Py_None);
    close_columns(columns, COLUMNS);
    return result;
}

/* What became due. */

enum { NUMBERS, DEADLINES, WAITS, JUDGED };

typedef struct {
    int64_t first, last;
    long long arrived, late, runs;
} Due;

static int find_due(const Column *columns, double now, int64_t first, int begun, Due *due) {
    int any = 0;
    int64_t lowest = INT64_MAX;
    for (Py_ssize_t at = 0; at < columns[NUMBERS].count; at++) {
        int64_t number = whole_at(&columns[NUMBERS], at);
        if (number < lowest) lowest = number;
        if (!(real_at(&columns[DEADLINES], at) <= now)) continue;
        if (!any || number > due->last) due->last = number;
        any = 1;
    }
    due->first = begun ? first : lowest;
    if (any && due->first <= due->last - MAX_PENDING) due->first = due->last - MAX_PENDING + 1;
    return any && due->first <= due->last;
}

/* Those beyond `last`, of one column. */
static PyObject *left_over(const Column *columns, int which, int64_t last) {
    Py_ssize_t rows = columns[NUMBERS].count, kept = 0;
    for (Py_ssize_t at = 0; at < rows; at++) kept += whole_at(&columns[NUMBERS], at) > last;
    PyObject *found = PyBytes_FromStringAndSize(NULL, kept * (Py_ssize_t)sizeof(double));
    char *out = found == NULL ? NULL : PyBytes_AS_STRING(found);
    for (Py_ssize_t at = 0; out != NULL && at < rows; at++) {
        if (whole_at(&columns[NUMBERS], at) <= last) continue;
        memcpy(out, columns[which].first + at * columns[which].step, sizeof(double));
        out += sizeof(double);
    }
    return found;
}

/* Counts; the waits of those that were heard go to `heard`. */
static Py_ssize_t count_due(const Column *columns, Due *due, double *heard) {
    char unheard[MAX_PENDING];
    Py_ssize_t played = 0;
    size_t expected = (size_t)(due->last - due->first + 1);
    memset(unheard, 1, expected);
    for (Py_ssize_t at = 0; at < columns[NUMBERS].count; at++) {
        int64_t number = whole_at(&columns[NUMBERS], at);
        double wait = real_at(&columns[WAITS], at);
        if (number < due->first || number > due->last) continue;
        due->arrived++;
        if (wait >= 0) {
            heard[played++] = wait;
            unheard[number - due->first] = 0;
        } else {
            due->late++;
        }
    }
    for (size_t at = 0; at < expected; at++) due->runs += unheard[at] && !(at && unheard[at - 1]);
    return played;
}

static PyObject *judge(PyObject *module, PyObject *const *args, Py_ssize_t count) {
    Column columns[JUDGED];
    if (!wants(count, 5, "judge")) return NULL;
    double now = PyFloat_AsDouble(args[3]);
    int begun = args[4] != Py_None;
    int64_t first = begun ? PyLong_AsLongLong(args[4]) + 1 : 0;
    if (PyErr_Occurred() || open_columns(args, columns, JUDGED, sizeof(double)) < 0) return NULL;
    Py_ssize_t rows = columns[NUMBERS].count;
    Due due = {0};
    PyObject *result = NULL;
    double *heard = NULL;
    if (columns[DEADLINES].count != rows || columns[WAITS].count != rows) {
        PyErr_SetString(PyExc_ValueError, "judge: the columns are not equally long");
    } else if (!find_due(columns, now, first, begun, &due)) {
        result = Py_NewRef(Py_None);
    } else if ((heard = PyMem_Malloc((size_t)rows * sizeof(double))) == NULL) {
        PyErr_NoMemory();
    } else {
        Py_ssize_t played = count_due(columns, &due, heard);
        long long expected = due.last - due.first + 1;
        result = Py_BuildValue("(LLLLLy#NNN)", (long long)due.last, expected, expected - due.arrived, due.late, due.runs,
                               (char *)heard, played * (Py_ssize_t)sizeof(double), left_over(columns, NUMBERS, due.last),
                               left_over(columns, DEADLINES, due.last), left_over(columns, WAITS, due.last));
    }
    PyMem_Free(heard);
    close_columns(columns, JUDGED);
    return result;
}

static PyMethodDef methods[] = {
    {"playout", (PyCFunction)(void (*)(void))playout, METH_FASTCALL, "A steady run of packets enters the playout buffer."},
    {"judge", (PyCFunction)(void (*)(void))judge, METH_FASTCALL, "What became due in the playout buffer."},
    {NULL, NULL, 0, NULL},
};

int add_playout(PyObject *module) { return PyModule_AddFunctions(module, methods); }

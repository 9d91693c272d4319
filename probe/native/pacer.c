/* Pacer: a heap of sources by due time. One call ticks all that are due, so that one timer serves the whole process. */
#include "sender.h"

#define COALESCE 0.0005 /* seconds: what is due within them is done in one go, as probe.rtc.wheel does */
#define MISSED_INTERVALS 10 /* behind by more, a source leaves the missed ticks out, as probe.rtc.wheel does */
#define MAX_TICKS 20000 /* of one call of Pacer.run: the event loop has other things to do */
#define LOOK_AHEAD 16 /* turns */
#define MAX_LATENESS (1 << 20)

static PyTypeObject *pacer_type;

typedef struct {
    double due;
    uint64_t order; /* of equal ones the first that was asked for */
    Source *source;
} Due;

typedef struct {
    PyObject_HEAD
    Due *heap;
    Py_ssize_t count, capacity;
    uint64_t order;
    int running;
    double *lateness;
    Py_ssize_t lateness_count, lateness_capacity;
    unsigned long long lateness_lost;
} Pacer;

static int pacer_traverse(Pacer *self, visitproc visit, void *arg) {
    Py_VISIT(Py_TYPE(self));
    for (Py_ssize_t at = 0; at < self->count; at++) Py_VISIT(self->heap[at].source);
    return 0;
}

static int pacer_clear(Pacer *self) {
    Due *heap = self->heap;
    Py_ssize_t count = self->count;
    self->heap = NULL;
    self->count = self->capacity = 0;
    for (Py_ssize_t at = 0; at < count; at++) {
        heap[at].source->paced = 0;
        Py_DECREF(heap[at].source);
    }
    PyMem_Free(heap);
    return 0;
}

static void pacer_dealloc(Pacer *self) {
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    pacer_clear(self);
    PyMem_Free(self->lateness);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyObject *pacer_new(PyTypeObject *type, PyObject *args, PyObject *keywords) {
    static char *names[] = {NULL};
    if (!PyArg_ParseTupleAndKeywords(args, keywords, ":Pacer", names)) return NULL;
    return type->tp_alloc(type, 0);
}

static int before(const Due *one, const Due *other) {
    return one->due < other->due || (one->due == other->due && one->order < other->order);
}

static void sift_up(Due *heap, Py_ssize_t at) {
    Due moved = heap[at];
    for (; at > 0 && before(&moved, &heap[(at - 1) / 2]); at = (at - 1) / 2) heap[at] = heap[(at - 1) / 2];
    heap[at] = moved;
}

static void sift_down(Due *heap, Py_ssize_t count, Py_ssize_t at) {
    Due moved = heap[at];
    for (Py_ssize_t child = 2 * at + 1; child < count; child = 2 * at + 1) {
        if (child + 1 < count && before(&heap[child + 1], &heap[child])) child++;
        if (!before(&heap[child], &moved)) break;
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = moved;
}

static PyObject *pacer_add(Pacer *self, PyObject *args) {
    Source *source;
    double due;
    if (!PyArg_ParseTuple(args, "O!d:add", source_type, &source, &due)) return NULL;
    if (!isfinite(due) || source->paced)
        return PyErr_Format(PyExc_ValueError, "the due time must be finite, and the source in no pacer yet");
    if (self->count == self->capacity) {
        Py_ssize_t capacity = self->capacity ? 2 * self->capacity : 16;
        Due *grown = PyMem_Realloc(self->heap, (size_t)capacity * sizeof *grown);
        if (grown == NULL) return PyErr_NoMemory();
        self->heap = grown;
        self->capacity = capacity;
    }
    source->paced = 1;
    self->heap[self->count] = (Due){due, self->order++, (Source *)Py_NewRef(source)};
    sift_up(self->heap, self->count++);
    Py_RETURN_NONE;
}

static PyObject *pacer_remove(Pacer *self, PyObject *argument) {
    for (Py_ssize_t at = 0; at < self->count; at++) {
        Source *source = self->heap[at].source;
        if ((PyObject *)source != argument) continue;
        self->heap[at] = self->heap[--self->count];
        if (at < self->count) {
            sift_down(self->heap, self->count, at);
            sift_up(self->heap, at);
        }
        source->paced = 0;
        Py_DECREF(source);
        Py_RETURN_TRUE;
    }
    Py_RETURN_FALSE;
}

static int pacer_note(Pacer *self, double late) {
    if (self->lateness_count == self->lateness_capacity) {
        Py_ssize_t capacity = self->lateness_capacity ? 2 * self->lateness_capacity : 256;
        if (capacity > MAX_LATENESS) {
            self->lateness_lost++;
            return 0;
        }
        double *grown = PyMem_Realloc(self->lateness, (size_t)capacity * sizeof *grown);
        if (grown == NULL) {
            PyErr_NoMemory();
            return -1;
        }
        self->lateness = grown;
        self->lateness_capacity = capacity;
    }
    self->lateness[self->lateness_count++] = late > 0 ? late : 0.0;
    return 0;
}

/* When the tick after the one at `due` comes. */
static double following(const Source *source, double due, double now) {
    double next = due + source->interval, behind = now - next;
    if (behind > MISSED_INTERVALS * source->interval) next += source->interval * trunc(behind / source->interval);
    return next;
}

/* The first source in the heap takes its turn; it is put back before it ticks, so that the tick may remove it. */
static int pacer_turn(Pacer *self, double now) {
    double due = self->heap[0].due;
    Source *source = (Source *)Py_NewRef(self->heap[0].source);
    self->heap[0].due = following(source, due, now);
    self->heap[0].order = self->order++;
    sift_down(self->heap, self->count, 0);
    int failed = pacer_note(self, now - due) < 0 || source_tick(source, due, now) < 0;
    Py_DECREF(source);
    return failed ? -1 : 0;
}

/* What is due next stands near the top of the heap. One memory access after the other takes longer than the work itself when
 * hundreds of participants share a cache; asked for ahead they come together. */
static void pacer_look_ahead(const Pacer *self) {
    Py_ssize_t count = self->count < 2 * LOOK_AHEAD ? self->count : 2 * LOOK_AHEAD;
    for (int step = 0; step < PREFETCH_STEPS; step++)
        for (Py_ssize_t at = 0; at < count; at++) source_prefetch(self->heap[at].source, step);
}

static PyObject *pacer_next_due(Pacer *self, void *unused) {
    if (self->count == 0) Py_RETURN_NONE;
    return PyFloat_FromDouble(self->heap[0].due);
}

static PyObject *pacer_run(Pacer *self, PyObject *args) {
    PyObject *given = Py_None;
    int most = MAX_TICKS;
    if (!PyArg_ParseTuple(args, "|Oi:run", &given, &most)) return NULL;
    double fixed = given == Py_None ? 0.0 : PyFloat_AsDouble(given);
    if (fixed == -1.0 && PyErr_Occurred()) return NULL;
    if (self->running) return PyErr_Format(PyExc_RuntimeError, "the pacer is running already");
    double horizon = (given == Py_None ? monotonic_now() : fixed) + COALESCE;
    int failed = 0;
    self->running = 1;
    for (int turn = 0; turn < most && !failed && self->count > 0 && self->heap[0].due <= horizon; turn++) {
        if (turn % LOOK_AHEAD == 0) pacer_look_ahead(self);
        failed = pacer_turn(self, given == Py_None ? monotonic_now() : fixed);
    }
    self->running = 0;
    return failed ? NULL : pacer_next_due(self, NULL);
}

static PyObject *pacer_take_lateness(Pacer *self, PyObject *unused) {
    Py_ssize_t size = self->lateness_count * (Py_ssize_t)sizeof(double);
    PyObject *taken = PyBytes_FromStringAndSize((const char *)self->lateness, size);
    if (taken != NULL) self->lateness_count = 0;
    return taken;
}

static PyMethodDef pacer_methods[] = {
    {"add", (PyCFunction)pacer_add, METH_VARARGS, "Tick this source from that time on."},
    {"remove", (PyCFunction)pacer_remove, METH_O, "Tick it no more. Whether it was ticked."},
    {"run", (PyCFunction)pacer_run, METH_VARARGS, "Tick what is due by the clock, or at a simulated now, so many at most. The next due time or None."},
    {"take_lateness", (PyCFunction)pacer_take_lateness, METH_NOARGS, "Seconds that each tick came late since the last call, float64."},
    {NULL},
};

static PyGetSetDef pacer_properties[] = {
    {"next_due", (getter)pacer_next_due, NULL, "When the next source is due, None without sources.", NULL},
    {NULL},
};

static PyMemberDef pacer_members[] = {
    {"sources", T_PYSSIZET, offsetof(Pacer, count), READONLY, "How many are ticked."},
    {"lateness_lost", T_ULONGLONG, offsetof(Pacer, lateness_lost), READONLY, "Not kept, since nobody took them."},
    {NULL},
};

static PyType_Slot pacer_slots[] = {
    {Py_tp_doc, "Ticks sources in the order of their due times."},
    {Py_tp_new, pacer_new},
    {Py_tp_dealloc, pacer_dealloc},
    {Py_tp_traverse, pacer_traverse},
    {Py_tp_clear, pacer_clear},
    {Py_tp_methods, pacer_methods},
    {Py_tp_members, pacer_members},
    {Py_tp_getset, pacer_properties},
    {0, NULL},
};
static PyType_Spec pacer_spec = {
    "probe.native._core.Pacer", sizeof(Pacer), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC, pacer_slots};

int add_pacer(PyObject *module) {
    pacer_type = add_type(module, &pacer_spec);
    return pacer_type == NULL ? -1 : 0;
}

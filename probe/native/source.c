/* Source: one camera or microphone. Plays a content frame by frame to the tracks and callables that are attached, and remembers
   when it captured what. */
#include "sender.h"

#define CAPTURE_SECONDS 30.0 /* as probe.client.capture_log keeps */
#define FIRST_CAPTURES 64

PyTypeObject *source_type = NULL;

struct Attachment {
    PyObject *target; /* a Track, or what is called with (frame, capture, position); NULL: detached during a tick */
    Content *content;
};

struct Capture {
    double time;
    uint32_t index, tick;
};

static int source_traverse(Source *self, visitproc visit, void *arg) {
    Py_VISIT(Py_TYPE(self));
    for (Py_ssize_t at = 0; at < self->attachment_count; at++) Py_VISIT(self->attachments[at].target);
    return 0;
}

static int source_clear(Source *self) {
    Attachment *attachments = self->attachments;
    Py_ssize_t count = self->attachment_count;
    self->attachments = NULL;
    self->attachment_count = 0;
    for (Py_ssize_t at = 0; at < count; at++) {
        Py_XDECREF(attachments[at].target);
        Py_DECREF(attachments[at].content);
    }
    PyMem_Free(attachments);
    return 0;
}

static void source_dealloc(Source *self) {
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    source_clear(self);
    Py_CLEAR(self->content);
    PyMem_Free(self->captures);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyObject *source_new(PyTypeObject *type, PyObject *args, PyObject *keywords) {
    static char *names[] = {"content", "interval", "kind", "position", "apart", NULL};
    Content *content;
    double interval, apart = 0.0;
    const char *kind;
    Py_ssize_t position = 0;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "O!ds|nd:Source", names, content_type, &content, &interval, &kind,
                                     &position, &apart))
        return NULL;
    if (!isfinite(interval) || interval < 0.0001 || position < 0)
        return PyErr_Format(PyExc_ValueError, "a source needs an interval of at least 0.1 ms and a position of 0 or more");
    int video = is_video(kind);
    if (video < 0) return NULL;
    Source *self = (Source *)type->tp_alloc(type, 0);
    if (self == NULL) return NULL;
    self->content = (Content *)Py_NewRef(content);
    self->video = video;
    self->interval = interval;
    self->apart = apart;
    self->position = position % content->frame_count;
    return (PyObject *)self;
}

/* Skip to the start of the coming group of pictures, unless it is about to begin anyway. */
static void source_jump(Source *self) {
    Py_ssize_t gop = self->content->gop;
    self->position = (self->position + gop - 1) / gop * gop % self->content->frame_count;
}

static PyObject *source_request_keyframe(Source *self, PyObject *unused) {
    source_jump(self);
    Py_RETURN_NONE;
}

static PyObject *source_attach(Source *self, PyObject *args) {
    PyObject *target;
    Content *content = self->content;
    if (!PyArg_ParseTuple(args, "O|O!:attach", &target, content_type, &content)) return NULL;
    int is_track = Py_IS_TYPE(target, track_type);
    if (!is_track && !PyCallable_Check(target)) return PyErr_Format(PyExc_TypeError, "attach a Track or a callable");
    if (is_track && ((Track *)target)->video != self->video)
        return PyErr_Format(PyExc_ValueError, "a source and its tracks are of one kind");
    if (content->frame_count != self->content->frame_count)
        return PyErr_Format(PyExc_ValueError, "a content of %zd frames can't stand for one of %zd", content->frame_count,
                            self->content->frame_count);
    Attachment *grown = PyMem_Realloc(self->attachments, (size_t)(self->attachment_count + 1) * sizeof *grown);
    if (grown == NULL) return PyErr_NoMemory();
    self->attachments = grown;
    self->attachments[self->attachment_count++] = (Attachment){Py_NewRef(target), (Content *)Py_NewRef(content)};
    Py_RETURN_NONE;
}

/* Drop what was detached. Not during a tick, which goes through the list. */
static void source_compact(Source *self) {
    Py_ssize_t kept = 0;
    for (Py_ssize_t at = 0; at < self->attachment_count; at++) {
        if (self->attachments[at].target != NULL) self->attachments[kept++] = self->attachments[at];
        else Py_DECREF(self->attachments[at].content);
    }
    self->attachment_count = kept;
}

static PyObject *source_detach(Source *self, PyObject *target) {
    for (Py_ssize_t at = 0; at < self->attachment_count; at++) {
        PyObject *known = self->attachments[at].target;
        if (known != target) continue;
        self->attachments[at].target = NULL;
        if (!self->ticking) source_compact(self);
        Py_DECREF(known);
        Py_RETURN_TRUE;
    }
    Py_RETURN_FALSE;
}

static int source_grow_captures(Source *self) {
    uint64_t capacity = self->capture_capacity ? 2 * self->capture_capacity : FIRST_CAPTURES;
    Capture *grown = PyMem_Malloc(capacity * sizeof *grown);
    if (grown == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (uint64_t at = self->capture_first; at < self->capture_next; at++)
        grown[at & (capacity - 1)] = self->captures[at & (self->capture_capacity - 1)];
    PyMem_Free(self->captures);
    self->captures = grown;
    self->capture_capacity = capacity;
    return 0;
}

static int source_note(Source *self, uint32_t index, double time) {
#define CAPTURE(at) self->captures[(at) & (self->capture_capacity - 1)]
    while (self->capture_first < self->capture_next && CAPTURE(self->capture_first).time < time - CAPTURE_SECONDS)
        self->capture_first++;
    if (self->capture_next - self->capture_first == self->capture_capacity && source_grow_captures(self) < 0) return -1;
    CAPTURE(self->capture_next) = (Capture){time, index, (uint32_t)self->ticks};
    self->capture_next++;
    return 0;
}

static PyObject *source_find(Source *self, PyObject *args) {
    Py_ssize_t index;
    double seen;
    if (!PyArg_ParseTuple(args, "nd:find", &index, &seen)) return NULL;
    for (uint64_t at = self->capture_next; at > self->capture_first; at--) {
        const Capture *capture = &CAPTURE(at - 1);
        if ((Py_ssize_t)capture->index == index && capture->time <= seen)
            return Py_BuildValue("Id", (unsigned int)capture->tick, capture->time);
    }
    Py_RETURN_NONE;
}

static int attachment_send(Source *self, const Attachment *to, Py_ssize_t number, double capture, int64_t position) {
    if (Py_IS_TYPE(to->target, track_type)) {
        int wanted = track_send((Track *)to->target, to->content, &to->content->frames[number], capture, position);
        if (wanted > 0) source_jump(self);
        return wanted < 0 ? -1 : 0;
    }
    PyObject *done = PyObject_CallFunction(to->target, "ndL", number, capture, (long long)position);
    Py_XDECREF(done);
    return done == NULL ? -1 : 0;
}

/* One unit, due at `due`, now. An audio position is the time that is due, not a count: what a stall left out has passed. */
void source_prefetch(const Source *self, int step) {
    if (step == 0) {
        prefetch(self, sizeof *self);
    } else if (step == 1) {
        prefetch(self->attachments, sizeof *self->attachments);
        __builtin_prefetch(&self->content->frames[self->position]);
        if (self->video && self->captures != NULL)
            __builtin_prefetch(&self->captures[self->capture_next & (self->capture_capacity - 1)], 1);
    } else if (self->attachment_count > 0 && self->attachments[0].target != NULL
               && Py_IS_TYPE(self->attachments[0].target, track_type)) {
        const Track *track = (const Track *)self->attachments[0].target;
        if (step == 2) prefetch(track, sizeof *track);
        else track_prefetch(track);
    }
}

int source_tick(Source *self, double due, double now) {
    Py_ssize_t number = self->position;
    const Frame *frame = &self->content->frames[number];
    self->position = (number + 1) % self->content->frame_count;
    double capture = self->last_capture + self->apart; /* units handed out in one go stay apart */
    if (now > capture) capture = now;
    self->last_capture = capture;
    if (!self->begun) {
        self->begun = 1;
        self->first_due = due;
    }
    int64_t position = self->video ? (int64_t)self->ticks : (int64_t)rint((due - self->first_due) / self->interval);
    int failed = self->video ? source_note(self, frame->index, capture) : 0;
    self->ticks++;
    self->bytes += frame->size;
    self->ticking = 1;
    for (Py_ssize_t at = 0; at < self->attachment_count && !failed; at++) {
        Attachment to = self->attachments[at];
        if (to.target == NULL) continue;
        Py_INCREF(to.target);
        Py_INCREF(to.content);
        failed = attachment_send(self, &to, number, capture, position);
        Py_DECREF(to.target);
        Py_DECREF(to.content);
    }
    self->ticking = 0;
    source_compact(self);
    return failed;
}

static PyMethodDef source_methods[] = {
    {"attach", (PyCFunction)source_attach, METH_VARARGS, "Send to this Track, or call this with (frame, capture, position)."},
    {"detach", (PyCFunction)source_detach, METH_O, "Send to it no more. Whether it was attached."},
    {"request_keyframe", (PyCFunction)source_request_keyframe, METH_NOARGS, "The next frame begins a group of pictures."},
    {"find", (PyCFunction)source_find, METH_VARARGS, "(tick, time) of the last capture of that index not after `seen`, or None."},
    {NULL},
};

static PyMemberDef source_members[] = {
    {"position", T_PYSSIZET, offsetof(Source, position), READONLY, "Frame of the loop that comes next."},
    {"ticks", T_ULONGLONG, offsetof(Source, ticks), READONLY, "Frames so far."},
    {"bytes", T_ULONGLONG, offsetof(Source, bytes), READONLY, "Their bytes, before they were cut into payloads."},
    {"attached", T_PYSSIZET, offsetof(Source, attachment_count), READONLY, "How many are sent to."},
    {NULL},
};

static PyType_Slot source_slots[] = {
    {Py_tp_doc, "A camera or microphone: plays a content, frame by frame, to all that are attached."},
    {Py_tp_new, source_new},
    {Py_tp_dealloc, source_dealloc},
    {Py_tp_traverse, source_traverse},
    {Py_tp_clear, source_clear},
    {Py_tp_methods, source_methods},
    {Py_tp_members, source_members},
    {0, NULL},
};
static PyType_Spec source_spec = {
    "probe.native._core.Source", sizeof(Source), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC, source_slots};

int add_source(PyObject *module) {
    source_type = add_type(module, &source_spec);
    return source_type == NULL ? -1 : 0;
}

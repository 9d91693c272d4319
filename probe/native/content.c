/* Content: a loop of frames that never changes, cut into RTP payloads once and shared by all who play it. */
#include "sender.h"

PyTypeObject *content_type = NULL;

static void content_dealloc(Content *self) {
    PyTypeObject *type = Py_TYPE(self);
    for (Py_ssize_t at = 0; at < self->payload_count; at++) Py_DECREF(self->payloads[at]);
    PyMem_Free(self->payloads);
    PyMem_Free(self->frames);
    type->tp_free(self);
    Py_DECREF(type);
}

static int fits(const Content *self, PyObject *payload) {
    if (!PyBytes_CheckExact(payload)) {
        PyErr_SetString(PyExc_TypeError, "a payload must be bytes");
        return 0;
    }
    Py_ssize_t size = PyBytes_GET_SIZE(payload);
    if (size > MAX_DATAGRAM - MAX_HEADER || size < self->picture_id_offset + 2) {
        PyErr_Format(PyExc_ValueError, "a payload of %zd bytes: too long for a datagram, or too short for its picture id", size);
        return 0;
    }
    return 1;
}

static int content_add(Content *self, PyObject *item) {
    PyObject *payloads;
    int keyframe;
    Py_ssize_t index, size;
    if (!PyTuple_Check(item)) {
        PyErr_SetString(PyExc_TypeError, "a frame must be a tuple (payloads, keyframe, index, size)");
        return -1;
    }
    if (!PyArg_ParseTuple(item, "O!pnn:frame", &PyTuple_Type, &payloads, &keyframe, &index, &size)) return -1;
    Py_ssize_t count = PyTuple_GET_SIZE(payloads), total = self->payload_count + count;
    if (count == 0 || total > UINT32_MAX || index < 0 || index > UINT32_MAX || size < 0 || size > UINT32_MAX) {
        PyErr_SetString(PyExc_ValueError, "a frame without payloads, or an index or size below 0 or above 32 bits");
        return -1;
    }
    PyObject **grown = PyMem_Realloc(self->payloads, (size_t)total * sizeof *grown);
    if (grown == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    self->payloads = grown;
    self->frames[self->frame_count++] = (Frame){
        (uint32_t)self->payload_count, (uint32_t)count, (uint32_t)index, (uint32_t)size, (uint8_t)keyframe};
    for (Py_ssize_t at = 0; at < count; at++) {
        PyObject *payload = PyTuple_GET_ITEM(payloads, at);
        if (!fits(self, payload)) return -1;
        self->payloads[self->payload_count++] = Py_NewRef(payload);
    }
    return 0;
}

static int content_fill(Content *self, PyObject *frames) {
    PyObject *items = PySequence_Fast(frames, "the frames must be a sequence");
    if (items == NULL) return -1;
    Py_ssize_t count = PySequence_Fast_GET_SIZE(items);
    int failed = 0;
    if (count == 0 || self->gop < 1) {
        PyErr_SetString(PyExc_ValueError, "a content needs at least one frame and a gop of at least one");
        failed = -1;
    } else if ((self->frames = PyMem_Calloc((size_t)count, sizeof *self->frames)) == NULL) {
        PyErr_NoMemory();
        failed = -1;
    }
    for (Py_ssize_t at = 0; at < count && !failed; at++) failed = content_add(self, PySequence_Fast_GET_ITEM(items, at));
    Py_DECREF(items);
    return failed;
}

static PyObject *content_new(PyTypeObject *type, PyObject *args, PyObject *keywords) {
    static char *names[] = {"frames", "gop", "picture_id_offset", NULL};
    PyObject *frames;
    Py_ssize_t gop;
    int offset = -1;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "On|i:Content", names, &frames, &gop, &offset)) return NULL;
    Content *self = (Content *)type->tp_alloc(type, 0);
    if (self == NULL) return NULL;
    self->gop = gop;
    self->picture_id_offset = offset < 0 ? -1 : offset;
    if (content_fill(self, frames) < 0) {
        Py_DECREF(self);
        return NULL;
    }
    return (PyObject *)self;
}

static PyMemberDef content_members[] = {
    {"frames", T_PYSSIZET, offsetof(Content, frame_count), READONLY, "Number of frames in the loop."},
    {"packets", T_PYSSIZET, offsetof(Content, payload_count), READONLY, "Number of payloads in the loop."},
    {"gop", T_PYSSIZET, offsetof(Content, gop), READONLY, "Frames from one possible entry into the loop to the next."},
    {NULL},
};

static PyType_Slot content_slots[] = {
    {Py_tp_doc, "An immutable loop of frames: (payloads, keyframe, index, size) each, gop, picture_id_offset."},
    {Py_tp_new, content_new},
    {Py_tp_dealloc, content_dealloc},
    {Py_tp_members, content_members},
    {0, NULL},
};
static PyType_Spec content_spec = {"probe.native._core.Content", sizeof(Content), 0, Py_TPFLAGS_DEFAULT, content_slots};

int add_content(PyObject *module) {
    content_type = add_type(module, &content_spec);
    return content_type == NULL ? -1 : 0;
}

/* Fanout: all outputs of one track, in the order in which they came. */
#include "forward.h"

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

static int read_elements(Incoming *source, PyObject *extensions) {
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

static int read_source(Incoming *source, PyObject *args) {
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
    Incoming source;
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

static PyType_Slot fanout_slots[] = {
    {Py_tp_doc, "All subscribers of a track."}, {Py_tp_new, fanout_new}, COLLECTED(fanout),
    {Py_tp_methods, fanout_methods}, {0, NULL},
};
static PyType_Spec fanout_spec = {"probe.native._core.Fanout", sizeof(Fanout), 0, FLAGS, fanout_slots};

int add_forward(PyObject *module) {
    PyTypeObject *type = add_type(module, &fanout_spec);
    if (type == NULL) return -1;
    Py_DECREF(type); /* the module has one */
    return 0;
}

/* Socket, as Python sees it: whose it is, what unprotects its packets, and which streams are watched. arrivals.c reads it. */
#include "socket.h"

PyTypeObject *socket_type = NULL;

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

static PyObject *socket_new(PyTypeObject *type, PyObject *args, PyObject *keywords) {
    static char *names[] = {"fd", "token", NULL};
    int fd;
    PyObject *token;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "iO:Socket", names, &fd, &token)) return NULL;
    Socket *self = (Socket *)type->tp_alloc(type, 0);
    if (self == NULL) return NULL;
    self->fd = fd;
    self->token = Py_NewRef(token);
    return (PyObject *)self;
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
    {Py_tp_doc, "A UDP socket for a Reader. The descriptor stays its maker's."}, {Py_tp_new, socket_new},
    {Py_tp_dealloc, socket_dealloc}, {Py_tp_traverse, socket_traverse},
    {Py_tp_clear, socket_clear}, {Py_tp_methods, socket_methods}, {Py_tp_members, socket_members}, {0, NULL},
};

static PyType_Spec socket_spec = {
    "probe.native._core.Socket", sizeof(Socket), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC, socket_slots,
};

int add_socket(PyObject *module) {
    socket_type = add_type(module, &socket_spec);
    return socket_type == NULL ? -1 : 0;
}

/* Reader: the sockets of many connections, drained in one go (arrivals.c says what becomes of what is found there). */
#include "socket.h"

#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

#define EVENTS 512
#define LOOK_AHEAD 16 /* sockets */
#define POLLS 16      /* so many times EVENTS sockets in one drain: the rest waits for the next */
#define READY (EPOLLIN | EPOLLET) /* told once for each arrival: who has read all need not ask again */

typedef struct {
    PyObject_HEAD
    int epoll;
    Socket **sockets; /* by descriptor: the kernel is given no pointer, which would outlive what it points to */
    int room;
} Reader;

static PyTypeObject *reader_type = NULL;
static int draining; /* the buffers of arrivals.c are one drain's at a time: the collector may run somebody's code within it */

/* Monotonic less wall-clock seconds, as probe.rtc.clock tells them. */
static double realtime_offset(void) {
    struct timespec now;
    double monotonic = monotonic_now();
    clock_gettime(CLOCK_REALTIME, &now);
    return monotonic - ((double)now.tv_sec + 1e-9 * (double)now.tv_nsec);
}

static PyObject *reader_new(PyTypeObject *type, PyObject *args, PyObject *keywords) {
    static char *names[] = {NULL};
    if (!PyArg_ParseTupleAndKeywords(args, keywords, ":Reader", names)) return NULL;
    Reader *self = (Reader *)type->tp_alloc(type, 0);
    if (self == NULL) return NULL;
    self->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (self->epoll < 0) {
        PyErr_SetFromErrno(PyExc_OSError);
        Py_DECREF(self);
        return NULL;
    }
    return (PyObject *)self;
}

static int reader_traverse(Reader *self, visitproc visit, void *arg) {
    for (int fd = 0; fd < self->room; fd++) Py_VISIT(self->sockets[fd]);
    Py_VISIT(Py_TYPE(self));
    return 0;
}

static int reader_clear(Reader *self) {
    Socket **sockets = self->sockets;
    int room = self->room;
    if (self->epoll >= 0) close(self->epoll);
    self->epoll = -1;
    self->sockets = NULL;
    self->room = 0;
    for (int fd = 0; fd < room; fd++) Py_XDECREF(sockets[fd]);
    PyMem_Free(sockets);
    return 0;
}

static PyObject *reader_close(Reader *self, PyObject *nothing) {
    reader_clear(self);
    Py_RETURN_NONE;
}

static void reader_dealloc(Reader *self) {
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    reader_clear(self);
    type->tp_free(self);
    Py_DECREF(type);
}

/* A place for that descriptor. */
static int reader_reserve(Reader *self, int fd) {
    if (fd < self->room) return 0;
    int room = self->room ? self->room : 64;
    while (room <= fd) room *= 2; /* the kernel knows `fd`: far below what would overflow */
    Socket **sockets = PyMem_Realloc(self->sockets, (size_t)room * sizeof *sockets);
    if (sockets == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    memset(sockets + self->room, 0, (size_t)(room - self->room) * sizeof *sockets);
    self->sockets = sockets;
    self->room = room;
    return 0;
}

static PyObject *reader_add(Reader *self, PyObject *object) {
    if (!PyObject_TypeCheck(object, socket_type)) return PyErr_Format(PyExc_TypeError, "not a Socket");
    Socket *socket = (Socket *)object;
    struct epoll_event event = {.events = READY, .data.fd = socket->fd};
    if (epoll_ctl(self->epoll, EPOLL_CTL_ADD, socket->fd, &event) < 0) return PyErr_SetFromErrno(PyExc_OSError);
    if (reader_reserve(self, socket->fd) < 0) {
        epoll_ctl(self->epoll, EPOLL_CTL_DEL, socket->fd, NULL);
        return NULL;
    }
    Py_XSETREF(self->sockets[socket->fd], (Socket *)Py_NewRef(object)); /* one there was closed without being removed */
    Py_RETURN_NONE;
}

static PyObject *reader_remove(Reader *self, PyObject *object) {
    if (!PyObject_TypeCheck(object, socket_type)) return PyErr_Format(PyExc_TypeError, "not a Socket");
    int fd = ((Socket *)object)->fd;
    if (fd < 0 || fd >= self->room || (PyObject *)self->sockets[fd] != object)
        return PyErr_Format(PyExc_ValueError, "the socket with descriptor %d is not read here", fd);
    self->sockets[fd] = NULL;
    int failed = epoll_ctl(self->epoll, EPOLL_CTL_DEL, fd, NULL);
    if (failed) PyErr_SetFromErrno(PyExc_OSError);
    Py_DECREF(object);
    if (failed) return NULL;
    Py_RETURN_NONE;
}

static int drain_ready(Reader *self, int fd, double offset, PyObject *others, PyObject *attention) {
    Socket *socket = fd < self->room ? self->sockets[fd] : NULL;
    if (socket == NULL) return 0; /* removed meanwhile */
    Py_INCREF(socket);
    int left = socket_drain(socket, offset, others, attention);
    struct epoll_event event = {.events = READY, .data.fd = fd};
    if (left && self->epoll >= 0) epoll_ctl(self->epoll, EPOLL_CTL_MOD, fd, &event); /* it fails for who is gone meanwhile */
    Py_DECREF(socket);
    return left < 0 ? -1 : 0;
}

/* Of the sockets that are ready, what counting will touch: all at once, not one access after the other. */
static void reader_look_ahead(const Reader *self, const struct epoll_event *events, int count) {
    for (int step = 0; step < 4; step++) {
        for (int at = 0; at < count; at++) {
            int fd = events[at].data.fd;
            const Socket *socket = fd < self->room ? self->sockets[fd] : NULL;
            if (socket == NULL) continue;
            if (step == 0) prefetch(socket, sizeof *socket);
            else if (step == 1) prefetch(socket->streams, socket->slots * sizeof *socket->streams);
            else
                for (unsigned int slot = 0; slot < socket->slots; slot++)
                    if (socket->streams[slot] != NULL) stream_prefetch(socket->streams[slot], step == 3);
        }
    }
}

static int drain_all(Reader *self, double offset, PyObject *others, PyObject *attention) {
    struct epoll_event events[EVENTS];
    for (int poll = 0; poll < POLLS && self->epoll >= 0; poll++) {
        int ready = epoll_wait(self->epoll, events, EVENTS, 0);
        if (ready < 0 && errno != EINTR) {
            PyErr_SetFromErrno(PyExc_OSError);
            return -1;
        }
        for (int at = 0; at < ready; at++) {
            if (at % LOOK_AHEAD == 0) reader_look_ahead(self, events + at, ready - at < LOOK_AHEAD ? ready - at : LOOK_AHEAD);
            if (drain_ready(self, events[at].data.fd, offset, others, attention) < 0) return -1;
        }
        if (ready < EVENTS) return 0;
    }
    return 0;
}

static PyObject *reader_drain(Reader *self, PyObject *const *args, Py_ssize_t count) {
    if (count > 1) return PyErr_Format(PyExc_TypeError, "drain takes at most the offset");
    double offset = count ? PyFloat_AsDouble(args[0]) : realtime_offset();
    if (offset == -1.0 && PyErr_Occurred()) return NULL;
    if (self->epoll < 0) return PyErr_Format(PyExc_ValueError, "the reader is closed");
    if (draining) return PyErr_Format(PyExc_RuntimeError, "a drain is under way");
    PyObject *others = PyList_New(0), *attention = PyList_New(0);
    draining = 1;
    int failed = others == NULL || attention == NULL || drain_all(self, offset, others, attention) < 0;
    draining = 0;
    if (!failed) return Py_BuildValue("(NN)", others, attention);
    Py_XDECREF(others);
    Py_XDECREF(attention);
    return NULL;
}

static PyObject *reader_fileno(Reader *self, PyObject *nothing) { return PyLong_FromLong(self->epoll); }

static PyMethodDef reader_methods[] = {
    {"add", (PyCFunction)reader_add, METH_O, "Read this socket too."},
    {"remove", (PyCFunction)reader_remove, METH_O, "Read it no more; before its descriptor is closed."},
    {"drain", (PyCFunction)(void (*)(void))reader_drain, METH_FASTCALL, "All that has arrived: what Python has to see, and the streams to look at."},
    {"fileno", (PyCFunction)reader_fileno, METH_NOARGS, "A descriptor that is readable while datagrams wait."},
    {"close", (PyCFunction)reader_close, METH_NOARGS, "Give the descriptor back."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot reader_slots[] = {
    {Py_tp_doc, "Drains many sockets at once."}, {Py_tp_new, reader_new}, {Py_tp_dealloc, reader_dealloc},
    {Py_tp_traverse, reader_traverse}, {Py_tp_clear, reader_clear}, {Py_tp_methods, reader_methods}, {0, NULL},
};

static PyType_Spec reader_spec = {
    "probe.native._core.Reader", sizeof(Reader), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC, reader_slots,
};

int add_reader(PyObject *module) {
    prepare_buffers();
    reader_type = add_type(module, &reader_spec);
    return reader_type == NULL ? -1 : 0;
}

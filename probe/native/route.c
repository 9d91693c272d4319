/* Route: where one subscriber's packets go, and the session that protects them. */
#include "forward.h"

#include <errno.h>
#include <netinet/in.h>

PyTypeObject *route_type = NULL;
static PyObject *fileno_name;

static int route_traverse(Route *self, visitproc visit, void *arg) {
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(self->socket);
    Py_VISIT(self->session);
    return 0;
}

static int route_clear(Route *self) {
    self->srtp = NULL;
    Py_CLEAR(self->socket);
    Py_CLEAR(self->session);
    return 0;
}

static void route_dealloc(Route *self) {
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    route_clear(self);
    type->tp_free(self);
    Py_DECREF(type);
}

/* A packed sockaddr of IPv4 or IPv6. */
static int read_address(Route *self, const char *packed, Py_ssize_t size) {
    sa_family_t family = AF_UNSPEC;
    if (size >= (Py_ssize_t)sizeof family) memcpy(&family, packed, sizeof family);
    size_t wanted = family == AF_INET    ? sizeof(struct sockaddr_in)
                    : family == AF_INET6 ? sizeof(struct sockaddr_in6)
                                         : 0;
    if (wanted == 0 || (size_t)size != wanted) {
        PyErr_SetString(PyExc_ValueError, "the destination is no sockaddr of IPv4 or IPv6");
        return -1;
    }
    memcpy(&self->address, packed, wanted);
    self->address_size = (socklen_t)wanted;
    return 0;
}

static PyObject *route_set(Route *self, PyObject *args) {
    PyObject *socket, *session;
    const char *packed;
    Py_ssize_t size;
    unsigned long long pointer;
    if (!PyArg_ParseTuple(args, "Oy#OK:set", &socket, &packed, &size, &session, &pointer)) return NULL;
    if (pointer == 0) {
        PyErr_SetString(PyExc_ValueError, "a session has an address");
        return NULL;
    }
    route_clear(self);
    if (read_address(self, packed, size) < 0) return NULL;
    self->socket = Py_NewRef(socket);
    self->session = Py_NewRef(session);
    self->srtp = (void *)(uintptr_t)pointer;
    Py_RETURN_NONE;
}

static PyObject *route_forget(Route *self, PyObject *unused) {
    route_clear(self);
    Py_RETURN_NONE;
}

static PyMethodDef route_methods[] = {
    {"set", (PyCFunction)route_set, METH_VARARGS, "set(socket, sockaddr, session, pointer): lead there from now on."},
    {"clear", (PyCFunction)route_forget, METH_NOARGS, "Lead nowhere."},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef route_members[] = {
    {"bytes_sent", T_LONGLONG, offsetof(Route, bytes_sent), READONLY, "SRTP bytes that were sent."},
    {"drops", T_LONGLONG, offsetof(Route, drops), READONLY, "Packets that a full send buffer refused."},
    {"unreachable", T_LONGLONG, offsetof(Route, unreachable), READONLY, "Packets for which there was no way."},
    {"refused", T_LONGLONG, offsetof(Route, refused), READONLY, "Packets that SRTP would not protect."},
    {NULL, 0, 0, 0, NULL},
};

int route_send(Route *self, uint8_t *packet, int size) {
    PyObject *number = PyObject_CallMethodNoArgs(self->socket, fileno_name);
    if (number == NULL) return -1;
    int descriptor = (int)PyLong_AsLong(number);
    Py_DECREF(number);
    if (descriptor == -1 && PyErr_Occurred()) return -1;
    if (srtp_protect_call(self->srtp, packet, &size) != 0) {
        self->refused++;
        return 0;
    }
    ssize_t sent = descriptor < 0 ? -1
                                  : sendto(descriptor, packet, (size_t)size, MSG_DONTWAIT,
                                           (struct sockaddr *)&self->address, self->address_size);
    if (sent >= 0) self->bytes_sent += sent;
    else if (descriptor >= 0 && (errno == EAGAIN || errno == EINTR || errno == ENOBUFS)) self->drops++;
    else self->unreachable++;
    return 0;
}

static PyType_Slot route_slots[] = {
    {Py_tp_doc, "Where one subscriber's packets go; nowhere at first."}, {Py_tp_new, PyType_GenericNew}, COLLECTED(route),
    {Py_tp_methods, route_methods}, {Py_tp_members, route_members}, {0, NULL},
};
static PyType_Spec route_spec = {"probe.native._core.Route", sizeof(Route), 0, FLAGS, route_slots};

int add_route(PyObject *module) {
    if ((fileno_name = PyUnicode_InternFromString("fileno")) == NULL) return -1;
    route_type = add_type(module, &route_spec);
    return route_type == NULL ? -1 : 0;
}

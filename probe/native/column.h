/* Numbers that Python hands over in bulk. Everything is `static inline`: a file that includes this needs no other. */
#ifndef MEETPROBE_COLUMN_H
#define MEETPROBE_COLUMN_H

#include "core.h"

/* One-dimensional numbers of a width, wherever they lie: an array, or a field of an array of records. */
typedef struct {
    Py_buffer view;
    const char *first;
    Py_ssize_t step, count;
} Column;

static inline int open_column(PyObject *object, Column *column, Py_ssize_t width) {
    if (PyObject_GetBuffer(object, &column->view, PyBUF_STRIDED_RO) < 0) return -1;
    if (column->view.ndim != 1 || column->view.itemsize != width) {
        PyErr_Format(PyExc_TypeError, "wanted numbers of %zd bytes in a row", width);
        PyBuffer_Release(&column->view);
        return -1;
    }
    column->first = column->view.buf;
    column->step = column->view.strides[0];
    column->count = column->view.shape[0];
    return 0;
}

/* Opens all of them or none. */
static inline int open_columns(PyObject *const *objects, Column *columns, int count, Py_ssize_t width) {
    for (int at = 0; at < count; at++) {
        if (open_column(objects[at], &columns[at], width) < 0) {
            while (at--) PyBuffer_Release(&columns[at].view);
            return -1;
        }
    }
    return 0;
}

static inline void close_columns(Column *columns, int count) {
    for (int at = 0; at < count; at++) PyBuffer_Release(&columns[at].view);
}

static inline double real_at(const Column *column, Py_ssize_t place) {
    double value;
    memcpy(&value, column->first + place * column->step, sizeof value);
    return value;
}

static inline int64_t whole_at(const Column *column, Py_ssize_t place) {
    int64_t value;
    memcpy(&value, column->first + place * column->step, sizeof value);
    return value;
}

/* An error is set where it is not so. */
static inline int wants(Py_ssize_t count, Py_ssize_t wanted, const char *name) {
    if (count == wanted) return 1;
    PyErr_Format(PyExc_TypeError, "%s takes %zd arguments, got %zd", name, wanted, count);
    return 0;
}

#endif

/* What many values add to a histogram, in one pass. probe.measure.histogram is the definition, and its tests hold both to the
   same results, bit for bit. */
#include "core.h"

#include <math.h>

#define MOST_VALUES (1 << 20) /* the squares of so many 53-bit numbers add up to less than 2**127 */
#define LOWEST_EXPONENT (-1080) /* frexp gives -1073 to 1024 */
#define EXPONENTS 2200
#define BUCKETS (1 << 15)
#define MIDDLE (BUCKETS / 2)

typedef unsigned __int128 Wide;

typedef struct {
    __int128 total;
    Wide squares;
} Moments;

typedef struct {
    unsigned int counts[BUCKETS];
    int lowest, highest;
} Side;

/* All zero between calls. */
static Moments moments[EXPONENTS];
static Side sides[2];

static PyObject *take_moments(int lowest, int highest) {
    PyObject *out = PyList_New(0);
    for (int at = lowest; at <= highest; at++) {
        Moments of = moments[at];
        moments[at] = (Moments){0};
        if (of.squares == 0 || out == NULL) continue;
        Wide size = of.total < 0 ? -(Wide)of.total : (Wide)of.total;
        PyObject *item = Py_BuildValue("(iiKKKK)", at + LOWEST_EXPONENT, of.total < 0 ? -1 : 1, (unsigned long long)(size >> 64),
                                       (unsigned long long)size, (unsigned long long)(of.squares >> 64),
                                       (unsigned long long)of.squares);
        if (item == NULL || PyList_Append(out, item) < 0) Py_CLEAR(out);
        Py_XDECREF(item);
    }
    return out;
}

static PyObject *take_side(Side *side) {
    PyObject *out = PyList_New(0);
    for (int at = side->lowest; at <= side->highest; at++) {
        unsigned int count = side->counts[at];
        side->counts[at] = 0;
        if (count == 0 || out == NULL) continue;
        PyObject *item = Py_BuildValue("(iI)", at - MIDDLE, count);
        if (item == NULL || PyList_Append(out, item) < 0) Py_CLEAR(out);
        Py_XDECREF(item);
    }
    return out;
}

static void count_bucket(double value, double log_factor) {
    Side *side = &sides[value < 0];
    int at = MIDDLE + (int)ceil(log(fabs(value)) / log_factor);
    side->counts[at]++;
    if (at < side->lowest) side->lowest = at;
    if (at > side->highest) side->highest = at;
}

static PyObject *count_all(const double *values, Py_ssize_t count, double smallest, double log_factor) {
    double minimum = INFINITY, maximum = -INFINITY;
    int lowest = EXPONENTS, highest = -1;
    Py_ssize_t zeros = 0;
    for (int at = 0; at < 2; at++) sides[at].lowest = BUCKETS, sides[at].highest = -1;
    for (Py_ssize_t at = 0; at < count; at++) {
        double value = values[at] + 0.0; /* -0.0 becomes 0.0: equal values must look equal */
        minimum = value < minimum ? value : minimum;
        maximum = value > maximum ? value : maximum;
        int exponent;
        __int128 digits = (int64_t)ldexp(frexp(value, &exponent), 53);
        int place = exponent - LOWEST_EXPONENT;
        moments[place].total += digits;
        moments[place].squares += (Wide)(digits * digits);
        if (place < lowest) lowest = place;
        if (place > highest) highest = place;
        if (fabs(value) < smallest) zeros++;
        else count_bucket(value, log_factor);
    }
    PyObject *sums = take_moments(lowest, highest), *positive = take_side(&sides[0]), *negative = take_side(&sides[1]);
    if (sums != NULL && positive != NULL && negative != NULL)
        return Py_BuildValue("(ddNnNN)", minimum, maximum, sums, zeros, positive, negative);
    Py_XDECREF(sums);
    Py_XDECREF(positive);
    Py_XDECREF(negative);
    return NULL;
}

static PyObject *tally(PyObject *module, PyObject *args) {
    Py_buffer view;
    double smallest, largest, log_factor;
    if (!PyArg_ParseTuple(args, "y*ddd:tally", &view, &smallest, &largest, &log_factor)) return NULL;
    const double *values = view.buf;
    Py_ssize_t count = view.len / (Py_ssize_t)sizeof(double);
    int usual = count > 0 && count <= MOST_VALUES && (uintptr_t)view.buf % sizeof(double) == 0 && smallest > 0 && log_factor > 0
                && fabs(log(smallest)) / log_factor < MIDDLE - 2 && fabs(log(largest)) / log_factor < MIDDLE - 2;
    for (Py_ssize_t at = 0; at < count && usual; at++) usual = fabs(values[at]) <= largest; /* false for NaN */
    PyObject *result = usual ? count_all(values, count, smallest, log_factor) : Py_NewRef(Py_None);
    PyBuffer_Release(&view);
    return result;
}

static PyMethodDef methods[] = {
    {"tally", tally, METH_VARARGS,
     "Of float64 values: minimum, maximum, sums by exponent, how many are nearly zero, counts by bucket. None: leave it to Python."},
    {NULL, NULL, 0, NULL},
};

int add_tally(PyObject *module) { return PyModule_AddFunctions(module, methods); }

/* probe.native._core: the packet path of many participants, compiled. Optional; probe.native says what stands in for it. */
#include "core.h"

srtp_function srtp_protect_call = NULL, srtp_unprotect_call = NULL;

PyTypeObject *add_type(PyObject *module, PyType_Spec *spec) {
    PyTypeObject *type = (PyTypeObject *)PyType_FromSpec(spec);
    if (type != NULL && PyModule_AddType(module, type) < 0) Py_CLEAR(type);
    return type;
}

static PyObject *use_srtp(PyObject *module, PyObject *args) {
    unsigned long long protect, unprotect;
    if (!PyArg_ParseTuple(args, "KK:use_srtp", &protect, &unprotect)) return NULL;
    srtp_protect_call = (srtp_function)(uintptr_t)protect;
    srtp_unprotect_call = (srtp_function)(uintptr_t)unprotect;
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"use_srtp", use_srtp, METH_VARARGS, "Addresses of libsrtp's srtp_protect and srtp_unprotect."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, .m_name = "_core", .m_doc = "The compiled packet path.", .m_size = -1, .m_methods = methods,
};

static int (*const adders[])(PyObject *module) = {
    add_seal, add_stream, add_socket, add_reader, add_content, add_track, add_source, add_pacer,
    add_route, add_output, add_forward, add_analysis, add_playout, add_tally,
};

PyMODINIT_FUNC PyInit__core(void) {
    PyObject *module = PyModule_Create(&definition);
    if (module == NULL) return NULL;
    for (size_t at = 0; at < sizeof adders / sizeof *adders; at++) {
        if (adders[at](module) < 0) {
            Py_DECREF(module);
            return NULL;
        }
    }
    return module;
}

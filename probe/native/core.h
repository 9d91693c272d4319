/* What the files of probe.native._core share. One process, one interpreter, called with the GIL held throughout. */
#ifndef MEETPROBE_CORE_H
#define MEETPROBE_CORE_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <structmember.h>
#include <stdint.h>
#include <time.h>

#define MAX_DATAGRAM 2048
#define SRTP_TRAILER 144 /* libsrtp: SRTP_MAX_TRAILER_LEN, tag and MKI */

/* libsrtp through the addresses that pylibsrtp's binding exports: nothing has to be linked. 0 is success. */
typedef int (*srtp_function)(void *session, void *packet, int *length);
extern srtp_function srtp_protect_call, srtp_unprotect_call;

#define SRTP_REPLAY_FAIL 9
#define SRTP_REPLAY_OLD 10

/* Monotonic seconds, the same clock as Python's time.monotonic(). */
static inline double monotonic_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* Ask for all cache lines of that object ahead of its use. */
static inline void prefetch(const void *object, size_t size) {
    for (size_t at = 0; at < size; at += 64) __builtin_prefetch((const char *)object + at, 1);
}

static inline uint16_t read16(const uint8_t *at) { return (uint16_t)(at[0] << 8 | at[1]); }
static inline uint32_t read32(const uint8_t *at) {
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}
static inline uint64_t read64(const uint8_t *at) { return (uint64_t)read32(at) << 32 | read32(at + 4); }
static inline void write16(uint8_t *at, uint16_t value) { at[0] = (uint8_t)(value >> 8); at[1] = (uint8_t)value; }
static inline void write32(uint8_t *at, uint32_t value) {
    write16(at, (uint16_t)(value >> 16));
    write16(at + 2, (uint16_t)value);
}
static inline void write64(uint8_t *at, uint64_t value) {
    write32(at, (uint32_t)(value >> 32));
    write32(at + 4, (uint32_t)value);
}

/* Each file adds its types to the module; -1 with an exception set on failure. */
int add_stream(PyObject *module);
int add_socket(PyObject *module);
int add_reader(PyObject *module);
int add_content(PyObject *module);
int add_track(PyObject *module);
int add_source(PyObject *module);
int add_pacer(PyObject *module);
int add_route(PyObject *module);
int add_output(PyObject *module);
int add_forward(PyObject *module);
int add_analysis(PyObject *module);
int add_playout(PyObject *module);
int add_tally(PyObject *module);
int add_seal(PyObject *module);

/* Makes a type and adds it to the module; the reference is the caller's to keep. NULL with an exception set on failure. */
PyTypeObject *add_type(PyObject *module, PyType_Spec *spec);

#endif

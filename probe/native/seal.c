/* Seal, as Python sees it, and how a packet's nonce comes about. gcm.h does the cryptography. */
#include "gcm.h"
#include "seal.h"

#define FEW 4
#define TAG 16
#define SALT 12
#define MASTER (16 + SALT)

typedef struct {
    uint32_t ssrc;
    uint64_t index; /* of the newest packet: rollovers and sequence number (RFC 3711 section 3.3.1) */
} Sealed;

struct Seal {
    PyObject_HEAD
#ifdef GCM_BUILT
    GcmKey key;
#endif
    uint8_t salt[SALT];
    Sealed few[FEW], *streams; /* the few until there are more */
    unsigned int count, room;
};

PyTypeObject *seal_type = NULL;

#ifdef GCM_BUILT
/* The session keys, RFC 3711 section 4.3; a salt of 12 bytes counts as one of 14 that ends with zeros (RFC 7714 section 11). */
static __attribute__((target("aes,pclmul,ssse3,sse4.1"))) void derive(Seal *self, const uint8_t *master) {
    uint8_t round[AES_ROUNDS + 1][16], found[2][16];
    aes_expand(master, round);
    for (int at = 0; at < 2; at++) {
        uint8_t block[16] = {0};
        memcpy(block, master + 16, SALT);
        block[7] ^= (uint8_t)(2 * at); /* the label: 0 is the key, 2 the salt */
        gcm_store(found[at], aes_block((const uint8_t(*)[16])round, gcm_load(block)));
    }
    gcm_expand(found[0], &self->key);
    memcpy(self->salt, found[1], SALT);
}

static __attribute__((target("aes,pclmul,ssse3,sse4.1"))) void encrypt(const Seal *self, uint64_t index, uint8_t *packet, int header, int size) {
    uint8_t nonce[SALT] = {0};
    memcpy(nonce + 2, packet + 8, 4);
    write32(nonce + 6, (uint32_t)(index >> 16));
    write16(nonce + 10, (uint16_t)index);
    for (int at = 0; at < SALT; at++) nonce[at] ^= self->salt[at];
    gcm_seal(&self->key, nonce, packet, (size_t)header, (size_t)(size - header));
}

static int possible(void) { return gcm_possible(); }
#else
static void derive(Seal *self, const uint8_t *master) {}
static void encrypt(const Seal *self, uint64_t index, uint8_t *packet, int header, int size) {}
static int possible(void) { return 0; }
#endif

static Sealed *sealed_stream(Seal *self, uint32_t ssrc) {
    for (unsigned int at = 0; at < self->count; at++)
        if (self->streams[at].ssrc == ssrc) return &self->streams[at];
    return NULL;
}

static int begin_stream(Seal *self, uint32_t ssrc, uint16_t sequence) {
    if (self->count == self->room) {
        Sealed *grown = PyMem_Malloc(2 * self->room * sizeof *grown);
        if (grown == NULL) return -1;
        memcpy(grown, self->streams, self->count * sizeof *grown);
        if (self->streams != self->few) PyMem_Free(self->streams);
        self->streams = grown;
        self->room *= 2;
    }
    self->streams[self->count++] = (Sealed){ssrc, sequence};
    return 0;
}

/* The header's length (RFC 3550 section 5.1), -1 where the packet is shorter. */
static int header_length(const uint8_t *packet, int size) {
    if (size < 12 || packet[0] >> 6 != 2) return -1;
    int length = 12 + 4 * (packet[0] & 15);
    if (packet[0] & 0x10) length += size < length + 4 ? size : 4 + 4 * read16(packet + length + 2);
    return length <= size ? length : -1;
}

int seal_packet(Seal *self, uint8_t *packet, int *size, int again) {
    int header = header_length(packet, *size);
    if (header < 0) return -1;
    uint16_t sequence = read16(packet + 2);
    Sealed *stream = sealed_stream(self, read32(packet + 8));
    uint64_t index = sequence;
    if (stream != NULL) {
        index = stream->index + (uint64_t)(int64_t)(int16_t)(sequence - (uint16_t)stream->index);
        if (index > stream->index && !again && !(index >> 48)) stream->index = index;
        else if (index > stream->index || !again) return -1;
    } else if (again || begin_stream(self, read32(packet + 8), sequence) < 0) {
        return -1;
    }
    encrypt(self, index, packet, header, *size);
    *size += TAG;
    return 0;
}

void seal_prefetch(const Seal *self) { prefetch(self, sizeof *self); }

static PyObject *seal_new(PyTypeObject *type, PyObject *args, PyObject *keywords) {
    static char *names[] = {"master", NULL};
    Py_buffer master;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "y*:Seal", names, &master)) return NULL;
    Seal *self = NULL;
    if (!possible()) PyErr_SetString(PyExc_RuntimeError, "this processor has no instructions for AES-GCM");
    else if (master.len != MASTER) PyErr_SetString(PyExc_ValueError, "a master key has 16 bytes, and its salt 12");
    else if ((self = (Seal *)type->tp_alloc(type, 0)) != NULL) derive(self, master.buf);
    if (self != NULL) {
        self->streams = self->few;
        self->room = FEW;
    }
    PyBuffer_Release(&master);
    return (PyObject *)self;
}

static void seal_dealloc(Seal *self) {
    PyTypeObject *type = Py_TYPE(self);
    if (self->streams != self->few) PyMem_Free(self->streams);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyObject *seal_protect(Seal *self, PyObject *args) {
    Py_buffer packet;
    int again = 0;
    if (!PyArg_ParseTuple(args, "y*|p:protect", &packet, &again)) return NULL;
    int size = packet.len <= MAX_DATAGRAM ? (int)packet.len : 0;
    uint8_t buffer[MAX_DATAGRAM + SRTP_TRAILER];
    memcpy(buffer, packet.buf, (size_t)size);
    PyBuffer_Release(&packet);
    if (seal_packet(self, buffer, &size, again) != 0)
        return PyErr_Format(PyExc_ValueError, "no RTP packet, or one whose number was used");
    return PyBytes_FromStringAndSize((const char *)buffer, size);
}

static PyObject *seals(PyObject *module, PyObject *unused) { return PyBool_FromLong(possible()); }

static PyMethodDef functions[] = {
    {"seals", seals, METH_NOARGS, "Whether this processor can."},
    {NULL, NULL, 0, NULL},
};

static PyMethodDef seal_methods[] = {
    {"protect", (PyCFunction)seal_protect, METH_VARARGS, "The packet, encrypted and authenticated; whether it is one sent before."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot seal_slots[] = {
    {Py_tp_doc, "Protects RTP packets by AES-128-GCM: 16 bytes of master key and 12 of salt."}, {Py_tp_new, seal_new},
    {Py_tp_dealloc, seal_dealloc}, {Py_tp_methods, seal_methods}, {0, NULL},
};
static PyType_Spec seal_spec = {"probe.native._core.Seal", sizeof(Seal), 0, Py_TPFLAGS_DEFAULT, seal_slots};

int add_seal(PyObject *module) {
    seal_type = add_type(module, &seal_spec);
    return seal_type == NULL ? -1 : PyModule_AddFunctions(module, functions);
}

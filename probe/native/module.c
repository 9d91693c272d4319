/* probe.native._core: the packet path of many participants, compiled. Optional; probe.native says what stands in for it. */
#include "sender.h"

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

/* AES-128-GCM (NIST SP 800-38D) by the processor's own instructions, for packets of media: one key, one pass, in place.

   OpenSSL does the same as fast by the byte. What it costs beside is what a packet of a thousand bytes pays for: some twenty calls, and
   memory all over that is cold when hundreds of participants take turns. Here a key is 320 bytes in one piece. */
#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>

#define GCM_BUILT 1
#define GCM static inline __attribute__((always_inline, target("aes,pclmul,ssse3,sse4.1")))
#define GCM_LANES 8 /* blocks at a time: as many as keep the processor's units busy */
#define GCM_EACH _Pragma("GCC unroll 8") for (int lane = 0; lane < GCM_LANES; lane++)
#define AES_ROUNDS 10

typedef struct {
    uint8_t round[AES_ROUNDS + 1][16];
    uint8_t power[GCM_LANES][16]; /* of the hash key, first the first; reflected, and times x */
} GcmKey;

static inline int gcm_possible(void) {
    return __builtin_cpu_supports("aes") && __builtin_cpu_supports("pclmul") && __builtin_cpu_supports("sse4.1");
}

GCM __m128i gcm_load(const void *at) { return _mm_loadu_si128((const __m128i *)at); }
GCM void gcm_store(void *at, __m128i value) { _mm_storeu_si128((__m128i *)at, value); }

/* GCM's bit order is the reverse of the processor's: bytes are turned round, and bits by the way products are taken. */
GCM __m128i gcm_turn(__m128i block) {
    return _mm_shuffle_epi8(block, _mm_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
}

/* The key schedule, FIPS 197 section 5.2. */
GCM __m128i aes_next(__m128i key, __m128i assist) {
    key = _mm_xor_si128(key, _mm_slli_si128(key, 4));
    key = _mm_xor_si128(key, _mm_slli_si128(key, 8));
    return _mm_xor_si128(key, _mm_shuffle_epi32(assist, 0xFF));
}

GCM void aes_expand(const uint8_t key[16], uint8_t round[AES_ROUNDS + 1][16]) {
    __m128i at = gcm_load(key);
    gcm_store(round[0], at);
#define AES_STEP(number, constant) \
    at = aes_next(at, _mm_aeskeygenassist_si128(at, constant)); \
    gcm_store(round[number], at)
    AES_STEP(1, 0x01); AES_STEP(2, 0x02); AES_STEP(3, 0x04); AES_STEP(4, 0x08); AES_STEP(5, 0x10);
    AES_STEP(6, 0x20); AES_STEP(7, 0x40); AES_STEP(8, 0x80); AES_STEP(9, 0x1B); AES_STEP(10, 0x36);
#undef AES_STEP
}

GCM __m128i aes_block(const uint8_t round[AES_ROUNDS + 1][16], __m128i block) {
    block = _mm_xor_si128(block, gcm_load(round[0]));
    for (int number = 1; number < AES_ROUNDS; number++) block = _mm_aesenc_si128(block, gcm_load(round[number]));
    return _mm_aesenclast_si128(block, gcm_load(round[AES_ROUNDS]));
}

/* What the next blocks are encrypted with. */
GCM void aes_stream(const uint8_t round[AES_ROUNDS + 1][16], __m128i *counter, __m128i blocks[GCM_LANES]) {
    __m128i key = gcm_load(round[0]);
    GCM_EACH {
        *counter = _mm_add_epi32(*counter, _mm_set_epi32(0, 0, 0, 1));
        blocks[lane] = _mm_xor_si128(gcm_turn(*counter), key);
    }
    for (int number = 1; number < AES_ROUNDS; number++) {
        key = gcm_load(round[number]);
        GCM_EACH blocks[lane] = _mm_aesenc_si128(blocks[lane], key);
    }
    key = gcm_load(round[AES_ROUNDS]);
    GCM_EACH blocks[lane] = _mm_aesenclast_si128(blocks[lane], key);
}

/* A product of 256 bits is added to (low, high); (middle) belongs half to each. */
GCM void gcm_multiply(__m128i a, __m128i b, __m128i *low, __m128i *middle, __m128i *high) {
    *low = _mm_xor_si128(*low, _mm_clmulepi64_si128(a, b, 0x00));
    *high = _mm_xor_si128(*high, _mm_clmulepi64_si128(a, b, 0x11));
    *middle = _mm_xor_si128(*middle, _mm_clmulepi64_si128(a, b, 0x01));
    *middle = _mm_xor_si128(*middle, _mm_clmulepi64_si128(a, b, 0x10));
}

/* Modulo x^128 + x^7 + x^2 + x + 1, the bits reflected, half a word at a time. */
GCM __m128i gcm_reduce(__m128i low, __m128i middle, __m128i high) {
    const __m128i polynomial = _mm_set_epi64x(0, (long long)0xC200000000000000ULL);
    low = _mm_xor_si128(low, _mm_slli_si128(middle, 8));
    high = _mm_xor_si128(high, _mm_srli_si128(middle, 8));
    low = _mm_xor_si128(_mm_shuffle_epi32(low, 0x4E), _mm_clmulepi64_si128(low, polynomial, 0x00));
    low = _mm_xor_si128(_mm_shuffle_epi32(low, 0x4E), _mm_clmulepi64_si128(low, polynomial, 0x00));
    return _mm_xor_si128(high, low);
}

/* The hash goes on over so many bytes, the last block filled up with zeros. */
GCM __m128i gcm_hash(const GcmKey *key, __m128i hash, const uint8_t *data, size_t size) {
    const __m128i zero = _mm_setzero_si128();
    for (; size >= 16 * GCM_LANES; data += 16 * GCM_LANES, size -= 16 * GCM_LANES) {
        __m128i low = zero, middle = zero, high = zero;
        GCM_EACH {
            __m128i block = gcm_turn(gcm_load(data + 16 * lane));
            if (lane == 0) block = _mm_xor_si128(block, hash);
            gcm_multiply(block, gcm_load(key->power[GCM_LANES - 1 - lane]), &low, &middle, &high);
        }
        hash = gcm_reduce(low, middle, high);
    }
    if (size == 0) return hash;
    __m128i low = zero, middle = zero, high = zero;
    for (size_t power = (size + 15) / 16; power-- > 0; data += 16) {
        uint8_t last[16] = {0};
        __m128i block = gcm_turn(gcm_load(size < 16 ? memcpy(last, data, size) : data));
        gcm_multiply(_mm_xor_si128(block, hash), gcm_load(key->power[power]), &low, &middle, &high);
        hash = zero;
        size -= size < 16 ? size : 16;
    }
    return gcm_reduce(low, middle, high);
}

GCM void gcm_expand(const uint8_t secret[16], GcmKey *key) {
    const __m128i zero = _mm_setzero_si128();
    __m128i base = zero, power;
    aes_expand(secret, key->round);
    base = gcm_turn(aes_block(key->round, base));
    __m128i carried = _mm_srai_epi32(_mm_shuffle_epi32(base, 0xFF), 31); /* all ones where the highest bit is one */
    __m128i doubled = _mm_or_si128(_mm_slli_epi64(base, 1), _mm_slli_si128(_mm_srli_epi64(base, 63), 8));
    base = power = _mm_xor_si128(doubled, _mm_and_si128(carried, _mm_set_epi64x((long long)0xC200000000000000ULL, 1)));
    for (int at = 0; at < GCM_LANES; at++) {
        gcm_store(key->power[at], power);
        __m128i low = zero, middle = zero, high = zero;
        gcm_multiply(power, base, &low, &middle, &high);
        power = gcm_reduce(low, middle, high);
    }
}

/* Encrypt or decrypt. */
GCM void gcm_mix(const GcmKey *key, __m128i counter, uint8_t *data, size_t size) {
    __m128i blocks[GCM_LANES];
    for (; size >= 16 * GCM_LANES; data += 16 * GCM_LANES, size -= 16 * GCM_LANES) {
        aes_stream(key->round, &counter, blocks);
        GCM_EACH gcm_store(data + 16 * lane, _mm_xor_si128(gcm_load(data + 16 * lane), blocks[lane]));
    }
    if (size == 0) return;
    uint8_t rest[16 * GCM_LANES];
    aes_stream(key->round, &counter, blocks);
    GCM_EACH gcm_store(rest + 16 * lane, blocks[lane]);
    for (size_t at = 0; at < size; at++) data[at] ^= rest[at];
}

/* Encrypt `size` bytes behind `known` clear ones, in place, and write the tag of 16 bytes behind them. */
GCM void gcm_seal(const GcmKey *key, const uint8_t nonce[12], uint8_t *data, size_t known, size_t size) {
    uint8_t first[16], lengths[16];
    memcpy(first, nonce, 12);
    write32(first + 12, 1);
    write64(lengths, (uint64_t)known * 8);
    write64(lengths + 8, (uint64_t)size * 8);
    gcm_mix(key, gcm_turn(gcm_load(first)), data + known, size);
    __m128i hash = gcm_hash(key, _mm_setzero_si128(), data, known);
    hash = gcm_hash(key, hash, data + known, size);
    hash = gcm_turn(gcm_hash(key, hash, lengths, sizeof lengths));
    gcm_store(data + known + size, _mm_xor_si128(hash, aes_block(key->round, gcm_load(first))));
}

#endif

/* Seal: how a packet's nonce comes about. */

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

/* The module. */

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

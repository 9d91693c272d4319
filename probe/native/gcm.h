/* AES-128-GCM (NIST SP 800-38D) by the processor's own instructions, for packets of media: one key, one pass, in place.

   OpenSSL does the same as fast by the byte. What it costs beside is what a packet of a thousand bytes pays for: some twenty calls, and
   memory all over that is cold when hundreds of participants take turns. Here a key is 320 bytes in one piece. */
#ifndef MEETPROBE_GCM_H
#define MEETPROBE_GCM_H

#include "core.h"

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
#endif

/* Seal: protects the packets that one connection sends, by AES-128-GCM (RFC 7714), as libsrtp does it, byte for byte. */
#ifndef MEETPROBE_SEAL_H
#define MEETPROBE_SEAL_H

#include "core.h"

typedef struct Seal Seal;
extern PyTypeObject *seal_type;

/* Encrypts the clear packet in place; `size` grows by a tag, within SRTP_TRAILER. 0: done. Not 0: it is no RTP, or its number is not
   new, and the same number must not protect two packets. `again`: it is one that was sent before, unchanged. */
int seal_packet(Seal *self, uint8_t *packet, int *size, int again);

void seal_prefetch(const Seal *self);

#endif

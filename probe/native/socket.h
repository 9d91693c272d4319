/* Socket: a UDP socket that a Reader drains, and the streams that are counted there. */
#ifndef MEETPROBE_SOCKET_H
#define MEETPROBE_SOCKET_H

#include "stream.h"

#include <stddef.h>
#include <sys/socket.h>

typedef struct {
    PyObject_HEAD
    int fd;
    PyObject *token; /* whose it is, handed up with what Python has to see */
    PyObject *owner; /* keeps the SRTP session alive */
    void *session;
    Stream **streams; /* open addressing by SSRC */
    unsigned int slots, watched;
    unsigned long long bytes_received, packets;
    unsigned int socket_drops;
    struct sockaddr_storage last;
    socklen_t last_length;
    PyObject *address; /* of `last`, for Python */
} Socket;

extern PyTypeObject *socket_type;

/* Before the first drain. */
void prepare_buffers(void);

/* All that has arrived, `offset` being monotonic less wall-clock seconds: what Python has to see goes to `others`, streams to look
   at go to `attention`. 1 if some is left, which nothing tells of again; -1 with an exception set. One drain at a time. */
int socket_drain(Socket *self, double offset, PyObject *others, PyObject *attention);

static inline Stream **slot_of(Stream **table, unsigned int slots, uint32_t ssrc) {
    unsigned int at = (ssrc * 2654435761u) & (slots - 1);
    while (table[at] != NULL && table[at]->ssrc != ssrc) at = (at + 1) & (slots - 1);
    return &table[at];
}

static inline Stream *stream_of(const Socket *self, uint32_t ssrc) {
    return self->slots ? *slot_of(self->streams, self->slots, ssrc) : NULL;
}

#endif

/* What arrives on a Socket, with the kernel's arrival times.

   Packets of streams that are watched are counted here, from the header that SRTP leaves in clear (RFC 3711 section 3.1).
   Whatever else arrives (STUN, DTLS, RTCP, retransmissions, unknown sources, what makes no sense) goes up as it came. */
#include "socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>

#define BATCH 32    /* datagrams per system call */
#define CALLS_PER_SOCKET 4
#define OLDEST 10.0 /* seconds; a stamp older than this shows a stepped wall clock (probe.rtc.clock) */
#define CONTROL 128
#ifndef SO_RXQ_OVFL
#define SO_RXQ_OVFL 40
#endif

/* 32.32 fixed point, truncated to what a double holds, as probe.wire.rtp.ntp_from_fixed does it. */
static double ntp_seconds(uint64_t fixed) {
    int excess = fixed ? 64 - __builtin_clzll(fixed) - 53 : 0;
    return (double)(excess > 0 ? fixed >> excess << excess : fixed) / 4294967296.0;
}

/* The capture time and the transport-wide number of a one-byte header extension (RFC 8285 section 4.2). 0 if its lengths lie. */
static int read_elements(const Stream *stream, const uint8_t *at, const uint8_t *end, double *capture, uint32_t *transport) {
    while (at < end) {
        int identifier = *at >> 4, length = (*at & 15) + 1;
        if (*at == 0) {
            at++;
            continue;
        }
        if (identifier == 0 || identifier == 15) return 1;
        if (length > end - at - 1) return 0;
        if (identifier == stream->capture_id)
            *capture = length == 8 || length == 16 ? ntp_seconds(read64(at + 1)) - stream->ntp_offset : Py_NAN;
        else if (identifier == stream->transport_id)
            *transport = length == 2 || length == 4 ? TRANSPORT_KNOWN | read16(at + 1) : 0;
        at += 1 + length;
    }
    return 1;
}

/* Count one packet of a watched stream. 0 if it needs Python's eyes. `data` may be decrypted in place. */
static int count_packet(Socket *self, Stream *stream, uint8_t *data, int size, double arrival, PyObject *attention) {
    int header = 12 + 4 * (data[0] & 15);
    double capture = Py_NAN;
    uint32_t transport = 0;
    if ((data[1] & 0x7F) != stream->payload_type) return 0;
    if (data[0] & 0x10) {
        if (size < header + 4) return 0;
        int start = header + 4, length = 4 * read16(data + header + 2);
        int one_byte = read16(data + header) == 0xBEDE;
        header = start + length;
        if (size < header || !one_byte) return 0;
        if (!read_elements(stream, data + start, data + header, &capture, &transport)) return 0;
    }
    int payload = size - header - stream->trailer;
    if (payload < 0) return 0;
    uint32_t timestamp = read32(data + 4);
    uint16_t sequence = read16(data + 2);
    int marker = data[1] >> 7;
    if (stream->authenticate_every && ++stream->since_authenticated >= stream->authenticate_every) {
        stream->since_authenticated = 0;
        int length = size, status = srtp_unprotect_call(self->session, data, &length);
        if (status == 0) {
            stream->authenticated++;
            if (data[0] & 0x20) payload -= data[length - 1] <= payload ? data[length - 1] : 0;
        } else if (status != SRTP_REPLAY_FAIL && status != SRTP_REPLAY_OLD) {
            stream->refused++; /* not what the sender sent: it counts for nothing, and is told */
            return 1;
        }
    }
    int64_t highest = stream->highest;
    int started = stream->started;
    Fate fate = stream_packet(stream, sequence, timestamp, arrival, size - stream->trailer);
    if (stream->logging && fate.is_new) stream_log(stream, &fate, timestamp, marker, arrival, capture, (uint32_t)payload, transport);
    if (stream->logging && !stream->attention && (!started || stream->eager || fate.extended != highest + 1)) {
        stream->attention = 1;
        if (PyList_Append(attention, (PyObject *)stream) < 0) return -1;
    }
    return 1;
}

static PyObject *address_of(Socket *self, const struct sockaddr_storage *from, socklen_t length) {
    if (self->address == NULL || length != self->last_length || memcmp(from, &self->last, length) != 0) {
        char text[INET6_ADDRSTRLEN] = "";
        PyObject *address;
        if (from->ss_family == AF_INET6) {
            const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)from;
            inet_ntop(AF_INET6, &six->sin6_addr, text, sizeof text);
            address = Py_BuildValue("(siII)", text, (int)ntohs(six->sin6_port), ntohl(six->sin6_flowinfo), six->sin6_scope_id);
        } else {
            const struct sockaddr_in *four = (const struct sockaddr_in *)from;
            inet_ntop(AF_INET, &four->sin_addr, text, sizeof text);
            address = Py_BuildValue("(si)", text, (int)ntohs(four->sin_port));
        }
        if (address == NULL) return NULL;
        Py_XSETREF(self->address, address);
        memcpy(&self->last, from, length);
        self->last_length = length;
    }
    return Py_NewRef(self->address);
}

static int hand_up(Socket *self, struct msghdr *message, const uint8_t *data, int size, double arrival, PyObject *others) {
    PyObject *address = address_of(self, message->msg_name, message->msg_namelen);
    if (address == NULL) return -1;
    PyObject *item = Py_BuildValue("(Oy#Nd)", self->token, (const char *)data, (Py_ssize_t)size, address, arrival);
    if (item == NULL) return -1;
    int failed = PyList_Append(others, item);
    Py_DECREF(item);
    return failed;
}

/* Arrival by the kernel's stamp, in monotonic seconds; the time of reading where the stamp makes no sense. */
static double arrival_of(Socket *self, struct msghdr *message, double offset) {
    double now = monotonic_now(), arrival = now;
    for (struct cmsghdr *part = CMSG_FIRSTHDR(message); part != NULL; part = CMSG_NXTHDR(message, part)) {
        if (part->cmsg_level != SOL_SOCKET) continue;
        if (part->cmsg_type == SCM_TIMESTAMPNS) {
            struct timespec stamp;
            memcpy(&stamp, CMSG_DATA(part), sizeof stamp);
            double found = (double)stamp.tv_sec + (double)stamp.tv_nsec * 1e-9 + offset;
            if (now - OLDEST < found && found <= now) arrival = found;
        } else if (part->cmsg_type == SO_RXQ_OVFL) {
            memcpy(&self->socket_drops, CMSG_DATA(part), sizeof self->socket_drops);
        }
    }
    return arrival;
}

static int take_datagram(Socket *self, struct mmsghdr *message, uint8_t *data, double offset, PyObject *others, PyObject *attention) {
    int size = (int)message->msg_len;
    double arrival = arrival_of(self, &message->msg_hdr, offset);
    int is_rtp = size >= 12 && (data[0] & 0xC0) == 0x80 && (data[1] < 192 || data[1] > 223);
    Stream *stream = is_rtp && !(message->msg_hdr.msg_flags & MSG_TRUNC) ? stream_of(self, read32(data + 8)) : NULL;
    if (stream != NULL) {
        int done = count_packet(self, stream, data, size, arrival, attention);
        if (done < 0) return -1;
        if (done) {
            self->packets++;
            self->bytes_received += (unsigned long long)size;
            return 0;
        }
    }
    return hand_up(self, &message->msg_hdr, data, size, arrival, others);
}

/* Buffers are set up once: of a call's 32 places most stay unused. */
static _Alignas(16) uint8_t buffers[BATCH][MAX_DATAGRAM]; /* libsrtp wants words aligned */
static _Alignas(struct cmsghdr) char controls[BATCH][CONTROL];
static struct sockaddr_storage names[BATCH];
static struct mmsghdr messages[BATCH];
static struct iovec parts[BATCH];

static void make_ready(int at) {
    parts[at] = (struct iovec){buffers[at], MAX_DATAGRAM};
    messages[at].msg_hdr = (struct msghdr){
        .msg_name = &names[at], .msg_namelen = sizeof names[at], .msg_iov = &parts[at], .msg_iovlen = 1,
        .msg_control = controls[at], .msg_controllen = CONTROL,
    };
}

void prepare_buffers(void) {
    for (int at = 0; at < BATCH; at++) make_ready(at);
}

int socket_drain(Socket *self, double offset, PyObject *others, PyObject *attention) {
    for (int call = 0; call < CALLS_PER_SOCKET; call++) {
        int got = recvmmsg(self->fd, messages, BATCH, MSG_DONTWAIT, NULL);
        if (got < 0) {
            if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EBADF) return 0;
            continue; /* an ICMP error of an earlier send: nothing was received */
        }
        int failed = 0;
        for (int at = 0; at < got; at++) {
            if (!failed) failed = take_datagram(self, &messages[at], buffers[at], offset, others, attention) < 0;
            make_ready(at);
        }
        if (failed) return -1;
        if (got < BATCH) return 0;
    }
    return 1;
}

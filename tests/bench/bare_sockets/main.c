/* The kernel's share of the work: the same datagrams between as many sockets, at the same rate, on the same beat, and nothing
 * else. No ICE, no DTLS, no SRTP, nothing is measured or even read.
 *
 *   bare_sockets PARTICIPANTS SECONDS VIDEO_PACKETS PROCESSES
 *
 * Prints {"participants", "seconds", "cpu_seconds", "packets_sent", "packets_received"} of the window that follows a second of
 * warm-up, summed over the processes. */
#define _GNU_SOURCE
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define AUDIO_PACKETS 50
#define VIDEO_BYTES (12 + 16 + 1090 + 16) /* header, extensions, payload, AES-GCM's tag */
#define AUDIO_BYTES (12 + 16 + 80 + 16)
#define MAX_BATCH 16
#define WARM_UP 1.0

typedef struct {
    double seconds, cpu;
    long sent, received;
} Figures;

typedef struct {
    int descriptor;
    struct sockaddr_in address;
} Participant;

static double clock_now(clockid_t which) {
    struct timespec time;
    clock_gettime(which, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static Participant *participants(int count) {
    Participant *all = calloc((size_t)count, sizeof *all);
    if (all == NULL) fail("memory");
    for (int at = 0; at < count; at++) {
        int on = 1, room = 1 << 20;
        socklen_t size = sizeof all[at].address;
        all[at].descriptor = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
        if (all[at].descriptor < 0) fail("socket (ulimit -n?)");
        all[at].address = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        if (bind(all[at].descriptor, (struct sockaddr *)&all[at].address, size) < 0) fail("bind");
        if (getsockname(all[at].descriptor, (struct sockaddr *)&all[at].address, &size) < 0) fail("getsockname");
        setsockopt(all[at].descriptor, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on); /* arrival times, as ours has them */
        setsockopt(all[at].descriptor, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
    }
    return all;
}

static long drain(const Participant *one) {
    static char data[MAX_BATCH][2048], control[MAX_BATCH][64];
    struct iovec place[MAX_BATCH];
    struct mmsghdr came[MAX_BATCH];
    long received = 0;
    for (int got = MAX_BATCH; got == MAX_BATCH; received += got > 0 ? got : 0) {
        for (int at = 0; at < MAX_BATCH; at++) {
            place[at] = (struct iovec){data[at], sizeof data[at]};
            came[at] = (struct mmsghdr){.msg_hdr = {
                .msg_iov = &place[at], .msg_iovlen = 1, .msg_control = control[at], .msg_controllen = sizeof control[at]}};
        }
        got = recvmmsg(one->descriptor, came, MAX_BATCH, 0, NULL);
    }
    return received;
}

static Figures work(int count, double seconds, int video) {
    Participant *all = participants(count);
    Figures found = {0};
    static const char payload[VIDEO_BYTES];
    double rate = count * (double)(video + AUDIO_PACKETS), beats = count <= 160 ? 150 : 300;
    double start = clock_now(CLOCK_MONOTONIC), measured = -1, before = 0;
    long sent = 0, received = 0, sent_before = 0, received_before = 0;
    for (long beat = 1; ; beat++) {
        double wait = start + beat / beats - clock_now(CLOCK_MONOTONIC);
        if (wait > 0) nanosleep(&(struct timespec){0, (long)(wait * 1e9)}, NULL);
        double elapsed = clock_now(CLOCK_MONOTONIC) - start;
        if (measured < 0 && elapsed >= WARM_UP) {
            measured = elapsed;
            before = clock_now(CLOCK_PROCESS_CPUTIME_ID);
            sent_before = sent, received_before = received;
        }
        if (elapsed >= WARM_UP + seconds) {
            found.seconds = elapsed - measured;
            break;
        }
        long first = sent, due = (long)(rate * beat / beats);
        for (; sent < due; sent++) {
            const Participant *from = &all[sent % count], *to = &all[(sent % count) ^ 1];
            int is_video = (sent / count) % (video + AUDIO_PACKETS) < video;
            sendto(from->descriptor, payload, is_video ? VIDEO_BYTES : AUDIO_BYTES, 0, (const struct sockaddr *)&to->address,
                   sizeof to->address);
        }
        for (long at = first; at < due && at < first + count; at++) received += drain(&all[(at % count) ^ 1]);
    }
    found.cpu = clock_now(CLOCK_PROCESS_CPUTIME_ID) - before;
    found.sent = sent - sent_before;
    found.received = received - received_before;
    return found;
}

int main(int count, char **arguments) {
    int people = count == 5 ? atoi(arguments[1]) / 2 * 2 : 0, processes = count == 5 ? atoi(arguments[4]) : 0;
    double seconds = count == 5 ? atof(arguments[2]) : 0;
    if (people < 2 || seconds <= 0 || atoi(arguments[3]) < 1 || processes < 1 || processes > people / 2) {
        fputs("bare_sockets PARTICIPANTS SECONDS VIDEO_PACKETS PROCESSES\n", stderr);
        return 2;
    }
    Figures *each = mmap(NULL, sizeof *each * (size_t)processes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (each == MAP_FAILED) fail("mmap");
    for (int at = 0; at < processes; at++) {
        int share = (people / 2 / processes + (at < people / 2 % processes)) * 2;
        pid_t child = fork();
        if (child < 0) fail("fork");
        if (child == 0) {
            each[at] = work(share, seconds, atoi(arguments[3]));
            _exit(0);
        }
    }
    int status, failed = 0;
    while (wait(&status) > 0) failed |= status != 0;
    if (failed) return 1;
    Figures sum = {0};
    for (int at = 0; at < processes; at++) {
        sum.cpu += each[at].cpu, sum.seconds += each[at].seconds / processes;
        sum.sent += each[at].sent, sum.received += each[at].received;
    }
    printf("{\"participants\": %d, \"seconds\": %.6f, \"cpu_seconds\": %.6f, \"packets_sent\": %ld, \"packets_received\": %ld}\n",
           people, sum.seconds, sum.cpu, sum.sent, sum.received);
    return 0;
}

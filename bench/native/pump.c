/*
 * pump: replays a prepared corpus as fast as told, over UDP, TCP or HTTP, and prints what it did as JSON.
 *
 *   pump udp|udp-many|tcp|http HOST PORT CORPUS COUNT RATE CONNECTIONS DEPTH FIRST_SERIAL SECONDS
 *
 * udp sends from one socket, udp-many from CONNECTIONS of them in turns. COUNT is in messages. RATE is in messages per second, 0 means flat out. SECONDS bounds the run.
 * Every message that has room for a serial gets the next one, so the reader at the other end can tell
 * exactly which ones it never saw. The corpus format is described in bench/corpus.py.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define BURST 32            /* datagrams per sendmmsg: small enough not to be a burst the receiver would notice */
#define MAX_CONNECTIONS 64
#define STREAM_BUFFER (256 * 1024)

struct record {             /* as in the corpus file, then the data */
    uint32_t length;
    int32_t serial_offset;  /* of ten ASCII digits; -1: none */
    uint32_t serial_count;  /* how many messages the record holds */
    uint32_t serial_stride; /* bytes from one message's serial to the next one's */
    int32_t id_offset;      /* of eight bytes of chunk message id; -1: none */
    uint32_t completes;     /* messages complete once this record is sent */
};

static unsigned char *corpus, *corpus_end, *cursor;
static uint64_t serial, sent_messages, sent_bytes, sent_records;
static const uint64_t id_spread = 0x9E3779B97F4A7C15ull;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec * 1e-9;
}

static void sleep_until(double when) {
    struct timespec t = {(time_t)when, (long)((when - (time_t)when) * 1e9)};
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
}

static void die(const char *what) {
    perror(what);
    exit(1);
}

static void put_digits(unsigned char *at, uint64_t number) {
    for (int i = 9; i >= 0; i--) {
        at[i] = '0' + number % 10;
        number /= 10;
    }
}

static struct record *next_record(void) {
    struct record *record = (struct record *)cursor;
    cursor += sizeof *record + ((record->length + 3) & ~3u);
    if (cursor >= corpus_end) cursor = corpus;
    return record;
}

/* Copies a record to `to`, numbered. The serial moves on when the record completes a message. */
static uint32_t fill(struct record *record, unsigned char *to) {
    memcpy(to, record + 1, record->length);
    if (record->serial_offset >= 0)
        for (uint32_t i = 0; i < record->serial_count; i++)
            put_digits(to + record->serial_offset + (size_t)i * record->serial_stride, serial + i);
    if (record->id_offset >= 0) {
        uint64_t id = (serial + 1) * id_spread;
        memcpy(to + record->id_offset, &id, 8);
    }
    serial += record->completes;
    return record->length;
}

static int connect_to(const char *host, int port, int type) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    if (inet_pton(AF_INET, host, &to.sin_addr) != 1) die("address");
    int fd = socket(AF_INET, type, 0), one = 1;
    if (fd < 0) die("socket");
    if (connect(fd, (struct sockaddr *)&to, sizeof to) < 0) die("connect");
    if (type == SOCK_STREAM) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    }
    return fd;
}

/*
 * One sendmmsg carries messages whose datagrams have the same length as one "segmented" send each (UDP_SEGMENT): the
 * kernel cuts it into datagrams after the costly part of the way. Here that triples the rate, 200 k/s to over 600 k/s;
 * what the receiver sees is the same. Where the kernel does not know it, every datagram goes alone.
 */
#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#define MOST_SEGMENTED 60000

static void pump_udp(const char *host, int port, uint64_t count, double rate, int sockets, double start,
                     double deadline) {
    int fds[MAX_CONNECTIONS], turn = 0, size = 1 << 22, segmented = getenv("PUMP_NO_SEGMENT") == NULL;
    for (int i = 0; i < sockets; i++) {
        fds[i] = connect_to(host, port, SOCK_DGRAM);
        setsockopt(fds[i], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
        int segment = 1200;
        if (segmented && setsockopt(fds[i], IPPROTO_UDP, UDP_SEGMENT, &segment, sizeof segment) < 0) segmented = 0;
        segment = 0;
        if (segmented) setsockopt(fds[i], IPPROTO_UDP, UDP_SEGMENT, &segment, sizeof segment);
    }
    uint32_t largest = 0;
    for (unsigned char *at = corpus; at < corpus_end;) {
        struct record *record = (struct record *)at;
        if (record->length > largest) largest = record->length;
        at += sizeof *record + ((record->length + 3) & ~3u);
    }
    unsigned char *buffer = malloc((size_t)BURST * largest);
    struct mmsghdr headers[BURST];
    struct iovec parts[BURST];
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(uint16_t))];
    } controls[BURST];
    memset(headers, 0, sizeof headers);
    memset(controls, 0, sizeof controls);
    for (int i = 0; i < BURST; i++) {
        headers[i].msg_hdr.msg_iov = &parts[i];
        headers[i].msg_hdr.msg_iovlen = 1;
        controls[i].header.cmsg_level = IPPROTO_UDP;
        controls[i].header.cmsg_type = UDP_SEGMENT;
        controls[i].header.cmsg_len = CMSG_LEN(sizeof(uint16_t));
    }
    while (sent_messages < count) {
        if (rate > 0) {
            double due = start + sent_messages / rate;
            if (due - now() > 20e-6) sleep_until(due);
        }
        if (now() > deadline) break;
        int wanted = 0, datagrams = 0, complete = 1;
        uint32_t run_length = 0;
        unsigned char *to = buffer;
        for (; datagrams < BURST && sent_messages < count; datagrams++) {
            struct record *record = next_record();
            uint32_t length = fill(record, to);
            struct iovec *last = &parts[wanted - 1];
            if (segmented && wanted && length == run_length && last->iov_len + length <= MOST_SEGMENTED) {
                last->iov_len += length;
                uint16_t each = length;
                memcpy(CMSG_DATA(&controls[wanted - 1].header), &each, sizeof each);
                headers[wanted - 1].msg_hdr.msg_control = &controls[wanted - 1];
                headers[wanted - 1].msg_hdr.msg_controllen = sizeof controls[wanted - 1].space;
            } else {
                parts[wanted].iov_base = to;
                parts[wanted].iov_len = run_length = length;
                headers[wanted].msg_hdr.msg_control = NULL;
                headers[wanted].msg_hdr.msg_controllen = 0;
                wanted++;
            }
            to += length;
            sent_bytes += length;
            sent_messages += record->completes;
            complete = record->completes > 0;
        }
        for (int done = 0; done < wanted;) {
            int n = sendmmsg(fds[turn], headers + done, wanted - done, 0);
            if (n > 0) done += n;
            else if (errno == ECONNREFUSED) continue; /* left over from an earlier datagram; this one was not tried */
            else if (errno == ENOBUFS || errno == EAGAIN) usleep(10);
            else die("sendmmsg");
        }
        sent_records += datagrams;
        if (complete) turn = (turn + 1) % sockets; /* the chunks of a message stay on one socket */
    }
    for (int i = 0; i < sockets; i++) close(fds[i]);
}

struct stream {
    int fd;
    unsigned char *buffer;
    size_t filled, written;
    uint32_t outstanding;
    uint32_t matched; /* bytes of "HTTP/1." seen so far, for answers */
    uint32_t status;
};

static uint64_t answers, accepted;

/* Counts status lines. Bodies are short JSON at most, so "HTTP/1." inside one is not a worry. */
static void read_answers(struct stream *s) {
    static const char prefix[] = "HTTP/1.";
    unsigned char in[65536];
    for (;;) {
        ssize_t n = recv(s->fd, in, sizeof in, 0);
        if (n == 0) { fprintf(stderr, "closed by the listener\n"); exit(1); }
        if (n < 0) {
            if (errno == EAGAIN) return;
            die("recv");
        }
        for (ssize_t i = 0; i < n; i++) {
            if (s->matched < 7) s->matched = in[i] == (unsigned char)prefix[s->matched] ? s->matched + 1 : in[i] == 'H';
            else if (s->matched < 9) s->matched++, s->status = 0;
            else {
                s->status = s->status * 10 + (in[i] - '0');
                if (++s->matched == 12) {
                    s->matched = 0;
                    s->outstanding--;
                    answers++;
                    if (s->status / 100 == 2) accepted++;
                }
            }
        }
        if ((size_t)n < sizeof in) return;
    }
}

static void pump_streams(const char *host, int port, int http, uint64_t count, double rate, int connections,
                         uint32_t depth, double start, double deadline) {
    struct stream streams[MAX_CONNECTIONS];
    struct pollfd polls[MAX_CONNECTIONS];
    memset(streams, 0, sizeof streams);
    for (int i = 0; i < connections; i++) {
        streams[i].fd = connect_to(host, port, SOCK_STREAM);
        streams[i].buffer = malloc(STREAM_BUFFER + (1 << 20));
        polls[i].fd = streams[i].fd;
    }
    for (;;) {
        double t = now();
        /* At the end nothing new is begun, but what counts as sent is sent, and answered if there is an answer. */
        if (t > deadline + 10) break;
        if (t > deadline) count = sent_messages;
        uint64_t allowed = rate > 0 ? (uint64_t)((t - start) * rate) + 1 : count;
        if (allowed > count) allowed = count;
        int idle = 1, busy = 0;
        for (int i = 0; i < connections; i++) {
            struct stream *s = &streams[i];
            if (s->filled == 0) {
                size_t most = http ? STREAM_BUFFER : 65536;
                uint32_t started = 0;
                /* Half the depth at a time: answer for answer, pipelining would dwindle to one request a packet. */
                int room = !http || s->outstanding <= depth / 2;
                while (room && s->filled < most && sent_messages < allowed && (!http || s->outstanding < depth)) {
                    struct record *record = next_record();
                    s->filled += fill(record, s->buffer + s->filled);
                    sent_bytes += record->length;
                    sent_messages += record->completes;
                    sent_records++;
                    s->outstanding++;
                    /* Turns between connections, so that each gets its share. */
                    if (rate > 0 && ++started >= BURST) break;
                }
            }
            if (s->written < s->filled) {
                ssize_t n = send(s->fd, s->buffer + s->written, s->filled - s->written, MSG_NOSIGNAL);
                if (n < 0 && errno != EAGAIN) die("send");
                if (n > 0) {
                    s->written += n;
                    idle = 0;
                }
                if (s->written == s->filled) s->written = s->filled = 0;
            }
            int waiting = http && s->outstanding > 0;
            polls[i].events = (s->filled ? POLLOUT : 0) | (http ? POLLIN : 0);
            busy |= waiting || s->filled;
        }
        if (!busy && sent_messages >= count) break;
        if (idle) {
            /* A paced run may have to wake before any socket does. */
            int wait = rate > 0 && sent_messages < count ? 1 : 100;
            if (poll(polls, connections, wait) < 0) die("poll");
        } else if (http) poll(polls, connections, 0);
        if (http)
            for (int i = 0; i < connections; i++)
                if (polls[i].revents & (POLLIN | POLLERR | POLLHUP)) read_answers(&streams[i]);
    }
    for (int i = 0; i < connections; i++) close(streams[i].fd);
}

int main(int argc, char **argv) {
    if (argc != 11) {
        fprintf(stderr, "usage: pump udp|udp-many|tcp|http HOST PORT CORPUS COUNT RATE CONNECTIONS DEPTH FIRST_SERIAL SECONDS\n");
        return 2;
    }
    const char *mode = argv[1], *host = argv[2];
    int port = atoi(argv[3]), connections = atoi(argv[7]), file = open(argv[4], O_RDONLY);
    uint64_t count = strtoull(argv[5], NULL, 10);
    double rate = atof(argv[6]);
    uint32_t depth = atoi(argv[8]);
    struct stat status;
    if (file < 0 || fstat(file, &status) < 0) die(argv[4]);
    if (connections < 1 || connections > MAX_CONNECTIONS) connections = 1;
    corpus = mmap(NULL, status.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, file, 0);
    if (corpus == MAP_FAILED) die("mmap");
    corpus_end = corpus + status.st_size;
    cursor = corpus;
    serial = strtoull(argv[9], NULL, 10);
    double start = now(), deadline = start + atof(argv[10]);
    if (strcmp(mode, "udp") == 0) pump_udp(host, port, count, rate, 1, start, deadline);
    else if (strcmp(mode, "udp-many") == 0) pump_udp(host, port, count, rate, connections, start, deadline);
    else pump_streams(host, port, strcmp(mode, "http") == 0, count, rate, connections, depth, start, deadline);
    double seconds = now() - start;
    struct timespec cpu;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
    printf("{\"messages\": %llu, \"records\": %llu, \"bytes\": %llu, \"seconds\": %.6f, \"cpu_seconds\": %.6f, "
           "\"answers\": %llu, \"accepted\": %llu}\n",
           (unsigned long long)sent_messages, (unsigned long long)sent_records, (unsigned long long)sent_bytes, seconds,
           cpu.tv_sec + cpu.tv_nsec * 1e-9, (unsigned long long)answers, (unsigned long long)accepted);
    return 0;
}

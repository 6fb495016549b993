/*
 * sink: the physical limit. Receives and counts, and does nothing else.
 *
 *   sink PORT COUNTER [http]
 *
 * UDP datagrams are taken with recvmmsg, TCP frames are counted by their NULs, both on 127.0.0.1:PORT. With `http`,
 * requests are counted by their first word and answered 202, parsing nothing: what the sockets alone cost.
 * COUNTER is a file of eight bytes, mapped: the number of messages so far, for the bench to read at any time.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define BATCH 128
#define DATAGRAM 9216 /* the larger chunk size and some */
#define MAX_STREAMS 128

#define ANSWER "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n"
#define MOST_ANSWERS 512

static unsigned char answers[MOST_ANSWERS * sizeof ANSWER];

/* Answers the requests that begin in a read. The bench sends whole requests, so none is cut in its first line. */
static uint64_t answer(int fd, const unsigned char *data, size_t length) {
    uint64_t requests = 0;
    const unsigned char *end = data + length;
    for (const unsigned char *p = data; (p = memmem(p, end - p, "ST /gelf", 8)) != NULL; p += 8) requests++;
    for (uint64_t left = requests; left > 0;) {
        uint64_t now = left < MOST_ANSWERS ? left : MOST_ANSWERS;
        if (send(fd, answers, now * (sizeof ANSWER - 1), MSG_NOSIGNAL) < 0) return requests;
        left -= now;
    }
    return requests;
}

static void die(const char *what) {
    perror(what);
    exit(1);
}

int main(int argc, char **argv) {
    if (argc < 3) return 2;
    int http = argc > 3;
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[1]))};
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int udp = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0), tcp = socket(AF_INET, SOCK_STREAM, 0), one = 1;
    int size = 8 << 20;
    if (setsockopt(udp, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) < 0)
        setsockopt(udp, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    setsockopt(tcp, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(udp, (struct sockaddr *)&at, sizeof at) < 0 || bind(tcp, (struct sockaddr *)&at, sizeof at) < 0) die("bind");
    if (listen(tcp, 64) < 0) die("listen");
    int file = open(argv[2], O_RDWR | O_CREAT, 0600);
    if (file < 0 || ftruncate(file, 8) < 0) die(argv[2]);
    volatile uint64_t *counter = mmap(NULL, 8, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (counter == MAP_FAILED) die("mmap");

    for (int i = 0; i < MOST_ANSWERS; i++) memcpy(answers + i * (sizeof ANSWER - 1), ANSWER, sizeof ANSWER - 1);
    static unsigned char buffers[BATCH][DATAGRAM];
    static unsigned char stream[1 << 18];
    struct mmsghdr headers[BATCH];
    struct iovec parts[BATCH];
    memset(headers, 0, sizeof headers);
    for (int i = 0; i < BATCH; i++) {
        parts[i].iov_base = buffers[i];
        parts[i].iov_len = DATAGRAM;
        headers[i].msg_hdr.msg_iov = &parts[i];
        headers[i].msg_hdr.msg_iovlen = 1;
    }
    struct pollfd polls[2 + MAX_STREAMS] = {{.fd = udp, .events = POLLIN}, {.fd = tcp, .events = POLLIN}};
    int used = 2;
    for (;;) {
        if (poll(polls, used, -1) < 0) die("poll");
        if (polls[0].revents) {
            int n = recvmmsg(udp, headers, BATCH, MSG_DONTWAIT, NULL);
            if (n > 0) *counter += n;
        }
        if (polls[1].revents && used < 2 + MAX_STREAMS) {
            polls[used].fd = accept4(tcp, NULL, NULL, SOCK_NONBLOCK);
            polls[used].events = POLLIN;
            polls[used].revents = 0;
            if (polls[used].fd >= 0) used++;
        }
        for (int i = 2; i < used; i++) {
            if (!polls[i].revents) continue;
            ssize_t n = recv(polls[i].fd, stream, sizeof stream, 0);
            if (n > 0) {
                uint64_t frames = 0;
                if (http) frames = answer(polls[i].fd, stream, n);
                else for (unsigned char *p = stream; (p = memchr(p, 0, stream + n - p)) != NULL; p++) frames++;
                *counter += frames;
            } else if (n == 0 || errno != EAGAIN) {
                close(polls[i].fd);
                polls[i--] = polls[--used];
            }
        }
    }
}

// SPDX-License-Identifier: MIT
// The floor of the benchmark: an epoll server that looks at frame heads alone,
// finds where requests end and answers each with the same bytes. It decodes no
// header, keeps no stream and no window, so that what it costs is what the
// kernel and the bytes cost.
//
//     canned PORT      on 127.0.0.1; 0: any; prints where it listens

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    HEAD_BYTES = 9,
    PREFACE_BYTES = 24,
    INPUT_BYTES = 64 * 1024,
    // The shortest request is a HEADERS frame without a block.
    OUTPUT_BYTES = INPUT_BYTES / HEAD_BYTES * 96,
    EVENTS = 64,
    FRAME_DATA = 0,
    FRAME_HEADERS = 1,
    FRAME_SETTINGS = 4,
    FRAME_PING = 6,
    FLAG_ACK = 1,
    FLAG_END_STREAM = 1
};

// What a connection says first: SETTINGS with nothing in it, and a connection
// window that lasts for the whole run.
static const char greeting[] = "\0\0\0\x04\0\0\0\0\0"
                               "\0\0\x04\x08\0\0\0\0\0"
                               "\x7f\0\0\0";
static const char settings_ack[] = "\0\0\0\x04\x01\0\0\0\0";
static const char ping_ack[] = "\0\0\x08\x06\x01\0\0\0\0"; // and the payload

// ":status: 200", "content-type: application/grpc"; "Hello world12345";
// "grpc-status: 0". Nothing enters the client's HPACK table.
static const char answer[] = "\0\0\x14\x01\x04\0\0\0\0"
                             "\x88\x0f\x10\x10"
                             "application/grpc"
                             "\0\0\x17\0\0\0\0\0\0"
                             "\0\0\0\0\x12\x0a\x10"
                             "Hello world12345"
                             "\0\0\x0f\x01\x05\0\0\0\0"
                             "\0\x0b"
                             "grpc-status"
                             "\x01"
                             "0";
enum { ANSWER_BYTES = sizeof answer - 1 };

// Where the stream's number stands in the answer.
static const size_t answer_streams[] = {5, 9 + 20 + 5, 9 + 20 + 9 + 23 + 5};

struct link {
    int fd;
    size_t preface_left;
    size_t held; // bytes of an incomplete frame
    unsigned char input[INPUT_BYTES];
};

static unsigned char *put(unsigned char *out, const void *bytes, size_t size)
{
    memcpy(out, bytes, size);
    return out + size;
}

static unsigned char *put_answer(unsigned char *out, const unsigned char *head)
{
    memcpy(out, answer, ANSWER_BYTES);
    for (size_t i = 0; i < 3; i++) {
        memcpy(out + answer_streams[i], head + 5, 4);
    }
    return out + ANSWER_BYTES;
}

// frame_reply adds what a frame is answered with.
static unsigned char *frame_reply(unsigned char *out, const unsigned char *head)
{
    unsigned flags = head[4];
    switch (head[3]) {
    case FRAME_DATA:
    case FRAME_HEADERS:
        return (flags & FLAG_END_STREAM) != 0 ? put_answer(out, head) : out;
    case FRAME_SETTINGS:
        return (flags & FLAG_ACK) != 0
                   ? out
                   : put(out, settings_ack, sizeof settings_ack - 1);
    case FRAME_PING:
        if ((flags & FLAG_ACK) != 0) {
            return out;
        }
        return put(put(out, ping_ack, sizeof ping_ack - 1), head + HEAD_BYTES,
                   8);
    default:
        return out;
    }
}

// link_replies walks over the whole frames of the input, puts the replies into
// out and returns their size.
static size_t link_replies(struct link *link, size_t size, unsigned char *out)
{
    unsigned char *first = out;
    unsigned char *head = link->input;
    size_t left = size;
    size_t skip = left < link->preface_left ? left : link->preface_left;
    link->preface_left -= skip;
    head += skip;
    left -= skip;
    while (left >= HEAD_BYTES) {
        size_t frame = HEAD_BYTES +
                       ((size_t)head[0] << 16 | (size_t)head[1] << 8 | head[2]);
        if (left < frame) {
            break;
        }
        out = frame_reply(out, head);
        head += frame;
        left -= frame;
    }
    memmove(link->input, head, left);
    link->held = left;
    return (size_t)(out - first);
}

static int send_all(int fd, const void *data, size_t size)
{
    const char *bytes = data;
    while (size > 0) {
        ssize_t sent = send(fd, bytes, size, MSG_NOSIGNAL);
        if (sent < 0) {
            return -1;
        }
        bytes += sent;
        size -= (size_t)sent;
    }
    return 0;
}

static void link_ready(struct link *link)
{
    static unsigned char out[OUTPUT_BYTES];
    ssize_t got = recv(link->fd, link->input + link->held,
                       INPUT_BYTES - link->held, MSG_DONTWAIT);
    if (got > 0) {
        size_t size = link_replies(link, link->held + (size_t)got, out);
        if (send_all(link->fd, out, size) == 0) {
            return;
        }
    }
    close(link->fd);
    free(link);
}

static void accept_link(int listener, int epoll)
{
    int fd = accept(listener, NULL, NULL);
    struct link *link = calloc(1, sizeof *link);
    if (fd < 0 || link == NULL) {
        perror("accept");
        exit(1);
    }
    int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    link->fd = fd;
    link->preface_left = PREFACE_BYTES;
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = link};
    epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
    send_all(fd, greeting, sizeof greeting - 1);
}

static int listen_on(uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(port)};
    socklen_t size = sizeof address;
    struct sockaddr *general = (struct sockaddr *)&address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || bind(fd, general, size) != 0 || listen(fd, 1024) != 0 ||
        getsockname(fd, general, &size) != 0) {
        perror("listen");
        exit(1);
    }
    printf("listening 127.0.0.1:%u\n", (unsigned)ntohs(address.sin_port));
    fflush(stdout);
    return fd;
}

int main(int argc, char **argv)
{
    int listener =
        listen_on((uint16_t)(argc > 1 ? strtoul(argv[1], NULL, 10) : 0));
    int epoll = epoll_create1(0);
    struct epoll_event first = {.events = EPOLLIN, .data.ptr = NULL};
    epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &first);
    for (;;) {
        struct epoll_event events[EVENTS];
        int count = epoll_wait(epoll, events, EVENTS, -1);
        for (int i = 0; i < count; i++) {
            if (events[i].data.ptr == NULL) {
                accept_link(listener, epoll);
            } else {
                link_ready(events[i].data.ptr);
            }
        }
    }
}

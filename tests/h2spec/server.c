// SPDX-License-Identifier: MIT
// A plain HTTP/2 server on the engine alone, for h2spec: GET, HEAD and POST of
// "/" are answered with 200 and five bytes, when the request has ended.
//
//     server      listens on a free port of 127.0.0.1, and prints which
//
// It ends on SIGTERM.

#define _POSIX_C_SOURCE 200809L

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/heap.h"
#include "base/view.h"
#include "loop/loop_socket.h"
#include "tests/h2spec/wire.h"

enum {
    SERVER_WIRES = 64, // connections at once; more wait in the backlog
    SERVER_WAIT_MS = 100,
    SERVER_LINGER_MS = 1000,
};

struct server {
    grpc_allocator allocator;
    struct h2_shared shared;
    int listener;
    struct wire *wires[SERVER_WIRES];
    nfds_t count;
};

static volatile sig_atomic_t server_stopped;

static void on_signal(int number)
{
    (void)number;
    server_stopped = 1;
}

// ---- Requests ---------------------------------------------------------------

struct answer {
    const char *status;
    struct view body;
};

// What a request will be answered with: the word in stream->owner.
enum {
    ANSWER_PAGE,
    ANSWER_HEAD,
    ANSWER_NOT_FOUND,
    ANSWER_NOT_ALLOWED,
    ANSWER_TOO_LARGE,
    ANSWERS,
};

static struct answer answer_of(uintptr_t word)
{
    static const struct answer answers[ANSWERS] = {
        [ANSWER_PAGE] = {"200", {(const uint8_t *)"hello", 5}},
        [ANSWER_HEAD] = {"200", {NULL, 0}},
        [ANSWER_NOT_FOUND] = {"404", {(const uint8_t *)"none\n", 5}},
        [ANSWER_NOT_ALLOWED] = {"405", {NULL, 0}},
        [ANSWER_TOO_LARGE] = {"431", {NULL, 0}},
    };
    return answers[word];
}

static struct view find_field(const struct hpack_block *block, struct view name)
{
    for (size_t i = 0; i < block->count; i++) {
        if (view_equal(block->fields[i].name, name)) {
            return block->fields[i].value;
        }
    }
    return view_of(NULL, 0);
}

static uintptr_t choose_answer(const struct hpack_block *block)
{
    if (block->over_limit) {
        return ANSWER_TOO_LARGE;
    }
    struct view method = find_field(block, VIEW(":method"));
    bool is_head = VIEW_IS(method, "HEAD");
    if (!is_head && !VIEW_IS(method, "GET") && !VIEW_IS(method, "POST")) {
        return ANSWER_NOT_ALLOWED;
    }
    if (!VIEW_IS(find_field(block, VIEW(":path")), "/")) {
        return ANSWER_NOT_FOUND;
    }
    return is_head ? ANSWER_HEAD : ANSWER_PAGE;
}

// ---- Events of a connection -------------------------------------------------

// release_if_sent: DATA that found no window stays with its stream, which is
// released when the last of it has gone out.
static void release_if_sent(struct h2_conn *conn, struct h2_stream *stream)
{
    if (h2_queued_bytes(stream) > 0) {
        h2_want_writable(stream);
    } else {
        h2_release(conn, stream);
    }
}

// send_answer: without memory the engine closes the connection by itself, or,
// where only the body found none, the stream is reset when it is released.
static void send_answer(struct h2_conn *conn, struct h2_stream *stream)
{
    struct answer answer = answer_of((uintptr_t)stream->owner);
    const struct h2_field fields[] = {
        {.field = {.name = VIEW(":status"),
                   .value = view_of(answer.status, 3),
                   .static_name = 8},
         .mode = HPACK_INDEX},
        {.field = {.name = VIEW("content-type"),
                   .value = VIEW("text/plain"),
                   .static_name = 31},
         .mode = HPACK_INDEX},
    };
    bool bare = answer.body.size == 0;
    if (h2_send_headers(conn, stream, fields, 2, bare) && !bare &&
        h2_send_data(conn, stream, answer.body, true)) {
        release_if_sent(conn, stream);
    } else {
        h2_release(conn, stream);
    }
}

static void on_event(struct wire *wire, const struct h2_event *event)
{
    struct h2_conn *conn = &wire->h2;
    switch (event->type) {
    case H2_EVENT_HEADERS:
        if (event->headers == H2_HEADERS_REQUEST) {
            event->stream->owner = (void *)choose_answer(event->block);
        }
        break;
    case H2_EVENT_DATA:
        h2_credit(conn, event->stream, event->data.size);
        break;
    case H2_EVENT_WRITABLE:
    case H2_EVENT_RESET:
        h2_release(conn, event->stream);
        return;
    case H2_EVENT_NONE:
    case H2_EVENT_SETTINGS:
    case H2_EVENT_GOAWAY:
    case H2_EVENT_PING_ACK:
    case H2_EVENT_PING:
    case H2_EVENT_CLOSED:
        return;
    }
    if (event->end_stream) {
        send_answer(conn, event->stream);
    }
}

// ---- Connections ------------------------------------------------------------

static void accept_one(struct server *server)
{
    int fd;
    struct socket_address peer;
    if (socket_accept(server->listener, &fd, &peer) != 0) {
        return;
    }
    struct h2_options options = h2_options_default(true);
    struct wire *wire = malloc(sizeof *wire);
    if (wire != NULL) {
        wire->handler = on_event;
        wire->linger_ms = SERVER_LINGER_MS;
    }
    if (wire == NULL || !wire_start(wire, fd, &server->shared, &options)) {
        free(wire);
        socket_close(fd);
        return;
    }
    server->wires[server->count++] = wire;
}

static void drop_wire(struct server *server, nfds_t index)
{
    wire_stop(server->wires[index]);
    free(server->wires[index]);
    server->wires[index] = server->wires[--server->count];
}

static void server_step(struct server *server)
{
    struct pollfd polled[SERVER_WIRES + 1];
    nfds_t count = server->count;
    for (nfds_t i = 0; i < count; i++) {
        polled[i] = (struct pollfd){
            .fd = server->wires[i]->fd,
            .events = wire_interest(server->wires[i]),
        };
    }
    polled[count] = (struct pollfd){
        .fd = count < SERVER_WIRES ? server->listener : -1,
        .events = POLLIN,
    };
    if (poll(polled, count + 1, SERVER_WAIT_MS) < 0) {
        return; // a signal
    }
    int64_t now = wire_now();
    // From the last to the first: dropping one moves the last into its place.
    for (nfds_t i = count; i-- > 0;) {
        wire_turn(server->wires[i], polled[i].revents);
        wire_check_time(server->wires[i], now);
        if (server->wires[i]->state == WIRE_OVER) {
            drop_wire(server, i);
        }
    }
    if (polled[count].revents != 0) {
        accept_one(server);
    }
}

static bool server_listen(struct server *server)
{
    struct socket_address address;
    struct socket_address bound;
    const struct socket_listen_options options = {0};
    if (!socket_address_ip(&address, "127.0.0.1", 0) ||
        socket_listen(&address, &options, &server->listener, &bound) != 0) {
        return false;
    }
    printf("listening %u\n", (unsigned)socket_address_port(&bound));
    return fflush(stdout) == 0;
}

int main(void)
{
    static struct server server;
    struct sigaction action = {.sa_handler = on_signal};
    server.allocator = heap_allocator();
    h2_shared_init(&server.shared, &server.allocator);
    if (sigaction(SIGTERM, &action, NULL) != 0 || !server_listen(&server)) {
        fprintf(stderr, "server: cannot listen\n");
        return 1;
    }
    while (!server_stopped) {
        server_step(&server);
    }
    while (server.count > 0) {
        drop_wire(&server, 0);
    }
    h2_shared_fini(&server.shared);
    socket_close(server.listener);
    return 0;
}

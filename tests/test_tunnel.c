// SPDX-License-Identifier: MIT
// The head of a proxy's answer at every split; the conversation over a port
// that does what a table says; and whole connections through a proxy on loopback.

#include "tests/unit.h"

#include <netinet/in.h>
#include <poll.h>

#include "core/tunnel.h"
#include "tests/core_kit.h"

// ---- The head of an answer --------------------------------------------------

struct tunnel_row {
    const char *bytes;
    enum tunnel_answer answer;
    const char *expected; // OPEN: what is left; REFUSED: the line
};

// tunnel_feed gives the input in pieces: up to first, then size by size.
static enum tunnel_answer tunnel_feed(struct tunnel_head *head,
                                      struct view input, size_t first,
                                      size_t size, size_t *out_used)
{
    enum tunnel_answer answer = TUNNEL_MORE;
    size_t at = 0;
    memset(head, 0, sizeof *head);
    while (at < input.size && answer == TUNNEL_MORE) {
        size_t part = at == 0 ? first : size;
        part = part < input.size - at ? part : input.size - at;
        size_t used = SIZE_MAX;
        answer = tunnel_head_feed(head, view_of(input.data + at, part), &used);
        assert_true(used <= part);
        assert_true(answer == TUNNEL_OPEN || used == part);
        at += used;
    }
    *out_used = at;
    return answer;
}

static void tunnel_expect(const struct tunnel_row *row, size_t first,
                          size_t size)
{
    struct tunnel_head head;
    struct view input = view_of(row->bytes, strlen(row->bytes));
    size_t used = 0;
    enum tunnel_answer answer = tunnel_feed(&head, input, first, size, &used);
    if (answer != row->answer) {
        fail_msg("\"%s\": %d", row->bytes, (int)answer);
    }
    if (answer == TUNNEL_OPEN) {
        assert_string_equal(row->bytes + used, row->expected);
    } else if (answer == TUNNEL_REFUSED) {
        assert_string_equal(head.line, row->expected);
    }
}

static void test_tunnel__head_at_every_split(void **state)
{
    static const struct tunnel_row rows[] = {
        {"HTTP/1.1 200 OK\r\n\r\n", TUNNEL_OPEN, ""},
        {"HTTP/1.1 200 Connection established\r\n\r\nPRI", TUNNEL_OPEN, "PRI"},
        {"HTTP/1.0 200 OK\r\nVia: x\r\nX: y\r\n\r\n\r\n", TUNNEL_OPEN, "\r\n"},
        {"HTTP/1.1 299 \r\n\r\n", TUNNEL_OPEN, ""},
        {"HTTP/1.1 204\r\n\r\n", TUNNEL_OPEN, ""},
        {"HTTP/1.1 200 OK\n\nx", TUNNEL_OPEN, "x"},
        {"HTTP/1.1 200 OK\nA: b\r\n\nx", TUNNEL_OPEN, "x"},
        // Odd lines, and what would be content for any other request.
        {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", TUNNEL_OPEN,
         "hello"},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0", TUNNEL_OPEN,
         "0"},
        {"HTTP/1.1 200 OK\r\nA: b\r\n\tfolded\r\n folded\r\n\r\n.", TUNNEL_OPEN,
         "."},
        {"HTTP/1.1 200 OK\r\nno colon\r\n:\r\n \r\n\x80\xff\r\n\r\n.",
         TUNNEL_OPEN, "."},
        {"HTTP/1.1 200 OK\r\nA\r\r\n\r\r\nB\r\n\r\n.", TUNNEL_OPEN, "."},
        {"HTTP/1.1 200 OK\r\n\rA\r\n\r\n.", TUNNEL_OPEN, "."},
        // Other answers.
        {"HTTP/1.1 403 Forbidden\r\n", TUNNEL_REFUSED,
         "HTTP/1.1 403 Forbidden"},
        {"HTTP/1.1 407 Proxy Authentication Required\r\nA: b\r\n\r\n<html>",
         TUNNEL_REFUSED, "HTTP/1.1 407 Proxy Authentication Required"},
        {"HTTP/1.0 502\n", TUNNEL_REFUSED, "HTTP/1.0 502"},
        {"HTTP/1.1 100 Continue\r\n\r\n", TUNNEL_REFUSED,
         "HTTP/1.1 100 Continue"},
        {"HTTP/1.1 200OK\r\n\r\n", TUNNEL_REFUSED, "HTTP/1.1 200OK"},
        {"HTTP/1.1 2000 OK\r\n\r\n", TUNNEL_REFUSED, "HTTP/1.1 2000 OK"},
        {"HTTP/1.1 20\r\n\r\n", TUNNEL_REFUSED, "HTTP/1.1 20"},
        {"HTTP/1.1 20x OK\r\n\r\n", TUNNEL_REFUSED, "HTTP/1.1 20x OK"},
        {"HTTP/1.1  200 OK\r\n\r\n", TUNNEL_REFUSED, "HTTP/1.1  200 OK"},
        {"HTTP/1.1\t200 OK\r\n\r\n", TUNNEL_REFUSED, "HTTP/1.1?200 OK"},
        {"HTTP/1.2 200 OK\r\n\r\n", TUNNEL_REFUSED, "HTTP/1.2 200 OK"},
        {"HTTP/1.\r\n\r\n", TUNNEL_REFUSED, "HTTP/1."},
        {"HTTP/1.1 2\r00 OK\r\n\r\n", TUNNEL_REFUSED, "HTTP/1.1 2?00 OK"},
        {"HTTP/1.1 500 \x1b[2J\xc3\xa4\x7f\r\n", TUNNEL_REFUSED,
         "HTTP/1.1 500 ?[2J???"},
        // What is no HTTP/1 is known before its line ends.
        {"HTTP/2", TUNNEL_FOREIGN, ""},
        {"http/1.1 200 OK\r\n", TUNNEL_FOREIGN, ""},
        {"\r\nHTTP/1.1 200 OK\r\n", TUNNEL_FOREIGN, ""},
        {"\n", TUNNEL_FOREIGN, ""},
        {"HTTP\n", TUNNEL_FOREIGN, ""},
        {"SSH-2.0-x", TUNNEL_FOREIGN, ""},
        {"\x15\x03\x01", TUNNEL_FOREIGN, ""},
        // No end yet.
        {"", TUNNEL_MORE, ""},
        {"HTTP/1", TUNNEL_MORE, ""},
        {"HTTP/1.1 403 Forbidden\r", TUNNEL_MORE, ""},
        {"HTTP/1.1 200 OK\r\n", TUNNEL_MORE, ""},
        {"HTTP/1.1 200 OK\r\nA: b\r\n\r", TUNNEL_MORE, ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        size_t size = strlen(rows[i].bytes);
        tunnel_expect(&rows[i], 1, 1);
        for (size_t first = 1; first <= size; first++) {
            tunnel_expect(&rows[i], first, SIZE_MAX);
        }
    }
}

// tunnel_long makes a head of exactly size bytes, and two more bytes.
static void tunnel_long(char *bytes, size_t size)
{
    static const char begin[] = "HTTP/1.1 200 OK\r\nA: ";
    memset(bytes, 'a', size);
    memcpy(bytes, begin, sizeof begin - 1);
    memcpy(bytes + size - 4, "\r\n\r\n..", 7);
}

static void test_tunnel__head_has_a_bound(void **state)
{
    static char bytes[CORE_PROXY_HEAD_BYTES + 100];
    (void)state;
    struct tunnel_row row = {bytes, TUNNEL_OPEN, ".."};
    tunnel_long(bytes, CORE_PROXY_HEAD_BYTES);
    tunnel_expect(&row, 1, 1);
    tunnel_expect(&row, SIZE_MAX, 1);
    row.answer = TUNNEL_ENDLESS;
    tunnel_long(bytes, CORE_PROXY_HEAD_BYTES + 1);
    tunnel_expect(&row, 1, 1);
    tunnel_expect(&row, SIZE_MAX, 1);
    // A first line without an end, and one that is only long.
    memset(bytes, 'x', sizeof bytes - 1);
    memcpy(bytes, "HTTP/1.1 200 ", 13);
    tunnel_expect(&row, 1, 1);
    memcpy(bytes + 8000, "\r\n\r\n..", 7);
    row.answer = TUNNEL_OPEN;
    tunnel_expect(&row, 1, 1);
    memcpy(bytes, "HTTP/1.1 500 ", 13);
    char expected[TUNNEL_LINE_MAX + 1];
    memcpy(expected, bytes, TUNNEL_LINE_MAX);
    expected[TUNNEL_LINE_MAX] = '\0';
    row.answer = TUNNEL_REFUSED;
    row.expected = expected;
    tunnel_expect(&row, 1, 1);
}

// ---- The conversation -------------------------------------------------------

// A port that takes and gives as much as it is told, or fails.
struct tunnel_port {
    struct loop_port port;
    size_t takes; // of one write; 0: nothing now
    int error;    // of the next write or read, instead
    char sent[256];
    size_t sent_size;
    const char *gives; // the next read; NULL: nothing now
    uint8_t buffer[4096];
};

static int tunnel_port_write(void *user, int fd, const struct view *views,
                             size_t count, size_t *out_size)
{
    struct tunnel_port *port = user;
    assert_int_equal(fd, 7);
    assert_int_equal(count, 1);
    if (port->error != 0 || port->takes == 0) {
        int error = port->error;
        port->error = 0;
        return error != 0 ? error : EAGAIN;
    }
    size_t size = views->size < port->takes ? views->size : port->takes;
    memcpy(port->sent + port->sent_size, views->data, size);
    port->sent_size += size;
    port->takes -= size;
    *out_size = size;
    return 0;
}

static int tunnel_port_read(void *user, int fd, uint8_t *buffer, size_t size,
                            size_t *out_size)
{
    struct tunnel_port *port = user;
    assert_int_equal(fd, 7);
    if (port->error != 0 || port->gives == NULL) {
        int error = port->error;
        port->error = 0;
        return error != 0 ? error : EAGAIN;
    }
    *out_size = strlen(port->gives);
    assert_true(*out_size <= size);
    memcpy(buffer, port->gives, *out_size);
    port->gives = NULL;
    return 0;
}

static const struct proxy_tunnel tunnel_request = {"CONNECT a:1 x", 13};

static void tunnel_port_init(struct tunnel_port *port, struct tunnel *tunnel)
{
    memset(port, 0, sizeof *port);
    port->port.user = port;
    port->port.write = tunnel_port_write;
    port->port.read = tunnel_port_read;
    *tunnel = (struct tunnel){.request = &tunnel_request};
}

static enum tunnel_result tunnel_go(struct tunnel_port *port,
                                    struct tunnel *tunnel, const char *expected)
{
    const struct tunnel_io io = {&port->port, 7, port->buffer,
                                 sizeof port->buffer};
    struct view rest = VIEW("unset");
    char reason[TUNNEL_REASON] = "";
    enum tunnel_result result = tunnel_step(tunnel, &io, &rest, reason);
    if (result == TUNNEL_FAILED) {
        assert_string_equal(reason, expected);
    } else {
        assert_int_equal(rest.size, strlen(expected));
        assert_memory_equal(rest.data == NULL ? (const void *)"" : rest.data,
                            expected, rest.size);
    }
    return result;
}

static void test_tunnel__request_goes_out_in_pieces(void **state)
{
    static struct tunnel_port port;
    struct tunnel tunnel;
    (void)state;
    tunnel_port_init(&port, &tunnel);
    assert_int_equal(tunnel_go(&port, &tunnel, ""), TUNNEL_SENDS);
    port.error = EINTR;
    for (size_t sent = 1; sent < tunnel_request.size; sent++) {
        port.takes = 1;
        assert_int_equal(tunnel_go(&port, &tunnel, ""), TUNNEL_SENDS);
        assert_int_equal(port.sent_size, sent);
    }
    port.takes = 9;
    assert_int_equal(tunnel_go(&port, &tunnel, ""), TUNNEL_READS);
    assert_int_equal(port.sent_size, tunnel_request.size);
    assert_memory_equal(port.sent, tunnel_request.request, port.sent_size);
    assert_int_equal(tunnel_go(&port, &tunnel, ""), TUNNEL_READS);
    port.error = EINTR;
    assert_int_equal(tunnel_go(&port, &tunnel, ""), TUNNEL_READS);
    port.gives = "HTTP/1.1 200 OK\r\n\r";
    assert_int_equal(tunnel_go(&port, &tunnel, ""), TUNNEL_READS);
    port.gives = "\nrest";
    assert_int_equal(tunnel_go(&port, &tunnel, "rest"), TUNNEL_READY);
    assert_int_equal(port.sent_size, tunnel_request.size);
}

static void test_tunnel__failures_have_words(void **state)
{
    static struct tunnel_port port;
    struct tunnel tunnel;
    char text[256];
    (void)state;
    tunnel_port_init(&port, &tunnel);
    port.error = EPIPE;
    (void)snprintf(text, sizeof text, "write: %s", kit_error(EPIPE));
    assert_int_equal(tunnel_go(&port, &tunnel, text), TUNNEL_FAILED);
    static const struct {
        const char *first;
        const char *second; // "": the end
        const char *expected;
    } rows[] = {
        {"", NULL, "it closed the connection without an answer"},
        {"HTTP/1.1 200 OK\r\n", "",
         "it closed the connection within its "
         "answer"},
        {"H", "", "it closed the connection within its answer"},
        {"HTTP/1.1 403 For", "bidden\r\nmore", "HTTP/1.1 403 Forbidden"},
        {"HELLO", NULL, "it does not answer in HTTP/1"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        tunnel_port_init(&port, &tunnel);
        port.takes = 99;
        assert_int_equal(tunnel_go(&port, &tunnel, ""), TUNNEL_READS);
        port.gives = rows[i].first;
        if (rows[i].second != NULL) {
            assert_int_equal(tunnel_go(&port, &tunnel, ""), TUNNEL_READS);
            port.gives = rows[i].second;
        }
        assert_int_equal(tunnel_go(&port, &tunnel, rows[i].expected),
                         TUNNEL_FAILED);
    }
    tunnel_port_init(&port, &tunnel);
    port.takes = 99;
    assert_int_equal(tunnel_go(&port, &tunnel, ""), TUNNEL_READS);
    port.error = ECONNRESET;
    (void)snprintf(text, sizeof text, "read: %s", kit_error(ECONNRESET));
    assert_int_equal(tunnel_go(&port, &tunnel, text), TUNNEL_FAILED);
    // Reads go on until the bound.
    static char line[1001];
    memset(line, 'a', sizeof line - 1);
    memcpy(line, "HTTP/1.1 200 OK\r\n", 17);
    tunnel_port_init(&port, &tunnel);
    port.takes = 99;
    assert_int_equal(tunnel_go(&port, &tunnel, ""), TUNNEL_READS);
    for (int i = 0; i < 8; i++) {
        port.gives = line;
        assert_int_equal(tunnel_go(&port, &tunnel, ""), TUNNEL_READS);
    }
    port.gives = line;
    assert_int_equal(tunnel_go(&port, &tunnel,
                               "the head of its answer is larger than 8 KiB"),
                     TUNNEL_FAILED);
}

// ---- Whole connections ------------------------------------------------------

// A client's connection to a proxy, which the test plays, and what its owner
// was told.
struct tun {
    struct test_heap heap;
    grpc_loop *loop;
    struct conn_rules rules;
    struct conn *conn;
    int listener;
    struct socket_address address;
    char name[SOCKET_ADDRESS_TEXT]; // of the proxy
    struct kit_peer peer;           // the proxy's end
    struct proxy_tunnel request;
    int ready;
    int closed;
    char reason[400];
};

static void tun_on_ready(struct conn *conn)
{
    struct tun *tun = conn->owner;
    tun->ready++;
}

static void tun_on_event(struct conn *conn, const struct h2_event *event)
{
    (void)conn;
    (void)event;
    fail_msg("there are no calls");
}

static void tun_on_goaway(struct conn *conn, const struct h2_event *event)
{
    (void)conn;
    (void)event;
}

static void tun_on_nothing(struct conn *conn)
{
    (void)conn;
}

static void tun_on_closed(struct conn *conn, const char *reason)
{
    struct tun *tun = conn->owner;
    tun->closed++;
    (void)snprintf(tun->reason, sizeof tun->reason, "%s", reason);
}

static void tun_on_gone(struct conn *conn)
{
    struct tun *tun = conn->owner;
    tun->conn = NULL;
}

static const struct conn_role tun_role = {
    .ready = tun_on_ready,
    .headers = tun_on_event,
    .data = tun_on_event,
    .reset = tun_on_event,
    .writable = tun_on_event,
    .goaway = tun_on_goaway,
    .overdue = tun_on_nothing,
    .closed = tun_on_closed,
    .gone = tun_on_gone,
};

static const char tun_text[] =
    "CONNECT example.com:80 HTTP/1.1\r\nHost: example.com:80\r\n\r\n";

static void tun_listen(struct tun *tun)
{
    struct socket_address any;
    assert_true(socket_address_ip(&any, "127.0.0.1", 0));
    assert_int_equal(
        socket_listen(&any, &(struct socket_listen_options){.backlog = 9},
                      &tun->listener, &tun->address),
        0);
    socket_address_text(&tun->address, tun->name);
}

static void tun_await(int fd)
{
    struct pollfd watched = {.fd = fd, .events = POLLIN};
    assert_int_equal(poll(&watched, 1, 10000), 1);
}

// tun_begin_with connects to the proxy, and the proxy accepts.
static void tun_begin_with(struct tun *tun, const char *backend, bool proxied)
{
    struct h2_limits_fault fault;
    memset(tun, 0, sizeof *tun);
    test_heap_init(&tun->heap);
    tun->loop = kit_loop(&tun->heap, backend);
    assert_true(
        h2_limits_resolve(&(grpc_limits){0}, &tun->rules.limits, &fault));
    rules_for_channel(&tun->rules, &(grpc_channel_options){0}, tun->loop);
    tun_listen(tun);
    tun->request = (struct proxy_tunnel){tun_text, sizeof tun_text - 1};
    tun->conn = conn_new(tun->loop, &tun_role, tun, &tun->rules, &tun->address);
    assert_non_null(tun->conn);
    assert_int_equal(
        conn_connect(tun->conn, 5000, proxied ? &tun->request : NULL), 0);
    tun_await(tun->listener);
    struct socket_address peer;
    int fd = -1;
    assert_int_equal(socket_accept(tun->listener, &fd, &peer), 0);
    kit_peer_init(&tun->peer, fd, true);
    assert_int_equal(tun->conn->state, CONN_CONNECTING);
    for (int i = 0; i < 1000 && tun->conn->state == CONN_CONNECTING; i++) {
        assert_int_equal(grpc_loop_step(tun->loop, 10), GRPC_OK);
        conn_check(tun->conn);
    }
}

static void tun_begin(struct tun *tun, const char *backend)
{
    tun_begin_with(tun, backend, true);
}

static void tun_end(struct tun *tun)
{
    if (tun->conn != NULL) {
        conn_close(tun->conn, "the test is over");
    }
    kit_turn(tun->loop);
    assert_null(tun->conn);
    assert_int_equal(tun->closed, 1);
    assert_int_equal(grpc_loop_free(tun->loop), GRPC_OK);
    assert_true(test_heap_is_clean(&tun->heap));
    kit_peer_fini(&tun->peer);
    socket_close(tun->listener);
}

// tun_expect_request: the proxy has been asked, and for nothing more.
static void tun_expect_request(struct tun *tun)
{
    char bytes[512];
    tun_await(tun->peer.fd);
    ssize_t size = recv(tun->peer.fd, bytes, sizeof bytes, MSG_DONTWAIT);
    assert_int_equal(size, sizeof tun_text - 1);
    assert_memory_equal(bytes, tun_text, sizeof tun_text - 1);
}

// tun_expect_open: HTTP/2 has begun, and both ends have the other's SETTINGS.
static void tun_expect_open(struct tun *tun)
{
    for (int i = 0; i < 1000 && (tun->ready == 0 || tun->peer.settings == 0);
         i++) {
        assert_int_equal(grpc_loop_step(tun->loop, 10), GRPC_OK);
        kit_read(&tun->peer);
    }
    assert_int_equal(tun->ready, 1);
    assert_int_equal(tun->conn->state, CONN_READY);
    assert_true(tun->peer.settings > 0);
    conn_check(tun->conn);
}

static const char tun_yes[] = "HTTP/1.1 200 Connection established\r\n"
                              "Via: 1.1 test\r\n\r\n";

// tun_answer is the answer with the server's first frames behind it: empty
// SETTINGS, and a PING.
static size_t tun_answer(uint8_t *out)
{
    size_t size = sizeof tun_yes - 1;
    memcpy(out, tun_yes, size);
    return size + test_unhex("000000 04 00 00000000"
                             "000008 06 00 00000000 3132333435363738",
                             out + size, 64);
}

static void tun_run_split(const char *backend, size_t first)
{
    static struct tun tun;
    uint8_t bytes[256];
    size_t size = tun_answer(bytes);
    tun_begin(&tun, backend);
    assert_int_equal(tun.conn->state, CONN_TUNNEL);
    tun_expect_request(&tun);
    kit_send(&tun.peer, bytes, first);
    kit_turn(tun.loop);
    assert_int_equal(tun.conn->state, first < sizeof tun_yes - 1 ? CONN_TUNNEL
                                      : first < sizeof tun_yes - 1 + 9
                                          ? CONN_HANDSHAKE
                                          : CONN_READY);
    conn_check(tun.conn);
    kit_send(&tun.peer, bytes + first, size - first);
    tun_expect_open(&tun);
    // The PING, which came in the same bytes, is answered too.
    kit_expect(&tun.peer, tun.loop,
               "WINDOW_UPDATE 0 983041\nPING 12345678 ack\n");
    tun_end(&tun);
}

static void test_tunnel__server_speaks_at_every_split(void **state)
{
    uint8_t bytes[256];
    size_t size = tun_answer(bytes);
    (void)state;
    for (size_t first = 1; first <= size; first++) {
        tun_run_split(NULL, first);
    }
    for (size_t i = 0; i < KIT_BACKENDS; i++) {
        tun_run_split(kit_backends[i], 1);
        tun_run_split(kit_backends[i], size);
    }
}

// tun_bytes_at_rest is what a connection takes when HTTP/2 has begun, through a
// proxy or not.
static size_t tun_bytes_at_rest(bool proxied)
{
    static struct tun tun;
    static const uint8_t settings[9] = {0, 0, 0, 4};
    tun_begin_with(&tun, NULL, proxied);
    if (proxied) {
        assert_non_null(tun.conn->tunnel);
        tun_expect_request(&tun);
        kit_send(&tun.peer, tun_yes, sizeof tun_yes - 1);
    }
    kit_send(&tun.peer, settings, sizeof settings);
    tun_expect_open(&tun);
    kit_turn(tun.loop);
    assert_null(tun.conn->held); // in whose place the tunnel was
    size_t bytes = tun.heap.live_bytes;
    tun_end(&tun);
    return bytes;
}

static void test_tunnel__leaves_nothing_behind(void **state)
{
    (void)state;
    assert_int_equal(tun_bytes_at_rest(true), tun_bytes_at_rest(false));
}

static void test_tunnel__refusals_are_told(void **state)
{
    static const struct {
        const char *answer; // NULL: the proxy closes
        const char *expected;
    } rows[] = {
        {"HTTP/1.1 403 Forbidden\r\n\r\n", "HTTP/1.1 403 Forbidden"},
        {"HTTP/1.1 407 \x01\xff\r\n", "HTTP/1.1 407 ??"},
        {"SSH-2.0", "it does not answer in HTTP/1"},
        {NULL, "it closed the connection without an answer"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        static struct tun tun;
        char expected[512];
        tun_begin(&tun, NULL);
        tun_expect_request(&tun);
        if (rows[i].answer == NULL) {
            (void)shutdown(tun.peer.fd, SHUT_WR);
        } else {
            kit_send(&tun.peer, rows[i].answer, strlen(rows[i].answer));
        }
        kit_wait(tun.loop, &tun.closed, 1);
        (void)snprintf(expected, sizeof expected, "proxy %s: %s", tun.name,
                       rows[i].expected);
        assert_string_equal(tun.reason, expected);
        tun_end(&tun);
    }
}

static void test_tunnel__reset_within_the_request(void **state)
{
    static struct tun tun;
    (void)state;
    tun_begin(&tun, NULL);
    const struct linger at_once = {.l_onoff = 1};
    assert_int_equal(setsockopt(tun.peer.fd, SOL_SOCKET, SO_LINGER, &at_once,
                                sizeof at_once),
                     0);
    (void)close(tun.peer.fd);
    tun.peer.fd = -1;
    kit_wait(tun.loop, &tun.closed, 1);
    char expected[512];
    (void)snprintf(expected, sizeof expected, "proxy %s: read: %s", tun.name,
                   kit_error(ECONNRESET));
    assert_string_equal(tun.reason, expected);
    tun_end(&tun);
}

// The time limit of connecting is that of the answer too.
static void test_tunnel__times_out(void **state)
{
    static struct tun tun;
    char expected[512];
    (void)state;
    tun_begin(&tun, NULL);
    tun_expect_request(&tun);
    kit_skip(tun.loop, 4900);
    kit_send(&tun.peer, tun_yes, 20);
    kit_turn(tun.loop);
    assert_int_equal(tun.closed, 0);
    kit_skip(tun.loop, 200);
    assert_int_equal(tun.closed, 1);
    (void)snprintf(expected, sizeof expected, "proxy %s: no answer in time",
                   tun.name);
    assert_string_equal(tun.reason, expected);
    tun_end(&tun);
    // And of SETTINGS that do not come through the tunnel.
    tun_begin(&tun, NULL);
    kit_send(&tun.peer, tun_yes, sizeof tun_yes - 1);
    kit_turn(tun.loop);
    assert_int_equal(tun.conn->state, CONN_HANDSHAKE);
    kit_skip(tun.loop, 5100);
    assert_int_equal(tun.closed, 1);
    (void)snprintf(expected, sizeof expected,
                   "HTTP/2 with %s: no SETTINGS in time", tun.name);
    assert_string_equal(tun.reason, expected);
    tun_end(&tun);
}

static void test_tunnel__proxy_that_is_not_there(void **state)
{
    static struct tun tun;
    char expected[512];
    (void)state;
    memset(&tun, 0, sizeof tun);
    test_heap_init(&tun.heap);
    tun.loop = kit_loop(&tun.heap, NULL);
    tun_listen(&tun);
    socket_close(tun.listener);
    tun.request = (struct proxy_tunnel){tun_text, sizeof tun_text - 1};
    tun.conn = conn_new(tun.loop, &tun_role, &tun, &tun.rules, &tun.address);
    assert_int_equal(conn_connect(tun.conn, 5000, &tun.request), 0);
    kit_wait(tun.loop, &tun.closed, 1);
    (void)snprintf(expected, sizeof expected, "connect to proxy %s: %s",
                   tun.name, kit_error(ECONNREFUSED));
    assert_string_equal(tun.reason, expected);
    kit_turn(tun.loop);
    assert_null(tun.conn);
    assert_int_equal(grpc_loop_free(tun.loop), GRPC_OK);
    assert_true(test_heap_is_clean(&tun.heap));
}

static void test_tunnel__ended_by_its_owner(void **state)
{
    static struct tun tun;
    (void)state;
    tun_begin(&tun, NULL);
    conn_finish(tun.conn, view_of(NULL, 0));
    assert_string_equal(tun.reason, "not needed any more");
    tun_end(&tun);
    tun_begin(&tun, NULL);
    conn_close(tun.conn, "enough");
    assert_string_equal(tun.reason, "enough");
    tun_end(&tun);
}

// tun_without_memory lets the n-th allocation fail, and returns how many there
// were before HTTP/2 had begun.
static size_t tun_without_memory(size_t fail_at)
{
    static struct tun tun;
    struct h2_limits_fault fault;
    memset(&tun, 0, sizeof tun);
    test_heap_init(&tun.heap);
    tun.loop = kit_loop(&tun.heap, NULL);
    assert_true(
        h2_limits_resolve(&(grpc_limits){0}, &tun.rules.limits, &fault));
    rules_for_channel(&tun.rules, &(grpc_channel_options){0}, tun.loop);
    tun_listen(&tun);
    tun.request = (struct proxy_tunnel){tun_text, sizeof tun_text - 1};
    tun.conn = conn_new(tun.loop, &tun_role, &tun, &tun.rules, &tun.address);
    assert_non_null(tun.conn);
    size_t before = tun.heap.calls;
    tun.heap.fail_at = before + fail_at;
    if (conn_connect(tun.conn, 5000, &tun.request) != 0) {
        conn_discard(tun.conn);
        tun.closed = 1;
        tun.conn = NULL;
    }
    int fd = -1;
    struct socket_address peer;
    if (tun.closed == 0) {
        tun_await(tun.listener);
        assert_int_equal(socket_accept(tun.listener, &fd, &peer), 0);
        assert_int_equal(send(fd, tun_yes, sizeof tun_yes - 1, MSG_NOSIGNAL),
                         sizeof tun_yes - 1);
    }
    for (int i = 0;
         i < 1000 && tun.closed == 0 && tun.conn->state != CONN_HANDSHAKE;
         i++) {
        assert_int_equal(grpc_loop_step(tun.loop, 10), GRPC_OK);
    }
    size_t calls = tun.heap.calls - before;
    if (fail_at != 0 && fail_at <= calls && tun.conn != NULL) {
        assert_int_equal(tun.closed, 1);
    }
    tun.heap.fail_at = 0;
    if (tun.conn != NULL) {
        conn_close(tun.conn, "the test is over");
    }
    kit_turn(tun.loop);
    assert_int_equal(tun.closed, 1);
    assert_int_equal(grpc_loop_free(tun.loop), GRPC_OK);
    assert_true(test_heap_is_clean(&tun.heap));
    (void)close(fd);
    socket_close(tun.listener);
    return calls;
}

static void test_tunnel__no_memory(void **state)
{
    (void)state;
    size_t calls = tun_without_memory(0);
    assert_true(calls >= 3); // the tunnel, the hints, the engine's
    for (size_t i = 1; i <= calls; i++) {
        (void)tun_without_memory(i);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tunnel__head_at_every_split),
        cmocka_unit_test(test_tunnel__head_has_a_bound),
        cmocka_unit_test(test_tunnel__request_goes_out_in_pieces),
        cmocka_unit_test(test_tunnel__failures_have_words),
        cmocka_unit_test(test_tunnel__server_speaks_at_every_split),
        cmocka_unit_test(test_tunnel__leaves_nothing_behind),
        cmocka_unit_test(test_tunnel__refusals_are_told),
        cmocka_unit_test(test_tunnel__reset_within_the_request),
        cmocka_unit_test(test_tunnel__times_out),
        cmocka_unit_test(test_tunnel__proxy_that_is_not_there),
        cmocka_unit_test(test_tunnel__ended_by_its_owner),
        cmocka_unit_test(test_tunnel__no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

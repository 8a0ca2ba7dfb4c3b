// SPDX-License-Identifier: MIT

#include "tests/unit.h"

#include "tests/secure_kit.h"

#include "core/conn_secure.h"

static void test_conn_secure__carries_calls(void **state)
{
    (void)state;
    struct secure_kit *kit = secure_begin_kit(NULL);
    secure_call_ok(kit);
    assert_string_equal(kit->greeter.name, "Ann");
    secure_call_ok(kit);
    assert_string_equal(kit->client_side.log, "");
    assert_string_equal(kit->server_side.log, "");
    secure_end_kit(kit);
}

// ---- Cuts -------------------------------------------------------------------

// cut_call has the bytes of one direction stop at one place, and come later.
static bool cut_call(const struct secure_how *how, bool to_server, size_t at,
                     unsigned kind)
{
    struct secure_kit *kit = secure_begin_kit(how);
    kit->server_side.toy.lazy = kit->client_side.toy.lazy = kind == 1;
    kit->server_side.toy.greedy = kit->client_side.toy.greedy = kind == 2;
    kit->server_side.toy.sums = kit->client_side.toy.sums = true;
    struct secure_side *from =
        to_server ? &kit->client_side : &kit->server_side;
    secure_call(kit);
    for (int idle = 0; idle < 6 && from->carried < at;) {
        secure_step(kit);
        size_t size = secure_carry(kit, to_server, at - from->carried);
        size += secure_carry(kit, !to_server, SIZE_MAX);
        idle = secure_idle(kit, idle, size);
    }
    secure_rest(kit);
    secure_expect(kit, GRPC_OK, "");
    assert_string_equal(kit->result.reply, "Hello Ann");
    bool was_cut = from->carried > at;
    secure_end_kit(kit);
    return was_cut;
}

static void test_conn_secure__every_cut(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < 3; kind++) {
        for (int to_server = 0; to_server < 2; to_server++) {
            size_t at = 0;
            while (cut_call(&(struct secure_how){.client = NULL},
                            to_server != 0, at, kind)) {
                at++;
            }
            assert_true(at > 100);
        }
    }
}

static void test_conn_secure__byte_by_byte(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < 3; kind++) {
        struct secure_kit *kit = secure_begin_kit(NULL);
        kit->server_side.toy.lazy = kit->client_side.toy.lazy = kind == 1;
        kit->server_side.toy.greedy = kit->client_side.toy.greedy = kind == 2;
        secure_call(kit);
        for (int idle = 0; idle < 6;) {
            secure_step(kit);
            size_t size = secure_carry(kit, true, 1);
            size += secure_carry(kit, false, 1);
            idle = secure_idle(kit, idle, size);
        }
        secure_expect(kit, GRPC_OK, "");
        secure_end_kit(kit);
    }
}

// A session that leaves input does not keep the loop busy while no more comes.
static void test_conn_secure__waits_for_the_rest(void **state)
{
    (void)state;
    struct secure_kit *kit = secure_begin_kit(NULL);
    kit->server_side.toy.lazy = true;
    secure_rest(kit);
    assert_int_equal(secure_carry(kit, true, 2), 2);
    secure_rest(kit);
    int steps = kit->server_side.toy.steps;
    assert_true(steps > 0);
    secure_rest(kit);
    assert_int_equal(kit->server_side.toy.steps, steps);
    assert_int_not_equal(grpc_loop_timeout(kit->server_side.loop), 0);
    secure_call_ok(kit);
    // And with the session open.
    secure_call(kit);
    secure_step(kit);
    assert_int_equal(secure_carry(kit, true, 5), 5);
    secure_rest(kit);
    assert_int_not_equal(grpc_loop_timeout(kit->server_side.loop), 0);
    secure_expect(kit, GRPC_OK, "");
    secure_end_kit(kit);
}

// ---- Handshakes that fail ---------------------------------------------------

// Who is in the way of a handshake, and what then is said: by the call's status,
// and by the server's log. Words are in a table of tests of these alone.
struct fail_row {
    const char *name;
    struct toy client;
    struct toy server;
    grpc_tls_options client_options; // and roots
    grpc_tls_options server_options; // and an identity
    const char *status;
    const char *log;
};

static grpc_result fail_verify(const grpc_identity *peer, char *reason,
                               size_t reason_size, void *self)
{
    assert_string_equal(peer->protocol, "toy");
    assert_string_equal(peer->alpn, "h2");
    assert_int_equal(peer->level, GRPC_PRIVATE);
    (void)snprintf(reason, reason_size, "%s", (const char *)self);
    return GRPC_EINVAL;
}

static char fail_words[] = "it is not on the list";
static char fail_no_words[] = "";

static const char fail_lost[] =
    "TLS with unix:: the peer closed the connection in the handshake\n";

static const struct fail_row fail_rows[] = {
    {
        .name = "the client has no memory",
        .client = {.no_session = true},
        .status = "TLS with unix:: out of memory",
        .log = "TLS with unix:: the peer closed the connection before it "
               "began\n",
    },
    {
        .name = "the server has no memory",
        .server = {.no_session = true},
        .status = "TLS with unix:: the peer closed the connection in the "
                  "handshake",
        .log = "TLS with unix:: out of memory\n",
    },
    {
        .name = "wrong name",
        .server = {.name = "other.example"},
        .client = {.name = "other.example"},
        .status = "TLS with unix:: the certificate is for other.example, not "
                  "for localhost",
        .log = "TLS with unix:: the peer sent an alert\n",
    },
    {
        .name = "wrong name, and the library does not ask",
        .client = {.name = "other.example", .no_check = true},
        .status = "TLS with unix:: the certificate is for other.example, not "
                  "for localhost",
        .log = "connection to unix: closed: the peer closed the connection, "
               "without TLS's close_notify\n",
    },
    {
        .name = "wrong name, and the library does not obey",
        .client = {.name = "other.example", .obedient = true},
        .status = "TLS with unix:: the certificate is for other.example, not "
                  "for localhost",
        .log = "connection to unix: closed: the peer closed the connection, "
               "without TLS's close_notify\n",
    },
    {
        .name = "a name that is not to be printed",
        .client = {.name = "a\nb\377c"},
        .status = "TLS with unix:: the certificate is for a?b?c, not for "
                  "localhost",
        .log = "TLS with unix:: the peer sent an alert\n",
    },
    {
        .name = "not verified",
        .client = {.unverified = true},
        .status = "TLS with unix:: the certificate was not verified",
        .log = "TLS with unix:: the peer sent an alert\n",
    },
    {
        .name = "a client that was not verified",
        .server = {.unverified = true},
        .status = "TLS with unix:: the peer sent an alert",
        .log = "TLS with unix:: the certificate was not verified\n",
    },
    {
        .name = "no certificate of a client",
        .server = {.not_shown = true},
        .server_options = {.clients = GRPC_CLIENTS_REQUIRED, .roots = {"r", 1}},
        .status = "TLS with unix:: the peer sent an alert",
        .log = "TLS with unix:: the client has shown no certificate\n",
    },
    {
        .name = "no certificate of a server",
        .client = {.not_shown = true},
        .status = "TLS with unix:: the server has shown no certificate",
        .log = "TLS with unix:: the peer sent an alert\n",
    },
    {
        .name = "none of a server, which verify alone would look at",
        .client = {.not_shown = true},
        .client_options = {.check = GRPC_CHECK_CHAIN,
                           .verify = fail_verify,
                           .self = fail_words},
        .status = "TLS with unix:: the server has shown no certificate",
        .log = "TLS with unix:: the peer sent an alert\n",
    },
    {
        .name = "none of a server, for verify that pins it",
        .client = {.not_shown = true},
        .client_options = {.check = GRPC_CHECK_NOTHING,
                           .verify = fail_verify,
                           .self = fail_words},
        .status = "TLS with unix:: the server has shown no certificate",
        .log = "TLS with unix:: the peer sent an alert\n",
    },
    {
        .name = "no h2",
        .client = {.no_alpn = true},
        .status = "TLS with unix:: the peer does not agree on h2 by ALPN",
        .log = "TLS with unix:: the peer sent an alert\n",
    },
    {
        .name = "no h2 of a client",
        .server = {.no_alpn = true},
        .status = "TLS with unix:: the peer sent an alert",
        .log = "TLS with unix:: the peer does not agree on h2 by ALPN\n",
    },
    {
        .name = "another protocol",
        .client = {.alpn = "h3\r"},
        .status = "TLS with unix:: the peer does not agree on h2 by ALPN, but "
                  "has h3?",
        .log = "TLS with unix:: the peer sent an alert\n",
    },
    {
        .name = "verify refuses",
        .client_options = {.verify = fail_verify, .self = fail_words},
        .status =
            "TLS with unix:: verify refuses the certificate: it is not on "
            "the list",
        .log = "TLS with unix:: the peer sent an alert\n",
    },
    {
        .name = "verify refuses, and does not say why",
        .client_options = {.verify = fail_verify, .self = fail_no_words},
        .status = "TLS with unix:: verify refuses the certificate: GRPC_EINVAL",
        .log = "TLS with unix:: the peer sent an alert\n",
    },
    {
        .name = "verify of a server refuses",
        .server_options = {.clients = GRPC_CLIENTS_REQUIRED,
                           .roots = {"r", 1},
                           .verify = fail_verify,
                           .self = fail_words},
        .status = "TLS with unix:: the peer sent an alert",
        .log = "TLS with unix:: verify refuses the certificate: it is not on "
               "the list\n",
    },
    {
        .name = "nothing is known of the peer",
        .client = {.no_identity = true, .no_check = true},
        .status = "TLS with unix:: out of memory",
        .log = "connection to unix: closed: the peer closed the connection, "
               "without TLS's close_notify\n",
    },
    {
        .name = "a library without words",
        .client = {.no_identity = true, .silent = true},
        .status = "TLS with unix:: the TLS library does not say why",
        .log = "TLS with unix:: the peer sent an alert\n",
    },
};

static struct secure_kit *fail_begin(const struct fail_row *row)
{
    struct secure_kit *kit = secure_init();
    kit->client_side.toy = row->client;
    kit->server_side.toy = row->server;
    grpc_tls_options client = row->client_options;
    client.roots = GRPC_STR("roots");
    client.library = &toy_tls;
    client.library_data = &kit->client_side.toy;
    grpc_tls_options server = row->server_options;
    server.identity =
        (grpc_tls_identity){.certificate = GRPC_STR("c"), .key = GRPC_STR("k")};
    server.library = &toy_tls;
    server.library_data = &kit->server_side.toy;
    const struct secure_how how = {.client = grpc_tls_client(&client),
                                   .server = grpc_tls_server(&server)};
    secure_serve(kit, &how);
    secure_join(kit, &how);
    return kit;
}

static void test_conn_secure__failed_handshakes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof fail_rows / sizeof *fail_rows; i++) {
        const struct fail_row *row = &fail_rows[i];
        struct secure_kit *kit = fail_begin(row);
        secure_call(kit);
        secure_turn(kit);
        if (strcmp(kit->result.text, row->status) != 0 ||
            strcmp(kit->server_side.log, row->log) != 0) {
            print_message("row \"%s\"\n", row->name);
        }
        secure_expect(kit, GRPC_UNAVAILABLE, row->status);
        assert_string_equal(kit->server_side.log, row->log);
        // Sessions are given back before the connections, which linger.
        assert_int_equal(kit->client_side.toy.open_sessions, 0);
        kit_skip(kit->server_side.loop, CORE_LINGER_MS + 1);
        kit_skip(kit->client_side.loop, CORE_LINGER_MS + 1);
        assert_true(list_is_empty(&kit->server->conns));
        assert_true(list_is_empty(&kit->channel->conns));
        secure_end_kit(kit);
    }
}

// What need not be so.
static const struct fail_row good_rows[] = {
    {
        .name = "no h2, which the client admits",
        .client = {.no_alpn = true},
        .client_options = {.allow_no_alpn = true},
    },
    {
        .name = "no h2, which the server admits",
        .server = {.no_alpn = true},
        .server_options = {.allow_no_alpn = true},
    },
    {
        .name = "anybody may be the peer",
        .client = {.name = "other.example", .unverified = true},
        .client_options = {.check = GRPC_CHECK_NOTHING},
    },
    {
        .name = "a client without a certificate",
        .server = {.not_shown = true},
    },
    {
        .name = "a client without the certificate that was asked for",
        .server = {.not_shown = true},
        .server_options = {.clients = GRPC_CLIENTS_REQUESTED,
                           .roots = {"r", 1}},
    },
    {
        .name = "another name, of the options",
        .client = {.name = "other.example"},
        .client_options = {.server_name = "other.example"},
    },
    {
        .name = "a server has no name to look for",
        .server = {.name = "ann"},
    },
    {
        .name = "a library that leaves checking to us",
        .client = {.no_check = true},
        .server = {.no_check = true},
    },
};

static void test_conn_secure__what_need_not_be(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof good_rows / sizeof *good_rows; i++) {
        struct secure_kit *kit = fail_begin(&good_rows[i]);
        secure_call(kit);
        secure_turn(kit);
        if (kit->result.code != GRPC_OK) {
            print_message("row \"%s\"\n", good_rows[i].name);
        }
        secure_expect(kit, GRPC_OK, "");
        secure_end_kit(kit);
    }
}

// ---- Ends -------------------------------------------------------------------

// The peer hangs up when so many bytes have been carried: words of whom it left.
static size_t lost_after(bool to_server, size_t at, char *text, size_t size)
{
    struct secure_kit *kit = secure_begin_kit(NULL);
    struct secure_side *from =
        to_server ? &kit->client_side : &kit->server_side;
    struct secure_side *to = to_server ? &kit->server_side : &kit->client_side;
    kit->greeter.late = true;
    secure_call(kit);
    for (int idle = 0; idle < 6 && from->carried < at;) {
        secure_step(kit);
        size_t moved = secure_carry(kit, to_server, at - from->carried);
        moved += secure_carry(kit, !to_server, SIZE_MAX);
        idle = secure_idle(kit, idle, moved);
    }
    secure_rest(kit);
    assert_int_equal(shutdown(to->fd, SHUT_WR), 0);
    secure_rest(kit);
    if (to_server) {
        (void)snprintf(text, size, "%s", kit->server_side.log);
    } else {
        (void)snprintf(text, size, "%s", kit->result.text);
    }
    // The other side's end of it.
    secure_hang_up(from);
    secure_hang_up(to);
    secure_rest(kit);
    assert_int_equal(kit->result.done, 1);
    assert_int_equal(kit->result.code, GRPC_UNAVAILABLE);
    kit_skip(kit->server_side.loop, CORE_LINGER_MS + 1);
    assert_true(list_is_empty(&kit->server->conns));
    size_t carried = from->carried;
    secure_end_kit(kit);
    return carried;
}

static void test_conn_secure__the_peer_is_lost(void **state)
{
    (void)state;
    static const char before[] =
        "TLS with unix:: the peer closed the connection before it began\n";
    static const char open[] =
        "connection to unix: closed: the peer closed the "
        "connection, without TLS's close_notify";
    char text[512];
    // A HELLO of 12 bytes, a DONE of 3, and what follows.
    for (size_t at = 0;; at++) {
        bool is_all = lost_after(true, at, text, sizeof text) < at;
        if (at == 0) {
            assert_string_equal(text, before);
        } else if (at < 15) {
            assert_string_equal(text, fail_lost);
        } else {
            assert_memory_equal(text, open, strlen(open));
            assert_string_equal(text + strlen(open), "\n");
        }
        if (is_all) {
            assert_true(at > 100);
            break;
        }
    }
    // A HELLO of 5 bytes.
    for (size_t at = 0;; at++) {
        bool is_all = lost_after(false, at, text, sizeof text) < at;
        if (at < 5) {
            assert_string_equal(text, "TLS with unix:: the peer closed the "
                                      "connection in the handshake");
        } else {
            assert_string_equal(text, open);
        }
        if (is_all) {
            assert_true(at > 40);
            break;
        }
    }
}

// end_record has a side read a record that its peer never sent.
static void end_record(struct secure_kit *kit, struct secure_side *to, int type)
{
    const uint8_t record[] = {(uint8_t)type, 0, 0};
    assert_int_equal(send(to->fd, record, sizeof record, MSG_NOSIGNAL), 3);
    secure_rest(kit);
}

static void test_conn_secure__ends_in_mid_call(void **state)
{
    (void)state;
    static const struct {
        int type;
        const char *status;
        int answer; // the record that the peer is sent then
    } rows[] = {
        {TOY_CLOSE,
         "connection to unix: closed: the peer closed the connection",
         TOY_CLOSE},
        {TOY_ALERT, "read from unix:: TLS: the peer sent an alert", 0},
        {TOY_DONE, "read from unix:: TLS: that is no data", TOY_ALERT},
        {99, "read from unix:: TLS: that is no record", TOY_ALERT},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct secure_kit *kit = secure_begin_kit(NULL);
        kit->greeter.late = true;
        secure_call(kit);
        secure_turn(kit);
        assert_int_equal(kit->greeter.handled, 1);
        kit->client_side.ended = true; // (and is not carried, but looked at)
        end_record(kit, &kit->client_side, rows[i].type);
        secure_expect(kit, GRPC_UNAVAILABLE, rows[i].status);
        uint8_t bytes[64];
        ssize_t size =
            recv(kit->client_side.fd, bytes, sizeof bytes, MSG_DONTWAIT);
        if (rows[i].answer == 0) {
            assert_int_equal(size, 0);
        } else {
            assert_true(size >= 3);
            assert_int_equal(bytes[0], rows[i].answer);
            assert_int_equal(recv(kit->client_side.fd, bytes, 1, MSG_DONTWAIT),
                             0);
        }
        secure_end_kit(kit);
    }
}

// A server that leaves says so, in TLS as well.
static void test_conn_secure__a_server_leaves(void **state)
{
    (void)state;
    struct secure_kit *kit = secure_begin_kit(NULL);
    secure_call_ok(kit);
    assert_int_equal(grpc_server_drain(kit->server, GRPC_NEVER), GRPC_OK);
    secure_turn(kit);
    assert_true(grpc_server_is_stopped(kit->server));
    assert_string_equal(kit->client_side.log,
                        "connection finished; the peer had sent GOAWAY "
                        "NO_ERROR \"graceful_stop\"\n");
    secure_end_kit(kit);
}

// What was sent before the end of a session is dealt with before that, though it
// is held back for a while.
static void test_conn_secure__an_end_behind_held_input(void **state)
{
    (void)state;
    enum { CALLS = 20 };
    static struct kit_result results[CALLS];
    memset(results, 0, sizeof results);
    struct secure_kit *kit = secure_begin_kit(&(struct secure_how){
        .server_options = {.limits = {.streams_per_turn = 1}}});
    secure_call_ok(kit);
    for (int i = 0; i < CALLS; i++) {
        kit_call(kit->channel, "Ann", &results[i]);
    }
    kit_turn(kit->client_side.loop);
    assert_true(secure_carry(kit, true, SIZE_MAX) > 0);
    const uint8_t close[] = {TOY_CLOSE, 0, 0};
    assert_int_equal(send(kit->server_side.fd, close, 3, MSG_NOSIGNAL), 3);
    assert_int_equal(shutdown(kit->server_side.fd, SHUT_WR), 0);
    assert_int_equal(grpc_loop_step(kit->server_side.loop, 0), GRPC_OK);
    assert_true(kit->greeter.handled < CALLS);
    secure_rest(kit);
    assert_int_equal(kit->greeter.handled, 1 + CALLS);
    assert_string_equal(kit->server_side.log,
                        "connection to unix: closed: the peer closed the "
                        "connection\n");
    secure_end_kit(kit);
}

// A client that is gone when it is answered in the handshake.
static void test_conn_secure__nobody_to_answer(void **state)
{
    (void)state;
    static const uint8_t hello[] = {TOY_HELLO, 0, 0, TOY_DONE, 0, 0};
    char text[128];
    (void)snprintf(text, sizeof text, "write to unix:: %.80s\n",
                   kit_error(EPIPE));
    for (size_t size = 3; size <= 6; size += 3) {
        struct secure_kit *kit = secure_init();
        secure_serve(kit, &(struct secure_how){.client = NULL});
        int fd = secure_accept(kit);
        assert_int_equal(send(fd, hello, size, MSG_NOSIGNAL), (ssize_t)size);
        assert_int_equal(grpc_loop_step(kit->server_side.loop, 0), GRPC_OK);
        assert_int_equal(kit->server_side.toy.steps, 1);
        assert_int_equal(close(fd), 0);
        kit_turn(kit->server_side.loop);
        assert_string_equal(kit->server_side.log, size == 6 ? text : fail_lost);
        assert_true(list_is_empty(&kit->server->conns));
        assert_int_equal(kit->server->gate.inside, 0);
        secure_end_kit(kit);
    }
}

// ---- Plain text -------------------------------------------------------------

static void test_conn_secure__tls_meets_plain(void **state)
{
    (void)state;
    struct secure_kit *kit =
        secure_begin_kit(&(struct secure_how){.client_is_plain = true});
    secure_call(kit);
    secure_expect(kit, GRPC_UNAVAILABLE,
                  "connection to unix: closed: the peer closed the connection "
                  "before HTTP/2 began, as one that speaks TLS does");
    assert_string_equal(kit->server_side.log,
                        "TLS with unix:: that is no record\n");
    secure_end_kit(kit);
    kit = secure_begin_kit(&(struct secure_how){.server_is_plain = true});
    secure_call(kit);
    secure_expect(kit, GRPC_UNAVAILABLE, "TLS with unix:: that is no record");
    secure_end_kit(kit);
}

// ---- Large messages, and peers that do not read -----------------------------

static void small_sockets(int fd)
{
    const int size = 4096;
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size),
                     0);
}

static void large_say(grpc_call *call, const struct kit_hello *request,
                      void *self)
{
    (void)self;
    struct kit_hello reply = {.name = request->name};
    (void)grpc_call_reply(call, &reply);
}

struct large_result {
    int done;
    bool same;
    char *sent;
};

enum { LARGE_BYTES = 3000000, LARGE_CALLS = 3 };

static void large_done(grpc_call *call, const grpc_status *status,
                       const struct kit_hello *reply, void *self)
{
    struct large_result *result = self;
    assert_non_null(call);
    assert_string_equal(status->message, "");
    assert_int_equal(status->code, GRPC_OK);
    result->done++;
    result->same = reply->name.size == LARGE_BYTES &&
                   memcmp(reply->name.data, result->sent, LARGE_BYTES) == 0;
}

// Both ways at once, through small buffers.
static void test_conn_secure__large_messages(void **state)
{
    (void)state;
    static char sent[LARGE_BYTES];
    uint64_t seed = 3;
    for (size_t i = 0; i < sizeof sent; i++) {
        sent[i] = (char)('a' + test_random(&seed) % 26);
    }
    struct secure_kit *kit = secure_init();
    const struct secure_how how = {.say = large_say};
    secure_serve(kit, &how);
    int fds[2];
    kit_pair_of_sockets(fds);
    small_sockets(fds[0]);
    small_sockets(fds[1]);
    const grpc_channel_options options = secure_channel_options(kit, &how);
    kit->channel = grpc_channel_new_fd(fds[0], &options);
    assert_int_equal(grpc_server_serve_fd(kit->server, fds[1]), GRPC_OK);
    kit->server_side.toy.sums = kit->client_side.toy.sums = true;
    struct large_result results[LARGE_CALLS] = {{0}};
    const struct kit_hello request = {.name = {sent, LARGE_BYTES}};
    for (int i = 0; i < LARGE_CALLS; i++) {
        results[i].sent = sent;
        assert_non_null(grpc_unary_start(kit->channel, &kit_methods[0],
                                         &request, (grpc_function *)large_done,
                                         &results[i], NULL));
    }
    for (int i = 0;
         i < 1000000 &&
         results[0].done + results[1].done + results[2].done < LARGE_CALLS;
         i++) {
        secure_step(kit);
        LIST_EACH (link, after, &kit->server->conns) {
            conn_check(LIST_OWNER(link, struct conn, link_owner));
        }
    }
    for (int i = 0; i < LARGE_CALLS; i++) {
        assert_int_equal(results[i].done, 1);
        assert_true(results[i].same);
    }
    secure_end_kit(kit);
}

// A peer that takes nothing: what is sealed for it has a bound, and it has a time.
static void test_conn_secure__the_peer_takes_nothing(void **state)
{
    (void)state;
    struct secure_kit *kit = secure_begin_kit(NULL);
    secure_call_ok(kit);
    struct conn *conn =
        LIST_OWNER(list_first(&kit->channel->conns), struct conn, link_owner);
    small_sockets(conn->source.fd);
    static char text[1 << 20];
    memset(text, 'x', sizeof text);
    struct kit_result result = {0};
    assert_non_null(kit_call_with(kit->channel, (grpc_str){text, sizeof text},
                                  &result, NULL));
    size_t before = kit->client_side.heap.live_bytes;
    secure_rest(kit);
    size_t waits = secure_waits(&conn->secure->session->output).size;
    assert_true(waits > 0);
    assert_true(waits <= (size_t)3 * GRPC_TLS_ROOM);
    assert_true(conn_secure_has_output(conn));
    assert_true(kit->client_side.heap.live_bytes <= before + waits + 4096);
    kit_skip(kit->client_side.loop, conn->h2.limits->write_stall_ms + 2);
    assert_int_equal(result.done, 1);
    assert_string_equal(result.text,
                        "connection to unix: closed: HTTP/2 ENHANCE_YOUR_CALM: "
                        "the peer does not take what it asked for");
    secure_end_kit(kit);
}

// A peer that asks and does not read the answers is read no more.
static void test_conn_secure__answers_have_a_bound(void **state)
{
    (void)state;
    static uint8_t asks[3 * 16384];
    for (size_t i = 0; i < sizeof asks; i += 3) {
        asks[i] = TOY_ASK;
    }
    struct secure_kit *kit = secure_begin_kit(NULL);
    secure_call_ok(kit);
    struct conn *conn =
        LIST_OWNER(list_first(&kit->server->conns), struct conn, link_owner);
    small_sockets(conn->source.fd);
    int fd = kit->server_side.fd;
    size_t sent = 0;
    for (int i = 0; i < 4000; i++) {
        ssize_t size = send(fd, asks, sizeof asks, MSG_DONTWAIT | MSG_NOSIGNAL);
        sent += size > 0 ? (size_t)size : 0;
        if (size > 0 && size % 3 != 0) {
            const uint8_t rest[3] = {TOY_ASK, 0, 0};
            size_t gap = 3 - (size_t)size % 3;
            while (send(fd, rest + 3 - gap, gap, MSG_DONTWAIT | MSG_NOSIGNAL) !=
                   (ssize_t)gap) {
                assert_int_equal(grpc_loop_step(kit->server_side.loop, 0),
                                 GRPC_OK);
                if (!conn_may_read(conn)) {
                    break;
                }
            }
        }
        assert_int_equal(grpc_loop_step(kit->server_side.loop, 0), GRPC_OK);
        assert_true(secure_waits(&conn->secure->session->output).size <
                    (size_t)5 * GRPC_TLS_ROOM);
        if (!conn_may_read(conn)) {
            break;
        }
    }
    assert_true(conn_secure_is_full(conn));
    assert_false(conn_may_read(conn));
    assert_true(sent > (size_t)3 * GRPC_TLS_ROOM);
    // It is at rest now: nobody spins.
    secure_rest(kit);
    assert_int_not_equal(grpc_loop_timeout(kit->server_side.loop), 0);
    kit_skip(kit->server_side.loop, conn->h2.limits->write_stall_ms + 2);
    assert_non_null(strstr(kit->server_side.log,
                           "connection to unix: closed: HTTP/2 "
                           "ENHANCE_YOUR_CALM: the peer does not take what it "
                           "asked for\n"));
    secure_end_kit(kit);
}

// Asked so often that the room for answers is used up, a session goes on.
static void test_conn_secure__all_is_answered(void **state)
{
    (void)state;
    enum { ASKS = 5000 };
    static uint8_t asks[3 * ASKS];
    struct secure_kit *kit = secure_begin_kit(NULL);
    secure_call_ok(kit);
    for (size_t i = 0; i < sizeof asks; i += 3) {
        asks[i] = TOY_ASK;
    }
    kit_turn(kit->server_side.loop);
    size_t carried = kit->server_side.carried;
    assert_int_equal(send(kit->server_side.fd, asks, sizeof asks, MSG_NOSIGNAL),
                     (ssize_t)sizeof asks);
    secure_turn(kit);
    assert_int_equal(kit->server_side.carried - carried, sizeof asks);
    secure_call_ok(kit);
    secure_end_kit(kit);
}

// ---- Libraries that break the contract --------------------------------------

static void test_conn_secure__broken_libraries(void **state)
{
    (void)state;
    struct secure_kit *kit = secure_begin_kit(NULL);
    secure_call_ok(kit);
    kit->client_side.toy.idle = true;
    secure_call(kit);
    secure_expect(kit, GRPC_UNAVAILABLE,
                  "write to unix:: TLS: the TLS library toy 1 breaks its "
                  "contract");
    secure_end_kit(kit);
    kit = secure_begin_kit(NULL);
    secure_call_ok(kit);
    kit->greeter.late = true;
    secure_call(kit);
    secure_turn(kit);
    kit->client_side.toy.idle = true;
    end_record(kit, &kit->client_side, TOY_DATA);
    secure_expect(kit, GRPC_UNAVAILABLE,
                  "read from unix:: TLS: the TLS library toy 1 breaks its "
                  "contract");
    secure_end_kit(kit);
    // One that takes no input.
    kit = secure_begin_kit(NULL);
    secure_call_ok(kit);
    kit->greeter.late = true;
    secure_call(kit);
    secure_turn(kit);
    kit->client_side.toy.deaf = true;
    for (int i = 0; i < 20000 && kit->result.done == 0; i++) {
        end_record(kit, &kit->client_side, TOY_DATA);
    }
    char text[160];
    (void)snprintf(text, sizeof text, "read from unix:: %s",
                   kit_error(EMSGSIZE));
    secure_expect(kit, GRPC_UNAVAILABLE, text);
    secure_end_kit(kit);
    // One that cannot write.
    kit = secure_begin_kit(NULL);
    secure_call_ok(kit);
    kit->client_side.toy.bad_write = true;
    secure_call(kit);
    secure_expect(kit, GRPC_UNAVAILABLE,
                  "write to unix:: TLS: it does not write");
    secure_end_kit(kit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_conn_secure__carries_calls),
        cmocka_unit_test(test_conn_secure__every_cut),
        cmocka_unit_test(test_conn_secure__byte_by_byte),
        cmocka_unit_test(test_conn_secure__waits_for_the_rest),
        cmocka_unit_test(test_conn_secure__failed_handshakes),
        cmocka_unit_test(test_conn_secure__what_need_not_be),
        cmocka_unit_test(test_conn_secure__the_peer_is_lost),
        cmocka_unit_test(test_conn_secure__ends_in_mid_call),
        cmocka_unit_test(test_conn_secure__a_server_leaves),
        cmocka_unit_test(test_conn_secure__an_end_behind_held_input),
        cmocka_unit_test(test_conn_secure__nobody_to_answer),
        cmocka_unit_test(test_conn_secure__tls_meets_plain),
        cmocka_unit_test(test_conn_secure__large_messages),
        cmocka_unit_test(test_conn_secure__the_peer_takes_nothing),
        cmocka_unit_test(test_conn_secure__answers_have_a_bound),
        cmocka_unit_test(test_conn_secure__all_is_answered),
        cmocka_unit_test(test_conn_secure__broken_libraries),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

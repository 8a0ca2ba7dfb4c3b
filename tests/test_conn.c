// SPDX-License-Identifier: MIT

#include "tests/unit.h"

#include "core/conn.h"
#include "tests/core_kit.h"

static struct conn *conn_of_server(const struct kit_bench *bench)
{
    struct list_link *link = list_first(&bench->server->conns);
    assert_non_null(link);
    return LIST_OWNER(link, struct conn, link_owner);
}

// What one whole session of a client sends, and what it is answered.
static size_t conn_session(uint8_t *out, size_t max)
{
    static struct kit_peer writer;
    int fds[2];
    kit_pair_of_sockets(fds);
    kit_peer_init(&writer, fds[0], false);
    kit_preface(&writer, true);
    kit_frame(&writer, 6, 0, 0, view_of("12345678", 8)); // PING
    kit_headers(&writer, 1, false, KIT_REQUEST);
    kit_message(&writer, 1, true, "bob");
    ssize_t size = recv(fds[1], out, max, MSG_DONTWAIT);
    assert_true(size > 0);
    kit_peer_fini(&writer);
    (void)close(fds[1]);
    return (size_t)size;
}

static void conn_feed_session(const char *backend, const uint8_t *bytes,
                              size_t size, size_t first)
{
    struct test_heap heap;
    static struct kit_peer peer;
    struct kit_greeter greeter = {.late = false};
    int fds[2];
    test_heap_init(&heap);
    grpc_loop *loop = kit_loop(&heap, backend);
    grpc_server *server = grpc_server_new(&(grpc_server_options){.loop = loop});
    kit_serve(server, &greeter);
    kit_pair_of_sockets(fds);
    assert_int_equal(grpc_server_serve_fd(server, fds[0]), GRPC_OK);
    kit_peer_init(&peer, fds[1], false);
    for (size_t at = 0; at < size;) {
        size_t part = at == 0 && first > 0 ? first : size - at;
        kit_send(&peer, bytes + at, first == 0 ? 1 : part);
        assert_int_equal(grpc_loop_step(loop, 0), GRPC_OK);
        at += first == 0 ? 1 : part;
    }
    kit_expect(&peer, loop,
               "WINDOW_UPDATE 0 983041\nPING 12345678 ack\n"
               "HEADERS 1\n :status: 200\n content-type: application/grpc\n"
               "DATA 1 000000000b0a0948656c6c6f20626f62\n"
               "HEADERS 1 end\n grpc-status: 0\n");
    assert_int_equal(peer.settings, 2); // ours, and the acknowledgement
    grpc_server_free(server);
    assert_int_equal(grpc_loop_free(loop), GRPC_OK);
    assert_true(test_heap_is_clean(&heap));
    kit_peer_fini(&peer);
}

// conn_make_due makes a time limit one that has passed.
static void conn_make_due(struct conn *conn, enum conn_due which)
{
    conn->due_ms[which] = (uint32_t)run_now(conn->loop);
    conn->waits |= (uint8_t)(1u << which);
    loop_timer_start(&conn->loop->loop, &conn->timer, 0);
}

static void test_conn__every_split(void **state)
{
    static uint8_t bytes[1024];
    size_t size = conn_session(bytes, sizeof bytes);
    (void)state;
    for (size_t i = 0; i < KIT_BACKENDS; i++) {
        conn_feed_session(kit_backends[i], bytes, size, size);
        conn_feed_session(kit_backends[i], bytes, size, 0); // byte by byte
        for (size_t first = 1; first < size; first++) {
            conn_feed_session(kit_backends[i], bytes, size, first);
        }
    }
}

// The server's SETTINGS come before the client has said anything.
static void test_conn__server_speaks_first(void **state)
{
    struct test_heap heap;
    static struct kit_peer peer;
    int fds[2];
    (void)state;
    test_heap_init(&heap);
    grpc_loop *loop = kit_loop(&heap, NULL);
    grpc_server *server = grpc_server_new(&(grpc_server_options){.loop = loop});
    kit_pair_of_sockets(fds);
    assert_int_equal(grpc_server_serve_fd(server, fds[0]), GRPC_OK);
    kit_peer_init(&peer, fds[1], false);
    kit_turn(loop);
    kit_read(&peer);
    assert_int_equal(peer.settings, 1);
    struct conn *conn =
        LIST_OWNER(list_first(&server->conns), struct conn, link_owner);
    assert_int_equal(conn->state, CONN_HANDSHAKE);
    conn_check(conn);
    // Nothing more in 10 s: it is closed.
    assert_in_range(conn->due_ms[CONN_DUE_STATE] - (uint32_t)loop->loop.now_ms,
                    9000, 10001);
    conn_make_due(conn, CONN_DUE_STATE);
    kit_turn(loop);
    kit_forget(&peer);
    assert_true(list_is_empty(&server->conns));
    assert_int_equal(server->connection_count, 0);
    grpc_server_free(server);
    assert_int_equal(grpc_loop_free(loop), GRPC_OK);
    assert_true(test_heap_is_clean(&heap));
    kit_peer_fini(&peer);
}

// A client of another protocol is told so in HTTP/2, and let go.
static void test_conn__not_http2(void **state)
{
    static const char *const inputs[] = {
        "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\rX012345678",
        "\x16\x03\x01\x02\x05\x01\x01\xfc\x03\x03 a client hello of TLS",
    };
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct test_heap heap;
        static struct kit_peer peer;
        int fds[2];
        test_heap_init(&heap);
        grpc_loop *loop = kit_loop(&heap, NULL);
        grpc_server *server =
            grpc_server_new(&(grpc_server_options){.loop = loop});
        kit_pair_of_sockets(fds);
        assert_int_equal(grpc_server_serve_fd(server, fds[0]), GRPC_OK);
        kit_peer_init(&peer, fds[1], false);
        kit_send(&peer, inputs[i], strlen(inputs[i]));
        kit_turn(loop);
        kit_read(&peer);
        assert_non_null(strstr(peer.text, "GOAWAY 0 PROTOCOL_ERROR "));
        assert_string_equal(peer.text + peer.text_size - 4, "EOF\n");
        // It lingers for what the peer still sends, until the peer closes, and
        // counts as long as it has a descriptor.
        assert_int_equal(server->connection_count, 1);
        assert_false(list_is_empty(&server->conns));
        (void)send(peer.fd, "more", 4, MSG_NOSIGNAL);
        kit_turn(loop);
        assert_false(list_is_empty(&server->conns));
        (void)close(peer.fd);
        peer.fd = -1;
        kit_turn(loop);
        assert_true(list_is_empty(&server->conns));
        grpc_server_free(server);
        assert_int_equal(grpc_loop_free(loop), GRPC_OK);
        assert_true(test_heap_is_clean(&heap));
        kit_peer_fini(&peer);
    }
}

static void test_conn__linger_has_an_end(void **state)
{
    struct kit_bench *bench = kit_bench_server(NULL, NULL);
    struct conn *conn = conn_of_server(bench);
    (void)state;
    kit_frame(&bench->peer, 0, 0, 99, view_of("x", 1));
    kit_turn(bench->loop);
    assert_int_equal(conn->state, CONN_LINGERING);
    assert_true(conn_is_over(conn));
    conn_check(conn);
    assert_true(loop_timer_is_armed(&conn->timer));
    conn_make_due(conn, CONN_DUE_STATE);
    kit_turn(bench->loop);
    assert_true(list_is_empty(&bench->server->conns));
    kit_bench_end(bench);
}

// conn_finish: no new calls, those that are open go on, then it closes.
static void test_conn__finish(void **state)
{
    (void)state;
    for (size_t i = 0; i < KIT_BACKENDS; i++) {
        struct kit_bench *bench = kit_bench_server(kit_backends[i], NULL);
        struct conn *conn = conn_of_server(bench);
        bench->greeter.late = true;
        kit_headers(&bench->peer, 1, false, KIT_REQUEST);
        kit_message(&bench->peer, 1, true, "x");
        kit_turn(bench->loop);
        assert_int_equal(conn->state, CONN_READY);
        conn_finish(conn, VIEW("bye"));
        conn_finish(conn, VIEW("bye again")); // once is enough
        kit_expect(&bench->peer, bench->loop, "GOAWAY 1 NO_ERROR bye\n");
        // A call behind it goes unheard.
        kit_headers(&bench->peer, 3, false, KIT_REQUEST);
        kit_message(&bench->peer, 3, true, "y");
        kit_expect(&bench->peer, bench->loop, "");
        assert_int_equal(bench->greeter.handled, 1);
        assert_int_equal(kit_reply(bench->greeter.calls[0], "z"), GRPC_OK);
        kit_expect(&bench->peer, bench->loop,
                   "HEADERS 1\n :status: 200\n content-type: application/grpc\n"
                   "DATA 1 00000000030a017a\nHEADERS 1 end\n grpc-status: 0\n"
                   "EOF\n");
        assert_int_equal(bench->server->connection_count, 1);
        kit_bench_end(bench);
    }
}

// A peer that asks and does not read is answered by not reading from it; when
// it reads again, all is answered.
static void test_conn__peer_does_not_read(void **state)
{
    enum { CONN_ASKED = 30000 };
    (void)state;
    for (size_t i = 0; i < KIT_BACKENDS; i++) {
        // So many SETTINGS are a flood, but that is not what is tested here.
        struct kit_bench *bench = kit_bench_server(
            kit_backends[i],
            &(grpc_server_options){.limits = {.glitch_burst = 1 << 24}});
        struct conn *conn = conn_of_server(bench);
        const uint8_t settings[9] = {0, 0, 0, 4};
        size_t before = bench->heap.live_bytes;
        size_t sent = 0; // bytes
        size_t seen = 0;
        assert_int_equal(fcntl(bench->peer.fd, F_SETFL, O_NONBLOCK), 0);
        for (int turn = 0; turn < 200 && sent < CONN_ASKED * 9; turn++) {
            ssize_t size;
            do {
                size_t at = sent % 9;
                size =
                    send(bench->peer.fd, settings + at, 9 - at, MSG_NOSIGNAL);
                sent += size > 0 ? (size_t)size : 0;
            } while (size > 0 && sent < CONN_ASKED * 9);
            kit_turn(bench->loop);
        }
        // What is kept for it has a bound.
        assert_non_null(conn->held);
        assert_int_equal(conn->source.watched & LOOP_READABLE, 0);
        assert_true(bench->heap.live_bytes - before < 400000);
        size_t asked = sent / 9;
        for (int turn = 0; turn < 100000 && seen < asked * 9; turn++) {
            uint8_t bytes[4096];
            ssize_t size = recv(bench->peer.fd, bytes, sizeof bytes, 0);
            seen += size > 0 ? (size_t)size : 0;
            assert_int_equal(grpc_loop_step(bench->loop, 0), GRPC_OK);
        }
        assert_int_equal(seen, asked * 9);
        assert_null(conn->held);
        conn_check(conn_of_server(bench));
        kit_bench_end(bench);
    }
}

// A peer that has to wait, and goes: nothing is waited for any more, and the
// system does not have to report its end again and again.
static void test_conn__a_peer_that_waits_may_go(void **state)
{
    (void)state;
    for (size_t i = 0; i < KIT_BACKENDS; i++) {
        struct kit_bench *bench = kit_bench_server(
            kit_backends[i],
            &(grpc_server_options){.limits = {.glitch_burst = 200}});
        struct conn *conn = conn_of_server(bench);
        static uint8_t unknown[300][9]; // frames of no known type
        for (int n = 0; n < 300; n++) {
            unknown[n][3] = 77;
        }
        kit_send(&bench->peer, unknown, sizeof unknown);
        kit_turn(bench->loop);
        assert_true((conn->waits & 1u << CONN_DUE_PAUSE) != 0);
        assert_int_equal(conn->source.watched, 0);
        (void)close(bench->peer.fd);
        bench->peer.fd = -1;
        kit_turn(bench->loop);
        assert_true(list_is_empty(&bench->server->conns));
        kit_bench_end(bench);
    }
}

// The same with input that waits as well.
static void test_conn__a_peer_with_input_held_may_go(void **state)
{
    (void)state;
    for (size_t i = 0; i < KIT_BACKENDS; i++) {
        struct kit_bench *bench = kit_bench_server(
            kit_backends[i],
            &(grpc_server_options){.limits = {.reset_budget = 10}});
        struct conn *conn = conn_of_server(bench);
        kit_headers(&bench->peer, 101, false, KIT_REQUEST);
        for (uint32_t id = 103; id < 143; id += 2) {
            kit_headers(&bench->peer, id, false, KIT_REQUEST);
            kit_rst(&bench->peer, id, H2_CANCEL);
        }
        kit_turn(bench->loop);
        assert_non_null(conn->held);
        (void)close(bench->peer.fd);
        bench->peer.fd = -1;
        for (int n = 0; n < 10; n++) {
            kit_turn(bench->loop);
        }
        assert_true(list_is_empty(&bench->server->conns));
        kit_bench_end(bench);
    }
}

// Without memory for what has to wait the connection is closed.
static void test_conn__no_memory_to_hold_input(void **state)
{
    (void)state;
    struct kit_bench *bench = kit_bench_server(
        NULL, &(grpc_server_options){.limits = {.reset_budget = 1}});
    kit_headers(&bench->peer, 1, false, KIT_REQUEST); // all is warm then
    kit_rst(&bench->peer, 1, H2_CANCEL);
    kit_turn(bench->loop);
    kit_skip(bench->loop, 200);
    for (uint32_t id = 3; id < 43; id += 2) {
        kit_headers(&bench->peer, id, false, KIT_REQUEST);
        kit_rst(&bench->peer, id, H2_CANCEL);
    }
    bench->heap.fail_at = bench->heap.calls + 1;
    bench->heap.fail_on = true;
    kit_turn(bench->loop);
    assert_true(list_is_empty(&bench->server->conns));
    bench->heap.fail_at = 0;
    kit_bench_end(bench);
}

// No SETTINGS in time.
static void test_conn__handshake_timeout(void **state)
{
    (void)state;
    for (size_t i = 0; i < KIT_BACKENDS; i++) {
        struct test_heap heap;
        int fds[2];
        struct kit_result result = {0};
        test_heap_init(&heap);
        grpc_loop *loop = kit_loop(&heap, kit_backends[i]);
        kit_pair_of_sockets(fds);
        grpc_channel *channel = grpc_channel_new_fd(
            fds[0],
            &(grpc_channel_options){.loop = loop, .connect_timeout_ms = 5});
        assert_non_null(kit_call(channel, "x", &result));
        kit_wait(loop, &result.done, 1);
        assert_int_equal(result.code, GRPC_UNAVAILABLE);
        assert_non_null(
            strstr(result.text, "HTTP/2 with unix:: no SETTINGS in time"));
        grpc_channel_free(channel);
        assert_int_equal(grpc_loop_free(loop), GRPC_OK);
        assert_true(test_heap_is_clean(&heap));
        (void)close(fds[1]);
    }
}

// ---- A loop that nobody has stepped for long --------------------------------

static void conn_reply_at_length(grpc_call *call, struct kit_greeter *greeter)
{
    static char text[1000001];
    (void)greeter;
    memset(text, 'x', sizeof text - 1);
    assert_int_equal(kit_reply(call, text), GRPC_OK);
}

// conn_take_all takes all that the system has for the peer, and steps no loop.
static size_t conn_take_all(struct kit_peer *peer)
{
    static uint8_t bytes[65536];
    size_t all = 0;
    ssize_t size;
    while ((size = recv(peer->fd, bytes, sizeof bytes, MSG_DONTWAIT)) > 0) {
        all += (size_t)size;
    }
    return all;
}

// A peer that has taken all that there was does not pay for our sleep; one that
// has not does.
static void test_conn__sleeping_is_not_the_peers_fault(void **state)
{
    (void)state;
    for (size_t i = 0; i < KIT_BACKENDS; i++) {
        struct kit_bench *bench = kit_bench_server(kit_backends[i], NULL);
        struct conn *conn = conn_of_server(bench);
        bench->greeter.act = conn_reply_at_length;
        kit_setting(&bench->peer, 4, 0x7fffffff);
        kit_window(&bench->peer, 0, 0x7fffffff - 65535);
        kit_headers(&bench->peer, 1, false, KIT_REQUEST);
        kit_message(&bench->peer, 1, true, "x");
        kit_turn(bench->loop);
        assert_true((conn->waits & 1u << CONN_DUE_WRITE) != 0);
        assert_true(conn_take_all(&bench->peer) > H2_LIMIT_WRITE_STALL_MS);
        kit_skip(bench->loop, H2_LIMIT_WRITE_STALL_MS + 1000);
        assert_int_equal(conn->state, CONN_READY);
        assert_true((conn->waits & 1u << CONN_DUE_WRITE) != 0);
        kit_skip(bench->loop, H2_LIMIT_WRITE_STALL_MS + 1000);
        assert_int_equal(conn->state, CONN_LINGERING);
        kit_bench_end(bench);
    }
}

// conn_is_borne begins a long reply with a line that has taken so much since it
// was looked at last, and looks again when it has taken a little more.
static bool conn_is_borne(uint32_t written, uint32_t stall_ms)
{
    struct kit_bench *bench = kit_bench_server(
        NULL,
        &(grpc_server_options){.keepalive_ms = GRPC_NEVER,
                               .limits = {.write_bytes_per_second = 1 << 24,
                                          .write_stall_ms = stall_ms}});
    struct conn *conn = conn_of_server(bench);
    bench->greeter.act = conn_reply_at_length;
    kit_setting(&bench->peer, 4, 0x7fffffff);
    kit_window(&bench->peer, 0, 0x7fffffff - 65535);
    kit_headers(&bench->peer, 1, false, KIT_REQUEST);
    kit_message(&bench->peer, 1, true, "x");
    kit_turn(bench->loop);
    assert_true((conn->waits & 1u << CONN_DUE_WRITE) != 0);
    conn->written = written;
    assert_true(conn_take_all(&bench->peer) > 10000);
    kit_skip(bench->loop, stall_ms + 1000);
    bool is_borne = conn->state == CONN_READY;
    kit_bench_end(bench);
    return is_borne;
}

// A line that moves more than 4 GiB between two looks is not taken for one that
// moves little; and more than that is never asked for.
static void test_conn__four_gibibytes_are_not_nothing(void **state)
{
    (void)state;
    assert_false(conn_is_borne(100000000, 60000));
    assert_true(conn_is_borne(UINT32_MAX - 10000, 60000));
    assert_false(conn_is_borne(100000000, 600000));
    assert_true(conn_is_borne(UINT32_MAX - 10000, 600000));
}

// conn_upload sends parts of 16 KiB of a message that is a mebibyte long.
static void conn_upload(struct kit_bench *bench, uint32_t id, int parts)
{
    static uint8_t part[16384];
    while (parts-- > 0) {
        kit_frame(&bench->peer, 0, 0, id, view_of(part, sizeof part));
    }
}

// conn_begin_uploads begins three, and has them looked at for the first time.
static struct kit_bench *conn_begin_uploads(void)
{
    static const uint8_t head[] = {0, 0, 0x10, 0, 0, 0x0a};
    struct kit_bench *bench = kit_bench_server(NULL, NULL);
    for (uint32_t id = 1; id < 7; id += 2) {
        kit_headers(&bench->peer, id, false, KIT_REQUEST);
        kit_frame(&bench->peer, 0, 0, id, view_of(head, sizeof head));
    }
    kit_turn(bench->loop);
    kit_skip(bench->loop, H2_LIMIT_REQUEST_STALL_MS + 1);
    return bench;
}

// What has arrived and is not read yet is not late.
static void test_conn__input_in_plenty_is_not_late(void **state)
{
    (void)state;
    struct kit_bench *bench = conn_begin_uploads();
    struct conn *conn = conn_of_server(bench);
    // The first read is full, and all of the first request.
    conn_upload(bench, 1, 4);
    conn_upload(bench, 3, 1);
    conn_upload(bench, 5, 1);
    kit_skip(bench->loop, H2_LIMIT_REQUEST_STALL_MS + 1);
    assert_int_equal(conn->h2.stream_count, 3);
    // In twice the time the other two were too slow.
    kit_skip(bench->loop, H2_LIMIT_REQUEST_STALL_MS + 1);
    assert_int_equal(conn->h2.stream_count, 1);
    kit_bench_end(bench);
}

// Time limits are kept in 32 bits: a loop that was not stepped for longer still
// gets to its ends.
// Calls that share a slow line share the least rate too.
static void test_conn__slow_requests_side_by_side(void **state)
{
    (void)state;
    struct kit_bench *bench = conn_begin_uploads();
    struct conn *conn = conn_of_server(bench);
    for (int parts = 2; parts > 0; parts--) {
        // 98,304 bytes in a minute, and 49,152: those are too few.
        assert_int_equal(conn->h2.stream_count, 3);
        for (uint32_t id = 1; id < 7; id += 2) {
            conn_upload(bench, id, parts);
        }
        kit_turn(bench->loop);
        kit_skip(bench->loop, H2_LIMIT_REQUEST_STALL_MS + 1);
    }
    assert_int_equal(conn->h2.stream_count, 0);
    kit_bench_end(bench);
}

static void test_conn__slow_answers_side_by_side(void **state)
{
    (void)state;
    struct kit_bench *bench = kit_bench_server(NULL, NULL);
    struct conn *conn = conn_of_server(bench);
    bench->greeter.act = conn_reply_at_length;
    kit_setting(&bench->peer, 4, 0);
    kit_window(&bench->peer, 0, 0x7fffffff - 65535);
    for (uint32_t id = 1; id < 7; id += 2) {
        kit_headers(&bench->peer, id, false, KIT_REQUEST);
        kit_message(&bench->peer, id, true, "x");
    }
    kit_turn(bench->loop);
    for (uint32_t window = 110000; window > 0; window /= 2) {
        // 110,000 each are 1,100 a second, and 55,000 too few.
        assert_int_equal(conn->h2.stream_count, window < 55000 ? 0 : 3);
        for (uint32_t id = 1; id < 7; id += 2) {
            kit_window(&bench->peer, id, window);
        }
        kit_turn(bench->loop);
        (void)conn_take_all(&bench->peer);
        kit_turn(bench->loop);
        (void)conn_take_all(&bench->peer);
        kit_skip(bench->loop, H2_LIMIT_ANSWER_STALL_MS + 2);
    }
    kit_bench_end(bench);
}

// An acknowledgement that has arrived, and waits with its sender, is not late.
static void test_conn__acknowledged_while_made_to_wait(void **state)
{
    (void)state;
    struct test_heap heap;
    static struct kit_peer peer;
    static uint8_t unknown[101][9]; // frames of no known type
    int fds[2];
    test_heap_init(&heap);
    grpc_loop *loop = kit_loop(&heap, NULL);
    grpc_server *server = grpc_server_new(&(grpc_server_options){
        .loop = loop,
        .limits = {
            .glitch_burst = 100, .delay_ms = 5000, .settings_ack_ms = 1000}});
    kit_pair_of_sockets(fds);
    kit_peer_init(&peer, fds[0], false);
    assert_int_equal(grpc_server_serve_fd(server, fds[1]), GRPC_OK);
    kit_send(&peer, kit_magic, sizeof kit_magic - 1);
    kit_frame(&peer, 4, 0, 0, view_of(NULL, 0));
    for (int i = 0; i < 101; i++) {
        unknown[i][3] = 77;
    }
    kit_send(&peer, unknown, sizeof unknown);
    kit_turn(loop);
    struct conn *conn =
        LIST_OWNER(list_first(&server->conns), struct conn, link_owner);
    assert_true((conn->waits & 1u << CONN_DUE_PAUSE) != 0);
    assert_true(conn->h2.settings_unacked);
    kit_frame(&peer, 4, 1, 0, view_of(NULL, 0));
    kit_skip(loop, 2000);
    assert_int_equal(conn->state, CONN_READY);
    kit_skip(loop, 4000);
    assert_false(conn->h2.settings_unacked);
    assert_int_equal(conn->waits, 1u << CONN_DUE_ASK);
    grpc_server_free(server);
    assert_int_equal(grpc_loop_free(loop), GRPC_OK);
    assert_true(test_heap_is_clean(&heap));
    kit_peer_fini(&peer);
}

static void test_conn__sleeping_for_a_month(void **state)
{
    (void)state;
    const uint64_t half = (uint64_t)1 << 31;
    struct kit_bench *bench = kit_bench_server(NULL, NULL);
    kit_frame(&bench->peer, 0, 0, 99, view_of("x", 1));
    kit_turn(bench->loop);
    assert_int_equal(conn_of_server(bench)->state, CONN_LINGERING);
    kit_skip(bench->loop, half + 5000);
    kit_skip(bench->loop, half);
    assert_true(list_is_empty(&bench->server->conns));
    kit_bench_end(bench);
}

static void test_conn__path_hints(void **state)
{
    struct kit_bench *bench = kit_bench_channel(NULL, NULL);
    struct conn *conn = channel_ready_conn(bench->channel);
    (void)state;
    hpack_hint *hint = conn_path_hint(conn, kit_methods[0].path);
    assert_int_equal(*hint, 0);
    *hint = 77;
    assert_int_equal(*conn_path_hint(conn, kit_methods[0].path), 77);
    // Another path never sees it, even in the same place.
    for (size_t i = 1; i < 100; i++) {
        assert_int_equal(*conn_path_hint(conn, kit_methods[0].path + i), 0);
    }
    // Its place was taken meanwhile: it begins anew.
    assert_int_equal(*conn_path_hint(conn, kit_methods[0].path), 0);
    kit_bench_end(bench);
}

// ---- GOAWAY in the log ------------------------------------------------------

struct conn_logged {
    int lines;
    grpc_log_level level;
    char text[512];
};

static void conn_log_line(void *user, grpc_log_level level, const char *text)
{
    struct conn_logged *logged = user;
    if (logged->lines++ > 0) {
        return; // the first says what has happened, others what comes of it
    }
    logged->level = level;
    (void)snprintf(logged->text, sizeof logged->text, "%s", text);
}

static void conn_log_to(grpc_loop *loop, struct conn_logged *logged)
{
    loop->log = conn_log_line;
    loop->log_user = logged;
    loop->log_level = GRPC_LOG_INFO;
}

// An error that a peer goes away with is told with its debug data, of which only
// what may be printed.
static void test_conn__goaway_is_logged(void **state)
{
    struct conn_logged logged = {0};
    char much[257];
    (void)state;
    struct kit_bench *bench = kit_bench_server(NULL, NULL);
    conn_log_to(bench->loop, &logged);
    kit_goaway(&bench->peer, 0, H2_NO_ERROR, "bye");
    kit_turn(bench->loop);
    assert_int_equal(logged.lines, 0);
    kit_goaway(&bench->peer, 0, H2_INTERNAL_ERROR, "one\nx\x1b[1m\xc3\xa4");
    kit_turn(bench->loop);
    assert_int_equal(logged.lines, 1);
    assert_int_equal(logged.level, GRPC_LOG_INFO);
    assert_string_equal(
        logged.text,
        "the client, unix:, sent GOAWAY INTERNAL_ERROR \"one?x?[1m??\"");
    kit_goaway(&bench->peer, 0, H2_INTERNAL_ERROR, "and again");
    kit_turn(bench->loop);
    assert_int_equal(logged.lines, 1); // a log is not to be filled by a peer
    kit_bench_end(bench);
    bench = kit_bench_channel(NULL, NULL);
    conn_log_to(bench->loop, &logged);
    logged.lines = 0;
    memset(much, 'm', sizeof much - 1);
    much[sizeof much - 1] = '\0';
    kit_goaway(&bench->peer, 0, H2_ENHANCE_YOUR_CALM, much);
    assert_int_equal(grpc_loop_step(bench->loop, 0), GRPC_OK);
    assert_int_equal(logged.level, GRPC_LOG_WARNING);
    assert_non_null(strstr(logged.text, "the server, unix:, sent GOAWAY "
                                        "ENHANCE_YOUR_CALM \"mmmmmmmmmm"));
    kit_bench_end(bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_conn__every_split),
        cmocka_unit_test(test_conn__server_speaks_first),
        cmocka_unit_test(test_conn__not_http2),
        cmocka_unit_test(test_conn__linger_has_an_end),
        cmocka_unit_test(test_conn__finish),
        cmocka_unit_test(test_conn__peer_does_not_read),
        cmocka_unit_test(test_conn__a_peer_that_waits_may_go),
        cmocka_unit_test(test_conn__a_peer_with_input_held_may_go),
        cmocka_unit_test(test_conn__no_memory_to_hold_input),
        cmocka_unit_test(test_conn__handshake_timeout),
        cmocka_unit_test(test_conn__sleeping_is_not_the_peers_fault),
        cmocka_unit_test(test_conn__four_gibibytes_are_not_nothing),
        cmocka_unit_test(test_conn__input_in_plenty_is_not_late),
        cmocka_unit_test(test_conn__slow_requests_side_by_side),
        cmocka_unit_test(test_conn__slow_answers_side_by_side),
        cmocka_unit_test(test_conn__acknowledged_while_made_to_wait),
        cmocka_unit_test(test_conn__sleeping_for_a_month),
        cmocka_unit_test(test_conn__path_hints),
        cmocka_unit_test(test_conn__goaway_is_logged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

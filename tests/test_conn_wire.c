// SPDX-License-Identifier: MIT

#include "tests/unit.h"

#include "core/conn_wire.h"
#include "tests/core_kit.h"

static struct conn *wire_conn(const struct kit_bench *bench)
{
    struct list_link *link = list_first(&bench->channel->conns);
    assert_non_null(link);
    return LIST_OWNER(link, struct conn, link_owner);
}

// wire_fill puts more into the output than a socket takes.
static void wire_fill(struct conn *conn)
{
    static const uint8_t payload[8] = {'t', 'e', 's', 't'};
    for (int i = 0; i < 30000; i++) {
        assert_true(h2_ping(&conn->h2, payload));
    }
}

static void wire_bound(struct conn *conn)
{
    int size = 4096;
    assert_int_equal(
        setsockopt(conn->source.fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size),
        0);
}

static void test_conn_wire__writes_what_is_taken(void **state)
{
    struct kit_bench *bench = kit_bench_channel(NULL, NULL);
    struct conn *conn = wire_conn(bench);
    (void)state;
    wire_bound(conn);
    wire_fill(conn);
    size_t whole = h2_output_size(&conn->h2);
    uint64_t mark = conn->h2.left_bytes;
    assert_true(conn_wire_write(conn));
    size_t left = h2_output_size(&conn->h2);
    assert_in_range(left, 1, whole - 1);
    assert_int_equal(conn->h2.left_bytes - mark, whole - left);
    assert_true(conn_wire_write(conn)); // which is nothing more
    assert_int_equal(h2_output_size(&conn->h2), left);
    for (int i = 0; i < 10000 && h2_output_size(&conn->h2) > 0; i++) {
        kit_forget(&bench->peer);
        assert_true(conn_wire_write(conn));
    }
    assert_int_equal(h2_output_size(&conn->h2), 0);
    kit_bench_end(bench);
}

static void test_conn_wire__failure_in_words(void **state)
{
    struct kit_bench *bench = kit_bench_channel(NULL, NULL);
    struct conn *conn = wire_conn(bench);
    char text[256];
    (void)state;
    wire_fill(conn);
    (void)close(bench->peer.fd);
    bench->peer.fd = -1;
    assert_true(conn_wire_write(conn));
    assert_int_equal(conn->write_error, EPIPE);
    assert_int_equal(h2_output_size(&conn->h2), 0);
    assert_false(h2_can_open(&conn->h2));
    kit_turn(bench->loop);
    assert_true(list_is_empty(&bench->channel->conns));
    (void)snprintf(text, sizeof text,
                   "write to unix:: %s; the channel was made from that "
                   "connection and has no other",
                   kit_error(EPIPE));
    assert_string_equal(grpc_channel_failure(bench->channel), text);
    kit_bench_end(bench);
}

// wire_start begins a call that the peer sees.
static void wire_start(struct kit_bench *bench, struct kit_result *result)
{
    (void)kit_call(bench->channel, "x", result);
    kit_turn(bench->loop);
    kit_read(&bench->peer);
    assert_non_null(strstr(bench->peer.text, "HEADERS 1\n"));
}

static void wire_hang_up(struct kit_bench *bench)
{
    (void)close(bench->peer.fd);
    bench->peer.fd = -1;
}

// The answer lies unread when another call finds that nothing can be written.
static void test_conn_wire__answer_behind_a_failure(void **state)
{
    struct kit_bench *bench = kit_bench_channel(NULL, NULL);
    struct conn *conn = wire_conn(bench);
    struct kit_result first = {0};
    struct kit_result second = {0};
    (void)state;
    wire_start(bench, &first);
    kit_headers(&bench->peer, 1, false, KIT_RESPONSE);
    kit_message(&bench->peer, 1, false, "ok");
    kit_headers(&bench->peer, 1, true, "grpc-status: 0\n");
    wire_hang_up(bench);
    (void)kit_call(bench->channel, "y", &second);
    assert_true(conn_wire_write(conn));
    assert_int_equal(conn->write_error, EPIPE);
    kit_turn(bench->loop);
    assert_int_equal(first.done, 1);
    assert_int_equal(first.code, GRPC_OK);
    assert_string_equal(first.reply, "ok");
    // There is no other connection for this one.
    assert_int_equal(second.done, 1);
    assert_int_equal(second.code, GRPC_UNAVAILABLE);
    assert_non_null(strstr(second.text, "write to unix:"));
    kit_bench_end(bench);
}

// What the peer had said is told with what has failed.
static void test_conn_wire__farewell_behind_a_failure(void **state)
{
    struct kit_bench *bench = kit_bench_channel(NULL, NULL);
    struct kit_result result = {0};
    (void)state;
    wire_start(bench, &result);
    kit_goaway(&bench->peer, 1, H2_ENHANCE_YOUR_CALM, "calm");
    wire_hang_up(bench);
    wire_fill(wire_conn(bench));
    assert_true(conn_wire_write(wire_conn(bench)));
    kit_turn(bench->loop);
    assert_int_equal(result.code, GRPC_UNAVAILABLE);
    assert_non_null(strstr(result.text, "write to unix:"));
    assert_non_null(strstr(
        result.text, "the peer had sent GOAWAY ENHANCE_YOUR_CALM \"calm\""));
    kit_bench_end(bench);
}

// A server reads on, too: the request's end, and what it was told.
static void test_conn_wire__server_reads_on(void **state)
{
    struct kit_bench *bench = kit_bench_server(NULL, NULL);
    (void)state;
    bench->greeter.late = true;
    bench->greeter.listen = true;
    kit_headers(&bench->peer, 1, false, KIT_REQUEST);
    kit_turn(bench->loop);
    kit_message(&bench->peer, 1, true, "x");
    wire_hang_up(bench);
    struct conn *conn =
        LIST_OWNER(list_first(&bench->server->conns), struct conn, link_owner);
    wire_fill(conn);
    assert_true(conn_wire_write(conn));
    assert_int_equal(conn->write_error, EPIPE);
    kit_turn(bench->loop);
    assert_int_equal(bench->greeter.handled, 1);
    assert_int_equal(bench->greeter.told, 1);
    assert_true(list_is_empty(&bench->server->conns));
    assert_int_equal(kit_reply(bench->greeter.calls[0], "late"), GRPC_ESTATE);
    kit_bench_end(bench);
}

// wire_shut has a descriptor that takes nothing, and has not ended.
static void wire_shut(struct kit_bench *bench)
{
    assert_int_equal(shutdown(bench->peer.fd, SHUT_RD), 0);
    wire_fill(wire_conn(bench));
    assert_true(conn_wire_write(wire_conn(bench)));
    assert_int_equal(wire_conn(bench)->write_error, EPIPE);
}

// A peer that does not end what it sends is not waited for long.
static void test_conn_wire__end_is_bounded(void **state)
{
    struct kit_bench *bench = kit_bench_channel(NULL, NULL);
    struct kit_result result = {0};
    (void)state;
    wire_start(bench, &result);
    wire_shut(bench);
    kit_turn(bench->loop);
    struct conn *conn = wire_conn(bench);
    assert_true(conn_waits_for(conn, CONN_DUE_WRITE));
    assert_in_range(conn->due_ms[CONN_DUE_WRITE] - conn_now_ms(conn),
                    CORE_LINGER_MS - 200, CORE_LINGER_MS + 2);
    assert_int_equal(result.done, 0);
    conn->due_ms[CONN_DUE_WRITE] = conn_now_ms(conn);
    conn_on_timer(conn);
    kit_turn(bench->loop);
    assert_int_equal(result.code, GRPC_UNAVAILABLE);
    assert_non_null(strstr(result.text, "write to unix:"));
    assert_true(list_is_empty(&bench->channel->conns));
    kit_bench_end(bench);
}

// A failure that is reported without anything to read would be so for ever.
static void test_conn_wire__failure_without_an_end(void **state)
{
    struct kit_bench *bench = kit_bench_channel(NULL, NULL);
    struct kit_result result = {0};
    (void)state;
    wire_start(bench, &result);
    wire_shut(bench);
    conn_on_source(wire_conn(bench), LOOP_READABLE);
    assert_false(list_is_empty(&bench->channel->conns));
    conn_on_source(wire_conn(bench), LOOP_FAILED);
    kit_turn(bench->loop);
    assert_int_equal(result.code, GRPC_UNAVAILABLE);
    assert_non_null(strstr(result.text, "write to unix:"));
    kit_bench_end(bench);
}

// Nothing goes out behind a gap, though the descriptor took it.
static void test_conn_wire__writes_no_more(void **state)
{
    struct kit_bench *bench = kit_bench_channel(NULL, NULL);
    struct kit_result result = {0};
    (void)state;
    wire_start(bench, &result);
    struct conn *conn = wire_conn(bench);
    kit_forget(&bench->peer);
    conn->write_error = EPIPE; // as if it had been one that passes
    conn->write_shut = true;
    uint64_t mark = conn->h2.left_bytes;
    wire_fill(conn);
    conn_wake(conn);
    kit_turn(bench->loop);
    kit_read(&bench->peer);
    assert_string_equal(bench->peer.text, "");
    assert_int_equal(h2_output_size(&conn->h2), 0);
    assert_int_equal(conn->h2.left_bytes, mark);
    conn_close(conn, "a test");
    kit_turn(bench->loop);
    kit_bench_end(bench);
}

static void test_conn_wire__reads_some(void **state)
{
    struct kit_bench *bench = kit_bench_channel(NULL, NULL);
    struct conn *conn = wire_conn(bench);
    size_t size = 1;
    (void)state;
    assert_int_equal(conn_wire_read(conn, &size), EAGAIN);
    kit_send(&bench->peer, (const uint8_t *)"bytes", 5);
    assert_int_equal(conn_wire_read(conn, &size), 0);
    assert_int_equal(size, 5);
    assert_memory_equal(bench->loop->input, "bytes", 5);
    (void)close(bench->peer.fd);
    bench->peer.fd = -1;
    assert_int_equal(conn_wire_read(conn, &size), 0);
    assert_int_equal(size, 0);
    assert_string_equal(conn_wire_end_reason(conn),
                        "the peer closed the connection");
    kit_bench_end(bench);
}

static void test_conn_wire__watches_what_it_is_told(void **state)
{
    struct kit_bench *bench = kit_bench_channel(NULL, NULL);
    struct conn *conn = wire_conn(bench);
    (void)state;
    assert_int_equal(conn->source.watched, LOOP_READABLE);
    conn_wire_watch(conn, LOOP_READABLE | LOOP_WRITABLE);
    assert_int_equal(conn->source.watched, LOOP_READABLE | LOOP_WRITABLE);
    conn_wire_watch(conn, 0);
    assert_int_equal(conn->source.watched, 0);
    conn_wire_watch(conn, LOOP_READABLE);
    assert_int_equal(conn->source.watched, LOOP_READABLE);
    kit_bench_end(bench);
}

static void test_conn_wire__closes(void **state)
{
    struct kit_bench *bench = kit_bench_channel(NULL, NULL);
    struct conn *conn = wire_conn(bench);
    (void)state;
    conn_wire_close_write(conn);
    kit_read(&bench->peer);
    assert_non_null(strstr(bench->peer.text, "EOF\n"));
    int fd = conn->source.fd;
    conn_close(conn, "a test");
    assert_int_equal(conn->source.fd, -1);
    assert_int_equal(conn->source.slot, 0);
    assert_int_equal(fcntl(fd, F_GETFD), -1);
    kit_bench_end(bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_conn_wire__writes_what_is_taken),
        cmocka_unit_test(test_conn_wire__failure_in_words),
        cmocka_unit_test(test_conn_wire__answer_behind_a_failure),
        cmocka_unit_test(test_conn_wire__farewell_behind_a_failure),
        cmocka_unit_test(test_conn_wire__server_reads_on),
        cmocka_unit_test(test_conn_wire__end_is_bounded),
        cmocka_unit_test(test_conn_wire__failure_without_an_end),
        cmocka_unit_test(test_conn_wire__writes_no_more),
        cmocka_unit_test(test_conn_wire__reads_some),
        cmocka_unit_test(test_conn_wire__watches_what_it_is_told),
        cmocka_unit_test(test_conn_wire__closes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

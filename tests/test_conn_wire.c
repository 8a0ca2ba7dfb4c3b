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
    uint32_t mark = conn->written;
    assert_true(conn_wire_write(conn));
    size_t left = h2_output_size(&conn->h2);
    assert_in_range(left, 1, whole - 1);
    assert_int_equal(conn->written - mark, whole - left);
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
    assert_false(conn_wire_write(conn));
    assert_int_equal(conn->state, CONN_CLOSED);
    assert_int_equal(conn->source.fd, -1);
    (void)snprintf(text, sizeof text,
                   "write to unix:: %s; the channel was made from that "
                   "connection and has no other",
                   kit_error(EPIPE));
    assert_string_equal(grpc_channel_failure(bench->channel), text);
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
        cmocka_unit_test(test_conn_wire__reads_some),
        cmocka_unit_test(test_conn_wire__watches_what_it_is_told),
        cmocka_unit_test(test_conn_wire__closes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

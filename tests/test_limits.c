// SPDX-License-Identifier: MIT
// Limits that are out of range, as a user is told.
#include "tests/unit.h"

#include "tests/core_kit.h"

#include "core/limits.h"

static void test_limits__in_words(void **state)
{
    (void)state;
    char text[128];
    limits_say(&(struct h2_limits_fault){"header_bytes", 5, 1024, 16777216},
               text, sizeof text);
    assert_string_equal(text,
                        "limits.header_bytes is 5; it may be 1024 to 16777216");
}

// A limit of a stall that is short, or of a rate that is low, is still one.
static void test_limits__least_bytes(void **state)
{
    (void)state;
    grpc_limits limits = {.write_bytes_per_second = 1024};
    assert_true(limits_least_bytes(&limits, 60000) == 61440);
    assert_true(limits_least_bytes(&limits, 1) == 1);
    limits.write_bytes_per_second = 1;
    assert_true(limits_least_bytes(&limits, 999) == 1);
    assert_true(limits_least_bytes(&limits, 2000) == 2);
    limits.write_bytes_per_second = 1 << 24;
    assert_true(limits_least_bytes(&limits, 255999) == 4294950518);
    assert_true(limits_least_bytes(&limits, 256000) == UINT32_MAX);
    assert_true(limits_least_bytes(&limits, INT32_MAX) == UINT32_MAX);
}

static void test_limits__server_refuses_to_listen(void **state)
{
    (void)state;
    grpc_server *server = grpc_server_new(
        &(grpc_server_options){.limits = {.frame_bytes = 16383}});
    assert_non_null(server);
    assert_int_equal(grpc_server_listen(server, "127.0.0.1:0", NULL),
                     GRPC_EINVAL);
    assert_string_equal(
        grpc_server_error(server),
        "listen: limits.frame_bytes is 16383; it may be 16384 to 16777215");
    int fds[2];
    kit_pair_of_sockets(fds);
    assert_int_equal(grpc_server_serve_fd(server, fds[0]), GRPC_EINVAL);
    assert_string_equal(grpc_server_error(server),
                        "take a descriptor: limits.frame_bytes is 16383; it "
                        "may be 16384 to 16777215");
    (void)close(fds[0]);
    (void)close(fds[1]);
    grpc_server_free(server);
}

static void test_limits__calls_of_a_channel_fail(void **state)
{
    (void)state;
    grpc_channel *channel = grpc_channel_new(
        "127.0.0.1:1", &(grpc_channel_options){.limits = {.header_fields = 1}});
    assert_non_null(channel);
    assert_string_equal(grpc_channel_error(channel),
                        "limits.header_fields is 1; it may be 16 to 65535");
    grpc_arena arena = {0};
    struct kit_hello request = {.name = GRPC_STR("x")};
    struct kit_hello reply;
    grpc_status status =
        grpc_unary(channel, &arena, &kit_methods[0], &request, &reply, NULL);
    assert_int_equal(status.code, GRPC_INVALID_ARGUMENT);
    assert_string_equal(status.message,
                        "limits.header_fields is 1; it may be 16 to 65535");
    grpc_arena_free(&arena);
    grpc_channel_free(channel);
}

// What a server's limits say is what its connections announce.
static void test_limits__are_announced(void **state)
{
    (void)state;
    struct kit_bench *bench = kit_bench_server(
        NULL, &(grpc_server_options){.limits = {.stream_window_bytes = 70000,
                                                .frame_bytes = 20000,
                                                .header_bytes = 4000,
                                                .header_table_bytes = 1000,
                                                .encoder_table_bytes = 500}});
    const struct conn *conn =
        LIST_OWNER(list_first(&bench->server->conns), struct conn, link_owner);
    assert_int_equal(conn->h2.local.initial_window_size, 70000);
    assert_int_equal(conn->h2.local.max_frame_size, 20000);
    assert_int_equal(conn->h2.decoder.size_limit, 1000);
    assert_int_equal(conn->h2.encoder.size_limit, 500);
    // A lower table size has to be confirmed at the start of a block.
    kit_headers(&bench->peer, 1, false, KIT_REQUEST);
    kit_expect(&bench->peer, bench->loop,
               "GOAWAY 0 COMPRESSION_ERROR header block has a bad or missing "
               "table size update\nEOF\n");
    kit_bench_end(bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_limits__in_words),
        cmocka_unit_test(test_limits__least_bytes),
        cmocka_unit_test(test_limits__server_refuses_to_listen),
        cmocka_unit_test(test_limits__calls_of_a_channel_fail),
        cmocka_unit_test(test_limits__are_announced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

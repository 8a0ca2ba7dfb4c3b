// SPDX-License-Identifier: MIT
// Large messages that arrive at the same time.
#include "tests/unit.h"

#include "tests/core_kit.h"

enum { PART = 16384 };

static struct conn *assembly_conn(const struct kit_bench *bench)
{
    return LIST_OWNER(list_first(&bench->server->conns), struct conn,
                      link_owner);
}

static struct kit_bench *assembly_bench(uint32_t assembly_bytes)
{
    return kit_bench_server(
        NULL,
        &(grpc_server_options){.limits = {.assembly_bytes = assembly_bytes}});
}

// assembly_begin sends the prefix of a message of length bytes of name, and the
// first n bytes of the message.
static void assembly_begin(struct kit_bench *bench, uint32_t id,
                           uint32_t length, uint32_t n)
{
    static uint8_t bytes[PART];
    memset(bytes, 'x', sizeof bytes);
    bytes[0] = 0;
    store_be32(bytes + 1, length);
    bytes[5] = 0x0a; // field 1, of length - 4 bytes: three bytes of length
    uint32_t size = length - 4;
    bytes[6] = (uint8_t)(size & 127) | 128;
    bytes[7] = (uint8_t)(size >> 7 & 127) | 128;
    bytes[8] = (uint8_t)(size >> 14);
    assert_true(size >> 14 < 128 && n >= 4 && n + 5 <= PART);
    kit_headers(&bench->peer, id, false, KIT_REQUEST);
    kit_frame(&bench->peer, 0, 0, id, view_of(bytes, 5 + (size_t)n));
    kit_turn(bench->loop);
    conn_check(assembly_conn(bench));
    h2_check(&assembly_conn(bench)->h2);
}

// assembly_more sends n bytes more.
static void assembly_more(struct kit_bench *bench, uint32_t id, uint32_t n,
                          bool end)
{
    static uint8_t bytes[PART];
    memset(bytes, 'x', sizeof bytes);
    while (n > 0) {
        uint32_t part = n < PART ? n : PART;
        n -= part;
        kit_frame(&bench->peer, 0, end && n == 0 ? 1 : 0, id,
                  view_of(bytes, part));
        kit_turn(bench->loop);
        conn_check(assembly_conn(bench));
        h2_check(&assembly_conn(bench)->h2);
    }
}

static void test_assembly__one_is_always_granted(void **state)
{
    (void)state;
    struct kit_bench *bench = assembly_bench(1);
    assembly_begin(bench, 1, 200000, 1000);
    assert_int_equal(assembly_conn(bench)->assembling, 200000);
    // 199,000 bytes are missing, and 65,535 - 1,005 could still come.
    kit_expect(&bench->peer, bench->loop, "WINDOW_UPDATE 1 134470\n");
    assembly_more(bench, 1, 199000, true);
    assert_int_equal(bench->greeter.handled, 1);
    assert_int_equal(bench->greeter.name_size, 200000 - 4);
    assert_int_equal(assembly_conn(bench)->assembling, 0);
    kit_bench_end(bench);
}

static void test_assembly__the_next_waits_for_its_turn(void **state)
{
    (void)state;
    struct kit_bench *bench = assembly_bench(250000);
    assembly_begin(bench, 1, 200000, 1000);
    kit_forget(&bench->peer);
    assembly_begin(bench, 3, 100000, 1000);
    // No window for the second, and for a third neither, though it would fit:
    // many like it could have the second wait for ever.
    kit_expect(&bench->peer, bench->loop, "");
    assert_int_equal(assembly_conn(bench)->assembly_waits, 1);
    assembly_begin(bench, 5, 50000, 1000);
    kit_expect(&bench->peer, bench->loop, "");
    assert_int_equal(assembly_conn(bench)->assembling, 200000);
    assert_int_equal(assembly_conn(bench)->assembly_waits, 2);
    // It needs no more than the window that it has.
    assembly_more(bench, 5, 49000, true);
    assert_int_equal(bench->greeter.handled, 1);
    assert_int_equal(assembly_conn(bench)->assembly_waits, 1);
    // What fits into its window is taken meanwhile.
    assembly_more(bench, 3, 60000, false);
    kit_forget(&bench->peer);
    assembly_more(bench, 1, 199000, true);
    assert_int_equal(bench->greeter.handled, 2);
    // The second's turn: credit for what was kept, and the rest.
    assert_int_equal(assembly_conn(bench)->assembly_waits, 0);
    assert_int_equal(assembly_conn(bench)->assembling, 100000);
    kit_read(&bench->peer);
    assert_non_null(strstr(bench->peer.text, "WINDOW_UPDATE 3 61005\n"));
    assembly_more(bench, 3, 39000, true);
    assert_int_equal(bench->greeter.handled, 3);
    assert_int_equal(assembly_conn(bench)->assembling, 0);
    kit_bench_end(bench);
}

// Those that wait do not use up the connection's window.
static void test_assembly__those_that_wait_do_not_block_others(void **state)
{
    (void)state;
    struct kit_bench *bench = assembly_bench(200000);
    assembly_begin(bench, 1, 200000, 1000);
    for (uint32_t id = 3; id < 3 + 2 * 40; id += 2) {
        assembly_begin(bench, id, 200000, 10000);
        assembly_more(bench, id, 50000, false); // 40 times 60,000: over 1 MiB
    }
    assert_int_equal(assembly_conn(bench)->assembly_waits, 40);
    assembly_more(bench, 1, 199000, true);
    assert_int_equal(bench->greeter.handled, 1);
    kit_headers(&bench->peer, 99, false, KIT_REQUEST);
    kit_message(&bench->peer, 99, true, "small");
    kit_turn(bench->loop);
    assert_int_equal(bench->greeter.handled, 2);
    // The oldest has its turn now. What it was granted goes with it.
    assert_int_equal(assembly_conn(bench)->assembly_waits, 39);
    kit_rst(&bench->peer, 3, H2_CANCEL);
    kit_turn(bench->loop);
    conn_check(assembly_conn(bench));
    assert_int_equal(assembly_conn(bench)->assembly_waits, 38);
    // One that waits may go too.
    kit_rst(&bench->peer, 41, H2_CANCEL);
    kit_turn(bench->loop);
    conn_check(assembly_conn(bench));
    assert_int_equal(assembly_conn(bench)->assembly_waits, 37);
    kit_bench_end(bench);
}

// The bound is on memory: whatever a client begins, no more than the granted
// messages and a window for each stream is held.
static void test_assembly__bounds_memory(void **state)
{
    (void)state;
    struct kit_bench *bench = assembly_bench(0);
    const uint32_t length = 1 << 20;
    size_t before = bench->heap.live_bytes;
    for (uint32_t id = 1; id < 1 + 2 * 100; id += 2) {
        assembly_begin(bench, id, length, 1000);
        assembly_more(bench, id, 60000, false);
    }
    for (uint32_t id = 1; id < 1 + 2 * 16; id += 2) {
        assembly_more(bench, id, length - 100000, false);
    }
    size_t held = bench->heap.live_bytes - before;
    print_message("100 streams of 1 MiB messages: %lu KiB held\n",
                  (unsigned long)held / 1024);
    assert_true(held < 16777216 + 100 * (size_t)(65536 + 8192));
    kit_bench_end(bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_assembly__one_is_always_granted),
        cmocka_unit_test(test_assembly__the_next_waits_for_its_turn),
        cmocka_unit_test(test_assembly__those_that_wait_do_not_block_others),
        cmocka_unit_test(test_assembly__bounds_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

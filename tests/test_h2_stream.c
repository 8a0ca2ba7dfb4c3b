// SPDX-License-Identifier: MIT
#include "tests/unit.h"

#include "h2/h2_stream.h"
#include "tests/h2_script.h"

static struct script_run run;

static void begin(bool is_server)
{
    const struct h2_script script = {.is_server = is_server};
    test_heap_init(&run.heap);
    script_begin(&run, &script);
    assert_true(run.ready);
}

static struct h2_stream *open_stream(uint32_t id)
{
    struct h2_stream *stream = h2_stream_new(&run.conn);
    assert_non_null(stream);
    h2_stream_opened(&run.conn, id);
    h2_stream_name(stream, id);
    h2_stream_set_state(stream, H2_STATE_OPEN);
    return stream;
}

static enum h2_stream_kind kind(uint32_t id)
{
    struct h2_stream *stream = NULL;
    enum h2_stream_kind result = h2_stream_kind_of(&run.conn, id, &stream);
    assert_int_equal(result == H2_STREAM_KIND_LIVE, stream != NULL);
    assert_true(stream == NULL || stream->id == id);
    return result;
}

static void test_stream__ends_both_ways(void **state)
{
    (void)state;
    begin(true);
    struct h2_stream *a = open_stream(1);
    struct h2_stream *b = open_stream(3);
    assert_int_equal(run.conn.open_count, 2);
    assert_true(h2_stream_can_send(a));
    assert_true(h2_stream_can_receive(a));
    h2_stream_end_local(a);
    assert_int_equal(a->state, H2_STATE_HALF_CLOSED_LOCAL);
    assert_false(h2_stream_can_send(a));
    assert_true(h2_stream_can_receive(a));
    h2_stream_end_remote(b);
    assert_int_equal(b->state, H2_STATE_HALF_CLOSED_REMOTE);
    assert_true(h2_stream_can_send(b));
    assert_false(h2_stream_can_receive(b));
    h2_stream_end_remote(a);
    h2_stream_end_local(b);
    assert_int_equal(a->state, H2_STATE_CLOSED);
    assert_int_equal(b->state, H2_STATE_CLOSED);
    assert_int_equal(run.conn.open_count, 0);
    assert_int_equal(run.conn.stream_count, 2);
    h2_check(&run.conn);
    script_end(&run);
}

static void test_stream__finds_by_id(void **state)
{
    (void)state;
    begin(true);
    struct h2_stream *streams[50];
    for (uint32_t i = 0; i < 50; i++) {
        streams[i] = open_stream(2 * i + 1);
    }
    for (uint32_t i = 0; i < 50; i += 3) {
        h2_stream_free(streams[i]);
        streams[i] = NULL;
    }
    for (uint32_t i = 0; i < 50; i++) {
        assert_ptr_equal(h2_stream_find(&run.conn, 2 * i + 1), streams[i]);
        assert_null(h2_stream_find(&run.conn, 2 * i + 2));
    }
    h2_check(&run.conn);
    script_end(&run);
}

static void find_all(uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        struct h2_stream *stream = h2_stream_find(&run.conn, 2 * i + 1);
        assert_non_null(stream);
        assert_int_equal(stream->id, 2 * i + 1);
    }
    assert_null(h2_stream_find(&run.conn, 2 * count + 1));
    h2_check(&run.conn);
}

static void free_all(uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        h2_stream_free(h2_stream_find(&run.conn, 2 * i + 1));
    }
}

static void test_stream__many_take_a_larger_table(void **state)
{
    (void)state;
    begin(true);
    enum { MANY = 1000 };
    for (uint32_t i = 0; i < MANY; i++) {
        (void)open_stream(2 * i + 1);
        assert_int_equal(run.conn.set->many != NULL, i >= H2_BUCKETS_FULL);
    }
    find_all(MANY);
    assert_int_equal(run.shared.tables.taken, 1);
    free_all(MANY);
    assert_null(run.conn.set);
    assert_int_equal(run.shared.tables.taken, 0);
    h2_check(&run.conn);
    script_end(&run);
}

static void test_stream__many_without_memory_for_the_table(void **state)
{
    (void)state;
    begin(true);
    enum { MANY = 100 };
    for (uint32_t i = 0; i < MANY; i++) {
        struct h2_stream *stream = h2_stream_new(&run.conn);
        assert_non_null(stream);
        h2_stream_opened(&run.conn, 2 * i + 1);
        run.heap.fail_at = run.heap.calls + 1; // the table, when it is due
        h2_stream_name(stream, 2 * i + 1);
        run.heap.fail_at = 0;
        h2_stream_set_state(stream, H2_STATE_OPEN);
    }
    assert_null(run.conn.set->many);
    find_all(MANY);
    free_all(MANY);
    script_end(&run);
}

static void test_stream__remembers_how_ids_ended(void **state)
{
    (void)state;
    begin(true);
    assert_int_equal(kind(1), H2_STREAM_KIND_IDLE);
    struct h2_stream *one = open_stream(1);
    assert_int_equal(kind(1), H2_STREAM_KIND_LIVE);
    assert_int_equal(kind(2), H2_STREAM_KIND_IDLE);
    assert_int_equal(kind(3), H2_STREAM_KIND_IDLE);
    struct h2_stream *five = open_stream(5);
    assert_int_equal(kind(3), H2_STREAM_KIND_SKIPPED);
    assert_int_equal(kind(7), H2_STREAM_KIND_IDLE);
    h2_stream_set_state(one, H2_STATE_CLOSED);
    assert_int_equal(kind(1), H2_STREAM_KIND_CLOSED);
    h2_stream_free(one);
    assert_int_equal(kind(1), H2_STREAM_KIND_CLOSED);
    h2_stream_ended(&run.conn, 5);
    assert_int_equal(kind(5), H2_STREAM_KIND_LIVE);
    h2_stream_free(five);
    assert_int_equal(kind(5), H2_STREAM_KIND_ENDED);
    // 64 ids are remembered: 1 leaves when 129 comes.
    h2_stream_opened(&run.conn, 127);
    assert_int_equal(kind(1), H2_STREAM_KIND_CLOSED);
    assert_int_equal(kind(3), H2_STREAM_KIND_SKIPPED);
    h2_stream_opened(&run.conn, 129);
    assert_int_equal(kind(1), H2_STREAM_KIND_ENDED);
    assert_int_equal(kind(3), H2_STREAM_KIND_SKIPPED);
    assert_int_equal(kind(5), H2_STREAM_KIND_ENDED);
    assert_int_equal(kind(127), H2_STREAM_KIND_CLOSED);
    h2_stream_opened(&run.conn, 129 + 128);
    assert_int_equal(kind(129), H2_STREAM_KIND_ENDED);
    assert_int_equal(kind(131), H2_STREAM_KIND_SKIPPED);
    h2_stream_opened(&run.conn, H2_STREAM_ID_MAX);
    assert_int_equal(kind(H2_STREAM_ID_MAX - 2), H2_STREAM_KIND_SKIPPED);
    assert_int_equal(kind(H2_STREAM_ID_MAX), H2_STREAM_KIND_CLOSED);
    script_end(&run);
}

static void test_stream__client_ids(void **state)
{
    (void)state;
    begin(false);
    assert_int_equal(kind(1), H2_STREAM_KIND_IDLE);
    (void)open_stream(1);
    assert_int_equal(run.conn.next_local_id, 3);
    assert_int_equal(kind(1), H2_STREAM_KIND_LIVE);
    assert_int_equal(kind(3), H2_STREAM_KIND_IDLE);
    assert_int_equal(kind(2), H2_STREAM_KIND_IDLE);
    script_end(&run);
}

static void test_stream__objects_are_used_again(void **state)
{
    (void)state;
    begin(true);
    struct h2_stream *stream = open_stream(1);
    stream->owner = &run;
    stream->send_delta = 5;
    h2_stream_free(stream);
    size_t calls = run.heap.calls;
    struct h2_stream *again = open_stream(3);
    assert_int_equal(run.heap.calls, calls);
    assert_ptr_equal(again, stream);
    assert_null(again->owner);
    assert_int_equal(again->send_delta, 0);
    assert_int_equal(again->content_left, -1);
    script_end(&run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stream__ends_both_ways),
        cmocka_unit_test(test_stream__finds_by_id),
        cmocka_unit_test(test_stream__many_take_a_larger_table),
        cmocka_unit_test(test_stream__many_without_memory_for_the_table),
        cmocka_unit_test(test_stream__remembers_how_ids_ended),
        cmocka_unit_test(test_stream__client_ids),
        cmocka_unit_test(test_stream__objects_are_used_again),
    };
    return cmocka_run_group_tests_name("h2_stream", tests, NULL, NULL);
}

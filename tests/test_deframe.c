// SPDX-License-Identifier: MIT

#include "tests/unit.h"

#include "base/arena.h"
#include "base/endian.h"
#include "core/deframe.h"
#include "core/limits.h"

enum { DEFRAME_TEXT = 8192 };

struct deframe_run {
    struct test_heap heap;
    grpc_arena arena;
    struct deframe deframe;
    struct deframe_spare spare;
    char text[DEFRAME_TEXT]; // what came out
    size_t size;
    bool failed;
};

static void deframe_begin(struct deframe_run *run, uint32_t max_bytes)
{
    memset(run, 0, sizeof *run);
    test_heap_init(&run->heap);
    run->arena.allocator = run->heap.allocator;
    deframe_init(&run->deframe, &run->spare, max_bytes);
}

static void deframe_end(struct deframe_run *run)
{
    deframe_fini(&run->deframe, &run->arena);
    deframe_spare_fini(&run->spare, &run->heap.allocator);
    grpc_arena_free(&run->arena);
    assert_true(test_heap_is_clean(&run->heap));
}

static void deframe_say(struct deframe_run *run, const char *text)
{
    size_t size = strlen(text);
    assert_true(run->size + size < sizeof run->text);
    memcpy(run->text + run->size, text, size + 1);
    run->size += size;
}

// deframe_feed gives input in memory of its own.
static void deframe_feed(struct deframe_run *run, const uint8_t *bytes,
                         size_t size)
{
    static const char *const names[] = {"more", "message", "bad flag;",
                                        "too large;", "no memory;"};
    if (run->failed) {
        return;
    }
    uint8_t *copy = malloc(size + (size == 0));
    assert_non_null(copy);
    memcpy(copy, bytes, size);
    struct view input = view_of(copy, size);
    for (;;) {
        struct view message;
        enum deframe_result result =
            deframe_next(&run->deframe, &run->arena, &input, &message);
        if (result == DEFRAME_MORE) {
            assert_int_equal(input.size, 0);
            break;
        }
        if (result != DEFRAME_MESSAGE) {
            deframe_say(run, names[result]);
            run->failed = true;
            break;
        }
        char line[300];
        (void)snprintf(line, sizeof line, "%s%.*s;",
                       run->deframe.compressed ? "z:" : "", (int)message.size,
                       message.size == 0 ? "" : (const char *)message.data);
        deframe_say(run, line);
        assert_true(deframe_is_between(&run->deframe));
        assert_int_equal(deframe_wanted(&run->deframe), 0);
    }
    free(copy);
}

// deframe_check runs the input whole, byte by byte, and cut in two and three.
static void deframe_check(const char *hex, uint32_t max_bytes,
                          const char *expected, bool between)
{
    static uint8_t bytes[512];
    static struct deframe_run run;
    size_t size = test_unhex(hex, bytes, sizeof bytes);
    for (size_t first = 0; first <= size; first++) {
        for (size_t second = first; second <= size; second++) {
            deframe_begin(&run, max_bytes);
            deframe_feed(&run, bytes, first);
            deframe_feed(&run, bytes + first, second - first);
            deframe_feed(&run, bytes + second, size - second);
            assert_string_equal(run.text, expected);
            assert_int_equal(deframe_is_between(&run.deframe), between);
            deframe_end(&run);
        }
    }
    deframe_begin(&run, max_bytes);
    for (size_t i = 0; i < size; i++) {
        deframe_feed(&run, bytes + i, 1);
    }
    assert_string_equal(run.text, expected);
    deframe_end(&run);
}

static void test_deframe__messages(void **state)
{
    (void)state;
    deframe_check("", 100, "", true);
    deframe_check("0000000003 616263", 100, "abc;", true);
    deframe_check("0000000000", 100, ";", true);
    deframe_check("0000000000 0000000000", 100, ";;", true);
    deframe_check("0000000003 616263 0000000000 0000000002 6465", 100,
                  "abc;;de;", true);
    deframe_check("0100000003 616263", 100, "z:abc;", true);
    deframe_check("0100000001 61 0000000001 62", 100, "z:a;b;", true);
}

static void test_deframe__cut_short(void **state)
{
    (void)state;
    deframe_check("00", 100, "", false);
    deframe_check("00000000", 100, "", false);
    deframe_check("0000000003", 100, "", false);
    deframe_check("0000000003 6162", 100, "", false);
    deframe_check("0000000001 61 00", 100, "a;", false);
}

static void test_deframe__refuses(void **state)
{
    (void)state;
    deframe_check("0200000003 616263", 100, "bad flag;", false);
    deframe_check("ff00000000", 100, "bad flag;", false);
    deframe_check("0000000001 61 8000000001 62", 100, "a;bad flag;", false);
    deframe_check("0000000003 616263", 3, "abc;", true);
    deframe_check("0000000004 61626364", 3, "too large;", false);
    deframe_check("00ffffffff", 0xfffffffe, "too large;", false);
    deframe_check("0000000000", 0, ";", true);
    deframe_check("0000000001", 0, "too large;", false);
    // A flag that is wrong is told before a length that is.
    deframe_check("07ffffffff", 10, "bad flag;", false);
}

static void test_deframe__whole_is_not_copied(void **state)
{
    static struct deframe_run run;
    static const uint8_t bytes[] = {0, 0, 0, 0, 2, 'h', 'i',
                                    0, 0, 0, 0, 1, 'x'};
    struct view input = view_of(bytes, sizeof bytes);
    struct view message;
    (void)state;
    deframe_begin(&run, 100);
    assert_int_equal(deframe_next(&run.deframe, &run.arena, &input, &message),
                     DEFRAME_MESSAGE);
    assert_ptr_equal(message.data, bytes + 5);
    assert_int_equal(message.size, 2);
    assert_int_equal(input.size, 6);
    assert_int_equal(deframe_next(&run.deframe, &run.arena, &input, &message),
                     DEFRAME_MESSAGE);
    assert_ptr_equal(message.data, bytes + 12);
    assert_int_equal(run.heap.calls, 0);
    deframe_end(&run);
}

static void test_deframe__wanted(void **state)
{
    static struct deframe_run run;
    static const uint8_t bytes[] = {0, 0, 0, 0, 10, 'a', 'b', 'c'};
    (void)state;
    deframe_begin(&run, 100);
    deframe_feed(&run, bytes, 4);
    assert_int_equal(deframe_wanted(&run.deframe), 0);
    deframe_feed(&run, bytes + 4, 1);
    assert_int_equal(deframe_wanted(&run.deframe), 10);
    deframe_feed(&run, bytes + 5, 3);
    assert_int_equal(deframe_wanted(&run.deframe), 7);
    deframe_end(&run);
}

// A length that is announced costs nothing until its bytes arrive, and then
// little more than those.
static void test_deframe__memory_follows_bytes(void **state)
{
    static struct deframe_run run;
    static uint8_t piece[10000];
    uint8_t head[5] = {0};
    const size_t length = 4000000;
    (void)state;
    store_be32(head + 1, (uint32_t)length);
    deframe_begin(&run, 4194304);
    deframe_feed(&run, head, 5);
    assert_int_equal(run.heap.live_bytes, 0);
    for (size_t at = 0; at + sizeof piece < length; at += sizeof piece) {
        deframe_feed(&run, piece, sizeof piece);
        size_t arrived = at + sizeof piece;
        assert_true(run.heap.live_bytes >= arrived);
        assert_true(run.heap.live_bytes <= 2 * arrived + CORE_GATHER_BYTES);
    }
    // Growing by doubling: few copies.
    assert_true(run.heap.calls <= 12);
    // An end in the middle gives it all back.
    deframe_end(&run);
}

// Each length around the border between the arena and memory of its own.
static void test_deframe__gathers(void **state)
{
    static struct deframe_run run;
    static uint8_t bytes[5 + 3 * CORE_GATHER_BYTES];
    (void)state;
    for (size_t length = CORE_GATHER_BYTES - 2; length < 3 * CORE_GATHER_BYTES;
         length += length % 7 == 0 ? 4093 : 1) {
        store_be32(bytes + 1, (uint32_t)length);
        for (size_t i = 0; i < length; i++) {
            bytes[5 + i] = (uint8_t)(i * 31 + i / 256);
        }
        deframe_begin(&run, 1 << 20);
        size_t size = 5 + length;
        struct view message = {NULL, 0};
        enum deframe_result result = DEFRAME_MORE;
        for (size_t at = 0; at < size; at += 1000) {
            struct view input =
                view_of(bytes + at, size - at < 1000 ? size - at : 1000);
            assert_int_equal(result, DEFRAME_MORE);
            result = deframe_next(&run.deframe, &run.arena, &input, &message);
        }
        assert_int_equal(result, DEFRAME_MESSAGE);
        assert_int_equal(message.size, length);
        assert_memory_equal(message.data, bytes + 5, length);
        deframe_end(&run);
    }
}

static void test_deframe__no_memory(void **state)
{
    static struct deframe_run run;
    static uint8_t bytes[5 + 40000];
    static const size_t lengths[] = {100, CORE_GATHER_BYTES, 40000};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        size_t length = lengths[i];
        store_be32(bytes + 1, (uint32_t)length);
        bool failed = true;
        for (size_t n = 1; failed; n++) {
            deframe_begin(&run, 1 << 20);
            run.heap.fail_at = n;
            // The last byte stays away: nothing is told but a failure.
            for (size_t at = 0; at < 5 + length - 1; at += 50) {
                size_t left = 5 + length - 1 - at;
                deframe_feed(&run, bytes + at, left < 50 ? left : 50);
            }
            failed = run.heap.calls >= n;
            assert_string_equal(run.text, failed ? "no memory;" : "");
            deframe_end(&run);
            assert_true(n < 20);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_deframe__messages),
        cmocka_unit_test(test_deframe__cut_short),
        cmocka_unit_test(test_deframe__refuses),
        cmocka_unit_test(test_deframe__whole_is_not_copied),
        cmocka_unit_test(test_deframe__wanted),
        cmocka_unit_test(test_deframe__memory_follows_bytes),
        cmocka_unit_test(test_deframe__gathers),
        cmocka_unit_test(test_deframe__no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: MIT

#include "tests/unit.h"

#include "tests/pb_kit.h"

static void test_message__decode_and_encode(void **state)
{
    (void)state;
    grpc_arena arena = {.cursor = NULL};
    struct sample_hello hello;
    assert_int_equal(grpc_message_decode(&sample_hello_type, &hello, &arena,
                                         "\x0a\x05world", 7),
                     GRPC_OK);
    assert_true(KIT_IS(hello.name, "world"));
    grpc_str bytes = grpc_message_encode(&sample_hello_type, &hello, &arena);
    assert_int_equal(bytes.size, 7);
    assert_memory_equal(bytes.data, "\x0a\x05world", 7);
    // An empty message has bytes too: none, but not NULL.
    assert_int_equal(
        grpc_message_decode(&sample_hello_type, &hello, &arena, NULL, 0),
        GRPC_OK);
    bytes = grpc_message_encode(&sample_hello_type, &hello, &arena);
    assert_int_equal(bytes.size, 0);
    assert_non_null(bytes.data);
    grpc_arena_free(&arena);
}

static void test_message__misuse_is_refused(void **state)
{
    (void)state;
    grpc_arena arena = {.cursor = NULL};
    struct sample_hello hello = {.name = {NULL, 0}};
    const grpc_message *type = &sample_hello_type;
    assert_int_equal(grpc_message_decode(NULL, &hello, &arena, "", 0),
                     GRPC_EINVAL);
    assert_int_equal(grpc_message_decode(type, NULL, &arena, "", 0),
                     GRPC_EINVAL);
    assert_int_equal(grpc_message_decode(type, &hello, NULL, "", 0),
                     GRPC_EINVAL);
    assert_int_equal(grpc_message_decode(type, &hello, &arena, NULL, 1),
                     GRPC_EINVAL);
    assert_null(grpc_message_encode(NULL, &hello, &arena).data);
    assert_null(grpc_message_encode(type, NULL, &arena).data);
    assert_null(grpc_message_encode(type, &hello, NULL).data);
}

static void test_message__failures(void **state)
{
    (void)state;
    struct test_heap heap;
    test_heap_init(&heap);
    grpc_arena arena = {.allocator = heap.allocator};
    struct sample_hello hello = {.name = GRPC_STR("\xff")};
    const grpc_message *type = &sample_hello_type;
    assert_int_equal(grpc_message_decode(type, &hello, &arena, "\x0a\x05", 2),
                     GRPC_EFORMAT);
    hello.name = GRPC_STR("\xff");
    assert_null(grpc_message_encode(type, &hello, &arena).data);
    grpc_arena_free(&arena);
    heap.fail_at = heap.calls + 1;
    assert_int_equal(grpc_message_decode(type, &hello, &arena, "\x0a\x01x", 3),
                     GRPC_ENOMEM);
    heap.fail_at = heap.calls + 1;
    hello.name = GRPC_STR("x");
    assert_null(grpc_message_encode(type, &hello, &arena).data);
    arena.limit_bytes = 8;
    assert_int_equal(grpc_message_decode(type, &hello, &arena, "\x0a\x01x", 3),
                     GRPC_ELIMIT);
    assert_null(grpc_message_encode(type, &hello, &arena).data);
    assert_true(test_heap_is_clean(&heap));
}

static void test_message__large_ones_stay_in_the_arena(void **state)
{
    (void)state;
    struct test_heap heap;
    test_heap_init(&heap);
    grpc_arena arena = {.allocator = heap.allocator};
    static char text[100000];
    memset(text, 'x', sizeof text);
    struct sample_hello hello = {.name = {text, sizeof text}};
    grpc_str bytes = grpc_message_encode(&sample_hello_type, &hello, &arena);
    assert_int_equal(bytes.size, 100004);
    assert_memory_equal(bytes.data + 4, text, sizeof text);
    grpc_arena_free(&arena);
    assert_true(test_heap_is_clean(&heap));
}

static void test_message__is_the_codec_named_proto(void **state)
{
    (void)state;
    assert_string_equal(grpc_protobuf.name, "proto");
    grpc_arena arena = {.cursor = NULL};
    grpc_buffer buffer = {.base = NULL};
    const char *reason = NULL;
    struct sample_hello hello = {.name = GRPC_STR("a")};
    assert_int_equal(
        grpc_protobuf.encode(&sample_hello_type, &hello, &buffer, &reason),
        GRPC_OK);
    grpc_str data = {(const char *)buffer.first, pb_buffer_size(&buffer)};
    memset(&hello, 0, sizeof hello);
    assert_int_equal(
        grpc_protobuf.decode(&sample_hello_type, &hello, &arena, data, &reason),
        GRPC_OK);
    assert_true(KIT_IS(hello.name, "a"));
    assert_null(reason);
    pb_buffer_fini(&buffer);
    grpc_arena_free(&arena);
}

// ---- random messages ----

// message_random makes the message of a seed; memory is the arena's.
static void *message_random(uint64_t seed, const grpc_message **out_type,
                            grpc_arena *arena)
{
    struct kit_random random = {.seed = seed, .arena = arena, .depth_left = 4};
    *out_type = sample_types[kit_below(&random, SAMPLE_TYPE_COUNT)];
    return kit_random_new(&random, *out_type);
}

static void message_round_trip(uint64_t seed)
{
    grpc_arena arena = {.cursor = NULL};
    grpc_arena arena_back = {.cursor = NULL};
    const grpc_message *type;
    void *message = message_random(seed, &type, &arena);
    grpc_str bytes = grpc_message_encode(type, message, &arena);
    assert_non_null(bytes.data);
    void *back = malloc(type->size);
    assert_non_null(back);
    memset(back, 0xee, type->size);
    assert_int_equal(
        kit_decode(type, back, &arena_back, bytes.data, bytes.size), GRPC_OK);
    assert_true(kit_equal(type, message, back));
    grpc_str again = grpc_message_encode(type, back, &arena_back);
    assert_int_equal(again.size, bytes.size);
    assert_memory_equal(again.data, bytes.data, bytes.size);
    if (bytes.size < 300) {
        kit_cut(type, (const uint8_t *)bytes.data, bytes.size);
    }
    free(back);
    grpc_arena_free(&arena);
    grpc_arena_free(&arena_back);
}

static void test_message__random_ones_survive_the_round_trip(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 3000; seed++) {
        message_round_trip(seed);
    }
}

// message_mutate changes a few bytes, drops some, doubles some.
static size_t message_mutate(struct kit_random *random, uint8_t *bytes,
                             size_t size)
{
    uint32_t rounds = 1 + kit_below(random, 4);
    while (rounds-- > 0 && size > 0) {
        size_t at = kit_below(random, (uint32_t)size);
        size_t run = 1 + kit_below(random, 8);
        run = run < size - at ? run : size - at;
        switch (kit_below(random, 5)) {
        case 0:
            bytes[at] = (uint8_t)test_random(&random->seed);
            break;
        case 1:
            bytes[at] ^= (uint8_t)(1U << kit_below(random, 8));
            break;
        case 2:
            memmove(bytes + at, bytes + at + run, size - at - run);
            size -= run;
            break;
        case 3:
            memmove(bytes + at + run, bytes + at, size - at);
            size += run;
            break;
        default:
            memset(bytes + at, 0xff, run);
            break;
        }
    }
    return size;
}

// message_damaged: a message that was mutated is refused, or what is read
// from it survives the round trip.
static bool message_damaged(uint64_t seed)
{
    grpc_arena arena = {.cursor = NULL};
    grpc_arena arena_back = {.limit_bytes = 1 << 20};
    const grpc_message *type;
    void *message = message_random(seed, &type, &arena);
    grpc_str bytes = grpc_message_encode(type, message, &arena);
    struct kit_random random = {.seed = seed, .arena = &arena};
    uint8_t *damaged = malloc(bytes.size + 64);
    void *back = malloc(type->size);
    void *last = malloc(type->size);
    assert_true(damaged != NULL && back != NULL && last != NULL);
    memcpy(damaged, bytes.data, bytes.size);
    size_t size = message_mutate(&random, damaged, bytes.size);
    grpc_result result = kit_decode(type, back, &arena_back, damaged, size);
    if (result == GRPC_OK) {
        bytes = grpc_message_encode(type, back, &arena);
        assert_non_null(bytes.data);
        assert_int_equal(kit_decode(type, last, &arena, bytes.data, bytes.size),
                         GRPC_OK);
        assert_true(kit_equal(type, back, last));
    } else {
        assert_true(result == GRPC_EFORMAT || result == GRPC_ELIMIT);
    }
    free(damaged);
    free(back);
    free(last);
    grpc_arena_free(&arena);
    grpc_arena_free(&arena_back);
    return result == GRPC_OK;
}

static void test_message__damaged_ones_are_refused_or_sound(void **state)
{
    (void)state;
    size_t accepted = 0;
    for (uint64_t seed = 1; seed <= 20000; seed++) {
        accepted += message_damaged(seed);
    }
    // Both ways are taken often.
    assert_true(accepted > 1000);
    assert_true(accepted < 19000);
}

static void test_message__random_bytes_do_no_harm(void **state)
{
    (void)state;
    struct kit_random random = {.seed = 12};
    uint8_t bytes[64];
    union {
        struct sample_packed packed;
        struct sample_optional optional;
        struct sample_tree tree;
        struct sample_maps maps;
    } message;
    for (int i = 0; i < 60000; i++) {
        size_t size = kit_below(&random, sizeof bytes);
        for (size_t k = 0; k < size; k++) {
            uint32_t pick = test_random(&random.seed);
            bytes[k] = (uint8_t)(pick >> 8 & (pick % 2 == 0 ? 0x1f : 0xff));
        }
        const grpc_message *type =
            sample_types[kit_below(&random, SAMPLE_TYPE_COUNT)];
        assert_true(type->size <= sizeof message);
        grpc_arena arena = {.limit_bytes = 100000};
        grpc_result result = kit_decode(type, &message, &arena, bytes, size);
        assert_true(result == GRPC_OK || result == GRPC_EFORMAT ||
                    result == GRPC_ELIMIT);
        grpc_arena_free(&arena);
    }
}

// ---- memory ----

static void test_message__every_allocation_may_fail(void **state)
{
    (void)state;
    size_t failures = 0;
    for (uint64_t seed = 1; seed <= 300; seed++) {
        grpc_arena arena = {.cursor = NULL};
        const grpc_message *type;
        void *message = message_random(seed, &type, &arena);
        grpc_str bytes = grpc_message_encode(type, message, &arena);
        void *back = malloc(type->size);
        assert_non_null(back);
        struct test_heap heap;
        test_heap_init(&heap);
        grpc_result result;
        do {
            heap.calls = 0;
            heap.fail_at++;
            grpc_arena decoded = {.allocator = heap.allocator};
            result = kit_decode(type, back, &decoded, bytes.data, bytes.size);
            assert_true(result == GRPC_OK || result == GRPC_ENOMEM);
            failures += result != GRPC_OK;
            if (result == GRPC_OK) {
                assert_true(kit_equal(type, message, back));
            }
            grpc_arena_free(&decoded);
            assert_true(test_heap_is_clean(&heap));
        } while (result != GRPC_OK);
        free(back);
        grpc_arena_free(&arena);
    }
    assert_true(failures > 150);
}

// The least limit that lets a message through is what it needs: all below are
// refused as a limit, and never passed.
static void test_message__every_limit_of_the_arena(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 60; seed++) {
        grpc_arena arena = {.cursor = NULL};
        const grpc_message *type;
        void *message = message_random(seed, &type, &arena);
        grpc_str bytes = grpc_message_encode(type, message, &arena);
        void *back = malloc(type->size);
        assert_non_null(back);
        size_t step = 1 + bytes.size / 50;
        grpc_result result;
        size_t limit = 1;
        do {
            struct test_heap heap;
            test_heap_init(&heap);
            grpc_arena decoded = {.allocator = heap.allocator,
                                  .limit_bytes = limit};
            result = kit_decode(type, back, &decoded, bytes.data, bytes.size);
            assert_true(result == GRPC_OK || result == GRPC_ELIMIT);
            assert_true(heap.peak_bytes <= limit);
            grpc_arena_free(&decoded);
            assert_true(test_heap_is_clean(&heap));
            limit += step;
        } while (result != GRPC_OK);
        free(back);
        grpc_arena_free(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_message__decode_and_encode),
        cmocka_unit_test(test_message__misuse_is_refused),
        cmocka_unit_test(test_message__failures),
        cmocka_unit_test(test_message__large_ones_stay_in_the_arena),
        cmocka_unit_test(test_message__is_the_codec_named_proto),
        cmocka_unit_test(test_message__random_ones_survive_the_round_trip),
        cmocka_unit_test(test_message__damaged_ones_are_refused_or_sound),
        cmocka_unit_test(test_message__random_bytes_do_no_harm),
        cmocka_unit_test(test_message__every_allocation_may_fail),
        cmocka_unit_test(test_message__every_limit_of_the_arena),
    };
    return cmocka_run_group_tests_name("pb_message", tests, NULL, NULL);
}

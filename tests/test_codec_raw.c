// SPDX-License-Identifier: MIT

#include "tests/unit.h"

#include "base/arena.h"
#include "codec/pb_buffer.h"

static void test_codec_raw__there_and_back(void **state)
{
    (void)state;
    static char bytes[100000];
    static const size_t sizes[] = {0, 1, 5, 4096, sizeof bytes};
    struct test_heap heap;
    test_heap_init(&heap);
    memset(bytes, 0xa5, sizeof bytes);
    grpc_buffer buffer = {.allocator = heap.allocator};
    grpc_arena arena = {.allocator = heap.allocator};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        const char *reason = NULL;
        grpc_str message = {bytes, sizes[i]};
        grpc_str read = {NULL, 0};
        buffer.first = buffer.end;
        assert_int_equal(grpc_raw.encode(NULL, &message, &buffer, &reason),
                         GRPC_OK);
        assert_int_equal(buffer.end - buffer.first, (ptrdiff_t)sizes[i]);
        assert_true(buffer.first - buffer.base >= GRPC_BUFFER_HEADROOM);
        grpc_str encoded = {(const char *)buffer.first, sizes[i]};
        assert_int_equal(grpc_raw.decode(NULL, &read, &arena, encoded, &reason),
                         GRPC_OK);
        assert_int_equal(read.size, sizes[i]);
        assert_memory_equal(read.data, bytes, sizes[i]);
        assert_int_equal(read.data[sizes[i]], '\0');
        assert_ptr_not_equal(read.data, encoded.data);
        assert_null(reason);
    }
    assert_string_equal(grpc_raw.name, "raw");
    pb_buffer_fini(&buffer);
    grpc_arena_free(&arena);
    assert_true(test_heap_is_clean(&heap));
}

static void test_codec_raw__refuses_in_words(void **state)
{
    (void)state;
    struct test_heap heap;
    test_heap_init(&heap);
    grpc_buffer buffer = {.allocator = heap.allocator, .limit_bytes = 1024};
    const char *reason = NULL;
    grpc_str message = {NULL, 1};
    assert_int_equal(grpc_raw.encode(NULL, &message, &buffer, &reason),
                     GRPC_EINVAL);
    assert_string_equal(reason, "it is NULL");
    message = (grpc_str){"x", 2000};
    assert_int_equal(grpc_raw.encode(NULL, &message, &buffer, &reason),
                     GRPC_ELIMIT);
    assert_string_equal(reason, "it is too long");
    message = (grpc_str){"x", SIZE_MAX};
    assert_int_equal(grpc_raw.encode(NULL, &message, &buffer, &reason),
                     GRPC_ELIMIT);
    message = (grpc_str){NULL, 0};
    assert_int_equal(grpc_raw.encode(NULL, &message, &buffer, &reason),
                     GRPC_OK);
    pb_buffer_fini(&buffer);
    assert_true(test_heap_is_clean(&heap));
}

static void test_codec_raw__no_memory(void **state)
{
    (void)state;
    struct test_heap heap;
    test_heap_init(&heap);
    heap.fail_at = 1;
    heap.fail_on = true;
    grpc_buffer buffer = {.allocator = heap.allocator};
    grpc_arena arena = {.allocator = heap.allocator};
    const char *reason = NULL;
    grpc_str message = {"x", 1};
    assert_int_equal(grpc_raw.encode(NULL, &message, &buffer, &reason),
                     GRPC_ENOMEM);
    assert_string_equal(reason, "out of memory");
    reason = NULL;
    assert_int_equal(grpc_raw.decode(NULL, &message, &arena, message, &reason),
                     GRPC_ENOMEM);
    assert_string_equal(reason, "out of memory");
    pb_buffer_fini(&buffer);
    grpc_arena_free(&arena);
    assert_true(test_heap_is_clean(&heap));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_codec_raw__there_and_back),
        cmocka_unit_test(test_codec_raw__refuses_in_words),
        cmocka_unit_test(test_codec_raw__no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

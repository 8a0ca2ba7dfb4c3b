// SPDX-License-Identifier: MIT

#include "tests/unit.h"

#include "tests/pb_kit.h"

typedef struct sample_plain plain;
typedef struct sample_tree tree;

static void test_encode__hello(void **state)
{
    (void)state;
    struct sample_hello hello = {.name = GRPC_STR("world")};
    kit_write(&sample_hello_type, &hello, "0a 05 77 6f 72 6c 64");
}

static void test_encode__nothing_is_no_bytes(void **state)
{
    (void)state;
    struct sample_hello hello = {.name = {NULL, 0}};
    kit_write(&sample_hello_type, &hello, "");
    plain zero = {.f_int32 = 0};
    kit_write(&sample_plain_type, &zero, "");
    struct sample_nothing nothing = {.unknown = {NULL, 0}};
    kit_write(&sample_nothing_type, &nothing, "");
    tree none = {.id = 0};
    kit_write(&sample_tree_type, &none, "");
}

static void test_encode__extremes_of_every_type(void **state)
{
    (void)state;
    plain least = {
        .f_double = -0.0,
        .f_float = -0.0F,
        .f_int64 = INT64_MIN,
        .f_uint64 = UINT64_MAX,
        .f_int32 = INT32_MIN,
        .f_fixed64 = UINT64_MAX,
        .f_fixed32 = UINT32_MAX,
        .f_bool = true,
        .f_uint32 = UINT32_MAX,
        .f_enum = INT32_MIN,
        .f_sfixed32 = INT32_MIN,
        .f_sfixed64 = INT64_MIN,
        .f_sint32 = INT32_MIN,
        .f_sint64 = INT64_MIN,
        .f_string = GRPC_STR("\0"),
        .f_bytes = GRPC_STR("\xff"),
    };
    kit_write(&sample_plain_type, &least,
              "09 00 00 00 00 00 00 00 80 15 00 00 00 80"
              "18 80 80 80 80 80 80 80 80 80 01"
              "20 ff ff ff ff ff ff ff ff ff 01"
              "28 80 80 80 80 f8 ff ff ff ff 01"
              "31 ff ff ff ff ff ff ff ff 3d ff ff ff ff 40 01"
              "48 ff ff ff ff 0f 50 80 80 80 80 f8 ff ff ff ff 01"
              "5d 00 00 00 80 61 00 00 00 00 00 00 00 80"
              "68 ff ff ff ff 0f 70 ff ff ff ff ff ff ff ff ff 01"
              "7a 01 00 82 01 01 ff");
    plain most = {
        .f_int64 = INT64_MAX,
        .f_int32 = INT32_MAX,
        .f_fixed64 = UINT64_C(0x0102030405060708),
        .f_fixed32 = 0x01020304,
        .f_enum = INT32_MAX,
        .f_sfixed32 = INT32_MAX,
        .f_sfixed64 = INT64_MAX,
        .f_sint32 = INT32_MAX,
        .f_sint64 = INT64_MAX,
    };
    kit_write(&sample_plain_type, &most,
              "18 ff ff ff ff ff ff ff ff 7f 28 ff ff ff ff 07"
              "31 08 07 06 05 04 03 02 01 3d 04 03 02 01"
              "50 ff ff ff ff 07 5d ff ff ff 7f 61 ff ff ff ff ff ff ff 7f"
              "68 fe ff ff ff 0f 70 fe ff ff ff ff ff ff ff ff 01");
}

static void test_encode__optional_is_written_when_it_is_there(void **state)
{
    (void)state;
    struct sample_optional m = {.f_int32 = 5, .f_string = GRPC_STR("x")};
    kit_write(&sample_optional_type, &m, "");
    m.has_f_int32 = true;
    m.has_f_string = true;
    kit_write(&sample_optional_type, &m, "28 05 7a 01 78");
    struct sample_optional zero = {
        .has_f_double = true, .has_f_bool = true, .has_f_bytes = true};
    kit_write(&sample_optional_type, &zero,
              "09 00 00 00 00 00 00 00 00 40 00 82 01 00");
}

static void test_encode__lists_by_their_kind(void **state)
{
    (void)state;
    static const int32_t numbers[] = {1, -1, 300, 0};
    static const bool bools[] = {true, false};
    static const double doubles[] = {0.0, 1.0};
    static const uint32_t fixed[] = {1, 0x80000000U};
    static const grpc_str texts[] = {{"a", 1}, {NULL, 0}, {"bc", 2}};
    struct sample_packed packed = {
        .f_int32 = {numbers, 4},
        .f_bool = {bools, 2},
        .f_double = {doubles, 2},
        .f_fixed32 = {fixed, 2},
        .f_string = {texts, 3},
    };
    kit_write(&sample_packed_type, &packed,
              "0a 10 00 00 00 00 00 00 00 00 00 00 00 00 00 00 f0 3f"
              "2a 0e 01 ff ff ff ff ff ff ff ff ff 01 ac 02 00"
              "3a 08 01 00 00 00 00 00 00 80 42 02 01 00"
              "7a 01 61 7a 00 7a 02 62 63");
    struct sample_expanded expanded = {
        .f_int32 = {numbers, 4},
        .f_bool = {bools, 2},
        .f_double = {doubles, 2},
        .f_fixed32 = {fixed, 2},
        .f_string = {texts, 3},
    };
    kit_write(&sample_expanded_type, &expanded,
              "09 00 00 00 00 00 00 00 00 09 00 00 00 00 00 00 f0 3f"
              "28 01 28 ff ff ff ff ff ff ff ff ff 01 28 ac 02 28 00"
              "3d 01 00 00 00 3d 00 00 00 80 40 01 40 00"
              "7a 01 61 7a 00 7a 02 62 63");
}

static void test_encode__messages_have_their_length(void **state)
{
    (void)state;
    tree inner = {.id = 1};
    tree empty = {.id = 0};
    tree children[2] = {{.id = 2, .child = &inner}, {.id = 0}};
    tree m = {
        .child = &empty,
        .children = {children, 2},
        .unknown = GRPC_STR("\xf8\x7f\x01"),
    };
    kit_write(&sample_tree_type, &m,
              "12 00 1a 06 08 02 12 02 08 01 1a 00 f8 7f 01");
}

static void test_encode__lengths_of_every_size(void **state)
{
    (void)state;
    static const size_t sizes[] = {1,     127,     128,     16383,
                                   16384, 2097151, 2097152, 3000000};
    char *text = malloc(3000000);
    assert_non_null(text);
    memset(text, 'x', 3000000);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct sample_hello hello = {.name = {text, sizes[i]}};
        tree m = {.kind_case = SAMPLE_TREE_HELLO, .kind = {.hello = &hello}};
        const char *reason;
        grpc_buffer buffer = {.base = NULL};
        assert_int_equal(pb_encode(&sample_tree_type, &m, &buffer, &reason),
                         GRPC_OK);
        grpc_arena arena = {.cursor = NULL};
        tree back;
        assert_int_equal(kit_decode(&sample_tree_type, &back, &arena,
                                    buffer.first, pb_buffer_size(&buffer)),
                         GRPC_OK);
        assert_int_equal(back.kind.hello->name.size, sizes[i]);
        assert_memory_equal(back.kind.hello->name.data, text, sizes[i]);
        grpc_arena_free(&arena);
        pb_buffer_fini(&buffer);
    }
    free(text);
}

static void test_encode__oneof_writes_the_member_of_its_case(void **state)
{
    (void)state;
    tree m = {.kind_case = SAMPLE_TREE_TEXT};
    kit_write(&sample_tree_type, &m, "52 00");
    m.kind_case = SAMPLE_TREE_NUMBER;
    kit_write(&sample_tree_type, &m, "58 00");
    m.kind.number = -1;
    kit_write(&sample_tree_type, &m, "58 ff ff ff ff ff ff ff ff ff 01");
    tree node = {.kind_case = SAMPLE_TREE_NODE};
    kit_write(&sample_tree_type, &node, "62 00");
    tree inner = {.id = 5};
    node.kind.node = &inner;
    kit_write(&sample_tree_type, &node, "62 02 08 05");
    tree real = {.kind_case = SAMPLE_TREE_REAL, .kind = {.real = 1.0}};
    kit_write(&sample_tree_type, &real, "71 00 00 00 00 00 00 f0 3f");
    tree other = {.kind_case = 99, .kind = {.real = 1.0}};
    kit_write(&sample_tree_type, &other, "");
}

static void test_encode__map_entries_have_key_and_value(void **state)
{
    (void)state;
    static const struct sample_by_int32 numbers[] = {{0, 0}, {5, -1}};
    static const struct sample_by_string texts[] = {
        {{NULL, 0}, {NULL, 0}},
        {{"k", 1}, {"v", 1}},
    };
    static const struct sample_by_int64 reals[] = {{-1, 0.0}};
    struct sample_maps m = {
        .by_int32 = {numbers, 2},
        .by_string = {texts, 2},
        .by_int64 = {reals, 1},
    };
    kit_write(&sample_maps_type, &m,
              "0a 04 08 00 10 00 0a 0d 08 05 10 ff ff ff ff ff ff ff ff ff 01"
              "12 04 0a 00 12 00 12 06 0a 01 6b 12 01 76"
              "22 14 08 ff ff ff ff ff ff ff ff ff 01 11 00 00 00 00 00 00 00"
              "00");
    struct sample_tree_entry places[] = {{GRPC_STR("a"), NULL}};
    tree t = {.places = {places, 1}};
    kit_write(&sample_tree_type, &t, "a2 01 05 0a 01 61 12 00");
}

static void test_encode__tags_of_every_length(void **state)
{
    (void)state;
    struct sample_sparse m = {.a = -1,
                              .b = 2,
                              .c = 3,
                              .d = 4,
                              .e = 5,
                              .f = 6,
                              .g = 7,
                              .h = 8,
                              .i = -1};
    kit_write(&sample_sparse_type, &m,
              "10 ff ff ff ff ff ff ff ff ff 01 78 02 80 01 03 f8 7f 04"
              "80 80 01 05 f8 ff 7f 06 80 80 80 01 07 80 80 80 80 01 08"
              "f8 ff ff ff 0f ff ff ff ff ff ff ff ff ff 01");
}

static void encode_refuse(const grpc_message *type, const void *message,
                          grpc_result expected)
{
    unsigned char memory[64] = {0};
    memory[62] = 7;
    memory[63] = 8;
    struct test_heap heap;
    test_heap_init(&heap);
    grpc_buffer buffer = {.allocator = heap.allocator};
    assert_int_equal(pb_buffer_reserve(&buffer, 2), GRPC_OK);
    buffer.first -= 2;
    memcpy(buffer.first, memory + 62, 2);
    const char *reason = NULL;
    assert_int_equal(pb_encode(type, message, &buffer, &reason), expected);
    assert_non_null(reason);
    // The buffer holds what it held.
    assert_int_equal(pb_buffer_size(&buffer), 2);
    assert_memory_equal(buffer.first, memory + 62, 2);
    pb_buffer_fini(&buffer);
    assert_true(test_heap_is_clean(&heap));
}

static void test_encode__what_cannot_be_written_is_refused(void **state)
{
    (void)state;
    struct sample_hello bad = {.name = GRPC_STR("\xff")};
    encode_refuse(&sample_hello_type, &bad, GRPC_EINVAL);
    struct sample_hello null = {.name = {NULL, 3}};
    encode_refuse(&sample_hello_type, &null, GRPC_EINVAL);
    struct sample_hello odd = {.unknown = {NULL, 3}};
    encode_refuse(&sample_hello_type, &odd, GRPC_EINVAL);
    struct sample_packed list = {.f_int32 = {NULL, 3}};
    encode_refuse(&sample_packed_type, &list, GRPC_EINVAL);
    struct sample_packed texts = {.f_string = {NULL, 1}};
    encode_refuse(&sample_packed_type, &texts, GRPC_EINVAL);
    static const struct sample_by_string entries[] = {
        {{"k", 1}, {"\xc3", 1}},
    };
    struct sample_maps maps = {.by_string = {entries, 1}};
    encode_refuse(&sample_maps_type, &maps, GRPC_EINVAL);
    // Behind 1,000 bytes that were written already, in a message within.
    static const char blob[1000];
    struct sample_hello hello = {.name = GRPC_STR("\xff")};
    tree child = {.kind_case = SAMPLE_TREE_HELLO, .kind = {.hello = &hello}};
    tree m = {.child = &child, .unknown = {blob, sizeof blob}};
    encode_refuse(&sample_tree_type, &m, GRPC_EINVAL);
    // Bytes are not text.
    plain bytes = {.f_bytes = GRPC_STR("\xff")};
    kit_write(&sample_plain_type, &bytes, "82 01 01 ff");
}

static void test_encode__depth_has_a_limit(void **state)
{
    (void)state;
    tree chain[102];
    memset(chain, 0, sizeof chain);
    for (size_t i = 0; i < 101; i++) {
        chain[i].child = &chain[i + 1];
    }
    encode_refuse(&sample_tree_type, &chain[0], GRPC_ELIMIT);
    const char *reason;
    grpc_buffer buffer = {.base = NULL};
    assert_int_equal(pb_encode(&sample_tree_type, &chain[1], &buffer, &reason),
                     GRPC_OK);
    // What may be written may be read.
    grpc_arena arena = {.cursor = NULL};
    tree back;
    assert_int_equal(kit_decode(&sample_tree_type, &back, &arena, buffer.first,
                                pb_buffer_size(&buffer)),
                     GRPC_OK);
    grpc_arena_free(&arena);
    pb_buffer_fini(&buffer);
    tree loop = {.id = 1};
    loop.child = &loop;
    encode_refuse(&sample_tree_type, &loop, GRPC_ELIMIT);
}

static void test_encode__depth_counts_entries_and_elements(void **state)
{
    (void)state;
    // Each level of a map is two: the entry and its value.
    tree chain[52];
    struct sample_tree_entry entries[52];
    memset(chain, 0, sizeof chain);
    for (size_t i = 0; i < 51; i++) {
        entries[i] = (struct sample_tree_entry){GRPC_STR("k"), &chain[i + 1]};
        chain[i].places.data = &entries[i];
        chain[i].places.count = 1;
    }
    encode_refuse(&sample_tree_type, &chain[0], GRPC_ELIMIT);
    const char *reason;
    grpc_buffer buffer = {.base = NULL};
    assert_int_equal(pb_encode(&sample_tree_type, &chain[1], &buffer, &reason),
                     GRPC_OK);
    grpc_arena arena = {.cursor = NULL};
    tree back;
    assert_int_equal(kit_decode(&sample_tree_type, &back, &arena, buffer.first,
                                pb_buffer_size(&buffer)),
                     GRPC_OK);
    grpc_arena_free(&arena);
    pb_buffer_fini(&buffer);
}

static void test_encode__goes_in_front_of_what_is_there(void **state)
{
    (void)state;
    const char *reason;
    grpc_buffer buffer = {.base = NULL};
    struct sample_hello one = {.name = GRPC_STR("1")};
    struct sample_hello two = {.name = GRPC_STR("22")};
    assert_int_equal(pb_encode(&sample_hello_type, &one, &buffer, &reason),
                     GRPC_OK);
    assert_int_equal(pb_encode(&sample_hello_type, &two, &buffer, &reason),
                     GRPC_OK);
    assert_int_equal(pb_buffer_size(&buffer), 7);
    assert_memory_equal(buffer.first, "\x0a\x02\x32\x32\x0a\x01\x31", 7);
    pb_buffer_fini(&buffer);
}

// However much memory the buffer has when it starts, the bytes are the same
// and the headroom is there.
static void test_encode__at_every_size_of_the_buffer(void **state)
{
    (void)state;
    static const int32_t numbers[] = {1, -1, 300, 0, INT32_MIN};
    struct sample_hello hello = {.name = GRPC_STR("some text in here")};
    tree child = {.id = 7, .numbers = {numbers, 5}};
    tree m = {
        .id = -1,
        .child = &child,
        .kind_case = SAMPLE_TREE_HELLO,
        .kind = {.hello = &hello},
        .unknown = GRPC_STR("\xf8\x7f\x01"),
    };
    const char *reason;
    grpc_buffer whole = {.base = NULL};
    assert_int_equal(pb_encode(&sample_tree_type, &m, &whole, &reason),
                     GRPC_OK);
    size_t size = pb_buffer_size(&whole);
    for (size_t start = 1; start < size + 64; start++) {
        struct test_heap heap;
        test_heap_init(&heap);
        grpc_buffer buffer = {.allocator = heap.allocator};
        buffer.base =
            heap.allocator.allocate(heap.allocator.user, NULL, 0, start);
        assert_non_null(buffer.base);
        buffer.first = buffer.base + start;
        buffer.end = buffer.first;
        assert_int_equal(pb_encode(&sample_tree_type, &m, &buffer, &reason),
                         GRPC_OK);
        assert_int_equal(pb_buffer_size(&buffer), size);
        assert_memory_equal(buffer.first, whole.first, size);
        assert_true(pb_buffer_room(&buffer) >= GRPC_BUFFER_HEADROOM);
        memset(buffer.base, 0, pb_buffer_room(&buffer));
        pb_buffer_fini(&buffer);
        assert_true(test_heap_is_clean(&heap));
    }
    pb_buffer_fini(&whole);
}

static void test_encode__headroom_is_left_whatever_the_size(void **state)
{
    (void)state;
    static const char bytes[1200] = "";
    for (size_t size = 0; size <= sizeof bytes; size++) {
        tree m = {.id = -1, .unknown = {bytes, size}};
        const char *reason;
        grpc_buffer buffer = {.base = NULL};
        assert_int_equal(pb_encode(&sample_tree_type, &m, &buffer, &reason),
                         GRPC_OK);
        assert_int_equal(pb_buffer_size(&buffer), size + 11);
        assert_true(pb_buffer_room(&buffer) >= GRPC_BUFFER_HEADROOM);
        pb_buffer_fini(&buffer);
    }
}

static void test_encode__limit_of_the_buffer(void **state)
{
    (void)state;
    static const char text[2000] = "";
    plain m = {.f_bytes = {text, sizeof text}};
    const char *reason = NULL;
    grpc_buffer buffer = {.limit_bytes = 1000};
    assert_int_equal(pb_encode(&sample_plain_type, &m, &buffer, &reason),
                     GRPC_ELIMIT);
    assert_string_equal(reason, "the message is larger than allowed");
    assert_int_equal(pb_buffer_size(&buffer), 0);
    m.f_bytes.size = 900;
    assert_int_equal(pb_encode(&sample_plain_type, &m, &buffer, &reason),
                     GRPC_OK);
    assert_int_equal(pb_buffer_size(&buffer), 904);
    pb_buffer_fini(&buffer);
    grpc_buffer tiny = {.limit_bytes = GRPC_BUFFER_HEADROOM - 1};
    assert_int_equal(pb_encode(&sample_plain_type, &m, &tiny, &reason),
                     GRPC_ELIMIT);
    assert_null(tiny.base);
}

static void test_encode__more_than_2_gib_is_refused_unread(void **state)
{
    (void)state;
    plain m = {.f_bytes = {"x", (size_t)INT32_MAX + 1}};
    encode_refuse(&sample_plain_type, &m, GRPC_ELIMIT);
    struct sample_hello text = {.name = {"x", (size_t)INT32_MAX + 1}};
    encode_refuse(&sample_hello_type, &text, GRPC_ELIMIT);
    struct sample_hello unknown = {.unknown = {"x", (size_t)INT32_MAX + 99}};
    encode_refuse(&sample_hello_type, &unknown, GRPC_ELIMIT);
    static const double one = 1.0;
    struct sample_packed list = {.f_double = {&one, INT32_MAX / 8 + 1}};
    encode_refuse(&sample_packed_type, &list, GRPC_ELIMIT);
}

static void test_encode__every_allocation_may_fail(void **state)
{
    (void)state;
    static char text[10000];
    memset(text, 'x', sizeof text);
    struct sample_hello hello = {.name = {text, 300}};
    tree child = {.kind_case = SAMPLE_TREE_TEXT,
                  .kind = {.text = {text, 10000}}};
    tree m = {
        .child = &child,
        .kind_case = SAMPLE_TREE_HELLO,
        .kind = {.hello = &hello},
        .unknown = {text, 100},
    };
    struct test_heap heap;
    test_heap_init(&heap);
    for (size_t n = 1;; n++) {
        heap.calls = 0;
        heap.fail_at = n;
        grpc_buffer buffer = {.allocator = heap.allocator};
        const char *reason = NULL;
        grpc_result result = pb_encode(&sample_tree_type, &m, &buffer, &reason);
        pb_buffer_check(&buffer);
        if (result == GRPC_OK) {
            assert_true(n > 3);
            assert_int_equal(heap.calls, n - 1);
            pb_buffer_fini(&buffer);
            break;
        }
        assert_int_equal(result, GRPC_ENOMEM);
        assert_string_equal(reason, "out of memory");
        assert_int_equal(pb_buffer_size(&buffer), 0);
        pb_buffer_fini(&buffer);
        assert_true(test_heap_is_clean(&heap));
    }
    assert_true(test_heap_is_clean(&heap));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_encode__hello),
        cmocka_unit_test(test_encode__nothing_is_no_bytes),
        cmocka_unit_test(test_encode__extremes_of_every_type),
        cmocka_unit_test(test_encode__optional_is_written_when_it_is_there),
        cmocka_unit_test(test_encode__lists_by_their_kind),
        cmocka_unit_test(test_encode__messages_have_their_length),
        cmocka_unit_test(test_encode__lengths_of_every_size),
        cmocka_unit_test(test_encode__oneof_writes_the_member_of_its_case),
        cmocka_unit_test(test_encode__map_entries_have_key_and_value),
        cmocka_unit_test(test_encode__tags_of_every_length),
        cmocka_unit_test(test_encode__what_cannot_be_written_is_refused),
        cmocka_unit_test(test_encode__depth_has_a_limit),
        cmocka_unit_test(test_encode__depth_counts_entries_and_elements),
        cmocka_unit_test(test_encode__goes_in_front_of_what_is_there),
        cmocka_unit_test(test_encode__at_every_size_of_the_buffer),
        cmocka_unit_test(test_encode__headroom_is_left_whatever_the_size),
        cmocka_unit_test(test_encode__limit_of_the_buffer),
        cmocka_unit_test(test_encode__more_than_2_gib_is_refused_unread),
        cmocka_unit_test(test_encode__every_allocation_may_fail),
    };
    return cmocka_run_group_tests_name("pb_encode", tests, NULL, NULL);
}

// SPDX-License-Identifier: MIT

#include "tests/unit.h"

#include "codec/pb_array.h"
#include "tests/pb_kit.h"

typedef struct sample_plain plain;
typedef struct sample_tree tree;

static uint64_t decode_double_bits(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static void test_decode__hello(void **state)
{
    (void)state;
    grpc_arena arena = {.cursor = NULL};
    struct sample_hello hello;
    kit_read(&sample_hello_type, &hello, &arena, "0a 05 77 6f 72 6c 64");
    assert_true(KIT_IS(hello.name, "world"));
    assert_int_equal(hello.unknown.size, 0);
    grpc_arena_free(&arena);
}

static void test_decode__nothing_is_every_default(void **state)
{
    (void)state;
    grpc_arena arena = {.cursor = NULL};
    plain message;
    memset(&message, 0xff, sizeof message);
    kit_read(&sample_plain_type, &message, &arena, "");
    assert_int_equal(message.f_int32, 0);
    assert_int_equal(message.f_bool, 0);
    assert_true(decode_double_bits(message.f_double) == 0);
    assert_true(KIT_IS(message.f_string, ""));
    assert_true(KIT_IS(message.f_bytes, ""));
    assert_int_equal(arena.held_bytes, 0);
    struct sample_sparse sparse;
    memset(&sparse, 0xff, sizeof sparse);
    kit_read(&sample_sparse_type, &sparse, &arena, "");
    assert_int_equal(sparse.i, 0);
    assert_null(sparse.unknown.data);
}

static void test_decode__every_type_has_its_value(void **state)
{
    (void)state;
    grpc_arena arena = {.cursor = NULL};
    plain m;
    kit_both(&sample_plain_type, &m, &arena,
             "09 00 00 00 00 00 00 f8 3f 15 00 00 20 c0"
             "18 ff ff ff ff ff ff ff ff ff 01 20 ac 02"
             "28 80 80 80 80 f8 ff ff ff ff 01"
             "31 08 07 06 05 04 03 02 01 3d 04 03 02 01 40 01"
             "48 ff ff ff ff 0f 50 fe ff ff ff ff ff ff ff ff 01"
             "5d ff ff ff ff 61 fe ff ff ff ff ff ff ff"
             "68 01 70 ff ff ff ff ff ff ff ff ff 01"
             "7a 03 68 c2 a9 82 01 03 ff 00 fe");
    assert_true(decode_double_bits(m.f_double) == decode_double_bits(1.5));
    assert_true(decode_double_bits((double)m.f_float) ==
                decode_double_bits(-2.5));
    assert_true(m.f_int64 == -1);
    assert_true(m.f_uint64 == 300);
    assert_true(m.f_int32 == INT32_MIN);
    assert_true(m.f_fixed64 == UINT64_C(0x0102030405060708));
    assert_true(m.f_fixed32 == 0x01020304);
    assert_true(m.f_bool);
    assert_true(m.f_uint32 == UINT32_MAX);
    assert_true(m.f_enum == -2);
    assert_true(m.f_sfixed32 == -1);
    assert_true(m.f_sfixed64 == -2);
    assert_true(m.f_sint32 == -1);
    assert_true(m.f_sint64 == INT64_MIN);
    assert_true(KIT_IS(m.f_string, "h\xc2\xa9"));
    assert_true(KIT_IS(m.f_bytes, "\xff\0\xfe"));
    assert_int_equal(m.unknown.size, 0);
    grpc_arena_free(&arena);
}

static void test_decode__numbers_are_truncated_to_their_type(void **state)
{
    (void)state;
    grpc_arena arena = {.cursor = NULL};
    plain m;
    // 2^33, then 2^63 - 1, into 32 bits.
    kit_read(&sample_plain_type, &m, &arena,
             "28 80 80 80 80 20 48 80 80 80 80 20 50 80 80 80 80 20");
    assert_true(m.f_int32 == 0 && m.f_uint32 == 0 && m.f_enum == 0);
    kit_read(&sample_plain_type, &m, &arena,
             "28 ff ff ff ff ff ff ff ff 7f 48 ff ff ff ff ff ff ff ff 7f"
             "50 ff ff ff ff ff ff ff ff 7f");
    assert_true(m.f_int32 == -1 && m.f_uint32 == UINT32_MAX && m.f_enum == -1);
    // A negative int32 in 5 bytes, as some write it.
    kit_read(&sample_plain_type, &m, &arena, "28 ff ff ff ff 0f");
    assert_true(m.f_int32 == -1);
    // sint32: the low 32 bits, then the zigzag.
    kit_read(&sample_plain_type, &m, &arena, "68 83 80 80 80 10");
    assert_true(m.f_sint32 == -2);
    // bool: any bit of all 64.
    kit_read(&sample_plain_type, &m, &arena,
             "40 80 80 80 80 80 80 80 80 80 01");
    assert_true(m.f_bool);
    kit_read(&sample_plain_type, &m, &arena, "40 80 80 80 00");
    assert_false(m.f_bool);
    kit_read(&sample_plain_type, &m, &arena, "40 02");
    assert_int_equal(*(const unsigned char *)&m.f_bool, 1);
    grpc_arena_free(&arena);
}

static void test_decode__of_a_scalar_the_last_counts(void **state)
{
    (void)state;
    grpc_arena arena = {.cursor = NULL};
    plain m;
    kit_read(&sample_plain_type, &m, &arena,
             "28 05 7a 03 61 62 63 28 06 7a 01 64 40 01 40 00");
    assert_true(m.f_int32 == 6);
    assert_true(KIT_IS(m.f_string, "d"));
    assert_false(m.f_bool);
    kit_read(&sample_plain_type, &m, &arena, "7a 03 61 62 63 7a 00");
    assert_true(KIT_IS(m.f_string, ""));
    grpc_arena_free(&arena);
}

static void test_decode__optional_tells_zero_from_absent(void **state)
{
    (void)state;
    grpc_arena arena = {.cursor = NULL};
    struct sample_optional m;
    const char *hex = "09 00 00 00 00 00 00 00 00 15 00 00 00 00 18 00 20 00"
                      "28 00 31 00 00 00 00 00 00 00 00 3d 00 00 00 00 40 00"
                      "48 00 50 00 5d 00 00 00 00 61 00 00 00 00 00 00 00 00"
                      "68 00 70 00 7a 00 82 01 00";
    kit_both(&sample_optional_type, &m, &arena, hex);
#define X(number, type, ctype, member) assert_true(m.has_##member);
    SAMPLE_SCALARS(X)
    SAMPLE_TEXTS(X)
#undef X
    kit_both(&sample_optional_type, &m, &arena, "28 01 7a 01 61");
    assert_true(m.has_f_int32 && m.f_int32 == 1);
    assert_true(m.has_f_string && KIT_IS(m.f_string, "a"));
    assert_false(m.has_f_double || m.has_f_bytes || m.has_f_bool);
    grpc_arena_free(&arena);
}

// The same elements packed, one by one, and in a mixture of both.
static void decode_lists(const char *hex)
{
    grpc_arena arena = {.cursor = NULL};
    struct sample_packed m;
    kit_read(&sample_packed_type, &m, &arena, hex);
    assert_int_equal(m.f_int32.count, 4);
    assert_true(m.f_int32.data[0] == 1 && m.f_int32.data[1] == -1 &&
                m.f_int32.data[2] == 150 && m.f_int32.data[3] == INT32_MAX);
    assert_int_equal(m.f_double.count, 2);
    assert_true(decode_double_bits(m.f_double.data[0]) ==
                decode_double_bits(1.0));
    assert_true(decode_double_bits(m.f_double.data[1]) ==
                decode_double_bits(-2.0));
    assert_int_equal(m.f_bool.count, 3);
    assert_true(m.f_bool.data[0] && !m.f_bool.data[1] && m.f_bool.data[2]);
    assert_int_equal(m.f_fixed32.count, 1);
    assert_true(m.f_fixed32.data[0] == 0x04030201);
    // The other kind reads the same.
    struct sample_expanded other;
    kit_read(&sample_expanded_type, &other, &arena, hex);
    assert_int_equal(other.f_int32.count, 4);
    assert_memory_equal(other.f_int32.data, m.f_int32.data, 16);
    assert_int_equal(other.f_bool.count, 3);
    grpc_arena_free(&arena);
}

static void test_decode__lists_packed_or_not(void **state)
{
    (void)state;
    decode_lists("0a 10 00 00 00 00 00 00 f0 3f 00 00 00 00 00 00 00 c0"
                 "2a 12 01 ff ff ff ff ff ff ff ff ff 01 96 01 ff ff ff ff 07"
                 "3a 04 01 02 03 04 42 03 01 00 7f");
    decode_lists("09 00 00 00 00 00 00 f0 3f 09 00 00 00 00 00 00 00 c0"
                 "28 01 28 ff ff ff ff ff ff ff ff ff 01 28 96 01"
                 "28 ff ff ff ff 07 3d 01 02 03 04 40 01 40 00 40 7f");
    decode_lists("28 01 0a 08 00 00 00 00 00 00 f0 3f 40 01 2a 00"
                 "2a 0c ff ff ff ff ff ff ff ff ff 01 96 01"
                 "09 00 00 00 00 00 00 00 c0 28 ff ff ff ff 07 0a 00"
                 "42 02 00 7f 3d 01 02 03 04");
}

static void test_decode__packed_fields_of_every_type(void **state)
{
    (void)state;
    grpc_arena arena = {.cursor = NULL};
    struct sample_packed m;
    kit_both(&sample_packed_type, &m, &arena,
             "12 04 00 00 80 3f 1a 0b 05 ff ff ff ff ff ff ff ff ff 01"
             "22 02 80 01 32 08 01 00 00 00 00 00 00 80 4a 05 ff ff ff ff 0f"
             "52 0b 03 ff ff ff ff ff ff ff ff ff 01 5a 04 00 00 00 80"
             "62 10 01 00 00 00 00 00 00 00 ff ff ff ff ff ff ff ff"
             "6a 08 00 01 02 ff ff ff ff 0f"
             "72 0b 02 ff ff ff ff ff ff ff ff ff 01"
             "7a 01 61 7a 00 7a 02 62 63 82 01 01 ff");
    assert_true(m.f_float.count == 1);
    assert_true(m.f_int64.count == 2 && m.f_int64.data[1] == -1);
    assert_true(m.f_uint64.count == 1 && m.f_uint64.data[0] == 128);
    assert_true(m.f_fixed64.data[0] == UINT64_C(0x8000000000000001));
    assert_true(m.f_uint32.data[0] == UINT32_MAX);
    assert_true(m.f_enum.count == 2 && m.f_enum.data[1] == -1);
    assert_true(m.f_sfixed32.data[0] == INT32_MIN);
    assert_true(m.f_sfixed64.count == 2 && m.f_sfixed64.data[1] == -1);
    assert_true(m.f_sint32.count == 4 && m.f_sint32.data[1] == -1 &&
                m.f_sint32.data[2] == 1 && m.f_sint32.data[3] == INT32_MIN);
    assert_true(m.f_sint64.count == 2 && m.f_sint64.data[0] == 1 &&
                m.f_sint64.data[1] == INT64_MIN);
    assert_int_equal(m.f_string.count, 3);
    assert_true(KIT_IS(m.f_string.data[0], "a"));
    assert_true(KIT_IS(m.f_string.data[1], ""));
    assert_true(KIT_IS(m.f_string.data[2], "bc"));
    assert_true(KIT_IS(m.f_bytes.data[0], "\xff"));
    grpc_arena_free(&arena);
}

static void test_decode__packed_fields_that_are_malformed(void **state)
{
    (void)state;
    kit_refuse(&sample_packed_type, "2a 02 01 80");
    kit_refuse(&sample_packed_type, "2a 02 80 80");
    kit_refuse(&sample_packed_type, "2a 03 01 02");
    kit_refuse(&sample_packed_type, "0a 07 00 00 00 00 00 00 00");
    kit_refuse(&sample_packed_type, "3a 05 00 00 00 00 00");
    kit_refuse(&sample_packed_type,
               "2a 0c 01 ff ff ff ff ff ff ff ff ff ff 01");
    kit_refuse(&sample_packed_type, "2a 0b ff ff ff ff ff ff ff ff ff ff 01");
}

static void test_decode__packed_counts_at_every_length(void **state)
{
    (void)state;
    uint8_t bytes[2 + 100];
    for (size_t size = 0; size <= 100; size++) {
        grpc_arena arena = {.cursor = NULL};
        struct sample_packed m;
        bytes[0] = 0x2a;
        bytes[1] = (uint8_t)size;
        size_t expected = 0;
        for (size_t i = 0; i < size; i++) {
            bytes[2 + i] = i % 3 == 0 && i + 1 < size ? 0x81 : 0x01;
            expected += bytes[2 + i] < 0x80;
        }
        assert_int_equal(
            kit_decode(&sample_packed_type, &m, &arena, bytes, size + 2),
            GRPC_OK);
        assert_int_equal(m.f_int32.count, expected);
        for (size_t i = 0; i + 1 < expected; i++) {
            assert_int_equal(m.f_int32.data[i], i % 2 == 0 ? 129 : 1);
        }
        grpc_arena_free(&arena);
    }
}

static void test_decode__messages_that_come_twice_are_merged(void **state)
{
    (void)state;
    grpc_arena arena = {.cursor = NULL};
    tree m;
    // child {id 1, numbers [1]}, child {numbers [-1], child {id 3}},
    // child {id 2, child {children {}}}
    kit_read(&sample_tree_type, &m, &arena,
             "12 05 08 01 22 01 02 12 07 22 01 01 12 02 08 03"
             "12 06 08 02 12 02 1a 00");
    assert_non_null(m.child);
    assert_int_equal(m.child->id, 2);
    assert_int_equal(m.child->numbers.count, 2);
    assert_int_equal(m.child->numbers.data[0], 1);
    assert_int_equal(m.child->numbers.data[1], -1);
    assert_non_null(m.child->child);
    assert_int_equal(m.child->child->id, 3);
    assert_int_equal(m.child->child->children.count, 1);
    kit_write(&sample_tree_type, &m,
              "12 0c 08 02 12 04 08 03 1a 00 22 02 02 01");
    grpc_arena_free(&arena);
}

static void test_decode__repeated_messages_stand_by_value(void **state)
{
    (void)state;
    grpc_arena arena = {.cursor = NULL};
    tree m;
    // Two runs with another field between them.
    kit_read(&sample_tree_type, &m, &arena,
             "1a 02 08 01 1a 00 1a 04 12 02 08 09 08 07 1a 02 08 04");
    assert_int_equal(m.id, 7);
    assert_int_equal(m.children.count, 4);
    assert_int_equal(m.children.data[0].id, 1);
    assert_int_equal(m.children.data[1].id, 0);
    assert_int_equal(m.children.data[2].child->id, 9);
    assert_int_equal(m.children.data[3].id, 4);
    grpc_arena_free(&arena);
}

static void test_decode__of_a_oneof_the_last_member_stays(void **state)
{
    (void)state;
    grpc_arena arena = {.cursor = NULL};
    tree m;
    kit_both(&sample_tree_type, &m, &arena, "58 00");
    assert_int_equal(m.kind_case, SAMPLE_TREE_NUMBER);
    assert_int_equal(m.kind.number, 0);
    kit_both(&sample_tree_type, &m, &arena, "52 00");
    assert_int_equal(m.kind_case, SAMPLE_TREE_TEXT);
    assert_true(KIT_IS(m.kind.text, ""));
    kit_read(&sample_tree_type, &m, &arena, "58 05 52 02 68 69");
    assert_int_equal(m.kind_case, SAMPLE_TREE_TEXT);
    assert_true(KIT_IS(m.kind.text, "hi"));
    kit_write(&sample_tree_type, &m, "52 02 68 69");
    kit_read(&sample_tree_type, &m, &arena, "52 02 68 69 58 05");
    assert_int_equal(m.kind_case, SAMPLE_TREE_NUMBER);
    assert_int_equal(m.kind.number, 5);
    kit_read(&sample_tree_type, &m, &arena, "");
    assert_int_equal(m.kind_case, 0);
    grpc_arena_free(&arena);
}

static void test_decode__oneof_messages_merge_within_one_case(void **state)
{
    (void)state;
    grpc_arena arena = {.cursor = NULL};
    tree m;
    // node {id 1}, node {numbers [1]}
    kit_read(&sample_tree_type, &m, &arena, "62 02 08 01 62 03 22 01 02");
    assert_int_equal(m.kind_case, SAMPLE_TREE_NODE);
    assert_int_equal(m.kind.node->id, 1);
    assert_int_equal(m.kind.node->numbers.count, 1);
    // node {id 1}, hello {}, node {numbers [1]}: the first node is gone.
    kit_read(&sample_tree_type, &m, &arena, "62 02 08 01 6a 00 62 03 22 01 02");
    assert_int_equal(m.kind_case, SAMPLE_TREE_NODE);
    assert_int_equal(m.kind.node->id, 0);
    assert_int_equal(m.kind.node->numbers.count, 1);
    // A scalar whose bits are no pointer, then a message.
    kit_read(&sample_tree_type, &m, &arena,
             "71 ff ff ff ff ff ff ff ff 6a 03 0a 01 78");
    assert_int_equal(m.kind_case, SAMPLE_TREE_HELLO);
    assert_true(KIT_IS(m.kind.hello->name, "x"));
    grpc_arena_free(&arena);
}

static void test_decode__maps_of_every_kind(void **state)
{
    (void)state;
    grpc_arena arena = {.cursor = NULL};
    struct sample_maps m;
    kit_both(&sample_maps_type, &m, &arena,
             "0a 04 08 01 10 02 0a 0d 08 ff ff ff ff ff ff ff ff ff 01 10 00"
             "12 06 0a 01 6b 12 01 76 1a 05 08 01 12 01 ff 1a 04 08 00 12 00"
             "22 0b 08 05 11 00 00 00 00 00 00 f0 3f"
             "2a 07 08 05 15 00 00 80 3f 32 04 08 01 10 03"
             "3a 0b 09 01 00 00 00 00 00 00 00 10 01"
             "42 07 0d ff ff ff ff 10 01");
    assert_int_equal(m.by_int32.count, 2);
    assert_true(m.by_int32.data[0].key == 1 && m.by_int32.data[0].value == 2);
    assert_true(m.by_int32.data[1].key == -1 && m.by_int32.data[1].value == 0);
    assert_true(KIT_IS(m.by_string.data[0].key, "k"));
    assert_true(KIT_IS(m.by_string.data[0].value, "v"));
    assert_int_equal(m.by_bool.count, 2);
    assert_true(KIT_IS(m.by_bool.data[0].value, "\xff"));
    assert_true(KIT_IS(m.by_bool.data[1].value, ""));
    assert_true(m.by_int64.data[0].key == 5);
    assert_true(m.by_sint32.data[0].key == -1 &&
                m.by_sint32.data[0].value == 3);
    assert_true(m.by_fixed64.data[0].key == 1 && m.by_fixed64.data[0].value);
    assert_true(m.by_sfixed32.data[0].key == -1);
    assert_true(m.by_sfixed32.data[0].value == -1);
    grpc_arena_free(&arena);
}

static void test_decode__map_entries_may_lack_or_repeat_parts(void **state)
{
    (void)state;
    grpc_arena arena = {.cursor = NULL};
    struct sample_maps m;
    kit_read(&sample_maps_type, &m, &arena, "12 00");
    assert_int_equal(m.by_string.count, 1);
    assert_true(KIT_IS(m.by_string.data[0].key, ""));
    assert_true(KIT_IS(m.by_string.data[0].value, ""));
    kit_write(&sample_maps_type, &m, "12 04 0a 00 12 00");
    kit_read(&sample_maps_type, &m, &arena, "0a 02 10 05");
    assert_true(m.by_int32.data[0].key == 0 && m.by_int32.data[0].value == 5);
    // Value first; then each part twice; an unknown field is dropped.
    kit_read(&sample_maps_type, &m, &arena,
             "0a 04 10 05 08 06 0a 0a 08 01 10 01 18 09 08 02 10 02");
    assert_int_equal(m.by_int32.count, 2);
    assert_true(m.by_int32.data[0].key == 6 && m.by_int32.data[0].value == 5);
    assert_true(m.by_int32.data[1].key == 2 && m.by_int32.data[1].value == 2);
    assert_int_equal(m.unknown.size, 0);
    grpc_arena_free(&arena);
}

static void test_decode__map_keys_that_come_again_replace(void **state)
{
    (void)state;
    grpc_arena arena = {.cursor = NULL};
    struct sample_maps m;
    // Two runs; int32 key 1 thrice.
    kit_read(&sample_maps_type, &m, &arena,
             "0a 04 08 01 10 01 0a 04 08 02 10 02 0a 04 08 01 10 03"
             "12 02 0a 00 0a 04 08 01 10 04 12 03 12 01 78");
    assert_int_equal(m.by_int32.count, 2);
    assert_true(m.by_int32.data[0].key == 2);
    assert_true(m.by_int32.data[1].key == 1 && m.by_int32.data[1].value == 4);
    assert_int_equal(m.by_string.count, 1);
    assert_true(KIT_IS(m.by_string.data[0].value, "x"));
    // Messages as values are replaced, not merged.
    tree t;
    kit_read(&sample_tree_type, &t, &arena,
             "a2 01 07 0a 01 61 12 02 08 01"
             "a2 01 08 0a 01 61 12 03 22 01 02");
    assert_int_equal(t.places.count, 1);
    assert_int_equal(t.places.data[0].value->id, 0);
    assert_int_equal(t.places.data[0].value->numbers.count, 1);
    // Within one entry they are merged.
    kit_read(&sample_tree_type, &t, &arena,
             "a2 01 0c 0a 01 61 12 02 08 01 12 03 22 01 02");
    assert_int_equal(t.places.data[0].value->id, 1);
    assert_int_equal(t.places.data[0].value->numbers.count, 1);
    // Without a value there is an empty message.
    kit_read(&sample_tree_type, &t, &arena, "a2 01 03 0a 01 61");
    assert_non_null(t.places.data[0].value);
    assert_int_equal(t.places.data[0].value->id, 0);
    kit_write(&sample_tree_type, &t, "a2 01 05 0a 01 61 12 00");
    grpc_arena_free(&arena);
}

static void test_decode__maps_in_pieces_and_in_elements(void **state)
{
    (void)state;
    grpc_arena arena = {.cursor = NULL};
    tree m;
    // child {places a}, child {places a, b}: one message in two pieces.
    kit_read(&sample_tree_type, &m, &arena,
             "12 0a a2 01 07 0a 01 61 12 02 08 01"
             "12 12 a2 01 07 0a 01 61 12 02 08 02 a2 01 05 0a 01 62 12 00");
    assert_int_equal(m.child->places.count, 2);
    assert_true(KIT_IS(m.child->places.data[0].key, "a"));
    assert_int_equal(m.child->places.data[0].value->id, 2);
    assert_true(KIT_IS(m.child->places.data[1].key, "b"));
    // children {places a, a}, {places a, a}: runs of elements that hold maps,
    // and a second run that moves them.
    kit_read(&sample_tree_type, &m, &arena,
             "1a 10 a2 01 05 0a 01 61 12 00 a2 01 05 0a 01 61 12 00 08 01"
             "1a 10 a2 01 05 0a 01 61 12 00 a2 01 05 0a 01 62 12 00 08 02"
             "1a 00 1a 00 1a 00");
    assert_int_equal(m.children.count, 5);
    assert_int_equal(m.children.data[0].places.count, 1);
    assert_int_equal(m.children.data[1].places.count, 2);
    assert_int_equal(m.children.data[4].places.count, 0);
    grpc_arena_free(&arena);
}

static void test_decode__unknown_fields_are_kept_in_order(void **state)
{
    (void)state;
    grpc_arena arena = {.cursor = NULL};
    struct sample_hello m;
    const char *unknown =
        "10 05 1d 01 02 03 04 12 02 68 69 21 01 02 03 04 05 06 07 08"
        "10 ff ff ff ff ff ff ff ff ff 01 13 0a 01 78 1b 1c 14 90 7d 80 00";
    kit_both(&sample_hello_type, &m, &arena, unknown);
    uint8_t bytes[128];
    size_t size = test_unhex(unknown, bytes, sizeof bytes);
    assert_int_equal(m.unknown.size, size);
    assert_memory_equal(m.unknown.data, bytes, size);
    assert_int_equal(m.unknown.data[size], '\0');
    // Between known fields: they go behind them.
    kit_read(&sample_hello_type, &m, &arena, "10 05 0a 01 61 18 06");
    kit_write(&sample_hello_type, &m, "0a 01 61 10 05 18 06");
    struct sample_nothing nothing;
    kit_both(&sample_nothing_type, &nothing, &arena, "0a 01 61 18 06");
    grpc_arena_free(&arena);
}

static void test_decode__other_wire_types_are_unknown(void **state)
{
    (void)state;
    grpc_arena arena = {.cursor = NULL};
    plain m;
    // int32 as fixed32, string as varint, double as bytes, bool as a group.
    const char *hex = "2d 01 02 03 04 78 05 0a 01 01 43 44 80 01 07";
    kit_both(&sample_plain_type, &m, &arena, hex);
    assert_int_equal(m.f_int32, 0);
    assert_int_equal(m.unknown.size, 15);
    // A packed list needs a type that can be packed and a repeated field.
    kit_read(&sample_plain_type, &m, &arena, "2a 02 01 02");
    assert_int_equal(m.f_int32, 0);
    assert_int_equal(m.unknown.size, 4);
    struct sample_packed packed;
    kit_read(&sample_packed_type, &packed, &arena,
             "2d 00 00 00 00 78 01 2b 2c");
    assert_int_equal(packed.f_int32.count, 0);
    assert_int_equal(packed.unknown.size, 9);
    tree t;
    kit_read(&sample_tree_type, &t, &arena, "10 01 18 01 13 14");
    assert_null(t.child);
    assert_int_equal(t.children.count, 0);
    assert_int_equal(t.unknown.size, 6);
    grpc_arena_free(&arena);
}

static void test_decode__malformed_input_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "00 00",                      // field number 0
        "01 00 00 00 00 00 00 00 00", //
        "02 00",                      //
        "05 00 00 00 00",             //
        "0c",                         // end without a start
        "7c",                         //
        "0b 14",                      // another group's end
        "0b 08 01",                   // no end
        "0e 01",
        "0f 01",
        "7e",
        "7f",                                  // wire types 6 and 7
        "88 80 80 80 80 00 01",                // a tag of 6 bytes
        "f8 ff ff ff 1f 01",                   // field number 2^29 and more
        "28 ff ff ff ff ff ff ff ff ff ff 01", // a number of 11 bytes
        "7a 05 61",                            // past the end
        "7a ff ff ff ff ff ff ff ff ff 01",    //
        "7a 80 80 80 80 10",                   // 2^32
        "f9 7f 00",                            // an unknown fixed64
        "fa 7f 05 00",                         // unknown bytes
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        kit_refuse(&sample_plain_type, bad[i]);
    }
    // In a message within: past its end, but not past that of the outer one.
    kit_refuse(&sample_tree_type, "12 02 12 02 08 01");
    kit_refuse(&sample_tree_type, "12 01 08 01");
    kit_refuse(&sample_tree_type, "12 02 0b 08 0c 01");
    kit_refuse(&sample_tree_type, "12 01 0c");
    kit_refuse(&sample_tree_type, "1a 00 1a 01 08 08 01");
    kit_refuse(&sample_tree_type, "1a 00 1a 05 08");
    kit_refuse(&sample_maps_type, "0a 03 08 01 10");
    kit_refuse(&sample_maps_type, "0a 02 18 80");
}

static void test_decode__strings_are_utf8(void **state)
{
    (void)state;
    kit_refuse(&sample_hello_type, "0a 01 ff");
    kit_refuse(&sample_hello_type, "0a 02 c3 28");
    kit_refuse(&sample_hello_type, "0a 03 ed a0 80");
    kit_refuse(&sample_hello_type, "0a 0a 61 61 61 61 61 61 61 61 61 80");
    kit_refuse(&sample_packed_type, "7a 01 61 7a 01 80");
    kit_refuse(&sample_optional_type, "7a 01 80");
    kit_refuse(&sample_tree_type, "52 01 80");
    kit_refuse(&sample_maps_type, "12 03 0a 01 80");
    kit_refuse(&sample_maps_type, "12 03 12 01 80");
    grpc_arena arena = {.cursor = NULL};
    plain m;
    kit_both(&sample_plain_type, &m, &arena, "82 01 01 ff");
    assert_true(KIT_IS(m.f_bytes, "\xff"));
    kit_both(&sample_plain_type, &m, &arena, "7a 03 61 00 62");
    assert_true(KIT_IS(m.f_string, "a\0b"));
    grpc_arena_free(&arena);
}

static void test_decode__numbers_with_gaps_in_any_order(void **state)
{
    (void)state;
    grpc_arena arena = {.cursor = NULL};
    struct sample_sparse m;
    kit_both(&sample_sparse_type, &m, &arena,
             "10 01 78 02 80 01 03 f8 7f 04 80 80 01 05 f8 ff 7f 06"
             "80 80 80 01 07 80 80 80 80 01 08 f8 ff ff ff 0f 09");
    assert_true(m.a == 1 && m.b == 2 && m.c == 3 && m.d == 4 && m.e == 5);
    assert_true(m.f == 6 && m.g == 7 && m.h == 8 && m.i == 9);
    kit_read(&sample_sparse_type, &m, &arena,
             "f8 ff ff ff 0f 09 80 80 01 05 10 01 80 80 80 80 01 08 08 01"
             "f8 7f 04 78 02 f8 ff 7f 06 18 01 80 80 80 01 07 80 01 03"
             "f0 ff ff ff 0f 01");
    assert_true(m.a == 1 && m.b == 2 && m.c == 3 && m.d == 4 && m.e == 5);
    assert_true(m.f == 6 && m.g == 7 && m.h == 8 && m.i == 9);
    assert_int_equal(m.unknown.size, 10);
    grpc_arena_free(&arena);
}

// decode_nest builds a message of a depth, which is read with its tag.
static grpc_result decode_nest(uint8_t tag, size_t depth, grpc_arena *arena)
{
    uint8_t bytes[600];
    uint8_t *p = bytes + sizeof bytes;
    for (size_t i = 0; i < depth; i++) {
        p = pb_put_varint(p, (size_t)(bytes + sizeof bytes - p));
        *--p = tag;
    }
    tree m;
    return kit_decode(&sample_tree_type, &m, arena, p,
                      (size_t)(bytes + sizeof bytes - p));
}

static void test_decode__depth_has_a_limit(void **state)
{
    (void)state;
    grpc_arena arena = {.cursor = NULL};
    static const uint8_t tags[] = {0x12, 0x1a, 0x62};
    for (size_t i = 0; i < sizeof tags; i++) {
        assert_int_equal(decode_nest(tags[i], 100, &arena), GRPC_OK);
        assert_int_equal(decode_nest(tags[i], 101, &arena), GRPC_EFORMAT);
    }
    // Groups that are unknown count as well, with the messages around them.
    uint8_t bytes[206] = {0x12, 200, 1};
    tree m;
    for (size_t groups = 98; groups <= 101; groups++) {
        bytes[1] = (uint8_t)(0x80 | (2 * groups & 0x7f));
        bytes[2] = (uint8_t)(2 * groups >> 7);
        memset(bytes + 3, 0x33, groups);
        memset(bytes + 3 + groups, 0x34, groups);
        assert_int_equal(
            kit_decode(&sample_tree_type, &m, &arena, bytes, 2 * groups + 3),
            groups <= 99 ? GRPC_OK : GRPC_EFORMAT);
    }
    // Messages side by side are not deep.
    uint8_t flat[1000];
    for (size_t i = 0; i < sizeof flat; i += 2) {
        flat[i] = 0x12;
        flat[i + 1] = 0;
    }
    assert_int_equal(
        kit_decode(&sample_tree_type, &m, &arena, flat, sizeof flat), GRPC_OK);
    grpc_arena_free(&arena);
}

static void test_decode__extreme_depth_is_refused_without_harm(void **state)
{
    (void)state;
    enum { DEEP = 20000 };
    // Lengths of 3 bytes, so that each level has the same size.
    uint8_t *bytes = malloc(4 * DEEP);
    assert_non_null(bytes);
    for (size_t i = 0; i < DEEP; i++) {
        size_t size = 4 * (DEEP - 1 - i);
        bytes[4 * i] = 0x12;
        bytes[4 * i + 1] = (uint8_t)(size | 0x80);
        bytes[4 * i + 2] = (uint8_t)(size >> 7 | 0x80);
        bytes[4 * i + 3] = (uint8_t)(size >> 14);
    }
    grpc_arena arena = {.cursor = NULL};
    tree m;
    assert_int_equal(kit_decode(&sample_tree_type, &m, &arena, bytes, 4 * DEEP),
                     GRPC_EFORMAT);
    memset(bytes, 0x33, 4 * DEEP);
    assert_int_equal(kit_decode(&sample_tree_type, &m, &arena, bytes, 4 * DEEP),
                     GRPC_EFORMAT);
    grpc_arena_free(&arena);
    free(bytes);
}

static void test_decode__arena_limit_is_told_from_lack_of_memory(void **state)
{
    (void)state;
    struct test_heap heap;
    test_heap_init(&heap);
    // 20,000 empty elements in 40,000 bytes would need more than a megabyte.
    enum { ELEMENTS = 20000 };
    uint8_t *bytes = malloc(2 * ELEMENTS);
    assert_non_null(bytes);
    for (size_t i = 0; i < 2 * ELEMENTS; i += 2) {
        bytes[i] = 0x1a;
        bytes[i + 1] = 0;
    }
    tree m;
    grpc_arena arena = {.allocator = heap.allocator, .limit_bytes = 200000};
    assert_int_equal(
        kit_decode(&sample_tree_type, &m, &arena, bytes, 2 * ELEMENTS),
        GRPC_ELIMIT);
    assert_true(heap.peak_bytes <= 200000);
    assert_int_equal(heap.calls, 0);
    arena.limit_bytes = 0;
    heap.fail_at = 1;
    assert_int_equal(
        kit_decode(&sample_tree_type, &m, &arena, bytes, 2 * ELEMENTS),
        GRPC_ENOMEM);
    assert_int_equal(
        kit_decode(&sample_tree_type, &m, &arena, bytes, 2 * ELEMENTS),
        GRPC_OK);
    assert_int_equal(m.children.count, ELEMENTS);
    grpc_arena_free(&arena);
    assert_true(test_heap_is_clean(&heap));
    free(bytes);
}

static void test_decode__more_than_2_gib_is_refused_unread(void **state)
{
    (void)state;
    grpc_arena arena = {.cursor = NULL};
    struct sample_hello m;
    const char *reason = NULL;
    grpc_str data = {.data = "\x0a", .size = (size_t)INT32_MAX + 1};
    assert_int_equal(pb_decode(&sample_hello_type, &m, &arena, data, &reason),
                     GRPC_EFORMAT);
    assert_string_equal(reason, "the message is larger than 2 GiB");
}

// ---- what hostile input must not make slow: each of these is 10^10 steps or
// copied bytes where the work is quadratic ----

static void test_decode__one_message_in_many_pieces_is_linear(void **state)
{
    (void)state;
    // child {children {}, numbers [1], unknown 6, places {key}} 50,000 times,
    // each key twice, in no order.
    static const uint8_t piece[] = {0x12, 0x0f, 0x1a, 0x00, 0x22, 0x01,
                                    0x02, 0x30, 0x01, 0xa2, 0x01, 0x05,
                                    0x0a, 0x03, 'k',  'k',  'k'};
    enum { PIECES = 50000 };
    uint8_t *bytes = malloc(PIECES * sizeof piece);
    assert_non_null(bytes);
    for (size_t i = 0; i < PIECES; i++) {
        uint8_t *at = bytes + i * sizeof piece;
        size_t key = i * 7919 % (PIECES / 2);
        memcpy(at, piece, sizeof piece);
        at[14] = (uint8_t)(key & 0x7f);
        at[15] = (uint8_t)(key >> 7 & 0x7f);
        at[16] = (uint8_t)(key >> 14);
    }
    grpc_arena arena = {.cursor = NULL};
    tree m;
    assert_int_equal(
        kit_decode(&sample_tree_type, &m, &arena, bytes, PIECES * sizeof piece),
        GRPC_OK);
    assert_int_equal(m.child->children.count, PIECES);
    assert_int_equal(m.child->numbers.count, PIECES);
    assert_int_equal(m.child->unknown.size, 2 * PIECES);
    assert_int_equal(m.child->places.count, PIECES / 2);
    grpc_arena_free(&arena);
    free(bytes);
}

static void test_decode__alternating_fields_are_linear(void **state)
{
    (void)state;
    static const uint8_t piece[] = {0x7a, 0x01, 0x61, 0x82, 0x01, 0x00,
                                    0x28, 0x01, 0xf8, 0x7f, 0x01};
    enum { PIECES = 50000 };
    uint8_t *bytes = malloc(PIECES * sizeof piece);
    assert_non_null(bytes);
    for (size_t i = 0; i < PIECES; i++) {
        memcpy(bytes + i * sizeof piece, piece, sizeof piece);
    }
    grpc_arena arena = {.cursor = NULL};
    struct sample_expanded m;
    assert_int_equal(kit_decode(&sample_expanded_type, &m, &arena, bytes,
                                PIECES * sizeof piece),
                     GRPC_OK);
    assert_int_equal(m.f_string.count, PIECES);
    assert_int_equal(m.f_bytes.count, PIECES);
    assert_int_equal(m.f_int32.count, PIECES);
    assert_int_equal(m.unknown.size, 3 * PIECES);
    assert_true(KIT_IS(m.f_string.data[PIECES - 1], "a"));
    // Doubling: the arrays take twice what they hold, and what they outgrew.
    assert_true(arena.held_bytes <
                (size_t)PIECES * (2 * 4 * sizeof(grpc_str) + 64));
    grpc_arena_free(&arena);
    free(bytes);
}

static void test_decode__a_run_is_allocated_once(void **state)
{
    (void)state;
    grpc_arena arena = {.cursor = NULL};
    uint8_t bytes[3000];
    for (size_t i = 0; i < sizeof bytes; i += 3) {
        memcpy(bytes + i, "\x7a\x01z", 3);
    }
    struct sample_packed m;
    assert_int_equal(
        kit_decode(&sample_packed_type, &m, &arena, bytes, sizeof bytes),
        GRPC_OK);
    assert_int_equal(m.f_string.count, 1000);
    struct pb_array array = pb_load_array(&m.f_string);
    assert_int_equal(pb_array_capacity(&array), 1000);
    for (size_t i = 0; i < 1000; i++) {
        assert_true(KIT_IS(m.f_string.data[i], "z"));
    }
    grpc_arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decode__hello),
        cmocka_unit_test(test_decode__nothing_is_every_default),
        cmocka_unit_test(test_decode__every_type_has_its_value),
        cmocka_unit_test(test_decode__numbers_are_truncated_to_their_type),
        cmocka_unit_test(test_decode__of_a_scalar_the_last_counts),
        cmocka_unit_test(test_decode__optional_tells_zero_from_absent),
        cmocka_unit_test(test_decode__lists_packed_or_not),
        cmocka_unit_test(test_decode__packed_fields_of_every_type),
        cmocka_unit_test(test_decode__packed_fields_that_are_malformed),
        cmocka_unit_test(test_decode__packed_counts_at_every_length),
        cmocka_unit_test(test_decode__messages_that_come_twice_are_merged),
        cmocka_unit_test(test_decode__repeated_messages_stand_by_value),
        cmocka_unit_test(test_decode__of_a_oneof_the_last_member_stays),
        cmocka_unit_test(test_decode__oneof_messages_merge_within_one_case),
        cmocka_unit_test(test_decode__maps_of_every_kind),
        cmocka_unit_test(test_decode__map_entries_may_lack_or_repeat_parts),
        cmocka_unit_test(test_decode__map_keys_that_come_again_replace),
        cmocka_unit_test(test_decode__maps_in_pieces_and_in_elements),
        cmocka_unit_test(test_decode__unknown_fields_are_kept_in_order),
        cmocka_unit_test(test_decode__other_wire_types_are_unknown),
        cmocka_unit_test(test_decode__malformed_input_is_refused),
        cmocka_unit_test(test_decode__strings_are_utf8),
        cmocka_unit_test(test_decode__numbers_with_gaps_in_any_order),
        cmocka_unit_test(test_decode__depth_has_a_limit),
        cmocka_unit_test(test_decode__extreme_depth_is_refused_without_harm),
        cmocka_unit_test(test_decode__arena_limit_is_told_from_lack_of_memory),
        cmocka_unit_test(test_decode__more_than_2_gib_is_refused_unread),
        cmocka_unit_test(test_decode__one_message_in_many_pieces_is_linear),
        cmocka_unit_test(test_decode__alternating_fields_are_linear),
        cmocka_unit_test(test_decode__a_run_is_allocated_once),
    };
    return cmocka_run_group_tests_name("pb_decode", tests, NULL, NULL);
}

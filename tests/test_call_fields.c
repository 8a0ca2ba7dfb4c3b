// SPDX-License-Identifier: MIT

#include "tests/unit.h"

#include "core/call_fields.h"

// ---- To send ----------------------------------------------------------------

struct fields_bench {
    struct test_heap heap;
    grpc_arena arena;
    struct call_fields fields;
};

static struct fields_bench *fields_new(void)
{
    static struct fields_bench bench;
    memset(&bench, 0, sizeof bench);
    test_heap_init(&bench.heap);
    arena_bind(&bench.arena, &bench.heap.allocator);
    return &bench;
}

static void fields_end(struct fields_bench *bench)
{
    grpc_arena_free(&bench->arena);
    assert_true(test_heap_is_clean(&bench->heap));
}

static grpc_result fields_add(struct fields_bench *bench, const char *key,
                              const char *value)
{
    return call_fields_add(&bench->fields, &bench->arena, key,
                           view_of(value, strlen(value)));
}

// fields_text is all of them, as lines.
static const char *fields_text(const struct call_fields *fields)
{
    static char text[4096];
    size_t size = 0;
    text[0] = '\0';
    for (size_t i = 0; i < fields->count; i++) {
        const struct hpack_field *field = &fields->data[i].field;
        int put =
            snprintf(text + size, sizeof text - size, "%.*s=%.*s\n",
                     (int)field->name.size, (const char *)field->name.data,
                     (int)field->value.size, (const char *)field->value.data);
        assert_true(put > 0 && (size_t)put < sizeof text - size);
        size += (size_t)put;
    }
    return text;
}

static void test_call_fields__order_is_kept(void **state)
{
    (void)state;
    struct fields_bench *bench = fields_new();
    assert_int_equal(fields_add(bench, "b", "1"), GRPC_OK);
    assert_int_equal(fields_add(bench, "a", "2"), GRPC_OK);
    assert_int_equal(fields_add(bench, "b", "3"), GRPC_OK);
    assert_int_equal(fields_add(bench, "b", "1"), GRPC_OK);
    assert_string_equal(fields_text(&bench->fields), "b=1\na=2\nb=3\nb=1\n");
    assert_int_equal(bench->fields.list_bytes, 4 * (1 + 1 + 32));
    fields_end(bench);
}

static void test_call_fields__keys(void **state)
{
    (void)state;
    struct fields_bench *bench = fields_new();
    assert_int_equal(fields_add(bench, "0-9_a.Z", "x"), GRPC_OK);
    assert_int_equal(fields_add(bench, "GRPC-Trace", "x"), GRPC_OK);
    assert_string_equal(fields_text(&bench->fields),
                        "0-9_a.z=x\ngrpc-trace=x\n");
    for (unsigned c = 1; c < 256; c++) {
        char key[] = {'k', (char)c, '\0'};
        bool fits = strchr("abcdefghijklmnopqrstuvwxyz"
                           "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.",
                           (int)c) != NULL;
        assert_int_equal(fields_add(bench, key, "x"),
                         fits ? GRPC_OK : GRPC_EINVAL);
    }
    assert_int_equal(fields_add(bench, "", "x"), GRPC_EINVAL);
    assert_int_equal(bench->fields.count, 2 + 26 + 26 + 10 + 3);
    fields_end(bench);
}

// What gRPC and HTTP/2 use themselves is left out, in whatever case, without a
// word; even with a value that could not be sent.
static void test_call_fields__reserved_keys_are_left_out(void **state)
{
    (void)state;
    static const char *const reserved[] = {
        ":path",        ":anything",     "content-type",
        "te",           "user-agent",    "grpc-timeout",
        "grpc-status",  "grpc-message",  "grpc-encoding",
        "Grpc-Timeout", "CONTENT-TYPE",  "grpc-accept-encoding",
        "host",         "connection",    "grpc-message-type",
        "upgrade",      "content-length"};
    struct fields_bench *bench = fields_new();
    for (size_t i = 0; i < sizeof reserved / sizeof reserved[0]; i++) {
        assert_int_equal(fields_add(bench, reserved[i], "x"), GRPC_OK);
        assert_int_equal(fields_add(bench, reserved[i], "\n"), GRPC_OK);
    }
    assert_int_equal(bench->fields.count, 0);
    assert_int_equal(bench->fields.list_bytes, 0);
    // Metadata that others have given a meaning to is the user's.
    assert_int_equal(fields_add(bench, "grpc-previous-rpc-attempts", "1"),
                     GRPC_OK);
    assert_int_equal(fields_add(bench, "grpc-trace-bin", "1"), GRPC_OK);
    assert_int_equal(fields_add(bench, "authorization", "Bearer x"), GRPC_OK);
    assert_int_equal(bench->fields.count, 3);
    fields_end(bench);
}

static void test_call_fields__values(void **state)
{
    (void)state;
    struct fields_bench *bench = fields_new();
    for (unsigned c = 1; c < 256; c++) {
        char value[] = {'x', (char)c, 'y', '\0'};
        assert_int_equal(fields_add(bench, "k", value),
                         c >= 0x20 && c <= 0x7e ? GRPC_OK : GRPC_EINVAL);
    }
    assert_int_equal(
        call_fields_add(&bench->fields, &bench->arena, "k", view_of("a\0b", 3)),
        GRPC_EINVAL);
    bench->fields = (struct call_fields){NULL, 0, 0, 0};
    // Spaces at the ends are not sent (RFC 9113 section 8.2.1).
    assert_int_equal(fields_add(bench, "k", "  a b "), GRPC_OK);
    assert_int_equal(fields_add(bench, "k", "  "), GRPC_OK);
    assert_int_equal(fields_add(bench, "k", ""), GRPC_OK);
    assert_string_equal(fields_text(&bench->fields), "k=a b\nk=\nk=\n");
    fields_end(bench);
}

// Bytes are base64 without padding, and take no place in the table but for
// their name.
static void test_call_fields__binary_values(void **state)
{
    (void)state;
    struct fields_bench *bench = fields_new();
    assert_int_equal(fields_add(bench, "a-bin", ""), GRPC_OK);
    assert_int_equal(fields_add(bench, "a-bin", "a"), GRPC_OK);
    assert_int_equal(fields_add(bench, "A-BIN", " a"), GRPC_OK);
    assert_int_equal(call_fields_add(&bench->fields, &bench->arena, "a-bin",
                                     view_of("\0\xff\n", 3)),
                     GRPC_OK);
    assert_int_equal(fields_add(bench, "a-bin2", "a"), GRPC_OK);
    assert_string_equal(fields_text(&bench->fields),
                        "a-bin=\na-bin=YQ\na-bin=IGE\na-bin=AP8K\na-bin2=a\n");
    assert_int_equal(bench->fields.data[1].mode, HPACK_NAME);
    assert_int_equal(bench->fields.data[4].mode, HPACK_INDEX);
    fields_end(bench);
}

// A long value is not worth its place in the table.
static void test_call_fields__long_values(void **state)
{
    (void)state;
    static char value[258];
    struct fields_bench *bench = fields_new();
    memset(value, 'v', 256);
    assert_int_equal(fields_add(bench, "k", value), GRPC_OK);
    value[256] = 'v';
    assert_int_equal(fields_add(bench, "k", value), GRPC_OK);
    assert_int_equal(bench->fields.data[0].mode, HPACK_INDEX);
    assert_int_equal(bench->fields.data[1].mode, HPACK_PLAIN);
    fields_end(bench);
}

static void test_call_fields__thousand_at_most(void **state)
{
    (void)state;
    struct fields_bench *bench = fields_new();
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(fields_add(bench, "k", "v"), GRPC_OK);
    }
    assert_int_equal(fields_add(bench, "k", "v"), GRPC_ELIMIT);
    assert_int_equal(bench->fields.count, 1000);
    assert_int_equal(bench->fields.list_bytes, 1000 * 34);
    struct h2_field *all = calloc(1002, sizeof *all);
    assert_non_null(all);
    assert_int_equal(call_fields_append(&bench->fields, all, 2), 1002);
    assert_null(all[1].field.name.data);
    assert_ptr_equal(all[2].field.name.data,
                     bench->fields.data[0].field.name.data);
    assert_ptr_equal(all[1001].field.name.data,
                     bench->fields.data[999].field.name.data);
    free(all);
    fields_end(bench);
}

static void test_call_fields__lists(void **state)
{
    (void)state;
    struct fields_bench *bench = fields_new();
    const char *key = NULL;
    const grpc_metadata good =
        GRPC_METADATA({"a", "to its NUL", 0}, {"b", "not all of it", 3},
                      {"c", NULL, 0}, {"d-bin", "\0\1", 2},
                      {"e-bin", "of size 0", 0}, {"F-Bin", "of size 0", 0});
    assert_int_equal(
        call_fields_add_all(&bench->fields, &bench->arena, good, &key),
        GRPC_OK);
    assert_string_equal(fields_text(&bench->fields),
                        "a=to its NUL\nb=not\nc=\nd-bin=AAE\ne-bin=\nf-bin=\n");
    const grpc_metadata bad[] = {
        GRPC_METADATA({"a", "x", 0}, {"bad key", "x", 0}, {"c", "x", 0}),
        GRPC_METADATA({NULL, "x", 0}),
        GRPC_METADATA({"null", NULL, 1}),
        GRPC_METADATA({"text", "\t", 0}),
    };
    static const char *const keys[] = {"bad key", "NULL", "null", "text"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(
            call_fields_add_all(&bench->fields, &bench->arena, bad[i], &key),
            GRPC_EINVAL);
        assert_string_equal(key, keys[i]);
    }
    fields_end(bench);
}

static void test_call_fields__no_memory_to_send(void **state)
{
    (void)state;
    static char value[5000];
    memset(value, 'v', sizeof value - 1);
    bool done = false;
    for (size_t fail = 1; !done; fail++) {
        struct fields_bench *bench = fields_new();
        bench->heap.fail_at = fail;
        bench->heap.fail_on = true;
        grpc_result result = GRPC_OK;
        for (int i = 0; i < 20 && result == GRPC_OK; i++) {
            result = fields_add(bench, i % 2 == 0 ? "k" : "k-bin", value);
        }
        done = result == GRPC_OK;
        assert_int_equal(result, done ? GRPC_OK : GRPC_ENOMEM);
        assert_true(bench->fields.count < 20 || done);
        fields_end(bench);
        assert_true(fail < 100);
    }
}

// ---- Received ---------------------------------------------------------------

// fields_collect reads lines of "name: value".
static enum call_fields_result fields_collect(struct fields_bench *bench,
                                              const char *lines,
                                              grpc_metadata *out)
{
    static struct hpack_field fields[32];
    struct hpack_block block = {.fields = fields};
    memset(fields, 0, sizeof fields);
    *out = (grpc_metadata){NULL, 0};
    while (*lines != '\0') {
        const char *colon = strstr(lines + 1, ": ");
        const char *end = strchr(lines, '\n');
        fields[block.count].name = view_of(lines, (size_t)(colon - lines));
        fields[block.count++].value =
            view_of(colon + 2, (size_t)(end - colon - 2));
        lines = end + 1;
    }
    return call_fields_collect(&bench->arena, &block, out);
}

static void fields_expect(const char *lines, const char *expected)
{
    struct fields_bench *bench = fields_new();
    grpc_metadata metadata;
    assert_int_equal(fields_collect(bench, lines, &metadata), CALL_FIELDS_DONE);
    char text[1024] = "";
    size_t size = 0;
    for (size_t i = 0; i < metadata.count; i++) {
        const grpc_header *header = &metadata.data[i];
        const char *value = header->value;
        assert_int_equal(value[header->size], '\0');
        size += (size_t)snprintf(text + size, sizeof text - size, "%s=%.*s\n",
                                 header->key, (int)header->size, value);
    }
    assert_string_equal(text, expected);
    fields_end(bench);
}

static void test_call_fields__collected(void **state)
{
    (void)state;
    fields_expect("", "");
    fields_expect(":status: 200\ncontent-type: application/grpc\n"
                  "grpc-encoding: gzip\n",
                  "");
    fields_expect(":status: 200\nb: 1\ngrpc-status: 0\na: 2\nb: 3\n",
                  "b=1\na=2\nb=3\n");
    fields_expect("a:  spaces within, and around  \nb:  \nc: \n",
                  "a=spaces within, and around\nb=\nc=\n");
    // Text may hold commas of its own.
    fields_expect("a: 1,2\n", "a=1,2\n");
}

static void test_call_fields__collected_bytes(void **state)
{
    (void)state;
    fields_expect("a-bin: YQ\na-bin: YQ==\na-bin: YWI\na-bin: YWI=\n"
                  "a-bin: YWJj\na-bin: \n",
                  "a-bin=a\na-bin=a\na-bin=ab\na-bin=ab\na-bin=abc\na-bin=\n");
    // Joined on the way, with spaces or without.
    fields_expect("a-bin: YQ,YWI=, YWJj ,\n",
                  "a-bin=a\na-bin=ab\na-bin=abc\na-bin=\n");
    fields_expect("x: 1\na-bin: YQ,Yg\ny: 2\n", "x=1\na-bin=a\na-bin=b\ny=2\n");
    static const char *const bad[] = {
        "a-bin: *\n",    "a-bin: YQ,*\n",         "a-bin: *,YQ\n",
        "a-bin: Y\n",    "a-bin: YQ=\n",          "a-bin: YQ===\n",
        "a-bin: Y Q\n",  "a: ok\na-bin: YW==I\n", "a-bin: Y-_9\n",
        "a-bin: ====\n",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct fields_bench *bench = fields_new();
        grpc_metadata metadata;
        if (fields_collect(bench, bad[i], &metadata) !=
            CALL_FIELDS_BAD_BASE64) {
            print_message("%s", bad[i]);
            fail();
        }
        assert_int_equal(metadata.count, 0);
        fields_end(bench);
    }
}

static void test_call_fields__no_memory_to_collect(void **state)
{
    (void)state;
    enum call_fields_result result = CALL_FIELDS_NO_MEMORY;
    for (size_t fail = 1; result != CALL_FIELDS_DONE; fail++) {
        struct fields_bench *bench = fields_new();
        grpc_metadata metadata;
        // A small arena meets its bound in the middle of the block.
        bench->arena.limit_bytes = 1024 * fail;
        static char lines[3000];
        memset(lines, 'v', sizeof lines);
        memcpy(lines, "a: ", 3);
        memcpy(lines + 1000, "\nb-bin: ", 8);
        memset(lines + 1008, 'A', 1000);
        memcpy(lines + 2008, "\nc: ", 4);
        memcpy(lines + 2998, "\n", 2);
        result = fields_collect(bench, lines, &metadata);
        assert_int_equal(metadata.count, result == CALL_FIELDS_DONE ? 3 : 0);
        assert_true(result == CALL_FIELDS_DONE ||
                    result == CALL_FIELDS_NO_MEMORY);
        fields_end(bench);
        assert_true(fail < 100);
    }
}

static void test_call_fields__get(void **state)
{
    (void)state;
    const grpc_metadata metadata = GRPC_METADATA({"a", "1", 1}, {"b", "2", 1},
                                                 {"a", "3", 1}, {"aa", "4", 1});
    grpc_str value;
    assert_true(grpc_metadata_get(metadata, "a", 0, &value));
    assert_string_equal(value.data, "1");
    assert_true(grpc_metadata_get(metadata, "a", 1, &value));
    assert_string_equal(value.data, "3");
    assert_int_equal(value.size, 1);
    assert_false(grpc_metadata_get(metadata, "a", 2, &value));
    assert_string_equal(value.data, "");
    assert_int_equal(value.size, 0);
    assert_true(grpc_metadata_get(metadata, "aa", 0, NULL));
    assert_false(grpc_metadata_get(metadata, NULL, 0, &value));
    assert_false(grpc_metadata_get((grpc_metadata){NULL, 0}, "a", 0, &value));
}

// ---- Names that a connection's calls share ----------------------------------

static void test_call_fields__names_are_shared(void **state)
{
    (void)state;
    struct test_heap heap;
    test_heap_init(&heap);
    struct call_names *cached = NULL;
    struct call_names *first =
        call_names_take(&heap.allocator, &cached, VIEW("host"), VIEW("agent"));
    assert_non_null(first);
    struct call_names *second =
        call_names_take(&heap.allocator, &cached, VIEW("host"), VIEW("agent"));
    assert_ptr_equal(first, second);
    assert_int_equal(heap.live_blocks, 1);
    struct call_names *other =
        call_names_take(&heap.allocator, &cached, VIEW("host"), VIEW(""));
    assert_ptr_not_equal(first, other);
    grpc_str value;
    assert_true(call_names_get(first, "user-agent", &value));
    assert_string_equal(value.data, "agent");
    assert_true(call_names_get(other, ":authority", &value));
    assert_string_equal(value.data, "host");
    assert_false(call_names_get(other, "user-agent", &value));
    assert_false(call_names_get(first, "te", &value));
    assert_false(call_names_get(first, NULL, &value));
    call_names_drop(&heap.allocator, first);
    assert_int_equal(heap.live_blocks, 2);
    call_names_drop(&heap.allocator, second);
    assert_int_equal(heap.live_blocks, 1);
    heap.fail_at = heap.calls + 1;
    assert_null(call_names_take(&heap.allocator, &cached, VIEW("x"), VIEW("")));
    call_names_drop(&heap.allocator, other);
    call_names_drop(&heap.allocator, cached);
    call_names_drop(&heap.allocator, NULL);
    assert_true(test_heap_is_clean(&heap));
}

static void test_call_fields__names_in_a_list(void **state)
{
    (void)state;
    struct fields_bench *bench = fields_new();
    struct call_names *cached = NULL;
    struct call_names *names = call_names_take(&bench->heap.allocator, &cached,
                                               VIEW("host"), VIEW("agent"));
    const grpc_metadata others = GRPC_METADATA({"a", "1", 1});
    grpc_metadata all = call_names_list(names, &bench->arena, others);
    assert_int_equal(all.count, 3);
    assert_string_equal(all.data[0].key, ":authority");
    assert_string_equal(all.data[0].value, "host");
    assert_string_equal(all.data[1].key, "user-agent");
    assert_string_equal(all.data[2].key, "a");
    all = call_names_list(names, &bench->arena, (grpc_metadata){NULL, 0});
    assert_int_equal(all.count, 2);
    bench->arena.limit_bytes = 1;
    grpc_arena_free(&bench->arena);
    all = call_names_list(names, &bench->arena, others);
    assert_int_equal(all.count, 0);
    call_names_drop(&bench->heap.allocator, names);
    call_names_drop(&bench->heap.allocator, cached);
    fields_end(bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_call_fields__order_is_kept),
        cmocka_unit_test(test_call_fields__keys),
        cmocka_unit_test(test_call_fields__reserved_keys_are_left_out),
        cmocka_unit_test(test_call_fields__values),
        cmocka_unit_test(test_call_fields__binary_values),
        cmocka_unit_test(test_call_fields__long_values),
        cmocka_unit_test(test_call_fields__thousand_at_most),
        cmocka_unit_test(test_call_fields__lists),
        cmocka_unit_test(test_call_fields__no_memory_to_send),
        cmocka_unit_test(test_call_fields__collected),
        cmocka_unit_test(test_call_fields__collected_bytes),
        cmocka_unit_test(test_call_fields__no_memory_to_collect),
        cmocka_unit_test(test_call_fields__get),
        cmocka_unit_test(test_call_fields__names_are_shared),
        cmocka_unit_test(test_call_fields__names_in_a_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: MIT
// What is written is compiled by test_gen_output.sh; here are the parts that
// hostile input could break out of.

#include "tests/gen_kit.h"

#include "gen/gen_emit.h"

static void emit_comment(const char *comment, size_t size, const char *expected)
{
    struct gen_memory memory = {0};
    struct gen_buffer out = {&memory, NULL, 0, 0};
    struct gen_emit emit = {&memory, NULL, "\"grpc.h\"", &out};
    struct gen_piece piece = {comment, (uint32_t)size};
    gen_buffer_add(&out, "", 0);
    gen_emit_comment(&emit, piece, "  ");
    assert_string_equal(out.data, expected);
    gen_buffer_free(&out);
    gen_memory_free(&memory);
}

static void emit_text(const char *comment, const char *expected)
{
    emit_comment(comment, strlen(comment), expected);
}

static void test_gen_emit__comments_keep_their_lines(void **state)
{
    (void)state;
    emit_comment(NULL, 0, "");
    emit_text("// a", "  // a\n");
    emit_text("//a\n    //  b\n//\n// c", "  // a\n  //  b\n  //\n  // c\n");
    emit_text("// a\r\n// b\r", "  // a\n  // b\n");
    emit_text("/* a */", "  // a\n");
    emit_text("/**\n * a\n *\n * b\n */", "  // a\n  //\n  // b\n");
    emit_text("/* a\n   b */", "  // a\n  // b\n");
    emit_text("/**/", "");
    emit_text("// a\n/* b */\n// c", "  // a\n  // b\n  // c\n");
}

static void test_gen_emit__comments_cannot_be_left(void **state)
{
    (void)state;
    emit_text("// a\\", "  // a\n");
    emit_text("// a \\ \t\\", "  // a\n");
    emit_text("// a?\?/", "  // a\n");
    emit_text("// a\\?\?/\\ ", "  // a\n");
    emit_text("/* a\\\n int x; \\\n */", "  // a\n  // int x;\n");
    emit_text("// a\rb\fc\x01", "  // a?b?c?\n");
    emit_text("// \xff\xc3", "  // ??\n");
    emit_text("// \xe2\x80\xae \xe2\x81\xa6 \xe2\x80\xa6 \xc2\x85",
              "  // ? ? \xe2\x80\xa6 ?\n");
}

static void test_gen_emit__walks_all_messages(void **state)
{
    struct gen_kit kit;
    (void)state;
    gen_kit_init(&kit);
    gen_kit_add(&kit, "a.proto",
                "syntax = 'proto3'; message A { message B { message C {} } "
                "message D {} } message E {}");
    const struct gen_file *file = gen_kit_run(&kit);
    assert_non_null(file);
    char names[8] = "";
    size_t count = 0;
    for (const struct gen_message *m = gen_emit_next(file, NULL); m != NULL;
         m = gen_emit_next(file, m)) {
        assert_true(count < 7);
        names[count++] = m->name[0];
    }
    assert_string_equal(names, "ABCDE");
    gen_kit_free(&kit);
}

static void emit_has(const struct gen_buffer *out, const char *text)
{
    if (strstr(out->data, text) == NULL) {
        print_message("missing: %s\nin:\n%s\n", text, out->data);
    }
    assert_non_null(strstr(out->data, text));
}

static void test_gen_emit__tables_are_sorted(void **state)
{
    struct gen_kit kit;
    (void)state;
    gen_kit_init(&kit);
    gen_kit_add(&kit, "d/a.proto",
                "syntax = 'proto3'; package p; message A { bool c = 9; "
                "repeated A b = 2; oneof o { sint32 x = 3; } "
                "optional string a = 1; map<int32, A> m = 4; }");
    struct gen_file *file = gen_kit_run(&kit);
    assert_non_null(file);
    struct gen_buffer out = {&kit.memory, NULL, 0, 0};
    struct gen_emit emit = {&kit.memory, file, "<x.h>", &out};
    gen_emit_source(&emit);
    emit_has(&out, "#include \"a.pb.h\"\n");
    emit_has(
        &out,
        "    {1, offsetof(p_A, a), offsetof(p_A, has_a), GRPC_TYPE_STRING, "
        "GRPC_FIELD_OPTIONAL, 0},\n"
        "    {2, offsetof(p_A, b), 0, GRPC_TYPE_MESSAGE, GRPC_FIELD_REPEATED, "
        "0},\n"
        "    {3, offsetof(p_A, o.x), offsetof(p_A, o_case), GRPC_TYPE_SINT32, "
        "GRPC_FIELD_ONEOF, 0},\n"
        "    {4, offsetof(p_A, m), 0, GRPC_TYPE_MESSAGE, GRPC_FIELD_MAP, 1},\n"
        "    {9, offsetof(p_A, c), 0, GRPC_TYPE_BOOL, GRPC_FIELD_IMPLICIT, "
        "0},\n");
    emit_has(&out, "    &p_A_message,\n    &p_A_MEntry_message,\n");
    emit_has(&out, "    .field_count = 5,\n    .dense_count = 4,\n");
    emit_has(&out, "    .a = {\"\", 0},\n};\n");
    gen_buffer_free(&out);
    gen_kit_free(&kit);
}

static const char emit_streams[] =
    "syntax = 'proto3'; package p; message A {} message B {} service S { "
    "rpc One (A) returns (B); rpc Many (A) returns (stream B); "
    "rpc Collect (stream A) returns (B); rpc Talk (stream A) returns (stream "
    "B); }";

static void test_gen_emit__tables_tell_what_is_streamed(void **state)
{
    struct gen_kit kit;
    (void)state;
    gen_kit_init(&kit);
    gen_kit_add(&kit, "a.proto", emit_streams);
    struct gen_file *file = gen_kit_run(&kit);
    assert_non_null(file);
    struct gen_buffer out = {&kit.memory, NULL, 0, 0};
    struct gen_emit emit = {&kit.memory, file, "<x.h>", &out};
    gen_emit_source(&emit);
    emit_has(&out, "        .handle = p_S_One_handle,\n"
                   "        .done = p_S_One_finish,\n"
                   "    },\n");
    emit_has(&out, "        .handle = p_S_Many_handle,\n"
                   "        .done = p_S_Many_finish,\n"
                   "        .on_reply = p_S_Many_on_reply,\n"
                   "        .streams_replies = true,\n"
                   "    },\n");
    emit_has(&out, "        .handle = p_S_Collect_handle,\n"
                   "        .done = p_S_Collect_finish,\n"
                   "        .on_request = p_S_Collect_on_request,\n"
                   "        .streams_requests = true,\n"
                   "    },\n");
    emit_has(&out, "        .handle = p_S_Talk_handle,\n"
                   "        .done = p_S_Talk_finish,\n"
                   "        .on_request = p_S_Talk_on_request,\n"
                   "        .streams_requests = true,\n"
                   "        .on_reply = p_S_Talk_on_reply,\n"
                   "        .streams_replies = true,\n"
                   "    },\n");
    emit_has(&out, "grpc_stream_call(channel, arena, &p_S_service_methods[3],");
    gen_buffer_free(&out);
    gen_kit_free(&kit);
}

// Every name that begins with the package was checked for clashes.
static void test_gen_emit__all_names_are_claimed(void **state)
{
    struct gen_kit kit;
    (void)state;
    gen_kit_init(&kit);
    gen_kit_add(&kit, "a.proto", emit_streams);
    struct gen_file *file = gen_kit_run(&kit);
    assert_non_null(file);
    struct gen_buffer out = {&kit.memory, NULL, 0, 0};
    struct gen_emit emit = {&kit.memory, file, "<x.h>", &out};
    gen_emit_header(&emit);
    gen_emit_source(&emit);
    size_t names = 0;
    for (const char *c = out.data; *c != '\0'; names++) {
        size_t size = strspn(c, "abcdefghijklmnopqrstuvwxyz"
                                "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
        if (strncmp(c, "p_", 2) == 0 &&
            gen_map_find(&kit.program.c_names, c, size) == NULL) {
            fail_msg("%.*s", (int)size, c);
        }
        c += size == 0 ? 1 : size;
    }
    assert_true(names > 100);
    gen_buffer_free(&out);
    gen_kit_free(&kit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gen_emit__comments_keep_their_lines),
        cmocka_unit_test(test_gen_emit__comments_cannot_be_left),
        cmocka_unit_test(test_gen_emit__walks_all_messages),
        cmocka_unit_test(test_gen_emit__tables_are_sorted),
        cmocka_unit_test(test_gen_emit__tables_tell_what_is_streamed),
        cmocka_unit_test(test_gen_emit__all_names_are_claimed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

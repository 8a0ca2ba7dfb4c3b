// SPDX-License-Identifier: MIT

#include "tests/gen_kit.h"

#include <stdio.h>

#include "gen/gen_method.h"

#define PROTO3 "syntax = 'proto3'; "

static struct gen_file *names_good(struct gen_kit *kit, const char *text)
{
    gen_kit_init(kit);
    gen_kit_add(kit, "a.proto", text);
    struct gen_file *file = gen_kit_run(kit);
    assert_string_equal(gen_kit_said(kit), "");
    assert_non_null(file);
    return file;
}

static void names_bad(const char *text, const char *expected)
{
    struct gen_kit kit;
    gen_kit_init(&kit);
    gen_kit_add(&kit, "a.proto", text);
    assert_null(gen_kit_run(&kit));
    assert_string_equal(gen_kit_said(&kit), expected);
    gen_kit_free(&kit);
}

static void test_gen_names__knows_words_that_are_taken(void **state)
{
    static const char *const taken[] = {
        "int",   "class", "true",    "errno",  "NULL",      "EOF",
        "unix",  "linux", "INT_MAX", "bool",   "UINT8_MAX", "DBL_EPSILON",
        "stdin", "major", "assert",  "size_t",
    };
    static const char *const free_ones[] = {
        "name", "Int", "INT", "count", "data", "value", "INT_MAXIMUM", "key",
    };
    (void)state;
    for (size_t i = 0; i < sizeof taken / sizeof taken[0]; i++) {
        assert_true(gen_names_is_taken(taken[i]));
    }
    for (size_t i = 0; i < sizeof free_ones / sizeof free_ones[0]; i++) {
        assert_false(gen_names_is_taken(free_ones[i]));
    }
}

static void test_gen_names__joins_parts(void **state)
{
    struct gen_kit kit;
    const struct gen_file *file =
        names_good(&kit, PROTO3 "package p.q; message A { message B { enum E {"
                                " Z = 0; } } map<string, B> all = 1; "
                                "oneof o { B.E x = 2; int32 NONE = 3; } }"
                                "service S { rpc M (A) returns (A.B); }");
    const struct gen_message *a = file->messages.first;
    const struct gen_message *b = a->messages.first;
    const struct gen_method *m = file->services.first->methods.first;
    (void)state;
    assert_string_equal(a->c_name, "p_q_A");
    assert_string_equal(b->c_name, "p_q_A_B");
    assert_string_equal(b->enums.first->c_name, "p_q_A_B_E");
    assert_string_equal(b->enums.first->values.first->c_name, "p_q_A_B_E_Z");
    assert_string_equal(b->next->c_name, "p_q_A_AllEntry");
    assert_string_equal(a->oneofs.first->c_name, "o");
    assert_string_equal(a->oneofs.first->c_case, "o_case");
    assert_string_equal(a->oneofs.first->c_none, "p_q_A_o_NONE");
    assert_string_equal(a->fields.first->next->c_constant, "p_q_A_o_x");
    assert_string_equal(a->fields.last->c_constant, "p_q_A_o_NONE_");
    assert_string_equal(file->services.first->c_name, "p_q_S");
    assert_string_equal(m->c_name, "p_q_S_M");
    assert_string_equal(m->c_member, "M");
    gen_kit_free(&kit);
}

static void test_gen_names__members_give_way(void **state)
{
    static const char *const expected[] = {
        "int__", "int_",    "x",      "has_x_",    "unknown_fields_", "o_case_",
        "A_",    "message", "y_case", "grpc_str_", "_Reserved_",
    };
    struct gen_kit kit;
    const struct gen_file *file = names_good(
        &kit, PROTO3
        "message A { int32 int = 1; int32 int_ = 2 [json_name = 'i']; "
        "optional int32 x = 3; int32 has_x = 4; string unknown_fields = 5; "
        "int32 o_case = 6; A A = 7; int32 message = 8; optional A y_case = 9; "
        "int32 grpc_str = 10; int32 _Reserved = 11; "
        "oneof o { int32 class = 12; } }");
    const struct gen_message *a = file->messages.first;
    const struct gen_field *field = a->fields.first;
    (void)state;
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        assert_string_equal(field->c_name, expected[i]);
        field = field->next;
    }
    assert_string_equal(field->c_name, "class_");
    assert_string_equal(a->fields.first->next->next->c_has, "has_x");
    assert_string_equal(a->oneofs.first->c_case, "o_case");
    gen_kit_free(&kit);
}

static void test_gen_names__global_names_give_way_to_words(void **state)
{
    struct gen_kit kit;
    const struct gen_file *file =
        names_good(&kit, PROTO3 "enum INT { MAX = 0; OTHER = 1; } "
                                "message errno {} message request {}");
    const struct gen_enum *item = file->enums.first;
    (void)state;
    assert_string_equal(item->c_name, "INT");
    assert_string_equal(item->values.first->c_name, "INT_MAX_");
    assert_string_equal(item->values.last->c_name, "INT_OTHER");
    assert_string_equal(file->messages.first->c_name, "errno_");
    assert_string_equal(file->messages.last->c_name, "request_");
    gen_kit_free(&kit);
}

static void test_gen_names__clashes_are_errors(void **state)
{
    (void)state;
    names_bad(PROTO3 "message A { message B {} } message A_B {}",
              "a.proto:1:55: error: \"A_B\" is A_B in C, and so is \"A.B\" at "
              "a.proto:1:40\n");
    names_bad(PROTO3 "message A {} message A_encode {}",
              "a.proto:1:41: error: \"A_encode\" is A_encode in C, and so is "
              "\"A\" at a.proto:1:28\n");
    names_bad(PROTO3 "message A {} service S { rpc M (A) returns (A); "
                     "rpc M_start (A) returns (A); }",
              "a.proto:1:72: error: \"M_start\" is S_M_start in C, and so is "
              "\"M\" at a.proto:1:49\n");
    names_bad(PROTO3 "message A {} service S { "
                     "rpc M_send (stream A) returns (A); "
                     "rpc M (stream A) returns (stream A); }",
              "a.proto:1:84: error: \"M\" is S_M_send_reply in C, and so is "
              "\"M_send\" at a.proto:1:49\n");
    names_bad(PROTO3 "package grpc; message server {}",
              "a.proto:1:42: error: \"grpc.server\" is grpc_server in C, which "
              "is a name of grpc.h\n");
}

// What is made for a method cannot be taken by a message, whatever its kind.
static void test_gen_names__all_that_a_method_makes_is_claimed(void **state)
{
    static const char *const kinds[] = {"", "stream "};
    size_t parts = 0;
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        struct gen_method method = {0};
        method.streams_requests = i / 2 == 1;
        method.streams_replies = i % 2 == 1;
        for (const struct gen_method_part *part =
                 gen_method_next(&method, NULL);
             part != NULL; part = gen_method_next(&method, part)) {
            char text[300];
            char expected[300];
            (void)snprintf(text, sizeof text,
                           "syntax = 'proto3'; message S_M%s {} message A {} "
                           "service S { rpc M (%sA) returns (%sA); }",
                           part->suffix, kinds[i / 2], kinds[i % 2]);
            (void)snprintf(expected, sizeof expected,
                           "a.proto:1:%lu: error: \"M\" is S_M%s in C, and so "
                           "is \"S_M%s\" at a.proto:1:28\n",
                           (unsigned long)(strstr(text, "rpc M") - text + 5),
                           part->suffix, part->suffix);
            names_bad(text, expected);
            parts++;
        }
    }
    assert_true(parts > 30);
}

// Where requests or replies are streamed no function has the method's own name,
// and where requests are, the handler does not name their type.
static void test_gen_names__what_a_method_does_not_make_is_free(void **state)
{
    struct gen_kit kit;
    (void)state;
    (void)names_good(&kit, PROTO3
                     "message S_M {} message S_M_done {} message S_M_reply {} "
                     "service S { rpc M (S_M) returns (stream S_M); }");
    gen_kit_free(&kit);
    const struct gen_file *file =
        names_good(&kit, PROTO3 "message A {} message B {} service S { "
                                "rpc A (stream .A) returns (.B); "
                                "rpc B (.B) returns (stream .A); }");
    const struct gen_method *a = file->services.first->methods.first;
    assert_string_equal(a->c_member, "A");
    assert_string_equal(a->next->c_member, "B_");
    gen_kit_free(&kit);
}

// Every name that grpc.h declares is known, so that no type takes it.
static void test_gen_names__knows_the_library(void **state)
{
    size_t size = 0;
    char *text = test_read_file("grpc.h", &size);
    (void)state;
    if (text == NULL) {
        skip();
    }
    size_t names = 0;
    for (const char *line = text; *line != '\0';) {
        size_t length = strcspn(line, "\n");
        const char *comment = strstr(line, "//");
        const char *end = line + length;
        end = comment != NULL && comment < end ? comment : end;
        for (const char *c = line; c + 5 < end; c++) {
            bool is_start = c == line || strchr(" *(,;{", c[-1]) != NULL;
            if (!is_start || strncmp(c, "grpc_", 5) != 0) {
                continue;
            }
            char name[100] = "";
            size_t used = strspn(c, "abcdefghijklmnopqrstuvwxyz_0123456789");
            assert_true(used < sizeof name);
            memcpy(name, c, used);
            if (!gen_names_in_library(name)) {
                print_message("%s\n", name);
            }
            assert_true(gen_names_in_library(name));
            names++;
        }
        line += length + (line[length] == '\n');
    }
    assert_true(names > 100);
    assert_false(gen_names_in_library("grpc_health_v1_Health"));
    free(text);
}

static void test_gen_names__output_files(void **state)
{
    struct gen_memory memory = {0};
    (void)state;
    assert_string_equal(gen_names_output(&memory, "a/b.proto", ".pb.h"),
                        "a/b.pb.h");
    assert_string_equal(gen_names_output(&memory, "a.b", ".pb.c"), "a.b.pb.c");
    gen_memory_free(&memory);
}

static void test_gen_names__guards_differ(void **state)
{
    static const char *const names[] = {
        "a/b.proto", "a_b.proto", "a-b.proto", "A/b.proto",
        "a/B.proto", "a.b.proto", "ab.proto",
    };
    enum { COUNT = sizeof names / sizeof names[0] };
    struct gen_memory memory = {0};
    const char *guards[COUNT];
    (void)state;
    for (size_t i = 0; i < COUNT; i++) {
        guards[i] = gen_names_guard(&memory, names[i]);
        for (size_t k = 0; k < i; k++) {
            assert_string_not_equal(guards[i], guards[k]);
        }
    }
    assert_string_equal(guards[0], "CGRPC_A_B_PB_H");
    gen_memory_free(&memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gen_names__knows_words_that_are_taken),
        cmocka_unit_test(test_gen_names__joins_parts),
        cmocka_unit_test(test_gen_names__members_give_way),
        cmocka_unit_test(test_gen_names__global_names_give_way_to_words),
        cmocka_unit_test(test_gen_names__clashes_are_errors),
        cmocka_unit_test(test_gen_names__all_that_a_method_makes_is_claimed),
        cmocka_unit_test(test_gen_names__what_a_method_does_not_make_is_free),
        cmocka_unit_test(test_gen_names__knows_the_library),
        cmocka_unit_test(test_gen_names__output_files),
        cmocka_unit_test(test_gen_names__guards_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

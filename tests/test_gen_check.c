// SPDX-License-Identifier: MIT
// What is right must pass; tests/gen_errors has what is wrong.

#include "tests/gen_kit.h"

#define PROTO3 "syntax = 'proto3'; "

static const char check_options[] =
    "syntax = 'proto2'; package google.protobuf; "
    "message FieldOptions { extensions 1000 to max; } "
    "message Other { extensions 100; } enum Closed { ONE = 1; }";

static void check_good(const char *text)
{
    struct gen_kit kit;
    gen_kit_init(&kit);
    gen_kit_add(&kit, "a.proto", text);
    gen_kit_add(&kit, "o.proto", check_options);
    assert_non_null(gen_kit_run(&kit));
    assert_string_equal(gen_kit_said(&kit), "");
    gen_kit_free(&kit);
}

// The first error behind the place.
static void check_bad(const char *text, const char *expected)
{
    struct gen_kit kit;
    gen_kit_init(&kit);
    gen_kit_add(&kit, "a.proto", text);
    gen_kit_add(&kit, "o.proto", check_options);
    assert_null(gen_kit_run(&kit));
    const char *said = strstr(gen_kit_said(&kit), "error: ");
    assert_non_null(said);
    assert_string_equal(
        gen_copy(&kit.memory, said + 7, strcspn(said + 7, "\n")), expected);
    gen_kit_free(&kit);
}

static void test_gen_check__limits_are_included(void **state)
{
    (void)state;
    check_good(PROTO3 "message A { int32 a = 1; int32 b = 536870911; "
                      "int32 c = 18999; int32 d = 20000; reserved 2 to 5; "
                      "int32 e = 6; reserved 536870000 to 536870910; }");
    check_bad(PROTO3 "message A { int32 a = 19999; }",
              "the field numbers 19000 to 19999 belong to protobuf");
    check_bad(PROTO3 "message A { reserved 2 to 5; int32 a = 5; }",
              "\"a\" uses the reserved number 5");
    check_bad(PROTO3 "message A { reserved 9 to max; int32 a = 536870911; }",
              "\"a\" uses the reserved number 536870911");
}

static void test_gen_check__numbers(void **state)
{
    (void)state;
    check_bad(PROTO3 "message A { int32 a = 3; int32 b = 1; int32 c = 2; "
                     "oneof o { int32 d = 2; } }",
              "field number 2 is already used by \"c\"; the next free one is "
              "4");
    check_bad(PROTO3 "message A { reserved 10 to 20, 1; reserved 5 to 10; }",
              "the range 5 to 10 overlaps with 10 to 20");
}

static void test_gen_check__enums(void **state)
{
    (void)state;
    check_good(PROTO3 "enum E { option allow_alias = true; A = 0; B = 1; "
                      "C = 0; reserved -5 to -1, 7; reserved 'D'; }");
    check_bad(PROTO3 "enum E { A = 0; reserved 'D'; D = 1; }",
              "the name \"D\" is reserved");
    check_bad(PROTO3 "import 'o.proto'; message A { "
                     "google.protobuf.Closed c = 1; }",
              "\"google.protobuf.Closed\" is an enum of a proto2 file "
              "(o.proto), which a proto3 message cannot use");
}

static void test_gen_check__packed(void **state)
{
    struct gen_kit kit;
    (void)state;
    gen_kit_init(&kit);
    gen_kit_add(&kit, "a.proto",
                PROTO3 "enum E { Z = 0; } message A { repeated int32 a = 1; "
                       "repeated E b = 2; repeated int32 c = 3 [packed = "
                       "false]; repeated string d = 4; int32 e = 5; repeated "
                       "A f = 6; repeated bool g = 7 [packed = true]; }");
    static const bool expected[] = {true,  true,  false, false,
                                    false, false, true};
    const struct gen_file *file = gen_kit_run(&kit);
    assert_non_null(file);
    const struct gen_field *field = file->messages.first->fields.first;
    for (size_t i = 0; i < 7; i++, field = field->next) {
        assert_int_equal(field->is_packed, expected[i]);
    }
    gen_kit_free(&kit);
}

static void test_gen_check__extensions(void **state)
{
    (void)state;
    check_good(PROTO3 "import 'o.proto'; extend google.protobuf.FieldOptions { "
                      "string s = 1000; repeated A t = 1001; } "
                      "message A { extend google.protobuf.FieldOptions { "
                      "int32 s = 1002; } int32 b = 1 [(s) = 'x', (A.s) = 3, "
                      "(t) = { b: 1 }, (t) = { b: 2 }]; }");
    check_bad(PROTO3 "import 'o.proto'; extend google.protobuf.Other { "
                     "string s = 100; }",
              "proto3 can extend the options of google.protobuf alone");
    check_bad(PROTO3 "import 'o.proto'; message A { google.protobuf.Other o = "
                     "1; }",
              "\"google.protobuf.Other\" is defined in o.proto, a proto2 file: "
              "code is generated for proto3 alone");
}

static void test_gen_check__options(void **state)
{
    (void)state;
    check_good(PROTO3 "option java_package = 'a'; option optimize_for = SPEED; "
                      "option (any.thing).x = { a: 1 }; message A { "
                      "option deprecated = false; int64 a = 1 [jstype = "
                      "JS_STRING, deprecated = true, json_name = 'A']; }");
    check_bad(PROTO3 "message A { option packed = true; }",
              "there is no option \"packed\" here; the name of a custom one "
              "stands in parentheses");
    check_bad(PROTO3 "message A { option deprecated = -true; }",
              "expected true or false as the value of \"deprecated\"");
    check_bad(PROTO3 "message A { int32 a = 1 [lazy = true]; }",
              "lazy is for messages");
}

// Time must not grow with the square of the size.
static void test_gen_check__many_of_everything(void **state)
{
    struct gen_kit kit;
    (void)state;
    gen_kit_init(&kit);
    struct gen_buffer text = {&kit.memory, NULL, 0, 0};
    gen_buffer_print(&text, PROTO3 "message A { ");
    for (int i = 1; i < 15000; i++) {
        gen_buffer_print(&text, "int32 a%d = %d; reserved %d; reserved 'b%d'; ",
                         i, i, i + 20000, i);
    }
    gen_buffer_print(&text, "} enum E { ");
    for (int i = 0; i < 15000; i++) {
        gen_buffer_print(&text, "V%d = %d; ", i, i);
    }
    gen_buffer_print(&text, "}");
    gen_kit_add(&kit, "a.proto", text.data);
    assert_non_null(gen_kit_run(&kit));
    gen_buffer_free(&text);
    gen_kit_free(&kit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gen_check__limits_are_included),
        cmocka_unit_test(test_gen_check__numbers),
        cmocka_unit_test(test_gen_check__enums),
        cmocka_unit_test(test_gen_check__packed),
        cmocka_unit_test(test_gen_check__extensions),
        cmocka_unit_test(test_gen_check__options),
        cmocka_unit_test(test_gen_check__many_of_everything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

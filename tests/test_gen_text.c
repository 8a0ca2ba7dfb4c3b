// SPDX-License-Identifier: MIT

#include "tests/gen_kit.h"

static void test_gen_place__counts_lines_and_bytes(void **state)
{
    static const char text[] = "ab\ncd\n\nx";
    struct gen_source source = {"a.proto", text, 8};
    static const uint32_t expected[][2] = {
        {1, 1}, {1, 2}, {1, 3}, {2, 1}, {2, 2}, {2, 3}, {3, 1}, {4, 1}, {4, 2},
    };
    (void)state;
    for (uint32_t i = 0; i < 9; i++) {
        struct gen_spot spot = {&source, i};
        assert_int_equal(gen_place_of(spot).line, expected[i][0]);
        assert_int_equal(gen_place_of(spot).column, expected[i][1]);
    }
}

static void test_gen_place__passes_over_a_byte_order_mark(void **state)
{
    struct gen_source source = {"a.proto", "\xEF\xBB\xBFxy", 5};
    struct gen_spot spot = {&source, 4};
    (void)state;
    assert_int_equal(gen_place_of(spot).column, 2);
}

static void test_gen_error__has_file_line_and_column(void **state)
{
    struct gen_kit kit;
    struct gen_source source = {"a/b.proto", "\n  x", 4};
    struct gen_spot spot = {&source, 3};
    struct gen_spot nowhere = {NULL, 0};
    (void)state;
    gen_kit_init(&kit);
    gen_error(&kit.report, spot, "no %s", "x");
    gen_warn(&kit.report, nowhere, "odd");
    assert_string_equal(gen_kit_said(&kit), "a/b.proto:2:3: error: no x\n"
                                            "cgrpc-gen: warning: odd\n");
    assert_int_equal(kit.report.errors, 1);
    assert_int_equal(kit.report.warnings, 1);
    gen_kit_free(&kit);
}

static void test_gen_error__stops_talking(void **state)
{
    struct gen_kit kit;
    struct gen_spot nowhere = {NULL, 0};
    size_t lines = 0;
    (void)state;
    gen_kit_init(&kit);
    for (int i = 0; i < 1000; i++) {
        gen_error(&kit.report, nowhere, "%d", i);
    }
    for (const char *c = gen_kit_said(&kit); *c != '\0'; c++) {
        lines += *c == '\n';
    }
    assert_int_equal(kit.report.errors, 1000);
    assert_int_equal(lines, GEN_MAX_MESSAGES);
    gen_kit_free(&kit);
}

static void test_gen_utf8__tells_good_from_bad(void **state)
{
    static const struct {
        const char *text;
        size_t size; // of the first sequence; 0: none
    } rows[] = {
        {"a", 1},
        {"\xc3\xa4", 2},
        {"\xe2\x82\xac", 3},
        {"\xf0\x9f\x98\x80", 4},
        {"\xf4\x8f\xbf\xbf", 4},
        {"\xc0\x80", 0},
        {"\xc3", 0},
        {"\xe0\x9f\xbf", 0},
        {"\xed\xa0\x80", 0},
        {"\xf4\x90\x80\x80", 0},
        {"\xf0\x9f\x98", 0},
        {"\xe2\x82\x41", 0},
        {"\x80", 0},
        {"\xff", 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        size_t size = strlen(rows[i].text);
        assert_int_equal(gen_utf8_size(rows[i].text, size), rows[i].size);
        assert_int_equal(gen_is_utf8(rows[i].text, size), rows[i].size > 0);
    }
    assert_true(gen_is_utf8("", 0));
    assert_false(gen_is_utf8("ab\xff", 3));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gen_place__counts_lines_and_bytes),
        cmocka_unit_test(test_gen_place__passes_over_a_byte_order_mark),
        cmocka_unit_test(test_gen_error__has_file_line_and_column),
        cmocka_unit_test(test_gen_error__stops_talking),
        cmocka_unit_test(test_gen_utf8__tells_good_from_bad),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

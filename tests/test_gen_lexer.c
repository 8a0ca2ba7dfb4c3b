// SPDX-License-Identifier: MIT

#include "tests/gen_kit.h"

static void lex_start(struct gen_kit *kit, struct gen_source *source,
                      struct gen_lexer *lexer, const char *text, size_t size)
{
    gen_kit_init(kit);
    *source = gen_kit_source(&kit->memory, text, size);
    gen_lexer_init(lexer, source, &kit->memory, &kit->report);
}

// All words of a text, as "kind:raw " each.
static void lex_expect(const char *text, const char *expected)
{
    static const char kinds[] = "EXNIFSY";
    struct gen_kit kit;
    struct gen_source source;
    struct gen_lexer lexer;
    lex_start(&kit, &source, &lexer, text, strlen(text));
    struct gen_buffer out = {&kit.memory, NULL, 0, 0};
    gen_buffer_add(&out, "", 0);
    while (lexer.token.kind != GEN_TOKEN_END &&
           lexer.token.kind != GEN_TOKEN_ERROR) {
        gen_buffer_print(&out, "%c:%.*s ", kinds[lexer.token.kind],
                         (int)lexer.token.raw.size, lexer.token.raw.text);
        gen_lexer_next(&lexer);
    }
    gen_buffer_print(&out, "%c", kinds[lexer.token.kind]);
    assert_string_equal(out.data, expected);
    gen_buffer_free(&out);
    gen_kit_free(&kit);
}

static void lex_expect_error(const char *text, const char *expected)
{
    struct gen_kit kit;
    struct gen_source source;
    struct gen_lexer lexer;
    lex_start(&kit, &source, &lexer, text, strlen(text));
    while (lexer.token.kind != GEN_TOKEN_END &&
           lexer.token.kind != GEN_TOKEN_ERROR) {
        gen_lexer_next(&lexer);
    }
    assert_string_equal(gen_kit_said(&kit), expected);
    gen_lexer_next(&lexer);
    assert_int_equal(lexer.token.kind, GEN_TOKEN_ERROR);
    gen_kit_free(&kit);
}

static void test_gen_lexer__splits_words(void **state)
{
    (void)state;
    lex_expect("", "E");
    lex_expect(" \t\r\n\v\f", "E");
    lex_expect("\xEF\xBB\xBF_a1 B", "N:_a1 N:B E");
    lex_expect("a.b=-5;", "N:a Y:. N:b Y:= Y:- I:5 Y:; E");
    lex_expect("1 0 017 0x7fFF 1. .5 1.5 1e3 1E-3 1.e+2",
               "I:1 I:0 I:017 I:0x7fFF F:1. F:.5 F:1.5 F:1e3 F:1E-3 F:1.e+2 E");
    lex_expect("'a' \"b'c\" '\\''", "S:'a' S:\"b'c\" S:'\\'' E");
    lex_expect("a/*x*/b//y\nc/d", "N:a N:b N:c Y:/ N:d E");
    lex_expect("/***//**/a", "N:a E");
}

static void test_gen_lexer__reads_integers(void **state)
{
    static const struct {
        const char *text;
        uint64_t number;
        bool is_huge;
    } rows[] = {
        {"0", 0, false},
        {"0755", 493, false},
        {"0xfFfFfFfFfFfFfFfF", UINT64_MAX, false},
        {"18446744073709551615", UINT64_MAX, false},
        {"18446744073709551616", 0, true},
        {"0x10000000000000000", 0, true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct gen_kit kit;
        struct gen_source source;
        struct gen_lexer lexer;
        lex_start(&kit, &source, &lexer, rows[i].text, strlen(rows[i].text));
        assert_int_equal(lexer.token.kind, GEN_TOKEN_INTEGER);
        assert_int_equal(lexer.token.is_huge, rows[i].is_huge);
        assert_true(rows[i].is_huge || lexer.token.number == rows[i].number);
        gen_kit_free(&kit);
    }
}

static void test_gen_lexer__decodes_strings(void **state)
{
    static const char text[] = "'\\a\\b\\f\\n\\r\\t\\v\\\\\\'\\\"\\?"
                               "\\0\\18\\101\\377\\x4\\x4a\\X4Ag"
                               "\\u00e9\\u20ac\\U0001F600'";
    static const char expected[] = "\a\b\f\n\r\t\v\\'\"?"
                                   "\0\1"
                                   "8A\xff\x04JJg"
                                   "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80";
    struct gen_kit kit;
    struct gen_source source;
    struct gen_lexer lexer;
    (void)state;
    lex_start(&kit, &source, &lexer, text, sizeof text - 1);
    assert_int_equal(lexer.token.kind, GEN_TOKEN_STRING);
    assert_int_equal(lexer.token.string_size, sizeof expected - 1);
    assert_memory_equal(lexer.token.string, expected, sizeof expected);
    gen_kit_free(&kit);
}

static void test_gen_lexer__reports_errors(void **state)
{
    (void)state;
    lex_expect_error("a\n /* b", "t.proto:2:2: error: this comment has no end: "
                                 "expected \"*/\"\n");
    lex_expect_error("/*/", "t.proto:1:1: error: this comment has no end: "
                            "expected \"*/\"\n");
    lex_expect_error("09", "t.proto:1:1: error: a number that starts with 0 is "
                           "octal: it cannot have the digits 8 and 9\n");
    lex_expect_error("0x", "t.proto:1:1: error: expected hexadecimal digits "
                           "after 0x\n");
    lex_expect_error("1e+", "t.proto:1:4: error: expected a digit in the "
                            "exponent of this number\n");
    lex_expect_error("1.5f", "t.proto:1:4: error: expected a space between a "
                             "number and a name\n");
    lex_expect_error("1.2.3", "t.proto:1:4: error: this number has a point too "
                              "many\n");
    lex_expect_error("'a\nb'", "t.proto:1:1: error: this string does not end "
                               "on its line: a quote is missing\n");
    lex_expect_error("'ab\\", "t.proto:1:4: error: this is no escape "
                              "sequence\n");
    lex_expect_error("'\\400'", "t.proto:1:2: error: this is no escape "
                                "sequence\n");
    lex_expect_error("'\\x'", "t.proto:1:2: error: this is no escape "
                              "sequence\n");
    lex_expect_error("'\\u12'", "t.proto:1:2: error: this is no escape "
                                "sequence\n");
    lex_expect_error("'\\U00110000'", "t.proto:1:2: error: this is no escape "
                                      "sequence\n");
    lex_expect_error("\x01", "t.proto:1:1: error: this is a control "
                             "character\n");
    lex_expect_error("a \xc3\xa4", "t.proto:1:3: error: this character is not "
                                   "ASCII: only comments and strings may have "
                                   "others\n");
    lex_expect_error("\xEF\xBB", "t.proto:1:1: error: this character is not "
                                 "ASCII: only comments and strings may have "
                                 "others\n");
}

static void lex_expect_comments(const char *text, const char *leading,
                                const char *trailing)
{
    struct gen_kit kit;
    struct gen_source source;
    struct gen_lexer lexer;
    lex_start(&kit, &source, &lexer, text, strlen(text));
    while (lexer.token.kind != GEN_TOKEN_NAME ||
           lexer.token.raw.text[0] != 'X') {
        assert_int_not_equal(lexer.token.kind, GEN_TOKEN_END);
        gen_lexer_next(&lexer);
    }
    assert_string_equal(gen_copy(&kit.memory, lexer.token.leading.text,
                                 lexer.token.leading.size),
                        leading);
    assert_string_equal(gen_copy(&kit.memory, lexer.token.trailing.text,
                                 lexer.token.trailing.size),
                        trailing);
    gen_kit_free(&kit);
}

static void test_gen_lexer__attaches_comments(void **state)
{
    (void)state;
    lex_expect_comments("X", "", "");
    lex_expect_comments("// a\nX", "// a", "");
    lex_expect_comments("// a\n// b\nX", "// a\n// b", "");
    lex_expect_comments("// a\n\n// b\nX", "// b", "");
    lex_expect_comments("// a\n\nX", "", "");
    lex_expect_comments("; // a\nX", "", "// a");
    lex_expect_comments("; // a\n// b\nX", "// b", "// a");
    lex_expect_comments("; /* a */ X", "", "/* a */");
    lex_expect_comments(";\n/* a\n\n b */\nX", "/* a\n\n b */", "");
    lex_expect_comments("\xEF\xBB\xBF// a\nX", "// a", "");
}

static void test_gen_lexer__survives_every_truncation(void **state)
{
    static const char text[] =
        "\xEF\xBB\xBF// c\nsyntax = 'proto3'; /* d */ a.b 0x1f 017 1.5e-3 .5"
        "\"\\x41\\101\\u00e9\\U0001F601\\n\" [a/b] {<>} -inf\n";
    (void)state;
    for (size_t size = 0; size < sizeof text; size++) {
        struct gen_kit kit;
        struct gen_source source;
        struct gen_lexer lexer;
        unsigned words = 0;
        lex_start(&kit, &source, &lexer, text, size);
        while (lexer.token.kind != GEN_TOKEN_END &&
               lexer.token.kind != GEN_TOKEN_ERROR) {
            assert_true(lexer.token.raw.size > 0);
            assert_true(++words < 100);
            gen_lexer_next(&lexer);
        }
        assert_int_equal(lexer.token.kind == GEN_TOKEN_ERROR,
                         kit.report.errors == 1);
        gen_kit_free(&kit);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gen_lexer__splits_words),
        cmocka_unit_test(test_gen_lexer__reads_integers),
        cmocka_unit_test(test_gen_lexer__decodes_strings),
        cmocka_unit_test(test_gen_lexer__reports_errors),
        cmocka_unit_test(test_gen_lexer__attaches_comments),
        cmocka_unit_test(test_gen_lexer__survives_every_truncation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

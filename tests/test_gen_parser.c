// SPDX-License-Identifier: MIT

#include "tests/gen_kit.h"

// A file with every form that the grammar has, in proto2, which has most.
static const char parse_everything[] =
    "syntax = \"pro\" 'to2' ;;\n"
    "package some . where ;\n"
    "import \"google/protobuf/descriptor.proto\";\n"
    "import public 'a/b.proto';\n"
    "import weak \"c.proto\";\n"
    "option java_package = \"a\" 'b' \"\\x63\\144\\u00e9\";\n"
    "option (file) = inf;\n"
    "extend google.protobuf.MessageOptions { optional Opt opt = 50001; "
    "repeated int32 ri = 50002; optional group Grp = 50004 { optional float f "
    "= 1; } }\n"
    "extend .some.where.Opt { optional int32 ext = 100; repeated Opt exts = "
    "101; }\n"
    "enum E { option allow_alias = true; ZERO = 0; Z2 = 0; NEG = - 0x1; LEAST "
    "= -2147483648 [deprecated = true]; OCT = 017; reserved 5, 7 to 9, 100 to "
    "max; reserved \"FOO\", 'BAR' ; ; }\n"
    "message message {\n"
    "option (some.where.opt).a = 0x7f;\n"
    "option (.some.where.opt).sub.d = -inf;\n"
    "option (opt).s = \"x\" \"y\";\n"
    "option (any) = { [type.googleapis.com/some.where.Opt] { a: 1 d: nan } };\n"
    "option (opt).(some.where.ext) = 3;\n"
    "option (opt).sub.sub = { a: 1, s: [\"p\", 'q'] ; sub < a: -5 > m { key: "
    "\"k\" value: 3 } m: [{key:\"z\"}, < >] e: NEG b: \"\\001\\xff\" "
    "[some.where.ext]: 4 [some.where.exts] { a: 1 } l: [] };\n"
    "optional int32 optional = 1 [default = -0x80000000, deprecated = true, "
    "json_name = \"OPT\"];\n"
    "required string snake_case = 2 [default = \"\\\"a'\\t\" 'b', (fo).(a.b).c "
    "= 1];\n"
    "repeated int64 repeated = 03 [packed = true];\n"
    "optional double inf = 4 [default = inf]; optional double d3 = 0x6 "
    "[default = .5e-3]; optional double d4 = 7 [default = 1.];\n"
    "optional group Result = 8 { optional int32 x = 1; }\n"
    "oneof oneof { option (o) = 1; int32 syntax = 9; group Gg = 10 { optional "
    "int32 x = 1; } .some.where.E to = 21; }\n"
    "optional map map = 12;\n"
    "extensions 1000 to 1999, 3000 [(x) = 3, declaration = { number: 5000 "
    "full_name: \".e1\" }]; extensions 5000 to max;\n"
    "reserved 12, 14 to 16; reserved \"foo\", \"bar\"; ;\n"
    "extend Opt { optional message nested_ext = 102; }\n"
    "message Strm {} enum returns { r = 0; }\n"
    "map < string , .some.where.E > the_map = 11;\n"
    "}\n"
    "message Opt { extensions 100 to 200; }\n"
    "service rpc { option deprecated = true; rpc stream ( stream message.Strm "
    ") returns ( stream .some.where.message ) { option idempotency_level = "
    "NO_SIDE_EFFECTS ; ; } rpc B(message) returns(message); ; }\n"
    "/* end */ ;\n";

static struct gen_file *parse_text(struct gen_kit *kit, const char *text,
                                   size_t size)
{
    struct gen_file *file = gen_alloc(&kit->memory, sizeof *file);
    file->name = "t.proto";
    file->source = gen_kit_source(&kit->memory, text, size);
    return gen_parse(&kit->memory, &kit->report, file) ? file : NULL;
}

static struct gen_file *parse_good(struct gen_kit *kit, const char *text)
{
    gen_kit_init(kit);
    struct gen_file *file = parse_text(kit, text, strlen(text));
    assert_string_equal(gen_kit_said(kit), "");
    assert_non_null(file);
    return file;
}

static void parse_bad(const char *text, const char *expected)
{
    struct gen_kit kit;
    gen_kit_init(&kit);
    assert_null(parse_text(&kit, text, strlen(text)));
    assert_string_equal(gen_kit_said(&kit), expected);
    gen_kit_free(&kit);
}

static void test_gen_parse__reads_every_form(void **state)
{
    struct gen_kit kit;
    struct gen_file *file = parse_good(&kit, parse_everything);
    (void)state;
    assert_int_equal(file->syntax, GEN_PROTO2);
    assert_string_equal(file->package, "some.where");
    assert_int_equal(file->imports.count, 3);
    assert_true(file->imports.first->next->is_public);
    assert_true(file->imports.last->is_weak);
    assert_int_equal(file->enums.count, 1);
    assert_int_equal(file->extends.count, 2);
    assert_int_equal(file->messages.count, 3); // one is a group's
    assert_int_equal(file->services.count, 1);
    assert_int_equal(file->options.count, 2);
    const struct gen_option *option = file->options.first;
    assert_string_equal(option->text, "abcd\xc3\xa9");
    const struct gen_enum *item = file->enums.first;
    assert_int_equal(item->values.count, 5);
    assert_int_equal(item->values.last->number, 15);
    assert_int_equal(item->reserved.count, 3);
    assert_int_equal(item->reserved_names.count, 2);
    gen_kit_free(&kit);
}

static void test_gen_parse__reads_messages(void **state)
{
    struct gen_kit kit;
    struct gen_file *file = parse_good(&kit, parse_everything);
    (void)state;
    const struct gen_message *m = file->messages.first->next;
    assert_string_equal(m->name, "message");
    assert_int_equal(m->fields.count, 12);
    assert_int_equal(m->oneofs.count, 1);
    assert_int_equal(m->oneofs.first->field_count, 3);
    assert_int_equal(m->messages.count, 4);
    assert_int_equal(m->extensions.count, 3);
    assert_int_equal(m->extensions.last->last, GEN_MAX_NUMBER);
    assert_int_equal(m->options.count, 6);
    assert_string_equal(m->options.first->name, "(some.where.opt).a");
    const struct gen_field *f = m->fields.first;
    assert_string_equal(f->name, "optional");
    assert_string_equal(f->json_name, "OPT");
    assert_true(f->is_deprecated);
    assert_int_equal(f->type, GEN_TYPE_INT32);
    assert_string_equal(f->next->json_name, "snakeCase");
    const struct gen_field *map = m->fields.last->next;
    assert_null(map);
    map = m->fields.last;
    assert_true(map->is_map);
    assert_string_equal(map->message->name, "TheMapEntry");
    assert_true(map->message->is_map_entry);
    assert_string_equal(map->message->fields.last->type_name, ".some.where.E");
    gen_kit_free(&kit);
}

static void test_gen_parse__reads_services(void **state)
{
    struct gen_kit kit;
    struct gen_file *file = parse_good(&kit, parse_everything);
    (void)state;
    const struct gen_method *method = file->services.first->methods.first;
    assert_string_equal(method->name, "stream");
    assert_string_equal(method->request_name, "message.Strm");
    assert_true(method->streams_requests);
    assert_true(method->streams_replies);
    assert_int_equal(method->place, 0);
    assert_string_equal(method->next->reply_name, "message");
    assert_false(method->next->streams_requests);
    assert_false(method->next->streams_replies);
    assert_int_equal(method->next->place, 1);
    gen_kit_free(&kit);
}

// The text of a comment, or "".
static const char *parse_comment(struct gen_kit *kit, struct gen_piece comment)
{
    return gen_copy(&kit->memory, comment.text, comment.size);
}

static void test_gen_parse__keeps_comments(void **state)
{
    struct gen_kit kit;
    struct gen_file *file = parse_good(&kit, "// license\nsyntax = 'proto3';\n"
                                             "// of A\nmessage A { // not\n"
                                             "  int32 x = 1; // of x\n"
                                             "  int32 y = 2;\n"
                                             "  // of o\n"
                                             "  oneof o { int32 z = 3; }\n"
                                             "}\n"
                                             "enum E { // of E\n"
                                             "  V = 0; /* of V */\n}\n"
                                             "service S {\n  // of M\n"
                                             "  rpc M (A) returns (A);\n}\n");
    (void)state;
    const struct gen_message *a = file->messages.first;
    const struct gen_enum *e = file->enums.first;
    assert_string_equal(parse_comment(&kit, file->comment), "// license");
    assert_string_equal(parse_comment(&kit, a->comment), "// of A");
    assert_string_equal(parse_comment(&kit, a->fields.first->comment),
                        "// of x");
    assert_string_equal(parse_comment(&kit, a->fields.first->next->comment),
                        "");
    assert_string_equal(parse_comment(&kit, a->oneofs.first->comment),
                        "// of o");
    assert_string_equal(parse_comment(&kit, e->comment), "// of E");
    assert_string_equal(parse_comment(&kit, e->values.first->comment),
                        "/* of V */");
    assert_string_equal(
        parse_comment(&kit, file->services.first->methods.first->comment),
        "// of M");
    gen_kit_free(&kit);
}

static void test_gen_parse__says_what_was_expected(void **state)
{
    (void)state;
    parse_bad("syntax", "t.proto:1:7: error: expected \"=\", found the end of "
                        "the file\n");
    parse_bad("syntax = proto3;", "t.proto:1:10: error: expected \"proto3\" in "
                                  "quotes, found \"proto3\"\n");
    parse_bad("message A { optional int32 a 1; }",
              "t.proto:1:30: error: expected \"=\", found \"1\"\n");
    parse_bad("message 'A' {}", "t.proto:1:9: error: expected the name of a "
                                "message, found the string 'A'\n");
    parse_bad("message A { optional a. b c = 1; optional a.; }",
              "t.proto:1:45: error: expected a name after the point, found "
              "\";\"\n");
    parse_bad("enum E { A = 0x80000000; }",
              "t.proto:1:14: error: expected a number between -2147483648 and "
              "2147483647, found 0x80000000\n");
    parse_bad("message A { reserved 'a b'; }",
              "t.proto:1:22: error: this reserved name is no identifier\n");
    parse_bad("import 'a//b';", "t.proto:1:8: error: the name of an imported "
                                "file is a path such as \"a/b.proto\", without "
                                "\"..\"\n");
    parse_bad("extend A {}", "t.proto:1:11: error: expected a type, found "
                             "\"}\"\n");
    parse_bad("service S { rpc A (B) returns (C) { x } }",
              "t.proto:1:37: error: expected \"option\" or \"}\", found "
              "\"x\"\n");
}

static void test_gen_parse__bounds_nesting(void **state)
{
    struct gen_kit kit;
    struct gen_buffer text;
    (void)state;
    for (int depth = GEN_MAX_NESTING; depth <= GEN_MAX_NESTING + 1; depth++) {
        gen_kit_init(&kit);
        text = (struct gen_buffer){&kit.memory, NULL, 0, 0};
        for (int i = 0; i < depth; i++) {
            gen_buffer_add(&text, "message A {", 11);
        }
        for (int i = 0; i < depth; i++) {
            gen_buffer_add(&text, "}", 1);
        }
        assert_int_equal(parse_text(&kit, text.data, text.size) != NULL,
                         depth == GEN_MAX_NESTING);
        gen_buffer_free(&text);
        gen_kit_free(&kit);
    }
}

static void test_gen_parse__bounds_names(void **state)
{
    struct gen_kit kit;
    (void)state;
    for (int parts = 499; parts <= 501; parts++) {
        gen_kit_init(&kit);
        struct gen_buffer text = {&kit.memory, NULL, 0, 0};
        gen_buffer_print(&text, "package a");
        for (int i = 1; i < parts; i++) {
            gen_buffer_print(&text, ".a");
        }
        gen_buffer_print(&text, ";");
        assert_int_equal(parse_text(&kit, text.data, text.size) != NULL,
                         parts < 501);
        gen_buffer_free(&text);
        gen_kit_free(&kit);
    }
}

static void test_gen_parse__survives_every_truncation(void **state)
{
    (void)state;
    for (size_t size = 0; size < sizeof parse_everything - 1; size++) {
        struct gen_kit kit;
        gen_kit_init(&kit);
        const struct gen_file *file = parse_text(&kit, parse_everything, size);
        assert_int_equal(kit.report.errors, file == NULL ? 1 : 0);
        gen_kit_free(&kit);
    }
}

// Each word is left out, and each is written twice.
static void test_gen_parse__survives_wrong_words(void **state)
{
    const char *end = parse_everything + sizeof parse_everything - 1;
    const char *word = parse_everything;
    (void)state;
    while (word < end) {
        size_t size = strcspn(word, " \n") + 1;
        size_t head = (size_t)(word - parse_everything);
        const char *next = word + size < end ? word + size : end;
        for (int twice = 0; twice < 2; twice++) {
            struct gen_kit kit;
            gen_kit_init(&kit);
            struct gen_buffer text = {&kit.memory, NULL, 0, 0};
            gen_buffer_add(&text, parse_everything, head);
            if (twice != 0) {
                gen_buffer_print(&text, "%.*s %.*s ", (int)(next - word), word,
                                 (int)(next - word), word);
            }
            gen_buffer_add(&text, next, (size_t)(end - next));
            const struct gen_file *file =
                parse_text(&kit, text.data, text.size);
            assert_int_equal(kit.report.errors, file == NULL ? 1 : 0);
            gen_buffer_free(&text);
            gen_kit_free(&kit);
        }
        word = next;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gen_parse__reads_every_form),
        cmocka_unit_test(test_gen_parse__reads_messages),
        cmocka_unit_test(test_gen_parse__reads_services),
        cmocka_unit_test(test_gen_parse__keeps_comments),
        cmocka_unit_test(test_gen_parse__says_what_was_expected),
        cmocka_unit_test(test_gen_parse__bounds_nesting),
        cmocka_unit_test(test_gen_parse__bounds_names),
        cmocka_unit_test(test_gen_parse__survives_every_truncation),
        cmocka_unit_test(test_gen_parse__survives_wrong_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

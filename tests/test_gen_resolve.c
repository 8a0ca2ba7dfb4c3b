// SPDX-License-Identifier: MIT

#include "tests/gen_kit.h"

#define PROTO3 "syntax = 'proto3'; "

static struct gen_file *resolve_good(struct gen_kit *kit)
{
    struct gen_file *file = gen_kit_run(kit);
    assert_string_equal(gen_kit_said(kit), "");
    assert_non_null(file);
    return file;
}

static void resolve_bad(struct gen_kit *kit, const char *expected)
{
    assert_null(gen_kit_run(kit));
    assert_string_equal(gen_kit_said(kit), expected);
    gen_kit_free(kit);
}

static void test_gen_lookup__searches_the_innermost_scope_first(void **state)
{
    struct gen_kit kit;
    (void)state;
    gen_kit_init(&kit);
    gen_kit_add(&kit, "a.proto",
                PROTO3 "package p.q; message X {} message A { message X {} "
                       "X one = 1; q.X two = 2; .p.q.X three = 3; "
                       "A.X four = 4; p.q.A.X five = 5; }");
    const struct gen_file *file = resolve_good(&kit);
    const struct gen_message *x = file->messages.first;
    const struct gen_message *a = x->next;
    const struct gen_message *inner = a->messages.first;
    const struct gen_message *expected[] = {inner, x, x, inner, inner};
    const struct gen_field *field = a->fields.first;
    assert_string_equal(inner->full_name, "p.q.A.X");
    for (size_t i = 0; i < 5; i++, field = field->next) {
        assert_int_equal(field->type, GEN_TYPE_MESSAGE);
        assert_ptr_equal(field->message, expected[i]);
    }
    gen_kit_free(&kit);
}

static void test_gen_lookup__passes_over_what_is_no_type(void **state)
{
    struct gen_kit kit;
    (void)state;
    gen_kit_init(&kit);
    gen_kit_add(&kit, "a.proto",
                PROTO3 "enum T { Z = 0; } message A { T T = 1; T u = 2; "
                       "map<string, T> m = 3; }");
    const struct gen_file *file = resolve_good(&kit);
    const struct gen_message *a = file->messages.first;
    const struct gen_field *t = a->fields.first;
    assert_int_equal(t->type, GEN_TYPE_ENUM);
    assert_ptr_equal(t->enumeration, file->enums.first);
    assert_ptr_equal(t->next->enumeration, file->enums.first);
    assert_ptr_equal(a->messages.first->fields.last->enumeration,
                     file->enums.first);
    gen_kit_free(&kit);
}

static void test_gen_lookup__stays_with_the_first_part(void **state)
{
    struct gen_kit kit;
    (void)state;
    gen_kit_init(&kit);
    gen_kit_add(&kit, "a.proto",
                PROTO3 "package a; message X {} message B { "
                       "message a {} a.X x = 1; }");
    resolve_bad(&kit, "a.proto:1:69: error: \"a.X\" is not defined: its first "
                      "part is taken to be \"a.B.a\"; begin with a point to "
                      "name it from the outermost scope\n");
}

static void test_gen_load__follows_imports(void **state)
{
    struct gen_kit kit;
    (void)state;
    gen_kit_init(&kit);
    gen_kit_add(&kit, "a.proto",
                PROTO3 "import 'b.proto'; message A { B b = 1;"
                       " p.C c = 2; }");
    gen_kit_add(&kit, "b.proto",
                PROTO3 "import public 'c.proto'; import "
                       "'d.proto'; message B { D d = 1; }");
    gen_kit_add(&kit, "c.proto", PROTO3 "package p; message C {}");
    gen_kit_add(&kit, "d.proto", PROTO3 "message D {}");
    const struct gen_file *file = resolve_good(&kit);
    assert_ptr_equal(kit.program.files.last, file); // imports come first
    assert_int_equal(kit.program.files.count, 4);
    assert_string_equal(file->messages.first->fields.last->message->full_name,
                        "p.C");
    gen_kit_free(&kit);
}

static void test_gen_load__hides_what_is_imported_elsewhere(void **state)
{
    struct gen_kit kit;
    (void)state;
    gen_kit_init(&kit);
    gen_kit_add(&kit, "a.proto",
                PROTO3 "import 'b.proto'; message A { D d = 1; }");
    gen_kit_add(&kit, "b.proto", PROTO3 "import 'd.proto'; message B {}");
    gen_kit_add(&kit, "d.proto", PROTO3 "message D {}");
    resolve_bad(&kit, "a.proto:1:50: error: \"D\" is defined in \"d.proto\", "
                      "which is not imported: add import \"d.proto\";\n");
}

static void test_gen_load__tells_a_cycle(void **state)
{
    struct gen_kit kit;
    (void)state;
    gen_kit_init(&kit);
    gen_kit_add(&kit, "a.proto", PROTO3 "import 'b.proto';");
    gen_kit_add(&kit, "b.proto", PROTO3 "import 'c.proto';");
    gen_kit_add(&kit, "c.proto", PROTO3 "import 'b.proto';");
    resolve_bad(&kit, "c.proto:1:27: error: this import closes a circle: "
                      "\"b.proto\" imports \"c.proto\" imports \"b.proto\"\n");
}

// Answers for "0.proto", "1.proto" and so on: each imports the next one.
static const char *resolve_read_chain(void *user, struct gen_memory *memory,
                                      const char *name,
                                      struct gen_source *source)
{
    unsigned last = *(unsigned *)user;
    unsigned number = (unsigned)strtoul(name, NULL, 10);
    source->path = name;
    source->text =
        number == last
            ? PROTO3
            : gen_print(memory, PROTO3 "import '%u.proto';", number + 1);
    source->size = (uint32_t)strlen(source->text);
    return NULL;
}

static void test_gen_load__bounds_the_depth(void **state)
{
    (void)state;
    for (unsigned last = GEN_MAX_IMPORT_DEPTH; last < GEN_MAX_IMPORT_DEPTH + 2;
         last++) {
        struct gen_kit kit;
        struct gen_spot nowhere = {NULL, 0};
        gen_kit_init(&kit);
        kit.program.read = resolve_read_chain;
        kit.program.read_user = &last;
        bool is_good = gen_load(&kit.program, "0.proto", nowhere) != NULL;
        assert_int_equal(is_good, last == GEN_MAX_IMPORT_DEPTH);
        assert_int_equal(kit.report.errors, is_good ? 0 : 1);
        gen_kit_free(&kit);
    }
}

static void test_gen_load__tells_what_is_missing(void **state)
{
    struct gen_kit kit;
    (void)state;
    gen_kit_init(&kit);
    gen_kit_add(&kit, "a.proto", PROTO3 "import 'b.proto';");
    resolve_bad(&kit, "a.proto:1:27: error: b.proto: not found\n");
}

static void test_gen_load__reports_a_broken_import_once(void **state)
{
    struct gen_kit kit;
    (void)state;
    gen_kit_init(&kit);
    gen_kit_add(&kit, "a.proto", PROTO3 "import 'b.proto'; import 'c.proto';");
    gen_kit_add(&kit, "b.proto", PROTO3 "import 'c.proto';");
    gen_kit_add(&kit, "c.proto", PROTO3 "oops");
    assert_null(gen_kit_run(&kit));
    assert_int_equal(kit.report.errors, 1);
    gen_kit_free(&kit);
}

static void test_gen_resolve__finds_duplicates_across_files(void **state)
{
    struct gen_kit kit;
    (void)state;
    gen_kit_init(&kit);
    gen_kit_add(&kit, "a.proto",
                PROTO3 "package p; import 'b.proto'; enum E "
                       "{ B = 0; }");
    gen_kit_add(&kit, "b.proto", PROTO3 "package p; message B {}");
    resolve_bad(&kit, "a.proto:1:58: error: \"p.B\" is already defined, at "
                      "b.proto:1:39\n");
}

static void test_gen_resolve__a_package_is_no_message(void **state)
{
    struct gen_kit kit;
    (void)state;
    gen_kit_init(&kit);
    gen_kit_add(&kit, "a.proto", PROTO3 "import 'b.proto'; message p {}");
    gen_kit_add(&kit, "b.proto", PROTO3 "package p.q;");
    resolve_bad(&kit, "a.proto:1:46: error: \"p\" is already defined, at "
                      "b.proto:1:28\n");
}

static void test_gen_resolve__suggests_well_known_files(void **state)
{
    struct gen_kit kit;
    (void)state;
    gen_kit_init(&kit);
    gen_kit_add(&kit, "a.proto",
                PROTO3 "message A { google.protobuf.Duration d = 1; }");
    resolve_bad(&kit,
                "a.proto:1:32: error: \"google.protobuf.Duration\" is not "
                "defined: add import \"google/protobuf/duration.proto\";\n");
}

static void test_gen_resolve__survives_every_truncation(void **state)
{
    static const char text[] =
        PROTO3 "package p.q; import 'b.proto'; message A { map<string, B> m = "
               "1; oneof o { A a = 2; E e = 3; } enum E { Z = 0; } } service S "
               "{ rpc M (A) returns (.p.q.A); } enum F { Y = 0; }";
    (void)state;
    for (size_t size = 0; size < sizeof text; size++) {
        char head[sizeof text];
        struct gen_kit kit;
        memcpy(head, text, size);
        head[size] = '\0';
        gen_kit_init(&kit);
        gen_kit_add(&kit, "a.proto", head);
        gen_kit_add(&kit, "b.proto", PROTO3 "package p; message B {}");
        const struct gen_file *file = gen_kit_run(&kit);
        assert_int_equal(file == NULL, kit.report.errors > 0);
        gen_kit_free(&kit);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gen_lookup__searches_the_innermost_scope_first),
        cmocka_unit_test(test_gen_lookup__passes_over_what_is_no_type),
        cmocka_unit_test(test_gen_lookup__stays_with_the_first_part),
        cmocka_unit_test(test_gen_load__follows_imports),
        cmocka_unit_test(test_gen_load__hides_what_is_imported_elsewhere),
        cmocka_unit_test(test_gen_load__tells_a_cycle),
        cmocka_unit_test(test_gen_load__bounds_the_depth),
        cmocka_unit_test(test_gen_load__tells_what_is_missing),
        cmocka_unit_test(test_gen_load__reports_a_broken_import_once),
        cmocka_unit_test(test_gen_resolve__finds_duplicates_across_files),
        cmocka_unit_test(test_gen_resolve__a_package_is_no_message),
        cmocka_unit_test(test_gen_resolve__suggests_well_known_files),
        cmocka_unit_test(test_gen_resolve__survives_every_truncation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

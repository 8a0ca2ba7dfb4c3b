// SPDX-License-Identifier: MIT
#include "tests/unit.h"

#include "h2/h2.h"
#include "h2/h2_fields.h"

enum { FIELDS_MAX = 16 };

// A block from text: "name: value" lines, names as they stand.
struct block_of {
    struct hpack_field fields[FIELDS_MAX];
    uintptr_t memos[FIELDS_MAX];
    struct hpack_block block;
};

static void block_parse(struct block_of *to, const char *text)
{
    to->block = (struct hpack_block){.fields = to->fields};
    while (*text != '\0') {
        const char *end = strchr(text, '\n');
        assert_non_null(end);
        const char *colon = strstr(text, ": ");
        assert_non_null(colon);
        size_t i = to->block.count++;
        assert_true(i < FIELDS_MAX);
        to->memos[i] = 0;
        to->fields[i] = (struct hpack_field){
            .name = view_of(text, (size_t)(colon - text)),
            .value = view_of(colon + 2, (size_t)(end - colon - 2)),
            .memo = &to->memos[i],
        };
        to->fields[i].static_name = hpack_static_find_name(to->fields[i].name);
        text = end + 1;
    }
}

static bool tells_only_that_it_is_valid(const struct hpack_field *field)
{
    return !view_equal(field->name, VIEW("content-length")) &&
           !view_equal(field->name, VIEW(":method")) &&
           !view_equal(field->name, VIEW(":status"));
}

static struct h2_fields check(const char *text, enum h2_fields_role role)
{
    struct block_of block;
    block_parse(&block, text);
    struct h2_fields spelled = h2_fields_check(&block.block, role);
    // The same with what was found valid, and without memos.
    for (int round = 0; round < 2; round++) {
        struct h2_fields known = h2_fields_check(&block.block, role);
        assert_int_equal(known.fault != NULL, spelled.fault != NULL);
        assert_true(known.fault == spelled.fault);
        if (known.fault == NULL) {
            assert_int_equal(known.content_length, spelled.content_length);
            assert_int_equal(known.status, spelled.status);
            for (size_t i = 0; i < block.block.count; i++) {
                assert_int_equal(block.memos[i],
                                 tells_only_that_it_is_valid(&block.fields[i])
                                     ? H2_MEMO_VALID
                                     : 0);
            }
        }
        for (size_t i = 0; round == 0 && i < block.block.count; i++) {
            block.fields[i].memo = NULL;
        }
    }
    return spelled;
}

static void good(const char *text, enum h2_fields_role role)
{
    struct h2_fields fields = check(text, role);
    assert_null(fields.fault);
}

static void bad(const char *text, enum h2_fields_role role, const char *why)
{
    struct h2_fields fields = check(text, role);
    assert_non_null(fields.fault);
    assert_string_equal(fields.fault, why);
}

#define REQUEST ":method: POST\n:scheme: http\n:path: /a/b\n"

static void test_fields__requests(void **state)
{
    (void)state;
    good(REQUEST, H2_FIELDS_REQUEST);
    good(":path: *\n:authority: \n:scheme: x\n:method: OPTIONS\nte: trailers\n",
         H2_FIELDS_REQUEST);
    good(":method: CONNECT\n:authority: h:1\n", H2_FIELDS_REQUEST);
    const char *missing = "a required pseudo-header field is missing";
    bad(":method: POST\n:scheme: http\n", H2_FIELDS_REQUEST, missing);
    bad(":method: POST\n:path: /\n", H2_FIELDS_REQUEST, missing);
    bad(":scheme: http\n:path: /\n", H2_FIELDS_REQUEST, missing);
    bad("", H2_FIELDS_REQUEST, missing);
    const char *twice = "pseudo-header field given twice";
    bad(REQUEST ":path: /a/b\n", H2_FIELDS_REQUEST, twice);
    bad(REQUEST ":method: POST\n", H2_FIELDS_REQUEST, twice);
    bad(REQUEST ":scheme: http\n", H2_FIELDS_REQUEST, twice);
    const char *connect =
        "CONNECT takes :authority and neither :scheme nor :path";
    bad(":method: CONNECT\n", H2_FIELDS_REQUEST, connect);
    bad(":method: CONNECT\n:authority: \n", H2_FIELDS_REQUEST, connect);
    bad(":method: CONNECT\n:authority: a\n:path: /\n", H2_FIELDS_REQUEST,
        connect);
    const char *elsewhere = "pseudo-header field that does not belong here";
    bad(REQUEST ":status: 200\n", H2_FIELDS_REQUEST, elsewhere);
    bad(REQUEST ":unknown: 1\n", H2_FIELDS_REQUEST, elsewhere);
    bad(REQUEST ":: 1\n", H2_FIELDS_REQUEST, elsewhere);
    bad(REQUEST "a: b\n:authority: c\n", H2_FIELDS_REQUEST,
        "pseudo-header field after a regular one");
    const char *empty = "empty pseudo-header field";
    bad(":method: POST\n:scheme: http\n:path: \n", H2_FIELDS_REQUEST, empty);
    bad(":method: \n:scheme: http\n:path: /\n", H2_FIELDS_REQUEST, empty);
    bad(REQUEST ":authority: me@host\n", H2_FIELDS_REQUEST,
        ":authority with user information");
}

// fault_with puts the byte c in the middle of the value of one field.
static const char *fault_with(size_t which, unsigned c)
{
    uint8_t value[3] = {'x', (uint8_t)c, 'y'};
    struct block_of block;
    block_parse(&block, REQUEST ":authority: a\n");
    block.fields[which].value = view_of(value, 3);
    return h2_fields_check(&block.block, H2_FIELDS_REQUEST).fault;
}

static void test_fields__values_of_pseudo_headers(void **state)
{
    (void)state;
    for (unsigned c = 0; c < 256; c++) {
        bool alphanumeric = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
                            (c >= 'A' && c <= 'Z');
        bool token = alphanumeric ||
                     (c != 0 && strchr("!#$%&'*+-.^_`|~", (int)c) != NULL);
        bool scheme = alphanumeric || (c != 0 && strchr("+-.", (int)c) != NULL);
        bool visible = c > ' ' && c != 0x7f;
        assert_int_equal(fault_with(0, c) == NULL, token);
        assert_int_equal(fault_with(1, c) == NULL, scheme);
        assert_int_equal(fault_with(2, c) == NULL, visible);
        assert_int_equal(fault_with(3, c) == NULL, visible && c != '@');
    }
    const char *why = "field value with a forbidden character";
    bad(":method: POST\n:scheme: 1a\n:path: /\n", H2_FIELDS_REQUEST, why);
    bad(":method: POST\n:scheme: -a\n:path: /\n", H2_FIELDS_REQUEST, why);
    good(":method: p-1\n:scheme: a1\n:path: \xc3\xa4\n", H2_FIELDS_REQUEST);
}

static void test_fields__responses(void **state)
{
    (void)state;
    assert_int_equal(check(":status: 200\n", H2_FIELDS_RESPONSE).status, 200);
    assert_int_equal(check(":status: 100\n", H2_FIELDS_RESPONSE).status, 100);
    assert_int_equal(check(":status: 999\n", H2_FIELDS_RESPONSE).status, 999);
    static const char *const wrong[] = {
        ":status: 20\n",  ":status: 2000\n", ":status: 2o0\n",
        ":status: 099\n", ":status: 101\n",  ":status: \n",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        bad(wrong[i], H2_FIELDS_RESPONSE, ":status is not a status");
    }
    bad("a: b\n", H2_FIELDS_RESPONSE,
        "a required pseudo-header field is missing");
    bad(":status: 200\n:path: /\n", H2_FIELDS_RESPONSE,
        "pseudo-header field that does not belong here");
}

static void test_fields__trailers(void **state)
{
    (void)state;
    good("", H2_FIELDS_REQUEST_TRAILERS);
    good("grpc-status: 0\ngrpc-message: \n", H2_FIELDS_REQUEST_TRAILERS);
    bad("grpc-status: 0\n:status: 200\n", H2_FIELDS_REQUEST_TRAILERS,
        "pseudo-header field that does not belong here");
}

// What others send as metadata, and as the message of a status, is taken as it
// is; but not where HTTP acts on it.
static void test_fields__spaces_around_a_value(void **state)
{
    (void)state;
    static const char forbidden[] = "field value with a forbidden character";
    static const char *const strict[] = {"te", "host", "content-type",
                                         "content-encoding"};
    good("grpc-status: 5\ngrpc-message:  no such user: \n",
         H2_FIELDS_RESPONSE_TRAILERS);
    good(":status: 200\ngrpc-message:  \n", H2_FIELDS_RESPONSE);
    good("user:  ann \n", H2_FIELDS_REQUEST_TRAILERS);
    good(REQUEST "user: ann \nauthorization:  x\n", H2_FIELDS_REQUEST);
    bad(REQUEST "user: ann\t\n", H2_FIELDS_REQUEST, forbidden);
    bad("grpc-message: \r\t\t\n", H2_FIELDS_RESPONSE_TRAILERS, forbidden);
    for (size_t i = 0; i < sizeof strict / sizeof strict[0]; i++) {
        char text[128];
        snprintf(text, sizeof text, "%s%s:  x\n", REQUEST, strict[i]);
        bad(text, H2_FIELDS_REQUEST, forbidden);
        snprintf(text, sizeof text, "%s%s: x \n", REQUEST, strict[i]);
        bad(text, H2_FIELDS_REQUEST, forbidden);
    }
}

static void test_fields__names(void **state)
{
    (void)state;
    for (unsigned c = 0; c < 256; c++) {
        uint8_t name[3] = {'x', (uint8_t)c, 'y'};
        uintptr_t memo = 0;
        struct hpack_field field = {
            .name = {name, 3}, .value = VIEW("v"), .memo = &memo};
        struct hpack_block block = {.fields = &field, .count = 1};
        bool token = c != 0 && strchr("!#$%&'*+-.^_`|~0123456789"
                                      "abcdefghijklmnopqrstuvwxyz",
                                      (int)c) != NULL;
        struct h2_fields fields =
            h2_fields_check(&block, H2_FIELDS_REQUEST_TRAILERS);
        assert_int_equal(fields.fault == NULL, token);
        assert_int_equal(memo, token ? H2_MEMO_VALID : 0);
    }
    bad(": x\n", H2_FIELDS_REQUEST_TRAILERS,
        "field name with a forbidden character");
}

static void test_fields__values(void **state)
{
    (void)state;
    for (unsigned c = 0; c < 256; c++) {
        uint8_t value[3] = {'x', (uint8_t)c, 'y'};
        struct hpack_field field = {.name = VIEW("a"), .value = {value, 3}};
        struct hpack_block block = {.fields = &field, .count = 1};
        struct h2_fields fields =
            h2_fields_check(&block, H2_FIELDS_REQUEST_TRAILERS);
        assert_int_equal(fields.fault != NULL,
                         c == 0 || c == '\r' || c == '\n');
        bool tab = c == '\t';
        field.value = view_of(value, 2);
        fields = h2_fields_check(&block, H2_FIELDS_REQUEST_TRAILERS);
        assert_int_equal(fields.fault != NULL,
                         c == 0 || c == '\r' || c == '\n' || tab);
        field.value = view_of(value + 1, 2);
        fields = h2_fields_check(&block, H2_FIELDS_REQUEST_TRAILERS);
        assert_int_equal(fields.fault != NULL,
                         c == 0 || c == '\r' || c == '\n' || tab);
    }
}

// A value is looked at 8 bytes at a time: each byte at each place of each size.
static void test_fields__values_of_each_size(void **state)
{
    (void)state;
    for (size_t size = 3; size <= 33; size++) {
        for (size_t at = 1; at < size - 1; at++) {
            for (unsigned c = 0; c < 256; c++) {
                uint8_t value[33];
                memset(value, 0x80, sizeof value);
                value[at] = (uint8_t)c;
                struct hpack_field field = {.name = VIEW("a"),
                                            .value = {value, size}};
                struct hpack_block block = {.fields = &field, .count = 1};
                const char *fault =
                    h2_fields_check(&block, H2_FIELDS_REQUEST_TRAILERS).fault;
                assert_int_equal(fault != NULL,
                                 c == 0 || c == '\r' || c == '\n');
            }
        }
    }
}

// A field that is a row of the static table is judged as if it was spelled out.
static void test_fields__static_rows(void **state)
{
    (void)state;
    static const enum h2_fields_role roles[] = {
        H2_FIELDS_REQUEST, H2_FIELDS_REQUEST_TRAILERS, H2_FIELDS_RESPONSE,
        H2_FIELDS_RESPONSE_TRAILERS};
    for (size_t i = 0; i < 4; i++) {
        for (uint8_t row = 1; row <= HPACK_STATIC_COUNT; row++) {
            const struct hpack_static_field *text = hpack_static_field(row);
            struct hpack_field field = {.name = text->name,
                                        .value = text->value,
                                        .static_name = text->first_name};
            struct hpack_block block = {
                .fields = &field, .count = 1, .over_limit = true};
            struct h2_fields spelled = h2_fields_check(&block, roles[i]);
            field.static_row = row;
            struct h2_fields known = h2_fields_check(&block, roles[i]);
            assert_true(known.fault == spelled.fault);
            assert_int_equal(known.status, spelled.status);
        }
    }
}

// Almost fields of HTTP/1.1, lengths and statuses; and characters that no value
// has.
static void test_fields__near_misses(void **state)
{
    (void)state;
    good(REQUEST "te: trailers\nto: gzip\nupgrad-: 1\nconnectio-: 1\n"
                 "keep-alivf: 1\nproxy-connectio-: 1\n"
                 "transfer-encodin-: 1\nconnections: 1\n",
         H2_FIELDS_REQUEST);
    static const char *const lengths[] = {"1a", "1/", "1:", "/1", ":1", "1 "};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        char text[128];
        snprintf(text, sizeof text, "%scontent-length: %s\n", REQUEST,
                 lengths[i]);
        bad(text, H2_FIELDS_REQUEST, "content-length is not a length");
    }
    bad(":status: 2/0\n", H2_FIELDS_RESPONSE, ":status is not a status");
    bad(":status: 20:\n", H2_FIELDS_RESPONSE, ":status is not a status");
    const char *why = "field value with a forbidden character";
    bad(":method: GET\n:scheme: http\n:path: /\r\n", H2_FIELDS_REQUEST, why);
    bad(":method:  GET\n:scheme: http\n:path: /\n", H2_FIELDS_REQUEST, why);
    bad(REQUEST ":authority: h\t\n", H2_FIELDS_REQUEST, why);
}

// What a field tells beside being valid is heard again each time.
static void test_fields__known_fields_still_tell(void **state)
{
    (void)state;
    struct block_of block;
    block_parse(&block, ":status: 302\ncontent-length: 7\n");
    for (int round = 0; round < 3; round++) {
        struct h2_fields fields =
            h2_fields_check(&block.block, H2_FIELDS_RESPONSE);
        assert_int_equal(fields.status, 302);
        assert_int_equal(fields.content_length, 7);
    }
    block_parse(&block, ":method: CONNECT\n:authority: a:1\n");
    for (int round = 0; round < 3; round++) {
        assert_null(h2_fields_check(&block.block, H2_FIELDS_REQUEST).fault);
    }
    // Known or not, a field stands where it may.
    block_parse(&block, "a: b\n:path: /\n");
    for (int round = 0; round < 2; round++) {
        block.memos[0] = block.memos[1] = H2_MEMO_VALID;
        assert_string_equal(
            h2_fields_check(&block.block, H2_FIELDS_REQUEST).fault,
            "pseudo-header field after a regular one");
        assert_string_equal(
            h2_fields_check(&block.block, H2_FIELDS_REQUEST_TRAILERS).fault,
            "pseudo-header field that does not belong here");
    }
}

static void test_fields__fields_of_http_1(void **state)
{
    (void)state;
    const char *why = "field that only HTTP/1.1 has";
    bad("connection: close\n", H2_FIELDS_REQUEST_TRAILERS, why);
    bad("keep-alive: 1\n", H2_FIELDS_REQUEST_TRAILERS, why);
    bad("proxy-connection: x\n", H2_FIELDS_REQUEST_TRAILERS, why);
    bad("transfer-encoding: chunked\n", H2_FIELDS_REQUEST_TRAILERS, why);
    bad("upgrade: h2c\n", H2_FIELDS_REQUEST_TRAILERS, why);
    bad("te: gzip\n", H2_FIELDS_REQUEST_TRAILERS, why);
    bad("te: trailers, gzip\n", H2_FIELDS_REQUEST_TRAILERS, why);
    good("te: trailers\nconnections: 1\nhost: h\n", H2_FIELDS_REQUEST_TRAILERS);
    good(REQUEST "te: trailers\n", H2_FIELDS_REQUEST);
    bad(":status: 200\nte: trailers\n", H2_FIELDS_RESPONSE, why);
    bad("te: trailers\n", H2_FIELDS_RESPONSE_TRAILERS, why);
}

static void test_fields__content_length(void **state)
{
    (void)state;
    assert_int_equal(check("a: b\n", H2_FIELDS_REQUEST_TRAILERS).content_length,
                     -1);
    assert_int_equal(
        check("content-length: 0\n", H2_FIELDS_REQUEST_TRAILERS).content_length,
        0);
    assert_int_equal(check("content-length: 17\ncontent-length: 017\n",
                           H2_FIELDS_REQUEST_TRAILERS)
                         .content_length,
                     17);
    assert_true(check("content-length: 999999999999999999\n",
                      H2_FIELDS_REQUEST_TRAILERS)
                    .content_length == INT64_C(999999999999999999));
    bad("content-length: 1\ncontent-length: 2\n", H2_FIELDS_REQUEST_TRAILERS,
        "content-length given twice");
    const char *why = "content-length is not a length";
    bad("content-length: \n", H2_FIELDS_REQUEST_TRAILERS, why);
    bad("content-length: -1\n", H2_FIELDS_REQUEST_TRAILERS, why);
    bad("content-length: 1000000000000000000\n", H2_FIELDS_REQUEST_TRAILERS,
        why);
}

static void test_fields__over_the_limit_nothing_is_missing(void **state)
{
    (void)state;
    struct block_of block;
    block_parse(&block, ":method: POST\n");
    block.block.over_limit = true;
    assert_null(h2_fields_check(&block.block, H2_FIELDS_REQUEST).fault);
    block_parse(&block, "a: b\n");
    block.block.over_limit = true;
    assert_null(
        h2_fields_check(&block.block, H2_FIELDS_RESPONSE_TRAILERS).fault);
}

static void test_fields__over_the_limit_a_status_is_missing(void **state)
{
    (void)state;
    struct block_of block;
    block_parse(&block, "a: b\n");
    block.block.over_limit = true;
    assert_string_equal(h2_fields_check(&block.block, H2_FIELDS_RESPONSE).fault,
                        "a required pseudo-header field is missing");
    block_parse(&block, ":status: 204\na: b\n");
    block.block.over_limit = true;
    struct h2_fields fields = h2_fields_check(&block.block, H2_FIELDS_RESPONSE);
    assert_null(fields.fault);
    assert_int_equal(fields.status, 204);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fields__requests),
        cmocka_unit_test(test_fields__values_of_pseudo_headers),
        cmocka_unit_test(test_fields__responses),
        cmocka_unit_test(test_fields__trailers),
        cmocka_unit_test(test_fields__spaces_around_a_value),
        cmocka_unit_test(test_fields__names),
        cmocka_unit_test(test_fields__values),
        cmocka_unit_test(test_fields__values_of_each_size),
        cmocka_unit_test(test_fields__static_rows),
        cmocka_unit_test(test_fields__near_misses),
        cmocka_unit_test(test_fields__known_fields_still_tell),
        cmocka_unit_test(test_fields__fields_of_http_1),
        cmocka_unit_test(test_fields__content_length),
        cmocka_unit_test(test_fields__over_the_limit_nothing_is_missing),
        cmocka_unit_test(test_fields__over_the_limit_a_status_is_missing),
    };
    return cmocka_run_group_tests_name("h2_fields", tests, NULL, NULL);
}

// SPDX-License-Identifier: MIT

#include "tests/unit.h"

#include "core/request.h"

enum { REQUEST_FIELDS = 16 };

// request_read parses lines of "name: value". spelled: no field says which
// name of the static table it has.
static const struct compress_registry no_compressors;

static struct request request_read(const char *lines, bool spelled)
{
    static struct hpack_field fields[REQUEST_FIELDS];
    static const struct {
        const char *name;
        uint8_t index;
    } names[] = {
        {":authority", 1},    {":method", 2}, {":path", 4},
        {":scheme", 6},       {"host", 38},   {"user-agent", 58},
        {"content-type", 31},
    };
    struct hpack_block block = {.fields = fields};
    memset(fields, 0, sizeof fields);
    while (*lines != '\0') {
        const char *colon = strstr(lines + 1, ": ");
        const char *newline = strchr(lines, '\n');
        assert_non_null(colon);
        assert_non_null(newline);
        struct hpack_field *field = &fields[block.count++];
        field->name = view_of(lines, (size_t)(colon - lines));
        field->value = view_of(colon + 2, (size_t)(newline - colon - 2));
        for (size_t i = 0; i < 7 && !spelled; i++) {
            if (view_equal(field->name,
                           view_of(names[i].name, strlen(names[i].name)))) {
                field->static_name = names[i].index;
            }
        }
        lines = newline + 1;
    }
    struct request request;
    request_parse(&request, &block, &no_compressors);
    return request;
}

#define REQUEST_GOOD \
 ":method: POST\n:path: /a.B/C\ncontent-type: application/grpc\n"

static void test_request__good(void **state)
{
    (void)state;
    for (int spelled = 0; spelled < 2; spelled++) {
        struct request request = request_read(
            ":scheme: http\n:authority: x\n" REQUEST_GOOD
            "te: trailers\nuser-agent: u\nx-more: 1\ngrpc-timeout: 20S\n"
            "grpc-encoding: identity\nhost: h\n",
            spelled == 1);
        assert_int_equal(request.code, GRPC_OK);
        assert_int_equal(request.http_status, 200);
        assert_int_equal(request.timeout_ms, 20000);
        assert_true(view_equal(request.path->value, VIEW("/a.B/C")));
        assert_true(request.has_content_type);
        assert_false(request.tell_encodings);
    }
    assert_true(request_read(REQUEST_GOOD, false).timeout_ms == UINT64_MAX);
}

struct request_row {
    const char *lines;
    unsigned http_status;
    grpc_code code;
    const char *reason;
    const char *detail;
};

static void test_request__refused(void **state)
{
    static const char type[] = "invalid gRPC request content-type";
    static const char method[] = "the HTTP method of a call is POST, not";
    static const char encoding[] =
        "grpc: Decompressor is not installed for grpc-encoding";
    static const struct request_row rows[] = {
        {":method: GET\n:path: /a\ncontent-type: application/grpc\n", 405,
         GRPC_INTERNAL, method, "GET"},
        {":method: post\n:path: /a\ncontent-type: application/grpc\n", 405,
         GRPC_INTERNAL, method, "post"},
        {":method: GET\n:path: /\n", 405, GRPC_INTERNAL, method, "GET"},
        {":method: POST\n:path: /a\n", 415, GRPC_INVALID_ARGUMENT, type, ""},
        {":method: POST\n:path: /a\ncontent-type: text/html\n", 415,
         GRPC_INVALID_ARGUMENT, type, "text/html"},
        {":method: POST\n:path: /a\ncontent-type: application/grpcx\n", 415,
         GRPC_INVALID_ARGUMENT, type, "application/grpcx"},
        {":method: POST\n:path: /a\ncontent-type: application/grpc-web\n", 415,
         GRPC_INVALID_ARGUMENT, type, "application/grpc-web"},
        {":method: POST\n:path: /a\ncontent-type: \n", 415,
         GRPC_INVALID_ARGUMENT, type, ""},
        {REQUEST_GOOD "grpc-timeout: 1x\n", 400, GRPC_INTERNAL,
         "malformed grpc-timeout", "1x"},
        {REQUEST_GOOD "grpc-timeout: \n", 400, GRPC_INTERNAL,
         "malformed grpc-timeout", ""},
        {REQUEST_GOOD "grpc-encoding: gzip\n", 200, GRPC_UNIMPLEMENTED,
         encoding, "gzip"},
        {REQUEST_GOOD "host: a\nhost: b\n", 400, GRPC_INTERNAL,
         "more than one host header", ""},
        {":method: POST\n:path: a.B/C\ncontent-type: application/grpc\n", 200,
         GRPC_UNIMPLEMENTED, "malformed method name", "a.B/C"},
        {":method: POST\n:path: \ncontent-type: application/grpc\n", 200,
         GRPC_UNIMPLEMENTED, "malformed method name", ""},
        {":method: POST\n:path: *\ncontent-type: application/grpc\n", 200,
         GRPC_UNIMPLEMENTED, "malformed method name", "*"},
        // The first fault is told.
        {":method: POST\n:path: /a\ncontent-type: x\ngrpc-encoding: y\n", 415,
         GRPC_INVALID_ARGUMENT, type, "x"},
        {":method: GET\n:path: /a\ncontent-type: x\ngrpc-timeout: y\n", 405,
         GRPC_INTERNAL, method, "GET"},
    };
    (void)state;
    for (size_t i = 0; i < 2 * sizeof rows / sizeof rows[0]; i++) {
        const struct request_row *row = &rows[i / 2];
        struct request request = request_read(row->lines, i % 2 == 1);
        assert_int_equal(request.http_status, row->http_status);
        assert_int_equal(request.code, row->code);
        assert_string_equal(request.reason, row->reason);
        assert_true(view_equal(request.detail,
                               view_of(row->detail, strlen(row->detail))));
        assert_int_equal(request.tell_encodings,
                         strcmp(row->reason, encoding) == 0);
    }
}

static void test_request__content_types(void **state)
{
    static const char *const good[] = {
        "application/grpc", "application/grpc+proto", "application/grpc+json",
        "application/grpc;charset=utf-8"};
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        char lines[128];
        (void)snprintf(lines, sizeof lines,
                       ":method: POST\n:path: /a\ncontent-type: %s\n", good[i]);
        assert_int_equal(request_read(lines, false).code, GRPC_OK);
    }
}

// As grpc-go has it, no name at all is no encoding either.
static void test_request__no_encoding(void **state)
{
    (void)state;
    struct request request =
        request_read(REQUEST_GOOD "grpc-encoding: \n", false);
    assert_int_equal(request.code, GRPC_OK);
    assert_int_equal(request.encoding, -1);
    assert_false(request.tell_encodings);
}

// gRFC A41: a host stands in for :authority; where there are both it is dropped.
static void test_request__host_and_authority(void **state)
{
    (void)state;
    for (int spelled = 0; spelled < 2; spelled++) {
        struct request request =
            request_read(REQUEST_GOOD "host: h\n", spelled == 1);
        assert_true(view_equal(request.authority, VIEW("h")));
        assert_false(request.has_metadata);
        request = request_read(":authority: x\n" REQUEST_GOOD "host: h\n",
                               spelled == 1);
        assert_true(view_equal(request.authority, VIEW("x")));
        assert_int_equal(request.code, GRPC_OK);
        request = request_read(REQUEST_GOOD, spelled == 1);
        assert_int_equal(request.authority.size, 0);
        assert_int_equal(request.code, GRPC_OK);
    }
}

static void test_request__over_limit(void **state)
{
    struct hpack_block block = {.over_limit = true};
    struct request request;
    (void)state;
    request_parse(&request, &block, &no_compressors);
    assert_int_equal(request.code, GRPC_RESOURCE_EXHAUSTED);
    assert_int_equal(request.http_status, 200);
    assert_string_equal(request.reason,
                        "the request headers are larger than the limit");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_request__good),
        cmocka_unit_test(test_request__refused),
        cmocka_unit_test(test_request__content_types),
        cmocka_unit_test(test_request__no_encoding),
        cmocka_unit_test(test_request__host_and_authority),
        cmocka_unit_test(test_request__over_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

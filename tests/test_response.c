// SPDX-License-Identifier: MIT

#include "tests/unit.h"

#include "core/response.h"

static struct response response_read(const char *type, const char *status,
                                     const char *message, uint8_t static_name)
{
    static struct hpack_field fields[4];
    struct hpack_block block = {.fields = fields};
    memset(fields, 0, sizeof fields);
    fields[block.count].name = VIEW(":status");
    fields[block.count].static_name = 8;
    fields[block.count++].value = VIEW("200");
    if (type != NULL) {
        fields[block.count].name = VIEW("content-type");
        fields[block.count].static_name = static_name;
        fields[block.count++].value = view_of(type, strlen(type));
    }
    if (status != NULL) {
        fields[block.count].name = VIEW("grpc-status");
        fields[block.count++].value = view_of(status, strlen(status));
    }
    if (message != NULL) {
        fields[block.count].name = VIEW("grpc-message");
        fields[block.count++].value = view_of(message, strlen(message));
    }
    struct response response;
    response_parse(&response, &block);
    return response;
}

static void test_response__fields(void **state)
{
    (void)state;
    for (uint8_t name = 0; name <= 31; name = (uint8_t)(name + 31)) {
        struct response response =
            response_read("application/grpc", "12", "no%20such", name);
        assert_true(response.is_grpc);
        assert_true(
            view_equal(response.content_type, VIEW("application/grpc")));
        assert_true(view_equal(response.status, VIEW("12")));
        assert_true(view_equal(response.message, VIEW("no%20such")));
    }
}

static void test_response__tells_metadata_of_the_user(void **state)
{
    static struct hpack_field fields[3];
    struct hpack_block block = {.fields = fields, .count = 3};
    struct response response;
    (void)state;
    fields[0].name = VIEW(":status");
    fields[0].static_name = 8;
    fields[0].value = VIEW("200");
    fields[1].name = VIEW("grpc-status");
    fields[1].value = VIEW("0");
    fields[2].name = VIEW("grpc-accept-encoding");
    fields[2].value = VIEW("gzip");
    response_parse(&response, &block);
    assert_false(response.has_metadata);
    fields[1].name = VIEW("user");
    response_parse(&response, &block);
    assert_true(response.has_metadata);
}

static void test_response__missing(void **state)
{
    struct response response = response_read(NULL, NULL, NULL, 0);
    (void)state;
    assert_false(response.is_grpc);
    assert_int_equal(response.content_type.size, 0);
    assert_int_equal(response.status.size, 0);
    assert_int_equal(response.message.size, 0);
}

static void test_response__content_type(void **state)
{
    static const struct {
        const char *text;
        bool is_grpc;
    } rows[] = {
        {"application/grpc", true},
        {"application/grpc+proto", true},
        {"application/grpc+json", true},
        {"application/grpc;x=y", true},
        {"application/grpcweb", false},
        {"application/grpc-web", false},
        {"text/html", false},
        {"", false},
        {"application/grp", false},
        {"Application/grpc", false},
        {"text/application/grpc", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct response response = response_read(rows[i].text, NULL, NULL, 31);
        assert_int_equal(response.is_grpc, rows[i].is_grpc);
        assert_true(view_equal(response.content_type,
                               view_of(rows[i].text, strlen(rows[i].text))));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_response__fields),
        cmocka_unit_test(test_response__tells_metadata_of_the_user),
        cmocka_unit_test(test_response__missing),
        cmocka_unit_test(test_response__content_type),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

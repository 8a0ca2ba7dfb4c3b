// SPDX-License-Identifier: MIT

#include "tests/unit.h"

#include "tests/pair_kit.h"

// What a handler is told of its peer, as text.
static void test_identity_say(grpc_call *call, const struct kit_hello *request,
                              void *self)
{
    const grpc_identity *identity = grpc_call_identity(call);
    struct kit_greeter *greeter = self;
    (void)request;
    assert_non_null(identity);
    assert_ptr_equal(grpc_call_identity(call), identity);
    greeter->handled++;
    struct kit_hello reply = {
        .name = grpc_call_printf(call, "%d %s \"%s\" \"%s\" \"%s\" %d",
                                 (int)identity->level, identity->protocol,
                                 identity->alpn, identity->subject,
                                 identity->spiffe_id, identity->has_process)};
    (void)grpc_call_reply(call, &reply);
}

static void test_identity__of_a_plain_connection(void **state)
{
    (void)state;
    struct pair *pair = pair_new(test_identity_say);
    struct kit_result result = {0};
    kit_call(pair->channel, "Ann", &result);
    pair_until(pair, &result.done, 1);
    assert_string_equal(result.reply, "0 none \"\" \"\" \"\" 1");
    pair_end(pair);
}

static void test_identity__of_no_call(void **state)
{
    (void)state;
    assert_null(grpc_call_identity(NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_identity__of_a_plain_connection),
        cmocka_unit_test(test_identity__of_no_call),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

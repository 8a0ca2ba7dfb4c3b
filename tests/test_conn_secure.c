// SPDX-License-Identifier: MIT

#include "tests/unit.h"

#include "tests/secure_kit.h"

#include "core/conn_secure.h"

static void test_conn_secure__carries_calls(void **state)
{
    (void)state;
    struct secure_kit *kit = secure_begin_kit(NULL);
    secure_call_ok(kit);
    assert_string_equal(kit->greeter.name, "Ann");
    secure_call_ok(kit);
    assert_string_equal(kit->client_side.log, "");
    assert_string_equal(kit->server_side.log, "");
    secure_end_kit(kit);
}

// ---- Cuts -------------------------------------------------------------------

// cut_call has the bytes of one direction stop at one place, and come later.
static bool cut_call(const struct secure_how *how, bool to_server, size_t at,
                     unsigned kind)
{
    struct secure_kit *kit = secure_begin_kit(how);
    kit->server_side.toy.lazy = kit->client_side.toy.lazy = kind == 1;
    kit->server_side.toy.greedy = kit->client_side.toy.greedy = kind == 2;
    kit->server_side.toy.sums = kit->client_side.toy.sums = true;
    struct secure_side *from =
        to_server ? &kit->client_side : &kit->server_side;
    secure_call(kit);
    for (int idle = 0; idle < 6 && from->carried < at;) {
        secure_step(kit);
        size_t size = secure_carry(kit, to_server, at - from->carried);
        size += secure_carry(kit, !to_server, SIZE_MAX);
        idle = size == 0 ? idle + 1 : 0;
    }
    secure_rest(kit);
    secure_expect(kit, GRPC_OK, "");
    assert_string_equal(kit->result.reply, "Hello Ann");
    bool was_cut = from->carried > at;
    secure_end_kit(kit);
    return was_cut;
}

static void test_conn_secure__every_cut(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < 3; kind++) {
        for (int to_server = 0; to_server < 2; to_server++) {
            size_t at = 0;
            while (cut_call(&(struct secure_how){.client = NULL},
                            to_server != 0, at, kind)) {
                at++;
            }
            assert_true(at > 100);
        }
    }
}

static void test_conn_secure__byte_by_byte(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < 3; kind++) {
        struct secure_kit *kit = secure_begin_kit(NULL);
        kit->server_side.toy.lazy = kit->client_side.toy.lazy = kind == 1;
        kit->server_side.toy.greedy = kit->client_side.toy.greedy = kind == 2;
        secure_call(kit);
        for (int idle = 0; idle < 6;) {
            secure_step(kit);
            size_t size = secure_carry(kit, true, 1);
            size += secure_carry(kit, false, 1);
            idle = size == 0 ? idle + 1 : 0;
        }
        secure_expect(kit, GRPC_OK, "");
        secure_end_kit(kit);
    }
}

// A session that leaves input does not keep the loop busy while no more comes.
static void test_conn_secure__waits_for_the_rest(void **state)
{
    (void)state;
    struct secure_kit *kit = secure_begin_kit(NULL);
    kit->server_side.toy.lazy = true;
    secure_step(kit);
    assert_int_equal(secure_carry(kit, true, 2), 2);
    secure_rest(kit);
    int steps = kit->server_side.toy.steps;
    assert_true(steps > 0);
    secure_rest(kit);
    assert_int_equal(kit->server_side.toy.steps, steps);
    assert_int_not_equal(grpc_loop_timeout(kit->server_side.loop), 0);
    secure_call_ok(kit);
    // And with the session open.
    secure_call(kit);
    secure_step(kit);
    assert_int_equal(secure_carry(kit, true, 5), 5);
    secure_rest(kit);
    assert_int_not_equal(grpc_loop_timeout(kit->server_side.loop), 0);
    secure_expect(kit, GRPC_OK, "");
    secure_end_kit(kit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_conn_secure__carries_calls),
        cmocka_unit_test(test_conn_secure__every_cut),
        cmocka_unit_test(test_conn_secure__byte_by_byte),
        cmocka_unit_test(test_conn_secure__waits_for_the_rest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

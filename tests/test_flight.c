// SPDX-License-Identifier: MIT
// The messages of a handshake that one side sends without an answer between them:
// its flight. More of core/conn_secure.c is in test_conn_secure.c.
#include "tests/unit.h"

#include "tests/secure_kit.h"

// What the steps of a handshake put out leaves together, when it is the peer's
// turn.
static void test_flight__leaves_together(void **state)
{
    (void)state;
    struct secure_kit *kit = secure_begin_kit(NULL);
    secure_step(kit);
    assert_int_equal(kit->client_side.toy.steps, 1);
    assert_int_equal(secure_carry(kit, true, SIZE_MAX), 0);
    secure_step(kit);
    assert_int_equal(kit->client_side.toy.steps, 2);
    assert_true(secure_carry(kit, true, SIZE_MAX) > 0);
    secure_call_ok(kit);
    secure_end_kit(kit);
}

// One whose handshake has much to say, in pieces, and does not end.
enum { LONG_PIECE = 6000 };

static grpc_result long_handshake(void *session, grpc_tls_io *io)
{
    struct toy_session *of = session;
    of->context->toy->steps++;
    memset(io->output + io->output_size, 'x', LONG_PIECE);
    io->output_size += LONG_PIECE;
    return GRPC_MORE;
}

static void test_flight__has_a_bound(void **state)
{
    (void)state;
    grpc_tls_library library = toy_tls;
    struct toy toy = {0};
    library.handshake = long_handshake;
    struct secure_kit *kit = secure_begin_kit(&(struct secure_how){
        .client =
            grpc_tls_client(&(grpc_tls_options){.roots = GRPC_STR("roots"),
                                                .library = &library,
                                                .library_data = &toy})});
    size_t carried = 0;
    size_t most = 0;
    for (int i = 0; i < 20; i++) {
        assert_int_equal(grpc_loop_step(kit->client_side.loop, 0), GRPC_OK);
        carried += secure_carry(kit, true, SIZE_MAX);
        size_t waits = (size_t)toy.steps * LONG_PIECE - carried;
        most = waits > most ? waits : most;
    }
    assert_int_equal(toy.steps, 20);
    assert_int_equal(most, 3 * LONG_PIECE); // the first above a record
    secure_end_kit(kit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_flight__leaves_together),
        cmocka_unit_test(test_flight__has_a_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: MIT
// What verify may do, in the middle of its own handshake: free or stop the server
// or the channel, give back or reload the credentials, step the loop.

#include "tests/unit.h"

#include "tests/secure_kit.h"

enum act {
    ACT_FREE_SERVER,
    ACT_STOP_SERVER,
    ACT_FREE_CHANNEL,
    ACT_FREE_CREDENTIALS,
    ACT_RELOAD,
    ACT_RELOAD_OTHERS,
    ACT_STEP,
};

struct callbacks {
    struct secure_kit *kit;
    grpc_credentials *credentials[2]; // of the server and the client, kept
    enum act act;
    int calls;
};

static grpc_tls_options callbacks_options(struct callbacks *callbacks,
                                          bool is_server);

static void callbacks_reload(struct callbacks *callbacks, bool others)
{
    for (int side = 0; side < 2; side++) {
        const grpc_tls_options options =
            callbacks_options(callbacks, side == 0);
        assert_int_equal(grpc_credentials_reload(callbacks->credentials[side],
                                                 others ? &options : NULL),
                         GRPC_OK);
    }
}

static void callbacks_free_credentials(struct callbacks *callbacks)
{
    for (int side = 0; side < 2; side++) {
        grpc_credentials_free(callbacks->credentials[side]);
        callbacks->credentials[side] = NULL;
    }
}

static grpc_result callbacks_verify(const grpc_identity *peer, char *reason,
                                    size_t reason_size, void *self)
{
    struct callbacks *callbacks = self;
    struct secure_kit *kit = callbacks->kit;
    (void)reason;
    (void)reason_size;
    assert_true(peer->certificate.size > 0);
    if (callbacks->calls++ > 0) {
        return GRPC_OK;
    }
    switch (callbacks->act) {
    case ACT_FREE_SERVER:
        grpc_server_free(kit->server);
        kit->server = NULL;
        break;
    case ACT_STOP_SERVER:
        grpc_server_stop(kit->server);
        break;
    case ACT_FREE_CHANNEL:
        grpc_channel_free(kit->channel);
        kit->channel = NULL;
        break;
    case ACT_FREE_CREDENTIALS:
        callbacks_free_credentials(callbacks);
        break;
    case ACT_RELOAD:
        callbacks_reload(callbacks, false);
        break;
    case ACT_RELOAD_OTHERS:
        callbacks_reload(callbacks, true);
        break;
    case ACT_STEP:
        assert_int_equal(grpc_loop_step(kit->client_side.loop, 0) == GRPC_OK,
                         false);
        break;
    }
    return GRPC_OK;
}

static grpc_tls_options callbacks_options(struct callbacks *callbacks,
                                          bool is_server)
{
    struct secure_kit *kit = callbacks->kit;
    grpc_tls_options options = {
        .roots = GRPC_STR("roots"),
        .library = &toy_tls,
        .library_data =
            is_server ? &kit->server_side.toy : &kit->client_side.toy,
    };
    if (is_server) {
        options.identity = (grpc_tls_identity){.certificate = GRPC_STR("c"),
                                               .key = GRPC_STR("k")};
        options.clients = GRPC_CLIENTS_REQUIRED;
    }
    return options;
}

// callbacks_run has a side's verify act; how the call ends.
static grpc_code callbacks_run(enum act act, bool by_server)
{
    struct callbacks callbacks = {.kit = secure_init(), .act = act};
    for (int side = 0; side < 2; side++) {
        grpc_tls_options options = callbacks_options(&callbacks, side == 0);
        if (by_server == (side == 0)) {
            options.verify = callbacks_verify;
            options.self = &callbacks;
        }
        callbacks.credentials[side] = grpc_credentials_keep(
            side == 0 ? grpc_tls_server(&options) : grpc_tls_client(&options));
        assert_string_equal(grpc_credentials_error(callbacks.credentials[side]),
                            "");
    }
    const struct secure_how how = {.server = callbacks.credentials[0],
                                   .client = callbacks.credentials[1]};
    secure_serve(callbacks.kit, &how);
    secure_join(callbacks.kit, &how);
    secure_call(callbacks.kit);
    secure_turn(callbacks.kit);
    assert_int_equal(callbacks.calls, 1);
    assert_int_equal(callbacks.kit->result.done, 1);
    grpc_code code = callbacks.kit->result.code;
    callbacks_free_credentials(&callbacks);
    secure_end_kit(callbacks.kit);
    return code;
}

static void test_secure_callbacks__of_a_client(void **state)
{
    (void)state;
    assert_int_equal(callbacks_run(ACT_FREE_CHANNEL, false), GRPC_CANCELLED);
    assert_int_equal(callbacks_run(ACT_FREE_SERVER, false), GRPC_UNAVAILABLE);
    assert_int_equal(callbacks_run(ACT_STOP_SERVER, false), GRPC_OK);
    assert_int_equal(callbacks_run(ACT_FREE_CREDENTIALS, false), GRPC_OK);
    assert_int_equal(callbacks_run(ACT_RELOAD, false), GRPC_OK);
    assert_int_equal(callbacks_run(ACT_RELOAD_OTHERS, false), GRPC_OK);
    assert_int_equal(callbacks_run(ACT_STEP, false), GRPC_OK);
}

static void test_secure_callbacks__of_a_server(void **state)
{
    (void)state;
    assert_int_equal(callbacks_run(ACT_FREE_SERVER, true), GRPC_UNAVAILABLE);
    assert_int_equal(callbacks_run(ACT_STOP_SERVER, true), GRPC_OK);
    assert_int_equal(callbacks_run(ACT_FREE_CHANNEL, true), GRPC_CANCELLED);
    assert_int_equal(callbacks_run(ACT_FREE_CREDENTIALS, true), GRPC_OK);
    assert_int_equal(callbacks_run(ACT_RELOAD, true), GRPC_OK);
    assert_int_equal(callbacks_run(ACT_RELOAD_OTHERS, true), GRPC_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_secure_callbacks__of_a_client),
        cmocka_unit_test(test_secure_callbacks__of_a_server),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: MIT

#include "tests/unit.h"

#include "tests/pair_kit.h"
#include "tests/toy_tls.h"

// A pair with TLS between.
static struct pair *test_conn_secure_pair(struct toy *client,
                                          struct toy *server)
{
    static struct pair pair;
    int fds[2];
    pair_init(&pair);
    pair.server = grpc_server_new(&(grpc_server_options){
        .loop = pair.server_loop, .credentials = toy_server(server)});
    pair_serve(&pair, kit_say);
    kit_pair_of_sockets(fds);
    assert_int_equal(grpc_server_serve_fd(pair.server, fds[0]), GRPC_OK);
    pair.channel = grpc_channel_new_fd(
        fds[1], &(grpc_channel_options){.loop = pair.client_loop,
                                        .credentials = toy_client(client)});
    assert_non_null(pair.channel);
    return &pair;
}

static void test_conn_secure__carries_a_call(void **state)
{
    (void)state;
    struct toy client = {0};
    struct toy server = {0};
    struct pair *pair = test_conn_secure_pair(&client, &server);
    struct kit_result result = {0};
    kit_call(pair->channel, "Ann", &result);
    pair_turn(pair);
    assert_int_equal(result.done, 1);
    assert_int_equal(result.code, GRPC_OK);
    pair_end(pair);
    assert_int_equal(client.open_sessions + server.open_sessions, 0);
    assert_int_equal(client.open_contexts + server.open_contexts, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_conn_secure__carries_a_call),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: MIT
// Calls over TLS while the n-th allocation fails, for every n, on either side: a
// call ends with its reply or with words, and all is given back.

#include "tests/unit.h"

#include "tests/secure_kit.h"

#include "core/conn_secure.h"

enum memory_way {
    MEMORY_CALL,   // a call over a new connection
    MEMORY_CUT,    // and its bytes come one at a time
    MEMORY_WRONG,  // the server is another
    MEMORY_STUCK,  // sockets are small, messages are not
    MEMORY_ANSWER, // the sessions have to answer
};

static void memory_small(int fd)
{
    const int size = 4096;
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size),
                     0);
}

static void memory_carry(struct secure_kit *kit, size_t most)
{
    for (int idle = 0; idle < 8;) {
        secure_step(kit);
        size_t size = secure_carry(kit, true, most);
        size += secure_carry(kit, false, most);
        idle = secure_idle(kit, idle, size);
    }
}

static void memory_answer(struct secure_side *side)
{
    static const uint8_t asks[3 * 50] = {TOY_ASK};
    for (size_t i = 0; side->fd >= 0 && i < 50; i++) {
        (void)send(side->fd, asks, 3, MSG_NOSIGNAL);
    }
}

static bool memory_is_told(const struct kit_result *result)
{
    return result->code == GRPC_OK ||
           ((result->code == GRPC_UNAVAILABLE ||
             result->code == GRPC_RESOURCE_EXHAUSTED ||
             result->code == GRPC_INTERNAL || result->code == GRPC_CANCELLED) &&
            result->text[0] != '\0');
}

// memory_run fails an allocation of one side; false when it had fewer.
static bool memory_run(enum memory_way way, bool of_client, size_t n)
{
    static char large[300000];
    memset(large, 'x', sizeof large);
    struct secure_kit *kit = secure_init();
    struct secure_side *side =
        of_client ? &kit->client_side : &kit->server_side;
    kit->client_side.toy.allocator = &kit->client_side.heap.allocator;
    kit->server_side.toy.allocator = &kit->server_side.heap.allocator;
    kit->client_side.toy.lazy = way == MEMORY_CUT;
    if (way == MEMORY_WRONG) {
        kit->client_side.toy.name = "other.example";
    }
    secure_serve(kit, &(struct secure_how){.client = NULL});
    int fds[2];
    kit_pair_of_sockets(fds);
    if (way == MEMORY_STUCK) {
        memory_small(fds[0]);
        memory_small(fds[1]);
    }
    const struct secure_how how = {.client = NULL};
    const grpc_channel_options options = secure_channel_options(kit, &how);
    side->heap.calls = 0;
    side->heap.fail_at = n;
    kit->channel = grpc_channel_new_fd(fds[0], &options);
    kit->client_side.fd = fds[1];
    int theirs[2];
    kit_pair_of_sockets(theirs);
    bool is_served = grpc_server_serve_fd(kit->server, theirs[0]) == GRPC_OK;
    if (!is_served) {
        (void)close(theirs[0]);
    }
    kit->server_side.fd = theirs[1];
    if (kit->channel == NULL) {
        (void)close(fds[0]);
    } else {
        grpc_call *call =
            kit_call_with(kit->channel,
                          way == MEMORY_STUCK ? (grpc_str){large, sizeof large}
                                              : GRPC_STR("Ann"),
                          &kit->result, NULL);
        memory_carry(kit, way == MEMORY_CUT ? 1 : SIZE_MAX);
        if (way == MEMORY_ANSWER) {
            memory_answer(&kit->server_side);
            memory_answer(&kit->client_side);
            memory_carry(kit, SIZE_MAX);
        }
        // (What the other side has lost is waited for.)
        secure_hang_up(&kit->client_side);
        secure_hang_up(&kit->server_side);
        secure_rest(kit);
        assert_int_equal(kit->result.done, call != NULL ? 1 : 0);
        if (call != NULL && !memory_is_told(&kit->result)) {
            print_message("way %d, %s, allocation %lu: %d %s\n", (int)way,
                          of_client ? "client" : "server", (unsigned long)n,
                          (int)kit->result.code, kit->result.text);
        }
        assert_true(call == NULL || memory_is_told(&kit->result));
    }
    bool has_failed = side->heap.calls >= n;
    if (!has_failed && way != MEMORY_WRONG) {
        assert_int_equal(kit->result.code, GRPC_OK);
    }
    side->heap.fail_at = 0;
    secure_end_kit(kit);
    return has_failed;
}

static void memory_sweep(enum memory_way way)
{
    for (int of_client = 0; of_client < 2; of_client++) {
        size_t n = 1;
        while (memory_run(way, of_client != 0, n)) {
            n++;
        }
        assert_true(n > 3);
    }
}

static void test_secure_memory__of_a_call(void **state)
{
    (void)state;
    memory_sweep(MEMORY_CALL);
}

static void test_secure_memory__of_cut_records(void **state)
{
    (void)state;
    memory_sweep(MEMORY_CUT);
}

static void test_secure_memory__of_a_handshake_that_fails(void **state)
{
    (void)state;
    memory_sweep(MEMORY_WRONG);
}

static void test_secure_memory__of_full_sockets(void **state)
{
    (void)state;
    memory_sweep(MEMORY_STUCK);
}

static void test_secure_memory__of_answers(void **state)
{
    (void)state;
    memory_sweep(MEMORY_ANSWER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_secure_memory__of_a_call),
        cmocka_unit_test(test_secure_memory__of_cut_records),
        cmocka_unit_test(test_secure_memory__of_a_handshake_that_fails),
        cmocka_unit_test(test_secure_memory__of_full_sockets),
        cmocka_unit_test(test_secure_memory__of_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: MIT

#include "tests/unit.h"

#include "core/connectivity.h"
#include "core/pick_first.h"
#include "tests/core_kit.h"

static void test_pick_first__order(void **state)
{
    struct test_heap heap;
    static const char *const hosts[] = {"::1", "::2",       "127.0.0.1",
                                        "::3", "127.0.0.2", "::1"};
    static const char *const order[] = {"[::1]:1", "127.0.0.1:1", "[::2]:1",
                                        "127.0.0.2:1", "[::3]:1"};
    struct socket_address addresses[6];
    char text[SOCKET_ADDRESS_TEXT];
    size_t i = 0;
    (void)state;
    for (size_t n = 0; n < 6; n++) {
        assert_true(socket_address_ip(&addresses[n], hosts[n], 1));
    }
    test_heap_init(&heap);
    grpc_loop *loop = kit_loop(&heap, NULL);
    grpc_channel *channel =
        grpc_channel_new("127.0.0.1:1", &(grpc_channel_options){.loop = loop});
    channel->state = GRPC_CONNECTING;
    assert_true(channel_on_addresses(channel, addresses, 6));
    LIST_EACH (link, after, &channel->subchannels) {
        socket_address_text(&LIST_OWNER(link, struct subchannel, link)->address,
                            text);
        assert_string_equal(text, order[i++]);
    }
    assert_int_equal(i, 5);
    grpc_channel_free(channel);
    assert_int_equal(grpc_loop_free(loop), GRPC_OK);
    assert_true(test_heap_is_clean(&heap));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pick_first__order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

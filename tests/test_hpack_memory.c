// SPDX-License-Identifier: MIT
// What a connection holds for HPACK while it is at rest.

#include "tests/hpack_kit.h"

// A peer, and one end of a connection with it.
struct rest {
    struct test_heap heap;      // of the end under test
    struct test_heap peer_heap; // of all else
    struct slab pool;
    struct chunk_queue queue;
    struct hpack_encoder peer_encoder;
    struct hpack_decoder peer_decoder;
    struct hpack_decoder decoder;
    struct hpack_encoder encoder;
    struct hpack_block block;
};

static void rest_init(struct rest *rest)
{
    struct hpack_limits limits = kit_no_limits();
    test_heap_init(&rest->heap);
    test_heap_init(&rest->peer_heap);
    const grpc_allocator *other = &rest->peer_heap.allocator;
    chunk_pool_init(&rest->pool, other, 8);
    chunk_queue_init(&rest->queue, &rest->pool);
    hpack_block_init(&rest->block, other);
    hpack_encoder_init(&rest->peer_encoder, other, 4096);
    hpack_decoder_init(&rest->peer_decoder, other, 4096, &limits);
    hpack_decoder_init(&rest->decoder, &rest->heap.allocator, 4096, &limits);
    hpack_encoder_init(&rest->encoder, &rest->heap.allocator, 4096);
}

static void rest_fini(struct rest *rest)
{
    hpack_decoder_fini(&rest->decoder);
    hpack_encoder_fini(&rest->encoder);
    hpack_encoder_fini(&rest->peer_encoder);
    hpack_decoder_fini(&rest->peer_decoder);
    hpack_block_fini(&rest->block);
    chunk_queue_clear(&rest->queue);
    slab_fini(&rest->pool);
    assert_true(test_heap_is_clean(&rest->heap));
    assert_true(test_heap_is_clean(&rest->peer_heap));
}

// rest_pass sends a block of fields that are name, value, name... with a NULL
// behind them, all of which may be indexed, as most peers do.
static void rest_pass(struct rest *rest, struct hpack_encoder *encoder,
                      struct hpack_decoder *decoder, const char *const *texts)
{
    uint8_t bytes[2048];
    size_t count = 0;
    assert_true(hpack_encode_begin(encoder, &rest->queue));
    for (; texts[2 * count] != NULL; count++) {
        struct hpack_field field = {.name = kit_view(texts[2 * count]),
                                    .value = kit_view(texts[2 * count + 1])};
        assert_true(
            hpack_encode(encoder, &rest->queue, &field, HPACK_INDEX, NULL));
    }
    size_t size = kit_take(&rest->queue, bytes, sizeof bytes);
    hpack_block_clear(&rest->block);
    assert_int_equal(
        hpack_decode(decoder, &rest->block, view_of(bytes, size), true),
        HPACK_OK);
    assert_int_equal(rest->block.count, count);
}

static const char *const rest_request[] = {":method",
                                           "POST",
                                           ":scheme",
                                           "http",
                                           ":path",
                                           "/helloworld.Greeter/SayHello",
                                           ":authority",
                                           "localhost:50051",
                                           "content-type",
                                           "application/grpc",
                                           "user-agent",
                                           "grpc-go/1.77.0",
                                           "te",
                                           "trailers",
                                           NULL};
static const char *const rest_response[] = {":status", "200", "content-type",
                                            "application/grpc", NULL};
static const char *const rest_trailers[] = {"grpc-status", "0", NULL};

// rest_held prints and returns the memory of the end under test.
static size_t rest_held(const struct rest *rest, const char *what)
{
    size_t held =
        sizeof rest->decoder + sizeof rest->encoder + rest->heap.live_bytes;
    print_message("%s: decoder %lu, encoder %lu, both tables %lu: %lu bytes\n",
                  what, (unsigned long)sizeof rest->decoder,
                  (unsigned long)sizeof rest->encoder,
                  (unsigned long)rest->heap.live_bytes, (unsigned long)held);
    return held;
}

static void test_memory__of_a_server_after_calls(void **state)
{
    (void)state;
    struct rest rest;
    rest_init(&rest);
    assert_int_equal(rest.heap.calls, 0);
    for (int call = 0; call < 1000; call++) {
        rest_pass(&rest, &rest.peer_encoder, &rest.decoder, rest_request);
        rest_pass(&rest, &rest.encoder, &rest.peer_decoder, rest_response);
        rest_pass(&rest, &rest.encoder, &rest.peer_decoder, rest_trailers);
        if (call == 0) {
            assert_true(rest_held(&rest, "server, 1 call") <= 450);
        }
    }
    assert_true(rest_held(&rest, "server, 1,000 equal calls") <= 450);
    rest_fini(&rest);
}

static void test_memory__of_a_client_after_calls(void **state)
{
    (void)state;
    struct rest rest;
    rest_init(&rest);
    for (int call = 0; call < 1000; call++) {
        rest_pass(&rest, &rest.encoder, &rest.peer_decoder, rest_request);
        rest_pass(&rest, &rest.peer_encoder, &rest.decoder, rest_response);
        rest_pass(&rest, &rest.peer_encoder, &rest.decoder, rest_trailers);
    }
    assert_true(rest_held(&rest, "client, 1,000 equal calls") <= 450);
    rest_fini(&rest);
}

// The peer indexes a deadline and an id that no other call has.
static void test_memory__of_a_server_after_distinct_calls(void **state)
{
    (void)state;
    struct rest rest;
    rest_init(&rest);
    for (int call = 0; call < 1000; call++) {
        char timeout[16];
        char id[40];
        snprintf(timeout, sizeof timeout, "%dm", 5000 - call);
        snprintf(id, sizeof id, "%08x-4c1b-9d2f-a1b2-c3d4e5f60718",
                 (unsigned)call * 2654435761U);
        const char *const metadata[] = {"grpc-timeout", timeout, "x-request-id",
                                        id, NULL};
        const char *request[sizeof rest_request / sizeof rest_request[0] + 4];
        memcpy(request, rest_request, sizeof rest_request);
        memcpy(request + sizeof rest_request / sizeof rest_request[0] - 1,
               metadata, sizeof metadata);
        rest_pass(&rest, &rest.peer_encoder, &rest.decoder, request);
        rest_pass(&rest, &rest.encoder, &rest.peer_decoder, rest_response);
        rest_pass(&rest, &rest.encoder, &rest.peer_decoder, rest_trailers);
    }
    assert_true(rest.decoder.table.size > 3900);
    assert_true(rest_held(&rest, "server, 1,000 distinct calls") <= 4700);
    rest_fini(&rest);
}

// Of a decoder that was given the largest table, full of the shortest entries,
// and then the longest, no more is left than its limit and half of that.
static void test_memory__at_the_largest_limit(void **state)
{
    (void)state;
    struct rest rest;
    rest_init(&rest);
    hpack_decoder_limit(&rest.decoder, HPACK_TABLE_MAX);
    hpack_encoder_fini(&rest.peer_encoder);
    hpack_encoder_init(&rest.peer_encoder, &rest.peer_heap.allocator,
                       HPACK_TABLE_MAX);
    hpack_encoder_limit(&rest.peer_encoder, HPACK_TABLE_MAX);
    for (int step = 0; step < 3000; step++) {
        char name[16];
        char value[2000];
        snprintf(name, sizeof name, "%x", (unsigned)step);
        snprintf(value, sizeof value, "%0*d", step < 2900 ? 1 : 1700, 0);
        const char *const fields[] = {name, value, NULL};
        rest_pass(&rest, &rest.peer_encoder, &rest.decoder, fields);
        hpack_table_check(&rest.decoder.table);
        assert_true(rest.heap.live_bytes <= HPACK_TABLE_MAX * 3 / 2);
    }
    assert_true(rest.decoder.table.size > HPACK_TABLE_MAX - 2000);
    (void)rest_held(&rest, "server, a table of 32 KiB full");
    rest_fini(&rest);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memory__of_a_server_after_calls),
        cmocka_unit_test(test_memory__of_a_client_after_calls),
        cmocka_unit_test(test_memory__of_a_server_after_distinct_calls),
        cmocka_unit_test(test_memory__at_the_largest_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: MIT
// Large messages leave in the memory that they were encoded in.
#include "tests/unit.h"

#include "core/encoded.h"
#include "core/limits.h"
#include "tests/stream_kit.h"

// encoded_put makes a message of size bytes, with its head in front.
static struct view encoded_put(struct encoded *encoded, size_t size)
{
    grpc_buffer *buffer = encoded_begin(encoded);
    const char *reason = "";
    static char text[1 << 20];
    assert_true(size <= sizeof text);
    memset(text, 'x', sizeof text);
    assert_int_equal(
        grpc_raw.encode(NULL, &(grpc_str){text, size}, buffer, &reason),
        GRPC_OK);
    return view_of(buffer->first - DEFRAME_HEAD, size + DEFRAME_HEAD);
}

static void test_encoded__is_lent_when_it_is_worth_it(void **state)
{
    (void)state;
    struct test_heap heap;
    struct encoded encoded;
    test_heap_init(&heap);
    encoded_init(&encoded, &heap.allocator);
    // Without a buffer (what an interceptor has put in a message's place, first).
    uint8_t other[CORE_LENT_BYTES + 1];
    assert_false(encoded_is_lendable(&encoded, view_of(other, sizeof other)));
    struct view small =
        encoded_put(&encoded, CORE_LENT_BYTES - DEFRAME_HEAD - 1);
    assert_false(encoded_is_lendable(&encoded, small));
    struct view large = encoded_put(&encoded, CORE_LENT_BYTES - DEFRAME_HEAD);
    assert_true(encoded_is_lendable(&encoded, large));
    struct view elsewhere = view_of(large.data + 1, large.size);
    assert_false(encoded_is_lendable(&encoded, elsewhere));
    // Little of a large buffer is no reason to hold all of it.
    (void)encoded_put(&encoded, (size_t)CORE_LENT_BYTES * CORE_LENT_SHARE * 2);
    large = encoded_put(&encoded, CORE_LENT_BYTES);
    assert_false(encoded_is_lendable(&encoded, large));
    encoded_fini(&encoded);
    assert_true(test_heap_is_clean(&heap));
}

static void test_encoded__uses_what_came_back(void **state)
{
    (void)state;
    struct test_heap heap;
    struct encoded encoded;
    test_heap_init(&heap);
    encoded_init(&encoded, &heap.allocator);
    struct view first = encoded_put(&encoded, 100000);
    void *lent = encoded_lend(&encoded);
    struct view second = encoded_put(&encoded, 100000);
    assert_true(second.data != first.data);
    for (size_t i = DEFRAME_HEAD; i < first.size; i++) {
        assert_int_equal(first.data[i], 'x'); // it stays as long as it is lent
    }
    void *next = encoded_lend(&encoded);
    encoded_give_back(lent);
    size_t calls = heap.calls;
    for (int i = 0; i < 10; i++) {
        (void)encoded_put(&encoded, 100000);
        lent = encoded_lend(&encoded);
        encoded_give_back(next);
        next = lent;
    }
    assert_int_equal(heap.calls, calls);
    encoded_give_back(next);
    encoded_fini(&encoded);
    assert_true(test_heap_is_clean(&heap));
}

static void test_encoded__keeps_so_much(void **state)
{
    (void)state;
    enum { BUFFERS = 12, SIZE = 1 << 20 };
    struct test_heap heap;
    struct encoded encoded;
    void *lent[BUFFERS];
    test_heap_init(&heap);
    encoded_init(&encoded, &heap.allocator);
    for (int i = 0; i < BUFFERS; i++) {
        (void)encoded_put(&encoded, SIZE);
        lent[i] = encoded_lend(&encoded);
    }
    assert_true(heap.live_bytes > CORE_LENT_SPARE_BYTES);
    for (int i = 0; i < BUFFERS; i++) {
        encoded_give_back(lent[i]);
    }
    assert_true(heap.live_bytes <= CORE_LENT_SPARE_BYTES);
    assert_true(heap.live_bytes > CORE_LENT_SPARE_BYTES - 2 * SIZE);
    (void)encoded_put(&encoded, 1000);
    encoded_trim(&encoded, 2 * SIZE);
    assert_true(encoded.buffer.base != NULL);
    assert_true(heap.live_bytes <= 2 * SIZE);
    encoded_trim(&encoded, 1000);
    assert_int_equal(heap.live_bytes, 0);
    assert_true(test_heap_is_clean(&heap));
}

// ---- On a stream ------------------------------------------------------------

enum { ENCODED_TEXT = 300000 };

static char *encoded_text(void)
{
    static char text[ENCODED_TEXT + 1];
    for (int i = 0; i < ENCODED_TEXT; i++) {
        text[i] = (char)('a' + (i * 7 + i / 251) % 26);
    }
    return text;
}

// encoded_again sends each reply back, as often as sk->to_send tells.
static void encoded_again(grpc_call *call, const stream_Text *reply,
                          struct sk *sk)
{
    assert_int_equal(reply->text.size, ENCODED_TEXT);
    assert_memory_equal(reply->text.data, sk->extra, ENCODED_TEXT);
    if (sk->messages < sk->to_send) {
        assert_int_equal(sk_say(call, sk->extra, 0), GRPC_OK);
    }
}

static void test_encoded__a_stream_of_large_messages_allocates_nothing(
    void **state)
{
    (void)state;
    struct sk *sk = sk_new();
    sk->extra = encoded_text();
    sk->on_message = encoded_again;
    grpc_call *call = sk_start_talk(sk, NULL);
    kit_turn(sk->loop);
    // It is warm when windows grow no more: after a few rounds at most.
    size_t calls = 0;
    for (int round = 0; round < 10 && calls != sk->heap.calls; round++) {
        calls = sk->heap.calls;
        sk->to_send += 20;
        assert_int_equal(sk_say(call, sk->extra, 0), GRPC_OK);
        kit_wait(sk->loop, &sk->messages, sk->to_send);
    }
    assert_int_equal(sk->heap.calls, calls);
    // A stream at rest does not hold what its last message was gathered in.
    assert_non_null(sk->loop->spare_body.data);
    assert_int_equal(grpc_call_half_close(call), GRPC_OK);
    sk_wait_end(sk, 1);
    assert_int_equal(sk->code, GRPC_OK);
    kit_turn(sk->loop);
    assert_null(sk->loop->encoded.spare); // no call is left
    sk_free(sk);
}

// encoded_flood sends more than the peer takes, until there is no room.
static void encoded_flood(grpc_call *call, const stream_Text *request,
                          struct sk *sk)
{
    const stream_Text reply = {.text = {sk->extra, ENCODED_TEXT}};
    grpc_result result = GRPC_OK;
    (void)request;
    while (result == GRPC_OK) {
        result = stream_Streams_Many_send(call, &reply);
    }
    assert_int_equal(result, GRPC_AGAIN);
}

static void test_encoded__comes_back_from_a_call_that_is_cancelled(void **state)
{
    (void)state;
    struct sk *sk = sk_new();
    sk->extra = encoded_text();
    sk->act_on = encoded_flood;
    sk->on_message = NULL;
    grpc_call *call = sk_start_many(sk, 0, NULL);
    kit_wait(sk->loop, &sk->handled, 1);
    assert_null(sk->loop->encoded.buffer.base); // lent
    grpc_cancel(call);
    sk_wait_end(sk, 1);
    kit_wait(sk->loop, &sk->told, 1);
    kit_turn(sk->loop);
    sk_free(sk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_encoded__is_lent_when_it_is_worth_it),
        cmocka_unit_test(test_encoded__uses_what_came_back),
        cmocka_unit_test(test_encoded__keeps_so_much),
        cmocka_unit_test(
            test_encoded__a_stream_of_large_messages_allocates_nothing),
        cmocka_unit_test(
            test_encoded__comes_back_from_a_call_that_is_cancelled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: MIT
// A channel with TLS: what its server must be called, and what becomes of calls
// when handshakes fail, to the millisecond.

#include "tests/unit.h"

#include "tests/channel_kit.h"
#include "tests/toy_tls.h"

// ---- Names ------------------------------------------------------------------

static const struct names_row {
    const char *target;
    const char *authority;   // of the channel's options
    const char *server_name; // of the credentials'
    const char *sent;        // :authority
    const char *name;        // that the certificate must have
    const char *error;       // NULL: none
} names_rows[] = {
    {"localhost:50051", NULL, NULL, "localhost:50051", "localhost", NULL},
    {"localhost", NULL, NULL, "localhost", "localhost", NULL},
    {"dns:///db.example:443", NULL, NULL, "db.example:443", "db.example", NULL},
    {"127.0.0.1:80", NULL, NULL, "127.0.0.1:80", "127.0.0.1", NULL},
    {"[::1]:80", NULL, NULL, "[::1]:80", "::1", NULL},
    {"unix:/tmp/a", NULL, NULL, "localhost", "localhost", NULL},
    {"localhost:1", "db.example", NULL, "db.example", "db.example", NULL},
    {"localhost:1", "db.example:8", NULL, "db.example:8", "db.example", NULL},
    {"localhost:1", "[2001:db8::1]:8", NULL, "[2001:db8::1]:8", "2001:db8::1",
     NULL},
    {"localhost:1", NULL, "db.example", "db.example", "db.example", NULL},
    {"localhost:1", "db.example:8", "db.example", "db.example:8", "db.example",
     NULL},
    {"localhost:1", "DB.example:8", "db.EXAMPLE", "DB.example:8", "DB.example",
     NULL},
    {"localhost:1", "db.example:8", "db.example:9", "db.example:8",
     "db.example", NULL},
    {"localhost:1", NULL, "2001:db8::1", "[2001:db8::1]", "2001:db8::1", NULL},
    {"localhost:1", NULL, "[2001:db8::1]", "[2001:db8::1]", "2001:db8::1",
     NULL},
    {"localhost:1", "[::1]:8", "[::1]", "[::1]:8", "::1", NULL},
    {"localhost:1", "[::1]:8", "::1", "[::1]:8", "::1", NULL},
    {"localhost:1", "[::1]:8", "::2", "[::1]:8", "::1",
     "credentials: their server_name is not the channel's authority"},
    {"localhost:1", "", NULL, "", "",
     "credentials: the channel's authority has no name for a certificate"},
    {"localhost:1", ":8", NULL, ":8", "",
     "credentials: the channel's authority has no name for a certificate"},
    {"localhost:1", "db.example", "other.example", "db.example", "db.example",
     "credentials: their server_name is not the channel's authority"},
};

static void test_secure_channel__names(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof names_rows / sizeof *names_rows; i++) {
        const struct names_row *row = &names_rows[i];
        struct test_heap heap;
        struct toy toy = {0};
        test_heap_init(&heap);
        grpc_loop *loop = kit_loop(&heap, NULL);
        grpc_channel *channel = grpc_channel_new(
            row->target, &(grpc_channel_options){
                             .loop = loop,
                             .authority = row->authority,
                             .proxy = "",
                             .credentials = grpc_tls_client(&(grpc_tls_options){
                                 .roots = GRPC_STR("r"),
                                 .server_name = row->server_name,
                                 .library = &toy_tls,
                                 .library_data = &toy})});
        assert_string_equal(grpc_channel_error(channel),
                            row->error != NULL ? row->error : "");
        assert_string_equal(channel->authority, row->sent);
        assert_string_equal(channel->server_name, row->name);
        assert_true(channel->is_tls);
        assert_int_equal(channel->security, GRPC_PRIVATE);
        if (row->error != NULL) {
            struct kit_result result = {0};
            kit_call(channel, "Ann", &result);
            kit_turn(loop);
            assert_int_equal(result.code, GRPC_INVALID_ARGUMENT);
            assert_string_equal(result.text, row->error);
        }
        grpc_channel_free(channel);
        assert_int_equal(grpc_loop_free(loop), GRPC_OK);
        assert_true(test_heap_is_clean(&heap));
        assert_int_equal(toy.open_contexts, 0);
    }
}

// ---- Handshakes that fail ---------------------------------------------------

static struct toy failing_toy;

static struct chan *failing_begin(void)
{
    failing_toy = (struct toy){0};
    struct chan *chan = chan_begin(
        "127.0.0.1:1",
        &(grpc_channel_options){.credentials = toy_client(&failing_toy)});
    (void)chan_door(chan, 1, CHAN_MUTE);
    return chan;
}

static void failing_end(struct chan *chan)
{
    chan_end(chan);
    assert_int_equal(failing_toy.open_sessions + failing_toy.open_contexts, 0);
}

static void failing_answer(struct chan *chan, const char *text)
{
    assert_int_equal(
        sim_raw_send(chan->world, chan_fd(chan), text, strlen(text)),
        strlen(text));
}

// It counts as an attempt that has failed: other calls fail at once, those that
// wait for a server wait, and the next attempt is due as after any other.
static void test_secure_channel__backoff(void **state)
{
    (void)state;
    struct chan *chan = failing_begin();
    struct kit_result *first = chan_call(chan);
    struct kit_result *waits = chan_wait(chan);
    chan_to(chan, 300);
    chan_expect(chan, "0 dial 1\n0 CONNECTING\n");
    failing_answer(chan, "HTTP/1.1 400 Bad Request\r\n\r\n");
    chan_to(chan, 301);
    chan_expect(chan, "300 done 1 UNAVAILABLE\n300 TRANSIENT_FAILURE\n");
    assert_string_equal(first->text, "TLS with 127.0.0.1:1: that is no record; "
                                     "gave up after 300 ms");
    assert_int_equal(waits->done, 0);
    struct kit_result *second = chan_call(chan);
    chan_to(chan, 302);
    assert_int_equal(second->done, 1);
    assert_string_equal(second->text, first->text);
    chan_forget(chan);
    chan_to(chan, 1000);
    chan_expect(chan, "");
    chan_to(chan, 1400);
    // (The old connection lingers, for its alert.)
    assert_int_equal(chan->fd_count, 2);
    assert_int_equal(waits->done, 0);
    assert_int_equal(failing_toy.open_sessions, 1);
    failing_end(chan);
}

static void test_secure_channel__no_handshake_in_time(void **state)
{
    (void)state;
    struct chan *chan = failing_begin();
    struct kit_result *result = chan_call(chan);
    chan_to(chan, 20001);
    assert_int_equal(result->done, 1);
    assert_string_equal(result->text, "TLS with 127.0.0.1:1: no handshake in "
                                      "time; gave up after 20001 ms");
    failing_end(chan);
}

static void test_secure_channel__a_deadline_in_the_handshake(void **state)
{
    (void)state;
    struct chan *chan = failing_begin();
    struct kit_result *result = chan_call_with(
        chan, &(grpc_call_options){.timeout_ms = 500, .wait_for_ready = true});
    chan_to(chan, 600);
    assert_int_equal(result->done, 1);
    assert_int_equal(result->code, GRPC_DEADLINE_EXCEEDED);
    assert_non_null(
        strstr(result->text, "TLS with 127.0.0.1:1: no answer yet"));
    failing_end(chan);
}

// A channel that is freed in the handshake.
static void test_secure_channel__freed_in_the_handshake(void **state)
{
    (void)state;
    struct chan *chan = failing_begin();
    struct kit_result *result = chan_call(chan);
    chan_to(chan, 10);
    assert_int_equal(failing_toy.open_sessions, 1);
    chan_free(chan);
    assert_int_equal(failing_toy.open_sessions, 0);
    assert_int_equal(result->done, 1);
    assert_int_equal(result->code, GRPC_CANCELLED);
    failing_end(chan);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_secure_channel__names),
        cmocka_unit_test(test_secure_channel__backoff),
        cmocka_unit_test(test_secure_channel__no_handshake_in_time),
        cmocka_unit_test(test_secure_channel__a_deadline_in_the_handshake),
        cmocka_unit_test(test_secure_channel__freed_in_the_handshake),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

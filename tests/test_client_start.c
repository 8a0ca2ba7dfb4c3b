// SPDX-License-Identifier: MIT

#include "tests/unit.h"

#include "core/client_start.h"
#include "tests/stream_kit.h"

// ---- Options that are refused -----------------------------------------------

static const grpc_header start_bad_key[] = {{"a key", "x", 0}};
static const grpc_header start_bad_value[] = {{"key", "\n", 0}};
static const grpc_header start_null_value[] = {{"key", NULL, 3}};
static const grpc_header start_null_key[] = {{NULL, "x", 0}};
static const grpc_header start_fine[] = {{"key", "x", 0}};

// Each tells why, asynchronously in grpc_channel_error(), blocking in the status.
static void test_client_start__refused_options(void **state)
{
    (void)state;
    static const struct {
        grpc_call_options options;
        const char *why;
    } rows[] = {
        {{.metadata = {NULL, 1}}, "metadata has a count, and no data"},
        {{.metadata = {start_bad_key, 1}},
         "metadata \"a key\": not a key or value that may be sent"},
        {{.metadata = {start_bad_value, 1}},
         "metadata \"key\": not a key or value that may be sent"},
        {{.metadata = {start_null_value, 1}},
         "metadata \"key\": not a key or value that may be sent"},
        {{.metadata = {start_null_key, 1}},
         "metadata \"NULL\": not a key or value that may be sent"},
        {{.encoding = "snappy"}, "encoding \"snappy\": "},
        {{.encoding = ""}, "encoding \"\": "},
    };
    struct sk *sk = sk_new();
    grpc_arena arena = {0};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *error;
        assert_null(stream_Streams_Talk_start(sk->channel, &sk_talk_events, sk,
                                              &rows[i].options));
        error = grpc_channel_error(sk->channel);
        assert_non_null(strstr(error, rows[i].why));
        assert_ptr_equal(strstr(error, "start a call: "), error);
        grpc_call *call =
            stream_Streams_Talk_call(sk->channel, &arena, &rows[i].options);
        assert_non_null(call);
        grpc_status status = grpc_call_end(call);
        assert_int_equal(status.code, GRPC_INTERNAL);
        assert_ptr_equal(strstr(status.message, rows[i].why), status.message);
        stream_Text reply;
        status = stream_Streams_One(sk->channel, &arena, &(stream_Text){0},
                                    &reply, &rows[i].options);
        assert_int_equal(status.code, GRPC_INTERNAL);
        assert_non_null(strstr(status.message, rows[i].why));
    }
    kit_turn(sk->loop);
    assert_string_equal(sk->log.text, "");
    assert_int_equal(sk->handled, 0);
    grpc_arena_free(&arena);
    sk_free(sk);
}

static void test_client_start__too_much_metadata(void **state)
{
    (void)state;
    static grpc_header many[1001];
    for (size_t i = 0; i < 1001; i++) {
        many[i] = start_fine[0];
    }
    struct sk *sk = sk_new();
    const grpc_call_options options = {.metadata = {many, 1001}};
    assert_null(
        stream_Streams_Talk_start(sk->channel, &sk_talk_events, sk, &options));
    assert_non_null(
        strstr(grpc_channel_error(sk->channel), "too much metadata"));
    sk_free(sk);
}

static void test_client_start__refused_arguments(void **state)
{
    (void)state;
    struct sk *sk = sk_new();
    const stream_Text bad = {.text = GRPC_STR("\xff")};
    assert_null(stream_Streams_Many_start(sk->channel, NULL, &sk_many_events,
                                          sk, NULL));
    assert_non_null(
        strstr(grpc_channel_error(sk->channel), "method or request is NULL"));
    assert_null(stream_Streams_Many_start(sk->channel, &bad, &sk_many_events,
                                          sk, NULL));
    assert_non_null(strstr(grpc_channel_error(sk->channel), "UTF-8"));
    assert_null(
        stream_Streams_Many_start(NULL, &bad, &sk_many_events, sk, NULL));
    assert_null(grpc_stream_start(sk->channel, NULL, NULL, NULL, NULL, NULL));
    sk_free(sk);
}

static void test_client_start__private_loop(void **state)
{
    (void)state;
    grpc_channel *channel = grpc_channel_new("127.0.0.1:1", NULL);
    assert_non_null(channel);
    assert_null(
        stream_Streams_Talk_start(channel, &sk_talk_events, NULL, NULL));
    assert_non_null(strstr(grpc_channel_error(channel), "private loop"));
    grpc_channel_free(channel);
}

static void test_client_start__names_of_methods(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *why;
    } rows[] = {
        {NULL, "a method is \"/package.Service/Method\""},
        {"", "a method is \"/package.Service/Method\""},
        {"a.B/C", "a method is \"/package.Service/Method\""},
        {"/a.B", "a method is \"/package.Service/Method\""},
        {"/a.B/C D", "the method's name has a byte that may not stand there"},
        {"/a.B/C\n", "the method's name has a byte that may not stand there"},
        {"/a.B/\x7f", "the method's name has a byte that may not stand there"},
        {"/a.B/\xc3\xa4",
         "the method's name has a byte that may not stand there"},
    };
    struct sk *sk = sk_new();
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_null(grpc_raw_start(sk->channel, rows[i].name, NULL, sk, NULL));
        assert_non_null(strstr(grpc_channel_error(sk->channel), rows[i].why));
    }
    sk_free(sk);
}

// identity is no encoding, and an empty list of metadata is none.
static void test_client_start__options_of_nothing(void **state)
{
    (void)state;
    struct sk *sk = sk_new();
    const grpc_call_options options = {
        .encoding = "identity",
        .metadata = {NULL, 0},
    };
    (void)sk_start_many(sk, 1, &options);
    sk_wait_end(sk, 1);
    assert_string_equal(sk->log.text, "headers reply:0 OK ");
    sk_free(sk);
}

static void start_see_metadata(grpc_call *call, struct sk *sk)
{
    grpc_str value;
    assert_true(grpc_metadata_get(grpc_call_headers(call), "a", 0, &value));
    assert_string_equal(value.data, "1");
    assert_true(grpc_metadata_get(grpc_call_headers(call), "a", 1, &value));
    assert_string_equal(value.data, "2");
    assert_true(grpc_call_header(call, "b-bin", &value));
    assert_int_equal(value.size, 3);
    assert_memory_equal(value.data, "\0\1\2", 3);
    sk_note(&sk->server_log, "seen");
    assert_int_equal(grpc_call_finish(call, GRPC_OK, NULL), GRPC_OK);
}

// The metadata and the name are copied.
static void test_client_start__what_is_borrowed_is_copied(void **state)
{
    (void)state;
    struct sk *sk = sk_new();
    sk->act = start_see_metadata;
    char key[] = "A";
    char value[] = "1";
    char bytes[] = {0, 1, 2};
    char encoding[] = "identity";
    grpc_header headers[] = {
        {key, value, 0}, {"b-bin", bytes, 3}, {"a", "2", 0}};
    const grpc_call_options options = {
        .metadata = {headers, 3},
        .encoding = encoding,
    };
    (void)sk_start_talk(sk, &options);
    memset(key, 'x', sizeof key - 1);
    memset(value, 'x', sizeof value - 1);
    memset(bytes, 'x', sizeof bytes);
    memset(headers, 0, sizeof headers);
    sk_wait_end(sk, 1);
    assert_string_equal(sk->server_log.text, "seen ");
    sk_free(sk);
}

// ---- Calls that are made for others -----------------------------------------

// A second client, whose calls a handler of the first one makes.
static struct sk_log start_child_log;
static int start_children_ended;
static grpc_call *start_child;
static uint32_t start_child_timeout;

static void start_child_end(grpc_call *call, const grpc_status *status,
                            void *self)
{
    (void)call;
    (void)self;
    start_children_ended++;
    start_child = NULL;
    sk_note(&start_child_log, "%s", grpc_code_name(status->code));
}

static const stream_Streams_Talk_events start_child_events = {
    .end = start_child_end,
};

static void start_child_of(grpc_call *call, struct sk *sk)
{
    if (start_child != NULL) {
        return; // the child's own handler: it never answers
    }
    const grpc_call_options options = {
        .parent = call,
        .timeout_ms = start_child_timeout,
    };
    start_child = stream_Streams_Talk_start(sk->channel, &start_child_events,
                                            sk, &options);
    assert_non_null(start_child);
    sk->extra = call;
}

static struct sk *start_new_family(const grpc_call_options *options,
                                   uint32_t child_timeout)
{
    struct sk *sk = sk_new();
    sk_clear(&start_child_log);
    start_children_ended = 0;
    start_child = NULL;
    start_child_timeout = child_timeout;
    sk->act = start_child_of;
    (void)sk_start_talk(sk, options);
    kit_turn(sk->loop);
    kit_turn(sk->loop);
    assert_int_equal(sk->handled, 2);
    return sk;
}

// The child has its parent's deadline, or an earlier one of its own.
static void test_client_start__parents_deadline(void **state)
{
    (void)state;
    static const struct {
        uint32_t parent;
        uint32_t child;
        int64_t least;
        int64_t most;
    } rows[] = {
        {0, 0, -1, -1},           {5000, 0, 4000, 5000},
        {5000, 9000, 4000, 5000}, {9000, 5000, 4000, 5000},
        {0, 5000, 4000, 5000},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sk *sk = start_new_family(
            &(grpc_call_options){.timeout_ms = rows[i].parent}, rows[i].child);
        int64_t left = grpc_call_time_left_ms(start_child);
        assert_true(left >= rows[i].least && left <= rows[i].most);
        // The server of the child's call knows of it, too.
        left = grpc_call_time_left_ms(sk->call);
        assert_true(left >= rows[i].least && left <= rows[i].most);
        if (rows[i].most >= 0) {
            kit_skip(sk->loop, 5001);
            kit_wait(sk->loop, &start_children_ended, 1);
        }
        sk_free(sk);
        assert_int_equal(start_children_ended, 1);
    }
}

// However the parent ends, the child is cancelled.
static void test_client_start__children_end_with_their_parent(void **state)
{
    (void)state;
    for (int way = 0; way < 3; way++) {
        struct sk *sk = start_new_family(NULL, 0);
        grpc_call *parent = sk->extra;
        if (way == 0) {
            assert_int_equal(grpc_call_finish(parent, GRPC_OK, NULL), GRPC_OK);
        } else if (way == 1) {
            assert_int_equal(grpc_call_fail(parent, GRPC_ABORTED, NULL),
                             GRPC_OK);
        } else {
            grpc_server_free(sk->server);
            sk->server = NULL;
        }
        kit_wait(sk->loop, &start_children_ended, 1);
        if (way < 2) {
            assert_string_equal(start_child_log.text, "CANCELLED ");
            kit_wait(sk->loop, &sk->told, 1); // the child's handler
        }
        sk_free(sk);
        assert_int_equal(start_children_ended, 1);
    }
}

// A child that ends before is forgotten by its parent.
static void test_client_start__child_ends_first(void **state)
{
    (void)state;
    struct sk *sk = start_new_family(NULL, 0);
    grpc_call *parent = sk->extra;
    grpc_cancel(start_child);
    kit_wait(sk->loop, &start_children_ended, 1);
    assert_int_equal(grpc_call_finish(parent, GRPC_OK, NULL), GRPC_OK);
    sk_wait_end(sk, 1);
    assert_int_equal(start_children_ended, 1);
    sk_free(sk);
}

static const char *start_parent_why;

static void start_wrong_parents(grpc_call *call, struct sk *sk)
{
    assert_int_equal(grpc_call_finish(call, GRPC_OK, NULL), GRPC_OK);
    const grpc_call_options options = {.parent = call};
    assert_null(stream_Streams_Talk_start(sk->channel, &start_child_events, sk,
                                          &options));
    start_parent_why = grpc_channel_error(sk->channel);
    assert_non_null(strstr(start_parent_why, "parent has ended"));
}

static void test_client_start__wrong_parents(void **state)
{
    (void)state;
    struct sk *sk = sk_new();
    sk->act = start_wrong_parents;
    grpc_call *call = sk_start_talk(sk, NULL);
    grpc_call_options options = {.parent = call};
    assert_null(stream_Streams_Talk_start(sk->channel, &start_child_events, sk,
                                          &options));
    assert_non_null(strstr(grpc_channel_error(sk->channel),
                           "parent is not a server's call"));
    sk_wait_end(sk, 1);
    assert_non_null(start_parent_why);
    // Of another loop.
    sk->act = NULL;
    grpc_loop *other = grpc_loop_new(NULL);
    grpc_channel *channel =
        grpc_channel_new("127.0.0.1:1", &(grpc_channel_options){.loop = other});
    (void)sk_start_talk(sk, NULL);
    kit_turn(sk->loop);
    options.parent = sk->call;
    assert_null(
        stream_Streams_Talk_start(channel, &start_child_events, sk, &options));
    assert_non_null(strstr(grpc_channel_error(channel),
                           "parent is a call of another loop"));
    grpc_channel_free(channel);
    assert_int_equal(grpc_loop_free(other), GRPC_OK);
    sk_free(sk);
}

// ---- No memory --------------------------------------------------------------

static void test_client_start__no_memory(void **state)
{
    (void)state;
    static char text[3000];
    memset(text, 't', sizeof text - 1);
    const grpc_header headers[] = {{"a", text, 0}, {"b-bin", text, 2000}};
    const grpc_call_options options = {.metadata = {headers, 2}};
    grpc_call *call = NULL;
    for (size_t fail = 1; call == NULL; fail++) {
        struct sk *sk = sk_new();
        kit_turn(sk->loop);
        sk->heap.fail_at = sk->heap.calls + fail;
        sk->heap.fail_on = true;
        call = stream_Streams_Many_start(
            sk->channel, &(stream_Text){.text = grpc_str_z(text)},
            &sk_many_events, sk, &options);
        sk->heap.fail_at = 0;
        sk->heap.fail_on = false;
        if (call == NULL) {
            assert_non_null(
                strstr(grpc_channel_error(sk->channel), "out of memory"));
            assert_int_equal(sk->ended, 0);
        }
        sk_free(sk);
        assert_int_equal(sk->ended, call != NULL);
        assert_true(fail < 100);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_client_start__refused_options),
        cmocka_unit_test(test_client_start__too_much_metadata),
        cmocka_unit_test(test_client_start__refused_arguments),
        cmocka_unit_test(test_client_start__private_loop),
        cmocka_unit_test(test_client_start__names_of_methods),
        cmocka_unit_test(test_client_start__options_of_nothing),
        cmocka_unit_test(test_client_start__what_is_borrowed_is_copied),
        cmocka_unit_test(test_client_start__parents_deadline),
        cmocka_unit_test(test_client_start__children_end_with_their_parent),
        cmocka_unit_test(test_client_start__child_ends_first),
        cmocka_unit_test(test_client_start__wrong_parents),
        cmocka_unit_test(test_client_start__no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

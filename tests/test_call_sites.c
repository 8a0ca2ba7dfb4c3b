// SPDX-License-Identifier: MIT
// Every public function on a call, from each of the places where the user has
// one, before and after each way to end it there: nothing breaks, each call
// ends once, and no memory is lost.

#include "tests/unit.h"

#include "core/call.h"
#include "tests/stream_kit.h"

enum sites_site {
    SITES_S_START,
    SITES_S_SENT,
    SITES_S_RECEIVED,
    SITES_S_END,
    SITES_S_ONE,
    SITES_S_MANY,
    SITES_S_COLLECT,
    SITES_S_TALK,
    SITES_S_MESSAGE,
    SITES_S_LAST,
    SITES_S_WRITABLE,
    SITES_S_TOLD,
    SITES_C_START,
    SITES_C_SENT,
    SITES_C_RECEIVED,
    SITES_C_END,
    SITES_C_HEADERS,
    SITES_C_MESSAGE,
    SITES_C_WRITABLE,
    SITES_C_DONE,
    SITES_C_OUTSIDE, // a client's call, between steps
    SITES_S_OUTSIDE,
    SITES_COUNT,
};

enum sites_ender {
    SITES_REPLY,
    SITES_FINISH,
    SITES_FAIL,
    SITES_FAIL_WITH,
    SITES_FAIL_STATUS,
    SITES_UNIMPLEMENTED,
    SITES_CANCEL,
    SITES_FREE_CHANNEL,
    SITES_FREE_SERVER,
    SITES_NOTHING,
    SITES_ENDERS,
};

struct sites {
    struct sk *sk;
    enum sites_site site;
    enum sites_ender ender;
    bool lends; // no interceptor sees the messages: bytes are lent
    bool busy;
    int hits;
    int started;
    int ended;
    int lent;
    int returned;
    grpc_call *talk;   // a client's, while it is open
    grpc_call *served; // a server's, while it is open
};

static void sites_return(void *argument)
{
    struct sites *sites = argument;
    sites->returned++;
}

static void sites_ask(grpc_call *call)
{
    grpc_str value;
    static const char key;
    (void)grpc_call_method(call);
    (void)grpc_call_peer(call);
    (void)grpc_call_loop(call);
    (void)grpc_call_arena(call);
    (void)grpc_call_alloc(call, 10);
    (void)grpc_call_printf(call, "%d", 1);
    (void)grpc_call_scratch(call);
    (void)grpc_call_set_value(call, &key, call);
    (void)grpc_call_value(call, &key);
    (void)grpc_call_time_left_ms(call);
    (void)grpc_call_elapsed_us(call);
    (void)grpc_call_is_over(call);
    (void)grpc_call_headers(call);
    (void)grpc_call_trailers(call);
    (void)grpc_call_header(call, "user-agent", &value);
    (void)grpc_call_header(call, NULL, NULL);
    (void)grpc_call_trailer(call, "x", &value);
    (void)grpc_call_was_compressed(call);
}

static void sites_send(grpc_call *call, struct sites *sites)
{
    static const char bytes[5000] = {0x12, 0};
    const stream_Text text = {.text = GRPC_STR("site")};
    grpc_call_compress(call, false);
    (void)grpc_call_add_header(call, "x-site", "1");
    (void)grpc_call_add_header(call, "x-bin", NULL);
    (void)grpc_call_add_header_bytes(call, "x-bin", NULL, 0);
    (void)grpc_call_add_header(call, NULL, NULL);
    (void)grpc_call_add_trailer(call, "x-site", "2");
    (void)grpc_call_set_encoding(call, "gzip");
    (void)grpc_call_set_encoding(call, NULL);
    (void)grpc_call_send_headers(call);
    (void)grpc_call_has_room(call);
    (void)grpc_call_send(call, NULL);
    (void)grpc_call_send(call, &text);
    grpc_str lent = {bytes, 2};
    sites->lent += grpc_call_send_bytes(call, lent, sites_return, sites) == 0;
    lent = (grpc_str){bytes, sizeof bytes};
    sites->lent += grpc_call_send_bytes(call, lent, sites_return, sites) == 0;
    (void)grpc_call_send_bytes(call, (grpc_str){NULL, 0}, NULL, NULL);
    (void)grpc_call_send_bytes(call, (grpc_str){NULL, 1}, NULL, NULL);
    grpc_call_compress(call, true);
}

static void sites_control(grpc_call *call)
{
    const void *next;
    grpc_str raw;
    grpc_call_pause(call);
    grpc_call_resume(call);
    (void)grpc_call_receive(call, NULL, NULL, NULL);
    (void)grpc_raw_receive(call, NULL, NULL, NULL);
    (void)grpc_call_next(call, &next);
    (void)grpc_raw_next(call, &raw);
    (void)grpc_call_await_headers(call);
    (void)grpc_call_proceed(call);
    (void)grpc_call_proceed(call);
    (void)grpc_call_end(call); // not one that is waited for
    (void)grpc_call_end_with(call, NULL);
}

static void sites_end(grpc_call *call, struct sites *sites,
                      enum sites_ender ender)
{
    struct sk *sk = sites->sk;
    const stream_Text text = {.text = GRPC_STR("end")};
    const grpc_status status = {GRPC_ABORTED, "no", 2, {"x", 1}};
    switch (ender) {
    case SITES_REPLY:
        (void)grpc_call_reply(call, &text);
        break;
    case SITES_FINISH:
        (void)grpc_call_finish(call, GRPC_OK, NULL);
        break;
    case SITES_FAIL:
        (void)grpc_call_fail(call, GRPC_ABORTED, "%s", "no");
        break;
    case SITES_FAIL_WITH:
        (void)grpc_call_fail_with(
            call, GRPC_ABORTED, NULL,
            GRPC_DETAILS(GRPC_DETAIL(stream_Text, &text)));
        break;
    case SITES_FAIL_STATUS:
        (void)grpc_call_fail_status(call, &status);
        break;
    case SITES_UNIMPLEMENTED:
        grpc_call_unimplemented(call);
        break;
    case SITES_CANCEL:
        (void)grpc_call_half_close(call);
        grpc_cancel(call);
        break;
    case SITES_FREE_CHANNEL:
        grpc_channel_free(sk->channel);
        sk->channel = NULL;
        break;
    case SITES_FREE_SERVER:
        grpc_server_free(sk->server);
        sk->server = NULL;
        break;
    case SITES_NOTHING:
    case SITES_ENDERS:
        break;
    }
}

// sites_at is called from every site; in the chosen one it does it all. True:
// it was the chosen one, for the first time.
static bool sites_at(grpc_call *call, struct sites *sites, enum sites_site site)
{
    if (site != sites->site || sites->busy || sites->hits > 3) {
        return false;
    }
    sites->busy = true;
    sites->hits++;
    bool outside = site == SITES_C_OUTSIDE || site == SITES_S_OUTSIDE;
    sites_ask(call);
    sites_send(call, sites);
    sites_control(call);
    sites_end(call, sites, sites->ender);
    for (int i = 0; i < SITES_FREE_CHANNEL && !outside; i++) {
        sites_ask(call);
        sites_send(call, sites);
        sites_control(call);
        sites_end(call, sites, (enum sites_ender)i);
    }
    sites->busy = false;
    return true;
}

// ---- Interceptors -----------------------------------------------------------

#define SITES_INTERCEPTOR(side, letter)                                      \
 static void side##_start(grpc_call *call, void *self)                       \
 {                                                                           \
  if (!sites_at(call, self, SITES_##letter##_START)) {                       \
   (void)grpc_call_proceed(call);                                            \
  }                                                                          \
 }                                                                           \
 static void side##_sent(grpc_call *call, grpc_str *message, void *self)     \
 {                                                                           \
  (void)message;                                                             \
  (void)sites_at(call, self, SITES_##letter##_SENT);                         \
 }                                                                           \
 static void side##_received(grpc_call *call, grpc_str *message, void *self) \
 {                                                                           \
  (void)message;                                                             \
  (void)sites_at(call, self, SITES_##letter##_RECEIVED);                     \
 }                                                                           \
 static void side##_end(grpc_call *call, const grpc_status *status,          \
                        void *self)                                          \
 {                                                                           \
  (void)status;                                                              \
  (void)sites_at(call, self, SITES_##letter##_END);                          \
 }

SITES_INTERCEPTOR(sites_server, S)
SITES_INTERCEPTOR(sites_client, C)

// ---- The server -------------------------------------------------------------

static void sites_told(void *argument)
{
    struct sites *sites = argument;
    if (sites->served != NULL) {
        grpc_call *call = sites->served;
        sites->served = NULL;
        (void)sites_at(call, sites, SITES_S_TOLD);
    }
}

static void sites_one(grpc_call *call, const stream_Text *request, void *self)
{
    (void)sites_at(call, self, SITES_S_ONE);
    (void)stream_Streams_One_reply(call, request);
}

static void sites_many(grpc_call *call, const stream_Text *request, void *self)
{
    (void)sites_at(call, self, SITES_S_MANY);
    (void)stream_Streams_Many_send(call, request);
    (void)grpc_call_finish(call, GRPC_OK, NULL);
}

static void sites_message(grpc_call *call, const stream_Text *request,
                          void *self)
{
    (void)sites_at(call, self, SITES_S_MESSAGE);
    (void)stream_Streams_Talk_send_reply(call, request);
}

static void sites_last(grpc_call *call, void *self)
{
    (void)sites_at(call, self, SITES_S_LAST);
    (void)stream_Streams_Collect_reply(call, &(stream_Text){.number = 1});
    (void)grpc_call_finish(call, GRPC_OK, NULL);
}

static void sites_collect(grpc_call *call, void *self)
{
    (void)sites_at(call, self, SITES_S_COLLECT);
    (void)stream_Streams_Collect_receive(call, sites_message, sites_last, self);
}

static void sites_on_room(grpc_call *call, void *self)
{
    (void)sites_at(call, self, SITES_S_WRITABLE);
}

static void sites_fill(grpc_call *call)
{
    static const char bytes[70000];
    const stream_Text large = {.data = {bytes, sizeof bytes}};
    grpc_result result = GRPC_OK;
    for (int i = 0; i < 10 && result == GRPC_OK; i++) {
        result = grpc_call_send(call, &large);
    }
}

static void sites_talk(grpc_call *call, void *self)
{
    struct sites *sites = self;
    if (sites->site == SITES_S_TOLD) {
        sites->served = call;
        grpc_call_on_end(call, sites_told, self);
    }
    if (sites_at(call, self, SITES_S_TALK)) {
        (void)grpc_call_finish(call, GRPC_OK, NULL);
        return;
    }
    grpc_call_on_writable(call, sites_on_room, self);
    if (sites->site == SITES_S_WRITABLE) {
        sites_fill(call);
    }
    if (sites->site == SITES_S_OUTSIDE) {
        sites->served = call;
        return;
    }
    (void)stream_Streams_Talk_receive(call, sites_message, sites_last, self);
}

static const stream_Streams sites_handlers = {
    .One = sites_one,
    .Many = sites_many,
    .Collect = sites_collect,
    .Talk = sites_talk,
};

// ---- The client -------------------------------------------------------------

static void sites_headers(grpc_call *call, void *self)
{
    (void)sites_at(call, self, SITES_C_HEADERS);
}

static void sites_reply(grpc_call *call, const stream_Text *reply, void *self)
{
    (void)reply;
    (void)sites_at(call, self, SITES_C_MESSAGE);
}

static void sites_room(grpc_call *call, void *self)
{
    (void)sites_at(call, self, SITES_C_WRITABLE);
}

static void sites_done_with(grpc_call *call, const grpc_status *status,
                            const stream_Text *reply, void *self)
{
    struct sites *sites = self;
    (void)reply;
    (void)status;
    if (call == sites->talk) {
        sites->talk = NULL;
    }
    sites->ended++;
    (void)sites_at(call, sites, SITES_C_DONE);
}

static void sites_done(grpc_call *call, const grpc_status *status, void *self)
{
    sites_done_with(call, status, NULL, self);
}

static grpc_call *sites_note(struct sites *sites, grpc_call *call)
{
    sites->started += call != NULL;
    return call;
}

static void sites_start(struct sites *sites)
{
    static const stream_Streams_Talk_events talk = {sites_headers, sites_reply,
                                                    sites_room, sites_done};
    static const stream_Streams_Many_events many = {sites_headers, sites_reply,
                                                    sites_room, sites_done};
    static const stream_Streams_Collect_events collect = {
        sites_headers, sites_room, sites_done_with};
    const stream_Text text = {.text = GRPC_STR("hello")};
    const grpc_call_options options = {.encoding = NULL, .timeout_ms = 5000};
    grpc_channel **channel = &sites->sk->channel;
    (void)sites_note(sites, stream_Streams_One_start(
                                *channel, &text, sites_done_with, sites, NULL));
    (void)sites_note(sites, stream_Streams_Many_start(*channel, &text, &many,
                                                      sites, &options));
    grpc_call *call = sites_note(
        sites, stream_Streams_Collect_start(*channel, &collect, sites, NULL));
    if (call != NULL) {
        (void)grpc_call_send(call, &text);
        (void)grpc_call_half_close(call);
    }
    sites->talk = sites_note(
        sites, stream_Streams_Talk_start(*channel, &talk, sites, &options));
    if (sites->talk != NULL) {
        (void)grpc_call_send(sites->talk, &text);
        if (sites->site == SITES_C_WRITABLE) {
            sites_fill(sites->talk);
        }
    }
}

static void sites_go(struct sites *sites)
{
    struct sk *sk = sites->sk;
    sites_start(sites);
    kit_turn(sk->loop);
    if (sites->site == SITES_C_OUTSIDE && sites->talk != NULL) {
        (void)sites_at(sites->talk, sites, SITES_C_OUTSIDE);
    }
    if (sites->site == SITES_S_OUTSIDE && sites->served != NULL) {
        (void)sites_at(sites->served, sites, SITES_S_OUTSIDE);
    }
    kit_turn(sk->loop);
    if (sites->talk != NULL && sites->site != SITES_S_TOLD) {
        (void)grpc_call_half_close(sites->talk);
    }
    kit_turn(sk->loop);
    if (sites->talk != NULL) {
        grpc_cancel(sites->talk);
    }
    kit_turn(sk->loop);
}

static void sites_run(struct sites *sites)
{
    grpc_interceptor server = {sites_server_start, sites_server_sent,
                               sites_server_received, sites_server_end, sites};
    grpc_interceptor client = {sites_client_start, sites_client_sent,
                               sites_client_received, sites_client_end, sites};
    if (sites->lends) {
        server.sent = NULL;
        server.received = NULL;
        client.sent = NULL;
        client.received = NULL;
    }
    static struct sk sk;
    memset(&sk, 0, sizeof sk);
    sites->sk = &sk;
    test_heap_init(&sk.heap);
    sk.loop = kit_loop(&sk.heap, NULL);
    sk.server = grpc_server_new(&(grpc_server_options){
        .loop = sk.loop, .interceptors = GRPC_INTERCEPTORS(&server)});
    assert_int_equal(stream_Streams_serve(sk.server, &sites_handlers, sites),
                     GRPC_OK);
    int fds[2];
    kit_pair_of_sockets(fds);
    assert_int_equal(grpc_server_serve_fd(sk.server, fds[0]), GRPC_OK);
    sk.channel = grpc_channel_new_fd(
        fds[1],
        &(grpc_channel_options){.loop = sk.loop,
                                .interceptors = GRPC_INTERCEPTORS(&client)});
    sites_go(sites);
    sites->busy = true; // what comes now is the end
    grpc_channel_free(sk.channel);
    grpc_server_free(sk.server);
    assert_int_equal(sites->ended, sites->started);
    assert_int_equal(sites->returned, sites->lent);
    assert_int_equal(grpc_loop_free(sk.loop), GRPC_OK);
    assert_true(test_heap_is_clean(&sk.heap));
}

static bool sites_sees_messages(enum sites_site site)
{
    return site == SITES_S_SENT || site == SITES_S_RECEIVED ||
           site == SITES_C_SENT || site == SITES_C_RECEIVED;
}

static void sites_run_all(bool lends)
{
    for (int site = 0; site < SITES_COUNT; site++) {
        for (int ender = 0; ender < SITES_ENDERS; ender++) {
            struct sites sites = {
                .site = (enum sites_site)site,
                .ender = (enum sites_ender)ender,
                .lends = lends,
            };
            sites_run(&sites);
            if (!lends || !sites_sees_messages(sites.site)) {
                assert_true(sites.hits > 0);
            }
        }
    }
}

static void test_call_sites__seen(void **state)
{
    (void)state;
    sites_run_all(false);
}

static void test_call_sites__lent(void **state)
{
    (void)state;
    sites_run_all(true);
}

// Every function takes NULL.
static void test_call_sites__null(void **state)
{
    struct sites sites = {.site = SITES_COUNT};
    struct sk sk = {.channel = NULL};
    (void)state;
    sites.sk = &sk;
    sites_ask(NULL);
    sites_send(NULL, &sites);
    sites_control(NULL);
    for (int i = 0; i < SITES_ENDERS; i++) {
        sites_end(NULL, &sites, (enum sites_ender)i);
    }
    assert_int_equal(sites.lent, 0);
    assert_int_equal(grpc_call_half_close(NULL), GRPC_EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_call_sites__null),
        cmocka_unit_test(test_call_sites__seen),
        cmocka_unit_test(test_call_sites__lent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: MIT

#include "tests/unit.h"

#include "core/call_credentials.h"
#include "tests/inproc_kit.h"
#include "tests/toy_tls.h"

// ---- Credentials that note what they are asked ------------------------------

enum cred_mode { CRED_GIVE, CRED_HOLD, CRED_FAIL };

// Credentials, or an interceptor that does the same; name stands in the log, and
// is the metadata that they add.
struct cred {
    const char *name;
    enum cred_mode mode;
    grpc_call *call; // that it was asked for last; NULL: its end was told
    int asked;
    void (*act)(struct cred *cred, grpc_call *call);
};

static struct sk_log cred_log;
static struct cred cred_i; // an interceptor
static struct cred cred_c; // the channel's
static struct cred cred_d; // the call's

static void cred_give(struct cred *cred)
{
    grpc_call *call = cred->call;
    assert_int_equal(grpc_call_add_header(call, cred->name, "token"), GRPC_OK);
    assert_int_equal(grpc_call_proceed(call), GRPC_OK);
    assert_int_equal(grpc_call_proceed(call), GRPC_ESTATE);
}

static void cred_start(grpc_call *call, void *self)
{
    struct cred *cred = self;
    cred->call = call;
    cred->asked++;
    sk_note(&cred_log, "%s?", cred->name);
    if (cred->act != NULL) {
        cred->act(cred, call);
    }
    if (cred->mode == CRED_GIVE) {
        cred_give(cred);
    } else if (cred->mode == CRED_FAIL) {
        assert_int_equal(grpc_call_fail(call, GRPC_UNAVAILABLE, "no token"),
                         GRPC_OK);
    }
}

static void cred_end(grpc_call *call, const grpc_status *status, void *self)
{
    struct cred *cred = self;
    assert_ptr_equal(call, cred->call);
    // It is too late for a token.
    assert_int_equal(grpc_call_add_header(call, "x", "y"), GRPC_ESTATE);
    assert_int_equal(grpc_call_proceed(call), GRPC_ESTATE);
    assert_int_equal(grpc_call_fail(call, GRPC_ABORTED, NULL), GRPC_ESTATE);
    sk_note(&cred_log, "%s.%s", cred->name, grpc_code_name(status->code));
    cred->call = NULL;
}

static grpc_call_credentials cred_of(struct cred *cred)
{
    return (grpc_call_credentials){
        .start = cred_start,
        .end = cred_end,
        .self = cred,
    };
}

static grpc_call_options cred_options(struct cred *cred)
{
    return (grpc_call_options){.credentials = cred_of(cred)};
}

static void cred_reset(void)
{
    sk_clear(&cred_log);
    cred_i = (struct cred){.name = "i"};
    cred_c = (struct cred){.name = "c"};
    cred_d = (struct cred){.name = "d"};
}

// ---- A server that tells what it was shown ----------------------------------

static void cred_handle(grpc_call *call, const stream_Text *request,
                        struct sk *sk)
{
    (void)sk;
    grpc_str i;
    grpc_str c;
    grpc_str d;
    (void)grpc_call_header(call, "i", &i);
    (void)grpc_call_header(call, "c", &c);
    (void)grpc_call_header(call, "d", &d);
    assert_int_equal(stream_Streams_One_reply(
                         call, &(stream_Text){.text = grpc_call_printf(
                                                  call, "%s i=%s c=%s d=%s",
                                                  request->text.data, i.data,
                                                  c.data, d.data)}),
                     GRPC_OK);
}

// cred_new: a channel over a socket with the interceptor and the channel's
// credentials, as secure as that.
static struct sk *cred_new(bool has_interceptor, bool has_credentials,
                           grpc_security security)
{
    const grpc_interceptor made = {
        .start = cred_start,
        .end = cred_end,
        .self = &cred_i,
    };
    const grpc_interceptor *list[] = {&made};
    grpc_channel_options options = {.authority = "host:443"};
    if (has_interceptor) {
        options.interceptors = (grpc_interceptors){list, 1};
    }
    if (has_credentials) {
        options.call_credentials = cred_of(&cred_c);
    }
    struct sk *sk =
        sk_new_with(&(grpc_server_options){.max_connections = 0}, &options);
    memset(&options, 0xa5, sizeof options); // they were copied
    sk->act_on = cred_handle;
    sk->channel->security = security;
    return sk;
}

static grpc_call *cred_call(struct sk *sk, const grpc_call_options *options)
{
    grpc_call *call = stream_Streams_One_start(
        sk->channel, &(stream_Text){.text = GRPC_STR("x")}, sk_end_with, sk,
        options);
    assert_non_null(call);
    return call;
}

// ---- Turns ------------------------------------------------------------------

static void test_call_credentials__order(void **state)
{
    (void)state;
    cred_reset();
    struct sk *sk = cred_new(true, true, GRPC_PRIVATE);
    grpc_call_options options = cred_options(&cred_d);
    (void)cred_call(sk, &options);
    memset(&options, 0xa5, sizeof options); // they were copied
    sk_wait_end(sk, 1);
    assert_string_equal(sk->log.text, "x i=token c=token d=token:0 OK ");
    assert_string_equal(cred_log.text, "i? c? d? d.OK c.OK i.OK ");

    // Another call of the channel has the channel's alone.
    (void)cred_call(sk, NULL);
    sk_wait_end(sk, 2);
    assert_string_equal(cred_log.text, "i? c? d? d.OK c.OK i.OK "
                                       "i? c? c.OK i.OK ");
    sk_free(sk);
}

// Each of them alone, and none: a start that is NULL is none.
static void test_call_credentials__alone(void **state)
{
    static const char *const logs[] = {
        "x i= c= d=:0 OK ",
        "x i= c=token d=:0 OK ",
        "x i= c= d=token:0 OK ",
        "x i= c=token d=token:0 OK ",
    };
    (void)state;
    for (int i = 0; i < 4; i++) {
        cred_reset();
        struct sk *sk = cred_new(false, (i & 1) != 0, GRPC_PRIVATE);
        grpc_call_options options = cred_options(&cred_d);
        if ((i & 2) == 0) {
            options.credentials.start = NULL;
        }
        (void)cred_call(sk, &options);
        sk_wait_end(sk, 1);
        assert_string_equal(sk->log.text, logs[i]);
        assert_int_equal(cred_c.asked, (i & 1) != 0);
        assert_int_equal(cred_d.asked, (i & 2) != 0);
        sk_free(sk);
    }
}

// The token comes later, and what a stream sends meanwhile waits.
static void test_call_credentials__later(void **state)
{
    (void)state;
    cred_reset();
    cred_c.mode = CRED_HOLD;
    cred_d.mode = CRED_HOLD;
    struct sk *sk = cred_new(true, true, GRPC_PRIVATE);
    sk->act_on = NULL;
    const grpc_call_options options = cred_options(&cred_d);
    grpc_call *call = sk_start_talk(sk, &options);
    assert_int_equal(sk_say(call, "early", 1), GRPC_OK);
    kit_turn(sk->loop);
    assert_string_equal(cred_log.text, "i? c? ");
    cred_give(&cred_c);
    assert_string_equal(cred_log.text, "i? c? "); // it is the loop that goes on
    kit_turn(sk->loop);
    assert_string_equal(cred_log.text, "i? c? d? ");
    assert_int_equal(sk->received, 0);
    cred_give(&cred_d);
    kit_turn(sk->loop);
    assert_int_equal(sk->received, 1);
    assert_int_equal(grpc_call_half_close(call), GRPC_OK);
    sk_wait_end(sk, 1);
    assert_int_equal(sk->code, GRPC_OK);
    sk_free(sk);
}

// A call that is waited for; the token comes from a timer of the same loop.
static void cred_on_timer(void *argument)
{
    struct cred *cred = argument;
    cred_give(cred);
}

static grpc_timer *cred_timer;

static void cred_set_timer(struct cred *cred, grpc_call *call)
{
    cred_timer = grpc_timer_start(grpc_call_loop(call), 2, cred_on_timer, cred);
    assert_non_null(cred_timer);
}

static void test_call_credentials__waited_for(void **state)
{
    (void)state;
    cred_reset();
    cred_c.mode = CRED_HOLD;
    cred_c.act = cred_set_timer;
    struct sk *sk = cred_new(false, true, GRPC_PRIVATE);
    grpc_arena arena = {0};
    stream_Text reply;
    grpc_status status =
        stream_Streams_One(sk->channel, &arena,
                           &(stream_Text){.text = GRPC_STR("x")}, &reply, NULL);
    assert_int_equal(status.code, GRPC_OK);
    assert_string_equal(reply.text.data, "x i= c=token d=");
    assert_string_equal(cred_log.text, "c? c.OK ");
    grpc_arena_free(&arena);
    sk_free(sk);
}

// ---- The end of a call that waits for its token -----------------------------

static void test_call_credentials__deadline(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        cred_reset();
        (i == 0 ? &cred_d : &cred_i)->mode = CRED_HOLD;
        struct sk *sk = cred_new(true, true, GRPC_PRIVATE);
        grpc_call_options options = cred_options(&cred_d);
        options.timeout_ms = 1;
        (void)cred_call(sk, &options);
        sk_wait_end(sk, 1);
        assert_int_equal(sk->code, GRPC_DEADLINE_EXCEEDED);
        assert_string_equal(
            sk->text,
            i == 0 ? "deadline exceeded while waiting for call credentials"
                   : "deadline exceeded while waiting for an interceptor");
        assert_string_equal(
            cred_log.text,
            i == 0 ? "i? c? d? d.DEADLINE_EXCEEDED c.DEADLINE_EXCEEDED "
                     "i.DEADLINE_EXCEEDED "
                   : "i? i.DEADLINE_EXCEEDED ");
        assert_int_equal(sk->handled, 0);
        sk_free(sk);
    }
}

static void test_call_credentials__cancelled(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        cred_reset();
        cred_d.mode = CRED_HOLD;
        struct sk *sk = cred_new(false, true, GRPC_PRIVATE);
        const grpc_call_options options = cred_options(&cred_d);
        grpc_call *call = cred_call(sk, &options);
        kit_turn(sk->loop);
        assert_ptr_equal(cred_d.call, call);
        if (i == 0) {
            grpc_cancel(call);
            // It has ended, and its callback is due.
            assert_int_equal(grpc_call_proceed(call), GRPC_ESTATE);
        } else {
            grpc_channel_free(sk->channel);
            sk->channel = NULL;
        }
        sk_wait_end(sk, 1);
        assert_string_equal(cred_log.text, "c? d? d.CANCELLED c.CANCELLED ");
        assert_int_equal(sk->handled, 0);
        sk_free(sk);
    }
}

// ---- Failure ----------------------------------------------------------------

// What a server may say alone is not taken from credentials (gRFC A54).
static void test_call_credentials__codes(void **state)
{
    static const struct {
        int code;
        grpc_code told;
        const char *text;
        grpc_result result;
    } rows[] = {
        {0, GRPC_INTERNAL, "the call credentials failed with OK: why",
         GRPC_EINVAL},
        {1, GRPC_CANCELLED, "why", GRPC_OK},
        {2, GRPC_UNKNOWN, "why", GRPC_OK},
        {3, GRPC_INTERNAL,
         "the call credentials failed with INVALID_ARGUMENT: why", GRPC_OK},
        {4, GRPC_DEADLINE_EXCEEDED, "why", GRPC_OK},
        {5, GRPC_INTERNAL, "the call credentials failed with NOT_FOUND: why",
         GRPC_OK},
        {6, GRPC_INTERNAL,
         "the call credentials failed with ALREADY_EXISTS: why", GRPC_OK},
        {7, GRPC_PERMISSION_DENIED, "why", GRPC_OK},
        {8, GRPC_RESOURCE_EXHAUSTED, "why", GRPC_OK},
        {9, GRPC_INTERNAL,
         "the call credentials failed with FAILED_PRECONDITION: why", GRPC_OK},
        {10, GRPC_INTERNAL, "the call credentials failed with ABORTED: why",
         GRPC_OK},
        {11, GRPC_INTERNAL,
         "the call credentials failed with OUT_OF_RANGE: why", GRPC_OK},
        {12, GRPC_UNIMPLEMENTED, "why", GRPC_OK},
        {13, GRPC_INTERNAL, "why", GRPC_OK},
        {14, GRPC_UNAVAILABLE, "why", GRPC_OK},
        {15, GRPC_INTERNAL, "the call credentials failed with DATA_LOSS: why",
         GRPC_OK},
        {16, GRPC_UNAUTHENTICATED, "why", GRPC_OK},
        {17, GRPC_UNKNOWN, "why", GRPC_EINVAL},
        {-1, GRPC_UNKNOWN, "why", GRPC_EINVAL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cred_reset();
        cred_d.mode = CRED_HOLD;
        struct sk *sk = cred_new(false, true, GRPC_PRIVATE);
        const grpc_call_options options = cred_options(&cred_d);
        (void)cred_call(sk, &options);
        kit_turn(sk->loop);
        assert_int_equal(
            grpc_call_fail(cred_d.call, (grpc_code)rows[i].code, "w%s", "hy"),
            rows[i].result);
        sk_wait_end(sk, 1);
        assert_int_equal(sk->code, rows[i].told);
        assert_string_equal(sk->text, rows[i].text);
        assert_int_equal(sk->handled, 0);
        sk_free(sk);
    }
}

static void cred_fail_silently(struct cred *cred, grpc_call *call)
{
    (void)cred;
    assert_int_equal(grpc_call_fail(call, GRPC_NOT_FOUND, NULL), GRPC_OK);
}

// At once, and without words.
static void test_call_credentials__fail_at_once(void **state)
{
    (void)state;
    cred_reset();
    cred_c.mode = CRED_FAIL;
    struct sk *sk = cred_new(true, true, GRPC_PRIVATE);
    const grpc_call_options options = cred_options(&cred_d);
    (void)cred_call(sk, &options);
    sk_wait_end(sk, 1);
    assert_string_equal(sk->log.text, "UNAVAILABLE ");
    assert_string_equal(sk->text, "no token");
    assert_string_equal(cred_log.text, "i? c? c.UNAVAILABLE i.UNAVAILABLE ");
    sk_free(sk);

    cred_reset();
    cred_c.mode = CRED_HOLD;
    cred_c.act = cred_fail_silently;
    sk = cred_new(false, true, GRPC_PRIVATE);
    (void)cred_call(sk, NULL);
    sk_wait_end(sk, 1);
    assert_int_equal(sk->code, GRPC_INTERNAL);
    assert_string_equal(sk->text, "the call credentials failed with NOT_FOUND");
    sk_free(sk);
}

// An interceptor is no part of the control plane.
static void test_call_credentials__interceptors_have_all_codes(void **state)
{
    (void)state;
    cred_reset();
    cred_i.mode = CRED_HOLD;
    struct sk *sk = cred_new(true, true, GRPC_PRIVATE);
    (void)cred_call(sk, NULL);
    kit_turn(sk->loop);
    assert_int_equal(grpc_call_fail(cred_i.call, GRPC_NOT_FOUND, "why"),
                     GRPC_OK);
    sk_wait_end(sk, 1);
    assert_int_equal(sk->code, GRPC_NOT_FOUND);
    assert_string_equal(sk->text, "why");
    assert_int_equal(cred_c.asked, 0);
    sk_free(sk);
}

// ---- Who may read them ------------------------------------------------------

#define CRED_REFUSED "call credentials are not sent over an insecure connection"

static void test_call_credentials__insecure(void **state)
{
    // Who allows it: 1 the channel's, 2 the call's.
    static const struct {
        grpc_security security;
        int has; // credentials: 1 the channel's, 2 the call's
        int allow;
        const char *log; // NULL: it is sent
    } rows[] = {
        {GRPC_INSECURE, 1, 0, "i? i.UNAUTHENTICATED "},
        {GRPC_INSECURE, 2, 0, "i? i.UNAUTHENTICATED "},
        {GRPC_INTEGRITY, 1, 0, "i? i.UNAUTHENTICATED "},
        {GRPC_INTEGRITY, 2, 0, "i? i.UNAUTHENTICATED "},
        {GRPC_INSECURE, 1, 2, "i? i.UNAUTHENTICATED "},
        {GRPC_INSECURE, 2, 1, "i? i.UNAUTHENTICATED "},
        {GRPC_INSECURE, 3, 2, "i? i.UNAUTHENTICATED "},
        {GRPC_INSECURE, 3, 1, "i? c? c.UNAUTHENTICATED i.UNAUTHENTICATED "},
        {GRPC_INSECURE, 0, 0, NULL},
        {GRPC_INSECURE, 1, 1, NULL},
        {GRPC_INSECURE, 2, 2, NULL},
        {GRPC_INSECURE, 3, 3, NULL},
        {GRPC_PRIVATE, 3, 0, NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cred_reset();
        const grpc_interceptor made = {
            .start = cred_start,
            .end = cred_end,
            .self = &cred_i,
        };
        const grpc_interceptor *list[] = {&made};
        grpc_channel_options channel = {.interceptors = {list, 1}};
        grpc_call_options options = {0};
        if ((rows[i].has & 1) != 0) {
            channel.call_credentials = cred_of(&cred_c);
        }
        if ((rows[i].has & 2) != 0) {
            options.credentials = cred_of(&cred_d);
        }
        channel.call_credentials.allow_insecure = (rows[i].allow & 1) != 0;
        options.credentials.allow_insecure = (rows[i].allow & 2) != 0;
        struct sk *sk =
            sk_new_with(&(grpc_server_options){.max_connections = 0}, &channel);
        sk->act_on = cred_handle;
        sk->channel->security = rows[i].security;
        // Each call says so, and not the first alone.
        for (int k = 0; k < 2; k++) {
            sk_clear(&cred_log);
            (void)cred_call(sk, &options);
            sk_wait_end(sk, k + 1);
            if (rows[i].log == NULL) {
                assert_int_equal(sk->code, GRPC_OK);
                continue;
            }
            assert_int_equal(sk->code, GRPC_UNAUTHENTICATED);
            assert_string_equal(sk->text, CRED_REFUSED);
            assert_string_equal(cred_log.text, rows[i].log);
            assert_int_equal(sk->handled, 0);
        }
        sk_free(sk);
    }
}

// Nobody listens to what a process tells itself.
static void test_call_credentials__in_process(void **state)
{
    (void)state;
    cred_reset();
    const grpc_channel_options channel = {.call_credentials = cred_of(&cred_c)};
    struct sk *sk =
        inproc_new_with(&(grpc_server_options){.max_connections = 0}, &channel);
    sk->act_on = cred_handle;
    (void)cred_call(sk, NULL);
    sk_wait_end(sk, 1);
    assert_string_equal(sk->log.text, "x i= c=token d=:0 OK ");
    sk_free(sk);
}

static struct toy cred_toy;

enum cred_channel { CRED_NONE, CRED_LOCAL, CRED_TLS };

static grpc_credentials *cred_credentials(enum cred_channel kind,
                                          bool is_server)
{
    if (kind == CRED_TLS) {
        return is_server ? toy_server(&cred_toy) : toy_client(&cred_toy);
    }
    return kind == CRED_LOCAL ? grpc_local() : NULL;
}

// cred_connect: a channel over a unix socket, or to an address of loopback.
static struct sk *cred_connect(enum cred_channel kind, bool is_unix)
{
    const grpc_server_options server = {
        .credentials = cred_credentials(kind, true),
    };
    grpc_channel_options options = {
        .credentials = cred_credentials(kind, false),
        .call_credentials = cred_of(&cred_c),
    };
    struct sk *sk = sk_new_with(&server, &options);
    sk->act_on = cred_handle;
    if (!is_unix) {
        char target[32];
        assert_int_equal(grpc_server_listen(sk->server, "127.0.0.1:0", NULL),
                         GRPC_OK);
        (void)snprintf(target, sizeof target, "127.0.0.1:%u",
                       (unsigned)grpc_server_port(sk->server));
        grpc_channel_free(sk->channel);
        options.loop = sk->loop;
        options.credentials = cred_credentials(kind, false);
        sk->channel = grpc_channel_new(target, &options);
        assert_non_null(sk->channel);
    }
    return sk;
}

// How secure a channel is, its own credentials say.
static void test_call_credentials__by_the_channels_own(void **state)
{
    static const struct {
        enum cred_channel kind;
        bool is_unix;
        bool is_sent;
    } rows[] = {
        {CRED_NONE, true, false}, {CRED_NONE, false, false},
        {CRED_LOCAL, true, true}, {CRED_LOCAL, false, false},
        {CRED_TLS, true, true},   {CRED_TLS, false, true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cred_reset();
        cred_toy = (struct toy){.is_address = !rows[i].is_unix};
        struct sk *sk = cred_connect(rows[i].kind, rows[i].is_unix);
        (void)cred_call(sk, NULL);
        sk_wait_end(sk, 1);
        if (rows[i].is_sent) {
            assert_string_equal(sk->log.text, "x i= c=token d=:0 OK ");
        } else {
            assert_string_equal(sk->text, CRED_REFUSED);
            assert_int_equal(sk->handled + cred_c.asked, 0);
        }
        sk_free(sk);
    }
}

// A channel that cannot be tells why, and not how secure it would have been.
static void test_call_credentials__bad_target(void **state)
{
    (void)state;
    cred_reset();
    struct sk *sk = sk_new();
    const grpc_channel_options channel = {
        .loop = sk->loop,
        .call_credentials = cred_of(&cred_c),
    };
    grpc_channel *bad = grpc_channel_new("dns:///", &channel);
    assert_non_null(bad);
    (void)stream_Streams_One_start(bad, &(stream_Text){.text = GRPC_STR("x")},
                                   sk_end_with, sk, NULL);
    sk_wait_end(sk, 1);
    assert_int_equal(sk->code, GRPC_INVALID_ARGUMENT);
    assert_string_equal(sk->text, grpc_channel_failure(bad));
    assert_int_equal(cred_c.asked, 0);
    grpc_channel_free(bad);
    sk_free(sk);
}

// ---- What they add ----------------------------------------------------------

static void cred_add_wrong(struct cred *cred, grpc_call *call)
{
    (void)cred;
    assert_int_equal(grpc_call_add_header(call, "Author ization", "x"),
                     GRPC_EINVAL);
    assert_int_equal(grpc_call_add_header(call, "authorization", "a\nb"),
                     GRPC_EINVAL);
    // A name that gRPC uses is left out, as the user's is.
    assert_int_equal(grpc_call_add_header(call, "grpc-timeout", "1S"), GRPC_OK);
    assert_int_equal(grpc_call_add_header(call, "Authorization", "Bearer a.b"),
                     GRPC_OK);
}

#define CRED_HEADERS                                                      \
 " :method: POST\n :scheme: http\n :path: /kit.Greeter/Say\n"             \
 " :authority: localhost\n content-type: application/grpc\n user-agent: " \
 "grpc-cgrpc/" GRPC_VERSION "\n te: trailers\n" KIT_ACCEPTS " k: v\n"     \
 " authorization: Bearer a.b\n c: token\n"

// A call that its server has not processed is sent with the same once more.
static void test_call_credentials__asked_once(void **state)
{
    (void)state;
    cred_reset();
    cred_c.act = cred_add_wrong;
    const grpc_channel_options channel = {.call_credentials = cred_of(&cred_c)};
    struct kit_bench *bench = kit_bench_channel(NULL, &channel);
    bench->channel->security = GRPC_PRIVATE;
    struct kit_result result = {0};
    const grpc_header user = {"k", "v", 1};
    assert_non_null(kit_call_with(
        bench->channel, GRPC_STR("bob"), &result,
        &(grpc_call_options){.metadata = {&user, 1}, .wait_for_ready = true}));
    kit_expect(&bench->peer, bench->loop,
               "HEADERS 1\n" CRED_HEADERS "DATA 1 00000000050a03626f62 end\n");
    kit_rst(&bench->peer, 1, H2_REFUSED_STREAM);
    kit_expect(&bench->peer, bench->loop,
               "HEADERS 3\n" CRED_HEADERS "DATA 3 00000000050a03626f62 end\n");
    kit_headers(&bench->peer, 3, false, KIT_RESPONSE);
    kit_message(&bench->peer, 3, false, "Hello");
    kit_headers(&bench->peer, 3, true, "grpc-status: 0\n");
    kit_turn(bench->loop);
    assert_int_equal(result.done, 1);
    assert_int_equal(result.code, GRPC_OK);
    assert_string_equal(cred_log.text, "c? c.OK ");
    kit_bench_end(bench);
}

// ---- For whom ---------------------------------------------------------------

static void test_grpc_call_audience(void **state)
{
    static const struct {
        const char *channel;
        const char *call; // NULL: none
        const char *path;
        const char *audience;
    } rows[] = {
        {"host:443", NULL, "/a.B/C", "https://host/a.B"},
        {"host", NULL, "/a.B/C", "https://host/a.B"},
        {"host:4430", NULL, "/a.B/C", "https://host:4430/a.B"},
        {"host:8443", NULL, "/a.B/C", "https://host:8443/a.B"},
        {"[::1]:443", NULL, "/a.B/C", "https://[::1]/a.B"},
        {"host:443", "other:443", "/a.B/C", "https://other/a.B"},
        {"host:443", "other:1", "/a/b/C", "https://other:1/a/b"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const grpc_channel_options channel = {.authority = rows[i].channel};
        struct kit_bench *bench = kit_bench_channel(NULL, &channel);
        const grpc_call_options options = {.authority = rows[i].call};
        grpc_call *call =
            grpc_raw_start(bench->channel, rows[i].path,
                           &(grpc_raw_events){.end = NULL}, NULL, &options);
        assert_non_null(call);
        assert_string_equal(grpc_call_audience(call), rows[i].audience);
        kit_bench_end(bench);
    }
    assert_null(grpc_call_audience(NULL));
}

static void cred_ask_on_server(grpc_call *call, const stream_Text *request,
                               struct sk *sk)
{
    (void)request;
    (void)sk;
    assert_null(grpc_call_audience(call));
    assert_int_equal(grpc_call_fail(call, GRPC_ABORTED, NULL), GRPC_OK);
}

static void test_grpc_call_audience__on_a_server(void **state)
{
    (void)state;
    struct sk *sk = sk_new();
    sk->act_on = cred_ask_on_server;
    (void)cred_call(sk, NULL);
    sk_wait_end(sk, 1);
    assert_int_equal(sk->code, GRPC_ABORTED);
    sk_free(sk);
}

// ---- Bounds -----------------------------------------------------------------

// The longest list of interceptors, and both credentials behind it.
static void test_call_credentials__behind_the_longest_list(void **state)
{
    static const grpc_interceptor one = {
        .start = cred_start,
        .self = &cred_i,
    };
    static const grpc_interceptor *many[255];
    (void)state;
    cred_reset();
    for (size_t i = 0; i < 255; i++) {
        many[i] = &one;
    }
    const grpc_channel_options channel = {
        .interceptors = {many, 255},
        .call_credentials = cred_of(&cred_c),
    };
    struct sk *sk =
        sk_new_with(&(grpc_server_options){.max_connections = 0}, &channel);
    sk->act_on = cred_handle;
    sk->channel->security = GRPC_PRIVATE;
    cred_d.mode = CRED_HOLD;
    const grpc_call_options options = cred_options(&cred_d);
    (void)cred_call(sk, &options);
    kit_turn(sk->loop);
    assert_int_equal(cred_i.asked, 255);
    assert_int_equal(cred_c.asked, 1);
    assert_int_equal(cred_d.asked, 1);
    grpc_cancel(cred_d.call);
    kit_turn(sk->loop);
    assert_int_equal(sk->code, GRPC_CANCELLED);
    sk_free(sk);
}

// Without memory for them a call is not made, or ends; never is it sent without.
static void test_call_credentials__out_of_memory(void **state)
{
    (void)state;
    int made = 0;
    int refused = 0;
    for (size_t n = 1; n < 40 && made == 0; n++) {
        cred_reset();
        struct sk *sk = cred_new(true, true, GRPC_PRIVATE);
        kit_turn(sk->loop);
        const grpc_call_options options = cred_options(&cred_d);
        cred_i.mode = cred_c.mode = CRED_HOLD;
        sk->heap.fail_at = sk->heap.calls + n;
        grpc_call *call = stream_Streams_One_start(
            sk->channel, &(stream_Text){.text = GRPC_STR("x")}, sk_end_with, sk,
            &options);
        bool failed = sk->heap.calls >= sk->heap.fail_at;
        sk->heap.fail_at = 0;
        if (call != NULL) {
            cred_give(&cred_i);
            kit_turn(sk->loop);
            cred_give(&cred_c);
            sk_wait_end(sk, 1);
            assert_string_equal(sk->log.text,
                                "x i=token c=token d=token:0 OK ");
            made += failed ? 0 : 1;
        } else {
            assert_string_equal(grpc_channel_error(sk->channel),
                                "start a call: out of memory");
            refused++;
        }
        sk_free(sk);
    }
    assert_int_equal(made, 1);
    assert_true(refused > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_call_credentials__order),
        cmocka_unit_test(test_call_credentials__alone),
        cmocka_unit_test(test_call_credentials__later),
        cmocka_unit_test(test_call_credentials__waited_for),
        cmocka_unit_test(test_call_credentials__deadline),
        cmocka_unit_test(test_call_credentials__cancelled),
        cmocka_unit_test(test_call_credentials__codes),
        cmocka_unit_test(test_call_credentials__fail_at_once),
        cmocka_unit_test(test_call_credentials__interceptors_have_all_codes),
        cmocka_unit_test(test_call_credentials__insecure),
        cmocka_unit_test(test_call_credentials__in_process),
        cmocka_unit_test(test_call_credentials__by_the_channels_own),
        cmocka_unit_test(test_call_credentials__bad_target),
        cmocka_unit_test(test_call_credentials__asked_once),
        cmocka_unit_test(test_grpc_call_audience),
        cmocka_unit_test(test_grpc_call_audience__on_a_server),
        cmocka_unit_test(test_call_credentials__behind_the_longest_list),
        cmocka_unit_test(test_call_credentials__out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

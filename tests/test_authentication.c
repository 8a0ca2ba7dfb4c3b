// SPDX-License-Identifier: MIT
// The token sources of examples/authentication, which users copy.

#include "tests/unit.h"

#include <time.h>

#include "tests/inproc_kit.h"

#include "examples/authentication/bearer.c"
#include "examples/authentication/jwt_file.c"

// ---- A server that tells the token ------------------------------------------

static int at_refusals; // so many calls are told UNAUTHENTICATED

static void at_handle(grpc_call *call, const stream_Text *request,
                      struct sk *sk)
{
    grpc_str token;
    (void)request;
    (void)sk;
    (void)grpc_call_header(call, "authorization", &token);
    if (at_refusals > 0) {
        at_refusals--;
        assert_int_equal(grpc_call_fail(call, GRPC_UNAUTHENTICATED, "no"),
                         GRPC_OK);
        return;
    }
    assert_int_equal(
        stream_Streams_One_reply(
            call, &(stream_Text){.text = grpc_call_printf(
                                     call, "%.*s", GRPC_STR_ARG(token))}),
        GRPC_OK);
}

static struct sk *at_new(grpc_call_credentials credentials)
{
    struct sk *sk = inproc_new_with(
        &(grpc_server_options){.max_connections = 0},
        &(grpc_channel_options){.call_credentials = credentials});
    sk->act_on = at_handle;
    at_refusals = 0;
    return sk;
}

static grpc_call *at_call(struct sk *sk, uint32_t timeout_ms)
{
    grpc_call *call = stream_Streams_One_start(
        sk->channel, &(stream_Text){.text = GRPC_STR("x")}, sk_end_with, sk,
        &(grpc_call_options){.timeout_ms = timeout_ms});
    assert_non_null(call);
    return call;
}

// at_expect: what a further call ends with, and its words.
static void at_expect(struct sk *sk, const char *log, const char *text)
{
    int ended = sk->ended;
    sk_clear(&sk->log);
    (void)at_call(sk, 0);
    sk_wait_end(sk, ended + 1);
    assert_string_equal(sk->log.text, log);
    assert_string_equal(sk->text, text);
}

// ---- Tokens that are fetched ------------------------------------------------

static int at_fetched;
static const char *at_token; // NULL: later

static void at_fetch(struct bearer *bearer, void *self)
{
    assert_ptr_equal(self, &at_fetched);
    at_fetched++;
    if (at_token != NULL) {
        bearer_take(bearer, at_token, 100);
    }
}

static struct sk *at_bearer(struct bearer *bearer, const char *token)
{
    *bearer = (struct bearer){.fetch = at_fetch, .self = &at_fetched};
    at_fetched = 0;
    at_token = token;
    struct sk *sk = at_new(bearer_credentials(bearer));
    bearer->loop = sk->loop;
    return sk;
}

static void test_bearer__is_kept(void **state)
{
    (void)state;
    struct bearer bearer;
    struct sk *sk = at_bearer(&bearer, "one");
    at_expect(sk, "Bearer one:0 OK ", "");
    at_token = "two";
    at_expect(sk, "Bearer one:0 OK ", "");
    kit_skip(sk->loop, 89900);
    at_expect(sk, "Bearer one:0 OK ", "");
    assert_int_equal(at_fetched, 1);
    kit_skip(sk->loop, 200);
    at_expect(sk, "Bearer two:0 OK ", "");
    assert_int_equal(at_fetched, 2);
    // One that the server does not take is not kept.
    at_refusals = 1;
    at_token = "three";
    at_expect(sk, "UNAUTHENTICATED ", "no");
    at_expect(sk, "Bearer three:0 OK ", "");
    assert_int_equal(at_fetched, 3);
    sk_free(sk);
    bearer_free(&bearer);
}

// All calls wait for one fetch, and those that end meanwhile no more.
static void test_bearer__waits(void **state)
{
    (void)state;
    struct bearer bearer;
    for (int gone = 0; gone < 4; gone++) {
        struct sk *sk = at_bearer(&bearer, NULL);
        grpc_call *calls[3];
        for (int i = 0; i < 3; i++) {
            calls[i] = at_call(sk, 0);
        }
        kit_turn(sk->loop);
        if (gone < 3) {
            grpc_cancel(calls[gone]);
        }
        kit_turn(sk->loop);
        assert_int_equal(sk->ended, gone < 3 ? 1 : 0);
        bearer_take(&bearer, "late", 100);
        sk_wait_end(sk, 3);
        assert_int_equal(at_fetched, 1);
        assert_string_equal(
            sk->log.text,
            gone < 3 ? "CANCELLED Bearer late:0 OK Bearer late:0 OK "
                     : "Bearer late:0 OK Bearer late:0 OK Bearer late:0 OK ");
        sk_free(sk);
        bearer_free(&bearer);
    }
}

// Nobody waits any more when it comes; the next has it.
static void test_bearer__comes_too_late(void **state)
{
    (void)state;
    struct bearer bearer;
    struct sk *sk = at_bearer(&bearer, NULL);
    (void)at_call(sk, 5);
    sk_wait_end(sk, 1);
    assert_int_equal(sk->code, GRPC_DEADLINE_EXCEEDED);
    bearer_take(&bearer, "late", 100);
    at_expect(sk, "Bearer late:0 OK ", "");
    assert_int_equal(at_fetched, 1);
    sk_free(sk);
    bearer_free(&bearer);
}

static void test_bearer__fails(void **state)
{
    (void)state;
    struct bearer bearer;
    struct sk *sk = at_bearer(&bearer, NULL);
    (void)at_call(sk, 0);
    (void)at_call(sk, 0);
    kit_turn(sk->loop);
    bearer_fail(&bearer, GRPC_UNAVAILABLE, "closed");
    sk_wait_end(sk, 2);
    assert_string_equal(sk->log.text, "UNAVAILABLE UNAVAILABLE ");
    assert_string_equal(sk->text, "no token: closed");
    at_token = "one"; // the next tries again
    at_expect(sk, "Bearer one:0 OK ", "");
    assert_int_equal(at_fetched, 2);
    sk_free(sk);
    bearer_free(&bearer);
}

static void test_bearer__cannot_be_sent(void **state)
{
    (void)state;
    struct bearer bearer;
    struct sk *sk = at_bearer(&bearer, "o\nne");
    at_expect(sk, "INTERNAL ", "the token cannot be sent");
    sk_free(sk);
    bearer_free(&bearer);
}

// ---- Tokens of a file -------------------------------------------------------

static char at_path[64];

static void at_write(const char *text)
{
    FILE *file = fopen(at_path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
    assert_int_equal(fclose(file), 0);
}

// at_base64url is the other way than jwt_file.c's.
static void at_base64url(char *to, const char *text)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                 "abcdefghijklmnopqrstuvwxyz0123456789-_";
    size_t size = strlen(text);
    for (size_t i = 0; i < size * 8; i += 6) {
        unsigned value = 0;
        for (size_t bit = i; bit < i + 6; bit++) {
            unsigned byte = bit / 8 < size ? (unsigned char)text[bit / 8] : 0;
            value = value << 1 | (byte >> (7 - bit % 8) & 1);
        }
        *to++ = digits[value];
    }
    *to = '\0';
}

static char at_text[1024]; // the token that was written last

static void at_write_claims(const char *name, const char *claims)
{
    char encoded[512];
    at_base64url(encoded, claims);
    (void)snprintf(at_text, sizeof at_text, "%s.%s.c2ln \r\n", name, encoded);
    at_write(at_text);
    (void)snprintf(at_text, sizeof at_text, "%s.%s.c2ln", name, encoded);
}

static void at_write_lasting(const char *name, int seconds)
{
    char claims[128];
    (void)snprintf(claims, sizeof claims, "{\"sub\":\"x\",\"exp\":%ld}",
                   (long)time(NULL) + seconds);
    at_write_claims(name, claims);
}

static struct sk *at_file(struct jwt_file *file)
{
    memset(file, 0, sizeof *file);
    (void)snprintf(at_path, sizeof at_path, "/tmp/cgrpc-token-%ld",
                   (long)getpid());
    (void)remove(at_path);
    file->path = at_path;
    return at_new(jwt_file_credentials(file));
}

static void at_expect_token(struct sk *sk, const char *token)
{
    char log[1100];
    (void)snprintf(log, sizeof log, "Bearer %s:0 OK ", token);
    at_expect(sk, log, "");
}

static void at_expect_why(struct sk *sk, const char *log, const char *why)
{
    char text[300];
    (void)snprintf(text, sizeof text, "%s: %s", at_path, why);
    at_expect(sk, log, text);
}

static struct jwt_file at_source;

// It is kept, and looked for again a minute before it is used no more.
static void test_jwt_file__refreshes(void **state)
{
    (void)state;
    char first[1024];
    struct sk *sk = at_file(&at_source);
    at_write_lasting("first", 1000);
    memcpy(first, at_text, sizeof first);
    at_expect_token(sk, first);
    at_write_lasting("soon", 80);
    kit_skip(sk->loop, 100000);
    at_expect_token(sk, first);

    at_source.expires_s = (double)time(NULL) + 40; // (as if time had passed)
    at_expect_token(sk, at_text);
    char soon[1024];
    memcpy(soon, at_text, sizeof soon);
    at_write_lasting("next", 1000);
    at_expect_token(sk, soon); // it was looked at a moment ago
    kit_skip(sk->loop, 1000);
    at_expect_token(sk, at_text);
    sk_free(sk);
}

// What was good stays in use when what follows is not there, or wrong.
static void test_jwt_file__keeps_what_is_good(void **state)
{
    (void)state;
    char good[1024];
    struct sk *sk = at_file(&at_source);
    at_write_lasting("good", 80);
    memcpy(good, at_text, sizeof good);
    at_expect_token(sk, good);
    (void)remove(at_path);
    kit_skip(sk->loop, 1000);
    at_expect_token(sk, good);
    at_write("rubbish");
    kit_skip(sk->loop, 2000);
    at_expect_token(sk, good);
    at_source.expires_s = (double)time(NULL) + 30;
    at_expect_why(sk, "UNAUTHENTICATED ",
                  "not a token that says when it expires");
    sk_free(sk);
}

// A failure is kept for a while, each time for longer.
static void test_jwt_file__backs_off(void **state)
{
    (void)state;
    struct sk *sk = at_file(&at_source);
    const char *missing = kit_error(ENOENT);
    at_expect_why(sk, "UNAVAILABLE ", missing);
    at_write_lasting("there", 1000);
    kit_skip(sk->loop, 900);
    at_expect_why(sk, "UNAVAILABLE ", missing);
    kit_skip(sk->loop, 100);
    at_expect_token(sk, at_text);
    assert_int_equal(at_source.delay_ms, 0);

    uint32_t delay_ms = 1000;
    (void)remove(at_path);
    at_source.expires_s = 0;
    kit_skip(sk->loop, 1000);
    for (int i = 0; i < 10; i++) {
        at_expect_why(sk, "UNAVAILABLE ", missing);
        assert_int_equal(at_source.delay_ms, delay_ms);
        kit_skip(sk->loop, delay_ms);
        delay_ms = 2 * delay_ms < 120000 ? 2 * delay_ms : 120000;
    }
    sk_free(sk);
}

// One that expires between two looks is told as that.
static void test_jwt_file__expires(void **state)
{
    (void)state;
    struct sk *sk = at_file(&at_source);
    at_write_lasting("short", 80);
    at_expect_token(sk, at_text);
    at_source.expires_s = (double)time(NULL) + 30;
    at_expect_why(sk, "UNAUTHENTICATED ", "the token has expired");
    sk_free(sk);
}

static void test_jwt_file__tokens(void **state)
{
    static const char nothing[] = "not a token that says when it expires";
    static const char expired[] = "the token has expired, or will in a moment";
    static const struct {
        const char *claims;
        const char *why; // NULL: it is one
    } rows[] = {
        {"{\"exp\":99999999999}", NULL},
        {" { \"exp\" : 99999999999.5 }", NULL},
        {"{\"a\":{\"exp\":1},\"b\":[\"exp\",{\"exp\":1}],\"exp\":99999999999}",
         NULL},
        {"{\"sub\":\"exp\",\"exp\":99999999999}", NULL},
        {"{\"a\":\"\\\"exp\\\":1\",\"exp\":99999999999}", NULL},
        {"{\"exp\":1234}", expired},
        {"{\"exp\":-1}", nothing},
        {"{\"exp\":0}", nothing},
        {"{\"exp\":\"99999999999\"}", nothing},
        {"{\"a\":{\"exp\":99999999999}}", nothing},
        {"[\"exp\",99999999999]", nothing},
        {"{\"exp\"}", nothing},
        {"{\"exp\":nan}", nothing},
        {"{\"exp", nothing},
        {"{}", nothing},
        {"", nothing},
        {"{\"a\":\"\\", nothing},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sk *sk = at_file(&at_source);
        at_write_claims("head", rows[i].claims);
        if (rows[i].why == NULL) {
            at_expect_token(sk, at_text);
        } else {
            at_expect_why(sk, "UNAUTHENTICATED ", rows[i].why);
        }
        sk_free(sk);
    }
}

static void test_jwt_file__no_tokens(void **state)
{
    static const char good[] = "eyJleHAiOjk5OTk5OTk5OTk5fQ"; // expires late
    static const char *const forms[] = {
        "%s",      "a.%s",      "a.%s.b.c", "a.b.%s", "a.+%s.b",
        "a.%s=.b", "a.%sxxx.b", "a..b",     "...",    "",
    };
    static char large[JWT_FILE_MOST + 2];
    (void)state;
    char text[128];
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        struct sk *sk = at_file(&at_source);
        const char *at = strstr(forms[i], "%s");
        (void)snprintf(text, sizeof text, "%.*s%s%s",
                       at == NULL ? 99 : (int)(at - forms[i]), forms[i],
                       at == NULL ? "" : good, at == NULL ? "" : at + 2);
        at_write(text);
        at_expect_why(sk, "UNAUTHENTICATED ",
                      "not a token that says when it expires");
        sk_free(sk);
    }
    struct sk *sk = at_file(&at_source);
    (void)snprintf(text, sizeof text, "a.%s.b", good);
    at_write(text);
    at_expect_token(sk, text);
    sk_free(sk);

    memset(large, 'x', sizeof large - 1);
    sk = at_file(&at_source);
    at_write(large);
    at_expect_why(sk, "UNAUTHENTICATED ", "too long");
    sk_free(sk);

    // A line end within is nothing that a header may have.
    sk = at_file(&at_source);
    (void)snprintf(text, sizeof text, "a\nb.%s.b", good);
    at_write(text);
    at_expect_why(sk, "UNAUTHENTICATED ", "not a token");
    sk_free(sk);
    (void)remove(at_path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bearer__is_kept),
        cmocka_unit_test(test_bearer__waits),
        cmocka_unit_test(test_bearer__comes_too_late),
        cmocka_unit_test(test_bearer__fails),
        cmocka_unit_test(test_bearer__cannot_be_sent),
        cmocka_unit_test(test_jwt_file__refreshes),
        cmocka_unit_test(test_jwt_file__keeps_what_is_good),
        cmocka_unit_test(test_jwt_file__backs_off),
        cmocka_unit_test(test_jwt_file__expires),
        cmocka_unit_test(test_jwt_file__tokens),
        cmocka_unit_test(test_jwt_file__no_tokens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

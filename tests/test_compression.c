// SPDX-License-Identifier: MIT
// Compressed calls, whole: what a client asks for, what a server makes of it,
// and what each says of a peer that does it wrong.

#include "tests/unit.h"

#include "tests/compress_kit.h"
#include "tests/stream_kit.h"

// ---- A compressor that makes shorter, in every build ------------------------

// "runs" is pairs of a count and a byte.
static grpc_result runs_compress(void *state, grpc_str message, grpc_write *put,
                                 void *sink)
{
    grpc_result result = GRPC_OK;
    (void)state;
    for (size_t at = 0; at < message.size && result == GRPC_OK;) {
        size_t run = 1;
        while (run < 255 && at + run < message.size &&
               message.data[at + run] == message.data[at]) {
            run++;
        }
        const char pair[] = {(char)run, message.data[at]};
        result = put(sink, pair, 2);
        at += run;
    }
    return result;
}

static grpc_result runs_decompress(void *state, grpc_str message,
                                   grpc_write *put, void *sink)
{
    grpc_result result = GRPC_OK;
    (void)state;
    if (message.size % 2 != 0) {
        return GRPC_EFORMAT;
    }
    for (size_t at = 0; at < message.size && result == GRPC_OK; at += 2) {
        char run[255];
        memset(run, message.data[at + 1], sizeof run);
        result = put(sink, run, (uint8_t)message.data[at]);
    }
    return result;
}

static const grpc_compressor runs_compressor = {
    .name = "runs",
    .compress = runs_compress,
    .decompress = runs_decompress,
};

// The encodings of this build.
static const char *const compression_names[] = {
    "xor",
    "runs",
#if defined(GRPC_WITH_ZLIB)
    "gzip",
#endif
};

enum {
    COMPRESSION_NAMES = sizeof compression_names / sizeof compression_names[0]
};

// ---- Both sides -------------------------------------------------------------

static struct sk *compression_new_with(const grpc_server_options *server,
                                       const grpc_channel_options *channel)
{
    struct sk *sk = sk_new_with(server, channel);
    *xor_counts() = (struct xor_counts){.opened = 0};
    assert_int_equal(grpc_loop_add_compressor(sk->loop, &xor_compressor),
                     GRPC_OK);
    assert_int_equal(grpc_loop_add_compressor(sk->loop, &runs_compressor),
                     GRPC_OK);
    return sk;
}

static struct sk *compression_new(void)
{
    return compression_new_with(&(grpc_server_options){.max_connections = 0},
                                &(grpc_channel_options){.authority = NULL});
}

// What a side notes of a message: whether it came compressed.
static const char *compression_how(const grpc_call *call)
{
    return grpc_call_was_compressed(call) ? "packed" : "plain";
}

static void compression_done(grpc_call *call, const grpc_status *status,
                             const stream_Text *reply, void *self)
{
    struct sk *sk = self;
    if (reply != NULL) {
        sk_note(&sk->log, "%s:%s:%d", compression_how(call), reply->text.data,
                (int)reply->number);
    }
    sk_keep_status(sk, status);
}

static void compression_message(grpc_call *call, const stream_Text *reply,
                                struct sk *sk)
{
    sk_note(&sk->log, "%s:%s:%d", compression_how(call), reply->text.data,
            (int)reply->number);
}

static const stream_Streams_Collect_events compression_collect = {
    .end = compression_done,
};

static void compression_one(struct sk *sk, const char *text,
                            const char *encoding)
{
    const grpc_call_options options = {.encoding = encoding};
    const stream_Text request = {.text = grpc_str_z(text)};
    int before = sk->ended;
    assert_non_null(stream_Streams_One_start(sk->channel, &request,
                                             compression_done, sk, &options));
    sk_wait_end(sk, before + 1);
}

// compression_answer says how the request came, and sends its text back.
static void compression_answer(grpc_call *call, const stream_Text *request,
                               struct sk *sk)
{
    sk_note(&sk->server_log, "%s:%s", compression_how(call),
            request->text.data);
    assert_int_equal(stream_Streams_One_reply(call, request), GRPC_OK);
}

// ---- A server mirrors what the client does ----------------------------------

static void test_compression__one(void **state)
{
    (void)state;
    for (size_t i = 0; i < COMPRESSION_NAMES; i++) {
        struct sk *sk = compression_new();
        sk->act_on = compression_answer;
        compression_one(sk, "Ann", compression_names[i]);
        assert_string_equal(sk->server_log.text, "packed:Ann ");
        assert_string_equal(sk->log.text, "packed:Ann:0 OK ");
        sk_free(sk);
    }
}

static void test_compression__not_asked_for(void **state)
{
    static const char *const none[] = {NULL, "identity"};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct sk *sk = compression_new();
        sk->act_on = compression_answer;
        compression_one(sk, "Ann", none[i]);
        assert_string_equal(sk->server_log.text, "plain:Ann ");
        assert_string_equal(sk->log.text, "plain:Ann:0 OK ");
        assert_int_equal(xor_counts()->opened, 0);
        sk_free(sk);
    }
}

// Empty messages gain nothing, and are never compressed.
static void test_compression__empty(void **state)
{
    struct sk *sk = compression_new();
    (void)state;
    sk->act_on = compression_answer;
    compression_one(sk, "", "xor");
    assert_string_equal(sk->server_log.text, "plain: ");
    assert_string_equal(sk->log.text, "plain::0 OK ");
    assert_int_equal(xor_counts()->compressed, 0);
    sk_free(sk);
}

static void test_compression__many(void **state)
{
    (void)state;
    for (size_t i = 0; i < COMPRESSION_NAMES; i++) {
        struct sk *sk = compression_new();
        sk->on_message = compression_message;
        (void)sk_start_many(
            sk, 3, &(grpc_call_options){.encoding = compression_names[i]});
        sk_wait_end(sk, 1);
        assert_string_equal(sk->log.text,
                            "headers packed:reply:0 packed:reply:1 "
                            "packed:reply:2 OK ");
        sk_free(sk);
    }
}

static void compression_count(grpc_call *call, const stream_Text *request,
                              struct sk *sk)
{
    sk_note(&sk->server_log, "%s:%s", compression_how(call),
            request->text.data);
}

static void test_compression__collect(void **state)
{
    (void)state;
    for (size_t i = 0; i < COMPRESSION_NAMES; i++) {
        struct sk *sk = compression_new();
        sk->act_on = compression_count;
        grpc_call *call = stream_Streams_Collect_start(
            sk->channel, &compression_collect, sk,
            &(grpc_call_options){.encoding = compression_names[i]});
        assert_non_null(call);
        for (int n = 0; n < 2; n++) {
            stream_Text request = {.text = GRPC_STR("again")};
            assert_int_equal(stream_Streams_Collect_send(call, &request),
                             GRPC_OK);
        }
        assert_int_equal(grpc_call_half_close(call), GRPC_OK);
        sk_wait_end(sk, 1);
        assert_string_equal(sk->server_log.text,
                            "packed:again packed:again end ");
        assert_string_equal(sk->log.text, "packed:all:2 OK ");
        sk_free(sk);
    }
}

// Large messages, in many frames, both ways at once.
static void compression_large_echo(grpc_call *call, const stream_Text *reply,
                                   struct sk *sk)
{
    const stream_Text *sent = sk->extra;
    assert_true(grpc_call_was_compressed(call));
    assert_int_equal(reply->data.size, sent->data.size);
    assert_memory_equal(reply->data.data, sent->data.data, sent->data.size);
}

static void test_compression__talk_of_large_ones(void **state)
{
    enum { LARGE = 200000 };
    char *large = malloc(LARGE);
    uint64_t seed = 1;
    (void)state;
    assert_non_null(large);
    for (size_t i = 0; i < LARGE; i++) {
        large[i] = (char)(i < LARGE / 2 ? 'a' : test_random(&seed) % 16);
    }
    for (size_t i = 0; i < COMPRESSION_NAMES; i++) {
        struct sk *sk = compression_new();
        stream_Text sent = {.data = {large, LARGE}};
        sk->extra = &sent;
        sk->on_message = compression_large_echo;
        grpc_call *call = sk_start_talk(
            sk, &(grpc_call_options){.encoding = compression_names[i]});
        for (int n = 1; n <= 3; n++) {
            assert_int_equal(stream_Streams_Talk_send(call, &sent), GRPC_OK);
            kit_wait(sk->loop, &sk->messages, n);
        }
        assert_int_equal(grpc_call_half_close(call), GRPC_OK);
        sk_wait_end(sk, 1);
        assert_int_equal(sk->code, GRPC_OK);
        sk_free(sk);
    }
    free(large);
}

// ---- Message by message -----------------------------------------------------

// compression_odd_plain echoes: what has an odd number goes without.
static void compression_odd_plain(grpc_call *call, const stream_Text *request,
                                  struct sk *sk)
{
    sk_note(&sk->server_log, "%s", compression_how(call));
    grpc_call_compress(call, request->number % 2 == 0);
    assert_int_equal(stream_Streams_Talk_send_reply(call, request), GRPC_OK);
}

static void test_compression__each_message(void **state)
{
    struct sk *sk = compression_new();
    (void)state;
    sk->act_on = compression_odd_plain;
    sk->on_message = compression_message;
    grpc_call *call =
        sk_start_talk(sk, &(grpc_call_options){.encoding = "xor"});
    for (int32_t i = 0; i < 4; i++) {
        grpc_call_compress(call, i < 2);
        assert_int_equal(sk_say(call, "m", i), GRPC_OK);
    }
    grpc_call_compress(NULL, true);
    assert_false(grpc_call_was_compressed(NULL));
    assert_int_equal(grpc_call_half_close(call), GRPC_OK);
    sk_wait_end(sk, 1);
    assert_string_equal(sk->server_log.text, "packed packed plain plain end ");
    assert_string_equal(sk->log.text, "headers packed:m:0 plain:m:1 "
                                      "packed:m:2 plain:m:3 OK ");
    sk_free(sk);
}

// Without an encoding there is nothing to switch on.
static void test_compression__on_without_encoding(void **state)
{
    struct sk *sk = compression_new();
    (void)state;
    sk->act_on = compression_odd_plain;
    sk->on_message = compression_message;
    grpc_call *call = sk_start_talk(sk, NULL);
    grpc_call_compress(call, true);
    assert_int_equal(sk_say(call, "m", 0), GRPC_OK);
    assert_int_equal(grpc_call_half_close(call), GRPC_OK);
    sk_wait_end(sk, 1);
    assert_string_equal(sk->log.text, "headers plain:m:0 OK ");
    sk_free(sk);
}

// ---- A server chooses -------------------------------------------------------

static void compression_choose(grpc_call *call, const stream_Text *request,
                               struct sk *sk)
{
    assert_int_equal(grpc_call_set_encoding(call, sk->extra), GRPC_OK);
    compression_answer(call, request, sk);
}

static void test_compression__server_chooses(void **state)
{
    static const struct {
        const char *requested;
        const char *chosen;
        const char *log;
    } rows[] = {
        {NULL, "xor", "packed:Ann:0 OK "},
        {NULL, "runs", "packed:Ann:0 OK "},
        {"xor", "runs", "packed:Ann:0 OK "},
        {"xor", "identity", "plain:Ann:0 OK "},
        {"xor", NULL, "plain:Ann:0 OK "},
        {NULL, NULL, "plain:Ann:0 OK "},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sk *sk = compression_new();
        sk->extra = (void *)(uintptr_t)rows[i].chosen;
        sk->act_on = compression_choose;
        compression_one(sk, "Ann", rows[i].requested);
        assert_string_equal(sk->log.text, rows[i].log);
        // "runs" both ways is not what xor had to do.
        assert_int_equal(
            xor_counts()->decompressed,
            (rows[i].requested != NULL) +
                (rows[i].chosen != NULL && strcmp(rows[i].chosen, "xor") == 0));
        sk_free(sk);
    }
}

static void compression_choose_wrong(grpc_call *call,
                                     const stream_Text *request, struct sk *sk)
{
    assert_int_equal(grpc_call_set_encoding(call, "zstd"), GRPC_EINVAL);
    assert_non_null(strstr(grpc_server_error(sk->server),
                           "set encoding: it was not added with "
                           "grpc_loop_add_compressor()"));
#if !defined(GRPC_WITH_ZLIB)
    assert_int_equal(grpc_call_set_encoding(call, "gzip"), GRPC_EINVAL);
    assert_non_null(strstr(grpc_server_error(sk->server),
                           "set encoding: the library was built without zlib"));
#endif
    // What was refused changes nothing.
    compression_answer(call, request, sk);
    assert_int_equal(grpc_call_set_encoding(call, "xor"), GRPC_ESTATE);
}

static void test_compression__server_chooses_wrong(void **state)
{
    struct sk *sk = compression_new();
    (void)state;
    sk->act_on = compression_choose_wrong;
    compression_one(sk, "Ann", "xor");
    assert_string_equal(sk->log.text, "packed:Ann:0 OK ");
    assert_int_equal(grpc_call_set_encoding(NULL, "xor"), GRPC_ESTATE);
    sk_free(sk);
}

static void compression_choose_late(grpc_call *call, const stream_Text *request,
                                    struct sk *sk)
{
    (void)sk;
    assert_int_equal(stream_Streams_Many_send(call, request), GRPC_OK);
    assert_int_equal(grpc_call_set_encoding(call, "xor"), GRPC_ESTATE);
    assert_int_equal(grpc_call_set_encoding(call, NULL), GRPC_ESTATE);
    assert_int_equal(stream_Streams_Many_send(call, request), GRPC_OK);
    assert_int_equal(grpc_call_finish(call, GRPC_OK, NULL), GRPC_OK);
}

static void test_compression__headers_are_sent(void **state)
{
    struct sk *sk = compression_new();
    (void)state;
    sk->act_on = compression_choose_late;
    sk->on_message = compression_message;
    (void)sk_start_many(sk, 7, NULL);
    sk_wait_end(sk, 1);
    assert_string_equal(sk->log.text, "headers plain::7 plain::7 OK ");
    sk_free(sk);
}

// ---- Bounds -----------------------------------------------------------------

// A Text of size 'a's is two or three bytes more than them.
enum { COMPRESSION_MOST = 1000, COMPRESSION_HEAD = 3 };

static void test_compression__request_bounded(void **state)
{
    static char text[COMPRESSION_MOST + 1];
    (void)state;
    for (size_t i = 1; i < COMPRESSION_NAMES; i++) {
        for (size_t more = 0; more < 2; more++) {
            struct sk *sk = compression_new_with(
                &(grpc_server_options){.max_receive_bytes = COMPRESSION_MOST},
                &(grpc_channel_options){.authority = NULL});
            memset(text, 'a', sizeof text);
            text[COMPRESSION_MOST - COMPRESSION_HEAD + more] = '\0';
            compression_one(sk, text, compression_names[i]);
            assert_int_equal(sk->handled, 1 - (int)more);
            assert_int_equal(sk->code,
                             more == 0 ? GRPC_OK : GRPC_RESOURCE_EXHAUSTED);
            assert_string_equal(
                sk->text, more == 0 ? ""
                                    : "grpc: received message larger than max "
                                      "after decompression (max 1000)");
            sk_free(sk);
        }
    }
}

static void test_compression__reply_bounded(void **state)
{
    static char text[COMPRESSION_MOST + 1];
    (void)state;
    for (size_t more = 0; more < 2; more++) {
        struct sk *sk = compression_new();
        const grpc_call_options options = {
            .encoding = "runs",
            .max_receive_bytes = COMPRESSION_MOST,
        };
        memset(text, 'a', sizeof text);
        text[COMPRESSION_MOST - COMPRESSION_HEAD + more] = '\0';
        const stream_Text request = {.text = grpc_str_z(text)};
        sk->act_on = compression_answer;
        sk->server_log.size = 0;
        assert_non_null(stream_Streams_One_start(
            sk->channel, &request, compression_done, sk, &options));
        sk_wait_end(sk, 1);
        assert_int_equal(sk->code,
                         more == 0 ? GRPC_OK : GRPC_RESOURCE_EXHAUSTED);
        assert_string_equal(
            sk->text, more == 0 ? ""
                                : "grpc: received message larger than max "
                                  "after decompression (max 1000)");
        sk_free(sk);
    }
}

// What is sent is bounded as it is sent: compressed.
static void test_compression__sent_bounded(void **state)
{
    static char text[5001];
    struct sk *sk = compression_new();
    (void)state;
    memset(text, 'a', sizeof text - 1);
    const stream_Text request = {.text = grpc_str_z(text)};
    grpc_call_options options = {.encoding = "runs", .max_send_bytes = 100};
    sk->act_on = compression_answer;
    assert_non_null(stream_Streams_One_start(sk->channel, &request,
                                             compression_done, sk, &options));
    sk_wait_end(sk, 1);
    assert_int_equal(sk->code, GRPC_OK);
    options.max_send_bytes = 40;
    (void)stream_Streams_One_start(sk->channel, &request, compression_done, sk,
                                   &options);
    sk_wait_end(sk, 2);
    assert_int_equal(sk->code, GRPC_RESOURCE_EXHAUSTED);
    assert_non_null(
        strstr(sk->text, "trying to send message larger than max (46 vs. 40)"));
    sk_free(sk);
}

// ---- Encodings that nobody has ----------------------------------------------

static void test_compression__client_asks_for_unknown(void **state)
{
    static const struct {
        const char *encoding;
        const char *text;
    } rows[] = {
        {"zstd", "encoding \"zstd\": it was not added with "
                 "grpc_loop_add_compressor()"},
        {"", "encoding \"\": it was not added with "
             "grpc_loop_add_compressor()"},
#if !defined(GRPC_WITH_ZLIB)
        {"gzip", "encoding \"gzip\": the library was built without zlib "
                 "(GRPC_WITH_ZLIB)"},
#endif
    };
    struct sk *sk = compression_new();
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const grpc_call_options options = {.encoding = rows[i].encoding};
        const stream_Text request = {.number = 1};
        assert_null(stream_Streams_One_start(sk->channel, &request,
                                             compression_done, sk, &options));
        assert_non_null(strstr(grpc_channel_error(sk->channel), rows[i].text));
        kit_turn(sk->loop);
    }
    assert_int_equal(sk->ended, 0);
    assert_int_equal(sk->handled, 0);
    sk_free(sk);
}

#define COMPRESSION_TRAILERS(code, text)                           \
 "HEADERS 1 end\n :status: 200\n content-type: application/grpc\n" \
 " grpc-status: " code "\n grpc-message: " text "\n"

// A raw client: its request's headers, its message, and what it is answered.
static void test_compression__wrong_clients(void **state)
{
    static const struct {
        const char *headers;
        const char *message;
        const char *answer;
    } rows[] = {
        // (A message that is not compressed is well, whatever the encoding.)
        {KIT_REQUEST "grpc-encoding: xor\n", "00 00000005 0a03416e6e",
         "HEADERS 1\n :status: 200\n content-type: application/grpc\n"
         " grpc-encoding: xor\n"
         "DATA 1 010000000c58f5f6b79a939390dfbe9191\n"
         "HEADERS 1 end\n grpc-status: 0\n"},
        // It does not accept what it sends.
        {KIT_REQUEST "grpc-encoding: xor\ngrpc-accept-encoding: identity\n",
         "01 00000006 58f5fcbe9191",
         "HEADERS 1\n :status: 200\n content-type: application/grpc\n"
         "DATA 1 000000000b0a0948656c6c6f20416e6e\n"
         "HEADERS 1 end\n grpc-status: 0\n"},
        {KIT_REQUEST, "01 00000006 58f5fcbe9191",
         COMPRESSION_TRAILERS("13", "grpc: compressed flag set with identity "
                                    "or empty encoding")},
        {KIT_REQUEST "grpc-encoding: identity\n", "01 00000006 58f5fcbe9191",
         COMPRESSION_TRAILERS("13", "grpc: compressed flag set with identity "
                                    "or empty encoding")},
        {KIT_REQUEST "grpc-encoding: xor\n", "01 00000005 0a03416e6e",
         COMPRESSION_TRAILERS("13", "grpc: failed to decompress the message: "
                                    "the bytes are not of that encoding")},
        {KIT_REQUEST "grpc-encoding: xor\n", "01 00000000",
         COMPRESSION_TRAILERS("13", "grpc: failed to decompress the message: "
                                    "the bytes are not of that encoding")},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct kit_bench *bench = kit_bench_server(NULL, NULL);
        assert_int_equal(grpc_loop_add_compressor(bench->loop, &xor_compressor),
                         GRPC_OK);
        kit_headers(&bench->peer, 1, false, rows[i].headers);
        kit_data_hex(&bench->peer, 1, true, rows[i].message);
        kit_expect(&bench->peer, bench->loop, rows[i].answer);
        kit_bench_end(bench);
    }
}

// The answer to an unknown encoding says which there are.
static void test_compression__unknown_to_the_server(void **state)
{
    struct kit_bench *bench = kit_bench_server(NULL, NULL);
    (void)state;
    kit_headers(&bench->peer, 1, false, KIT_REQUEST "grpc-encoding: zstd\n");
    kit_data_hex(&bench->peer, 1, true, "00 00000000");
    kit_turn(bench->loop);
    kit_read(&bench->peer);
    assert_non_null(strstr(bench->peer.text, " grpc-status: 12\n"));
    assert_non_null(strstr(bench->peer.text,
                           " grpc-message: grpc: Decompressor is not installed "
                           "for grpc-encoding \"zstd\"\n"));
    assert_non_null(
        strstr(bench->peer.text, " grpc-accept-encoding: " KIT_ENCODINGS "\n"));
    assert_int_equal(bench->greeter.handled, 0);
    kit_bench_end(bench);
}

static grpc_result compression_refused;

static void compression_choose_xor(grpc_call *call, struct kit_greeter *greeter)
{
    (void)greeter;
    compression_refused = grpc_call_set_encoding(call, "xor");
    assert_int_equal(kit_reply(call, "plain"), GRPC_OK);
}

// A client that names no encodings, or others, is not sent one.
static void test_compression__not_accepted(void **state)
{
    static const char *const accepts[] = {
        "", "grpc-accept-encoding: identity,gzip,xo\n",
        "grpc-accept-encoding: \n"};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        char headers[512];
        struct kit_bench *bench = kit_bench_server(NULL, NULL);
        (void)snprintf(headers, sizeof headers, KIT_REQUEST "%s", accepts[i]);
        assert_int_equal(grpc_loop_add_compressor(bench->loop, &xor_compressor),
                         GRPC_OK);
        bench->greeter.act = compression_choose_xor;
        compression_refused = GRPC_OK;
        kit_headers(&bench->peer, 1, false, headers);
        kit_message(&bench->peer, 1, true, "Ann");
        kit_expect(&bench->peer, bench->loop,
                   "HEADERS 1\n :status: 200\n content-type: application/grpc\n"
                   "DATA 1 00000000070a05706c61696e\n"
                   "HEADERS 1 end\n grpc-status: 0\n");
        assert_int_equal(compression_refused, GRPC_EINVAL);
        assert_non_null(strstr(grpc_server_error(bench->server),
                               "set encoding: the client does not accept it"));
        kit_bench_end(bench);
    }
}

// A raw server: its headers, its message, and what the call ends as.
static void test_compression__wrong_servers(void **state)
{
    static const struct {
        const char *headers;
        const char *message;
        grpc_code code;
        const char *text;
    } rows[] = {
        {KIT_RESPONSE "grpc-encoding: xor\n", "01 00000006 58f5fcbe9191",
         GRPC_OK, "Ann"},
        {KIT_RESPONSE "grpc-encoding: xor\n", "00 00000005 0a03416e6e", GRPC_OK,
         "Ann"},
        {KIT_RESPONSE "grpc-encoding: zstd\n", "00 00000005 0a03416e6e",
         GRPC_OK, "Ann"},
        {KIT_RESPONSE "grpc-encoding: zstd\n", "01 00000005 0a03416e6e",
         GRPC_INTERNAL,
         "grpc: Decompressor is not installed for grpc-encoding \"zstd\""},
        {KIT_RESPONSE, "01 00000006 58f5fcbe9191", GRPC_INTERNAL,
         "grpc: compressed flag set with identity or empty encoding"},
        {KIT_RESPONSE "grpc-encoding: identity\n", "01 00000006 58f5fcbe9191",
         GRPC_INTERNAL,
         "grpc: compressed flag set with identity or empty encoding"},
        {KIT_RESPONSE "grpc-encoding: xor\n", "01 00000005 0a03416e6e",
         GRPC_INTERNAL,
         "grpc: failed to decompress the message: the bytes are not of that "
         "encoding"},
        {KIT_RESPONSE "grpc-encoding: xor\n", "02 00000005 0a03416e6e",
         GRPC_INTERNAL, "grpc: received unexpected payload format 2"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct kit_bench *bench = kit_bench_channel(NULL, NULL);
        struct kit_result result = {0};
        assert_int_equal(grpc_loop_add_compressor(bench->loop, &xor_compressor),
                         GRPC_OK);
        assert_non_null(kit_call(bench->channel, "Ann", &result));
        kit_turn(bench->loop);
        kit_headers(&bench->peer, 1, false, rows[i].headers);
        kit_data_hex(&bench->peer, 1, false, rows[i].message);
        kit_headers(&bench->peer, 1, true, "grpc-status: 0\n");
        kit_wait(bench->loop, &result.done, 1);
        assert_int_equal(result.code, rows[i].code);
        assert_string_equal(result.code == GRPC_OK ? result.reply : result.text,
                            rows[i].text);
        kit_bench_end(bench);
    }
}

// ---- Memory -----------------------------------------------------------------

static void compression_seen(grpc_call *call, const stream_Text *reply,
                             struct sk *sk)
{
    (void)reply;
    (void)sk;
    assert_true(grpc_call_was_compressed(call));
}

// Once warm, a message costs no allocation: not on its way there, nor back.
static void test_compression__warm(void **state)
{
    (void)state;
    for (size_t i = 0; i < COMPRESSION_NAMES; i++) {
        struct sk *sk = compression_new();
        size_t calls = 0;
        sk->on_message = compression_seen;
        grpc_call *call = sk_start_talk(
            sk, &(grpc_call_options){.encoding = compression_names[i]});
        for (int n = 1; n <= 300; n++) {
            calls = n == 101 ? sk->heap.calls : calls;
            assert_int_equal(sk_say(call, "hello hello hello", n), GRPC_OK);
            kit_wait(sk->loop, &sk->messages, n);
        }
        assert_int_equal(sk->heap.calls, calls);
        assert_int_equal(grpc_call_half_close(call), GRPC_OK);
        sk_wait_end(sk, 1);
        sk_free(sk);
    }
}

static void compression_only_end(grpc_call *call, const grpc_status *status,
                                 const stream_Text *reply, void *self)
{
    struct sk *sk = self;
    (void)reply;
    assert_true(grpc_call_was_compressed(call));
    sk_keep_status(sk, status);
}

// What large messages took is given back when there is no call any more.
static void test_compression__given_back(void **state)
{
    enum { LARGE = 300000 };
    struct sk *sk = compression_new();
    char *large = malloc(LARGE + 1);
    (void)state;
    assert_non_null(large);
    memset(large, 'a', LARGE);
    large[LARGE] = '\0';
    const stream_Text request = {.text = grpc_str_z(large)};
    const grpc_call_options options = {.encoding = "xor"};
    assert_non_null(stream_Streams_One_start(
        sk->channel, &request, compression_only_end, sk, &options));
    sk_wait_end(sk, 1);
    assert_int_equal(sk->code, GRPC_OK);
    kit_turn(sk->loop);
    assert_true(sk->loop->compress.packed.capacity <= CORE_ENCODED_KEEP_BYTES);
    assert_true(sk->loop->compress.plain.capacity <= CORE_ENCODED_KEEP_BYTES);
    free(large);
    sk_free(sk);
}

// Every allocation of a compressed call fails in turn: it ends, once.
static void test_compression__without_memory(void **state)
{
    (void)state;
    for (size_t i = 0; i < COMPRESSION_NAMES; i++) {
        const grpc_call_options options = {.encoding = compression_names[i]};
        const stream_Text request = {.text = GRPC_STR("Ann")};
        bool well = false;
        size_t n = 1;
        for (; !well; n++) {
            struct sk *sk = compression_new();
            kit_turn(sk->loop);
            sk->heap.fail_at = sk->heap.calls + n;
            int calls = stream_Streams_One_start(sk->channel, &request,
                                                 compression_done, sk,
                                                 &options) != NULL;
            sk_wait_end(sk, calls);
            kit_turn(sk->loop);
            assert_int_equal(sk->ended, calls);
            well = sk->heap.calls < sk->heap.fail_at;
            assert_true(!well || sk->code == GRPC_OK);
            sk->heap.fail_at = 0;
            sk_free(sk);
        }
        assert_true(n > 10);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_compression__one),
        cmocka_unit_test(test_compression__not_asked_for),
        cmocka_unit_test(test_compression__empty),
        cmocka_unit_test(test_compression__many),
        cmocka_unit_test(test_compression__collect),
        cmocka_unit_test(test_compression__talk_of_large_ones),
        cmocka_unit_test(test_compression__each_message),
        cmocka_unit_test(test_compression__on_without_encoding),
        cmocka_unit_test(test_compression__server_chooses),
        cmocka_unit_test(test_compression__server_chooses_wrong),
        cmocka_unit_test(test_compression__headers_are_sent),
        cmocka_unit_test(test_compression__request_bounded),
        cmocka_unit_test(test_compression__reply_bounded),
        cmocka_unit_test(test_compression__sent_bounded),
        cmocka_unit_test(test_compression__client_asks_for_unknown),
        cmocka_unit_test(test_compression__wrong_clients),
        cmocka_unit_test(test_compression__unknown_to_the_server),
        cmocka_unit_test(test_compression__not_accepted),
        cmocka_unit_test(test_compression__wrong_servers),
        cmocka_unit_test(test_compression__warm),
        cmocka_unit_test(test_compression__given_back),
        cmocka_unit_test(test_compression__without_memory),
    };
#if !defined(GRPC_WITH_ZLIB)
    print_message("built without zlib: rows with gzip are left out\n");
#endif
    return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: MIT
// RFC 9113 section 5.1: every state of a stream times every type of frame; and
// identifiers (5.1.1), concurrency (5.1.2), errors (5.4), resets (6.4), GOAWAY
// (6.8), codes (7), reliability (8.7).

#ifndef TESTS_H2_STRICT_STREAMS_H
#define TESTS_H2_STRICT_STREAMS_H

#include "tests/h2_strict.h"
#include "tests/h2_strict_frames.h"

// ---- 5.1: the matrix --------------------------------------------------------

// The frames whose outcome depends on the state.
enum {
    STRICT_ON_DATA,
    STRICT_ON_HEADERS,
    STRICT_ON_RST,
    STRICT_ON_WINDOW,
    STRICT_DEPENDS,
};

static const char *const strict_dependent[STRICT_DEPENDS][2] = {
    [STRICT_ON_DATA] = {"DATA", "[DATA 0 1 'x']"},
    [STRICT_ON_HEADERS] = {"HEADERS", NULL}, // what the scene says
    [STRICT_ON_RST] = {"RST_STREAM", "[RST_STREAM 0 1 00000008]"},
    [STRICT_ON_WINDOW] = {"WINDOW_UPDATE", "[WINDOW_UPDATE 0 1 00000001]"},
};

// What a frame on stream 1 comes to; a code with a reason ends the connection.
struct strict_outcome {
    const char *events;
    const char *output;
    enum h2_code code;
    const char *reason;
};

// The frames whose outcome is the same in every state.
static const struct {
    const char *name;
    const char *input;
    struct strict_outcome then;
} strict_independent[] = {
    {"PRIORITY", "[PRIORITY 0 1 00000000 10]", {.reason = NULL}},
    {"an unknown type", "[0xfa 5 1 00]", {.reason = NULL}},
    {"SETTINGS",
     "[SETTINGS 0 1]",
     {FATAL(PROTOCOL_ERROR, "SETTINGS on a stream")}},
    {"PUSH_PROMISE",
     "[PUSH 4 1 00000002 838684]",
     {FATAL(PROTOCOL_ERROR, "PUSH_PROMISE, though push is not enabled")}},
    {"PING", "[PING 0 1 00*8]", {FATAL(PROTOCOL_ERROR, "PING on a stream")}},
    {"GOAWAY",
     "[GOAWAY 0 1 00*8]",
     {FATAL(PROTOCOL_ERROR, "GOAWAY on a stream")}},
    {"CONTINUATION", "[CONTINUATION 4 1 84]", {NO_BLOCK}},
};

struct strict_scene {
    const char *name;
    bool is_server;
    const char *input; // brings stream 1 into the state
    const char *events;
    const char *output;
    uint32_t last_id;
    const char *headers;
    struct strict_outcome then[STRICT_DEPENDS];
};

#define IDLE(what) FATAL(PROTOCOL_ERROR, what " on an idle stream")
#define TRAILERS   "[HEADERS 5 1 00 ('a') ('b')]"
#define NOTHING  \
 {               \
  .reason = NULL \
 }
#define ENDED(what)                              \
 {                                               \
  FATAL(STREAM_CLOSED, what " after END_STREAM") \
 }
#define CLOSED(what)                               \
 {                                                 \
  FATAL(STREAM_CLOSED, what " on a closed stream") \
 }
#define RESET_1                                    \
 {                                                 \
  .events = "RESET 1 CANCEL by peer: RST_STREAM\n" \
 }

static const struct strict_scene strict_scenes[] = {
    {"idle, server", .is_server = true, .input = "", .headers = POST(1),
     .then = {{IDLE("DATA")},
              {.events = GOT_POST(1)},
              {IDLE("RST_STREAM")},
              {IDLE("WINDOW_UPDATE")}}},
    {"open, server", .is_server = true, .input = POST(1), .events = GOT_POST(1),
     .last_id = 1, .headers = TRAILERS,
     .then = {{.events = "DATA 1 x\n"},
              {.events = "HEADERS 1 trailers a=b end\n"},
              RESET_1,
              NOTHING}},
    {"half-closed (local), server", .is_server = true,
     .input = POST(1) "<fin 1>", .events = GOT_POST(1),
     .output = "HEADERS 5 1 88\n", .last_id = 1, .headers = TRAILERS,
     .then = {{.events = "DATA 1 x\n"},
              {.events = "HEADERS 1 trailers a=b end\n"},
              RESET_1,
              NOTHING}},
    {"half-closed (remote), server", .is_server = true, .input = POST_END(1),
     .events = GOT_POST_END(1), .last_id = 1, .headers = TRAILERS,
     .then = {ENDED("DATA"), ENDED("HEADERS"), RESET_1, NOTHING}},
    {"closed, server", .is_server = true, .input = POST_END(1) "<fin 1>",
     .events = GOT_POST_END(1), .output = "HEADERS 5 1 88\n", .last_id = 1,
     .headers = TRAILERS,
     .then = {CLOSED("DATA"), CLOSED("HEADERS"), NOTHING, NOTHING}},
    {"closed and released, server", .is_server = true,
     .input = POST_END(1) "<fin 1> <free 1>", .events = GOT_POST_END(1),
     .output = "HEADERS 5 1 88\n", .last_id = 1, .headers = TRAILERS,
     .then = {CLOSED("DATA"), CLOSED("HEADERS"), NOTHING, NOTHING}},
    {"closed by the peer's reset, server", .is_server = true,
     .input = POST(1) "[RST_STREAM 0 1 00000008]",
     .events = GOT_POST(1) "RESET 1 CANCEL by peer: RST_STREAM\n", .last_id = 1,
     .headers = TRAILERS,
     .then = {CLOSED("DATA"), CLOSED("HEADERS"), NOTHING, NOTHING}},
    {"closed by our reset, server", .is_server = true,
     .input = POST(1) "<reset 1>", .events = GOT_POST(1), .output = RST(1, 8),
     .last_id = 1, .headers = TRAILERS,
     .then = {NOTHING, NOTHING, NOTHING, NOTHING}},
    {"closed by being passed over, server", .is_server = true, .input = POST(3),
     .events = GOT_POST(3), .last_id = 3, .headers = POST_END(1),
     .then = {CLOSED("DATA"),
              {FATAL(PROTOCOL_ERROR, "stream id is lower than an earlier one")},
              NOTHING,
              NOTHING}},

    {"idle, client", .input = "", .headers = OK(1),
     .then = {{IDLE("DATA")},
              {FATAL(PROTOCOL_ERROR,
                     "HEADERS on a stream that the peer may not open")},
              {IDLE("RST_STREAM")},
              {IDLE("WINDOW_UPDATE")}}},
    {"open, client", .input = "<open>" OK(1), .events = GOT_OK(1),
     .output = "HEADERS 4 1 82\n", .headers = TRAILERS,
     .then = {{.events = "DATA 1 x\n"},
              {.events = "HEADERS 1 trailers a=b end\n"},
              RESET_1,
              NOTHING}},
    {"half-closed (local), client", .input = "<openend>" OK(1),
     .events = GOT_OK(1), .output = "HEADERS 5 1 82\n", .headers = TRAILERS,
     .then = {{.events = "DATA 1 x\n"},
              {.events = "HEADERS 1 trailers a=b end\n"},
              RESET_1,
              NOTHING}},
    {"half-closed (remote), client", .input = "<open>" OK_END(1),
     .events = GOT_OK_END(1), .output = "HEADERS 4 1 82\n", .headers = TRAILERS,
     .then = {ENDED("DATA"), ENDED("HEADERS"), RESET_1, NOTHING}},
    {"closed, client", .input = "<openend>" OK_END(1), .events = GOT_OK_END(1),
     .output = "HEADERS 5 1 82\n", .headers = TRAILERS,
     .then = {CLOSED("DATA"), CLOSED("HEADERS"), NOTHING, NOTHING}},
    {"closed and released, client", .input = "<openend>" OK_END(1) "<free 1>",
     .events = GOT_OK_END(1), .output = "HEADERS 5 1 82\n", .headers = TRAILERS,
     .then = {CLOSED("DATA"), CLOSED("HEADERS"), NOTHING, NOTHING}},
    {"closed by the peer's reset, client",
     .input = "<open>" OK(1) "[RST_STREAM 0 1 00000008]",
     .events = GOT_OK(1) "RESET 1 CANCEL by peer: RST_STREAM\n",
     .output = "HEADERS 4 1 82\n", .headers = TRAILERS,
     .then = {CLOSED("DATA"), CLOSED("HEADERS"), NOTHING, NOTHING}},
    {"closed by our reset, client", .input = "<open> <reset 1>",
     .output = "HEADERS 4 1 82\n" RST(1, 8), .headers = OK(1),
     .then = {NOTHING, NOTHING, NOTHING, NOTHING}},
};

static void strict_check_cell(struct strict_tally *tally,
                              const struct strict_scene *scene,
                              const char *frame, const char *bytes,
                              const struct strict_outcome *then)
{
    char name[80];
    char input[256];
    char events[256];
    char output[256];
    strict_print(name, sizeof name, "5.1 %s: %s", scene->name, frame);
    strict_print(input, sizeof input, "%s %s", scene->input, bytes);
    strict_print(events, sizeof events, "%s%s",
                 scene->events != NULL ? scene->events : "",
                 then->events != NULL ? then->events : "");
    strict_print(output, sizeof output, "%s%s",
                 scene->output != NULL ? scene->output : "",
                 then->output != NULL ? then->output : "");
    const struct strict_row row = {
        name,
        .roles = scene->is_server ? STRICT_SERVER : STRICT_CLIENT,
        .input = input,
        .events = events,
        .output = output,
        .code = then->code,
        .reason = then->reason,
        .last_id = scene->last_id,
    };
    strict_check(tally, &row);
}

static void strict_check_matrix(struct strict_tally *tally)
{
    size_t scenes = sizeof strict_scenes / sizeof strict_scenes[0];
    size_t same = sizeof strict_independent / sizeof strict_independent[0];
    for (size_t i = 0; i < scenes; i++) {
        const struct strict_scene *scene = &strict_scenes[i];
        for (size_t k = 0; k < STRICT_DEPENDS; k++) {
            const char *bytes = strict_dependent[k][1];
            strict_check_cell(tally, scene, strict_dependent[k][0],
                              bytes != NULL ? bytes : scene->headers,
                              &scene->then[k]);
        }
        for (size_t k = 0; k < same; k++) {
            strict_check_cell(tally, scene, strict_independent[k].name,
                              strict_independent[k].input,
                              &strict_independent[k].then);
        }
    }
}

// ---- 5.1 to 5.1.2 -----------------------------------------------------------

static void strict_one_stream(struct h2_options *options)
{
    options->local.max_concurrent_streams = 1;
}

#define LOWER FATAL(PROTOCOL_ERROR, "stream id is lower than an earlier one")
#define NOT_THEIRS \
 FATAL(PROTOCOL_ERROR, "HEADERS on a stream that the peer may not open")

static const struct strict_row strict_stream_rows[] = {
    // What may come late.
    {"5.1 late HEADERS keep the table in step, to a server", SERVER,
     .input = POST(1) "<reset 1>"
                      "[HEADERS 5 1 40 ('a') ('b')]"
                      "[HEADERS 5 3 838684 be]",
     .events = GOT_POST(1) "HEADERS 3 request :method=POST :scheme=http "
                           ":path=/ a=b end\n",
     .output = RST(1, 8)},
    {"5.1 late HEADERS keep the table in step, to a client", CLIENT,
     .input = "<open> <open> <reset 1>"
              "[HEADERS 5 1 88 40 ('a') ('b')]"
              "[HEADERS 5 3 88 be]",
     .events = "HEADERS 3 response 200 :status=200 a=b end\n",
     .output = "HEADERS 4 1 82\nHEADERS 4 3 82\n" RST(1, 8)},
    {"5.1 a late block in several frames", SERVER,
     .input = POST(1) "<reset 1>"
                      "[HEADERS 1 1 40]"
                      "[CONTINUATION 4 1 ('a') ('b')]"
                      "[HEADERS 5 3 838684 be]",
     .events = GOT_POST(1) "HEADERS 3 request :method=POST :scheme=http "
                           ":path=/ a=b end\n",
     .output = RST(1, 8)},
    {"5.1 late frames of every kind, also behind a release", SERVER,
     .input =
         POST(1) "<reset 1> <free 1>"
                 "[DATA 0 1 'a']"
                 "[DATA 9 1 01 'a' 00]" TRAILERS "[WINDOW_UPDATE 0 1 7fffffff]"
                 "[WINDOW_UPDATE 0 1 7fffffff]"
                 "[RST_STREAM 0 1 00000000]",
     .events = GOT_POST(1), .output = RST(1, 8)},
    {"5.1 late frames behind newer streams", SERVER,
     .input = POST(1) "<reset 1>" POST_END(3) "<fin 3>" POST_END(
         5) "[DATA 0 1 'a']" TRAILERS,
     .events = GOT_POST(1) GOT_POST_END(3) GOT_POST_END(5),
     .output = RST(1, 8) "HEADERS 5 3 88\n"},
    {"5.1 frames on a stream between those that we reset", SERVER,
     .input =
         POST(1) "<reset 1>" POST_END(3) "<fin 3>" POST(5) "<reset 5>"
                                                           "[DATA 0 5 'a']"
                                                           "[DATA 0 1 'a']"
                                                           "[DATA 0 3 'a']",
     .events = GOT_POST(1) GOT_POST_END(3) GOT_POST(5),
     .output = RST(1, 8) "HEADERS 5 3 88\n" RST(5, 8),
     FATAL(STREAM_CLOSED, "DATA on a closed stream"), .last_id = 5},
    {"5.1 late HEADERS are malformed: nobody looks", SERVER,
     .input = POST(1) "<reset 1>"
                      "[HEADERS 4 1 82]",
     .events = GOT_POST(1), .output = RST(1, 8)},
    {"5.1 late HEADERS still have to be decoded", SERVER,
     .input = POST(1) "<reset 1>"
                      "[HEADERS 4 1 80]",
     .events = GOT_POST(1), .output = RST(1, 8),
     FATAL(COMPRESSION_ERROR,
           "header block refers to an index that is not in the tables"),
     .last_id = 1},
    {"5.1 late HEADERS still have a format", SERVER,
     .input = POST(1) "<reset 1>"
                      "[HEADERS c 1 09 82]",
     .events = GOT_POST(1), .output = RST(1, 8),
     FATAL(PROTOCOL_ERROR, "padding is longer than HEADERS"), .last_id = 1},
    {"5.1 late DATA still has a format", SERVER,
     .input = POST(1) "<reset 1>"
                      "[DATA 8 1 01]",
     .events = GOT_POST(1), .output = RST(1, 8),
     FATAL(PROTOCOL_ERROR, "padding is longer than DATA"), .last_id = 1},
    {"5.1 DATA that was on its way at our reset", SERVER,
     .input = POST(1) "[DATA 0 1 'ab']"
                      "<reset 1>"
                      "[DATA 0 1 'cd']"
                      "[DATA 1 1]",
     .events = GOT_POST(1) "DATA 1 ab\n", .output = RST(1, 8)},
    {"5.1 WINDOW_UPDATE and RST_STREAM cross the end of a call", SERVER,
     .input = POST_END(1) "<fin 1>"
                          "[WINDOW_UPDATE 0 1 00000001]"
                          "[RST_STREAM 0 1 00000000]"
                          "[RST_STREAM 0 1 00000008]",
     .events = GOT_POST_END(1), .output = "HEADERS 5 1 88\n"},

    // Identifiers.
    {"5.1.1 HEADERS on stream 2, to a server", SERVER, .input = POST_END(2),
     NOT_THEIRS},
    {"5.1.1 HEADERS on stream 2, to a client", CLIENT, .opens = 1,
     .input = OK_END(2), NOT_THEIRS},
    {"5.1.1 HEADERS on a stream that we have not opened", CLIENT, .opens = 1,
     .input = OK_END(3), NOT_THEIRS},
    {"5.1.1 the highest even stream", SERVER, .input = POST_END(2147483646),
     NOT_THEIRS},
    {"5.1.1 the highest stream", SERVER, .input = POST_END(2147483647),
     .events = GOT_POST_END(2147483647)},
    {"5.1.1 nothing is above the highest stream", SERVER,
     .input = POST_END(2147483647) POST_END(2147483645),
     .events = GOT_POST_END(2147483647), LOWER, .last_id = 2147483647},
    {"5.1.1 a lower stream than an earlier one", SERVER,
     .input = POST_END(5) POST_END(3), .events = GOT_POST_END(5), LOWER,
     .last_id = 5},
    {"5.1.1 a lower stream, just passed over", SERVER,
     .input = POST_END(1) POST_END(5) POST_END(3),
     .events = GOT_POST_END(1) GOT_POST_END(5), LOWER, .last_id = 5},
    {"5.1.1 streams may be passed over", SERVER,
     .input = POST_END(3) POST_END(7) POST_END(1001),
     .events = GOT_POST_END(3) GOT_POST_END(7) GOT_POST_END(1001)},
    {"5.1.1 a stream twice", SERVER, .input = POST_END(1) POST_END(1),
     .events = GOT_POST_END(1),
     FATAL(STREAM_CLOSED, "HEADERS after END_STREAM"), .last_id = 1},
    {"5.1.1 a stream again when it is closed", SERVER,
     .input = POST_END(1) "<fin 1>" POST_END(3) "<fin 3>" POST_END(1),
     .events = GOT_POST_END(1) GOT_POST_END(3),
     .output = "HEADERS 5 1 88\nHEADERS 5 3 88\n",
     FATAL(STREAM_CLOSED, "HEADERS on a closed stream"), .last_id = 3},
    {"5.1.1 63 streams ago: we know that it was closed", SERVER,
     .input = POST_END(1) "<fin 1>" POST_END(127) "[DATA 0 1 'a']",
     .events = GOT_POST_END(1) GOT_POST_END(127), .output = "HEADERS 5 1 88\n",
     FATAL(STREAM_CLOSED, "DATA on a closed stream"), .last_id = 127},
    {"5.1.1 64 streams ago: it may have been ours to close", SERVER,
     .input = POST_END(1) "<fin 1>" POST_END(129) "[DATA 0 1 'a']",
     .events = GOT_POST_END(1) GOT_POST_END(129), .output = "HEADERS 5 1 88\n"},
    {"5.1.1 64 streams ago, one after the other", SERVER,
     .input =
         POST_END(1) "<fin 1>" POST_END(127) POST_END(129) "[DATA 0 1 'a']",
     .events = GOT_POST_END(1) GOT_POST_END(127) GOT_POST_END(129),
     .output = "HEADERS 5 1 88\n"},
    {"5.1.1 long ago: closed, and no fault of the peer", SERVER,
     .input = POST_END(1) "<fin 1>" POST_END(201) "[DATA 0 1 'a']"
                                                  "[HEADERS 4 1 82]"
                                                  "[RST_STREAM 0 1 00000000]",
     .events = GOT_POST_END(1) GOT_POST_END(201), .output = "HEADERS 5 1 88\n"},
    {"5.1.1 our own ids end", CLIENT, .input = "<lastid> <open> <open>",
     .events = "MAY NOT OPEN\n", .output = "HEADERS 4 2147483647 82\n"},
    {"5.1.1 our own streams count 1, 3, 5", CLIENT,
     .input = "<open> <openend> <open>",
     .output = "HEADERS 4 1 82\nHEADERS 5 3 82\nHEADERS 4 5 82\n"},

    // Concurrency.
    {"5.1.2 a stream over our limit", SERVER, .options = strict_one_stream,
     .input = POST(1) POST(3), .events = GOT_POST(1), .output = RST(3, 7)},
    {"5.1.2 over the limit, before our SETTINGS are acknowledged", RAW_SERVER,
     .options = strict_one_stream,
     .input = MAGIC "[SETTINGS 0 0]" POST(1) POST(3),
     .events = "SETTINGS\n" GOT_POST(1), .output = "SETTINGS 1 0\n" RST(3, 7)},
    {"5.1.2 a half-closed stream counts", SERVER, .options = strict_one_stream,
     .input = POST_END(1) POST(3), .events = GOT_POST_END(1),
     .output = RST(3, 7)},
    {"5.1.2 a released stream does not count", SERVER,
     .options = strict_one_stream,
     .input = POST_END(1) "<fin 1> <free 1>" POST_END(3),
     .events = GOT_POST_END(1) GOT_POST_END(3), .output = "HEADERS 5 1 88\n"},
    {"5.1.2 a refused stream does not count, and is closed", SERVER,
     .options = strict_one_stream,
     .input = POST(1) POST(3) "[DATA 0 3 'a']"
                              "[HEADERS 5 3 00 ('a') ('b')]"
                              "<reset 1> <free 1>" POST_END(5),
     .events = GOT_POST(1) GOT_POST_END(5), .output = RST(3, 7) RST(1, 8)},
    {"5.1.2 a refused request keeps the table in step", SERVER,
     .options = strict_one_stream,
     .input = POST(1) "[HEADERS 5 3 838684 40 ('a') ('b')]"
                      "<reset 1> <free 1>"
                      "[HEADERS 5 5 838684 be]",
     .events = GOT_POST(1) "HEADERS 5 request :method=POST :scheme=http "
                           ":path=/ a=b end\n",
     .output = RST(3, 7) RST(1, 8)},
    {"5.1.2 a stream that PRIORITY names does not count", SERVER,
     .options = strict_one_stream,
     .input = "[PRIORITY 0 1 00000000 10]"
              "[PRIORITY 0 3 00000000 10]" POST(5),
     .events = GOT_POST(5)},
    {"5.1.2 we keep the server's limit", CLIENT,
     .input = "[SETTINGS 0 0 0003 00000001]"
              "<open> <open>",
     .events = "SETTINGS\nMAY NOT OPEN\n",
     .output = "SETTINGS 1 0\nHEADERS 4 1 82\n"},
    {"5.1.2 we keep a limit of none", CLIENT,
     .input = "[SETTINGS 0 0 0003 00000000]"
              "<open>",
     .events = "SETTINGS\nMAY NOT OPEN\n", .output = "SETTINGS 1 0\n"},
    {"5.1.2 a limit below what is open closes nothing", CLIENT,
     .input = "<open> <open>"
              "[SETTINGS 0 0 0003 00000001]"
              "<open>" OK_END(1) OK_END(3),
     .events = "SETTINGS\nMAY NOT OPEN\n" GOT_OK_END(1) GOT_OK_END(3),
     .output = "HEADERS 4 1 82\nHEADERS 4 3 82\nSETTINGS 1 0\n"},
    {"5.1.2 a closed stream makes room for the next", CLIENT,
     .input = "[SETTINGS 0 0 0003 00000001]"
              "<openend>" OK_END(1) "<open>",
     .events = "SETTINGS\n" GOT_OK_END(1),
     .output = "SETTINGS 1 0\nHEADERS 5 1 82\nHEADERS 4 3 82\n"},
};

// ---- 5.4, 6.4, 7, 8.7 -------------------------------------------------------

static const struct strict_row strict_error_rows[] = {
    {"5.4.1 nothing is heard behind an error, to a server", SERVER,
     .input = POST(1) "[PING 0 0 00]" POST_END(3) "[SETTINGS 0 0]"
                                                  "[PING 0 3 00]"
                                                  "[DATA 0 0]",
     .events = GOT_POST(1), FATAL(FRAME_SIZE_ERROR, "PING is not 8 bytes"),
     .last_id = 1},
    {"5.4.1 nothing is heard behind an error, to a client", CLIENT, .opens = 1,
     .input = "[PING 0 0 00]" OK_END(1) "[SETTINGS 0 0]"
                                        "[GOAWAY 0 1 00*8]",
     FATAL(FRAME_SIZE_ERROR, "PING is not 8 bytes")},
    {"5.4.1 nothing is sent behind an error", SERVER,
     .input = POST(1) POST_END(3) "<head 3>" POST(5) "[DATA 0 5 'a']"
                                                     "[PING 0 0 00]",
     .events = GOT_POST(1) GOT_POST_END(3) GOT_POST(5) "DATA 5 a\n",
     .output = "HEADERS 4 3 88\n",
     FATAL(FRAME_SIZE_ERROR, "PING is not 8 bytes"), .last_id = 5},
    {"5.4.1 our own reason to end", SERVER,
     .input = POST_END(1) "<close>" POST_END(3) "[PING 0 0 00]",
     .events = GOT_POST_END(1), FATAL(ENHANCE_YOUR_CALM, "enough"),
     .last_id = 1},
    {"5.4.1 the last stream id is the highest one opened", SERVER,
     .input = POST_END(3) POST_END(7) "[RST_STREAM 0 3 00000008]"
                                      "[PING 0 0 00]",
     .events =
         GOT_POST_END(3) GOT_POST_END(7) "RESET 3 CANCEL by peer: RST_STREAM\n",
     FATAL(FRAME_SIZE_ERROR, "PING is not 8 bytes"), .last_id = 7},
    {"5.4.1 the last stream id leaves out an open block", SERVER,
     .input = POST_END(1) "[HEADERS 1 3 83]"
                          "[PING 0 0 00*8]",
     .events = GOT_POST_END(1),
     FATAL(PROTOCOL_ERROR, "a header block is not continued"), .last_id = 1},
    {"5.4.1 the last stream id leaves out a block that cannot be decoded",
     SERVER, .input = POST_END(1) "[HEADERS 5 3 80]", .events = GOT_POST_END(1),
     FATAL(COMPRESSION_ERROR,
           "header block refers to an index that is not in the tables"),
     .last_id = 1},
    {"5.4.1 a client has no streams of ours to name", CLIENT, .opens = 3,
     .input = OK_END(3) "[PING 0 0 00]", .events = GOT_OK_END(3),
     FATAL(FRAME_SIZE_ERROR, "PING is not 8 bytes")},
    {"5.4.2 a stream error leaves the others alone", SERVER,
     .input = POST(1) POST(3) "[WINDOW_UPDATE 0 1 7fffffff]"
                              "[DATA 1 3 'a']" POST_END(5),
     .events = GOT_POST(1) GOT_POST(
         3) "RESET 1 FLOW_CONTROL_ERROR: stream window is over 2^31-1\n"
            "DATA 3 a end\n" GOT_POST_END(5),
     .output = RST(1, 3)},
    {"5.4.2 no RST_STREAM for RST_STREAM", SERVER,
     .input = POST(1) "[RST_STREAM 0 1 00000001]"
                      "[RST_STREAM 0 1 00000001]",
     .events = GOT_POST(1) "RESET 1 PROTOCOL_ERROR by peer: RST_STREAM\n"},
    {"5.4.2 no RST_STREAM for RST_STREAM, to a client", CLIENT, .opens = 1,
     .input = "[RST_STREAM 0 1 00000001]"
              "[RST_STREAM 0 1 00000001]",
     .events = "RESET 1 PROTOCOL_ERROR by peer: RST_STREAM\n"},
    {"5.4.2 no second RST_STREAM for what comes late", SERVER,
     .input = POST(1) "<reset 1>"
                      "[DATA 0 1 'a']"
                      "[HEADERS 4 1 82]"
                      "[RST_STREAM 0 1 00000001]"
                      "<reset 1>",
     .events = GOT_POST(1), .output = RST(1, 8)},
    {"5.4.2 no answer on a stream that the peer has reset", SERVER,
     .input = POST(1) "[RST_STREAM 0 1 00000008]"
                      "<reset 1> <fin 1> <free 1>",
     .events = GOT_POST(1) "RESET 1 CANCEL by peer: RST_STREAM\n"},
    {"6.4 a reset behind the end of the request", SERVER,
     .input = POST_END(1) "[RST_STREAM 0 1 00000008]",
     .events = GOT_POST_END(1) "RESET 1 CANCEL by peer: RST_STREAM\n"},
    {"6.4 we do not reset an idle stream", CLIENT, .input = "<idle> <open>",
     .output = "HEADERS 4 1 82\n"},
    {"6.4 we send nothing on a stream that the peer has reset", SERVER,
     .input = POST_END(1) "<head 1>"
                          "[RST_STREAM 0 1 00000008]"
                          "<data 1> <trail 1> <reset 1> <want 1>",
     .events = GOT_POST_END(1) "RESET 1 CANCEL by peer: RST_STREAM\n",
     .output = "HEADERS 4 1 88\n"},
    {"6.4 DATA that waits is dropped at a reset", SERVER,
     .input = "[SETTINGS 0 0 0004 00000001]" POST_END(
         1) "<head 1> <data 1>"
            "[RST_STREAM 0 1 00000008]"
            "[WINDOW_UPDATE 0 1 00000009]"
            "[SETTINGS 0 0 0004 00000064]",
     .events = "SETTINGS\n" GOT_POST_END(
         1) "RESET 1 CANCEL by peer: RST_STREAM\nSETTINGS\n",
     .output = "SETTINGS 1 0\nHEADERS 4 1 88\nDATA 0 1 00\nSETTINGS 1 0\n"},
    {"6.4 a reset of a stream that was passed over", SERVER,
     .input = POST_END(3) "[RST_STREAM 0 1 00000008]",
     .events = GOT_POST_END(3)},
    {"6.4 a reset of an even stream", BOTH,
     .input = "[RST_STREAM 0 2 00000008]", IDLE("RST_STREAM")},
    {"7 an unknown code in RST_STREAM", SERVER,
     .input = POST(1) "[RST_STREAM 0 1 000000ff]",
     .events = GOT_POST(1) "RESET 1 unknown by peer: RST_STREAM\n"},
    {"7 an unknown code in RST_STREAM, to a client", CLIENT, .opens = 1,
     .input = "[RST_STREAM 0 1 ffffffff]",
     .events = "RESET 1 unknown by peer: RST_STREAM\n"},
    {"7 an unknown code in GOAWAY", BOTH,
     .input = "[GOAWAY 0 0 7fffffff 000000ff]",
     .events = "GOAWAY 2147483647 unknown \n"},
    {"8.1 a server may reset with NO_ERROR behind its response", CLIENT,
     .opens = 1, .input = OK_END(1) "[RST_STREAM 0 1 00000000]",
     .events = GOT_OK_END(1) "RESET 1 NO_ERROR by peer: RST_STREAM\n"},
    {"8.7 a refused stream is told as such", CLIENT, .opens = 1,
     .input = "[RST_STREAM 0 1 00000007]",
     .events = "RESET 1 REFUSED_STREAM by peer: RST_STREAM\n"},
};

// ---- 6.8 --------------------------------------------------------------------

#define X_16 "xxxxxxxxxxxxxxxx"
#define X_64 X_16 X_16 X_16 X_16
#define LEFT_OUT(id) \
 "RESET " #id " REFUSED_STREAM by peer: GOAWAY left the stream out\n"

static const struct strict_row strict_goaway_rows[] = {
    {"6.8 GOAWAY on a stream", BOTH, .input = "[GOAWAY 0 1 00*8]",
     FATAL(PROTOCOL_ERROR, "GOAWAY on a stream")},
    {"6.8 GOAWAY of 7 bytes", BOTH, .input = "[GOAWAY 0 0 00*7]",
     FATAL(FRAME_SIZE_ERROR, "GOAWAY is too short")},
    {"6.8 GOAWAY of 4 bytes", BOTH, .input = "[GOAWAY 0 0 00*4]",
     FATAL(FRAME_SIZE_ERROR, "GOAWAY is too short")},
    {"6.8 empty GOAWAY", BOTH, .input = "[GOAWAY 0 0]",
     FATAL(FRAME_SIZE_ERROR, "GOAWAY is too short")},
    {"6.8 GOAWAY with text", BOTH,
     .input = "[GOAWAY 0 0 7fffffff 00000000 'bye']",
     .events = "GOAWAY 2147483647 NO_ERROR bye\n"},
    {"6.8 GOAWAY with text of 16 KiB: 256 bytes are kept", BOTH,
     .input = "[GOAWAY 0 0 7fffffff 00000002 78*16376]",
     .events = "GOAWAY 2147483647 INTERNAL_ERROR " X_64 X_64 X_64 X_64 "\n"},
    {"6.8 a lower last stream id later", BOTH,
     .input = "[GOAWAY 0 0 7fffffff 00000000]"
              "[GOAWAY 0 0 00000001 00000000]",
     .events = "GOAWAY 2147483647 NO_ERROR \nGOAWAY 1 NO_ERROR \n"},
    {"6.8 the same last stream id again", BOTH,
     .input = "[GOAWAY 0 0 00000001 00000000]"
              "[GOAWAY 0 0 00000001 00000002]",
     .events = "GOAWAY 1 NO_ERROR \nGOAWAY 1 INTERNAL_ERROR \n"},
    {"6.8 a higher last stream id later", BOTH,
     .input = "[GOAWAY 0 0 00000001 00000000]"
              "[GOAWAY 0 0 00000003 00000000]",
     .events = "GOAWAY 1 NO_ERROR \n",
     FATAL(PROTOCOL_ERROR, "GOAWAY with a higher last stream id than before")},
    {"6.8 streams that it leaves out were not processed", CLIENT, .opens = 3,
     .input = "[GOAWAY 0 0 00000001 00000000]" OK_END(1),
     .events = LEFT_OUT(3) LEFT_OUT(5) "GOAWAY 1 NO_ERROR \n" GOT_OK_END(1)},
    {"6.8 frames on streams that it leaves out", CLIENT, .opens = 2,
     .input =
         "[GOAWAY 0 0 00000001 00000000]" OK(3) "[DATA 1 3 'a']"
                                                "[WINDOW_UPDATE 0 3 00000001]"
                                                "[RST_STREAM 0 3 00000007]",
     .events = LEFT_OUT(3) "GOAWAY 1 NO_ERROR \n"},
    {"6.8 we open no stream behind it", CLIENT, .opens = 1,
     .input = "[GOAWAY 0 0 7fffffff 00000000]"
              "<open>",
     .events = "GOAWAY 2147483647 NO_ERROR \nMAY NOT OPEN\n"},
    {"6.8 a client's GOAWAY does not concern its own streams", SERVER,
     .input = POST(1) "[GOAWAY 0 0 00000000 00000000]"
                      "[DATA 1 1 'a']" POST_END(3),
     .events =
         GOT_POST(1) "GOAWAY 0 NO_ERROR \nDATA 1 a end\n" GOT_POST_END(3)},
    {"6.8 we ignore streams above the one we named", SERVER,
     .input = POST(1) "<goaway 1>" POST(3) "[DATA 1 3 'a']"
                                           "[DATA 1 1 'b']",
     .events = GOT_POST(1) "DATA 1 b end\n",
     .output = "GOAWAY 0 0 0000000100000000\n"},
    {"6.8 an ignored request keeps the table in step", SERVER,
     .input = POST(1) "<goaway 1>"
                      "[HEADERS 4 3 838684 40 ('a') ('b')]"
                      "[HEADERS 5 1 be]",
     .events = GOT_POST(1) "HEADERS 1 trailers a=b end\n",
     .output = "GOAWAY 0 0 0000000100000000\n"},
    {"6.8 an ignored request still has to be decoded", SERVER,
     .input = POST(1) "<goaway 1>"
                      "[HEADERS 4 3 80]",
     .events = GOT_POST(1), .output = "GOAWAY 0 0 0000000100000000\n",
     FATAL(COMPRESSION_ERROR,
           "header block refers to an index that is not in the tables"),
     .last_id = 1},
    {"6.8 an ignored request is not looked at", SERVER,
     .input = POST(1) "<goaway 1>"
                      "[HEADERS 4 3 82]",
     .events = GOT_POST(1), .output = "GOAWAY 0 0 0000000100000000\n"},
    {"6.8 an ignored request still counts for identifiers", SERVER,
     .input = POST_END(1) "<goaway 1>" POST_END(5) POST_END(3),
     .events = GOT_POST_END(1), .output = "GOAWAY 0 0 0000000100000000\n",
     LOWER, .last_id = 1},
    {"6.8 our last stream id never rises", SERVER,
     .input = POST_END(1) "<goaway 1>" POST_END(3) "<goaway 7>",
     .events = GOT_POST_END(1),
     .output = "GOAWAY 0 0 0000000100000000\nGOAWAY 0 0 0000000100000000\n"},
    {"6.8 nor does that of an error behind it", SERVER,
     .input = POST_END(1) "<goaway 1>" POST_END(3) "[PING 0 0 00]",
     .events = GOT_POST_END(1), .output = "GOAWAY 0 0 0000000100000000\n",
     FATAL(FRAME_SIZE_ERROR, "PING is not 8 bytes"), .last_id = 1},
    {"6.8 a graceful end takes what was on its way", SERVER,
     .input = POST_END(1) "<goaway 7>" POST_END(3) POST_END(9),
     .events = GOT_POST_END(1) GOT_POST_END(3),
     .output = "GOAWAY 0 0 0000000700000000\n"},
    {"6.8 a client that has sent GOAWAY hears the rest", CLIENT, .opens = 1,
     .input = "<goaway 0>" OK(1) "[DATA 1 1 'a']"
                                 "<open>",
     .events = GOT_OK(1) "DATA 1 a end\nMAY NOT OPEN\n",
     .output = "GOAWAY 0 0 0000000000000000\n"},
};

#endif

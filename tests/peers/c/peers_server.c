// SPDX-License-Identifier: MIT
// cgrpc as the server of tests/peers (../README.md): the methods of the interop
// suite's TestService that the clients call, each reply after the time that the
// request's metadata asks for. Each call is told in a line when it begins and
// when it ends. SIGTERM stops it gracefully, the end of standard input at once.

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "grpc.h"
#include "grpc/testing/test.pb.h"

#include "peers.h"

static struct peers_server {
    grpc_loop *loop;
    grpc_server *server;
    uint32_t begun;
    uint32_t answered;
    uint32_t cut;
    uint32_t grace_ms; // GRPC_NEVER: as long as calls take
} own = {.grace_ms = GRPC_NEVER};

// One call, in the call's memory.
struct answer {
    grpc_call *call;
    const char *id;
    grpc_timer *timer;
    void (*reply)(struct answer *answer);
    uint32_t sleep_ms; // before each reply
    int32_t size;      // of a reply, or what was received
    size_t left;       // replies of a stream
    bool waits;        // for its timer; requests that come meanwhile are paused
    bool half_closed;
};

// ---- Every call -------------------------------------------------------------

static const char *answer_text(grpc_call *call, const char *key)
{
    grpc_str value;
    return grpc_call_header(call, key, &value) ? value.data : "";
}

static void answer_told(void *argument)
{
    struct answer *answer = argument;
    if (answer->timer != NULL) {
        grpc_timer_stop(answer->timer);
    }
    own.cut++;
    peers_say("cut %s %.6f", answer->id, peers_now());
}

// answer_count comes before the answer, for the client may be faster to tell
// about it than we are.
static void answer_count(struct answer *answer)
{
    own.answered++;
    peers_say("answered %s %.6f", answer->id, peers_now());
    grpc_call_on_end(answer->call, NULL, NULL);
}

static struct answer *answer_new(grpc_call *call,
                                 void (*reply)(struct answer *answer))
{
    struct answer *answer = grpc_call_alloc(call, sizeof *answer);
    if (answer == NULL) {
        peers_die("a call", "no memory");
    }
    *answer = (struct answer){
        .call = call,
        .id = answer_text(call, "peers-id"),
        .reply = reply,
        .sleep_ms =
            (uint32_t)strtoul(answer_text(call, "peers-sleep-ms"), NULL, 10),
    };
    own.begun++;
    peers_say("begin %s %.6f %s", answer->id, peers_now(),
              grpc_call_peer(call));
    grpc_call_on_end(call, answer_told, answer);
    return answer;
}

static void answer_wake(void *argument)
{
    struct answer *answer = argument;
    answer->timer = NULL;
    answer->waits = false;
    answer->reply(answer);
}

// answer_later replies when the time that the client asks for is over.
static void answer_later(struct answer *answer)
{
    if (answer->sleep_ms == 0) {
        answer->reply(answer);
        return;
    }
    answer->waits = true;
    answer->timer =
        grpc_timer_start(own.loop, answer->sleep_ms, answer_wake, answer);
    if (answer->timer == NULL) {
        peers_die("a call", "no timer");
    }
}

static void answer_check(const struct answer *answer, grpc_result result)
{
    if (result != GRPC_OK && !grpc_call_is_over(answer->call)) {
        peers_die(answer->id, grpc_result_name(result));
    }
}

// ---- The four kinds ---------------------------------------------------------

static void unary_reply(struct answer *answer)
{
    const grpc_testing_Payload payload = {
        .body = peers_zeros((size_t)answer->size)};
    answer_count(answer);
    (void)grpc_testing_TestService_UnaryCall_reply(
        answer->call, &(grpc_testing_SimpleResponse){.payload = &payload});
}

static void unary_call(grpc_call *call,
                       const grpc_testing_SimpleRequest *request, void *self)
{
    struct answer *answer = answer_new(call, unary_reply);
    (void)self;
    answer->size = request->response_size;
    answer_later(answer);
}

static void input_reply(struct answer *answer)
{
    answer_count(answer);
    (void)grpc_testing_TestService_StreamingInputCall_reply(
        answer->call, &(grpc_testing_StreamingInputCallResponse){
                          .aggregated_payload_size = answer->size});
}

static void input_message(grpc_call *call,
                          const grpc_testing_StreamingInputCallRequest *request,
                          void *argument)
{
    struct answer *answer = argument;
    (void)call;
    answer->size +=
        request->payload == NULL ? 0 : (int32_t)request->payload->body.size;
}

static void input_end(grpc_call *call, void *argument)
{
    (void)call;
    answer_later(argument);
}

static void input_call(grpc_call *call, void *self)
{
    struct answer *answer = answer_new(call, input_reply);
    (void)self;
    answer_check(answer, grpc_testing_TestService_StreamingInputCall_receive(
                             call, input_message, input_end, answer));
}

static void answer_finish(struct answer *answer)
{
    answer_count(answer);
    (void)grpc_call_finish(answer->call, GRPC_OK, NULL);
}

static void output_reply(struct answer *answer)
{
    const grpc_testing_Payload payload = {
        .body = peers_zeros((size_t)answer->size)};
    const grpc_testing_StreamingOutputCallResponse reply = {.payload =
                                                                &payload};
    if (answer->left == 0) {
        answer_finish(answer);
        return;
    }
    grpc_result result =
        grpc_testing_TestService_StreamingOutputCall_send(answer->call, &reply);
    if (result == GRPC_AGAIN) {
        return; // goes on when there is room
    }
    answer_check(answer, result);
    answer->left--;
    answer_later(answer);
}

static void output_writable(grpc_call *call, void *argument)
{
    struct answer *answer = argument;
    (void)call;
    if (!answer->waits) {
        output_reply(answer);
    }
}

static void output_call(grpc_call *call,
                        const grpc_testing_StreamingOutputCallRequest *request,
                        void *self)
{
    struct answer *answer = answer_new(call, output_reply);
    (void)self;
    answer->left = request->response_parameters.count;
    answer->size =
        answer->left == 0 ? 0 : request->response_parameters.data[0].size;
    grpc_call_on_writable(call, output_writable, answer);
    answer_later(answer);
}

static void duplex_reply(struct answer *answer)
{
    const grpc_testing_Payload payload = {
        .body = peers_zeros((size_t)answer->size)};
    answer_check(answer,
                 grpc_testing_TestService_FullDuplexCall_send_reply(
                     answer->call, &(grpc_testing_StreamingOutputCallResponse){
                                       .payload = &payload}));
    grpc_call_resume(answer->call);
    if (answer->half_closed) {
        answer_finish(answer);
    }
}

static void duplex_message(
    grpc_call *call, const grpc_testing_StreamingOutputCallRequest *request,
    void *argument)
{
    struct answer *answer = argument;
    answer->size = request->response_parameters.count == 0
                       ? 0
                       : request->response_parameters.data[0].size;
    grpc_call_pause(call);
    answer_later(answer);
}

static void duplex_end(grpc_call *call, void *argument)
{
    struct answer *answer = argument;
    (void)call;
    answer->half_closed = true;
    if (!answer->waits) {
        answer_finish(answer);
    }
}

static void duplex_call(grpc_call *call, void *self)
{
    struct answer *answer = answer_new(call, duplex_reply);
    (void)self;
    answer_check(answer, grpc_testing_TestService_FullDuplexCall_receive(
                             call, duplex_message, duplex_end, answer));
}

// ---- The program ------------------------------------------------------------

static void serve_drain(void *argument)
{
    (void)argument;
    peers_say("draining %.6f", peers_now());
    if (own.grace_ms == GRPC_NEVER) {
        grpc_server_stop(own.server);
    } else {
        (void)grpc_server_drain(own.server, own.grace_ms);
    }
}

static void serve_on_signal(int number)
{
    (void)number;
    (void)grpc_loop_post(own.loop, serve_drain, NULL);
}

static void serve_abandon(void *argument)
{
    (void)argument;
    exit(0);
}

static void serve_listen(const char *address)
{
    char each[128];
    while (*address != '\0') {
        size_t size = strcspn(address, ",");
        (void)snprintf(each, sizeof each, "%.*s", (int)size, address);
        if (grpc_server_listen(own.server, each, NULL) != GRPC_OK) {
            peers_die(each, grpc_server_error(own.server));
        }
        address += size + (address[size] == ',' ? 1 : 0);
    }
    peers_say("listening %u", (unsigned)grpc_server_port(own.server));
}

int main(int argc, char **argv)
{
    static grpc_server_options options;
    const char *address = "127.0.0.1:0";
    uint32_t without_calls = 0;
    const struct peers_flag flags[] = {
        {"address", &address, NULL},
        {"max-idle-ms", NULL, &options.max_connection_idle_ms},
        {"max-age-ms", NULL, &options.max_connection_age_ms},
        {"max-age-grace-ms", NULL, &options.max_connection_age_grace_ms},
        {"keepalive-ms", NULL, &options.keepalive_ms},
        {"keepalive-timeout-ms", NULL, &options.keepalive_timeout_ms},
        {"keepalive-min-ms", NULL, &options.keepalive_min_ms},
        {"keepalive-without-calls", NULL, &without_calls},
        {"max-streams", NULL, &options.max_concurrent_streams},
        {"grace-ms", NULL, &own.grace_ms},
        {NULL, NULL, NULL},
    };
    peers_flags(argc, argv, flags);
    own.loop = grpc_loop_new(
        &(grpc_loop_options){.log = peers_log, .log_level = GRPC_LOG_INFO});
    options.loop = own.loop;
    options.keepalive_without_calls = without_calls != 0;
    own.server = grpc_server_new(&options);
    if (own.server == NULL ||
        grpc_testing_TestService_serve(
            own.server,
            &(grpc_testing_TestService){.UnaryCall = unary_call,
                                        .StreamingInputCall = input_call,
                                        .StreamingOutputCall = output_call,
                                        .FullDuplexCall = duplex_call},
            NULL) != GRPC_OK) {
        peers_die("the server", grpc_server_error(own.server));
    }
    peers_on_input_end(own.loop, serve_abandon, NULL);
    (void)signal(SIGTERM, serve_on_signal);
    serve_listen(address);
    grpc_result result = grpc_server_run(own.server);
    peers_say("done %lu %lu %lu", (unsigned long)own.begun,
              (unsigned long)own.answered, (unsigned long)own.cut);
    peers_forget_input();
    grpc_server_free(own.server);
    return result == GRPC_OK && grpc_loop_free(own.loop) == GRPC_OK ? 0 : 1;
}

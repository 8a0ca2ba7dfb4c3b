// SPDX-License-Identifier: MIT
// cgrpc as the server of gRPC's interop suite (../README.md).
//
//     grpc_interop_server --port=P     0: any; prints "listening P"
//
// and the flags of interop_tls.h.
//
// A call that streams replies is an `output`: a list of replies that wait to be
// sent, one after the other, each when its interval is over and there is room.
//
//     accept ---> run ---> (timer | writable) ---> run ---> resume or finish
//
// While replies wait, the requests that follow are held back, so a client that
// does not read cannot make the list grow.

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "grpc.h"
#include "grpc/testing/test.pb.h"

#include "grpc_interop.h"
#include "interop_tls.h"

struct reply {
    int32_t size;
    int32_t interval_us;
    bool compressed;
};

struct output {
    grpc_call *call;
    grpc_result (*send)(grpc_call *call,
                        const grpc_testing_StreamingOutputCallResponse *reply);
    struct reply *replies; // in the call's memory
    size_t count;
    size_t capacity;
    size_t next;
    grpc_timer *timer;
    bool waited;    // the interval of the next reply is over
    bool has_gzip;  // the call's encoding was set
    bool is_closed; // there are no more requests
};

// A client of half duplex may ask for so many replies before there is one.
enum { REPLIES_MAX = 100000 };

// ---- all calls --------------------------------------------------------------

static void echo_metadata(grpc_call *call)
{
    grpc_str value;
    if (grpc_call_header(call, INTEROP_ECHO_INITIAL, &value)) {
        grpc_call_add_header(call, INTEROP_ECHO_INITIAL, value.data);
    }
    if (grpc_call_header(call, INTEROP_ECHO_TRAILING, &value)) {
        grpc_call_add_trailer_bytes(call, INTEROP_ECHO_TRAILING, value.data,
                                    value.size);
    }
}

// is_expected: the message that was received is compressed as its field says;
// else the call has been answered.
static bool is_expected(grpc_call *call, const grpc_testing_BoolValue *expected)
{
    if (expected == NULL || expected->value == grpc_call_was_compressed(call)) {
        return true;
    }
    grpc_call_fail(call, GRPC_INVALID_ARGUMENT, "the message came %s",
                   expected->value ? "uncompressed" : "compressed");
    return false;
}

// is_status: the call was asked to end with a status, and has.
static bool is_status(grpc_call *call, const grpc_testing_EchoStatus *status)
{
    if (status == NULL || status->code == 0) {
        return false;
    }
    grpc_call_fail(call, (grpc_code)status->code, "%.*s",
                   GRPC_STR_ARG(status->message));
    return true;
}

static bool is_payload(grpc_call *call, int32_t type, int32_t size)
{
    if (type == grpc_testing_PayloadType_COMPRESSABLE && size >= 0 &&
        size <= INTEROP_ZEROS_MAX) {
        return true;
    }
    grpc_call_fail(call, GRPC_INVALID_ARGUMENT,
                   "no payload of type %ld and %ld bytes", (long)type,
                   (long)size);
    return false;
}

// set_gzip fails the call when that encoding cannot be had.
static bool set_gzip(grpc_call *call)
{
    grpc_result result = grpc_call_set_encoding(call, "gzip");
    if (result == GRPC_OK) {
        return true;
    }
    grpc_call_fail(call, GRPC_FAILED_PRECONDITION, "no gzip: %s",
                   grpc_result_name(result));
    return false;
}

static void check_sent(const char *what, grpc_result result)
{
    if (result != GRPC_OK) {
        fprintf(stderr, "%s: %s\n", what, grpc_result_name(result));
    }
}

// ---- unary ------------------------------------------------------------------

static void empty_call(grpc_call *call, const grpc_testing_Empty *request,
                       void *self)
{
    const grpc_testing_Empty reply = {0};
    (void)request;
    (void)self;
    echo_metadata(call);
    check_sent("EmptyCall",
               grpc_testing_TestService_EmptyCall_reply(call, &reply));
}

static bool set_compression(grpc_call *call,
                            const grpc_testing_BoolValue *compressed)
{
    if (compressed == NULL) {
        return true;
    }
    grpc_call_compress(call, compressed->value);
    return !compressed->value || set_gzip(call);
}

static void unary_call(grpc_call *call,
                       const grpc_testing_SimpleRequest *request, void *self)
{
    const grpc_str *id = self;
    grpc_testing_Payload payload = {.type = request->response_type};
    grpc_testing_SimpleResponse reply = {.payload = &payload};
    echo_metadata(call);
    if (!is_expected(call, request->expect_compressed) ||
        is_status(call, request->response_status) ||
        !is_payload(call, request->response_type, request->response_size) ||
        !set_compression(call, request->response_compressed)) {
        return;
    }
    payload.body = interop_zeros((size_t)request->response_size);
    if (request->fill_server_id) {
        reply.server_id = *id;
    }
    check_sent("UnaryCall",
               grpc_testing_TestService_UnaryCall_reply(call, &reply));
}

static void cacheable_unary_call(grpc_call *call,
                                 const grpc_testing_SimpleRequest *request,
                                 void *self)
{
    const grpc_testing_SimpleResponse reply = {.payload = request->payload};
    (void)self;
    grpc_call_add_header(call, "cache-control", "max-age=60, public");
    check_sent("CacheableUnaryCall",
               grpc_testing_TestService_CacheableUnaryCall_reply(call, &reply));
}

// ---- streamed requests ------------------------------------------------------

static void input_message(grpc_call *call,
                          const grpc_testing_StreamingInputCallRequest *request,
                          void *argument)
{
    int64_t *sum = argument;
    if (is_expected(call, request->expect_compressed) &&
        request->payload != NULL) {
        *sum += (int64_t)request->payload->body.size;
    }
}

static void input_end(grpc_call *call, void *argument)
{
    const int64_t *sum = argument;
    const grpc_testing_StreamingInputCallResponse reply = {
        .aggregated_payload_size = (int32_t)*sum};
    check_sent("StreamingInputCall",
               grpc_testing_TestService_StreamingInputCall_reply(call, &reply));
}

static void streaming_input_call(grpc_call *call, void *self)
{
    int64_t *sum = grpc_call_alloc(call, sizeof *sum);
    (void)self;
    echo_metadata(call);
    if (sum == NULL || grpc_testing_TestService_StreamingInputCall_receive(
                           call, input_message, input_end, sum) != GRPC_OK) {
        grpc_call_fail(call, GRPC_RESOURCE_EXHAUSTED, "out of memory");
    }
}

// ---- streamed replies -------------------------------------------------------

static void output_run(struct output *output);

static void output_wake(void *argument)
{
    struct output *output = argument;
    output->timer = NULL;
    output->waited = true;
    output_run(output);
}

static void output_writable(grpc_call *call, void *argument)
{
    (void)call;
    output_run(argument);
}

static void output_abandon(void *argument)
{
    struct output *output = argument;
    if (output->timer != NULL) {
        grpc_timer_stop(output->timer);
    }
}

// must_wait: a timer runs until the next reply may be sent.
static bool output_must_wait(struct output *output, const struct reply *reply)
{
    if (reply->interval_us <= 0 || output->waited) {
        return false;
    }
    uint32_t delay_ms = ((uint32_t)reply->interval_us + 999) / 1000;
    output->timer = grpc_timer_start(grpc_call_loop(output->call), delay_ms,
                                     output_wake, output);
    // Without memory it is sent early.
    return output->timer != NULL;
}

static grpc_result output_send(struct output *output, const struct reply *reply)
{
    const grpc_testing_Payload payload = {
        .body = interop_zeros((size_t)reply->size)};
    const grpc_testing_StreamingOutputCallResponse message = {.payload =
                                                                  &payload};
    grpc_call_compress(output->call, reply->compressed);
    return output->send(output->call, &message);
}

static void output_done(struct output *output)
{
    output->count = 0;
    output->next = 0;
    if (output->is_closed) {
        grpc_call_finish(output->call, GRPC_OK, NULL);
    } else {
        grpc_call_resume(output->call);
    }
}

static void output_run(struct output *output)
{
    while (output->next < output->count) {
        const struct reply *reply = &output->replies[output->next];
        if (output->timer != NULL || output_must_wait(output, reply)) {
            return;
        }
        grpc_result result = output_send(output, reply);
        if (result == GRPC_AGAIN) {
            return;
        }
        if (result != GRPC_OK) {
            check_sent("a reply", result);
            grpc_call_fail(output->call, GRPC_RESOURCE_EXHAUSTED,
                           "a reply was refused: %s", grpc_result_name(result));
            return;
        }
        output->waited = false;
        output->next++;
    }
    output_done(output);
}

static bool output_grow(struct output *output, size_t more)
{
    size_t need = output->count + more;
    if (need <= output->capacity) {
        return true;
    }
    size_t capacity = need > 2 * output->capacity ? need : 2 * output->capacity;
    struct reply *replies =
        need > REPLIES_MAX
            ? NULL
            : grpc_call_alloc(output->call, capacity * sizeof *replies);
    if (replies == NULL) {
        grpc_call_fail(output->call, GRPC_RESOURCE_EXHAUSTED,
                       "too many replies were asked for");
        return false;
    }
    if (output->count > 0) {
        memcpy(replies, output->replies, output->count * sizeof *replies);
    }
    output->replies = replies;
    output->capacity = capacity;
    return true;
}

static bool output_add(struct output *output, int32_t type,
                       const grpc_testing_ResponseParameters *wanted)
{
    bool is_compressed =
        wanted->compressed != NULL && wanted->compressed->value;
    if (!is_payload(output->call, type, wanted->size)) {
        return false;
    }
    if (is_compressed && !output->has_gzip && !set_gzip(output->call)) {
        return false;
    }
    output->has_gzip |= is_compressed;
    // What is not said is left to the library: compressed if requests are.
    output->replies[output->count++] =
        (struct reply){wanted->size, wanted->interval_us,
                       wanted->compressed == NULL || is_compressed};
    return true;
}

// accept takes the replies that a request asks for. False: the call has been
// answered.
static bool output_accept(
    struct output *output,
    const grpc_testing_StreamingOutputCallRequest *request)
{
    if (is_status(output->call, request->response_status) ||
        !output_grow(output, request->response_parameters.count)) {
        return false;
    }
    for (size_t i = 0; i < request->response_parameters.count; i++) {
        if (!output_add(output, request->response_type,
                        &request->response_parameters.data[i])) {
            return false;
        }
    }
    return true;
}

// new: NULL when there is no memory and the call has been answered.
static struct output *output_new(
    grpc_call *call,
    grpc_result (*send)(grpc_call *call,
                        const grpc_testing_StreamingOutputCallResponse *reply))
{
    struct output *output = grpc_call_alloc(call, sizeof *output);
    if (output == NULL) {
        grpc_call_fail(call, GRPC_RESOURCE_EXHAUSTED, "out of memory");
        return NULL;
    }
    *output = (struct output){.call = call, .send = send};
    echo_metadata(call);
    grpc_call_on_writable(call, output_writable, output);
    grpc_call_on_end(call, output_abandon, output);
    return output;
}

static void streaming_output_call(
    grpc_call *call, const grpc_testing_StreamingOutputCallRequest *request,
    void *self)
{
    struct output *output =
        output_new(call, grpc_testing_TestService_StreamingOutputCall_send);
    (void)self;
    if (output != NULL && output_accept(output, request)) {
        output->is_closed = true;
        output_run(output);
    }
}

// ---- both -------------------------------------------------------------------

static void duplex_end(grpc_call *call, void *argument)
{
    struct output *output = argument;
    (void)call;
    output->is_closed = true;
    output_run(output);
}

static void full_duplex_message(
    grpc_call *call, const grpc_testing_StreamingOutputCallRequest *request,
    void *argument)
{
    struct output *output = argument;
    if (output_accept(output, request)) {
        grpc_call_pause(call);
        output_run(output);
    }
}

static void full_duplex_call(grpc_call *call, void *self)
{
    struct output *output =
        output_new(call, grpc_testing_TestService_FullDuplexCall_send_reply);
    (void)self;
    if (output != NULL) {
        grpc_testing_TestService_FullDuplexCall_receive(
            call, full_duplex_message, duplex_end, output);
    }
}

static void half_duplex_message(
    grpc_call *call, const grpc_testing_StreamingOutputCallRequest *request,
    void *argument)
{
    (void)call;
    output_accept(argument, request);
}

static void half_duplex_call(grpc_call *call, void *self)
{
    struct output *output =
        output_new(call, grpc_testing_TestService_HalfDuplexCall_send_reply);
    (void)self;
    if (output != NULL) {
        grpc_testing_TestService_HalfDuplexCall_receive(
            call, half_duplex_message, duplex_end, output);
    }
}

// ---- the program ------------------------------------------------------------

static grpc_server *server_to_stop;

static void stop(int signal_number)
{
    (void)signal_number;
    grpc_server_stop(server_to_stop);
}

static int serve(grpc_server *server, long port)
{
    const grpc_testing_TestService handlers = {
        .EmptyCall = empty_call,
        .UnaryCall = unary_call,
        .CacheableUnaryCall = cacheable_unary_call,
        .StreamingOutputCall = streaming_output_call,
        .StreamingInputCall = streaming_input_call,
        .FullDuplexCall = full_duplex_call,
        .HalfDuplexCall = half_duplex_call,
    };
    char address[32];
    char name[32];
    grpc_str id = {0};
    snprintf(address, sizeof address, ":%ld", port);
    if (grpc_testing_TestService_serve(server, &handlers, &id) != GRPC_OK ||
        grpc_server_listen(server, address, NULL) != GRPC_OK) {
        fprintf(stderr, "%s\n", grpc_server_error(server));
        return 1;
    }
    snprintf(name, sizeof name, "cgrpc:%u", (unsigned)grpc_server_port(server));
    id = grpc_str_z(name);
    printf("listening %u\n", (unsigned)grpc_server_port(server));
    fflush(stdout);
    server_to_stop = server;
    signal(SIGTERM, stop);
    return grpc_server_run(server) == GRPC_OK ? 0 : 1;
}

int main(int argc, char **argv)
{
    long port = 10000;
    struct interop_tls tls = {0};
    bool use_alts = false;
    const char *ignored;
    const struct interop_flag flags[] = {
        {.name = "port", .number = &port},
        INTEROP_TLS_FLAGS(&tls),
        {.name = "use_alts", .truth = &use_alts},
        {.name = "alts_handshaker_service_address", .text = &ignored},
    };
    if (!interop_flags(argc, argv, flags, sizeof flags / sizeof flags[0])) {
        return 2;
    }
    if (use_alts) {
        fprintf(stderr, "cgrpc has no ALTS\n");
        return 2;
    }
    const grpc_server_options options = {
        .credentials = interop_tls_server(&tls),
        .interceptors = interop_tls_watch(&tls)};
    grpc_server *server = grpc_server_new(&options);
    if (server == NULL) {
        fprintf(stderr, "no memory or no descriptors for a server\n");
        return 1;
    }
    int status = serve(server, port);
    signal(SIGTERM, SIG_DFL);
    grpc_server_free(server);
    interop_tls_end(&tls);
    return status;
}

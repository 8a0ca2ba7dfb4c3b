// SPDX-License-Identifier: MIT
// cgrpc as the client of gRPC's interop suite (../README.md).
//
//     grpc_interop_client --server_host=H --server_port=P --test_case=CASE
//
// Exit status 0: the case passes; 1: it does not, and stderr says why; 2: there
// is no such case or flag; 3: it needs what is not here, and stderr says what.
//
// Most cases use the blocking calls; grpc_interop_many.c has the others.

#define _POSIX_C_SOURCE 200809L

#include "grpc_interop_client.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

const int32_t interop_request_sizes[INTEROP_STEPS] = {27182, 8, 1828, 45904};
const int32_t interop_response_sizes[INTEROP_STEPS] = {31415, 9, 2653, 58979};

static const grpc_call_options patient = {.timeout_ms = INTEROP_PATIENCE_MS};

// ---- the client -------------------------------------------------------------

bool client_fail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    return false;
}

grpc_channel *client_connect(const struct client *client)
{
    if (client->channel_options.credentials != NULL) {
        grpc_credentials_keep(client->channel_options.credentials);
    }
    grpc_channel *channel =
        grpc_channel_new(client->target, &client->channel_options);
    if (channel == NULL) {
        client_fail("no memory for a channel");
    }
    return channel;
}

uint64_t client_now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

void client_pause(struct client *client, uint32_t ms)
{
    uint64_t until = client_now_us() + (uint64_t)ms * 1000;
    for (uint64_t now; (now = client_now_us()) < until;) {
        grpc_loop_step(client->loop, (int)((until - now) / 1000 + 1));
    }
}

// ---- expectations -----------------------------------------------------------

bool expect_code(const grpc_status *status, grpc_code want)
{
    return status->code == want ||
           client_fail("%s instead of %s: %s", grpc_code_name(status->code),
                       grpc_code_name(want), status->message);
}

static bool expect_status(const grpc_status *status, grpc_code code,
                          grpc_str message)
{
    return expect_code(status, code) &&
           ((status->message_size == message.size &&
             memcmp(status->message, message.data, message.size) == 0) ||
            client_fail("the message is \"%s\"", status->message));
}

bool expect_zeros(const grpc_testing_Payload *payload, int32_t size)
{
    if (payload == NULL) {
        return size == 0 || client_fail("a reply without a payload");
    }
    return (payload->type == grpc_testing_PayloadType_COMPRESSABLE &&
            payload->body.size == (size_t)size &&
            interop_is_zeros(payload->body)) ||
           client_fail("a payload of %zu bytes instead of %ld zeros",
                       payload->body.size, (long)size);
}

static bool expect_compressed(const grpc_call *call, bool want)
{
    return grpc_call_was_compressed(call) == want ||
           client_fail("the reply came %s",
                       want ? "uncompressed" : "compressed");
}

static bool expect_sum(const grpc_testing_StreamingInputCallResponse *reply,
                       int32_t want)
{
    return reply->aggregated_payload_size == want ||
           client_fail("a sum of %ld instead of %ld",
                       (long)reply->aggregated_payload_size, (long)want);
}

// expect_result: *what* was done with success.
static bool expect_result(const char *what, grpc_result result,
                          grpc_result want)
{
    return result == want ||
           client_fail("%s: %s instead of %s", what, grpc_result_name(result),
                       want == GRPC_MORE ? "a message"
                                         : grpc_result_name(want));
}

static bool has_call(struct client *client, const grpc_call *call)
{
    return call != NULL || client_fail("a call did not start: %s",
                                       grpc_channel_error(client->channel));
}

// end_with ends a call whose messages were good or not.
static bool end_with(grpc_call *call, bool good, grpc_code want)
{
    grpc_status status = grpc_call_end(call);
    return good ? expect_code(&status, want)
                : client_fail("the call ended as %s: %s",
                              grpc_code_name(status.code), status.message);
}

// ---- unary ------------------------------------------------------------------

static bool check_empty_unary(struct client *client)
{
    const grpc_testing_Empty request = {0};
    grpc_testing_Empty reply = {0};
    grpc_status status = grpc_testing_TestService_EmptyCall(
        client->channel, &client->arena, &request, &reply, &patient);
    return expect_code(&status, GRPC_OK) &&
           (reply.unknown_fields.size == 0 ||
            client_fail("the reply is not empty"));
}

grpc_testing_SimpleRequest large_request(grpc_testing_Payload *payload)
{
    *payload =
        (grpc_testing_Payload){.body = interop_zeros(INTEROP_LARGE_REQUEST)};
    return (grpc_testing_SimpleRequest){.response_size = INTEROP_LARGE_RESPONSE,
                                        .payload = payload};
}

bool check_large_unary(struct client *client)
{
    grpc_testing_Payload payload;
    const grpc_testing_SimpleRequest request = large_request(&payload);
    grpc_testing_SimpleResponse reply = {0};
    grpc_status status = grpc_testing_TestService_UnaryCall(
        client->channel, &client->arena, &request, &reply, &patient);
    return expect_code(&status, GRPC_OK) &&
           expect_zeros(reply.payload, INTEROP_LARGE_RESPONSE);
}

static bool send_compressed(struct client *client, bool is_compressed,
                            bool expect, grpc_code want)
{
    const grpc_testing_BoolValue expected = {.value = expect};
    grpc_testing_Payload payload;
    grpc_testing_SimpleRequest request = large_request(&payload);
    grpc_testing_SimpleResponse reply = {0};
    grpc_call_options options = patient;
    request.expect_compressed = &expected;
    options.encoding = is_compressed ? "gzip" : NULL;
    grpc_status status = grpc_testing_TestService_UnaryCall(
        client->channel, &client->arena, &request, &reply, &options);
    return expect_code(&status, want) &&
           (want != GRPC_OK ||
            expect_zeros(reply.payload, INTEROP_LARGE_RESPONSE));
}

// The first call shows that the server looks at the compression at all.
static bool check_client_compressed_unary(struct client *client)
{
    return send_compressed(client, false, true, GRPC_INVALID_ARGUMENT) &&
           send_compressed(client, true, true, GRPC_OK) &&
           send_compressed(client, false, false, GRPC_OK);
}

// A blocking unary call leaves nothing to ask how the reply came.
struct compressed {
    grpc_loop *loop;
    bool want;
    bool good;
};

static void compressed_told(grpc_call *call, const grpc_status *status,
                            const grpc_testing_SimpleResponse *reply,
                            void *self)
{
    struct compressed *compressed = self;
    compressed->good = expect_code(status, GRPC_OK) &&
                       expect_zeros(reply->payload, INTEROP_LARGE_RESPONSE) &&
                       expect_compressed(call, compressed->want);
    grpc_loop_stop(compressed->loop);
}

static bool receive_compressed(struct client *client, bool want)
{
    const grpc_testing_BoolValue wanted = {.value = want};
    struct compressed compressed = {client->loop, want, false};
    grpc_testing_Payload payload;
    grpc_testing_SimpleRequest request = large_request(&payload);
    request.response_compressed = &wanted;
    if (!has_call(client, grpc_testing_TestService_UnaryCall_start(
                              client->channel, &request, compressed_told,
                              &compressed, &patient))) {
        return false;
    }
    grpc_loop_run(client->loop);
    return compressed.good;
}

static bool check_server_compressed_unary(struct client *client)
{
    return receive_compressed(client, true) &&
           receive_compressed(client, false);
}

static bool check_pick_first_unary(struct client *client)
{
    const grpc_testing_SimpleRequest request = {.fill_server_id = true};
    char first[80] = "";
    for (int i = 0; i < 100; i++) {
        grpc_testing_SimpleResponse reply = {0};
        grpc_arena_reset(&client->arena);
        grpc_status status = grpc_testing_TestService_UnaryCall(
            client->channel, &client->arena, &request, &reply, &patient);
        if (!expect_code(&status, GRPC_OK)) {
            return false;
        }
        if (i == 0) {
            snprintf(first, sizeof first, "%s", reply.server_id.data);
        }
        if (first[0] == '\0' || strcmp(first, reply.server_id.data) != 0) {
            return client_fail("the server's id is \"%s\" after \"%s\"",
                               reply.server_id.data, first);
        }
    }
    return true;
}

// ---- streamed requests ------------------------------------------------------

static grpc_call *begin_input(struct client *client,
                              const grpc_call_options *options)
{
    grpc_call *call = grpc_testing_TestService_StreamingInputCall_call(
        client->channel, &client->arena, options);
    return has_call(client, call) ? call : NULL;
}

static bool send_input(grpc_call *call, int32_t size,
                       const grpc_testing_BoolValue *expected)
{
    const grpc_testing_Payload payload = {.body = interop_zeros((size_t)size)};
    const grpc_testing_StreamingInputCallRequest request = {
        .payload = &payload, .expect_compressed = expected};
    return expect_result(
        "a send",
        grpc_testing_TestService_StreamingInputCall_send(call, &request),
        GRPC_OK);
}

static bool end_input(grpc_call *call, bool good, int32_t sum)
{
    grpc_testing_StreamingInputCallResponse reply = {0};
    grpc_status status =
        grpc_testing_TestService_StreamingInputCall_end(call, &reply);
    return expect_code(&status, GRPC_OK) && expect_sum(&reply, sum) && good;
}

static bool check_client_streaming(struct client *client)
{
    grpc_call *call = begin_input(client, &patient);
    if (call == NULL) {
        return false;
    }
    bool good = true;
    for (size_t i = 0; i < INTEROP_STEPS; i++) {
        good = good && send_input(call, interop_request_sizes[i], NULL);
    }
    return end_input(call, good, 74922);
}

static bool probe_compressed_streaming(struct client *client)
{
    const grpc_testing_BoolValue yes = {.value = true};
    grpc_testing_StreamingInputCallResponse reply = {0};
    grpc_call *call = begin_input(client, &patient);
    if (call == NULL) {
        return false;
    }
    bool good = send_input(call, interop_request_sizes[0], &yes);
    grpc_status status =
        grpc_testing_TestService_StreamingInputCall_end(call, &reply);
    return expect_code(&status, GRPC_INVALID_ARGUMENT) && good;
}

static bool check_client_compressed_streaming(struct client *client)
{
    const grpc_testing_BoolValue yes = {.value = true};
    const grpc_testing_BoolValue no = {.value = false};
    grpc_call_options options = patient;
    options.encoding = "gzip";
    if (!probe_compressed_streaming(client)) {
        return false;
    }
    grpc_call *call = begin_input(client, &options);
    if (call == NULL) {
        return false;
    }
    bool good = send_input(call, 27182, &yes);
    grpc_call_compress(call, false);
    good = good && send_input(call, 45904, &no);
    return end_input(call, good, 73086);
}

// ---- streamed replies -------------------------------------------------------

static grpc_call *begin_output(struct client *client,
                               const grpc_testing_ResponseParameters *wanted,
                               size_t count)
{
    const grpc_testing_StreamingOutputCallRequest request = {
        .response_parameters = {wanted, count}};
    grpc_call *call = grpc_testing_TestService_StreamingOutputCall_call(
        client->channel, &client->arena, &request, &patient);
    return has_call(client, call) ? call : NULL;
}

static bool receive_output(grpc_call *call, int32_t size)
{
    const grpc_testing_StreamingOutputCallResponse *reply;
    return expect_result(
               "a reply",
               grpc_testing_TestService_StreamingOutputCall_next(call, &reply),
               GRPC_MORE) &&
           expect_zeros(reply->payload, size);
}

static bool end_output(grpc_call *call, bool good)
{
    const grpc_testing_StreamingOutputCallResponse *reply;
    good = good &&
           expect_result(
               "after the last reply",
               grpc_testing_TestService_StreamingOutputCall_next(call, &reply),
               GRPC_OK);
    return end_with(call, good, GRPC_OK);
}

static bool check_server_streaming(struct client *client)
{
    grpc_testing_ResponseParameters wanted[INTEROP_STEPS] = {{0}};
    for (size_t i = 0; i < INTEROP_STEPS; i++) {
        wanted[i].size = interop_response_sizes[i];
    }
    grpc_call *call = begin_output(client, wanted, INTEROP_STEPS);
    if (call == NULL) {
        return false;
    }
    bool good = true;
    for (size_t i = 0; i < INTEROP_STEPS; i++) {
        good = good && receive_output(call, interop_response_sizes[i]);
    }
    return end_output(call, good);
}

static bool check_server_compressed_streaming(struct client *client)
{
    const grpc_testing_BoolValue yes = {.value = true};
    const grpc_testing_BoolValue no = {.value = false};
    const grpc_testing_ResponseParameters wanted[] = {
        {.size = 31415, .compressed = &yes},
        {.size = 92653, .compressed = &no}};
    grpc_call *call = begin_output(client, wanted, 2);
    if (call == NULL) {
        return false;
    }
    bool good = true;
    for (size_t i = 0; i < 2; i++) {
        good = good && receive_output(call, wanted[i].size) &&
               expect_compressed(call, wanted[i].compressed->value);
    }
    return end_output(call, good);
}

// ---- both -------------------------------------------------------------------

static grpc_call *begin_duplex(struct client *client,
                               const grpc_call_options *options)
{
    grpc_call *call = grpc_testing_TestService_FullDuplexCall_call(
        client->channel, &client->arena, options);
    return has_call(client, call) ? call : NULL;
}

static grpc_result send_duplex(grpc_call *call, int32_t size, int32_t wanted)
{
    const grpc_testing_ResponseParameters parameters = {.size = wanted};
    const grpc_testing_Payload payload = {.body = interop_zeros((size_t)size)};
    const grpc_testing_StreamingOutputCallRequest request = {
        .response_parameters = {&parameters, wanted >= 0 ? 1 : 0},
        .payload = &payload};
    return grpc_testing_TestService_FullDuplexCall_send(call, &request);
}

static bool receive_duplex(grpc_call *call, int32_t size)
{
    const grpc_testing_StreamingOutputCallResponse *reply;
    return expect_result(
               "a reply",
               grpc_testing_TestService_FullDuplexCall_next(call, &reply),
               GRPC_MORE) &&
           expect_zeros(reply->payload, size);
}

static bool exchange(grpc_call *call, int32_t size, int32_t wanted)
{
    return expect_result("a send", send_duplex(call, size, wanted), GRPC_OK) &&
           receive_duplex(call, wanted);
}

static bool close_duplex(grpc_call *call)
{
    const grpc_testing_StreamingOutputCallResponse *reply;
    return expect_result("half close", grpc_call_half_close(call), GRPC_OK) &&
           expect_result(
               "after the last reply",
               grpc_testing_TestService_FullDuplexCall_next(call, &reply),
               GRPC_OK);
}

static bool check_ping_pong(struct client *client)
{
    grpc_call *call = begin_duplex(client, &patient);
    if (call == NULL) {
        return false;
    }
    bool good = true;
    for (size_t i = 0; i < INTEROP_STEPS; i++) {
        good = good && exchange(call, interop_request_sizes[i],
                                interop_response_sizes[i]);
    }
    return end_with(call, good && close_duplex(call), GRPC_OK);
}

static bool check_empty_stream(struct client *client)
{
    grpc_call *call = begin_duplex(client, &patient);
    return call != NULL && end_with(call, close_duplex(call), GRPC_OK);
}

static bool run_half_duplex(grpc_call *call)
{
    const grpc_testing_StreamingOutputCallResponse *reply;
    for (size_t i = 0; i < INTEROP_STEPS; i++) {
        const grpc_testing_ResponseParameters wanted = {
            .size = interop_response_sizes[i]};
        const grpc_testing_StreamingOutputCallRequest request = {
            .response_parameters = {&wanted, 1}};
        if (!expect_result(
                "a send",
                grpc_testing_TestService_HalfDuplexCall_send(call, &request),
                GRPC_OK)) {
            return false;
        }
    }
    if (!expect_result("half close", grpc_call_half_close(call), GRPC_OK)) {
        return false;
    }
    for (size_t i = 0; i < INTEROP_STEPS; i++) {
        if (!expect_result(
                "a reply",
                grpc_testing_TestService_HalfDuplexCall_next(call, &reply),
                GRPC_MORE) ||
            !expect_zeros(reply->payload, interop_response_sizes[i])) {
            return false;
        }
    }
    return expect_result(
        "after the last reply",
        grpc_testing_TestService_HalfDuplexCall_next(call, &reply), GRPC_OK);
}

// The suite has no case for half duplex, though its servers have the method.
static bool check_half_duplex(struct client *client)
{
    grpc_call *call = grpc_testing_TestService_HalfDuplexCall_call(
        client->channel, &client->arena, &patient);
    return has_call(client, call) &&
           end_with(call, run_half_duplex(call), GRPC_OK);
}

// ---- metadata, status -------------------------------------------------------

#define INITIAL_VALUE "test_initial_metadata_value"
static const char trailing_value[] = "\xAB\xAB\xAB";

static bool expect_once(grpc_metadata metadata, const char *key, grpc_str want)
{
    grpc_str value;
    if (!grpc_metadata_get(metadata, key, 0, &value)) {
        return client_fail("%s did not come back", key);
    }
    if (value.size != want.size ||
        memcmp(value.data, want.data, want.size) != 0) {
        return client_fail("%s came back changed", key);
    }
    return !grpc_metadata_get(metadata, key, 1, &value) ||
           client_fail("%s came back twice", key);
}

static bool expect_echoed(grpc_metadata headers, grpc_metadata trailers)
{
    return expect_once(headers, INTEROP_ECHO_INITIAL,
                       GRPC_STR(INITIAL_VALUE)) &&
           expect_once(trailers, INTEROP_ECHO_TRAILING,
                       (grpc_str){trailing_value, sizeof trailing_value - 1});
}

static bool check_unary_metadata(struct client *client,
                                 const grpc_call_options *echoed)
{
    const grpc_testing_Payload payload = {.body = interop_zeros(1)};
    const grpc_testing_SimpleRequest request = {.response_size = 1,
                                                .payload = &payload};
    grpc_metadata headers = {0};
    grpc_metadata trailers = {0};
    grpc_testing_SimpleResponse reply = {0};
    grpc_call_options options = *echoed;
    options.headers = &headers;
    options.trailers = &trailers;
    grpc_status status = grpc_testing_TestService_UnaryCall(
        client->channel, &client->arena, &request, &reply, &options);
    return expect_code(&status, GRPC_OK) && expect_zeros(reply.payload, 1) &&
           expect_echoed(headers, trailers);
}

static bool check_stream_metadata(struct client *client,
                                  const grpc_call_options *echoed)
{
    grpc_call *call = begin_duplex(client, echoed);
    if (call == NULL) {
        return false;
    }
    bool good =
        exchange(call, 1, 1) && close_duplex(call) &&
        expect_echoed(grpc_call_headers(call), grpc_call_trailers(call));
    return end_with(call, good, GRPC_OK);
}

static bool check_custom_metadata(struct client *client)
{
    const grpc_header echoed[] = {
        {INTEROP_ECHO_INITIAL, INITIAL_VALUE, 0},
        {INTEROP_ECHO_TRAILING, trailing_value, sizeof trailing_value - 1}};
    grpc_call_options options = patient;
    options.metadata = (grpc_metadata){echoed, 2};
    return check_unary_metadata(client, &options) &&
           check_stream_metadata(client, &options);
}

static bool check_unary_status(struct client *client, grpc_str message)
{
    const grpc_testing_EchoStatus echoed = {GRPC_UNKNOWN, message, {NULL, 0}};
    const grpc_testing_SimpleRequest request = {.response_status = &echoed};
    grpc_testing_SimpleResponse reply = {0};
    grpc_status status = grpc_testing_TestService_UnaryCall(
        client->channel, &client->arena, &request, &reply, &patient);
    return expect_status(&status, GRPC_UNKNOWN, message);
}

static bool check_stream_status(struct client *client, grpc_str message)
{
    const grpc_testing_EchoStatus echoed = {GRPC_UNKNOWN, message, {NULL, 0}};
    const grpc_testing_StreamingOutputCallRequest request = {.response_status =
                                                                 &echoed};
    grpc_call *call = begin_duplex(client, &patient);
    if (call == NULL) {
        return false;
    }
    bool good = expect_result("a send",
                              grpc_testing_TestService_FullDuplexCall_send(
                                  call, &request),
                              GRPC_OK) &&
                close_duplex(call);
    grpc_status status = grpc_call_end(call);
    return expect_status(&status, GRPC_UNKNOWN, message) && good;
}

static bool check_status_code_and_message(struct client *client)
{
    const grpc_str message = GRPC_STR("test status message");
    return check_unary_status(client, message) &&
           check_stream_status(client, message);
}

static bool check_special_status_message(struct client *client)
{
    return check_unary_status(
        client, GRPC_STR("\t\ntest with whitespace\r\nand Unicode BMP "
                         "\xE2\x98\xBA and non-BMP \xF0\x9F\x98\x88\t\n"));
}

static bool check_unimplemented_method(struct client *client)
{
    const grpc_testing_Empty request = {0};
    grpc_testing_Empty reply;
    grpc_status status = grpc_testing_TestService_UnimplementedCall(
        client->channel, &client->arena, &request, &reply, &patient);
    return expect_code(&status, GRPC_UNIMPLEMENTED);
}

static bool check_unimplemented_service(struct client *client)
{
    const grpc_testing_Empty request = {0};
    grpc_testing_Empty reply;
    grpc_status status = grpc_testing_UnimplementedService_UnimplementedCall(
        client->channel, &client->arena, &request, &reply, &patient);
    return expect_code(&status, GRPC_UNIMPLEMENTED);
}

// ---- cancellation, deadlines ------------------------------------------------

// The unary calls around it: so that the call begins on the wire, not with the
// connection, and because the connection outlives it.
static bool check_cancel_after_begin(struct client *client)
{
    if (!check_empty_unary(client)) {
        return false;
    }
    grpc_call *call = begin_input(client, &patient);
    if (call == NULL) {
        return false;
    }
    client_pause(client, 5);
    grpc_cancel(call);
    return end_with(call, true, GRPC_CANCELLED) && check_empty_unary(client);
}

static bool check_cancel_after_first_response(struct client *client)
{
    grpc_call *call = begin_duplex(client, &patient);
    if (call == NULL) {
        return false;
    }
    bool good = exchange(call, 27182, 31415);
    grpc_cancel(call);
    return end_with(call, good, GRPC_CANCELLED) && check_empty_unary(client);
}

static bool check_timeout_on_sleeping_server(struct client *client)
{
    const grpc_call_options options = {.timeout_ms = 1};
    const grpc_testing_StreamingOutputCallResponse *reply;
    grpc_call *call = begin_duplex(client, &options);
    if (call == NULL) {
        return false;
    }
    // It may be too late to send.
    send_duplex(call, 27182, -1);
    bool good = expect_result(
        "a reply", grpc_testing_TestService_FullDuplexCall_next(call, &reply),
        GRPC_OK);
    return end_with(call, good, GRPC_DEADLINE_EXCEEDED);
}

// ---- the program ------------------------------------------------------------

static const struct {
    const char *name;
    bool (*check)(struct client *client);
    bool is_counted; // the server counts our calls
} cases[] = {
    {"empty_unary", check_empty_unary, false},
    {"large_unary", check_large_unary, false},
    {"client_compressed_unary", check_client_compressed_unary, false},
    {"server_compressed_unary", check_server_compressed_unary, false},
    {"client_streaming", check_client_streaming, false},
    {"client_compressed_streaming", check_client_compressed_streaming, false},
    {"server_streaming", check_server_streaming, false},
    {"server_compressed_streaming", check_server_compressed_streaming, false},
    {"ping_pong", check_ping_pong, false},
    {"half_duplex", check_half_duplex, false},
    {"empty_stream", check_empty_stream, false},
    {"custom_metadata", check_custom_metadata, false},
    {"status_code_and_message", check_status_code_and_message, false},
    {"special_status_message", check_special_status_message, false},
    {"unimplemented_method", check_unimplemented_method, false},
    {"unimplemented_service", check_unimplemented_service, false},
    {"cancel_after_begin", check_cancel_after_begin, false},
    {"cancel_after_first_response", check_cancel_after_first_response, false},
    {"timeout_on_sleeping_server", check_timeout_on_sleeping_server, false},
    {"concurrent_large_unary", check_concurrent_large_unary, false},
    {"pick_first_unary", check_pick_first_unary, false},
    {"rpc_soak", check_rpc_soak, false},
    {"channel_soak", check_channel_soak, false},
    // Against a server that misbehaves.
    {"goaway", check_goaway, true},
    {"rst_after_header", check_reset, true},
    {"rst_during_data", check_reset, true},
    {"rst_after_data", check_reset, true},
    {"ping", check_large_unary, true},
    {"max_streams", check_max_streams, true},
    {"data_frame_padding", check_large_unary, true},
    {"no_df_padding_sanity_test", check_large_unary, true},
};

// Cases of the suite that cannot be run, and what they need.
static const struct {
    const char *name;
    const char *needs;
} missing[] = {
    {"cacheable_unary", "calls by HTTP GET, which no gRPC library makes any "
                        "more, and a proxy that caches"},
    {"long_lived_channel",
     "days; rpc_soak with --soak_min_time_ms_between_rpcs "
     "is the same"},
    {"orca_per_rpc", "a load balancer that reads load reports"},
    {"orca_oob", "a load balancer that reads load reports"},
    {"max_concurrent_streams_connection_scaling",
     "a channel of more than one connection to a server"},
    {"google_default_credentials", "a machine at Google"},
    {"compute_engine_creds", "a machine at Google"},
    {"compute_engine_channel_credentials", "a machine at Google"},
    {"service_account_creds", "an account at Google"},
    {"jwt_token_creds", "an account at Google"},
    {"oauth2_auth_token", "an account at Google"},
    {"per_rpc_creds", "an account at Google"},
};

// look_at_server makes one more call where no call of a case had a message, with
// which the server is looked at.
static bool look_at_server(struct client *client)
{
    return !client->tls->use_tls || client->tls->seen[0] != '\0' ||
           check_empty_unary(client);
}

static int run_case(struct client *client, const char *name)
{
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (strcmp(cases[i].name, name) == 0) {
            return cases[i].check(client) &&
                           (cases[i].is_counted || look_at_server(client))
                       ? 0
                       : 1;
        }
    }
    for (size_t i = 0; i < sizeof missing / sizeof missing[0]; i++) {
        if (strcmp(missing[i].name, name) == 0) {
            fprintf(stderr, "%s needs %s\n", name, missing[i].needs);
            return 3;
        }
    }
    fprintf(stderr, "no case %s\n", name);
    return 2;
}

static int run(struct client *client, const char *name)
{
    client->loop = grpc_loop_new(NULL);
    if (client->loop == NULL) {
        client_fail("no memory or no descriptors for a loop");
        return 1;
    }
    client->channel_options.loop = client->loop;
    client->channel_options.credentials = interop_tls_client(client->tls);
    client->channel = client_connect(client);
    int status = client->channel == NULL ? 1 : run_case(client, name);
    grpc_arena_free(&client->arena);
    grpc_channel_free(client->channel);
    grpc_credentials_free(client->channel_options.credentials);
    interop_tls_end(client->tls);
    if (grpc_loop_free(client->loop) != GRPC_OK) {
        client_fail("the loop is not empty");
        return 1;
    }
    return status;
}

// ---- --additional_metadata=key:value;key:value ------------------------------

enum { ADDED_MAX = 32 };

struct added {
    char text[2048]; // with NULs for the separators
    grpc_header headers[ADDED_MAX];
    size_t count;
};

static void added_start(grpc_call *call, void *self)
{
    const struct added *added = self;
    for (size_t i = 0; i < added->count; i++) {
        if (grpc_call_add_header(call, added->headers[i].key,
                                 added->headers[i].value) != GRPC_OK) {
            client_fail("%s cannot be sent", added->headers[i].key);
        }
    }
    grpc_call_proceed(call);
}

static bool added_parse(struct added *added, const char *text)
{
    if (strlen(text) >= sizeof added->text) {
        return client_fail("additional_metadata is too long");
    }
    memcpy(added->text, text, strlen(text) + 1);
    for (char *key = added->text; *key != '\0';) {
        char *end = key + strcspn(key, ";");
        char *next = *end == '\0' ? end : end + 1;
        *end = '\0';
        char *colon = strchr(key, ':');
        if (colon == NULL || added->count == ADDED_MAX) {
            return client_fail("additional_metadata: no key:value: %s", key);
        }
        *colon = '\0';
        added->headers[added->count++] = (grpc_header){key, colon + 1, 0};
        key = next;
    }
    return true;
}

// ---- the flags --------------------------------------------------------------

struct options {
    const char *host;
    long port;
    const char *name;
    const char *metadata;
    struct interop_tls tls;
    struct soak_flags soak;
};

static bool read_options(int argc, char **argv, struct options *options)
{
    struct soak_flags *soak = &options->soak;
    const char *ignored;
    bool use_test_ca;
    const struct interop_flag flags[] = {
        {.name = "server_host", .text = &options->host},
        {.name = "server_port", .number = &options->port},
        {.name = "test_case", .text = &options->name},
        INTEROP_TLS_FLAGS(&options->tls),
        {.name = "use_test_ca", .truth = &use_test_ca},
        {.name = "custom_credentials_type", .text = &ignored},
        {.name = "default_service_account", .text = &ignored},
        {.name = "oauth_scope", .text = &ignored},
        {.name = "service_account_key_file", .text = &ignored},
        {.name = "service_config_json", .text = &ignored},
        {.name = "additional_metadata", .text = &options->metadata},
        {.name = "soak_iterations", .number = &soak->iterations},
        {.name = "soak_max_failures", .number = &soak->max_failures},
        {.name = "soak_per_iteration_max_acceptable_latency_ms",
         .number = &soak->max_latency_ms},
        {.name = "soak_overall_timeout_seconds",
         .number = &soak->overall_timeout_seconds},
        {.name = "soak_min_time_ms_between_rpcs",
         .number = &soak->min_ms_between_rpcs},
        {.name = "soak_request_size", .number = &soak->request_size},
        {.name = "soak_response_size", .number = &soak->response_size},
        {.name = "soak_num_threads", .number = &soak->threads},
    };
    return interop_flags(argc, argv, flags, sizeof flags / sizeof flags[0]);
}

int main(int argc, char **argv)
{
    static struct added added;
    const grpc_interceptor adder = {.start = added_start, .self = &added};
    struct options options = {
        .host = "localhost",
        .port = 10000,
        .name = "large_unary",
        .metadata = "",
        .soak = {10, 0, 1000, 10, 0, INTEROP_LARGE_REQUEST,
                 INTEROP_LARGE_RESPONSE, 1},
    };
    if (!read_options(argc, argv, &options) ||
        !added_parse(&added, options.metadata)) {
        return 2;
    }
    char target[280];
    snprintf(target, sizeof target, "%s:%ld", options.host, options.port);
    struct client client = {
        .target = target, .tls = &options.tls, .soak = options.soak};
    if (!options.tls.use_tls) {
        client.channel_options.authority = options.tls.server_host_override;
    }
    grpc_interceptors watches = interop_tls_watch(&options.tls);
    const grpc_interceptor *interceptors[2] = {&adder};
    if (watches.count > 0) {
        interceptors[1] = watches.data[0];
    }
    client.channel_options.interceptors =
        (grpc_interceptors){interceptors, 1 + watches.count};
    return run(&client, options.name);
}

// SPDX-License-Identifier: MIT

#include "core/client_start.h"

#include <stdio.h>

#include "base/arena.h"
#include "base/assert.h"
#include "core/call_credentials.h"
#include "core/client_call.h"
#include "core/compress.h"
#include "core/limits.h"

// client_start_why is why an asynchronous call cannot begin on that channel.
static const char *client_start_why(const struct grpc_channel *channel)
{
    if (channel->owns_loop) {
        return "the channel has a private loop, which only blocking calls "
               "run; make it with a loop of your own";
    }
    return channel->freed ? "the channel was freed" : NULL;
}

// client_start_request copies the encoded request into the arena, with room for
// its head in front.
static const char *client_start_request(struct grpc_call *call,
                                        const void *request)
{
    const grpc_method *method = call->method;
    grpc_buffer *buffer = encoded_begin(&call->loop->encoded);
    const char *reason = "";
    if (method->codec->encode(method->request, request, buffer, &reason) !=
        GRPC_OK) {
        return reason;
    }
    size_t size = (size_t)(buffer->end - buffer->first);
    uint8_t *copy = NULL;
    if (size <= SIZE_MAX - DEFRAME_HEAD) {
        copy = arena_alloc(&call->arena, size + DEFRAME_HEAD);
    }
    if (copy == NULL) {
        return "out of memory";
    }
    if (size > 0) {
        memcpy(copy + DEFRAME_HEAD, buffer->first, size);
    }
    call->request = view_of(copy + DEFRAME_HEAD, size);
    return NULL;
}

// client_start_metadata: the words for a key that is refused are the channel's.
static const char *client_start_metadata(struct grpc_call *call,
                                         const grpc_metadata *metadata)
{
    if (metadata->count > 0 && metadata->data == NULL) {
        return "metadata has a count, and no data";
    }
    const char *key = "";
    grpc_result result =
        call_fields_add_all(&call->fields, &call->arena, *metadata, &key);
    switch (result) {
    case GRPC_OK:
        return NULL;
    case GRPC_ENOMEM:
        return "out of memory";
    case GRPC_ELIMIT:
        return "too much metadata";
    default:
        break;
    }
    call_set_text(
        call, "metadata \"%.64s\": not a key or value that may be sent", key);
    return call->text;
}

static const char *client_start_encoding(struct grpc_call *call,
                                         const char *encoding)
{
    struct view name = view_of(encoding, strlen(encoding));
    if (VIEW_IS(name, "identity")) {
        return NULL;
    }
    int found = compress_find(&call->loop->compress, name);
    if (found < 0) {
        call_set_text(call, "encoding \"%.64s\": %s", encoding,
                      compress_why_not(name));
        return call->text;
    }
    call->send_encoding = (int8_t)found;
    return NULL;
}

// client_start_timeout is the time until the deadline, the parent's included.
static void client_start_timeout(struct grpc_call *call,
                                 const grpc_call_options *options)
{
    int64_t left = grpc_call_time_left_ms(options->parent);
    uint64_t timeout = options->timeout_ms;
    if (options->parent != NULL && left >= 0 &&
        (timeout == 0 || (uint64_t)left < timeout)) {
        call_arm(call, (uint64_t)left);
    } else if (timeout != 0) {
        call_arm(call, timeout);
    }
}

static const char *client_start_parent(struct grpc_call *call,
                                       struct grpc_call *parent)
{
    if (parent == NULL) {
        return NULL;
    }
    if (!parent->is_server) {
        return "parent is not a server's call";
    }
    if (parent->loop != call->loop) {
        return "parent is a call of another loop";
    }
    if (parent->over || parent->state == CALL_ANSWERED) {
        return "parent has ended";
    }
    if (parent->children.next == NULL) {
        list_init(&parent->children);
    }
    list_append(&parent->children, &call->link_parent);
    return NULL;
}

// client_start_rare takes the options that hardly any call has of its own.
static const char *client_start_rare(struct grpc_call *call,
                                     const grpc_call_options *options)
{
    const char *authority = options->authority;
    if (authority != NULL) {
        if (!channel_check_text(authority, false)) {
            return "authority has a byte that may not stand in a header";
        }
        call->authority = arena_copy_text(
            &call->arena, view_of(authority, strlen(authority)));
        call->own_names |= CALL_OWN_AUTHORITY;
        if (call->authority == NULL) {
            return "out of memory";
        }
    }
    if (call_credentials_are_set(&options->credentials) &&
        !call_credentials_add(call, &options->credentials)) {
        return "out of memory";
    }
    return NULL;
}

// client_start_options is why the options are refused; NULL: they are not.
static const char *client_start_options(struct grpc_call *call,
                                        const grpc_call_options *options)
{
    call->wait_for_ready = options->wait_for_ready;
    call->headers_out = options->headers;
    call->trailers_out = options->trailers;
    if (options->max_send_bytes != 0) {
        call->max_send_bytes = options->max_send_bytes;
    }
    if (options->max_receive_bytes != 0) {
        call->deframe.max_bytes = options->max_receive_bytes;
    }
    const char *reason = NULL;
    if (options->metadata.count > 0) {
        reason = client_start_metadata(call, &options->metadata);
    }
    if (reason == NULL && options->encoding != NULL) {
        reason = client_start_encoding(call, options->encoding);
    }
    if (reason == NULL &&
        UNLIKELY(options->authority != NULL ||
                 call_credentials_are_set(&options->credentials))) {
        reason = client_start_rare(call, options);
    }
    return reason != NULL ? reason : client_start_parent(call, options->parent);
}

// client_start_path gives the call a method of its own name.
static const char *client_start_path(struct grpc_call *call, const char *path)
{
    if (path == NULL) {
        return NULL;
    }
    size_t slashes = 0;
    for (const char *c = path; *c != '\0'; c++) {
        if (*c <= 0x20 || *c >= 0x7f) {
            return "the method's name has a byte that may not stand there";
        }
        slashes += *c == '/';
    }
    if (path[0] != '/' || slashes < 2) {
        return "a method is \"/package.Service/Method\"";
    }
    grpc_method *named = arena_alloc(&call->arena, sizeof *named);
    char *copy = arena_copy_text(&call->arena, view_of(path, strlen(path)));
    if (named == NULL || copy == NULL) {
        return "out of memory";
    }
    *named = *call->method;
    named->path = copy;
    call->method = named;
    call->own_names |= CALL_OWN_PATH;
    return NULL;
}

// client_start_fill is why the call cannot be made; NULL: it can.
static const char *client_start_fill(struct grpc_call *call, const char *path,
                                     const void *request,
                                     const grpc_call_options *options)
{
    const char *reason = client_start_path(call, path);
    if (reason == NULL && !call->method->streams_requests) {
        reason = client_start_request(call, request);
    }
    if (reason == NULL && options != NULL) {
        reason = client_start_options(call, options);
    }
    return reason;
}

struct grpc_call *client_start_new(struct grpc_channel *channel,
                                   const grpc_method *method, const char *path,
                                   const void *request,
                                   const grpc_call_options *options,
                                   const char **reason)
{
    struct grpc_call *call =
        call_new(channel->loop, method, channel->max_receive_bytes);
    if (call == NULL) {
        *reason = "out of memory";
        return NULL;
    }
    call->channel = channel;
    call->chain = &channel->interceptors;
    call->max_send_bytes = channel->max_send_bytes;
    call->asked = true;
    chunk_queue_init(&call->outbox, &channel->loop->h2.chunks);
    call->outbox_is_whole = method->streams_requests;
    const char *why = client_start_fill(call, path, request, options);
    if (why != NULL) {
        // It may be the call's own text, which ends with it.
        (void)snprintf(channel->error, sizeof channel->error, "%s", why);
        *reason = channel->error;
        call_release(call);
        return NULL;
    }
    call_set_state(call, CALL_QUEUED);
    list_append(&channel->held, &call->link);
    if (options != NULL) {
        client_start_timeout(call, options);
    }
    return call;
}

struct grpc_call *client_start_asked(struct grpc_channel *channel,
                                     const grpc_method *method,
                                     const char *path, const void *request,
                                     const grpc_call_options *options,
                                     const char *fault)
{
    const char *reason = fault != NULL ? fault : client_start_why(channel);
    struct grpc_call *call = NULL;
    if (reason == NULL) {
        call =
            client_start_new(channel, method, path, request, options, &reason);
    }
    if (call == NULL) {
        // It may lie where the error goes.
        char text[RUN_ERROR_TEXT];
        (void)snprintf(text, sizeof text, "%s", reason);
        run_set_error(channel->loop, channel->error, "start a call: %.200s",
                      text);
    }
    return call;
}

void client_start(struct grpc_call *call)
{
    // A callback may free the channel: outside of a step that would be at once.
    struct grpc_loop *loop = call->loop;
    bool was_stepping = loop->stepping;
    loop->stepping = true;
    client_call_begin(call);
    loop->stepping = was_stepping;
}

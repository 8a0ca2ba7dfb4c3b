// SPDX-License-Identifier: MIT

#include "core/intercept.h"

#include "base/alloc.h"
#include "base/assert.h"
#include "core/call.h"
#include "core/call_credentials.h"
#include "core/receive.h"

enum { INTERCEPT_MAX = 255 };

static bool intercept_list_is_right(const grpc_interceptors *list)
{
    if (list->count > INTERCEPT_MAX ||
        (list->count > 0 && list->data == NULL)) {
        return false;
    }
    for (size_t i = 0; i < list->count; i++) {
        if (list->data[i] == NULL) {
            return false;
        }
    }
    return true;
}

grpc_result intercept_init(struct intercept_chain *chain,
                           const grpc_allocator *allocator,
                           const grpc_interceptors *list,
                           const grpc_call_credentials *credentials)
{
    *chain = (struct intercept_chain){.count = 0};
    if (!intercept_list_is_right(list)) {
        return GRPC_EINVAL;
    }
    size_t count =
        list->count + (call_credentials_are_set(credentials) ? 1 : 0);
    if (count == 0) {
        return GRPC_OK;
    }
    chain->interceptors =
        alloc_new(allocator, count * sizeof(grpc_interceptor));
    if (chain->interceptors == NULL) {
        return GRPC_ENOMEM;
    }
    chain->count = (uint16_t)list->count;
    chain->credentials = chain->count;
    for (size_t i = 0; i < list->count; i++) {
        const grpc_interceptor *from = list->data[i];
        chain->interceptors[i] = *from;
        chain->sees_messages = chain->sees_messages || from->sent != NULL ||
                               from->received != NULL;
    }
    if (count > list->count) {
        call_credentials_append(chain, credentials);
    }
    return GRPC_OK;
}

void intercept_fini(struct intercept_chain *chain,
                    const grpc_allocator *allocator)
{
    if (chain->interceptors != NULL) {
        alloc_free(allocator, chain->interceptors,
                   chain->count * sizeof(grpc_interceptor));
        *chain = (struct intercept_chain){.count = 0};
    }
}

// intercept_is_ended: the call does not go on, whatever start has done.
static bool intercept_is_ended(const struct grpc_call *call)
{
    return call->over || call->state == CALL_ANSWERED ||
           call->state == CALL_FINISHED;
}

bool intercept_start(struct grpc_call *call)
{
    const struct intercept_chain *chain = call->chain;
    while (call->started < chain->count) {
        if (call->started >= chain->credentials &&
            !call_credentials_may_start(call)) {
            return false;
        }
        const grpc_interceptor *interceptor =
            &chain->interceptors[call->started++];
        if (interceptor->start == NULL) {
            continue;
        }
        call->held = true;
        call->in_start = true;
        interceptor->start(call, interceptor->self);
        call->in_start = false;
        if (call->held || intercept_is_ended(call)) {
            return false;
        }
    }
    return true;
}

// intercept_hold: what an interceptor frees outside of a step is not gone before
// it has returned, and nothing is waited for within it. False: it was no step.
static bool intercept_hold(struct grpc_loop *loop)
{
    bool was_stepping = loop->stepping;
    loop->stepping = true;
    return was_stepping;
}

void intercept_end(struct grpc_call *call)
{
    const struct intercept_chain *chain = call->chain;
    if (call->started == 0) {
        return;
    }
    const grpc_status status = call_status(call);
    bool entered = call_enter(call);
    bool was_stepping = intercept_hold(call->loop);
    while (call->started > 0) {
        const grpc_interceptor *interceptor =
            &chain->interceptors[--call->started];
        if (interceptor->end != NULL) {
            interceptor->end(call, &status, interceptor->self);
        }
    }
    // The caller goes on with the call, and releases it where it is due.
    call->in_handler = entered;
    call->loop->stepping = was_stepping;
}

static struct view intercept_pass(struct grpc_call *call, size_t i, bool sent,
                                  struct view message)
{
    const grpc_interceptor *interceptor = &call->chain->interceptors[i];
    void (*see)(grpc_call *, grpc_str *, void *) =
        sent ? interceptor->sent : interceptor->received;
    if (see == NULL) {
        return message;
    }
    grpc_str seen = {(const char *)message.data, message.size};
    see(call, &seen, interceptor->self);
    return view_of(seen.data, seen.size);
}

// intercept_walk passes a message through all: inward from the first to the
// last, outward the other way. One of them may end the call: the others have
// then been told the end, or will be.
static struct view intercept_walk(struct grpc_call *call, bool sent,
                                  bool inward, struct view message)
{
    bool was_stepping = intercept_hold(call->loop);
    size_t count = call->chain->count;
    for (size_t i = 0; i < count && !intercept_is_ended(call); i++) {
        message =
            intercept_pass(call, inward ? i : count - 1 - i, sent, message);
    }
    call->loop->stepping = was_stepping;
    return message;
}

struct view intercept_sent(struct grpc_call *call, struct view message)
{
    return intercept_walk(call, true, !call->is_server, message);
}

struct view intercept_received(struct grpc_call *call, struct view message)
{
    return intercept_walk(call, false, call->is_server, message);
}

grpc_result grpc_call_proceed(grpc_call *call)
{
    if (call == NULL || !call->held) {
        return GRPC_ESTATE;
    }
    call->held = false;
    if (!call->in_start) {
        receive_ready(call); // the rest is settle's
    }
    return GRPC_OK;
}

grpc_result grpc_call_set_value(grpc_call *call, const void *key, void *value)
{
    if (call == NULL || key == NULL) {
        return GRPC_EINVAL;
    }
    struct call_value *added = arena_alloc(&call->arena, sizeof *added);
    if (added == NULL) {
        return GRPC_ENOMEM;
    }
    *added = (struct call_value){call->values, key, value};
    call->values = added;
    return GRPC_OK;
}

void *grpc_call_value(const grpc_call *call, const void *key)
{
    const struct call_value *value = call == NULL ? NULL : call->values;
    while (value != NULL && value->key != key) {
        value = value->next;
    }
    return value == NULL ? NULL : value->value;
}

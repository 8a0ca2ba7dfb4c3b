// SPDX-License-Identifier: MIT

#include "core/call_credentials.h"

#include "base/arena.h"
#include "base/assert.h"
#include "core/call.h"
#include "core/channel.h"
#include "core/client_call.h"
#include "core/connectivity.h"

// ---- Chains -----------------------------------------------------------------

void call_credentials_append(struct intercept_chain *chain,
                             const grpc_call_credentials *credentials)
{
    unsigned place = (unsigned)(chain->count - chain->credentials);
    if (credentials->allow_insecure) {
        chain->to_anybody = (uint8_t)(chain->to_anybody | 1u << place);
    }
    chain->interceptors[chain->count++] = (grpc_interceptor){
        .start = credentials->start,
        .end = credentials->end,
        .self = credentials->self,
    };
}

bool call_credentials_add(struct grpc_call *call,
                          const grpc_call_credentials *credentials)
{
    const struct intercept_chain *shared = call->chain;
    struct intercept_chain *own = arena_alloc(&call->arena, sizeof *own);
    grpc_interceptor *copies =
        arena_alloc(&call->arena, (shared->count + 1u) * sizeof *copies);
    if (own == NULL || copies == NULL) {
        return false;
    }
    if (shared->count > 0) {
        memcpy(copies, shared->interceptors, shared->count * sizeof *copies);
    }
    *own = *shared;
    own->interceptors = copies;
    call_credentials_append(own, credentials);
    call->chain = own;
    return true;
}

// ---- Turns ------------------------------------------------------------------

// call_credentials_is_kept_secret: nobody on the way can read what those add
// whose turn it is, or their owner does not mind.
static bool call_credentials_is_kept_secret(const struct grpc_call *call)
{
    unsigned place = (unsigned)(call->started - call->chain->credentials);
    return call->channel->security >= GRPC_PRIVATE ||
           (call->chain->to_anybody >> place & 1) != 0;
}

bool call_credentials_may_start(struct grpc_call *call)
{
    const struct grpc_channel *channel = call->channel;
    if (channel->bad_target) {
        // It is not known how secure it would be.
        channel_refuse(call, GRPC_INVALID_ARGUMENT, channel->cause);
        return false;
    }
    if (!call_credentials_is_kept_secret(call)) {
        channel_refuse(
            call, GRPC_UNAUTHENTICATED,
            "call credentials are not sent over an insecure connection");
        return false;
    }
    return true;
}

bool call_credentials_are_asked(const struct grpc_call *call)
{
    return call->held && call->started > call->chain->credentials;
}

// ---- Failure ----------------------------------------------------------------

grpc_code call_credentials_failed(struct grpc_call *call, grpc_code code)
{
    static const uint32_t servers_alone =
        1u << GRPC_OK | 1u << GRPC_INVALID_ARGUMENT | 1u << GRPC_NOT_FOUND |
        1u << GRPC_ALREADY_EXISTS | 1u << GRPC_FAILED_PRECONDITION |
        1u << GRPC_ABORTED | 1u << GRPC_OUT_OF_RANGE | 1u << GRPC_DATA_LOSS;
    if ((unsigned)code > GRPC_UNAUTHENTICATED) {
        return GRPC_UNKNOWN;
    }
    if ((servers_alone >> code & 1) == 0) {
        return code;
    }
    call_set_text(call, "the call credentials failed with %s%s%s",
                  grpc_code_name(code), call->text_size > 0 ? ": " : "",
                  call->text);
    return GRPC_INTERNAL;
}

// ---- For whom ---------------------------------------------------------------

const char *grpc_call_audience(grpc_call *call)
{
    static const char default_port[] = ":443";
    if (call == NULL || call->is_server) {
        return NULL;
    }
    const char *host = call->authority;
    if ((call->own_names & CALL_OWN_AUTHORITY) == 0) {
        host = call->channel->authority;
    }
    size_t host_size = strlen(host);
    const size_t port_size = sizeof default_port - 1;
    if (host_size > port_size &&
        strcmp(host + host_size - port_size, default_port) == 0) {
        host_size -= port_size;
    }
    const char *path = call->method->path;
    const char *slash = strrchr(path, '/');
    return grpc_call_printf(call, "https://%.*s%.*s", (int)host_size, host,
                            slash == NULL ? 0 : (int)(slash - path), path)
        .data;
}

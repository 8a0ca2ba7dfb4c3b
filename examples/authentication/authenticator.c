// Lesson: no call reaches a handler before it is known who makes it.
#include "authenticator.h"

#include <string.h>

static const char caller_key; // its address is the key of the value

const char *authenticator_caller(const grpc_call *call)
{
    return grpc_call_value(call, &caller_key);
}

static int is_open(const struct authenticator *authenticator,
                   const char *method)
{
    const char *const *open = authenticator->open;
    while (*open != NULL && strcmp(*open, method) != 0) {
        open++;
    }
    return *open != NULL;
}

// token_of is the token of "Bearer token" (RFC 6750 section 2.1), where the first
// word may be in any case; NULL: it is something else.
static const char *token_of(const char *header)
{
    static const char scheme[] = "bearer ";
    for (size_t i = 0; scheme[i] != '\0'; i++) {
        if ((header[i] | 0x20) != scheme[i]) {
            return NULL;
        }
    }
    return header + sizeof scheme - 1;
}

// find_caller is who that is; NULL: the call has ended. A token that is wrong is
// not made good by a certificate.
static const char *find_caller(const struct authenticator *authenticator,
                               grpc_call *call, const grpc_identity *client)
{
    grpc_str header;
    if (grpc_call_header(call, "authorization", &header)) {
        const char *token = token_of(header.data);
        const char *user = NULL;
        if (token != NULL) {
            user = authenticator->whose(token, authenticator->self);
        }
        if (user == NULL) {
            grpc_call_fail(call, GRPC_UNAUTHENTICATED, "no token of ours");
        }
        return user;
    }
    if (client->is_verified && client->spiffe_id[0] != '\0') {
        return client->spiffe_id;
    }
    if (is_open(authenticator, grpc_call_method(call))) {
        return "";
    }
    grpc_call_fail(call, GRPC_UNAUTHENTICATED, "who asks?");
    return NULL;
}

static void authenticator_start(grpc_call *call, void *self)
{
    const grpc_identity *client = grpc_call_identity(call);
    if (client == NULL) {
        grpc_call_fail(call, GRPC_RESOURCE_EXHAUSTED, "out of memory");
        return;
    }
    if (client->level != GRPC_PRIVATE) {
        // Others have heard it, too: it proves nothing.
        grpc_call_fail(call, GRPC_UNAUTHENTICATED, "not without TLS");
        return;
    }
    const char *caller = find_caller(self, call, client);
    if (caller == NULL) {
        return;
    }
    if (grpc_call_set_value(call, &caller_key, (void *)caller) != GRPC_OK) {
        grpc_call_fail(call, GRPC_RESOURCE_EXHAUSTED, "out of memory");
        return;
    }
    grpc_call_proceed(call);
}

grpc_interceptor authenticator_make(struct authenticator *authenticator)
{
    return (grpc_interceptor){
        .start = authenticator_start,
        .self = authenticator,
    };
}

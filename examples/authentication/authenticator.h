// Who makes a call, found out before its handler sees it: by a token, or by the
// client's certificate. Copy it.

#ifndef EXAMPLES_AUTHENTICATOR_H
#define EXAMPLES_AUTHENTICATOR_H

#include "grpc.h"

struct authenticator {
    // whose token this is: text that lives as long as the call; NULL: nobody's.
    const char *(*whose)(const char *token, void *self);
    void *self;
    const char *const *open; // methods for everybody; behind the last is NULL
};

// authenticator_make is for grpc_server_options.interceptors; *authenticator lives
// as long as the server.
grpc_interceptor authenticator_make(struct authenticator *authenticator);

// authenticator_caller is who makes the call, for its handler; "": a method for
// everybody.
const char *authenticator_caller(const grpc_call *call);

#endif

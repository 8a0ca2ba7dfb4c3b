// Call credentials with a token that is fetched from elsewhere, and kept until it
// expires: copy it.

#ifndef EXAMPLES_BEARER_H
#define EXAMPLES_BEARER_H

#include "grpc.h"

struct bearer_wait;

// A source of tokens lives longer than the channels that use it.
struct bearer {
    grpc_loop *loop; // theirs
    // fetch asks for a token. It is called when there is none (any more), and
    // answers, now or later, with bearer_take() or bearer_fail().
    void (*fetch)(struct bearer *bearer, void *self);
    void *self;
    // bearer.c's own, zero at first:
    char *header; // "Bearer ..."; NULL: there is none
    uint64_t expires_ms;
    struct bearer_wait *waiting; // calls
    int fetching;
};

grpc_call_credentials bearer_credentials(struct bearer *bearer);
void bearer_take(struct bearer *bearer, const char *token, uint32_t lasts_s);
void bearer_fail(struct bearer *bearer, grpc_code code, const char *why);
void bearer_free(struct bearer *bearer); // what is in it

#endif

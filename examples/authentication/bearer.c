// Lesson: tokens that are fetched. The calls that need one meanwhile wait.
#include "bearer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct bearer_wait {
    grpc_call *call;
    struct bearer_wait *next;
};

static void bearer_give(const struct bearer *bearer, grpc_call *call)
{
    if (grpc_call_add_header(call, "authorization", bearer->header) !=
        GRPC_OK) {
        grpc_call_fail(call, GRPC_INTERNAL, "the token cannot be sent");
        return;
    }
    grpc_call_proceed(call);
}

// start is called for each call. It need not answer at once: with a token that is
// still good it does, or else it keeps the call in a list.
static void bearer_start(grpc_call *call, void *self)
{
    struct bearer *bearer = self;
    if (grpc_loop_now(bearer->loop) < bearer->expires_ms) {
        bearer_give(bearer, call);
        return;
    }
    struct bearer_wait *wait = grpc_call_alloc(call, sizeof *wait);
    if (wait == NULL || grpc_call_set_value(call, bearer, wait) != GRPC_OK) {
        grpc_call_fail(call, GRPC_RESOURCE_EXHAUSTED, "out of memory");
        return;
    }
    *wait = (struct bearer_wait){call, bearer->waiting};
    bearer->waiting = wait;
    if (!bearer->fetching) {
        bearer->fetching = 1;
        bearer->fetch(bearer, bearer->self);
    }
}

// end is called for each call, too. One that was cancelled, or whose deadline has
// passed, does not wait any more, and its pointer is dead from now on.
static void bearer_end(grpc_call *call, const grpc_status *status, void *self)
{
    struct bearer *bearer = self;
    const struct bearer_wait *wait = grpc_call_value(call, bearer);
    struct bearer_wait **at = &bearer->waiting;
    while (*at != NULL && *at != wait) {
        at = &(*at)->next;
    }
    if (*at != NULL) {
        *at = wait->next;
    }
    if (status->code == GRPC_UNAUTHENTICATED) {
        bearer->expires_ms = 0; // it is not taken any more: fetch another
    }
}

grpc_call_credentials bearer_credentials(struct bearer *bearer)
{
    return (grpc_call_credentials){
        .start = bearer_start,
        .end = bearer_end,
        .self = bearer,
    };
}

// bearer_stop_waiting empties the list: it is the calls that have waited, in the
// order of their coming.
static struct bearer_wait *bearer_stop_waiting(struct bearer *bearer)
{
    struct bearer_wait *waited = NULL;
    while (bearer->waiting != NULL) {
        struct bearer_wait *last = bearer->waiting;
        bearer->waiting = last->next;
        last->next = waited;
        waited = last;
    }
    bearer->fetching = 0;
    return waited;
}

void bearer_take(struct bearer *bearer, const char *token, uint32_t lasts_s)
{
    size_t size = sizeof "Bearer " + strlen(token);
    char *header = malloc(size);
    if (header == NULL) {
        bearer_fail(bearer, GRPC_RESOURCE_EXHAUSTED, "out of memory");
        return;
    }
    snprintf(header, size, "Bearer %s", token);
    free(bearer->header);
    bearer->header = header;
    // It is given up a little early, since it has to be good when it arrives.
    bearer->expires_ms =
        grpc_loop_now(bearer->loop) + (uint64_t)lasts_s * 1000 * 9 / 10;
    for (struct bearer_wait *wait = bearer_stop_waiting(bearer); wait != NULL;
         wait = wait->next) {
        bearer_give(bearer, wait->call);
    }
}

void bearer_fail(struct bearer *bearer, grpc_code code, const char *why)
{
    for (struct bearer_wait *wait = bearer_stop_waiting(bearer); wait != NULL;
         wait = wait->next) {
        grpc_call_fail(wait->call, code, "no token: %s", why);
    }
}

void bearer_free(struct bearer *bearer)
{
    free(bearer->header);
    bearer->header = NULL;
    bearer->expires_ms = 0;
}

// SPDX-License-Identifier: MIT

#include "tests/sim/sim_lookup.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "loop/loop_lookup.h"

struct lookup_result {
    struct list_link link; // of the service's, until it is given
    grpc_loop *loop;
    void (*done)(void *result);
    void *user;
    size_t count;
    bool answered;
    bool dropped;
    char error[128];
    struct socket_address addresses[LOOKUP_ADDRESS_MAX];
};

// The questions that are not given their answer yet, oldest first.
static struct list_link sim_lookup_open;

struct sim_lookup *sim_lookup(void)
{
    static struct sim_lookup lookup;
    return &lookup;
}

bool lookup_start(struct lookup_service *service, struct loop *loop,
                  const char *host, uint16_t port, void (*done)(void *result),
                  void *user, struct lookup_result **out_result,
                  const char **out_reason)
{
    struct sim_lookup *lookup = sim_lookup();
    (void)service;
    (void)port; // the test's addresses have theirs
    lookup->asked++;
    if (lookup->on_ask != NULL) {
        lookup->on_ask(lookup->user, host);
    }
    if (lookup->refusal != NULL) {
        *out_reason = lookup->refusal;
        return false;
    }
    struct lookup_result *result =
        alloc_zeroed(loop->allocator, sizeof *result);
    if (result == NULL) {
        *out_reason = "no memory";
        return false;
    }
    if (sim_lookup_open.next == NULL) {
        list_init(&sim_lookup_open);
    }
    result->loop = LIST_OWNER(loop, struct grpc_loop, loop);
    result->done = done;
    result->user = user;
    list_append(&sim_lookup_open, &result->link);
    lookup->waiting++;
    *out_result = result;
    return true;
}

// sim_lookup_deliver is the posted task.
static void sim_lookup_deliver(void *argument)
{
    struct lookup_result *result = argument;
    list_remove(&result->link);
    if (result->dropped) {
        lookup_free(result);
    } else {
        result->done(result);
    }
}

void sim_answer(struct sim_world *world, const struct socket_address *addresses,
                size_t count, const char *error)
{
    LIST_EACH (link, after, &sim_lookup_open) {
        struct lookup_result *result =
            LIST_OWNER(link, struct lookup_result, link);
        if (result->answered) {
            continue;
        }
        assert(count <= LOOKUP_ADDRESS_MAX && (count > 0) == (error == NULL));
        result->answered = true;
        result->count = count;
        if (count > 0) {
            memcpy(result->addresses, addresses, count * sizeof addresses[0]);
        }
        (void)snprintf(result->error, sizeof result->error, "%s",
                       error == NULL ? "" : error);
        sim_lookup()->waiting--;
        sim_post(world, result->loop, sim_lookup_deliver, result);
        return;
    }
    assert(!"a question waits");
}

void lookup_cancel(struct lookup_result *result)
{
    sim_lookup()->cancelled++;
    if (result->answered) {
        result->dropped = true;
        return;
    }
    sim_lookup()->waiting--;
    list_remove(&result->link);
    lookup_free(result);
}

void lookup_free(struct lookup_result *result)
{
    if (result != NULL) {
        alloc_free(&result->loop->allocator, result, sizeof *result);
    }
}

void lookup_fini(struct lookup_service *service)
{
    grpc_loop *loop = LIST_OWNER(service, struct grpc_loop, lookup);
    if (sim_lookup_open.next == NULL) {
        return;
    }
    LIST_EACH (link, after, &sim_lookup_open) {
        struct lookup_result *result =
            LIST_OWNER(link, struct lookup_result, link);
        if (result->loop == loop) { // its task will never come
            list_remove(&result->link);
            lookup_free(result);
        }
    }
}

size_t lookup_count(const struct lookup_result *result)
{
    return result->count;
}

const struct socket_address *lookup_address(const struct lookup_result *result,
                                            size_t i)
{
    assert(i < result->count);
    return &result->addresses[i];
}

const char *lookup_error(const struct lookup_result *result)
{
    return result->error[0] == '\0' ? NULL : result->error;
}

void *lookup_user(const struct lookup_result *result)
{
    return result->user;
}

// SPDX-License-Identifier: MIT
// Invariants:
//   1. selected is READY, and not NULL exactly in the state READY.
//   2. In a pass the subchannels before index have been tried in it; the timer
//      is armed while the one at index is under way and there is a next one.
//   3. Out of a pass, in TRANSIENT_FAILURE, no subchannel is IDLE.

#include "core/pick_first.h"

#include "base/alloc.h"
#include "base/assert.h"
#include "core/channel.h"
#include "core/connectivity.h"
#include "core/run.h"

struct pick_first {
    struct policy policy;            // first
    struct subchannel **subchannels; // in the order in which they are tried
    size_t capacity;
    size_t count;
    struct subchannel *selected;
    size_t index; // in a pass: of the newest attempt
    bool in_pass;
    size_t failures; // since the last pass or round
};

_Static_assert(offsetof(struct pick_first, policy) == 0,
               "a policy is cast to the struct that it begins");

static struct pick_first *pick_first_of(struct policy *policy)
{
    return (struct pick_first *)(void *)policy;
}

static struct loop *pick_first_loop(struct pick_first *pick)
{
    return &pick->policy.channel->loop->loop;
}

// ---- Going over the addresses -----------------------------------------------

static void pick_first_arm(struct pick_first *pick)
{
    struct grpc_channel *channel = pick->policy.channel;
    if (pick->index + 1 < pick->count) {
        loop_timer_start(pick_first_loop(pick), &pick->policy.timer,
                         run_due(channel->loop, channel->attempt_delay_ms));
    }
}

// pick_first_round counts failures out of a pass: when there are as many as
// addresses, the causes are told, and the addresses may be wrong.
static void pick_first_round(struct pick_first *pick)
{
    if (++pick->failures >= pick->count) {
        pick->failures = 0;
        channel_end_causes(pick->policy.channel);
        resolver_again(&pick->policy.channel->resolver);
    }
}

// pick_first_retry connects what is not left alone any more.
static void pick_first_retry(struct pick_first *pick,
                             struct subchannel *subchannel)
{
    if (!subchannel_connect(subchannel)) {
        pick_first_round(pick);
    }
}

static bool pick_first_all_failed(const struct pick_first *pick)
{
    for (size_t i = 0; i < pick->count; i++) {
        if (!pick->subchannels[i]->failed) {
            return false;
        }
    }
    return true;
}

// pick_first_end_pass: every address has failed.
static void pick_first_end_pass(struct pick_first *pick)
{
    pick->in_pass = false;
    pick->failures = 0;
    channel_give_up(pick->policy.channel);
    resolver_again(&pick->policy.channel->resolver);
    for (size_t i = 0; i < pick->count; i++) {
        if (pick->subchannels[i]->state == GRPC_IDLE) {
            pick_first_retry(pick, pick->subchannels[i]);
        }
    }
    policy_set_state(&pick->policy, GRPC_TRANSIENT_FAILURE);
}

// pick_first_is_under_way begins to connect, unless that fails at once or has
// failed not long ago.
static bool pick_first_is_under_way(struct subchannel *subchannel)
{
    if (subchannel->state == GRPC_CONNECTING ||
        (subchannel->state == GRPC_IDLE && subchannel_connect(subchannel))) {
        return true;
    }
    subchannel->failed = true;
    return false;
}

// pick_first_go_on tries one address after the other until one is under way.
static void pick_first_go_on(struct pick_first *pick)
{
    while (pick->index < pick->count) {
        if (pick_first_is_under_way(pick->subchannels[pick->index])) {
            pick_first_arm(pick);
            return;
        }
        pick->index++;
    }
    if (pick_first_all_failed(pick)) {
        pick_first_end_pass(pick);
    }
}

static void pick_first_next(struct pick_first *pick)
{
    loop_timer_stop(pick_first_loop(pick), &pick->policy.timer);
    pick->index++;
    pick_first_go_on(pick);
}

// pick_first_begin_pass begins a pass. In TRANSIENT_FAILURE it is made without
// leaving that. One that begins anew keeps its causes: an address that has failed
// already is not tried again.
static void pick_first_begin_pass(struct pick_first *pick)
{
    if (!pick->in_pass) {
        channel_begin_causes(pick->policy.channel);
    }
    pick->in_pass = true;
    pick->index = 0;
    for (size_t i = 0; i < pick->count; i++) {
        pick->subchannels[i]->failed = false;
    }
    if (pick->policy.state != GRPC_CONNECTING &&
        pick->policy.state != GRPC_TRANSIENT_FAILURE) {
        policy_set_state(&pick->policy, GRPC_CONNECTING);
    }
    pick_first_go_on(pick);
}

static void pick_first_connect(struct policy *policy)
{
    struct pick_first *pick = pick_first_of(policy);
    ASSERT(policy->state == GRPC_IDLE);
    if (pick->count > 0) {
        pick_first_begin_pass(pick);
    }
}

static void pick_first_on_timer(struct policy *policy)
{
    pick_first_next(pick_first_of(policy));
}

// ---- What subchannels do ----------------------------------------------------

static void pick_first_on_ready(struct pick_first *pick,
                                struct subchannel *subchannel)
{
    pick->selected = subchannel;
    pick->in_pass = false;
    loop_timer_stop(pick_first_loop(pick), &pick->policy.timer);
    for (size_t i = 0; i < pick->count; i++) {
        if (pick->subchannels[i] != subchannel) {
            subchannel_yield(pick->subchannels[i]);
        }
    }
    policy_set_state(&pick->policy, GRPC_READY);
}

// pick_first_on_lost: what the others have failed is forgotten only when this
// connection was of use, or servers that are of none would have each other
// dialled as fast as we can.
static void pick_first_on_lost(struct pick_first *pick,
                               const struct subchannel *subchannel)
{
    pick->selected = NULL;
    for (size_t i = 0; i < pick->count && !subchannel->was_useless; i++) {
        if (pick->subchannels[i] != subchannel) {
            subchannel_rest(pick->subchannels[i]);
        }
    }
    resolver_again(&pick->policy.channel->resolver);
    policy_set_state(&pick->policy, GRPC_IDLE);
}

static void pick_first_on_failed(struct pick_first *pick,
                                 struct subchannel *subchannel)
{
    subchannel->failed = true;
    if (!pick->in_pass) {
        pick_first_round(pick);
        // It is the newest cause that new calls are told.
        policy_set_state(&pick->policy, GRPC_TRANSIENT_FAILURE);
    } else if (pick->index < pick->count &&
               pick->subchannels[pick->index] == subchannel) {
        pick_first_next(pick);
    } else if (pick->index == pick->count && pick_first_all_failed(pick)) {
        pick_first_end_pass(pick);
    }
}

static void pick_first_changed(struct policy *policy,
                               struct subchannel *subchannel,
                               enum grpc_connectivity was)
{
    struct pick_first *pick = pick_first_of(policy);
    if (subchannel->state == GRPC_READY) {
        pick_first_on_ready(pick, subchannel);
    } else if (was == GRPC_READY) {
        pick_first_on_lost(pick, subchannel);
    } else if (subchannel->state == GRPC_TRANSIENT_FAILURE) {
        pick_first_on_failed(pick, subchannel);
    } else if (policy->state == GRPC_TRANSIENT_FAILURE && !pick->in_pass) {
        pick_first_retry(pick, subchannel);
    }
}

static struct subchannel *pick_first_pick(const struct policy *policy)
{
    const struct pick_first *pick =
        (const struct pick_first *)(const void *)policy;
    return pick->selected;
}

// ---- Addresses --------------------------------------------------------------

static bool pick_first_is_same(const struct socket_address *a,
                               const struct socket_address *b)
{
    return a->size == b->size &&
           memcmp(a->storage.bytes, b->storage.bytes, a->size) == 0;
}

// pick_first_find is the subchannel of an address; NULL when there is none.
static struct subchannel *pick_first_find(struct subchannel *const *list,
                                          size_t count,
                                          const struct socket_address *address)
{
    for (size_t i = 0; i < count; i++) {
        if (pick_first_is_same(&list[i]->address, address)) {
            return list[i];
        }
    }
    return NULL;
}

// pick_first_seek moves *cursor to the next address that is of the first one's
// family, or else of another; false when there is none.
static bool pick_first_seek(const struct socket_address *addresses,
                            size_t count, bool other, size_t *cursor)
{
    int family = socket_address_family(&addresses[0]);
    while (*cursor < count &&
           (socket_address_family(&addresses[*cursor]) != family) != other) {
        ++*cursor;
    }
    return *cursor < count;
}

// How far the addresses have been taken, those of the first family and others.
struct pick_first_turns {
    size_t cursor[2];
    bool other; // whose turn it is
};

// pick_first_take is the next address when the families take turns (RFC 8305
// section 4). There is one left.
static const struct socket_address *pick_first_take(
    struct pick_first_turns *turns, const struct socket_address *addresses,
    size_t count)
{
    if (!pick_first_seek(addresses, count, turns->other,
                         &turns->cursor[turns->other])) {
        turns->other = !turns->other;
        bool found = pick_first_seek(addresses, count, turns->other,
                                     &turns->cursor[turns->other]);
        ASSERT(found);
        (void)found;
    }
    size_t i = turns->cursor[turns->other]++;
    turns->other = !turns->other;
    return &addresses[i];
}

// What pick_first_make makes.
struct pick_first_list {
    struct subchannel **subchannels; // room for all addresses
    size_t capacity;
    size_t count;
};

// pick_first_add: false without memory.
static bool pick_first_add(const struct pick_first *pick,
                           struct pick_first_list *list,
                           const struct socket_address *address)
{
    if (pick_first_find(list->subchannels, list->count, address) != NULL) {
        return true; // it is there twice
    }
    struct subchannel *subchannel =
        pick_first_find(pick->subchannels, pick->count, address);
    if (subchannel == NULL) {
        subchannel = subchannel_new(pick->policy.channel, address);
    }
    if (subchannel == NULL) {
        return false;
    }
    list->subchannels[list->count++] = subchannel;
    return true;
}

static void pick_first_free_list(const struct pick_first *pick,
                                 struct pick_first_list *list)
{
    if (list->subchannels != NULL) {
        alloc_free(&pick->policy.channel->loop->allocator, list->subchannels,
                   list->capacity * sizeof(struct subchannel *));
    }
}

// pick_first_drop frees the subchannels of list that others has not.
static void pick_first_drop(struct subchannel **list, size_t count,
                            struct subchannel **others, size_t other_count)
{
    for (size_t i = 0; i < count; i++) {
        const struct socket_address *address = &list[i]->address;
        if (pick_first_find(others, other_count, address) == NULL) {
            subchannel_free(list[i]);
        }
    }
}

// pick_first_make makes a list of the subchannels of the addresses, in the order
// in which they are tried, each once; those that there are already are used
// again. False without memory: then there are no new ones.
static bool pick_first_make(const struct pick_first *pick,
                            struct pick_first_list *list,
                            const struct socket_address *addresses,
                            size_t count)
{
    struct pick_first_turns turns = {{0, 0}, false};
    *list = (struct pick_first_list){
        .subchannels = alloc_new(&pick->policy.channel->loop->allocator,
                                 count * sizeof(struct subchannel *)),
        .capacity = count,
    };
    if (list->subchannels == NULL) {
        return false;
    }
    for (size_t n = 0; n < count; n++) {
        if (!pick_first_add(pick, list,
                            pick_first_take(&turns, addresses, count))) {
            pick_first_drop(list->subchannels, list->count, pick->subchannels,
                            pick->count);
            pick_first_free_list(pick, list);
            return false;
        }
    }
    return true;
}

// pick_first_replace puts a new list in the place of the old one. A subchannel
// that is connected or connecting, and is in both, goes on.
static void pick_first_replace(struct pick_first *pick,
                               const struct pick_first_list *list)
{
    struct pick_first_list old = {pick->subchannels, pick->capacity,
                                  pick->count};
    pick->subchannels = list->subchannels;
    pick->capacity = list->capacity;
    pick->count = list->count;
    pick_first_drop(old.subchannels, old.count, list->subchannels, list->count);
    pick_first_free_list(pick, &old);
}

static bool pick_first_update(struct policy *policy,
                              const struct socket_address *addresses,
                              size_t count)
{
    struct pick_first *pick = pick_first_of(policy);
    struct pick_first_list list;
    bool is_first = pick->count == 0;
    if (!pick_first_make(pick, &list, addresses, count)) {
        return false;
    }
    bool keeps = pick->selected != NULL &&
                 pick_first_find(list.subchannels, list.count,
                                 &pick->selected->address) != NULL;
    loop_timer_stop(pick_first_loop(pick), &policy->timer);
    pick_first_replace(pick, &list);
    if (keeps) {
        return true;
    }
    pick->selected = NULL;
    // IDLE stays so until there is a call; but the first addresses come because
    // somebody has asked.
    if (is_first || policy->state != GRPC_IDLE) {
        pick_first_begin_pass(pick);
    }
    return true;
}

// ---- Life -------------------------------------------------------------------

static void pick_first_stop(struct policy *policy)
{
    struct pick_first *pick = pick_first_of(policy);
    const struct pick_first_list none = {NULL, 0, 0};
    loop_timer_stop(pick_first_loop(pick), &policy->timer);
    pick->selected = NULL;
    pick->in_pass = false;
    pick_first_replace(pick, &none);
    policy->state = GRPC_IDLE;
}

INTERNAL_DEFINE const struct policy_class pick_first_class = {
    .name = "pick_first",
    .size = sizeof(struct pick_first),
    .update = pick_first_update,
    .connect = pick_first_connect,
    .changed = pick_first_changed,
    .pick = pick_first_pick,
    .on_timer = pick_first_on_timer,
    .stop = pick_first_stop,
};

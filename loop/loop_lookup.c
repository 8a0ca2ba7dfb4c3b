// SPDX-License-Identifier: MIT
// A question and its answer are one lookup_result:
//
//             lookup_start         the thread takes it     answer filled in
//   (none) ----------------> QUEUED ----------> RUNNING ------------> ANSWERED
//                              |                   |                     |
//                lookup_cancel |     lookup_cancel |     lookup_deliver, |
//                              v                   v      the posted task v
//                            freed               freed                 GIVEN
//
//   ANSWERED --lookup_cancel--> DROPPED --lookup_deliver--> freed
//
// Invariants:
//   1. What both threads touch (the shared block, and every result that is not
//      GIVEN) is touched with the mutex held.
//   2. Results are allocated and freed by the loop's thread alone. The helper
//      waits for the resolver with a copy of the name on its own stack, and
//      with the mutex free; it fills a result in only if shared->running still
//      names it afterwards. Cancelling, or the end of the loop, clears that.
//   3. A result in QUEUED is in the list waiting; in ANSWERED or DROPPED, in
//      the list answered. The task of an answered result may still be in the
//      loop's pipe: its memory stays until the task comes, or the service ends.
//   4. The shared block belongs to the loop's thread until that gives it to a
//      helper that is busy (orphaned); then to the helper. It comes from the C
//      library's heap, because either may be the one to free it, and a user's
//      allocator knows the loop's thread alone.

#ifndef _GNU_SOURCE
# define _GNU_SOURCE
#endif

#include "loop/loop_lookup.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <time.h>

#if !defined(GRPC_NO_THREADS)
# include <pthread.h>
# include <signal.h>
#endif

#include "base/alloc.h"
#include "base/assert.h"
#include "base/heap.h"
#include "base/list.h"

enum lookup_state {
    LOOKUP_NEW,
    LOOKUP_QUEUED,
    LOOKUP_RUNNING,
    LOOKUP_ANSWERED,
    LOOKUP_DROPPED,
    LOOKUP_GIVEN,
};

struct lookup_result {
    struct list_link link_shared; // in waiting or answered
    struct lookup_shared *shared; // valid until GIVEN
    const grpc_allocator *allocator;
    void (*done)(void *result);
    void *user;
    enum lookup_state state;
    uint16_t port;
    size_t count;                   // of addresses
    char error[128];                // why there is none
    char host[LOOKUP_HOST_MAX + 1]; // NUL-terminated
    struct socket_address addresses[LOOKUP_ADDRESS_MAX];
};

struct lookup_shared {
    struct loop *loop;         // borrowed until orphaned
    struct list_link waiting;  // results, oldest first
    struct list_link answered; // results whose task was posted
#if !defined(GRPC_NO_THREADS)
    struct lookup_result *running; // NULL: none, or it was cancelled
    bool busy;                     // the thread is inside the resolver
    bool quit;                     // the thread is to end
    bool orphaned;                 // and to free this block
    pthread_mutex_t mutex;
    pthread_cond_t wake; // something is waiting, or quit
    pthread_t thread;
#endif
};

static void lookup_lock(struct lookup_shared *shared)
{
#if !defined(GRPC_NO_THREADS)
    (void)pthread_mutex_lock(&shared->mutex);
#else
    (void)shared;
#endif
}

static void lookup_unlock(struct lookup_shared *shared)
{
#if !defined(GRPC_NO_THREADS)
    (void)pthread_mutex_unlock(&shared->mutex);
#else
    (void)shared;
#endif
}

static void lookup_set_state(struct lookup_result *result,
                             enum lookup_state state)
{
    static const uint8_t before[] = {
        [LOOKUP_NEW] = 0,
        [LOOKUP_QUEUED] = 1 << LOOKUP_NEW,
        [LOOKUP_RUNNING] = 1 << LOOKUP_QUEUED,
        [LOOKUP_ANSWERED] = 1 << LOOKUP_NEW | 1 << LOOKUP_RUNNING,
        [LOOKUP_DROPPED] = 1 << LOOKUP_ANSWERED,
        [LOOKUP_GIVEN] = 1 << LOOKUP_ANSWERED,
    };
    ASSERT((before[state] & 1 << result->state) != 0);
    (void)before;
    result->state = state;
}

size_t lookup_count(const struct lookup_result *result)
{
    return result->count;
}

const struct socket_address *lookup_address(const struct lookup_result *result,
                                            size_t i)
{
    ASSERT(i < result->count);
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

void lookup_free(struct lookup_result *result)
{
    if (result != NULL) {
        alloc_free(result->allocator, result, sizeof *result);
    }
}

// lookup_deliver is the posted task; it runs on the loop's thread.
static void lookup_deliver(void *argument)
{
    struct lookup_result *result = argument;
    struct lookup_shared *shared = result->shared;
    lookup_lock(shared);
    list_remove(&result->link_shared);
    bool dropped = result->state == LOOKUP_DROPPED;
    if (!dropped) {
        lookup_set_state(result, LOOKUP_GIVEN);
    }
    lookup_unlock(shared);
    if (dropped) {
        lookup_free(result);
    } else {
        result->done(result);
    }
}

static void lookup_add(struct lookup_result *result, const void *system,
                       size_t size)
{
    struct socket_address *address = &result->addresses[result->count++];
    memset(address, 0, sizeof *address);
    memcpy(address->storage.bytes, system, size);
    address->size = (uint32_t)size;
    socket_address_set_port(address, result->port);
}

#if !defined(GRPC_NO_THREADS)

static void lookup_set_error(struct lookup_result *result, const char *text)
{
    size_t size = strlen(text);
    size = size < sizeof result->error ? size : sizeof result->error - 1;
    memcpy(result->error, text, size);
    result->error[size] = '\0';
}

static void lookup_fill(struct lookup_result *result, int code, int error,
                        const struct addrinfo *found)
{
    if (code == EAI_SYSTEM) {
        socket_error_text(error, result->error, sizeof result->error);
        return;
    }
    if (code != 0) {
        lookup_set_error(result, gai_strerror(code));
        return;
    }
    for (; found != NULL; found = found->ai_next) {
        if (result->count == LOOKUP_ADDRESS_MAX) {
            return;
        }
        if ((found->ai_family == AF_INET || found->ai_family == AF_INET6) &&
            found->ai_addrlen <= sizeof result->addresses[0].storage) {
            lookup_add(result, found->ai_addr, found->ai_addrlen);
        }
    }
    if (result->count == 0) {
        lookup_set_error(result, "the name has no IP address");
    }
}

// lookup_resolve waits for the resolver; meanwhile, and only then, it lets go
// of the mutex.
static void lookup_resolve(struct lookup_shared *shared,
                           struct lookup_result *result)
{
    char host[LOOKUP_HOST_MAX + 1];
    memcpy(host, result->host, sizeof host);
    lookup_set_state(result, LOOKUP_RUNNING);
    shared->running = result;
    shared->busy = true;
    lookup_unlock(shared);
    const struct addrinfo hints = {
        .ai_family = AF_UNSPEC,
        .ai_socktype = SOCK_STREAM,
    };
    struct addrinfo *found = NULL;
    int code = getaddrinfo(host, NULL, &hints, &found);
    int error = errno;
    lookup_lock(shared);
    shared->busy = false;
    if (shared->running != NULL) {
        lookup_fill(shared->running, code, error, found);
    }
    if (code == 0) {
        freeaddrinfo(found);
    }
}

// lookup_post hands the answer, if it is still wanted, to the loop. A full pipe
// is tried again: the loop empties it, or cancels, or ends.
static void lookup_post(struct lookup_shared *shared)
{
    const struct timespec nap = {.tv_nsec = 1000000};
    while (!shared->quit && shared->running != NULL) {
        struct lookup_result *result = shared->running;
        if (loop_post(shared->loop, lookup_deliver, result)) {
            lookup_set_state(result, LOOKUP_ANSWERED);
            list_append(&shared->answered, &result->link_shared);
            shared->running = NULL;
            return;
        }
        lookup_unlock(shared);
        (void)nanosleep(&nap, NULL);
        lookup_lock(shared);
    }
}

static void lookup_free_shared(struct lookup_shared *shared)
{
    const grpc_allocator heap = heap_allocator();
    (void)pthread_cond_destroy(&shared->wake);
    (void)pthread_mutex_destroy(&shared->mutex);
    alloc_free(&heap, shared, sizeof *shared);
}

static void *lookup_thread(void *argument)
{
    struct lookup_shared *shared = argument;
    lookup_lock(shared);
    while (!shared->quit) {
        struct list_link *link = list_take(&shared->waiting);
        if (link == NULL) {
            (void)pthread_cond_wait(&shared->wake, &shared->mutex);
            continue;
        }
        lookup_resolve(shared,
                       LIST_OWNER(link, struct lookup_result, link_shared));
        lookup_post(shared);
    }
    bool orphaned = shared->orphaned;
    lookup_unlock(shared);
    if (orphaned) {
        lookup_free_shared(shared);
    }
    return NULL;
}

// lookup_start_thread blocks all signals in the thread: they are the
// program's, and its handlers expect the program's own threads.
static int lookup_start_thread(struct lookup_shared *shared)
{
    sigset_t all;
    sigset_t before;
    (void)sigfillset(&all);
    int error = pthread_sigmask(SIG_SETMASK, &all, &before);
    if (error != 0) {
        return error;
    }
    error = pthread_create(&shared->thread, NULL, lookup_thread, shared);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return error;
}

static struct lookup_shared *lookup_new_shared(struct loop *loop,
                                               const char **out_reason)
{
    const grpc_allocator heap = heap_allocator();
    struct lookup_shared *shared = alloc_zeroed(&heap, sizeof *shared);
    if (shared == NULL) {
        *out_reason = "no memory";
        return NULL;
    }
    shared->loop = loop;
    list_init(&shared->waiting);
    list_init(&shared->answered);
    if (pthread_mutex_init(&shared->mutex, NULL) != 0) {
        *out_reason = "the system refused a mutex";
        alloc_free(&heap, shared, sizeof *shared);
        return NULL;
    }
    if (pthread_cond_init(&shared->wake, NULL) != 0) {
        *out_reason = "the system refused a condition variable";
        (void)pthread_mutex_destroy(&shared->mutex);
        alloc_free(&heap, shared, sizeof *shared);
        return NULL;
    }
    if (lookup_start_thread(shared) != 0) {
        *out_reason = "the system refused a thread";
        lookup_free_shared(shared);
        return NULL;
    }
    return shared;
}

static bool lookup_ask(struct lookup_shared *shared,
                       struct lookup_result *result, const char **out_reason)
{
    (void)out_reason;
    lookup_lock(shared);
    lookup_set_state(result, LOOKUP_QUEUED);
    list_append(&shared->waiting, &result->link_shared);
    (void)pthread_cond_signal(&shared->wake);
    lookup_unlock(shared);
    return true;
}

static void lookup_cancel_running(struct lookup_result *result)
{
    ASSERT(result->shared->running == result);
    result->shared->running = NULL;
}

// lookup_end_thread is called with the mutex held, and leaves it.
static void lookup_end_thread(struct lookup_shared *shared)
{
    if (shared->running != NULL) {
        lookup_free(shared->running);
        shared->running = NULL;
    }
    shared->quit = true;
    shared->loop = NULL;
    if (shared->busy) {
        // Nobody knows how long the resolver takes.
        shared->orphaned = true;
        (void)pthread_detach(shared->thread);
        lookup_unlock(shared);
        return;
    }
    (void)pthread_cond_signal(&shared->wake);
    lookup_unlock(shared);
    (void)pthread_join(shared->thread, NULL);
    lookup_free_shared(shared);
}

#else

static struct lookup_shared *lookup_new_shared(struct loop *loop,
                                               const char **out_reason)
{
    struct lookup_shared *shared =
        alloc_zeroed(loop->allocator, sizeof *shared);
    if (shared == NULL) {
        *out_reason = "no memory";
        return NULL;
    }
    shared->loop = loop;
    list_init(&shared->waiting);
    list_init(&shared->answered);
    return shared;
}

// lookup_ask answers at once what needs no resolver.
static bool lookup_ask(struct lookup_shared *shared,
                       struct lookup_result *result, const char **out_reason)
{
    static const char *const localhost[] = {"::1", "127.0.0.1"};
    struct socket_address address;
    if (socket_address_ip(&address, result->host, result->port)) {
        lookup_add(result, address.storage.bytes, address.size);
    } else if (strcmp(result->host, "localhost") == 0) {
        for (size_t i = 0; i < 2; i++) {
            if (socket_address_ip(&address, localhost[i], result->port)) {
                lookup_add(result, address.storage.bytes, address.size);
            }
        }
    } else {
        *out_reason = "built without threads, which looking up a name needs";
        return false;
    }
    if (!loop_post(shared->loop, lookup_deliver, result)) {
        *out_reason = "too many tasks wait in the loop";
        return false;
    }
    lookup_set_state(result, LOOKUP_ANSWERED);
    list_append(&shared->answered, &result->link_shared);
    return true;
}

static void lookup_cancel_running(struct lookup_result *result)
{
    (void)result;
}

static void lookup_end_thread(struct lookup_shared *shared)
{
    alloc_free(shared->loop->allocator, shared, sizeof *shared);
}

#endif

bool lookup_start(struct lookup_service *service, struct loop *loop,
                  const char *host, uint16_t port, void (*done)(void *result),
                  void *user, struct lookup_result **out_result,
                  const char **out_reason)
{
    size_t size = strlen(host);
    if (size == 0 || size > LOOKUP_HOST_MAX) {
        *out_reason = "a name has 1 to 255 bytes";
        return false;
    }
    struct lookup_result *result =
        alloc_zeroed(loop->allocator, sizeof *result);
    if (result == NULL) {
        *out_reason = "no memory";
        return false;
    }
    result->allocator = loop->allocator;
    result->done = done;
    result->user = user;
    result->port = port;
    memcpy(result->host, host, size + 1);
    if (service->shared == NULL) {
        service->shared = lookup_new_shared(loop, out_reason);
    }
    if (service->shared == NULL) {
        lookup_free(result);
        return false;
    }
    ASSERT(service->shared->loop == loop);
    result->shared = service->shared;
    if (!lookup_ask(service->shared, result, out_reason)) {
        lookup_free(result);
        return false;
    }
    *out_result = result;
    return true;
}

void lookup_cancel(struct lookup_result *result)
{
    struct lookup_shared *shared = result->shared;
    bool is_free = true;
    lookup_lock(shared);
    switch (result->state) {
    case LOOKUP_RUNNING:
        lookup_cancel_running(result);
        break;
    case LOOKUP_ANSWERED:
        lookup_set_state(result, LOOKUP_DROPPED);
        is_free = false;
        break;
    case LOOKUP_NEW:
    case LOOKUP_QUEUED:
    case LOOKUP_DROPPED:
    case LOOKUP_GIVEN:
        ASSERT(result->state == LOOKUP_QUEUED);
        list_remove(&result->link_shared);
        break;
    }
    lookup_unlock(shared);
    if (is_free) {
        lookup_free(result);
    }
}

static void lookup_free_list(struct list_link *head)
{
    struct list_link *link;
    while ((link = list_take(head)) != NULL) {
        lookup_free(LIST_OWNER(link, struct lookup_result, link_shared));
    }
}

void lookup_fini(struct lookup_service *service)
{
    struct lookup_shared *shared = service->shared;
    if (shared == NULL) {
        return;
    }
    service->shared = NULL;
    lookup_lock(shared);
    lookup_free_list(&shared->waiting);
    lookup_free_list(&shared->answered);
    lookup_end_thread(shared);
}

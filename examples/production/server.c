// Lesson: a server that runs for months, and is replaced while it works.
// server [address [age_ms [grace_ms]]]
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "production.pb.h"

enum { SECOND = 1000, MINUTE = 60 * SECOND }; // in milliseconds

struct shop {
    grpc_loop *loop;
    grpc_server *server;
    uint32_t grace_ms;
};
static struct shop shop; // static: the signal has to find it

// ---- What the library has to say --------------------------------------------

static void on_log(void *file, grpc_log_level level, const char *text)
{
    static const char *const names[] = {"", "error", "warning", "info",
                                        "debug"};
    fprintf(file, "%s: %s\n", names[level], text);
}

// ---- The end ----------------------------------------------------------------

// No more connections and calls, but those that are open may end, for a while.
// Clients are told, and go elsewhere; grpc_server_run() returns when all is over.
static void drain(void *argument)
{
    (void)argument;
    printf("draining\n");
    fflush(stdout);
    grpc_server_drain(shop.server, shop.grace_ms);
}

static void on_sigterm(int number)
{
    (void)number;
    // Both may be called from anywhere. A post may find no room, a stop does not.
    if (grpc_loop_post(shop.loop, drain, NULL) != GRPC_OK) {
        grpc_server_stop(shop.server);
    }
}

// ---- The work ---------------------------------------------------------------

struct thought {
    grpc_call *call;
    grpc_timer *timer;
};

static void thought_of(void *argument)
{
    struct thought *thought = argument;
    production_Shop_Price_reply(thought->call,
                                &(production_Offer){.cents = 120});
}

static void forget(void *argument)
{
    struct thought *thought = argument;
    grpc_timer_stop(thought->timer);
}

static void price(grpc_call *call, const production_Article *article,
                  void *self)
{
    struct thought *thought = grpc_call_alloc(call, sizeof *thought);
    (void)self;
    if (thought != NULL) {
        thought->call = call;
        thought->timer = grpc_timer_start(
            grpc_call_loop(call), article->think_ms, thought_of, thought);
    }
    if (thought == NULL || thought->timer == NULL) {
        grpc_call_fail(call, GRPC_RESOURCE_EXHAUSTED, "out of memory");
        return;
    }
    grpc_call_on_end(call, forget, thought);
}

// ---- The settings -----------------------------------------------------------

// use_descriptors takes as many as we may have: each connection needs one.
static uint32_t use_descriptors(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return 256;
    }
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    getrlimit(RLIMIT_NOFILE, &limit);
    return limit.rlim_cur > 1000000 ? 1000000 : (uint32_t)limit.rlim_cur;
}

static grpc_server *new_server(grpc_loop *loop, uint32_t age_ms)
{
    const grpc_server_options options = {
        .loop = loop,
        // We ask clients that are silent whether they are still there.
        .keepalive_ms = 10 * MINUTE,
        .keepalive_timeout_ms = 20 * SECOND,
        // They may ask us once in a minute, and no more often: all clients have
        // to know that.
        .keepalive_min_ms = 1 * MINUTE,
        .keepalive_without_calls = true,
        // A client that has nothing to say may connect again when it has.
        .max_connection_idle_ms = 60 * MINUTE,
        // All connect again from time to time, and so find servers that are new.
        .max_connection_age_ms = age_ms,
        .max_connection_age_grace_ms = 5 * MINUTE,
        // Some descriptors are for others: files, the log, the loop itself.
        .max_connections = use_descriptors() - 50,
    };
    return grpc_server_new(&options);
}

int main(int argc, char **argv)
{
    const char *address = argc > 1 ? argv[1] : "localhost:50051";
    uint32_t age_ms = argc > 2 ? (uint32_t)atoi(argv[2]) : 30 * MINUTE;
    shop.grace_ms = argc > 3 ? (uint32_t)atoi(argv[3]) : 20 * SECOND;
    shop.loop = grpc_loop_new(&(grpc_loop_options){
        .log = on_log,
        .log_user = stderr,
        .log_level = GRPC_LOG_INFO, // connections come and go, and why
    });
    shop.server = new_server(shop.loop, age_ms);
    if (production_Shop_serve(shop.server, &(production_Shop){.Price = price},
                              NULL) != GRPC_OK ||
        grpc_server_listen(shop.server, address, NULL) != GRPC_OK) {
        fprintf(stderr, "%s\n", grpc_server_error(shop.server));
        grpc_server_free(shop.server);
        grpc_loop_free(shop.loop);
        return 1;
    }
    signal(SIGTERM, on_sigterm);
    printf("listening on %s, port %u\n", address,
           (unsigned)grpc_server_port(shop.server));
    fflush(stdout);
    grpc_result result = grpc_server_run(shop.server);
    signal(SIGTERM, SIG_DFL); // there is nothing left to drain
    grpc_server_free(shop.server);
    grpc_loop_free(shop.loop);
    return result == GRPC_OK ? 0 : 1;
}

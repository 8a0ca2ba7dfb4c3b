// SPDX-License-Identifier: MIT
// Usage: chaos SECONDS SEED [GO_PEER]
// The driver of the chaos: it starts servers and clients, carries what goes over
// the proxies, and does harm to one server after the other. README.md says what
// is demanded of the library meanwhile.

#ifndef _GNU_SOURCE
# define _GNU_SOURCE
#endif

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "grpc.h"
#include "tests/chaos/chaos_board.h"
#include "tests/chaos/chaos_proxy.h"
#include "tests/support.h"

enum {
    CHAOS_STEP_MS = 10,
    CHAOS_READY_MS = 15000, // until a server listens, or the warming is over
    CHAOS_GRACE_MS = 5000,  // more than any call takes
    CHAOS_STOP_MS = 15000,  // a plain stop: longer than keepalive of any server
    CHAOS_SLOW_MS = 5000,   // the machine may be busy
    CHAOS_END_MS = 90000,   // until the clients have ended
    CHAOS_SETTLE_MS = 8000, // until servers have found what is dead
    CHAOS_HARMED_MOST = 2,  // servers at a time
    CHAOS_PORT_FIRST = 20000,
    CHAOS_PORT_RANGE = 8000,
    CHAOS_IDLE_SERVER = 1, // its proxy closes what is idle
    CHAOS_IDLE_MS = 700,
};

enum chaos_state {
    CHAOS_OFF,      // to be started at due_ms
    CHAOS_STARTING, // until due_ms at most
    CHAOS_UP,
    CHAOS_DRAINING,   // until due_ms at most
    CHAOS_PAUSED,     // until due_ms
    CHAOS_SWALLOWING, // until due_ms
};

struct chaos_victim {
    enum chaos_state state;
    uint64_t due_ms;
    pid_t pid; // 0: none
    bool is_killed;
};

struct chaos {
    struct chaos_board *board;
    const char *go_peer; // NULL: none
    uint64_t random;
    struct chaos_victim victims[CHAOS_SERVERS];
    pid_t clients[CHAOS_CLIENTS];
    uint64_t next_ms; // the next harm
    unsigned order;   // of the harms
    uint64_t done[CHAOS_KINDS];
    uint64_t begin_ms;
    uint64_t told_ms;
    uint64_t told_calls;
    uint64_t started; // servers
};

static uint32_t driver_random(struct chaos *own, uint32_t below)
{
    return test_random(&own->random) % below;
}

static void driver_mark(struct chaos *own, int endpoint, enum chaos_kind kind,
                        bool is_over)
{
    atomic_store(&own->board->endpoints[endpoint].last_ms[kind],
                 is_over ? chaos_now_ms() : UINT64_MAX);
}

static void driver_mark_server(struct chaos *own, int server,
                               enum chaos_kind kind, bool is_over)
{
    driver_mark(own, 2 * server, kind, is_over);
    driver_mark(own, 2 * server + 1, kind, is_over);
}

// ---- Processes --------------------------------------------------------------

// driver_fork starts a process that dies with this one.
static pid_t driver_fork(void)
{
    (void)fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        chaos_proxy_close();
    }
    return pid;
}

static void driver_run_go(struct chaos *own, int server)
{
    char address[32];
    (void)snprintf(address, sizeof address, "127.0.0.1:%u",
                   own->board->servers[server].backend_port);
    (void)fclose(stdout); // it prints its port
    (void)execl(own->go_peer, "peer", "soak", address, (char *)NULL);
    _exit(1);
}

static void driver_start(struct chaos *own, int server)
{
    struct chaos_victim *victim = &own->victims[server];
    atomic_store(&own->board->servers[server].is_ready, false);
    victim->pid = driver_fork();
    if (victim->pid == 0) {
        if (own->board->servers[server].is_go) {
            driver_run_go(own, server);
        }
        exit(chaos_serve(own->board, server));
    }
    victim->is_killed = false;
    victim->state = CHAOS_STARTING;
    victim->due_ms = chaos_now_ms() + CHAOS_READY_MS;
    own->started++;
}

// driver_answers: somebody listens on that port.
static bool driver_answers(uint16_t port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons(port),
        .sin_addr = {htonl(INADDR_LOOPBACK)},
    };
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    bool answers =
        connect(fd, (struct sockaddr *)&address, sizeof address) == 0;
    (void)close(fd);
    return answers;
}

static bool driver_is_ready(struct chaos *own, int server)
{
    struct chaos_server_board *board = &own->board->servers[server];
    return board->is_go ? driver_answers(board->backend_port)
                        : atomic_load(&board->is_ready);
}

static void driver_off(struct chaos *own, int server, uint32_t delay_ms)
{
    own->victims[server].state = CHAOS_OFF;
    own->victims[server].due_ms = chaos_now_ms() + delay_ms;
}

static void driver_kill(struct chaos *own, int server)
{
    driver_mark_server(own, server, CHAOS_DOWN, false);
    driver_mark_server(own, server, CHAOS_KILL, false);
    own->victims[server].is_killed = true;
    (void)kill(own->victims[server].pid, SIGKILL);
}

static void driver_server_exit(struct chaos *own, int server, int status)
{
    struct chaos_victim *victim = &own->victims[server];
    bool is_drained = victim->state == CHAOS_DRAINING && !victim->is_killed;
    if (is_drained ? status != 0 : !victim->is_killed) {
        chaos_say_wrong(own->board, CHAOS_WRONG_PROCESS,
                        "server %d ended with status %d", server, status);
    }
    driver_mark_server(own, server, CHAOS_DOWN, false);
    if (victim->is_killed) {
        driver_mark_server(own, server, CHAOS_KILL, true);
    }
    for (int i = CHAOS_DRAIN; i <= CHAOS_END; i++) {
        enum chaos_kind kind = (enum chaos_kind)i;
        if (chaos_was(&own->board->endpoints[2 * server], 1u << kind, 0)) {
            driver_mark_server(own, server, kind, true);
        }
    }
    victim->pid = 0;
    driver_off(own, server, driver_random(own, is_drained ? 1500 : 3000));
}

static void driver_reap(struct chaos *own)
{
    int status = 0;
    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
        for (int i = 0; i < CHAOS_SERVERS; i++) {
            if (own->victims[i].pid == pid) {
                driver_server_exit(own, i, status);
            }
        }
        for (int i = 0; i < CHAOS_CLIENTS; i++) {
            if (own->clients[i] == pid) {
                own->clients[i] = 0;
                if (status != 0 || !atomic_load(&own->board->is_over)) {
                    chaos_say_wrong(own->board, CHAOS_WRONG_PROCESS,
                                    "client %d ended with status %d", i,
                                    status);
                }
            }
        }
    }
}

// ---- Harm -------------------------------------------------------------------

static void driver_harm_kill(struct chaos *own, int server)
{
    driver_kill(own, server);
    own->victims[server].state = CHAOS_DRAINING; // until it is reaped
    own->victims[server].due_ms = chaos_now_ms() + CHAOS_SLOW_MS;
}

static void driver_drain(struct chaos *own, int server, uint32_t grace_ms,
                         enum chaos_kind kind)
{
    struct chaos_victim *victim = &own->victims[server];
    driver_mark_server(own, server, CHAOS_DOWN, false);
    driver_mark_server(own, server, kind, false);
    atomic_store(&own->board->servers[server].grace_ms, grace_ms);
    victim->state = CHAOS_DRAINING;
    victim->due_ms = chaos_now_ms() + CHAOS_SLOW_MS +
                     (grace_ms == GRPC_NEVER ? CHAOS_STOP_MS : grace_ms);
    (void)kill(victim->pid, SIGTERM);
}

static void driver_harm_drain(struct chaos *own, int server)
{
    driver_drain(own, server,
                 driver_random(own, 2) == 0 ? GRPC_NEVER : CHAOS_GRACE_MS,
                 CHAOS_DRAIN);
}

static void driver_harm_end(struct chaos *own, int server)
{
    driver_drain(own, server, driver_random(own, 300), CHAOS_END);
}

static void driver_harm_cut(struct chaos *own, int server)
{
    int endpoint = 2 * server + 1;
    driver_mark(own, endpoint, CHAOS_CUT, false);
    (void)chaos_proxy_cut(endpoint, driver_random(own, 2) == 0 ? 100 : 50);
    driver_mark(own, endpoint, CHAOS_CUT, true);
}

static void driver_harm_swallow(struct chaos *own, int server)
{
    static const unsigned ways[] = {
        CHAOS_LOSE_UP,
        CHAOS_LOSE_DOWN,
        CHAOS_LOSE_UP | CHAOS_LOSE_DOWN,
        CHAOS_LOSE_UP | CHAOS_LOSE_DOWN | CHAOS_LOSE_UNREAD,
    };
    struct chaos_victim *victim = &own->victims[server];
    driver_mark(own, 2 * server + 1, CHAOS_SWALLOW, false);
    chaos_proxy_lose(2 * server + 1, ways[driver_random(own, 4)]);
    victim->state = CHAOS_SWALLOWING;
    victim->due_ms = chaos_now_ms() + 500 + driver_random(own, 15000);
}

static void driver_harm_pause(struct chaos *own, int server)
{
    struct chaos_victim *victim = &own->victims[server];
    driver_mark_server(own, server, CHAOS_PAUSE, false);
    (void)kill(victim->pid, SIGSTOP);
    victim->state = CHAOS_PAUSED;
    victim->due_ms =
        chaos_now_ms() + 500 +
        driver_random(own, driver_random(own, 2) == 0 ? 3000 : 16000);
}

struct chaos_harm {
    enum chaos_kind kind;
    void (*harm)(struct chaos *own, int server);
    bool ours; // not to grpc-go, which knows no drain by a signal
};

static const struct chaos_harm chaos_harms[] = {
    {CHAOS_KILL, driver_harm_kill, false},
    {CHAOS_DRAIN, driver_harm_drain, true},
    {CHAOS_CUT, driver_harm_cut, false},
    {CHAOS_SWALLOW, driver_harm_swallow, false},
    {CHAOS_DRAIN, driver_harm_drain, true},
    {CHAOS_PAUSE, driver_harm_pause, false},
    {CHAOS_END, driver_harm_end, true},
};

enum { CHAOS_HARMS = sizeof chaos_harms / sizeof chaos_harms[0] };

// driver_harm does the next harm to a server that has none; all in turns, so
// that a short run has each.
static void driver_harm(struct chaos *own)
{
    const struct chaos_harm *harm = &chaos_harms[own->order % CHAOS_HARMS];
    int server = (int)driver_random(own, CHAOS_SERVERS);
    int harmed = 0;
    for (int i = 0; i < CHAOS_SERVERS; i++) {
        harmed += own->victims[i].state != CHAOS_UP ? 1 : 0;
    }
    if (harmed < CHAOS_HARMED_MOST && own->victims[server].state == CHAOS_UP &&
        !(harm->ours && own->board->servers[server].is_go)) {
        harm->harm(own, server);
        own->done[harm->kind]++;
        own->order++;
        own->next_ms =
            chaos_now_ms() + 500 +
            driver_random(own, own->order < CHAOS_HARMS ? 1000 : 2500);
    }
}

// ---- Time goes by -----------------------------------------------------------

static void driver_due(struct chaos *own, int server)
{
    struct chaos_victim *victim = &own->victims[server];
    switch (victim->state) {
    case CHAOS_OFF:
        driver_start(own, server);
        break;
    case CHAOS_STARTING:
        chaos_say_wrong(own->board, CHAOS_WRONG_PROCESS,
                        "server %d does not listen", server);
        driver_harm_kill(own, server);
        break;
    case CHAOS_DRAINING:
        chaos_say_wrong(own->board, CHAOS_WRONG_DRAIN,
                        "server %d is still there, with grace %u ms", server,
                        atomic_load(&own->board->servers[server].grace_ms));
        driver_harm_kill(own, server);
        break;
    case CHAOS_PAUSED:
        (void)kill(victim->pid, SIGCONT);
        driver_mark_server(own, server, CHAOS_PAUSE, true);
        victim->state = CHAOS_UP;
        break;
    case CHAOS_SWALLOWING:
        chaos_proxy_lose(2 * server + 1, 0);
        driver_mark(own, 2 * server + 1, CHAOS_SWALLOW, true);
        victim->state = CHAOS_UP;
        break;
    case CHAOS_UP:
        break;
    }
}

static void driver_tend(struct chaos *own, int server)
{
    struct chaos_victim *victim = &own->victims[server];
    int proxied = 2 * server + 1;
    if (victim->state == CHAOS_STARTING && driver_is_ready(own, server)) {
        victim->state = CHAOS_UP;
        driver_mark_server(own, server, CHAOS_DOWN, true);
    }
    if (victim->state != CHAOS_UP && chaos_now_ms() >= victim->due_ms) {
        driver_due(own, server);
    }
    if (victim->state != CHAOS_SWALLOWING &&
        chaos_proxy_links(proxied, true) > 0) {
        driver_mark(own, proxied, CHAOS_SWALLOW, true);
    }
}

static uint64_t driver_sum(struct chaos *own, grpc_code code)
{
    uint64_t sum = 0;
    for (int i = 0; i < CHAOS_CLIENTS; i++) {
        sum += atomic_load(&own->board->clients[i].codes[code]);
    }
    return sum;
}

static void driver_tell(struct chaos *own)
{
    uint64_t ended = 0;
    uint64_t held = 0;
    uint64_t resident = 0;
    uint64_t files = 0;
    uint64_t ready = 0;
    uint64_t keepalives = 0;
    for (int i = 0; i < CHAOS_CLIENTS; i++) {
        struct chaos_client_board *client = &own->board->clients[i];
        ended += atomic_load(&client->ended);
        held += atomic_load(&client->held);
        resident += atomic_load(&client->resident);
        files += atomic_load(&client->files);
        ready += atomic_load(&client->ready);
        keepalives += atomic_load(&client->keepalives);
    }
    printf(
        "%5llu s: %llu calls (%llu OK, %llu UNAVAILABLE, %llu of them by "
        "keepalive, %llu DEADLINE_EXCEEDED, %llu CANCELLED, %llu as asked); "
        "%llu connections; harm: %llu killed, %llu drained, %llu ended, %llu "
        "cut, %llu swallowed, %llu paused; clients: %llu KiB held, %llu KiB "
        "resident, %llu descriptors\n",
        (unsigned long long)(chaos_now_ms() - own->begin_ms) / 1000,
        (unsigned long long)ended, (unsigned long long)driver_sum(own, GRPC_OK),
        (unsigned long long)driver_sum(own, GRPC_UNAVAILABLE),
        (unsigned long long)keepalives,
        (unsigned long long)driver_sum(own, GRPC_DEADLINE_EXCEEDED),
        (unsigned long long)driver_sum(own, GRPC_CANCELLED),
        (unsigned long long)driver_sum(own, GRPC_FAILED_PRECONDITION),
        (unsigned long long)ready, (unsigned long long)own->done[CHAOS_KILL],
        (unsigned long long)own->done[CHAOS_DRAIN],
        (unsigned long long)own->done[CHAOS_END],
        (unsigned long long)own->done[CHAOS_CUT],
        (unsigned long long)own->done[CHAOS_SWALLOW],
        (unsigned long long)own->done[CHAOS_PAUSE],
        (unsigned long long)held / 1024, (unsigned long long)resident / 1024,
        (unsigned long long)files);
    (void)fflush(stdout);
}

static void driver_step(struct chaos *own)
{
    chaos_proxy_step(own->board, CHAOS_STEP_MS);
    driver_reap(own);
    for (int i = 0; i < CHAOS_SERVERS; i++) {
        driver_tend(own, i);
    }
    if (chaos_now_ms() - own->told_ms >= 60000) {
        own->told_ms += 60000;
        driver_tell(own);
    }
}

// driver_wait steps until is_so, or for most_ms. False: it is not so.
static bool driver_wait(struct chaos *own, bool (*is_so)(struct chaos *own),
                        uint64_t most_ms)
{
    uint64_t end_ms = chaos_now_ms() + most_ms;
    while (!is_so(own)) {
        if (chaos_now_ms() > end_ms) {
            return false;
        }
        driver_step(own);
    }
    return true;
}

static bool driver_never(struct chaos *own)
{
    (void)own;
    return false;
}

static bool driver_all_up(struct chaos *own)
{
    for (int i = 0; i < CHAOS_SERVERS; i++) {
        if (own->victims[i].state != CHAOS_UP) {
            return false;
        }
    }
    return true;
}

static bool driver_all_warm(struct chaos *own)
{
    for (int i = 0; i < CHAOS_CLIENTS; i++) {
        if (!atomic_load(&own->board->clients[i].is_running)) {
            return false;
        }
    }
    return true;
}

static bool driver_no_clients(struct chaos *own)
{
    for (int i = 0; i < CHAOS_CLIENTS; i++) {
        if (own->clients[i] != 0) {
            return false;
        }
    }
    return true;
}

// ---- The beginning and the end ----------------------------------------------

static void driver_set_ports(struct chaos *own, uint16_t first)
{
    for (int i = 0; i < CHAOS_SERVERS; i++) {
        struct chaos_server_board *server = &own->board->servers[i];
        bool is_go = own->go_peer != NULL && i == CHAOS_SERVERS - 1;
        server->is_go = is_go;
        server->is_strict = i >= 3;
        server->backend_port = (uint16_t)(first + 3 * i);
        for (int n = 0; n < 2; n++) {
            struct chaos_endpoint *endpoint = &own->board->endpoints[2 * i + n];
            endpoint->server = (uint8_t)i;
            endpoint->is_proxied = n == 1;
            // grpc-go's has one port.
            endpoint->port =
                (uint16_t)(first + 3 * i + (is_go && n == 0 ? 0 : n + 1));
        }
    }
}

// driver_choose_ports takes ports that no connection of ours may have by chance.
static bool driver_choose_ports(struct chaos *own)
{
    for (int tries = 0; tries < 20; tries++) {
        uint16_t first =
            (uint16_t)(CHAOS_PORT_FIRST + driver_random(own, CHAOS_PORT_RANGE));
        bool is_free = true;
        for (uint16_t i = 0; i < 3 * CHAOS_SERVERS; i++) {
            is_free = is_free && !driver_answers((uint16_t)(first + i));
        }
        driver_set_ports(own, first);
        if (is_free && chaos_proxy_open(own->board)) {
            return true;
        }
        chaos_proxy_close();
    }
    return false;
}

static bool driver_begin(struct chaos *own)
{
    if (!driver_choose_ports(own)) {
        return false;
    }
    chaos_proxy_set_idle(2 * CHAOS_IDLE_SERVER + 1, CHAOS_IDLE_MS);
    driver_mark(own, 2 * CHAOS_IDLE_SERVER + 1, CHAOS_IDLE, false);
    for (int i = 0; i < CHAOS_SERVERS; i++) {
        driver_mark_server(own, i, CHAOS_DOWN, false);
        driver_start(own, i);
    }
    if (!driver_wait(own, driver_all_up, CHAOS_READY_MS)) {
        return false;
    }
    for (int i = 0; i < CHAOS_CLIENTS; i++) {
        uint64_t seed = own->random + (uint64_t)i;
        own->clients[i] = driver_fork();
        if (own->clients[i] == 0) {
            exit(chaos_call(own->board, i, seed));
        }
    }
    return driver_wait(own, driver_all_warm, CHAOS_READY_MS);
}

static void driver_check_files(struct chaos *own)
{
    for (int i = 0; i < CHAOS_SERVERS; i++) {
        uint32_t before = atomic_load(&own->board->servers[i].files);
        uint32_t now = chaos_files(own->victims[i].pid);
        if (!own->board->servers[i].is_go && now != before) {
            chaos_say_wrong(own->board, CHAOS_WRONG_FILES,
                            "server %d has %u descriptors, and had %u", i, now,
                            before);
        }
    }
}

static void driver_stop_all(struct chaos *own)
{
    for (int i = 0; i < CHAOS_SERVERS; i++) {
        if (own->victims[i].pid != 0) {
            int status = 0;
            bool is_go = own->board->servers[i].is_go;
            atomic_store(&own->board->servers[i].grace_ms, 1000);
            (void)kill(own->victims[i].pid, is_go ? SIGKILL : SIGTERM);
            (void)waitpid(own->victims[i].pid, &status, 0);
            if (status != 0 && !is_go) {
                chaos_say_wrong(own->board, CHAOS_WRONG_PROCESS,
                                "server %d ended with status %d", i, status);
            }
        }
    }
    if (waitpid(-1, NULL, WNOHANG) != -1 || errno != ECHILD) {
        chaos_say_wrong(own->board, CHAOS_WRONG_PROCESS, "one is left");
    }
}

static void driver_end(struct chaos *own)
{
    // From here on nobody is harmed; those who are get well.
    if (!driver_wait(own, driver_all_up,
                     CHAOS_STOP_MS + CHAOS_READY_MS + CHAOS_SLOW_MS)) {
        chaos_say_wrong(own->board, CHAOS_WRONG_PROCESS,
                        "not all servers come back");
    }
    atomic_store(&own->board->is_over, true);
    if (!driver_wait(own, driver_no_clients, CHAOS_END_MS)) {
        chaos_say_wrong(own->board, CHAOS_WRONG_PROCESS, "clients do not end");
        for (int i = 0; i < CHAOS_CLIENTS; i++) {
            if (own->clients[i] != 0) {
                (void)kill(own->clients[i], SIGKILL);
            }
        }
        (void)driver_wait(own, driver_no_clients, CHAOS_END_MS);
    }
    (void)driver_wait(own, driver_never, CHAOS_SETTLE_MS);
    driver_check_files(own);
    driver_stop_all(own);
    driver_tell(own);
}

// ---- The verdict ------------------------------------------------------------

static int driver_passed;
static int driver_failed;

static void driver_verdict(bool good, const char *name)
{
    printf("%s - %s\n", good ? "ok" : "not ok", name);
    driver_passed += good ? 1 : 0;
    driver_failed += good ? 0 : 1;
}

static bool driver_adds_up(struct chaos *own)
{
    uint64_t started = 0;
    uint64_t ended = 0;
    uint64_t handled = 0;
    for (int i = 0; i < CHAOS_CLIENTS; i++) {
        struct chaos_client_board *client = &own->board->clients[i];
        uint64_t codes = 0;
        for (int n = 0; n < CHAOS_CODES; n++) {
            codes += atomic_load(&client->codes[n]);
        }
        started += atomic_load(&client->started);
        ended += codes;
        handled += atomic_load(&client->handled);
    }
    uint64_t begun = 0;
    uint64_t late = 0;
    uint64_t over = 0;
    for (int i = 0; i < CHAOS_SERVERS; i++) {
        struct chaos_server_board *server = &own->board->servers[i];
        begun += atomic_load(&server->begun);
        late += atomic_load(&server->late);
        over += atomic_load(&server->answered) + atomic_load(&server->told);
    }
    printf(
        "calls: %llu started, %llu ended; handlers: %llu begun, %llu seen by "
        "their clients, %llu later, %llu over, the others killed\n",
        (unsigned long long)started, (unsigned long long)ended,
        (unsigned long long)begun, (unsigned long long)handled,
        (unsigned long long)late, (unsigned long long)over);
    // One that is killed may have been counting.
    uint64_t slack = own->done[CHAOS_KILL] + CHAOS_SERVERS;
    return started > 0 && started == ended && begun >= over &&
           begun <= handled + late + slack && handled + late <= begun + slack;
}

static bool driver_met_all(struct chaos *own)
{
    bool all = true;
    for (size_t i = 0; i < CHAOS_HARMS; i++) {
        all = all && own->done[chaos_harms[i].kind] > 0;
    }
    return all;
}

static bool driver_ended_all(struct chaos *own)
{
    uint64_t lost = 0;
    uint64_t unsent = 0;
    for (int i = 0; i < CHAOS_CLIENTS; i++) {
        lost += atomic_load(&own->board->clients[i].lost);
        unsent += atomic_load(&own->board->clients[i].unsent);
    }
    printf("UNAVAILABLE: %llu calls were lost, %llu had no connection\n",
           (unsigned long long)lost, (unsigned long long)unsent);
    return lost > 0 && unsent > 0 && driver_sum(own, GRPC_OK) > 0 &&
           driver_sum(own, GRPC_CANCELLED) > 0 &&
           driver_sum(own, GRPC_DEADLINE_EXCEEDED) > 0 &&
           driver_sum(own, GRPC_FAILED_PRECONDITION) > 0;
}

static int driver_judge(struct chaos *own)
{
    driver_verdict(driver_adds_up(own), "calls and handlers add up");
    for (int i = 0; i < CHAOS_WRONGS; i++) {
        driver_verdict(atomic_load(&own->board->wrong[i]) == 0,
                       chaos_wrong_name((enum chaos_wrong)i));
    }
    driver_verdict(driver_met_all(own), "every harm was done");
    driver_verdict(driver_ended_all(own), "calls ended in every way");
    printf("%d passed, %d failed\n", driver_passed, driver_failed);
    return driver_failed == 0 ? 0 : 1;
}

int main(int count, char **arguments)
{
    static struct chaos driver;
    struct chaos *own = &driver;
    if (count < 3) {
        (void)fprintf(stderr, "usage: chaos SECONDS SEED [GO_PEER]\n");
        return 2;
    }
    own->board = mmap(NULL, sizeof *own->board, PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    own->random = strtoull(arguments[2], NULL, 10);
    own->go_peer = count > 3 ? arguments[3] : NULL;
    own->begin_ms = own->told_ms = chaos_now_ms();
    (void)signal(SIGPIPE, SIG_IGN);
    if (own->board == MAP_FAILED || !driver_begin(own)) {
        printf("chaos: cannot begin\n0 passed, 1 failed\n");
        return 1;
    }
    uint64_t end_ms =
        chaos_now_ms() + UINT64_C(1000) * strtoull(arguments[1], NULL, 10);
    while (chaos_now_ms() < end_ms) {
        driver_step(own);
        if (chaos_now_ms() >= own->next_ms) {
            driver_harm(own);
        }
    }
    driver_end(own);
    return driver_judge(own);
}

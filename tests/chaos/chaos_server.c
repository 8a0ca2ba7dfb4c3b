// SPDX-License-Identifier: MIT
// A server of the chaos: it does what the metadata of the call asks for, as that
// of tests/soak, some of it later ("soak-delay"), and counts its handlers.
// SIGTERM drains it. When it has ended by itself it has answered, or been told
// of the end of, every call, and holds nothing.

#ifndef _GNU_SOURCE
# define _GNU_SOURCE
#endif

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "grpc.h"
#include "tests/chaos/chaos_board.h"
#include "tests/chaos/chaos_message.h"
#include "tests/support.h"

struct chaos_server {
    struct chaos_board *board;
    struct chaos_server_board *own;
    struct test_heap heap;
    grpc_loop *loop;
    grpc_server *server;
    uint64_t begun; // by this process
    uint64_t over;
};

// One call of the server's, in the call's memory.
struct chaos_answer {
    struct chaos_server *own;
    grpc_call *call;
    enum chaos_act act;
    uint32_t count;
    uint32_t size;
    uint32_t delay_ms;
    uint32_t sent;
    uint32_t received;
    char *waiting; // an echo for which there is no room
    size_t waiting_size;
    bool ends; // with the echo that waits
    grpc_timer *timer;
};

static struct chaos_server chaos_served;

// ---- What the options are ---------------------------------------------------

// Every server has others. None has calls that are longer than its grace.
static grpc_server_options chaos_server_options(int index, grpc_loop *loop)
{
    grpc_server_options options = {
        .loop = loop,
        .keepalive_ms = 2000,
        .keepalive_timeout_ms = 3000,
        .keepalive_min_ms = 5000,
        .keepalive_without_calls = true,
    };
    switch (index) {
    case 0:
        options.max_connection_age_ms = 4000;
        options.max_connection_age_grace_ms = 6000;
        break;
    case 1:
        options.max_connection_idle_ms = 1500;
        options.keepalive_ms = 1000;
        break;
    case 2:
        options.max_connection_age_ms = 2500;
        options.max_concurrent_streams = 20;
        break;
    default:
        options.keepalive_min_ms = 0;
        options.keepalive_without_calls = false;
        break;
    }
    return options;
}

// ---- Handlers ---------------------------------------------------------------

static uint64_t chaos_number(const grpc_call *call, const char *key)
{
    grpc_str value;
    return grpc_call_header(call, key, &value) ? strtoull(value.data, NULL, 10)
                                               : 0;
}

static void chaos_over(struct chaos_answer *answer)
{
    answer->own->over++;
    free(answer->waiting);
    answer->waiting = NULL;
    grpc_timer_stop(answer->timer);
    answer->timer = NULL;
}

static void chaos_told(void *argument)
{
    struct chaos_answer *answer = argument;
    atomic_fetch_add(&answer->own->own->told, 1);
    chaos_over(answer);
}

static void chaos_finish(struct chaos_answer *answer, grpc_code code)
{
    atomic_fetch_add(&answer->own->own->answered, 1);
    chaos_over(answer);
    (void)grpc_call_finish(answer->call, code, code == GRPC_OK ? NULL : "soak");
}

static void chaos_finish_late(void *argument)
{
    struct chaos_answer *answer = argument;
    answer->timer = NULL;
    chaos_finish(answer, GRPC_OK);
}

static void chaos_finish_well(struct chaos_answer *answer)
{
    if (answer->delay_ms == 0) {
        chaos_finish(answer, GRPC_OK);
    } else if (answer->timer == NULL) {
        answer->timer = grpc_timer_start(answer->own->loop, answer->delay_ms,
                                         chaos_finish_late, answer);
    }
}

static void chaos_refused(struct chaos_answer *answer, grpc_result result)
{
    chaos_say_wrong(answer->own->board, CHAOS_WRONG_SERVER,
                    "a message is refused: %s", grpc_result_name(result));
}

static void chaos_push(grpc_call *call, void *argument)
{
    struct chaos_answer *answer = argument;
    while (answer->act == CHAOS_MANY && answer->sent < answer->count) {
        grpc_result result = grpc_call_send_bytes(
            call, chaos_message(answer->sent, answer->size), NULL, NULL);
        if (result == GRPC_AGAIN) {
            return;
        }
        if (result != GRPC_OK) {
            chaos_refused(answer, result);
        }
        answer->sent++;
    }
    if (answer->waiting != NULL) {
        grpc_str echo = {answer->waiting, answer->waiting_size};
        grpc_result result = grpc_call_send_bytes(call, echo, NULL, NULL);
        if (result != GRPC_OK) {
            chaos_refused(answer, result);
        }
        free(answer->waiting);
        answer->waiting = NULL;
        grpc_call_resume(call);
    }
    if (answer->act == CHAOS_MANY || answer->ends) {
        chaos_finish_well(answer);
    }
}

static void chaos_echo(struct chaos_answer *answer, grpc_str message)
{
    grpc_result result =
        grpc_call_send_bytes(answer->call, message, NULL, NULL);
    if (result == GRPC_AGAIN) {
        answer->waiting = malloc(message.size + 1);
        if (answer->waiting == NULL) {
            abort();
        }
        memcpy(answer->waiting, message.data, message.size);
        answer->waiting_size = message.size;
        grpc_call_pause(answer->call);
    } else if (result != GRPC_OK) {
        chaos_refused(answer, result);
    }
}

static void chaos_request(grpc_call *call, grpc_str message, void *argument)
{
    struct chaos_answer *answer = argument;
    (void)call;
    answer->received++;
    if (answer->act == CHAOS_ECHO) {
        chaos_echo(answer, message);
    } else if (answer->act == CHAOS_FAIL) {
        chaos_finish(answer, GRPC_FAILED_PRECONDITION);
    }
}

static void chaos_requests_end(grpc_call *call, void *argument)
{
    struct chaos_answer *answer = argument;
    if (answer->act == CHAOS_SINK) {
        char text[16];
        int size = snprintf(text, sizeof text, "%u", answer->received);
        grpc_result result = grpc_call_send_bytes(
            call, (grpc_str){text, (size_t)size}, NULL, NULL);
        if (result != GRPC_OK) {
            chaos_refused(answer, result);
        }
    }
    if (answer->waiting != NULL) {
        answer->ends = true;
    } else if (answer->act == CHAOS_ECHO || answer->act == CHAOS_SINK) {
        chaos_finish_well(answer);
    }
}

// chaos_note tells the client's slot that a handler begins, if the call is still
// the one in it.
static void chaos_note(struct chaos_server *own, const grpc_call *call)
{
    uint64_t client = chaos_number(call, "chaos-client") % CHAOS_CLIENTS;
    uint64_t slot = chaos_number(call, "chaos-slot") % CHAOS_CALLS;
    uint64_t number = chaos_number(call, "chaos-number");
    _Atomic uint64_t *word = &own->board->clients[client].slots[slot];
    uint64_t seen = atomic_load(word);
    atomic_fetch_add(&own->own->begun, 1);
    own->begun++;
    while (seen >> 8 == number && number != 0) {
        if (atomic_compare_exchange_weak(word, &seen, seen + 1)) {
            return;
        }
    }
    atomic_fetch_add(&own->own->late, 1);
}

static void chaos_handle(grpc_call *call, void *self)
{
    struct chaos_server *own = self;
    struct chaos_answer *answer = grpc_call_alloc(call, sizeof *answer);
    grpc_str act;
    if (answer == NULL || !grpc_call_header(call, "soak-act", &act)) {
        chaos_say_wrong(own->board, CHAOS_WRONG_SERVER, "a call without act");
        (void)grpc_call_finish(call, GRPC_INTERNAL, "no act");
        return;
    }
    chaos_note(own, call);
    *answer = (struct chaos_answer){
        .own = own,
        .call = call,
        .act = chaos_act_of(act.data),
        .count = (uint32_t)chaos_number(call, "soak-count"),
        .size = (uint32_t)chaos_number(call, "soak-size"),
        .delay_ms = (uint32_t)chaos_number(call, "soak-delay"),
    };
    grpc_call_on_end(call, chaos_told, answer);
    grpc_call_on_writable(call, chaos_push, answer);
    (void)grpc_call_add_header(call, "soak-header", act.data);
    (void)grpc_call_add_trailer_bytes(call, "soak-trailer-bin", "\0\1", 2);
    if (answer->act == CHAOS_MANY) {
        chaos_push(call, answer);
        return;
    }
    (void)grpc_raw_receive(call, chaos_request, chaos_requests_end, answer);
}

// ---- Life -------------------------------------------------------------------

static void chaos_leave(void *argument)
{
    struct chaos_server *own = argument;
    uint32_t grace_ms = atomic_load(&own->own->grace_ms);
    if (grace_ms == GRPC_NEVER) {
        grpc_server_stop(own->server);
    } else {
        (void)grpc_server_drain(own->server, grace_ms);
    }
}

static void chaos_on_signal(int number)
{
    (void)number;
    (void)grpc_loop_post(chaos_served.loop, chaos_leave, &chaos_served);
}

static bool chaos_listen(struct chaos_server *own, uint16_t port)
{
    char address[32];
    (void)snprintf(address, sizeof address, "127.0.0.1:%u", port);
    for (int i = 0; i < 50; i++) {
        if (grpc_server_listen(own->server, address, NULL) == GRPC_OK) {
            return true;
        }
        (void)usleep(20000);
    }
    chaos_say_wrong(own->board, CHAOS_WRONG_SERVER, "%s",
                    grpc_server_error(own->server));
    return false;
}

static bool chaos_account(struct chaos_server *own)
{
    bool good = true;
    if (own->begun != own->over) {
        chaos_say_wrong(own->board, CHAOS_WRONG_SERVER,
                        "%llu handlers, %llu calls answered or told over",
                        (unsigned long long)own->begun,
                        (unsigned long long)own->over);
        good = false;
    }
    grpc_server_free(own->server);
    if (grpc_loop_free(own->loop) != GRPC_OK ||
        !test_heap_is_clean(&own->heap)) {
        chaos_say_wrong(own->board, CHAOS_WRONG_MEMORY,
                        "a server leaves %zu blocks, %zu bytes",
                        own->heap.live_blocks, own->heap.live_bytes);
        good = false;
    }
    return good;
}

int chaos_serve(struct chaos_board *board, int index)
{
    struct chaos_server *own = &chaos_served;
    own->board = board;
    own->own = &board->servers[index];
    test_heap_init(&own->heap);
    own->loop =
        grpc_loop_new(&(grpc_loop_options){.allocator = own->heap.allocator});
    grpc_server_options options = chaos_server_options(index, own->loop);
    own->server = grpc_server_new(&options);
    if (own->server == NULL ||
        grpc_server_serve_raw(own->server, NULL, chaos_handle, own) !=
            GRPC_OK) {
        return 1;
    }
    (void)signal(SIGTERM, chaos_on_signal);
    if (!chaos_listen(own, board->endpoints[2 * index].port) ||
        !chaos_listen(own, own->own->backend_port)) {
        return 1;
    }
    atomic_store(&own->own->files, chaos_files(getpid()));
    atomic_store(&own->own->is_ready, true);
    if (grpc_server_run(own->server) != GRPC_OK) {
        chaos_say_wrong(board, CHAOS_WRONG_SERVER, "%s",
                        grpc_server_error(own->server));
        return 1;
    }
    return chaos_account(own) ? 0 : 1;
}

// SPDX-License-Identifier: MIT
// The proxies of the chaos: they carry bytes, until they are told to do worse.

#ifndef TESTS_CHAOS_PROXY_H
#define TESTS_CHAOS_PROXY_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/chaos/chaos_board.h"

// What gets lost, as bits.
enum {
    CHAOS_LOSE_UP = 1,   // from the client to the server
    CHAOS_LOSE_DOWN = 2, // from the server to the client
    // What would be lost is not even read.
    CHAOS_LOSE_UNREAD = 4,
};

// chaos_proxy_open has the proxies of all servers listen. False: they cannot.
bool chaos_proxy_open(struct chaos_board *board);

// chaos_proxy_step carries what there is, for timeout_ms at most.
void chaos_proxy_step(struct chaos_board *board, int timeout_ms);

// chaos_proxy_lose loses what is sent from now on, on all connections that there
// are, for ever, and on new ones until chaos_proxy_lose(endpoint, 0).
void chaos_proxy_lose(int endpoint, unsigned what);

// chaos_proxy_cut resets one connection of percent/100, and returns how many.
int chaos_proxy_cut(int endpoint, int percent);

// chaos_proxy_set_idle closes connections on which nothing is sent for that
// long; 0: does not.
void chaos_proxy_set_idle(int endpoint, uint32_t idle_ms);

// chaos_proxy_links counts connections, those that swallow alone or all.
int chaos_proxy_links(int endpoint, bool lost_only);

// chaos_proxy_close closes everything; in a child, what it got from its parent.
void chaos_proxy_close(void);

#endif

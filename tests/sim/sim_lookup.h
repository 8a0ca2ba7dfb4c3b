// SPDX-License-Identifier: MIT
// A resolver of names that the test answers for, in the place of loop_lookup.c:
// no thread, no system. Linked with the split tree, where these functions stand
// in for that file's.

#ifndef TESTS_SIM_SIM_LOOKUP_H
#define TESTS_SIM_SIM_LOOKUP_H

#include <stdbool.h>
#include <stddef.h>

#include "loop/loop_socket.h"
#include "tests/sim/sim_net.h"

struct sim_lookup {
    int asked;           // questions so far
    int cancelled;       // of them, before they were given their answer
    int waiting;         // not answered yet
    const char *refusal; // questions are refused with these words
    void (*on_ask)(void *user, const char *host); // NULL: nobody
    void *user;
};

// sim_lookup is what is known of all questions; the test sets it to zero.
struct sim_lookup *sim_lookup(void);

// sim_answer answers the oldest question: with addresses, copied, or with an
// error when there are none. It arrives from the loop, as a posted task.
void sim_answer(struct sim_world *world, const struct socket_address *addresses,
                size_t count, const char *error);

#endif

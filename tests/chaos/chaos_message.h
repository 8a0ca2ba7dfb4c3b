// SPDX-License-Identifier: MIT
// What a call of the chaos may ask a server for, and the messages: as those of
// tests/soak, so that grpc-go's server for that serves here too.

#ifndef TESTS_CHAOS_MESSAGE_H
#define TESTS_CHAOS_MESSAGE_H

#include <stdint.h>
#include <string.h>

#include "grpc.h"

enum { CHAOS_SIZE_MOST = 20000 };

enum chaos_act {
    CHAOS_ECHO,
    CHAOS_MANY,
    CHAOS_SINK,
    CHAOS_FAIL,
    CHAOS_NEVER,
    CHAOS_ACTS
};

static inline const char *chaos_act_name(enum chaos_act act)
{
    static const char *const names[CHAOS_ACTS] = {"echo", "many", "sink",
                                                  "fail", "never"};
    return names[act];
}

static inline enum chaos_act chaos_act_of(const char *name)
{
    for (int i = 0; i < CHAOS_NEVER; i++) {
        if (strcmp(name, chaos_act_name((enum chaos_act)i)) == 0) {
            return (enum chaos_act)i;
        }
    }
    return CHAOS_NEVER;
}

// chaos_message is the n-th one of size bytes.
static inline grpc_str chaos_message(uint32_t n, size_t size)
{
    static char pattern[CHAOS_SIZE_MOST + 256];
    if (pattern[0] == 0) {
        for (size_t i = 0; i < sizeof pattern; i++) {
            pattern[i] = (char)(i * 7 % 251 + 1);
        }
    }
    return (grpc_str){pattern + n % 251, size};
}

#endif

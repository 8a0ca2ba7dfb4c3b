// SPDX-License-Identifier: MIT
// What the two programs share: flags, the clock, lines of the report.

#ifndef PEERS_H
#define PEERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "grpc.h"

// A flag is "--name value"; a text or a number of it is set.
struct peers_flag {
    const char *name;
    const char **text;
    uint32_t *number;
};

// peers_flags ends the program, and says why, unless every argument is a known
// flag. The flags end with one whose name is NULL.
void peers_flags(int argc, char **argv, const struct peers_flag *flags);

// peers_now is seconds of the machine's monotonic clock, which all programs of a
// case share.
double peers_now(void);

void peers_sleep(uint32_t ms);

// peers_say writes one line at once, so that it is there when the program is
// killed after it. Line ends in the text become spaces.
void peers_say(const char *format, ...) GRPC_PRINTF(1, 2);

// peers_log is a grpc_log: "log LEVEL AT TEXT".
void peers_log(void *user, grpc_log_level level, const char *text);

_Noreturn void peers_die(const char *what, const char *why);

// peers_on_input_end calls ended(argument) when standard input is at its end:
// who has started the program wants it to end, or is gone.
void peers_on_input_end(grpc_loop *loop, void (*ended)(void *argument),
                        void *argument);
void peers_forget_input(void);

// peers_zeros is size bytes of nothing, at most PEERS_SIZE_MOST.
enum { PEERS_SIZE_MOST = 1048576 };
grpc_str peers_zeros(size_t size);

#endif

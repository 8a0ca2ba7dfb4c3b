// SPDX-License-Identifier: MIT
// The clock of a loop. Layers beneath core are told the time; they never ask.

#ifndef LOOP_CLOCK_H
#define LOOP_CLOCK_H

#include <stdint.h>

#include "base/linkage.h"

// loop_clock_us: whole microseconds since some fixed moment; it never goes
// back and does not follow changes of the wall clock.
INTERNAL uint64_t loop_clock_us(void);

#endif

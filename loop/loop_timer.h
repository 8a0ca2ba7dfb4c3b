// SPDX-License-Identifier: MIT
// A hierarchical timing wheel. Arming and disarming touch one list, whatever
// the number of timers; the next due time is read from bitmaps; and a timer is
// moved at most once per level in its life.
//
// The wheel has no clock. It is told the time by loop_wheel_advance, and gives
// the timers that are due one by one.

#ifndef LOOP_TIMER_H
#define LOOP_TIMER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/linkage.h"
#include "base/list.h"

enum {
    WHEEL_BITS = 5, // of the due time, per level
    WHEEL_SLOTS = 1 << WHEEL_BITS,
    WHEEL_LEVELS = 5, // together 2^25 ms, some nine hours, from slot to slot
    WHEEL_FAR = WHEEL_LEVELS * WHEEL_SLOTS, // beyond the top level
    WHEEL_LATE,                             // armed when it was due already
    WHEEL_DUE,                              // to be given
    WHEEL_LISTS,
    WHEEL_NONE = -1, // no slot is
    WHEEL_UNKNOWN = -2,
};

// A timer, embedded in the object that owns it. Zero: not armed. kind is the
// owner's word for what it is embedded in; the wheel never reads it. The
// owner disarms it before its memory goes.
struct loop_timer {
    int kind;
    int place;       // the wheel's: the list it is in
    uint64_t due_ms; // written by the wheel; valid while armed
    struct list_link link_place;
};

// The wheel may not move in memory once it is initialised.
struct loop_wheel {
    uint64_t now_ms;   // the time it was told last
    uint64_t far_ms;   // no timer in WHEEL_FAR is due before
    uint64_t work;     // links made and slots opened: the cost, for the tests
    uint64_t first_ms; // when first_place is to be opened
    int first_place;   // the slot opened next; WHEEL_UNKNOWN
    uint32_t occupied[WHEEL_LEVELS]; // bit i: list of slot i is not empty
    struct list_link lists[WHEEL_LISTS];
};

INTERNAL void loop_wheel_init(struct loop_wheel *wheel, uint64_t now_ms);

// loop_wheel_arm arms a timer or moves an armed one. One that is due already
// (or at the very time the wheel was told last) is given after the next
// loop_wheel_advance, never before it.
INTERNAL void loop_wheel_arm(struct loop_wheel *wheel, struct loop_timer *timer,
                             uint64_t due_ms);
INTERNAL void loop_wheel_disarm(struct loop_wheel *wheel,
                                struct loop_timer *timer);

// loop_wheel_next_ms: when the wheel must be told the time next. It may be
// earlier than the first timer is due, never later; UINT64_MAX with no timer
// but such as are never due.
INTERNAL uint64_t loop_wheel_next_ms(struct loop_wheel *wheel);

// loop_wheel_advance tells the wheel the time; a time that has passed already
// counts as no time.
INTERNAL void loop_wheel_advance(struct loop_wheel *wheel, uint64_t now_ms);

// loop_wheel_take disarms and returns the first timer that is due; NULL when
// there is none. First come those that were late when they were armed, then
// the others by due time; in the order of arming where that is the same.
INTERNAL struct loop_timer *loop_wheel_take(struct loop_wheel *wheel);

static inline bool loop_wheel_has_due(const struct loop_wheel *wheel)
{
    return !list_is_empty(&wheel->lists[WHEEL_DUE]);
}

static inline bool loop_timer_is_armed(const struct loop_timer *timer)
{
    return list_is_linked(&timer->link_place);
}

// loop_wheel_check asserts the invariants that loop_timer.c states.
INTERNAL void loop_wheel_check(const struct loop_wheel *wheel);

#endif

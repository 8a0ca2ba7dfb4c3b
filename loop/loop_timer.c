// SPDX-License-Identifier: MIT
// A due time is read as digits of WHEEL_BITS bits. A timer stands on the level
// of the highest digit in which its due time differs from the wheel's time, in
// the slot of its own digit there. So everything on a level is due before
// anything on a higher one, and no level ever wraps around.
//
// When the time reaches the first millisecond of a slot, the slot is opened:
// its timers are due, or move to lower levels. Slots are opened in the order
// of time, which makes timers come out in that order.
//
// Invariants (loop_wheel_check):
//   1. occupied has a bit for exactly those slots whose list is not empty.
//   2. A timer on a level is due after now_ms and stands where
//      wheel_find_place says.
//   3. A timer in WHEEL_FAR is due no earlier than far_ms; both differ from
//      now_ms above the top level. far_ms is UINT64_MAX when there is none.
//   4. A timer in WHEEL_LATE or WHEEL_DUE is due at or before now_ms.
//   5. first_place, unless unknown, is what wheel_search finds: a turn in which
//      no timer has moved does not search.

#include "loop/loop_timer.h"

#include "base/assert.h"

_Static_assert(sizeof(struct loop_wheel) <= 3072, "a wheel is 3 KB at most");

void loop_wheel_init(struct loop_wheel *wheel, uint64_t now_ms)
{
    wheel->now_ms = now_ms;
    wheel->far_ms = UINT64_MAX;
    wheel->work = 0;
    wheel->first_ms = UINT64_MAX;
    wheel->first_place = WHEEL_NONE;
    for (int level = 0; level < WHEEL_LEVELS; level++) {
        wheel->occupied[level] = 0;
    }
    for (int place = 0; place < WHEEL_LISTS; place++) {
        list_init(&wheel->lists[place]);
    }
}

static int wheel_find_place(const struct loop_wheel *wheel, uint64_t due_ms)
{
    if (due_ms <= wheel->now_ms) {
        return WHEEL_LATE;
    }
    uint64_t differing = due_ms ^ wheel->now_ms;
    for (int level = 0; level < WHEEL_LEVELS; level++) {
        if (differing >> (WHEEL_BITS * (level + 1)) == 0) {
            uint64_t digit = due_ms >> (WHEEL_BITS * level);
            return level * WHEEL_SLOTS + (int)(digit & (WHEEL_SLOTS - 1));
        }
    }
    return WHEEL_FAR;
}

static uint32_t wheel_bit(int place)
{
    return UINT32_C(1) << place % WHEEL_SLOTS;
}

static void wheel_link(struct loop_wheel *wheel, struct loop_timer *timer,
                       int place)
{
    list_append(&wheel->lists[place], &timer->link_place);
    timer->place = place;
    wheel->work++;
    if (timer->due_ms < wheel->first_ms) {
        wheel->first_place = WHEEL_UNKNOWN; // slots do not overlap
    }
    if (place < WHEEL_FAR) {
        wheel->occupied[place / WHEEL_SLOTS] |= wheel_bit(place);
    } else if (place == WHEEL_FAR && timer->due_ms < wheel->far_ms) {
        wheel->far_ms = timer->due_ms;
    }
}

void loop_wheel_disarm(struct loop_wheel *wheel, struct loop_timer *timer)
{
    if (!loop_timer_is_armed(timer)) {
        return;
    }
    int place = timer->place;
    list_remove(&timer->link_place);
    wheel->work++;
    if (!list_is_empty(&wheel->lists[place])) {
        return;
    }
    if (place == wheel->first_place) {
        wheel->first_place = WHEEL_UNKNOWN;
    }
    if (place < WHEEL_FAR) {
        wheel->occupied[place / WHEEL_SLOTS] &= ~wheel_bit(place);
    } else if (place == WHEEL_FAR) {
        wheel->far_ms = UINT64_MAX;
    }
}

void loop_wheel_arm(struct loop_wheel *wheel, struct loop_timer *timer,
                    uint64_t due_ms)
{
    loop_wheel_disarm(wheel, timer);
    timer->due_ms = due_ms;
    wheel_link(wheel, timer, wheel_find_place(wheel, due_ms));
}

static int wheel_lowest_bit(uint32_t bits)
{
    int index = 0;
    for (int half = WHEEL_SLOTS / 2; half > 0; half /= 2) {
        uint32_t mask = (UINT32_C(1) << half) - 1;
        if ((bits & mask) == 0) {
            bits >>= half;
            index += half;
        }
    }
    return index;
}

// wheel_search finds the slot that is opened next, and the time for it. False:
// all slots are empty.
static bool wheel_search(const struct loop_wheel *wheel, int *out_place,
                         uint64_t *out_start_ms)
{
    for (int level = 0; level < WHEEL_LEVELS; level++) {
        if (wheel->occupied[level] == 0) {
            continue;
        }
        int slot = wheel_lowest_bit(wheel->occupied[level]);
        int shift = WHEEL_BITS * level;
        uint64_t upper = wheel->now_ms >> (shift + WHEEL_BITS);
        *out_start_ms = (upper << WHEEL_BITS | (uint64_t)slot) << shift;
        *out_place = level * WHEEL_SLOTS + slot;
        return true;
    }
    if (list_is_empty(&wheel->lists[WHEEL_FAR])) {
        return false;
    }
    int shift = WHEEL_BITS * WHEEL_LEVELS;
    *out_start_ms = wheel->far_ms >> shift << shift;
    *out_place = WHEEL_FAR;
    return true;
}

// wheel_first is wheel_search, unless its answer is known.
static bool wheel_first(struct loop_wheel *wheel)
{
    if (wheel->first_place == WHEEL_UNKNOWN &&
        !wheel_search(wheel, &wheel->first_place, &wheel->first_ms)) {
        wheel->first_place = WHEEL_NONE;
        wheel->first_ms = UINT64_MAX;
    }
    return wheel->first_place != WHEEL_NONE;
}

// wheel_open spreads the timers of one list over lower levels and the due
// list, seen from its first millisecond.
static void wheel_open(struct loop_wheel *wheel, int place, uint64_t start_ms)
{
    struct list_link opened;
    list_init(&opened);
    list_move(&opened, &wheel->lists[place]);
    wheel->first_place = WHEEL_UNKNOWN;
    if (place < WHEEL_FAR) {
        wheel->occupied[place / WHEEL_SLOTS] &= ~wheel_bit(place);
    } else {
        wheel->far_ms = UINT64_MAX;
    }
    wheel->now_ms = start_ms;
    wheel->work++;
    struct list_link *link;
    while ((link = list_take(&opened)) != NULL) {
        struct loop_timer *timer =
            LIST_OWNER(link, struct loop_timer, link_place);
        int next = wheel_find_place(wheel, timer->due_ms);
        wheel_link(wheel, timer, next == WHEEL_LATE ? WHEEL_DUE : next);
    }
}

void loop_wheel_advance(struct loop_wheel *wheel, uint64_t now_ms)
{
    // The place of these timers stays WHEEL_LATE; nobody tells the two apart.
    list_move(&wheel->lists[WHEEL_DUE], &wheel->lists[WHEEL_LATE]);
    while (wheel_first(wheel) && wheel->first_ms <= now_ms) {
        ASSERT(wheel->first_ms > wheel->now_ms);
        wheel_open(wheel, wheel->first_place, wheel->first_ms);
    }
    if (now_ms > wheel->now_ms) {
        wheel->now_ms = now_ms;
    }
}

uint64_t loop_wheel_next_ms(struct loop_wheel *wheel)
{
    if (loop_wheel_has_due(wheel) ||
        !list_is_empty(&wheel->lists[WHEEL_LATE])) {
        return wheel->now_ms;
    }
    if (!wheel_first(wheel) ||
        (wheel->first_place == WHEEL_FAR && wheel->far_ms == UINT64_MAX)) {
        return UINT64_MAX;
    }
    return wheel->first_ms;
}

struct loop_timer *loop_wheel_take(struct loop_wheel *wheel)
{
    struct list_link *link = list_take(&wheel->lists[WHEEL_DUE]);
    return link == NULL ? NULL
                        : LIST_OWNER(link, struct loop_timer, link_place);
}

static void wheel_check_timer(const struct loop_wheel *wheel,
                              const struct loop_timer *timer, int place)
{
    if (place == WHEEL_LATE || place == WHEEL_DUE) {
        ASSERT(timer->due_ms <= wheel->now_ms);
        return;
    }
    ASSERT(timer->place == place);
    ASSERT(wheel_find_place(wheel, timer->due_ms) == place);
    ASSERT(place != WHEEL_FAR || timer->due_ms >= wheel->far_ms);
    (void)wheel;
    (void)timer;
}

static void wheel_check_first(const struct loop_wheel *wheel)
{
    int place;
    uint64_t start_ms;
    if (wheel->first_place >= 0) {
        ASSERT(wheel_search(wheel, &place, &start_ms));
        ASSERT(place == wheel->first_place && start_ms == wheel->first_ms);
    } else if (wheel->first_place == WHEEL_NONE) {
        // Only such as are never due.
        ASSERT(!wheel_search(wheel, &place, &start_ms) || place == WHEEL_FAR);
        ASSERT(wheel->far_ms == UINT64_MAX);
    }
    (void)place;
    (void)start_ms;
}

void loop_wheel_check(const struct loop_wheel *wheel)
{
    wheel_check_first(wheel);
    ASSERT(wheel_find_place(wheel, wheel->far_ms) == WHEEL_FAR ||
           wheel->far_ms == UINT64_MAX);
    ASSERT(!list_is_empty(&wheel->lists[WHEEL_FAR]) ||
           wheel->far_ms == UINT64_MAX);
    for (int place = 0; place < WHEEL_LISTS; place++) {
        const struct list_link *head = &wheel->lists[place];
        if (place < WHEEL_FAR) {
            uint32_t bits = wheel->occupied[place / WHEEL_SLOTS];
            ASSERT(((bits & wheel_bit(place)) != 0) == !list_is_empty(head));
            (void)bits;
        }
        for (struct list_link *link = head->next; link != head;
             link = link->next) {
            wheel_check_timer(
                wheel, LIST_OWNER(link, struct loop_timer, link_place), place);
        }
    }
}

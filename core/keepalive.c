// SPDX-License-Identifier: MIT

#include "core/keepalive.h"

#include "core/limits.h"

// keepalive_most_ms: a channel that was told to ask less often may have doubled it
// beyond.
static uint32_t keepalive_most_ms(const struct conn_rules *rules)
{
    return rules->keepalive_ms < CORE_TIME_MAX_MS ? rules->keepalive_ms
                                                  : CORE_TIME_MAX_MS;
}

// keepalive_go_on decides in QUIET. A time that was rounded down to milliseconds
// has passed when one more has.
static enum keepalive_answer keepalive_go_on(struct keepalive *keepalive,
                                             const struct conn_rules *rules,
                                             uint32_t now_ms,
                                             uint32_t *out_due_ms)
{
    uint32_t quiet_ms = now_ms - keepalive->read_ms;
    uint32_t most_ms = keepalive_most_ms(rules);
    if (quiet_ms <= most_ms) {
        *out_due_ms = keepalive->read_ms + most_ms + 1;
        return KEEPALIVE_WAIT;
    }
    keepalive->asked = true;
    // DORMANT may have lasted for so long that the low bits of what was read
    // before would look like those of what is read from now on.
    keepalive->read_ms = now_ms - most_ms - 1;
    *out_due_ms = now_ms + rules->keepalive_timeout_ms + 1;
    return KEEPALIVE_ASK;
}

// keepalive_was_heard: something was read since the PING that is due was sent.
static bool keepalive_was_heard(const struct keepalive *keepalive,
                                const struct conn_rules *rules, uint32_t due_ms)
{
    uint32_t asked_ms = due_ms - rules->keepalive_timeout_ms - 1;
    return (int32_t)(keepalive->read_ms - asked_ms) >= 0;
}

// keepalive_is_owed: what was read in ASKED was not the answer, and so long ago
// that it would have been time for another PING since.
static bool keepalive_is_owed(const struct keepalive *keepalive,
                              const struct conn_rules *rules, uint32_t now_ms)
{
    return keepalive->asked &&
           now_ms - keepalive->read_ms > keepalive_most_ms(rules);
}

enum keepalive_answer keepalive_due(struct keepalive *keepalive,
                                    const struct conn_rules *rules,
                                    bool may_rest, uint32_t due_ms,
                                    uint32_t now_ms, uint32_t *out_due_ms)
{
    if (keepalive->asked && !keepalive_was_heard(keepalive, rules, due_ms)) {
        return KEEPALIVE_GONE;
    }
    if (!may_rest && keepalive_is_owed(keepalive, rules, now_ms)) {
        uint32_t asked_ms = keepalive->read_ms + keepalive_most_ms(rules) + 1;
        *out_due_ms = asked_ms + rules->keepalive_timeout_ms + 1;
        return KEEPALIVE_WAIT;
    }
    keepalive->asked = false;
    if (may_rest) {
        keepalive->dormant = true;
        return KEEPALIVE_REST;
    }
    return keepalive_go_on(keepalive, rules, now_ms, out_due_ms);
}

enum keepalive_answer keepalive_wake(struct keepalive *keepalive,
                                     const struct conn_rules *rules,
                                     uint32_t now_ms, uint32_t *out_due_ms)
{
    keepalive->dormant = false;
    keepalive->asked = false;
    return keepalive_go_on(keepalive, rules, now_ms, out_due_ms);
}

bool keepalive_pinged(struct keepalive *keepalive,
                      const struct conn_rules *rules, bool spoke,
                      bool has_calls, uint32_t now_ms)
{
    uint32_t least_ms = has_calls || rules->keepalive_without_calls
                            ? rules->keepalive_min_ms
                            : CORE_PING_GAP_IDLE_MS;
    least_ms -= least_ms / CORE_PING_GAP_SLACK;
    bool is_early = keepalive->pinged && now_ms - keepalive->ping_ms < least_ms;
    keepalive->pinged = true;
    keepalive->ping_ms = now_ms;
    if (spoke) {
        keepalive->strikes = 0;
        return false;
    }
    if (is_early) {
        keepalive->strikes++;
    }
    return keepalive->strikes > CORE_PING_STRIKES;
}

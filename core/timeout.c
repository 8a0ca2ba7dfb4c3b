// SPDX-License-Identifier: MIT

#include "core/timeout.h"

// A unit is ms_times milliseconds, or one millisecond holds per_ms of it.
static const struct timeout_unit {
    char letter;
    uint32_t ms_times;
    uint32_t per_ms;
} timeout_units[] = {
    {'n', 0, 1000000}, {'u', 0, 1000},  {'m', 1, 1},
    {'S', 1000, 1},    {'M', 60000, 1}, {'H', 3600000, 1},
};

enum { TIMEOUT_UNITS = sizeof timeout_units / sizeof timeout_units[0] };

static const struct timeout_unit *timeout_find(uint8_t letter)
{
    for (size_t i = 0; i < TIMEOUT_UNITS; i++) {
        if ((uint8_t)timeout_units[i].letter == letter) {
            return &timeout_units[i];
        }
    }
    return NULL;
}

bool timeout_parse(struct view text, uint64_t *out_ms)
{
    if (text.size < 2 || text.size > 9) {
        return false;
    }
    const struct timeout_unit *unit = timeout_find(text.data[text.size - 1]);
    if (unit == NULL) {
        return false;
    }
    uint64_t value = 0;
    for (size_t i = 0; i + 1 < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') {
            return false;
        }
        value = value * 10 + (uint64_t)(text.data[i] - '0');
    }
    // At most 99,999,999 hours: far below 2^64 milliseconds.
    *out_ms = unit->ms_times != 0 ? value * unit->ms_times
                                  : (value + unit->per_ms - 1) / unit->per_ms;
    return true;
}

static size_t timeout_write(uint64_t value, char letter, char *text)
{
    char digits[8];
    size_t count = 0;
    do {
        digits[count++] = (char)('0' + value % 10);
        value /= 10;
    } while (value != 0 && count < sizeof digits);
    for (size_t i = 0; i < count; i++) {
        text[i] = digits[count - 1 - i];
    }
    text[count] = letter;
    text[count + 1] = '\0';
    return count + 1;
}

size_t timeout_format(uint64_t ms, char text[TIMEOUT_TEXT])
{
    const uint64_t most = 99999999;
    for (size_t i = 2; i < TIMEOUT_UNITS; i++) {
        uint64_t size = timeout_units[i].ms_times;
        uint64_t value = ms / size + (ms % size != 0);
        if (value <= most) {
            return timeout_write(value, timeout_units[i].letter, text);
        }
    }
    return timeout_write(most, 'H', text);
}

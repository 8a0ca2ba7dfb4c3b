// SPDX-License-Identifier: MIT
// Integers with a prefix (RFC 7541 section 5.1). They are bounded, which the
// RFC leaves to us: 32 bits, and 5 bytes behind the prefix, so that padding
// with zeros cannot go on forever.

#ifndef HPACK_HPACK_INTEGER_H
#define HPACK_HPACK_INTEGER_H

#include <stddef.h>
#include <stdint.h>

#include "base/assert.h"
#include "base/linkage.h"
#include "base/view.h"

enum {
    HPACK_INTEGER_TAIL = 5,                    // bytes behind the prefix
    HPACK_INTEGER_MAX = 1 + HPACK_INTEGER_TAIL // bytes of one integer
};

enum hpack_integer_state {
    HPACK_INTEGER_WHOLE,
    HPACK_INTEGER_CUT, // the bytes end within it
    HPACK_INTEGER_BAD, // too long, or over 32 bits
};

struct hpack_integer {
    uint32_t value;
    uint32_t size; // bytes it takes
};

// hpack_integer_read reads one whose first byte is the first of bytes, in its
// low prefix_bits (1 to 8). *out is written when it is whole.
static inline MUST_CHECK enum hpack_integer_state hpack_integer_read(
    struct view bytes, unsigned prefix_bits, struct hpack_integer *out)
{
    if (bytes.size == 0) {
        return HPACK_INTEGER_CUT;
    }
    uint32_t mask = (1U << prefix_bits) - 1;
    uint64_t value = bytes.data[0] & mask;
    if (value < mask) {
        *out = (struct hpack_integer){.value = (uint32_t)value, .size = 1};
        return HPACK_INTEGER_WHOLE;
    }
    for (uint32_t i = 1; i <= HPACK_INTEGER_TAIL; i++) {
        if (i >= bytes.size) {
            return HPACK_INTEGER_CUT;
        }
        value += (uint64_t)(bytes.data[i] & 0x7f) << 7 * (i - 1);
        if (value > UINT32_MAX) {
            return HPACK_INTEGER_BAD;
        }
        if ((bytes.data[i] & 0x80) == 0) {
            *out =
                (struct hpack_integer){.value = (uint32_t)value, .size = i + 1};
            return HPACK_INTEGER_WHOLE;
        }
    }
    return HPACK_INTEGER_BAD;
}

// hpack_integer_write writes value behind the bits of first, which leaves its
// low prefix_bits zero. It returns the end of what it wrote, at most
// HPACK_INTEGER_MAX bytes.
static inline uint8_t *hpack_integer_write(uint8_t *out, uint8_t first,
                                           unsigned prefix_bits, uint32_t value)
{
    uint32_t mask = (1U << prefix_bits) - 1;
    ASSERT((first & mask) == 0);
    if (value < mask) {
        *out++ = (uint8_t)(first | value);
        return out;
    }
    *out++ = (uint8_t)(first | mask);
    value -= mask;
    for (; value >= 0x80; value >>= 7) {
        *out++ = (uint8_t)(value | 0x80);
    }
    *out++ = (uint8_t)value;
    return out;
}

#endif

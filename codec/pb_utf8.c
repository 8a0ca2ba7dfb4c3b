// SPDX-License-Identifier: MIT

#include "codec/pb_utf8.h"

#define UTF8_HIGH_BITS UINT64_C(0x8080808080808080)

static uint64_t utf8_load(const uint8_t *p)
{
    uint64_t word;
    memcpy(&word, p, sizeof word);
    return word;
}

// utf8_skip_ascii returns the first byte from which on text may not be ASCII:
// at most 7 bytes before the first one that is not.
static const uint8_t *utf8_skip_ascii(const uint8_t *p, const uint8_t *end)
{
    while (end - p >= 8 && (utf8_load(p) & UTF8_HIGH_BITS) == 0) {
        p += 8;
    }
    return p;
}

// utf8_is_tail: p[1] to p[count] continue a sequence.
static bool utf8_is_tail(const uint8_t *p, size_t count)
{
    for (size_t i = 1; i <= count; i++) {
        if ((p[i] & 0xc0) != 0x80) {
            return false;
        }
    }
    return true;
}

// utf8_sequence returns the bytes of the sequence that starts with a byte
// above 0x7f; 0 when it is not one.
static size_t utf8_sequence(const uint8_t *p, const uint8_t *end)
{
    size_t left = (size_t)(end - p);
    uint8_t lead = p[0];
    if (lead >= 0xc2 && lead <= 0xdf) {
        return left >= 2 && utf8_is_tail(p, 1) ? 2 : 0;
    }
    if (lead >= 0xe0 && lead <= 0xef) {
        if (left < 3 || !utf8_is_tail(p, 2) || (lead == 0xe0 && p[1] < 0xa0) ||
            (lead == 0xed && p[1] > 0x9f)) {
            return 0;
        }
        return 3;
    }
    if (lead >= 0xf0 && lead <= 0xf4) {
        if (left < 4 || !utf8_is_tail(p, 3) || (lead == 0xf0 && p[1] < 0x90) ||
            (lead == 0xf4 && p[1] > 0x8f)) {
            return 0;
        }
        return 4;
    }
    return 0;
}

bool pb_utf8_check(const char *text, size_t size)
{
    if (size == 0) {
        return true;
    }
    const uint8_t *p = (const uint8_t *)text;
    const uint8_t *end = p + size;
    p = utf8_skip_ascii(p, end);
    while (p < end) {
        if (*p < 0x80) {
            p++;
            continue;
        }
        size_t length = utf8_sequence(p, end);
        if (length == 0) {
            return false;
        }
        p += length;
        if (p < end && *p < 0x80) {
            p = utf8_skip_ascii(p, end);
        }
    }
    return true;
}

#undef UTF8_HIGH_BITS

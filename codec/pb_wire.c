// SPDX-License-Identifier: MIT

#include "codec/pb_wire.h"

#include "base/endian.h"

const uint8_t *pb_get_varint_slow(const uint8_t *p, const uint8_t *end,
                                  uint64_t *out)
{
    size_t left = (size_t)(end - p);
    size_t max = left < PB_VARINT_MAX ? left : PB_VARINT_MAX;
    uint64_t value = 0;
    for (size_t i = 0; i < max; i++) {
        value |= (uint64_t)(p[i] & 0x7f) << 7 * i;
        if (p[i] < 0x80) {
            *out = value;
            return p + i + 1;
        }
    }
    return NULL;
}

const uint8_t *pb_get_tag_slow(const uint8_t *p, const uint8_t *end,
                               uint32_t *out)
{
    uint64_t tag;
    const uint8_t *behind = pb_get_varint_slow(p, end, &tag);
    if (behind == NULL || behind - p > PB_TAG_MAX || tag > UINT32_MAX ||
        tag < 8) {
        return NULL;
    }
    *out = (uint32_t)tag;
    return behind;
}

// wire_spread moves each group of 7 of the low 56 bits into a byte of its own.
static uint64_t wire_spread(uint64_t x)
{
    x = (x & UINT64_C(0x00fffffff0000000)) << 4 |
        (x & UINT64_C(0x000000000fffffff));
    x = (x & UINT64_C(0x0fffc0000fffc000)) << 2 |
        (x & UINT64_C(0x00003fff00003fff));
    return (x & UINT64_C(0x3f803f803f803f80)) << 1 |
           (x & UINT64_C(0x007f007f007f007f));
}

// wire_put_long writes 9 or 10 bytes: the 8 low ones all go on.
static unsigned char *wire_put_long(unsigned char *p, uint64_t value)
{
    if (value >> 63 != 0) {
        *--p = 1;
    }
    *--p = (unsigned char)((value >> 56 & 0x7f) | (value >> 63 << 7));
    p -= 8;
    store_le64(p, wire_spread(value) | UINT64_C(0x8080808080808080));
    return p;
}

unsigned char *pb_put_varint_slow(unsigned char *p, uint64_t value)
{
    if (value < 0x4000) {
        p -= 2;
        p[0] = (unsigned char)(value | 0x80);
        p[1] = (unsigned char)(value >> 7);
        return p;
    }
    if (value >> 56 != 0) {
        return wire_put_long(p, value);
    }
    // Without a branch on the length, which is hard to predict: a byte goes on
    // where any byte above it is not zero.
    uint64_t spread = wire_spread(value);
    uint64_t above = spread >> 8;
    above |= above >> 8;
    above |= above >> 16;
    above |= above >> 32;
    uint64_t more =
        (above + UINT64_C(0x7f7f7f7f7f7f7f7f)) & UINT64_C(0x8080808080808080);
    unsigned size =
        1 + (unsigned)((more >> 7) * UINT64_C(0x0101010101010101) >> 56);
    store_le64(p - 8, (spread | more) << (64 - 8 * size));
    return p - size;
}

// SPDX-License-Identifier: MIT
// The atoms of protobuf's binary format: numbers of variable length (varints)
// and tags. Readers go forward and return the byte behind what they read, NULL
// when it is cut short or wrong; writers go backward and return the first byte
// that they wrote.
//
// https://protobuf.dev/programming-guides/encoding/

#ifndef CODEC_PB_WIRE_H
#define CODEC_PB_WIRE_H

#include <stddef.h>
#include <stdint.h>

#include "base/linkage.h"
#include "codec/pb_limits.h"

enum {
    PB_WIRE_VARINT = 0,
    PB_WIRE_FIXED64 = 1,
    PB_WIRE_LENGTH = 2, // a length, then that many bytes
    PB_WIRE_GROUP = 3,
    PB_WIRE_GROUP_END = 4,
    PB_WIRE_FIXED32 = 5
};

static inline uint32_t pb_tag(uint32_t number, uint32_t wire)
{
    return number << 3 | wire;
}

static inline uint32_t pb_tag_number(uint32_t tag)
{
    return tag >> 3;
}

static inline uint32_t pb_tag_wire(uint32_t tag)
{
    return tag & 7;
}

// Signed numbers whose magnitude, not sign, decides their length.

static inline uint32_t pb_zigzag32(uint32_t value)
{
    return value << 1 ^ (0 - (value >> 31));
}

static inline uint64_t pb_zigzag64(uint64_t value)
{
    return value << 1 ^ (0 - (value >> 63));
}

static inline uint32_t pb_unzigzag32(uint32_t value)
{
    return value >> 1 ^ (0 - (value & 1));
}

static inline uint64_t pb_unzigzag64(uint64_t value)
{
    return value >> 1 ^ (0 - (value & 1));
}

INTERNAL MUST_CHECK const uint8_t *pb_get_varint_slow(const uint8_t *p,
                                                      const uint8_t *end,
                                                      uint64_t *out);
INTERNAL MUST_CHECK const uint8_t *pb_get_tag_slow(const uint8_t *p,
                                                   const uint8_t *end,
                                                   uint32_t *out);
INTERNAL MUST_CHECK unsigned char *pb_put_varint_slow(unsigned char *p,
                                                      uint64_t value);

// pb_get_varint reads up to 10 bytes; bits above the 64th are dropped.
static inline MUST_CHECK const uint8_t *pb_get_varint(const uint8_t *p,
                                                      const uint8_t *end,
                                                      uint64_t *out)
{
    if (LIKELY(p < end && *p < 0x80)) {
        *out = *p;
        return p + 1;
    }
    return pb_get_varint_slow(p, end, out);
}

// pb_get_tag refuses more than 5 bytes or 32 bits, and the field number 0.
static inline MUST_CHECK const uint8_t *pb_get_tag(const uint8_t *p,
                                                   const uint8_t *end,
                                                   uint32_t *out)
{
    if (LIKELY(p < end && *p < 0x80 && *p >= 8)) {
        *out = *p;
        return p + 1;
    }
    return pb_get_tag_slow(p, end, out);
}

// pb_get_length reads a length and refuses one that reaches past end.
static inline MUST_CHECK const uint8_t *pb_get_length(const uint8_t *p,
                                                      const uint8_t *end,
                                                      size_t *out)
{
    uint64_t size;
    p = pb_get_varint(p, end, &size);
    if (UNLIKELY(p == NULL || size > (size_t)(end - p))) {
        return NULL;
    }
    *out = (size_t)size;
    return p;
}

// pb_put_varint writes the shortest form in front of p, where 10 bytes are
// free: those in front of the result may be overwritten.
static inline MUST_CHECK unsigned char *pb_put_varint(unsigned char *p,
                                                      uint64_t value)
{
    if (LIKELY(value < 0x80)) {
        *--p = (unsigned char)value;
        return p;
    }
    return pb_put_varint_slow(p, value);
}

#endif

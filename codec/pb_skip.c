// SPDX-License-Identifier: MIT

#include "codec/pb_skip.h"

#include "base/assert.h"
#include "codec/pb_wire.h"

static const uint8_t *skip_bytes(const uint8_t *p, const uint8_t *end,
                                 size_t size)
{
    return (size_t)(end - p) >= size ? p + size : NULL;
}

// skip_value steps over a value that is no group.
static const uint8_t *skip_value(const uint8_t *p, const uint8_t *end,
                                 uint32_t wire)
{
    uint64_t number;
    size_t size;
    switch (wire) {
    case PB_WIRE_VARINT:
        return pb_get_varint(p, end, &number);
    case PB_WIRE_FIXED64:
        return skip_bytes(p, end, 8);
    case PB_WIRE_LENGTH:
        p = pb_get_length(p, end, &size);
        return p == NULL ? NULL : p + size;
    case PB_WIRE_FIXED32:
        return skip_bytes(p, end, 4);
    default:
        return NULL;
    }
}

// skip_group reads up to the end of the group with this number. A loop with a
// stack of its own: peers choose the depth.
static const uint8_t *skip_group(const uint8_t *p, const uint8_t *end,
                                 uint32_t number, size_t depth_max)
{
    uint32_t open[PB_DEPTH_MAX];
    ASSERT(depth_max <= PB_DEPTH_MAX);
    if (depth_max == 0) {
        return NULL;
    }
    size_t depth = 1;
    open[0] = number;
    while (depth > 0) {
        uint32_t tag;
        p = pb_get_tag(p, end, &tag);
        if (p == NULL) {
            return NULL;
        }
        if (pb_tag_wire(tag) == PB_WIRE_GROUP) {
            if (depth == depth_max) {
                return NULL;
            }
            open[depth++] = pb_tag_number(tag);
        } else if (pb_tag_wire(tag) == PB_WIRE_GROUP_END) {
            if (open[--depth] != pb_tag_number(tag)) {
                return NULL;
            }
        } else {
            p = skip_value(p, end, pb_tag_wire(tag));
            if (p == NULL) {
                return NULL;
            }
        }
    }
    return p;
}

const uint8_t *pb_skip(const uint8_t *p, const uint8_t *end, uint32_t tag,
                       size_t depth_max)
{
    if (pb_tag_wire(tag) == PB_WIRE_GROUP) {
        return skip_group(p, end, pb_tag_number(tag), depth_max);
    }
    return skip_value(p, end, pb_tag_wire(tag));
}

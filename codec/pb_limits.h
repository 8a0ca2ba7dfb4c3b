// SPDX-License-Identifier: MIT
// Every bound of the protobuf codec, with its reason.

#ifndef CODEC_PB_LIMITS_H
#define CODEC_PB_LIMITS_H

enum {
    // Messages and groups below the outermost message: what every other
    // implementation accepts too. It bounds the depth of our recursion.
    PB_DEPTH_MAX = 100,

    // Of an encoded message: lengths are int32 in most implementations.
    PB_SIZE_MAX = 0x7fffffff,

    PB_VARINT_MAX = 10, // bytes of a number: 64 bits in groups of 7
    PB_TAG_MAX = 5,     // bytes of a tag: 29 bits of number, 3 of wire type

    // Room that one head (value or length, then tag) is written into without
    // another check: 10 + 5 bytes, and 8 for a store wider than its number.
    PB_HEAD_ROOM = 24,

    PB_BUFFER_MIN = 256, // bytes of the first memory of a grpc_buffer
    PB_ARRAY_MIN = 4,    // elements that a growing array starts with

    // Up to this many entries of a map are compared pair by pair, in place;
    // more are sorted, so that hostile keys cost n log n.
    PB_MAP_PAIRWISE_MAX = 8,
};

#endif

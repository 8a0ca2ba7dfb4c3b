// SPDX-License-Identifier: MIT
// The Huffman code of HPACK strings (RFC 7541 section 5.2, appendix B).

#ifndef HPACK_HPACK_HUFFMAN_H
#define HPACK_HPACK_HUFFMAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/linkage.h"
#include "base/view.h"

// hpack_huffman_bound is the most bytes that size coded bytes decode to: the
// shortest code word has 5 bits.
static inline size_t hpack_huffman_bound(size_t size)
{
    return size + size / 5 * 3 + size % 5 * 3 / 5;
}

// hpack_huffman_decode writes the text, at most hpack_huffman_bound bytes, to
// out. False when coded holds EOS or ends in a padding that is longer than 7
// bits or not all ones.
INTERNAL MUST_CHECK bool hpack_huffman_decode(struct view coded, uint8_t *out,
                                              size_t *out_size);

// hpack_huffman_size is how many bytes text takes when it is coded.
INTERNAL size_t hpack_huffman_size(struct view text);

// A string may be coded in parts. A new writer is zero.
struct hpack_huffman_writer {
    uint64_t bits;  // not yet written: its low count bits
    unsigned count; // less than 32 between calls
};

// hpack_huffman_write codes text behind what was written before and returns
// the new end of out. It needs hpack_huffman_room(text.size) bytes at most;
// all parts together take hpack_huffman_size of the whole.
INTERNAL uint8_t *hpack_huffman_write(struct hpack_huffman_writer *writer,
                                      struct view text, uint8_t *out);

// hpack_huffman_finish writes the last bits and the padding, up to 4 bytes.
INTERNAL uint8_t *hpack_huffman_finish(struct hpack_huffman_writer *writer,
                                       uint8_t *out);

// hpack_huffman_room is enough for a part of that size: the longest code word
// of a byte has 30 bits, and up to 4 bytes may wait in the writer.
static inline size_t hpack_huffman_room(size_t size)
{
    return size * 4 + 4;
}

#endif

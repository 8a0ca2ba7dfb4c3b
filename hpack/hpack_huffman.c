// SPDX-License-Identifier: MIT

#include "hpack/hpack_huffman.h"

#include "base/assert.h"
#include "base/endian.h"
#include "hpack/hpack_huffman_table.h"

// The next bits of the input are at the top of window. Below the valid ones
// stand zeros or, uncounted, bits that follow.
struct huffman_reader {
    const uint8_t *at;
    const uint8_t *end;
    uint64_t window;
    unsigned count; // valid bits in window
};

// huffman_refill fills the window to 56 bits or more while the input lasts.
static inline void huffman_refill(struct huffman_reader *reader)
{
    if (LIKELY(reader->end - reader->at >= 8)) {
        // The bits that are not counted yet are put there again, the same, by
        // the next refill.
        reader->window |= load_be64(reader->at) >> reader->count;
        reader->at += (63 - reader->count) / 8;
        reader->count |= 56;
        return;
    }
    while (reader->count <= 56 && reader->at < reader->end) {
        reader->window |= (uint64_t)*reader->at++ << (56 - reader->count);
        reader->count += 8;
    }
}

// huffman_long decodes a code word longer than HUFFMAN_FAST_BITS: its symbol,
// and its length in bits.
static unsigned huffman_long(uint64_t window, unsigned *out_bits)
{
    uint32_t next = (uint32_t)(window >> 32);
    const struct huffman_class *class = huffman_classes;
    while (next > class->last) {
        class ++;
    }
    ASSERT(next >= class->first);
    *out_bits = class->bits;
    uint32_t rank = (next - class->first) >> (32 - class->bits);
    return huffman_long_symbols[class->base + rank];
}

static bool huffman_is_padding(const struct huffman_reader *reader)
{
    if (reader->count > 7) {
        return false;
    }
    uint64_t ones = (UINT64_C(1) << reader->count) - 1;
    return reader->count == 0 || reader->window >> (64 - reader->count) == ones;
}

bool hpack_huffman_decode(struct view coded, uint8_t *out, size_t *out_size)
{
    if (coded.size == 0) {
        *out_size = 0;
        return true;
    }
    struct huffman_reader reader = {.at = coded.data,
                                    .end = coded.data + coded.size};
    uint8_t *start = out;
    for (;;) {
        if (reader.count < 30) {
            huffman_refill(&reader);
        }
        unsigned fast = huffman_fast[reader.window >> (64 - HUFFMAN_FAST_BITS)];
        unsigned bits = fast >> 8;
        unsigned symbol = fast & 0xff;
        if (UNLIKELY(bits == 0)) {
            symbol = huffman_long(reader.window, &bits);
        }
        // A code word that goes beyond the end is none: its bits are padding.
        if (UNLIKELY(bits > reader.count)) {
            break;
        }
        if (UNLIKELY(symbol == HUFFMAN_EOS)) {
            return false;
        }
        *out++ = (uint8_t)symbol;
        reader.window <<= bits;
        reader.count -= bits;
    }
    *out_size = (size_t)(out - start);
    return huffman_is_padding(&reader);
}

size_t hpack_huffman_size(struct view text)
{
    uint64_t bits = 0;
    for (size_t i = 0; i < text.size; i++) {
        bits += huffman_bits[text.data[i]];
    }
    return (size_t)((bits + 7) / 8);
}

uint8_t *hpack_huffman_write(struct hpack_huffman_writer *writer,
                             struct view text, uint8_t *out)
{
    uint64_t bits = writer->bits;
    unsigned count = writer->count;
    for (size_t i = 0; i < text.size; i++) {
        uint8_t symbol = text.data[i];
        bits = bits << huffman_bits[symbol] | huffman_codes[symbol];
        count += huffman_bits[symbol];
        if (count >= 32) {
            count -= 32;
            store_be32(out, (uint32_t)(bits >> count));
            out += 4;
        }
    }
    writer->bits = bits;
    writer->count = count;
    return out;
}

uint8_t *hpack_huffman_finish(struct hpack_huffman_writer *writer, uint8_t *out)
{
    unsigned padding = (8 - writer->count % 8) % 8;
    uint64_t bits = writer->bits << padding | ((1U << padding) - 1);
    for (unsigned count = writer->count + padding; count > 0; count -= 8) {
        *out++ = (uint8_t)(bits >> (count - 8));
    }
    *writer = (struct hpack_huffman_writer){0};
    return out;
}

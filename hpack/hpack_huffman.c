// SPDX-License-Identifier: MIT

#include "hpack/hpack_huffman.h"

#include "base/assert.h"
#include "base/endian.h"
#include "hpack/hpack_huffman_table.h"

// Where the decoder is, in bits from the start of the string.
struct huffman_reader {
    const uint8_t *data;
    uint64_t at;
    uint64_t end;
    uint64_t last; // the last 8 bytes of the string, or all, as a number
};

// Code words decoded from one window: none is longer than HUFFMAN_FAST_BITS, and
// the window has 57 valid bits or more.
enum { HUFFMAN_GROUP = 5 };

static uint64_t huffman_last(struct view coded)
{
    if (coded.size >= 8) {
        return load_be64(coded.data + coded.size - 8);
    }
    uint64_t last = 0;
    for (size_t i = 0; i < coded.size; i++) {
        last = last << 8 | coded.data[i];
    }
    return last;
}

// huffman_window has the next bits of the input at its top, at least 57 or
// all that are left. Behind the end stand ones, as in a padding, which no code
// word but EOS consists of. There is at least one bit left.
static inline uint64_t huffman_window(const struct huffman_reader *reader)
{
    uint64_t left = reader->end - reader->at;
    if (LIKELY(left >= 64)) {
        return load_be64(reader->data + reader->at / 8) << reader->at % 8;
    }
    return ~(~reader->last << (64 - left));
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

// huffman_step decodes one code word. False: there is none that ends within
// the string, or it is EOS.
static bool huffman_step(struct huffman_reader *reader, uint8_t *out)
{
    uint64_t window = huffman_window(reader);
    unsigned entry = huffman_fast[window >> (64 - HUFFMAN_FAST_BITS)];
    unsigned bits = entry & 0xff;
    unsigned symbol = entry >> 8;
    if (bits == 0) {
        symbol = huffman_long(window, &bits);
    }
    if (bits > reader->end - reader->at || symbol == HUFFMAN_EOS) {
        return false;
    }
    *out = (uint8_t)symbol;
    reader->at += bits;
    return true;
}

// huffman_short takes one code word off the window if it is not a long one: its
// entry in the table, 0 for a long one.
static inline unsigned huffman_short(uint64_t *window)
{
    unsigned entry = huffman_fast[*window >> (64 - HUFFMAN_FAST_BITS)];
    *window <<= entry & 0x3f;
    return entry;
}

// huffman_group decodes 5 code words. False: one of them is long, or they end
// behind the string; then nothing is taken, whatever is in out.
static inline bool huffman_group(struct huffman_reader *reader, uint8_t *out)
{
    uint64_t window = huffman_window(reader);
    unsigned first = huffman_short(&window);
    unsigned second = huffman_short(&window);
    unsigned third = huffman_short(&window);
    unsigned fourth = huffman_short(&window);
    unsigned fifth = huffman_short(&window);
    out[0] = (uint8_t)(first >> 8);
    out[1] = (uint8_t)(second >> 8);
    out[2] = (uint8_t)(third >> 8);
    out[3] = (uint8_t)(fourth >> 8);
    out[4] = (uint8_t)(fifth >> 8);
    // The lengths add up in the low byte, to 50 at most.
    unsigned bits = (first + second + third + fourth + fifth) & 0xff;
    // A long code word stops the window, so that the fifth look-up finds it
    // too.
    if (UNLIKELY(fifth == 0 || bits > reader->end - reader->at)) {
        return false;
    }
    reader->at += bits;
    return true;
}

// huffman_is_padding: what is left is the start of EOS, shorter than a byte.
static bool huffman_is_padding(const struct huffman_reader *reader)
{
    uint64_t left = reader->end - reader->at;
    return left == 0 || (left < 8 && huffman_window(reader) == UINT64_MAX);
}

bool hpack_huffman_decode(struct view coded, uint8_t *out, size_t *out_size)
{
    struct huffman_reader reader = {.data = coded.data,
                                    .end = (uint64_t)coded.size * 8,
                                    .last = huffman_last(coded)};
    uint8_t *start = out;
    // A group may write symbols that it then does not take: they are within
    // hpack_huffman_bound, as so many bits are left.
    while (reader.end - reader.at >= HUFFMAN_GROUP * HUFFMAN_LEAST_BITS) {
        if (LIKELY(huffman_group(&reader, out))) {
            out += HUFFMAN_GROUP;
        } else if (huffman_step(&reader, out)) {
            out++;
        } else {
            return false;
        }
    }
    while (!huffman_is_padding(&reader)) {
        if (!huffman_step(&reader, out)) {
            return false;
        }
        out++;
    }
    *out_size = (size_t)(out - start);
    return true;
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

// SPDX-License-Identifier: MIT
// Header blocks of a hostile encoder. Each is decoded three ways, by three
// decoders: in one piece, in pieces, and as hpack_decode_whole. All say the
// same, and their tables stay the same.
//
//   input: table size, limits, cut, number of the allocation that fails (of
//   the decoder in pieces; 0: none), then blocks: size (1 byte), bytes. Size 0:
//   a new table size instead (2 bytes); size 255: all that is left.

#include "tests/fuzz/fuzz_hpack.h"

struct decode_way {
    struct test_heap heap;
    struct hpack_decoder decoder;
    struct hpack_block block;
};

struct decode_run {
    struct decode_way whole;
    struct decode_way pieces;
    struct decode_way again;
    struct fuzz_cut cut;
};

static void decode_init(struct decode_way *way, uint32_t table_size,
                        const struct hpack_limits *limits)
{
    test_heap_init(&way->heap);
    hpack_decoder_init(&way->decoder, &way->heap.allocator, table_size, limits);
    hpack_block_init(&way->block, &way->heap.allocator);
}

static void decode_fini(struct decode_way *way)
{
    // Whatever comes, the limits bound the memory; both tables and the growth
    // of arrays are in the constants.
    const struct hpack_limits *limits = &way->decoder.limits;
    FUZZ_CHECK(way->heap.peak_bytes <= (1 << 17) +
                                           (size_t)4 * limits->hard_bytes +
                                           (size_t)160 * limits->hard_fields);
    hpack_decoder_fini(&way->decoder);
    hpack_block_fini(&way->block);
    FUZZ_CHECK(test_heap_is_clean(&way->heap));
}

// decode_pieces gives each piece in memory of its own that is gone when the
// next one comes; *out_last is the caller's to free.
static enum hpack_result decode_pieces(struct decode_run *run,
                                       struct view bytes, uint8_t **out_last)
{
    struct decode_way *way = &run->pieces;
    enum hpack_result result = HPACK_OK;
    hpack_block_clear(&way->block);
    *out_last = NULL;
    bool last = false;
    while (!last && result == HPACK_OK) {
        size_t size = fuzz_cut_next(&run->cut, bytes.size);
        struct view piece = fuzz_take(&bytes, size);
        // Sometimes the end is told with an empty piece of its own.
        last = bytes.size == 0 && (piece.size == 0 || run->cut.how % 2 == 0);
        free(*out_last);
        *out_last = fuzz_copy(piece);
        result = hpack_decode(&way->decoder, &way->block,
                              view_of(*out_last, piece.size), last);
        hpack_table_check(&way->decoder.table);
    }
    return result;
}

// decode_memory: the one thing in which the ways may differ. A decoder that
// has failed stays failed.
static bool decode_memory(struct decode_run *run, enum hpack_result result)
{
    if (result != HPACK_NO_MEMORY) {
        return false;
    }
    struct decode_way *way = &run->pieces;
    FUZZ_CHECK(way->heap.fail_at != 0);
    hpack_block_clear(&way->block);
    FUZZ_CHECK(hpack_decode(&way->decoder, &way->block, VIEW("\x82"), true) ==
               HPACK_NO_MEMORY);
    return true;
}

// decode_block is false when nothing more can be decoded.
static bool decode_block(struct decode_run *run, struct view bytes)
{
    uint8_t *copy = fuzz_copy(bytes);
    uint8_t *last = NULL;
    hpack_block_clear(&run->whole.block);
    enum hpack_result result =
        hpack_decode(&run->whole.decoder, &run->whole.block,
                     view_of(copy, bytes.size), true);
    bool repeated;
    enum hpack_result other =
        hpack_decode_whole(&run->again.decoder, &run->again.block,
                           view_of(copy, bytes.size), &repeated);
    FUZZ_CHECK(result == other);
    enum hpack_result cut = decode_pieces(run, bytes, &last);
    bool good = result == HPACK_OK && cut == HPACK_OK;
    if (!decode_memory(run, cut)) {
        FUZZ_CHECK(cut == result);
        fuzz_same_table(&run->whole.decoder.table, &run->pieces.decoder.table);
    }
    if (good) {
        fuzz_same_table(&run->whole.decoder.table, &run->again.decoder.table);
        fuzz_same_block(&run->whole.block, &run->pieces.block);
        fuzz_same_block(&run->whole.block, &run->again.block);
    }
    free(last);
    free(copy);
    return good;
}

static void decode_limit(struct decode_run *run, uint32_t table_size)
{
    hpack_decoder_limit(&run->whole.decoder, table_size);
    hpack_decoder_limit(&run->pieces.decoder, table_size);
    hpack_decoder_limit(&run->again.decoder, table_size);
}

static void decode_blocks(struct decode_run *run, struct view input)
{
    bool good = true;
    while (good && input.size > 0) {
        size_t size = fuzz_byte(&input);
        if (size == 0) {
            decode_limit(run, fuzz_word16(&input) % (HPACK_TABLE_MAX + 1));
            continue;
        }
        size = size == 255 ? input.size : size;
        good = decode_block(run, fuzz_take(&input, size));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint32_t tables[] = {4096, 0, 64, 100, 1000, HPACK_TABLE_MAX};
    // list_bytes, list_fields, hard_bytes, hard_fields
    static const uint32_t limits[][4] = {
        {8192, 100, 16384, 256},
        {1 << 20, 1000, 1 << 20, 1000},
        {100, 3, 200, 6},
        {0, 0, 100, 10},
        {8192, 100, 8192, 100},
        {64, 100, 128, 100},
        {1 << 20, 2, 1 << 20, UINT16_MAX},
        {40, 1, 40, 1},
    };
    static struct decode_run run;
    struct view input = view_of(data, size);
    uint32_t table = tables[fuzz_byte(&input) % 6];
    const uint32_t *row = limits[fuzz_byte(&input) % 8];
    const struct hpack_limits limit = {
        .list_bytes = row[0],
        .list_fields = (uint16_t)row[1],
        .hard_bytes = row[2],
        .hard_fields = (uint16_t)row[3],
    };
    run.cut = fuzz_cut_of(fuzz_byte(&input));
    decode_init(&run.whole, table, &limit);
    decode_init(&run.pieces, table, &limit);
    decode_init(&run.again, table, &limit);
    run.pieces.heap.fail_at = fuzz_byte(&input);
    decode_blocks(&run, input);
    decode_fini(&run.whole);
    decode_fini(&run.pieces);
    decode_fini(&run.again);
    return 0;
}

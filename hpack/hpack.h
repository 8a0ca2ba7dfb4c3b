// SPDX-License-Identifier: MIT
// HPACK, header compression for HTTP/2 (RFC 7541). Sans-I/O: bytes in, fields
// out, and the reverse. No socket, no clock, no process heap.
//
//   hpack_huffman.{c,h}  Huffman code, both ways            (section 5.2, B)
//   hpack_integer.h      prefixed integers                  (section 5.1)
//   hpack_table.{c,h}    static and dynamic table           (section 2.3, A)
//   hpack_block.c        the fields of one block
//   hpack_decode.c       block -> fields, unless it comes again (3, 6)
//   hpack_encode.c       fields -> block                    (section 6)

#ifndef HPACK_HPACK_H
#define HPACK_HPACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/chunk.h"
#include "base/linkage.h"
#include "base/view.h"
#include "grpc.h"
#include "hpack/hpack_table.h"

// Why a block was refused. A decoder that has failed stays failed, because
// its table is no longer that of the peer (RFC 7541 section 2.2; a
// COMPRESSION_ERROR in HTTP/2).
enum hpack_result {
    HPACK_OK,
    HPACK_NO_MEMORY,
    HPACK_BAD_INDEX,   // 0, or beyond both tables (2.3.3, 6.1)
    HPACK_BAD_INTEGER, // longer than 5 bytes or over 32 bits (5.1)
    HPACK_BAD_HUFFMAN, // EOS inside, wrong or long padding (5.2)
    HPACK_BAD_UPDATE,  // size update over our limit, after a field, a third
                       // one, or missing after we lowered the limit (4.2, 6.3)
    HPACK_TRUNCATED,   // the block ends within a representation
    HPACK_TOO_LARGE,   // over the hard limits of struct hpack_limits
};

// hpack_result_text is a static string for a log or a GOAWAY.
INTERNAL const char *hpack_result_text(enum hpack_result result);

// Limits on one decoded block. Sizes count name + value + 32 per field, as
// SETTINGS_MAX_HEADER_LIST_SIZE does (RFC 9113 section 10.5.1).
struct hpack_limits {
    // Soft: fields beyond it are decoded, kept out of the list, and
    // hpack_block.over_limit is set; the tables stay in step. From the first
    // one on all fields are left out. Not above the hard ones.
    uint32_t list_bytes;
    // Hard: the block is refused with HPACK_TOO_LARGE. hard_bytes is also the
    // most that one representation can make the decoder hold back.
    uint32_t hard_bytes;
    uint16_t list_fields; // soft
    uint16_t hard_fields; // hard
};

// A block of up to so many bytes is remembered until the next one is decoded:
// a request without strings of any length takes less.
enum { HPACK_REPEAT_MAX = 128 };

// The result of one block: its fields, and the memory that their strings need
// when they are not in a table. One block is shared by all connections of a
// loop, since its content is used up before the next one is decoded.
struct hpack_block {
    const grpc_allocator *allocator; // borrowed
    struct hpack_field *fields;      // in the order of the block
    size_t count;
    size_t capacity;
    grpc_arena text;  // Huffman-decoded strings and evicted entries
    char *text_empty; // text.cursor when text holds nothing, and text.end then
    char *text_end;
    size_t list_bytes;  // size of all fields, those over the limit included
    size_t list_fields; // number of all fields, likewise
    bool over_limit;    // a soft limit was met
    // The bytes that gave these fields. They would give them again as long as
    // the table of repeat_decoder, which has decoded them whole, has inserted
    // just that many entries and has so many. NULL: not known.
    const struct hpack_decoder *repeat_decoder;
    uint64_t repeat_inserted;
    uint16_t repeat_count;
    uint8_t repeat_size;
    uint8_t repeat_bytes[HPACK_REPEAT_MAX];
};

INTERNAL void hpack_block_init(struct hpack_block *block,
                               const grpc_allocator *allocator);
// hpack_block_clear forgets the fields and keeps the memory for the next.
INTERNAL void hpack_block_clear(struct hpack_block *block);
INTERNAL void hpack_block_fini(struct hpack_block *block);

// hpack_block_grow makes room for more fields; false without memory.
INTERNAL MUST_CHECK bool hpack_block_grow(struct hpack_block *block);

// hpack_block_push appends a field; NULL without memory. The content is the
// caller's to fill. Earlier fields may move.
static inline MUST_CHECK struct hpack_field *hpack_block_push(
    struct hpack_block *block)
{
    if (UNLIKELY(block->count == block->capacity) && !hpack_block_grow(block)) {
        return NULL;
    }
    return &block->fields[block->count++];
}

// hpack_block_keep replaces *text by a copy in block->text; false without
// memory.
INTERNAL MUST_CHECK bool hpack_block_keep(struct hpack_block *block,
                                          struct view *text);

// ---- Decoder ----------------------------------------------------------------

// The start of a representation that was cut by the end of a fragment.
struct hpack_carry {
    size_t size;     // bytes; 0: none
    size_t capacity; // bytes
    size_t wanted;   // no use to try again with fewer bytes than this
    uint8_t bytes[];
};

struct hpack_decoder {
    struct hpack_table table;
    // Resumption. NULL between blocks, so that a connection at rest holds none.
    struct hpack_carry *carry;
    struct hpack_limits limits;
    uint16_t size_limit;  // bytes: SETTINGS_HEADER_TABLE_SIZE that we announced
                          // and that the peer has acknowledged
    uint16_t least_limit; // bytes: lowest limit since the last update
    // Progress within the block:
    uint8_t updates;      // size updates seen at its start
    bool in_fields;       // a field has been seen: no more updates
    bool update_required; // we lowered the limit: the block must begin with one
    uint8_t failed;       // enum hpack_result; sticky
};

// hpack_decoder_init allocates nothing. table_size is what our first SETTINGS
// announce as SETTINGS_HEADER_TABLE_SIZE (4096 unless changed), at most
// HPACK_TABLE_MAX. The table itself begins with the 4096 bytes that the
// protocol gives to both sides: a lower size holds only from the
// hpack_decoder_limit at the peer's acknowledgement on.
INTERNAL void hpack_decoder_init(struct hpack_decoder *decoder,
                                 const grpc_allocator *allocator,
                                 uint32_t table_size,
                                 const struct hpack_limits *limits);
INTERNAL void hpack_decoder_fini(struct hpack_decoder *decoder);

// hpack_decoder_limit is called when the peer has acknowledged a new
// SETTINGS_HEADER_TABLE_SIZE. A lower one obliges the peer to begin its next
// block with a size update (section 4.2).
INTERNAL void hpack_decoder_limit(struct hpack_decoder *decoder,
                                  uint32_t table_size);

// hpack_decode decodes one fragment of a block into *block; last says that
// the block ends with it. The fragment may be cut anywhere, also empty.
// Clear the block before the first fragment.
//
// Views in block->fields point into the tables, into block->text, or into the
// fragment itself; if the block has several fragments, those that pointed into
// an earlier fragment are copied, so only the last fragment must stay until
// the block has been used. An entry that is evicted within the block stays
// readable (its strings move to block->text, its memo becomes NULL).
INTERNAL MUST_CHECK enum hpack_result hpack_decode(
    struct hpack_decoder *decoder, struct hpack_block *block,
    struct view fragment, bool last);

// hpack_decode_whole clears *block and decodes one that is whole, as by
// hpack_decode. When it is, byte for byte, the one that *block holds, of the
// same decoder, and neither has changed the table, then *block is left as it is
// and *out_repeated is true. All blocks of a decoder go to the same *block.
INTERNAL MUST_CHECK enum hpack_result hpack_decode_whole(
    struct hpack_decoder *decoder, struct hpack_block *block, struct view bytes,
    bool *out_repeated);

// ---- Encoder ----------------------------------------------------------------

// How to represent a field that is not in a table.
enum hpack_mode {
    HPACK_INDEX, // literal with incremental indexing: will be sent again
    HPACK_PLAIN, // literal without indexing: changes every time
    HPACK_NEVER, // literal never indexed: secret (section 7.1.3)
    // Its name will be sent again, its value will not: HPACK_INDEX if no table
    // has the name, and HPACK_PLAIN from then on.
    HPACK_NAME,
};

// No name and no value longer than this can be encoded; far above what any
// peer accepts.
enum { HPACK_FIELD_MAX = 1 << 28 };

// A hint remembers which table entry a field had when it was sent last, so
// that sending it again costs one comparison. Zero: not known. It belongs to
// one encoder and to one exact field (name and value).
typedef uint64_t hpack_hint;

struct hpack_encoder {
    struct hpack_table table;
    uint16_t own_limit;     // bytes: ours, whatever the peer allows
    uint16_t size_limit;    // bytes: the lower of ours and the peer's
    uint16_t pending_least; // lowest limit since the last block (section 4.2)
    bool update_pending;    // size updates are due at the start of a block
    bool huffman;           // Huffman-code strings when that is shorter
};

// hpack_encoder_init allocates nothing. own_limit (at most HPACK_TABLE_MAX)
// bounds the table whatever the peer allows; the peer is taken to allow 4096
// until it says otherwise.
INTERNAL void hpack_encoder_init(struct hpack_encoder *encoder,
                                 const grpc_allocator *allocator,
                                 uint32_t own_limit);
INTERNAL void hpack_encoder_fini(struct hpack_encoder *encoder);

// hpack_encoder_limit takes the peer's SETTINGS_HEADER_TABLE_SIZE.
INTERNAL void hpack_encoder_limit(struct hpack_encoder *encoder,
                                  uint32_t peer_limit);

// hpack_encode_begin writes the size updates that are due. Call it at the
// start of every block. False without memory; then nothing was written.
INTERNAL MUST_CHECK bool hpack_encode_begin(struct hpack_encoder *encoder,
                                            struct chunk_queue *out);

// hpack_encode appends one field to out. hint may be NULL. Names are written
// as they are: the caller has checked that they are lower case. field->memo
// is not looked at. An entry that the table cannot hold, because of its size
// or for lack of memory, is sent without indexing. False without memory for
// out, or when the field is over HPACK_FIELD_MAX: then the block cannot be
// finished, and since the peer's table may no longer agree, the connection has
// to close.
INTERNAL MUST_CHECK bool hpack_encode(struct hpack_encoder *encoder,
                                      struct chunk_queue *out,
                                      const struct hpack_field *field,
                                      enum hpack_mode mode, hpack_hint *hint);

// hpack_encode_byte is hpack_encode for a field whose hint still holds and
// whose representation is one byte, which it writes to *out. False for any
// other, and when size updates are due; then nothing has changed.
INTERNAL MUST_CHECK bool hpack_encode_byte(const struct hpack_encoder *encoder,
                                           uint8_t *out,
                                           const struct hpack_field *field,
                                           enum hpack_mode mode,
                                           const hpack_hint *hint);

#endif

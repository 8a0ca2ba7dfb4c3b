// SPDX-License-Identifier: MIT
// Messages of protobuf's binary format, of types that cover every field. What
// can be decoded is encoded, decoded again and encoded again: both wires are
// the same.
//
//   input: type, number of the allocation that fails (0: none), most bytes of
//   the arena, then the message.

#include "codec/pb_buffer.h"
#include "codec/pb_decode.h"
#include "codec/pb_encode.h"
#include "tests/fuzz/fuzz_kit.h"
#include "tests/pb_samples.h"

enum { DECODE_STRUCT = 4096 };

static union {
    max_align_t align;
    unsigned char bytes[DECODE_STRUCT];
} decode_message;

struct decode_run {
    struct test_heap heap;
    const grpc_message *type;
    grpc_arena arena;
};

static void decode_begin(struct decode_run *run, const grpc_message *type,
                         size_t fail_at)
{
    test_heap_init(&run->heap);
    run->heap.fail_at = fail_at;
    run->type = type;
    run->arena = (grpc_arena){.allocator = run->heap.allocator};
}

static void decode_end(struct decode_run *run)
{
    grpc_arena_free(&run->arena);
    FUZZ_CHECK(test_heap_is_clean(&run->heap));
}

// decode_bytes decodes a copy that is gone when the message is looked at.
static grpc_result decode_bytes(struct decode_run *run, struct view bytes)
{
    const char *reason = NULL;
    char *copy = (char *)fuzz_copy(bytes);
    memset(&decode_message, 0xee, sizeof decode_message);
    grpc_result result =
        pb_decode(run->type, &decode_message, &run->arena,
                  (grpc_str){.data = copy, .size = bytes.size}, &reason);
    FUZZ_CHECK((reason == NULL) == (result == GRPC_OK));
    free(copy);
    return result;
}

// decode_encode is true when *buffer holds the message.
static bool decode_encode(struct decode_run *run, grpc_buffer *buffer)
{
    const char *reason = NULL;
    grpc_result result = pb_encode(run->type, &decode_message, buffer, &reason);
    pb_buffer_check(buffer);
    FUZZ_CHECK(result == GRPC_OK ||
               (result == GRPC_ENOMEM && run->heap.fail_at != 0));
    return result == GRPC_OK;
}

static struct view decode_wire(const grpc_buffer *buffer)
{
    return view_of(buffer->first, pb_buffer_size(buffer));
}

// decode_again: wire is our encoding of a message.
static void decode_again(const grpc_message *type, struct view wire)
{
    struct decode_run run;
    grpc_buffer buffer = {.base = NULL};
    decode_begin(&run, type, 0);
    FUZZ_CHECK(decode_bytes(&run, wire) == GRPC_OK);
    FUZZ_CHECK(decode_encode(&run, &buffer));
    FUZZ_CHECK(view_equal(decode_wire(&buffer), wire));
    pb_buffer_fini(&buffer);
    decode_end(&run);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct view input = view_of(data, size);
    struct decode_run run;
    uint8_t which = fuzz_byte(&input);
    decode_begin(&run, sample_types[which % SAMPLE_TYPE_COUNT],
                 fuzz_byte(&input));
    FUZZ_CHECK(run.type->size <= DECODE_STRUCT);
    size_t limit = (size_t)fuzz_byte(&input) * 1024;
    run.arena.limit_bytes = limit;
    grpc_result result = decode_bytes(&run, input);
    FUZZ_CHECK(result == GRPC_OK || result == GRPC_EFORMAT ||
               (result == GRPC_ENOMEM && run.heap.fail_at != 0) ||
               (result == GRPC_ELIMIT && limit != 0));
    if (result == GRPC_OK) {
        grpc_buffer buffer = {.allocator = run.heap.allocator};
        if (decode_encode(&run, &buffer)) {
            decode_again(run.type, decode_wire(&buffer));
        }
        pb_buffer_fini(&buffer);
    }
    decode_end(&run);
    return 0;
}

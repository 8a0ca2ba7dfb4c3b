// SPDX-License-Identifier: MIT
// The bytes of a stream, cut into messages: whole, in pieces, and by a simple
// loop written here. All three give the same messages and the same end.
//
//   input: longest message, cut, number of the allocation that fails (of the
//   run in pieces; 0: none), then the bytes.

#include "base/arena.h"
#include "base/endian.h"
#include "core/deframe.h"
#include "tests/fuzz/fuzz_kit.h"

struct deframe_seen {
    uint64_t digest;
    size_t messages;
    enum deframe_result end;
};

static void deframe_note(struct deframe_seen *seen, bool compressed,
                         struct view message)
{
    seen->messages++;
    seen->digest = fuzz_digest_number(seen->digest, message.size);
    seen->digest = fuzz_digest_number(seen->digest, compressed);
    seen->digest = fuzz_digest(seen->digest, message);
}

// deframe_simple is what the format says, on all bytes at once.
static struct deframe_seen deframe_simple(struct view input, uint32_t max_bytes)
{
    struct deframe_seen seen = {FUZZ_DIGEST, 0, DEFRAME_MORE};
    while (input.size >= DEFRAME_HEAD) {
        uint8_t flag = input.data[0];
        uint32_t length = load_be32(input.data + 1);
        if (flag > 1 || length > max_bytes) {
            seen.end = flag > 1 ? DEFRAME_BAD_FLAG : DEFRAME_TOO_LARGE;
            break;
        }
        input = view_skip(input, DEFRAME_HEAD);
        if (input.size < length) {
            break;
        }
        deframe_note(&seen, flag == 1, fuzz_take(&input, length));
    }
    return seen;
}

// deframe_piece takes one piece, which is gone behind it.
static enum deframe_result deframe_piece(struct deframe *deframe,
                                         grpc_arena *arena, struct view piece,
                                         struct deframe_seen *seen)
{
    uint8_t *copy = fuzz_copy(piece);
    struct view rest = view_of(copy, piece.size);
    enum deframe_result result = DEFRAME_MESSAGE;
    while (result == DEFRAME_MESSAGE) {
        struct view message;
        size_t before = rest.size;
        result = deframe_next(deframe, arena, &rest, &message);
        FUZZ_CHECK(rest.size <= before);
        arena_check(arena);
        if (result == DEFRAME_MESSAGE) {
            FUZZ_CHECK(deframe_is_between(deframe));
            deframe_note(seen, deframe->compressed, message);
        }
    }
    FUZZ_CHECK(result != DEFRAME_MORE || rest.size == 0);
    free(copy);
    return result;
}

static struct deframe_seen deframe_run(struct view input, uint32_t max_bytes,
                                       struct fuzz_cut cut, size_t fail_at)
{
    struct test_heap heap;
    struct deframe deframe;
    struct deframe_spare spare = {NULL, 0};
    grpc_arena arena = {.cursor = NULL};
    struct deframe_seen seen = {FUZZ_DIGEST, 0, DEFRAME_MORE};
    test_heap_init(&heap);
    heap.fail_at = fail_at;
    arena_bind(&arena, &heap.allocator);
    deframe_init(&deframe, &spare, max_bytes);
    while (input.size > 0 && seen.end == DEFRAME_MORE) {
        size_t before = deframe_wanted(&deframe);
        FUZZ_CHECK(before <= max_bytes);
        struct view piece = fuzz_take(&input, fuzz_cut_next(&cut, input.size));
        seen.end = deframe_piece(&deframe, &arena, piece, &seen);
        if (seen.end == DEFRAME_MORE && before > piece.size) {
            FUZZ_CHECK(deframe_wanted(&deframe) == before - piece.size);
        }
    }
    deframe_fini(&deframe, &arena);
    deframe_spare_fini(&spare, &arena.allocator);
    grpc_arena_free(&arena);
    FUZZ_CHECK(test_heap_is_clean(&heap));
    return seen;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint32_t most[] = {4194304, 0, 10, 1000, 20000, UINT32_MAX};
    struct view input = view_of(data, size);
    uint32_t max_bytes = most[fuzz_byte(&input) % 6];
    struct fuzz_cut cut = fuzz_cut_of(fuzz_byte(&input));
    size_t fail_at = fuzz_byte(&input);
    struct deframe_seen simple = deframe_simple(input, max_bytes);
    struct deframe_seen whole =
        deframe_run(input, max_bytes, fuzz_cut_of(0), 0);
    struct deframe_seen pieces = deframe_run(input, max_bytes, cut, fail_at);
    FUZZ_CHECK(whole.digest == simple.digest && whole.end == simple.end);
    if (pieces.end == DEFRAME_NO_MEMORY) {
        FUZZ_CHECK(fail_at != 0 && pieces.messages <= simple.messages);
    } else {
        FUZZ_CHECK(pieces.digest == simple.digest && pieces.end == simple.end);
    }
    return 0;
}

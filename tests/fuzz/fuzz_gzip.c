// SPDX-License-Identifier: MIT
// Messages compressed with gzip, from a hostile peer: what comes out is never
// more than allowed, does not depend on what came before, and comes through
// when it is compressed again. A build without zlib refuses everything.
//
//   input: most bytes that may come out, number of the allocation that fails
//   (0: none), then the message.

#include "core/compress.h"
#include "tests/fuzz/fuzz_kit.h"

static grpc_result gzip_result(struct compress_registry *registry,
                               struct view in, size_t most, struct view *out)
{
    const char *reason = NULL;
    uint8_t *exact = fuzz_copy(in);
    grpc_result result = compress_decompress(
        registry, 0, view_of(exact, in.size), most, out, &reason);
    free(exact);
    FUZZ_CHECK((result == GRPC_OK) == (reason == NULL));
    FUZZ_CHECK(registry->plain.capacity <= most);
    FUZZ_CHECK(result != GRPC_OK || out->size <= most);
    FUZZ_CHECK(result == GRPC_OK || result == GRPC_EFORMAT ||
               result == GRPC_ELIMIT || result == GRPC_ENOMEM);
    return result;
}

// gzip_again compresses bytes and takes them apart again.
static void gzip_again(struct compress_registry *registry, struct view plain)
{
    const char *reason = NULL;
    struct view packed;
    struct view again;
    uint8_t *exact = fuzz_copy(plain);
    FUZZ_CHECK(compress_message(registry, 0, view_of(exact, plain.size), 5,
                                &packed, &reason) == GRPC_OK);
    // No more than deflate's stored blocks, and the head and tail.
    FUZZ_CHECK(packed.size <= plain.size + plain.size / 1000 + 64);
    FUZZ_CHECK(compress_decompress(registry, 0, packed, plain.size, &again,
                                   &reason) == GRPC_OK);
    FUZZ_CHECK(view_equal(again, view_of(exact, plain.size)));
    free(exact);
}

static void gzip_run(struct view input, size_t most, size_t fail_at)
{
    struct test_heap heap;
    struct compress_registry registry;
    struct view out = {NULL, 0};
    struct view second = {NULL, 0};
    test_heap_init(&heap);
    compress_init(&registry, &heap.allocator);
    heap.fail_at = fail_at;
    grpc_result result = gzip_result(&registry, input, most, &out);
    uint64_t digest = result == GRPC_OK ? fuzz_digest(FUZZ_DIGEST, out) : 0;
    FUZZ_CHECK(result != GRPC_ENOMEM || fail_at != 0);
    heap.fail_at = 0;
    grpc_result again = gzip_result(&registry, input, most, &second);
    FUZZ_CHECK(again == result || result == GRPC_ENOMEM);
    FUZZ_CHECK(result != GRPC_OK || fuzz_digest(FUZZ_DIGEST, second) == digest);
    if (again == GRPC_OK) {
        gzip_again(&registry, second);
    }
    gzip_again(&registry, input);
    compress_fini(&registry);
    FUZZ_CHECK(test_heap_is_clean(&heap));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const size_t most[] = {65536, 0, 10, 1000, 5000, 300000};
    struct view input = view_of(data, size);
    size_t max_bytes = most[fuzz_byte(&input) % 6];
    size_t fail_at = fuzz_byte(&input);
    if ((grpc_features() & GRPC_FEATURE_GZIP) == 0) {
        const grpc_str message = {(const char *)input.data, input.size};
        FUZZ_CHECK(grpc_gzip.decompress(NULL, message, NULL, NULL) ==
                   GRPC_ESTATE);
        return 0;
    }
    gzip_run(input, max_bytes, fail_at);
    return 0;
}

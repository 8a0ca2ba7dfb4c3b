// SPDX-License-Identifier: MIT
// Values of headers that core reads: base64 of "-bin" keys, held against a
// decoder that goes bit by bit, and lists of grpc-accept-encoding, held against
// a search in the text.
//
//   input: the text.

#include "core/base64.h"
#include "core/compress.h"
#include "core/metadata.h"
#include "tests/fuzz/fuzz_kit.h"

// metadata_simple decodes as the format is described: characters to bits, bits
// to bytes. False for what is not base64.
static bool metadata_simple(struct view text, uint8_t *out, size_t *out_size)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                 "abcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t padding = 0;
    while (text.size % 4 == 0 && padding < 2 && text.size > padding &&
           text.data[text.size - 1 - padding] == '=') {
        padding++;
    }
    size_t count = text.size - padding;
    uint32_t bits = 0;
    unsigned held = 0;
    *out_size = 0;
    for (size_t i = 0; i < count; i++) {
        const char *digit =
            text.data[i] == 0 ? NULL : strchr(digits, (char)text.data[i]);
        if (digit == NULL) {
            return false;
        }
        bits = bits << 6 | (uint32_t)(digit - digits);
        held += 6;
        if (held >= 8) {
            held -= 8;
            out[(*out_size)++] = (uint8_t)(bits >> held & 255);
        }
    }
    return count % 4 != 1;
}

static void metadata_base64(struct view text)
{
    size_t most = base64_decoded_max(text.size);
    uint8_t *exact = fuzz_copy(text);
    uint8_t *simple = malloc(text.size + 1);
    char *out = malloc(most + (most == 0));
    char *again = malloc(text.size + 4);
    FUZZ_CHECK(simple != NULL && out != NULL && again != NULL);
    size_t size = 0;
    size_t simple_size = 0;
    bool good = base64_decode(view_of(exact, text.size), out, &size);
    FUZZ_CHECK(good == metadata_simple(text, simple, &simple_size));
    if (good) {
        FUZZ_CHECK(size == simple_size && size <= most);
        FUZZ_CHECK(size == 0 || memcmp(out, simple, size) == 0);
        // Encoded it is the same, but for padding and bits that are left over.
        size_t length = base64_encoded_size(size);
        FUZZ_CHECK(length <= text.size && base64_decoded_max(length) == size);
        base64_encode(view_of(out, size), again);
        FUZZ_CHECK(length < 1 || memcmp(again, text.data, length - 1) == 0);
    }
    free(exact);
    free(simple);
    free(out);
    free(again);
}

static grpc_result metadata_never(void *state, grpc_str message,
                                  grpc_write *write, void *sink)
{
    (void)state;
    (void)message;
    (void)write;
    (void)sink;
    return GRPC_ESTATE;
}

// metadata_holds: some piece of the list, at most the last that counts, is name.
static bool metadata_holds(struct view list, const char *name)
{
    size_t pieces = 0;
    for (size_t at = 0; at <= list.size && pieces < COMPRESS_PIECES; pieces++) {
        size_t end = at;
        while (end < list.size && list.data[end] != ',') {
            end++;
        }
        size_t next = end + 1;
        while (at < end && (list.data[at] == ' ' || list.data[at] == '\t')) {
            at++;
        }
        while (end > at &&
               (list.data[end - 1] == ' ' || list.data[end - 1] == '\t')) {
            end--;
        }
        if (view_equal(view_skip(view_of(list.data, end), at),
                       view_of(name, strlen(name)))) {
            return true;
        }
        at = next;
    }
    return false;
}

static void metadata_accepted(struct view list)
{
    static const char *const names[] = {"a", "ab", "snappy"};
    grpc_compressor compressors[3];
    struct test_heap heap;
    struct compress_registry registry;
    const char *reason = "";
    test_heap_init(&heap);
    compress_init(&registry, &heap.allocator);
    for (int i = 0; i < 3; i++) {
        compressors[i] = (grpc_compressor){.name = names[i],
                                           .compress = metadata_never,
                                           .decompress = metadata_never};
        FUZZ_CHECK(compress_add(&registry, &compressors[i], &reason) ==
                   GRPC_OK);
    }
    uint8_t *exact = fuzz_copy(list);
    uint32_t mask =
        compress_parse_accepted(&registry, view_of(exact, list.size));
    free(exact);
    for (size_t i = 0; i < registry.count; i++) {
        FUZZ_CHECK((mask >> i & 1) ==
                   metadata_holds(list, registry.entries[i].compressor->name));
    }
    FUZZ_CHECK(mask >> registry.count == 0);
    compress_fini(&registry);
    FUZZ_CHECK(heap.calls == 0);
}

static void metadata_text(struct view text)
{
    struct view value = metadata_trim(text);
    FUZZ_CHECK(value.size <= text.size);
    FUZZ_CHECK(value.size == 0 ||
               (value.data[0] != ' ' && value.data[value.size - 1] != ' '));
    FUZZ_CHECK(metadata_check_value(value) == metadata_check_value(text));
    FUZZ_CHECK(!metadata_check_key(text) || metadata_check_value(text));
    FUZZ_CHECK(!metadata_is_reserved(text) || text.size > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct view text = view_of(data, size);
    metadata_base64(text);
    metadata_accepted(text);
    metadata_text(text);
    return 0;
}

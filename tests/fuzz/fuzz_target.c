// SPDX-License-Identifier: MIT
// Texts that users and peers give to core: targets, addresses to listen on,
// grpc-timeout, grpc-message.
//
//   input: the text.

#include "core/percent.h"
#include "core/target.h"
#include "core/timeout.h"
#include "tests/fuzz/fuzz_kit.h"

static void target_check(const struct target *target, bool good,
                         const char *reason)
{
    if (!good) {
        FUZZ_CHECK(reason != NULL && reason[0] != '\0');
        return;
    }
    FUZZ_CHECK(target->count <= TARGET_ADDRESS_MAX);
    FUZZ_CHECK(memchr(target->host, 0, sizeof target->host) != NULL);
    FUZZ_CHECK(memchr(target->authority, 0, sizeof target->authority) != NULL);
}

static void target_both(const char *text)
{
    static struct target target;
    const char *reason = NULL;
    memset(&target, 0xee, sizeof target);
    bool good = target_parse(&target, text, &reason);
    target_check(&target, good, reason);
    if (good) {
        // A channel says what it is connected to, in each of its requests.
        FUZZ_CHECK(target.count > 0 || target.host[0] != '\0');
        FUZZ_CHECK(target.authority[0] != '\0');
        for (const char *c = target.authority; *c != '\0'; c++) {
            FUZZ_CHECK(*c > ' ' && *c != 127);
        }
    }
    reason = NULL;
    memset(&target, 0xee, sizeof target);
    good = target_parse_listen(&target, text, &reason);
    target_check(&target, good, reason);
    FUZZ_CHECK(!good || target.count > 0);
}

// target_timeout: what is written is read as the same, or later.
static void target_timeout(struct view text)
{
    uint64_t ms = 0;
    if (!timeout_parse(text, &ms)) {
        return;
    }
    char again[TIMEOUT_TEXT];
    uint64_t later = 0;
    size_t size = timeout_format(ms, again);
    FUZZ_CHECK(size < TIMEOUT_TEXT);
    FUZZ_CHECK(timeout_parse(view_of(again, size), &later));
    FUZZ_CHECK(later >= ms);
}

// target_message: what was encoded once is the same when it is decoded and
// encoded again.
static void target_message(struct view text)
{
    static char wire[3][4096 * 9];
    if (text.size > 4096) {
        return;
    }
    size_t size = percent_encode(text, wire[0], sizeof wire[0]);
    for (size_t i = 0; i < size; i++) {
        FUZZ_CHECK(wire[0][i] >= ' ' && wire[0][i] <= '~');
    }
    size_t plain = percent_decode(view_of(wire[0], size), wire[1]);
    FUZZ_CHECK(plain <= size);
    size_t again =
        percent_encode(view_of(wire[1], plain), wire[2], sizeof wire[2]);
    FUZZ_CHECK(view_equal(view_of(wire[0], size), view_of(wire[2], again)));
    // Less room cuts the end off and nothing else.
    size_t cut = percent_encode(text, wire[2], size / 2);
    FUZZ_CHECK(cut <= size / 2 && memcmp(wire[0], wire[2], cut) == 0);
    // Escapes that the text itself has.
    FUZZ_CHECK(percent_decode(text, wire[1]) <= text.size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    FUZZ_CHECK(text != NULL);
    if (size > 0) {
        memcpy(text, data, size);
    }
    text[size] = '\0';
    target_both(text);
    free(text);
    target_timeout(view_of(data, size));
    target_message(view_of(data, size));
    return 0;
}

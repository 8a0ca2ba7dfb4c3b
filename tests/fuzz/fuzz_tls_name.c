// SPDX-License-Identifier: MIT
// Names of certificates and of hosts, both from a peer or a user.
//
//   input: the number of names, then each: its type, its size, its bytes; then the
//   host.

#include <arpa/inet.h>

#include "tests/fuzz/fuzz_kit.h"
#include "tls/tls_name.h"

enum { NAME_MOST = 8 };

static char name_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

// name_same compares as DNS does, dots at the end left out.
static bool name_same(const char *a, size_t a_size, const char *b,
                      size_t b_size)
{
    a_size -= a_size > 0 && a[a_size - 1] == '.';
    b_size -= b_size > 0 && b[b_size - 1] == '.';
    for (size_t i = 0; a_size == b_size && i < a_size; i++) {
        if (name_lower(a[i]) != name_lower(b[i])) {
            return false;
        }
    }
    return a_size == b_size;
}

// name_is_of: a simple reader of what the fit claims.
static bool name_is_of(const grpc_tls_name *name, const char *host,
                       tls_name_fit fit)
{
    const char *value = name->value.data;
    size_t size = name->value.size;
    if (name->type == GRPC_NAME_ADDRESS) {
        return fit == TLS_NAME_WHOLE && (size == 4 || size == 16);
    }
    if (name->type != GRPC_NAME_DNS) {
        return false;
    }
    if (fit == TLS_NAME_WHOLE) {
        return name_same(value, size, host, strlen(host));
    }
    const char *dot = strchr(host, '.');
    return size > 2 && memcmp(value, "*.", 2) == 0 && dot != NULL &&
           dot != host &&
           name_same(value + 2, size - 2, dot + 1, strlen(dot + 1));
}

// name_address holds ours against the system's.
static void name_address(const char *host)
{
    uint8_t ours[TLS_NAME_ADDRESS_BYTES];
    uint8_t theirs[TLS_NAME_ADDRESS_BYTES];
    size_t size = tls_name_address(host, ours);
    FUZZ_CHECK(size == 0 || tls_name_is_address(host));
    if (host[0] == '[') {
        return;
    }
    size_t expected = inet_pton(AF_INET, host, theirs) == 1    ? 4
                      : inet_pton(AF_INET6, host, theirs) == 1 ? 16
                                                               : 0;
    FUZZ_CHECK(size == expected);
    FUZZ_CHECK(memcmp(ours, theirs, size) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct view input = view_of(data, size);
    grpc_tls_name names[NAME_MOST];
    uint8_t *copies[NAME_MOST];
    size_t count = fuzz_byte(&input) % (NAME_MOST + 1);
    for (size_t i = 0; i < count; i++) {
        grpc_tls_name_type type =
            (grpc_tls_name_type)(fuzz_byte(&input) % 4 + 1);
        struct view value = fuzz_take(&input, fuzz_byte(&input));
        copies[i] = fuzz_copy(value);
        names[i] = (grpc_tls_name){
            .type = type,
            .value = {.data = (const char *)copies[i], .size = value.size},
        };
    }
    char *host = malloc(input.size + 1);
    FUZZ_CHECK(host != NULL);
    memcpy(host, input.data, input.size);
    host[input.size] = '\0';

    name_address(host);
    tls_name_fit fit = tls_name_fits(names, count, host);
    FUZZ_CHECK(tls_name_matches(names, count, host) == (fit != TLS_NAME_OTHER));
    bool found = fit == TLS_NAME_OTHER;
    for (size_t i = 0; i < count; i++) {
        found = found || name_is_of(&names[i], host, fit);
    }
    FUZZ_CHECK(found);
    grpc_str id = {.data = NULL};
    if (tls_name_spiffe(names, count, &id)) {
        FUZZ_CHECK(id.size > 9 && id.size <= TLS_NAME_SPIFFE_BYTES);
        FUZZ_CHECK(memcmp(id.data + 6, "://", 3) == 0);
        for (size_t i = 0; i < id.size; i++) {
            FUZZ_CHECK(id.data[i] > ' ' && id.data[i] < 127);
        }
    }
    free(host);
    for (size_t i = 0; i < count; i++) {
        free(copies[i]);
    }
    return 0;
}

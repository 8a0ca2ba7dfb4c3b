// SPDX-License-Identifier: MIT
// Credentials of a hostile file: certificates, keys, roots and lists of revoked ones
// that are mere bytes, for servers and clients, made and reloaded. (In a build
// without mbedTLS they are refused.)
//
//   input: flags, number of the allocation that fails (0: none), then the bytes:
//   up to four parts, separated by the byte 0x1e

#include "grpc.h"
#include "tests/fuzz/fuzz_kit.h"

enum {
    CREDENTIALS_PARTS = 4,
    CREDENTIALS_END = 0x1e,
    CREDENTIALS_SERVER = 1,
    CREDENTIALS_PASSWORD = 2,
    CREDENTIALS_MUTUAL = 4,
    CREDENTIALS_RELOAD = 8, // with the parts in another order
    CREDENTIALS_NO_RESUMPTION = 16,
    CREDENTIALS_SAME = 32, // the certificate is also the root
};

static struct test_heap credentials_heap;

static grpc_str credentials_part(struct view *input)
{
    struct view rest = *input;
    size_t size = 0;
    while (size < rest.size && rest.data[size] != CREDENTIALS_END) {
        size++;
    }
    *input = view_skip(rest, size < rest.size ? size + 1 : size);
    return (grpc_str){size > 0 ? (const char *)rest.data : NULL, size};
}

// credentials_options takes the parts in an order that begins with first.
static grpc_tls_options credentials_options(
    const grpc_str parts[CREDENTIALS_PARTS], uint8_t flags, size_t first)
{
    grpc_str part[CREDENTIALS_PARTS];
    bool is_server = (flags & CREDENTIALS_SERVER) != 0;
    for (size_t i = 0; i < CREDENTIALS_PARTS; i++) {
        part[i] = parts[(first + i) % CREDENTIALS_PARTS];
    }
    grpc_tls_options options = {
        .identity = {.certificate = part[0],
                     .key = part[1],
                     .key_password =
                         (flags & CREDENTIALS_PASSWORD) != 0 ? "secret" : NULL},
        .roots = (flags & CREDENTIALS_SAME) != 0 ? part[0] : part[2],
        .crl = part[3],
        .no_resumption = (flags & CREDENTIALS_NO_RESUMPTION) != 0,
        .allocator = credentials_heap.allocator,
    };
    if (is_server && (flags & CREDENTIALS_MUTUAL) != 0) {
        options.clients = GRPC_CLIENTS_REQUIRED;
    }
    // (Else a client's roots are the system's, which are the same each time.)
    if (!is_server && options.roots.size == 0) {
        options.roots = GRPC_STR("x");
    }
    return options;
}

// credentials_check_words: an error is a text.
static void credentials_check_words(const grpc_credentials *credentials,
                                    bool is_good)
{
    const char *error = grpc_credentials_error(credentials);
    FUZZ_CHECK((error[0] == '\0') == is_good);
    for (; *error != '\0'; error++) {
        FUZZ_CHECK((unsigned char)*error >= 0x20 && *error != 0x7f);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct view input = view_of(data, size);
    grpc_str parts[CREDENTIALS_PARTS];
    uint8_t flags = fuzz_byte(&input);
    bool is_server = (flags & CREDENTIALS_SERVER) != 0;
    test_heap_init(&credentials_heap);
    credentials_heap.fail_at = fuzz_byte(&input);
    for (size_t i = 0; i < CREDENTIALS_PARTS; i++) {
        parts[i] = credentials_part(&input);
    }
    grpc_tls_options options = credentials_options(parts, flags, 0);
    grpc_credentials *made =
        is_server ? grpc_tls_server(&options) : grpc_tls_client(&options);
    FUZZ_CHECK(made != NULL);
    credentials_check_words(made, grpc_credentials_error(made)[0] == '\0');
    if ((flags & CREDENTIALS_RELOAD) != 0) {
        options = credentials_options(parts, flags, 1);
        bool is_good = grpc_credentials_reload(made, &options) == GRPC_OK;
        credentials_check_words(made, is_good);
    }
    grpc_credentials_free(made);
    FUZZ_CHECK(test_heap_is_clean(&credentials_heap));
    return 0;
}

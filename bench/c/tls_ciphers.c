// SPDX-License-Identifier: MIT
// How fast mbedTLS's ciphers are, called as a session calls them: one line for
// each cipher, with its name and the nanoseconds for each of the SIZES in bytes.
//
//     tls_ciphers SIZE...

#define _POSIX_C_SOURCE 200809L

#include <mbedtls/chachapoly.h>
#include <mbedtls/gcm.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { BYTES_MAX = 16384, BUDGET = 16 << 20, ROUNDS = 5 };
static unsigned char plain[BYTES_MAX], secret[BYTES_MAX];
static const unsigned char key[32], nonce[12], head[13];
static unsigned char tag[16];

static mbedtls_gcm_context gcm;
static mbedtls_chachapoly_context chachapoly;

static int gcm_seal(size_t size)
{
    return mbedtls_gcm_crypt_and_tag(&gcm, MBEDTLS_GCM_ENCRYPT, size, nonce,
                                     sizeof nonce, head, sizeof head, plain,
                                     secret, sizeof tag, tag);
}

static int chachapoly_seal(size_t size)
{
    return mbedtls_chachapoly_encrypt_and_tag(&chachapoly, size, nonce, head,
                                              sizeof head, plain, secret, tag);
}

static double now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

// least_ns is what one of size bytes takes: the best of some rounds.
static double least_ns(int (*seal)(size_t size), size_t size)
{
    double least = 0;
    size_t count = BUDGET / ROUNDS / (size + 500) + 1;
    for (int round = 0; round < ROUNDS; round++) {
        double began = now_ns();
        for (size_t i = 0; i < count; i++) {
            if (seal(size) != 0) {
                fprintf(stderr, "a cipher fails\n");
                exit(1);
            }
        }
        double each = (now_ns() - began) / (double)count;
        least = round == 0 || each < least ? each : least;
    }
    return least;
}

static void print_line(const char *name, int (*seal)(size_t size), char **sizes)
{
    printf("%s", name);
    for (; *sizes != NULL; sizes++) {
        size_t size = strtoul(*sizes, NULL, 10);
        printf(" %.1f", least_ns(seal, size < BYTES_MAX ? size : BYTES_MAX));
    }
    printf("\n");
}

int main(int argc, char **argv)
{
    (void)argc;
    mbedtls_gcm_init(&gcm);
    mbedtls_chachapoly_init(&chachapoly);
    if (mbedtls_gcm_setkey(&gcm, MBEDTLS_CIPHER_ID_AES, key, 128) != 0 ||
        mbedtls_chachapoly_setkey(&chachapoly, key) != 0) {
        return 1;
    }
    print_line("AES-128-GCM", gcm_seal, argv + 1);
    print_line("ChaCha20-Poly1305", chachapoly_seal, argv + 1);
    mbedtls_gcm_free(&gcm);
    mbedtls_chachapoly_free(&chachapoly);
    return 0;
}

// SPDX-License-Identifier: MIT
// TLS in the middle of simulated connections: a library (grpc.h section 8) around
// the toy of toy_tls.h, or around mbedTLS. It tells of the plain text that goes
// through its sessions, holds the library's use of them against the contract, and
// counts what they meet.

#ifndef TESTS_SIM_SIM_TLS_H
#define TESTS_SIM_SIM_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "grpc.h"

struct conn;

// What is told of every byte of plain text: of the connection conn, which leaves
// its engine, and comes to it.
struct sim_tls_tap {
    void *user;
    struct conn *(*find)(void *user, const void *secure);
    void (*wrote)(void *user, const struct conn *conn, const uint8_t *bytes,
                  size_t size);
    void (*took)(void *user, const struct conn *conn, size_t size);
};

struct sim_tls {
    struct sim_tls_tap tap;
    const grpc_tls_library *inner;
    void *inner_data;
    int contexts; // that are open
    int sessions;
};

// sim_tls_has_real: the build has mbedTLS.
bool sim_tls_has_real(void);

// sim_tls_init: with the toy, whose sessions are as repeatable as all else, or with
// mbedTLS, whose are not. It lives longer than its credentials.
void sim_tls_init(struct sim_tls *tls, bool real,
                  const struct sim_tls_tap *tap);

// sim_tls_check_rest: every context and session has been given back.
void sim_tls_check_rest(const struct sim_tls *tls);

// sim_tls_options are good ones, for the n-th time; bad: they are none.
void sim_tls_options(struct sim_tls *tls, bool is_server, uint32_t n, bool bad,
                     const grpc_allocator *allocator,
                     grpc_tls_options *options);

#endif

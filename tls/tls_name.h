// SPDX-License-Identifier: MIT
// Whom a certificate is for, by its names (subjectAltName). A certificate's
// common name is no name of a host (RFC 9525 section 2).

#ifndef TLS_TLS_NAME_H
#define TLS_TLS_NAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/linkage.h"
#include "grpc.h"

enum {
    TLS_NAME_ADDRESS_BYTES = 16, // of the longest address
    TLS_NAME_SPIFFE_BYTES = 2048,
};

// tls_name_address reads an IP address: its 4 or 16 bytes, and how many; 0 when
// host is none. IPv6 may stand in brackets; a zone ("%eth0") is no part of an
// address that a certificate can have.
INTERNAL size_t tls_name_address(const char *host,
                                 uint8_t address[TLS_NAME_ADDRESS_BYTES]);

// tls_name_is_address is true for what looks like an IP address, with a zone too:
// that is not for SNI (RFC 6066 section 3), and no name matches it.
INTERNAL bool tls_name_is_address(const char *host);

typedef enum tls_name_fit {
    TLS_NAME_OTHER,
    TLS_NAME_WILDCARD, // a name with a *
    TLS_NAME_WHOLE
} tls_name_fit;

// tls_name_fits is how well one of the names is host's (RFC 9525 section 6): a DNS
// name without regard to case, in which * may be the whole first label, and
// stands for one; or, when host is an address, the same address. Dots at the end
// do not count.
INTERNAL tls_name_fit tls_name_fits(const grpc_tls_name *names, size_t count,
                                    const char *host);

// tls_name_matches is true when it fits at all.
INTERNAL bool tls_name_matches(const grpc_tls_name *names, size_t count,
                               const char *host);

// tls_name_spiffe finds the SPIFFE ID: the one URI of a certificate, if it is
// one (gRPC A87; SPIFFE-ID sections 2.1 to 2.4).
INTERNAL bool tls_name_spiffe(const grpc_tls_name *names, size_t count,
                              grpc_str *id);

#endif

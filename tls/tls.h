// SPDX-License-Identifier: MIT
// Transport security: tables of functions that turn plain text into cipher text
// and back, and know nothing of sockets (grpc.h, grpc_tls_library, which has the
// contract; a user's own library is one more such table).
//
//   tls_plain    no security: it has no sessions, and bytes pass as they are
//   tls_mbedtls  TLS 1.2 and 1.3, where GRPC_WITH_MBEDTLS is defined
//
// A session:
//
//   begin                OK               close_notify came
//   -----> handshaking ------> open ------------------------> ended
//              |  ^ |           |  read, write
//              |  +-+ MORE,     |
//              |      AGAIN     |
//              v                v
//           failed  <-----------+  error() tells why
//
// Nothing but end, error and identify is called of one that has failed.

#ifndef TLS_TLS_H
#define TLS_TLS_H

#include "base/linkage.h"
#include "grpc.h"

INTERNAL_DATA const grpc_tls_library tls_plain;
#if defined(GRPC_WITH_MBEDTLS)
INTERNAL_DATA const grpc_tls_library tls_mbedtls;
#endif

#endif

// SPDX-License-Identifier: MIT

#include <stddef.h>

#include "tls/tls.h"

static const char *tls_plain_version(void)
{
    return "none";
}

INTERNAL_DEFINE const grpc_tls_library tls_plain = {
    .version = tls_plain_version,
};

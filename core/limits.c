// SPDX-License-Identifier: MIT

#include "core/limits.h"

#include <stdio.h>

uint64_t limits_least_bytes(const grpc_limits *limits, uint32_t ms)
{
    uint64_t bytes = (uint64_t)limits->write_bytes_per_second * ms / 1000;
    if (bytes > UINT32_MAX) {
        return UINT32_MAX;
    }
    return bytes > 0 ? bytes : 1;
}

void limits_say(const struct h2_limits_fault *fault, char *text, size_t size)
{
    (void)snprintf(text, size, "limits.%s is %lu; it may be %lu to %lu",
                   fault->name, (unsigned long)fault->value,
                   (unsigned long)fault->least, (unsigned long)fault->most);
}

// SPDX-License-Identifier: MIT

#include "core/limits.h"

#include <stdio.h>

void limits_say(const struct h2_limits_fault *fault, char *text, size_t size)
{
    (void)snprintf(text, size, "limits.%s is %lu; it may be %lu to %lu",
                   fault->name, (unsigned long)fault->value,
                   (unsigned long)fault->least, (unsigned long)fault->most);
}

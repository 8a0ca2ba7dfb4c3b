// SPDX-License-Identifier: MIT
// Says which mbedTLS the programs of a flavour run with, and fails when it is not
// the one that they were compiled for.

#include <stdio.h>

#if defined(GRPC_WITH_MBEDTLS)

# include <mbedtls/version.h>

int main(void)
{
    unsigned number = mbedtls_version_get_number();
    (void)printf("mbedTLS %u.%u.%u\n", number >> 24, number >> 16 & 255,
                 number >> 8 & 255);
    if (number != MBEDTLS_VERSION_NUMBER) {
        (void)fprintf(stderr, "compiled for mbedTLS %s\n",
                      MBEDTLS_VERSION_STRING);
        return 1;
    }
    return 0;
}

#else

int main(void)
{
    (void)puts("no mbedTLS");
    return 0;
}

#endif

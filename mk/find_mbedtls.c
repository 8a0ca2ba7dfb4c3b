// SPDX-License-Identifier: MIT
// Compiles and links where there is an mbedTLS that tls/tls_mbedtls.c can use;
// make asks the compiler (mk/flags.mk).

#include <mbedtls/ssl.h>
#include <mbedtls/version.h>

#if MBEDTLS_VERSION_NUMBER < 0x021c0000
# error "2.28 is the oldest"
#endif
#if !defined(MBEDTLS_SSL_TLS_C) || !defined(MBEDTLS_SSL_ALPN) || \
    !defined(MBEDTLS_X509_CRT_PARSE_C)
# error "TLS, ALPN and certificates are needed"
#endif

int main(void)
{
    mbedtls_ssl_config config;
    mbedtls_ssl_config_init(&config);
    mbedtls_ssl_config_free(&config);
    return 0;
}

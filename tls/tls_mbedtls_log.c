// SPDX-License-Identifier: MIT
// The key log: lines of the NSS key log format (as RFC 9850 has it), a label, the
// client's random bytes and a secret.

#include "tls/tls_mbedtls.h"

#include <string.h>

#if defined(GRPC_WITH_MBEDTLS)

enum {
    LOG_RANDOM_BYTES = 32,
    LOG_SECRET_BYTES = 64, // of the longest secret
    LOG_LABEL_BYTES = 40,  // of the longest label, and a space
    LOG_LINE_BYTES =
        LOG_LABEL_BYTES + 2 * LOG_RANDOM_BYTES + 1 + 2 * LOG_SECRET_BYTES + 1,
};

static char *log_hex(char *to, const unsigned char *data, size_t size)
{
    static const char log_digits[] = "0123456789abcdef";
    for (size_t i = 0; i < size; i++) {
        *to++ = log_digits[data[i] >> 4];
        *to++ = log_digits[data[i] & 15];
    }
    return to;
}

static void log_line(const struct tls_mbedtls_context *context,
                     const char *label, const unsigned char *random,
                     const unsigned char *secret, size_t secret_size)
{
    char line[LOG_LINE_BYTES];
    size_t size = strlen(label);
    if (secret_size > LOG_SECRET_BYTES) {
        return; // there is none so long
    }
    memcpy(line, label, size);
    line[size] = ' ';
    char *end = log_hex(line + size + 1, random, LOG_RANDOM_BYTES);
    *end++ = ' ';
    end = log_hex(end, secret, secret_size);
    *end = '\0';
    context->key_log(line, context->key_log_self);
    mbedtls_platform_zeroize(line, sizeof line);
}

# if MBEDTLS_VERSION_MAJOR < 3

#  if defined(MBEDTLS_SSL_EXPORT_KEYS)
static int log_export(void *context_, const unsigned char *secret,
                      const unsigned char *keys, size_t mac_size,
                      size_t key_size, size_t iv_size,
                      const unsigned char client_random[32],
                      const unsigned char server_random[32],
                      mbedtls_tls_prf_types type)
{
    enum { MASTER_SECRET_BYTES = 48 };
    (void)keys;
    (void)mac_size;
    (void)key_size;
    (void)iv_size;
    (void)server_random;
    (void)type;
    log_line(context_, "CLIENT_RANDOM", client_random, secret,
             MASTER_SECRET_BYTES);
    return 0;
}
#  endif

void tls_mbedtls_log_conf(struct tls_mbedtls_context *context)
{
#  if defined(MBEDTLS_SSL_EXPORT_KEYS)
    if (context->key_log != NULL) {
        mbedtls_ssl_conf_export_keys_ext_cb(&context->config, log_export,
                                            context);
    }
#  else
    (void)context;
#  endif
}

void tls_mbedtls_log_begin(struct tls_mbedtls_session *session)
{
    (void)session; // it is the configuration's
}

# else

static void log_export(void *context_, mbedtls_ssl_key_export_type type,
                       const unsigned char *secret, size_t secret_size,
                       const unsigned char client_random[32],
                       const unsigned char server_random[32],
                       mbedtls_tls_prf_types prf)
{
    static const struct {
        mbedtls_ssl_key_export_type type;
        const char *label;
    } log_labels[] = {
        {MBEDTLS_SSL_KEY_EXPORT_TLS12_MASTER_SECRET, "CLIENT_RANDOM"},
#  if defined(MBEDTLS_SSL_PROTO_TLS1_3)
        {MBEDTLS_SSL_KEY_EXPORT_TLS1_3_CLIENT_HANDSHAKE_TRAFFIC_SECRET,
         "CLIENT_HANDSHAKE_TRAFFIC_SECRET"},
        {MBEDTLS_SSL_KEY_EXPORT_TLS1_3_SERVER_HANDSHAKE_TRAFFIC_SECRET,
         "SERVER_HANDSHAKE_TRAFFIC_SECRET"},
        {MBEDTLS_SSL_KEY_EXPORT_TLS1_3_CLIENT_APPLICATION_TRAFFIC_SECRET,
         "CLIENT_TRAFFIC_SECRET_0"},
        {MBEDTLS_SSL_KEY_EXPORT_TLS1_3_SERVER_APPLICATION_TRAFFIC_SECRET,
         "SERVER_TRAFFIC_SECRET_0"},
#  endif
    };
    (void)server_random;
    (void)prf;
    for (size_t i = 0; i < sizeof log_labels / sizeof *log_labels; i++) {
        if (log_labels[i].type == type) {
            log_line(context_, log_labels[i].label, client_random, secret,
                     secret_size);
        }
    }
}

void tls_mbedtls_log_conf(struct tls_mbedtls_context *context)
{
    (void)context; // it is each session's
}

void tls_mbedtls_log_begin(struct tls_mbedtls_session *session)
{
    if (session->context->key_log != NULL) {
        mbedtls_ssl_set_export_keys_cb(&session->ssl, log_export,
                                       session->context);
    }
}

# endif

#endif

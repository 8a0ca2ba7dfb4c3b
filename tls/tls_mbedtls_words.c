// SPDX-License-Identifier: MIT
// What went wrong, in words. mbedTLS's own number stands behind them, in hex and
// brackets: it finds the place in its sources.

#include "tls/tls_mbedtls.h"

#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/view.h"

#if defined(GRPC_WITH_MBEDTLS)

// ---- Alerts -----------------------------------------------------------------

// words_alert is an alert's name (RFC 8446 appendix B.2, with those of RFC 5246).
static const char *words_alert(int number)
{
    static const struct {
        int number;
        const char *name;
    } words_alerts[] = {
        {0, "close_notify"},
        {10, "unexpected_message"},
        {20, "bad_record_mac"},
        {21, "decryption_failed"},
        {22, "record_overflow"},
        {30, "decompression_failure"},
        {40, "handshake_failure"},
        {41, "no_certificate"},
        {42, "bad_certificate"},
        {43, "unsupported_certificate"},
        {44, "certificate_revoked"},
        {45, "certificate_expired"},
        {46, "certificate_unknown"},
        {47, "illegal_parameter"},
        {48, "unknown_ca"},
        {49, "access_denied"},
        {50, "decode_error"},
        {51, "decrypt_error"},
        {60, "export_restriction"},
        {70, "protocol_version"},
        {71, "insufficient_security"},
        {80, "internal_error"},
        {86, "inappropriate_fallback"},
        {90, "user_canceled"},
        {100, "no_renegotiation"},
        {109, "missing_extension"},
        {110, "unsupported_extension"},
        {111, "certificate_unobtainable"},
        {112, "unrecognized_name"},
        {113, "bad_certificate_status_response"},
        {114, "bad_certificate_hash_value"},
        {115, "unknown_psk_identity"},
        {116, "certificate_required"},
        {120, "no_application_protocol"},
    };
    for (size_t i = 0; i < sizeof words_alerts / sizeof *words_alerts; i++) {
        if (words_alerts[i].number == number) {
            return words_alerts[i].name;
        }
    }
    return "which has no name";
}

// words_versions is what we speak, where that may be the reason.
static const char *words_versions(const struct tls_mbedtls_context *context)
{
    return context->max_version == GRPC_TLS_1_2   ? "TLS 1.2"
           : context->min_version == GRPC_TLS_1_3 ? "TLS 1.3"
                                                  : "TLS 1.2 and 1.3";
}

static void words_say_alert(struct tls_mbedtls_session *session, int alert)
{
    enum { HANDSHAKE_FAILURE = 40, PROTOCOL_VERSION = 70 };
    const struct tls_mbedtls_context *context = session->context;
    char *text = session->error;
    size_t room = sizeof session->error;
    if (alert == PROTOCOL_VERSION) {
        (void)snprintf(text, room,
                       "the peer sent alert %d, %s: it wants another version "
                       "than %s",
                       alert, words_alert(alert), words_versions(context));
    } else if (alert == HANDSHAKE_FAILURE && !context->is_server) {
        (void)snprintf(text, room,
                       "the peer sent alert %d, %s: there is no version (here: "
                       "%s), cipher suite or curve in common, or it wants a "
                       "certificate",
                       alert, words_alert(alert), words_versions(context));
    } else {
        (void)snprintf(text, room, "the peer sent alert %d, %s", alert,
                       words_alert(alert));
    }
}

// ---- mbedTLS's errors -------------------------------------------------------

struct words_error {
    int error;
    const char *words;
};

# define WORDS_SIGNATURE \
  "the peer's signature is wrong: it has not its certificate's key"

# define WORDS_KEY "a key of the peer's, or a signature with it, is malformed"

// Names that only some versions have stand in #if.
static const struct words_error words_errors[] = {
    {MBEDTLS_ERR_SSL_INVALID_MAC,
     "a record of the peer's was changed on the way, or is not encrypted with "
     "the right key"},
    {MBEDTLS_ERR_SSL_INVALID_RECORD,
     "the peer sent a record that is malformed"},
    {MBEDTLS_ERR_SSL_BAD_INPUT_DATA,
     "a record of the peer's is larger than it may be, or cannot be read"},
    {MBEDTLS_ERR_SSL_UNEXPECTED_MESSAGE,
     "the peer sent a message that is out of place"},
    {MBEDTLS_ERR_SSL_UNEXPECTED_RECORD,
     "the peer sent a record that is out of place"},
    {MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY,
     "the peer ended the session in the handshake"},
    {MBEDTLS_ERR_SSL_BUFFER_TOO_SMALL,
     "a message is too large for mbedTLS's buffers"},
    {MBEDTLS_ERR_SSL_COUNTER_WRAPPING, "more records than one key is good for"},
    {MBEDTLS_ERR_SSL_INTERNAL_ERROR, "an error within mbedTLS"},
    {MBEDTLS_ERR_SSL_FEATURE_UNAVAILABLE,
     "the peer wants what this build of mbedTLS has not"},
    {MBEDTLS_ERR_SSL_PK_TYPE_MISMATCH,
     "a key is not of the kind that the cipher suite needs"},
    {MBEDTLS_ERR_SSL_PRIVATE_KEY_REQUIRED,
     "there is no private key to sign with"},
    {MBEDTLS_ERR_SSL_CA_CHAIN_REQUIRED, "there are no roots to trust"},
# if defined(MBEDTLS_ERR_PK_SIG_LEN_MISMATCH) // not in 4.x
    {MBEDTLS_ERR_PK_SIG_LEN_MISMATCH, "a signature has the wrong length"},
# endif
# if MBEDTLS_VERSION_MAJOR < 4
    {MBEDTLS_ERR_RSA_VERIFY_FAILED, WORDS_SIGNATURE},
    {MBEDTLS_ERR_RSA_INVALID_PADDING, WORDS_SIGNATURE},
    {MBEDTLS_ERR_ECP_VERIFY_FAILED, WORDS_SIGNATURE},
# endif
# if defined(MBEDTLS_ERR_SSL_NO_CLIENT_CERTIFICATE)
    {MBEDTLS_ERR_SSL_NO_CLIENT_CERTIFICATE,
     "the client has shown no certificate"},
# endif
# if defined(MBEDTLS_ERR_SSL_NO_CIPHER_CHOSEN)
    // (Suites of TLS 1.3 are others.)
    {MBEDTLS_ERR_SSL_NO_CIPHER_CHOSEN,
     "there is no common cipher suite, or the client speaks TLS 1.3 alone"},
    {MBEDTLS_ERR_SSL_NO_USABLE_CIPHERSUITE,
     "there is no common cipher suite that our certificate can be used with"},
# endif
# if MBEDTLS_VERSION_MAJOR < 3
    {MBEDTLS_ERR_SSL_BAD_HS_CLIENT_HELLO,
     "the client's hello is malformed, or offers nothing that we have"},
    {MBEDTLS_ERR_SSL_BAD_HS_SERVER_HELLO,
     "the server's hello is malformed, or chooses what was not offered"},
    {MBEDTLS_ERR_SSL_BAD_HS_CERTIFICATE, "the peer's certificate is malformed"},
    {MBEDTLS_ERR_SSL_BAD_HS_CERTIFICATE_REQUEST,
     "the server's request for a certificate is malformed"},
    {MBEDTLS_ERR_SSL_BAD_HS_SERVER_KEY_EXCHANGE,
     "the server's part of the key exchange is malformed, or not signed with "
     "its key"},
    {MBEDTLS_ERR_SSL_BAD_HS_SERVER_HELLO_DONE,
     "the end of the server's hello is malformed"},
    {MBEDTLS_ERR_SSL_BAD_HS_CLIENT_KEY_EXCHANGE,
     "the client's part of the key exchange is malformed"},
    {MBEDTLS_ERR_SSL_BAD_HS_CLIENT_KEY_EXCHANGE_RP,
     "the client's part of the key exchange is no point of the curve"},
    {MBEDTLS_ERR_SSL_BAD_HS_CLIENT_KEY_EXCHANGE_CS,
     "the client's part of the key exchange gives no secret"},
    {MBEDTLS_ERR_SSL_BAD_HS_CERTIFICATE_VERIFY,
     "the client has not signed with its certificate's key"},
    {MBEDTLS_ERR_SSL_BAD_HS_CHANGE_CIPHER_SPEC,
     "the peer's ChangeCipherSpec is malformed"},
    {MBEDTLS_ERR_SSL_BAD_HS_FINISHED,
     "the handshake was changed on the way, or the keys differ"},
    {MBEDTLS_ERR_SSL_BAD_HS_NEW_SESSION_TICKET,
     "the server's session ticket is malformed"},
# else
    {MBEDTLS_ERR_SSL_HANDSHAKE_FAILURE,
     "there is no common cipher suite, curve or signature that our certificate "
     "can be used with"},
    {MBEDTLS_ERR_SSL_NO_APPLICATION_PROTOCOL,
     "the peer does not agree on HTTP/2 (ALPN \"h2\")"},
    {MBEDTLS_ERR_SSL_DECODE_ERROR,
     "the peer sent a handshake message that is malformed"},
    {MBEDTLS_ERR_SSL_ILLEGAL_PARAMETER,
     "the peer sent a handshake message that contradicts itself or another"},
    {MBEDTLS_ERR_SSL_UNSUPPORTED_EXTENSION,
     "the peer answers with an extension that nobody has asked for"},
    {MBEDTLS_ERR_SSL_UNRECOGNIZED_NAME,
     "the client asks for a name that there is no certificate for"},
    {MBEDTLS_ERR_SSL_BAD_CERTIFICATE, "the peer's certificate is malformed"},
# endif
};

// The modules below TLS, by the ranges of their numbers.
static const struct {
    int first;
    int last;
    const char *words;
} words_modules[] = {
    {0x0060, 0x006C, WORDS_KEY},       // ASN.1
    {0x0095, 0x0095, WORDS_SIGNATURE}, // PSA_ERROR_INVALID_SIGNATURE
    {0x2080, 0x2A7F, "the peer's certificate is malformed"},
    {0x3880, 0x3FFF, WORDS_KEY},
    {0x4080, 0x44FF, WORDS_KEY},
    {0x4B00, 0x4FFF, WORDS_KEY},
};

// words_of finds the words for an error: for the number as it is, for its upper
// part, where the lower one is of a module below, or for the module.
static const char *words_of(int error)
{
    int upper = -error & 0x7f80;
    for (size_t i = 0; i < sizeof words_errors / sizeof *words_errors; i++) {
        if (words_errors[i].error == error || words_errors[i].error == -upper) {
            return words_errors[i].words;
        }
    }
    for (size_t i = 0; i < sizeof words_modules / sizeof *words_modules; i++) {
        if (-error >= words_modules[i].first &&
            -error <= words_modules[i].last) {
            return words_modules[i].words;
        }
    }
    return "TLS failed";
}

static bool words_is_memory(int error)
{
    enum { PSA_INSUFFICIENT_MEMORY = -141 };
    int upper = -(-error & 0x7f80);
    int lower = -(-error & 0x7f);
    return upper == MBEDTLS_ERR_SSL_ALLOC_FAILED ||
           upper == MBEDTLS_ERR_X509_ALLOC_FAILED ||
           upper == MBEDTLS_ERR_PK_ALLOC_FAILED ||
# if MBEDTLS_VERSION_MAJOR < 4
           upper == MBEDTLS_ERR_ECP_ALLOC_FAILED ||
           lower == MBEDTLS_ERR_MPI_ALLOC_FAILED ||
# endif
           lower == MBEDTLS_ERR_ASN1_ALLOC_FAILED ||
           error == PSA_INSUFFICIENT_MEMORY;
}

// words_say writes what went wrong, and mbedTLS's number for it.
static void words_say(char *reason, size_t reason_size, const char *what,
                      int error)
{
    if (reason_size > 0) {
        (void)snprintf(reason, reason_size, "%.200s [-0x%04X]", what,
                       (unsigned)-error);
    }
}

grpc_result tls_mbedtls_refuse(const struct tls_mbedtls_opening *opening,
                               const char *words)
{
    if (opening->reason_size > 0) {
        (void)snprintf(opening->reason, opening->reason_size, "%s", words);
    }
    return GRPC_EINVAL;
}

grpc_result tls_mbedtls_refuse_for(const struct tls_mbedtls_opening *opening,
                                   const char *words, int error)
{
    bool is_memory = words_is_memory(error);
    words_say(opening->reason, opening->reason_size,
              is_memory ? "out of memory" : words, error);
    return is_memory ? GRPC_ENOMEM : GRPC_EINVAL;
}

grpc_result tls_mbedtls_fail_with(struct tls_mbedtls_session *session,
                                  const char *words)
{
    session->has_failed = true;
    (void)snprintf(session->error, sizeof session->error, "%s", words);
    return GRPC_EFORMAT;
}

// words_is_plain_alert: a client that gives up a handshake of TLS 1.3 may not have
// its keys yet, and say why without; mbedTLS decrypts it nevertheless. Anybody can
// say so, but the handshake has failed in any case.
static bool words_is_plain_alert(const struct tls_mbedtls_session *session,
                                 int error)
{
    const unsigned char *last = session->last;
    return error == MBEDTLS_ERR_SSL_INVALID_MAC && !session->is_done &&
           last[0] == MBEDTLS_SSL_MSG_ALERT && last[1] == 3 && last[3] == 0 &&
           last[4] == 2 && last[5] == MBEDTLS_SSL_ALERT_LEVEL_FATAL;
}

// words_is_first: with TLS 1.3 a client is done before the server has looked at its
// certificate; and when mbedTLS's server will not have it, it says so with keys
// that the client uses no more.
static bool words_is_first(const struct tls_mbedtls_session *session, int error)
{
    return error == MBEDTLS_ERR_SSL_INVALID_MAC && session->is_done &&
           !session->has_heard && !session->context->is_server &&
           tls_mbedtls_is_1_3(&session->ssl);
}

// words_no_version: whether one version was too low for the other is not known.
static void words_no_version(struct tls_mbedtls_session *session, int error)
{
    (void)snprintf(session->error, sizeof session->error,
                   "there is no common version: the peer does not speak %s "
                   "[-0x%04X]",
                   words_versions(session->context), (unsigned)-error);
}

grpc_result tls_mbedtls_fail(struct tls_mbedtls_session *session, int error)
{
    size_t room = sizeof session->error;
    bool is_memory = words_is_memory(error);
    session->has_failed = true;
    if (session->context->sign_has_refused) {
        session->context->sign_has_refused = false;
        words_say(session->error, room,
                  "sign did not sign with the private key", error);
    } else if (error == MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE) {
        words_say_alert(session, tls_mbedtls_alert(&session->ssl));
    } else if (words_is_plain_alert(session, error)) {
        words_say_alert(session, session->last[TLS_MBEDTLS_ALERT_RECORD - 1]);
    } else if (words_is_first(session, error)) {
        words_say(session->error, room,
                  "the server's first record cannot be decrypted: it may have "
                  "refused the client's certificate, or that there is none",
                  error);
    } else if (error == TLS_MBEDTLS_NO_VERSION) {
        words_no_version(session, error);
    } else {
        words_say(session->error, room,
                  is_memory ? "out of memory" : words_of(error), error);
    }
    return is_memory ? GRPC_ENOMEM : GRPC_EFORMAT;
}

// ---- Certificates -----------------------------------------------------------

// The flags of a certificate that will not do, the weightiest first, what is
// said about them, and the alert.
static const struct words_flag {
    uint32_t flag;
    unsigned char alert;
    const char *words;
} words_flags[] = {
    {MBEDTLS_X509_BADCERT_MISSING, MBEDTLS_SSL_ALERT_MSG_HANDSHAKE_FAILURE,
     "has not been shown"},
    {MBEDTLS_X509_BADCERT_REVOKED, MBEDTLS_SSL_ALERT_MSG_CERT_REVOKED,
     "has been revoked"},
    {MBEDTLS_X509_BADCERT_NOT_TRUSTED, MBEDTLS_SSL_ALERT_MSG_UNKNOWN_CA,
     "is of an unknown authority"},
    {MBEDTLS_X509_BADCERT_EXPIRED, MBEDTLS_SSL_ALERT_MSG_CERT_EXPIRED,
     "has expired"},
    {MBEDTLS_X509_BADCERT_FUTURE, MBEDTLS_SSL_ALERT_MSG_BAD_CERT,
     "is not valid yet"},
    {MBEDTLS_X509_BADCERT_EXT_KEY_USAGE, MBEDTLS_SSL_ALERT_MSG_UNSUPPORTED_CERT,
     "is not for this end of a connection (extended key usage)"},
    {MBEDTLS_X509_BADCERT_KEY_USAGE, MBEDTLS_SSL_ALERT_MSG_UNSUPPORTED_CERT,
     "is not for signing (key usage)"},
    {MBEDTLS_X509_BADCERT_NS_CERT_TYPE, MBEDTLS_SSL_ALERT_MSG_UNSUPPORTED_CERT,
     "is not for this end of a connection (type)"},
    {MBEDTLS_X509_BADCERT_BAD_MD | MBEDTLS_X509_BADCRL_BAD_MD,
     MBEDTLS_SSL_ALERT_MSG_BAD_CERT, "is signed with a hash that is too weak"},
    {MBEDTLS_X509_BADCERT_BAD_PK | MBEDTLS_X509_BADCRL_BAD_PK,
     MBEDTLS_SSL_ALERT_MSG_UNSUPPORTED_CERT,
     "has a kind of key that is not accepted"},
    {MBEDTLS_X509_BADCERT_BAD_KEY | MBEDTLS_X509_BADCRL_BAD_KEY,
     MBEDTLS_SSL_ALERT_MSG_UNSUPPORTED_CERT,
     "has a key that is too short, or of a curve that is not accepted"},
    {MBEDTLS_X509_BADCRL_NOT_TRUSTED, MBEDTLS_SSL_ALERT_MSG_CERT_UNKNOWN,
     "may be revoked: the list of those is not of its authority"},
    {MBEDTLS_X509_BADCRL_EXPIRED, MBEDTLS_SSL_ALERT_MSG_CERT_UNKNOWN,
     "may be revoked: the list of those has expired"},
    {MBEDTLS_X509_BADCRL_FUTURE, MBEDTLS_SSL_ALERT_MSG_CERT_UNKNOWN,
     "may be revoked: the list of those is not valid yet"},
};

static const struct words_flag *words_flag_of(uint32_t flags)
{
    for (size_t i = 0; i < sizeof words_flags / sizeof *words_flags; i++) {
        if ((flags & words_flags[i].flag) != 0) {
            return &words_flags[i];
        }
    }
    return NULL;
}

unsigned char tls_mbedtls_flags_alert(uint32_t flags)
{
    const struct words_flag *flag = words_flag_of(flags);
    return flag == NULL ? MBEDTLS_SSL_ALERT_MSG_CERT_UNKNOWN : flag->alert;
}

grpc_result tls_mbedtls_fail_unverified(struct tls_mbedtls_session *session,
                                        uint32_t flags)
{
    const struct words_flag *flag = words_flag_of(flags);
    const char *words = flag == NULL ? "will not do" : flag->words;
    if (flags == MBEDTLS_X509_BADCERT_NOT_TRUSTED && session->is_self_signed) {
        words = "is self-signed, and not one of the roots";
    }
    session->has_failed = true;
    (void)snprintf(session->error, sizeof session->error,
                   "the %s's certificate %s [flags 0x%X]",
                   session->context->is_server ? "client" : "server", words,
                   (unsigned)flags);
    return GRPC_EFORMAT;
}

// ---- Plain text -------------------------------------------------------------

static const struct words_plain {
    const char *begin;
    const char *words;
} words_plains[] = {
    {"PRI * HTTP/2", "the peer sends plain text: HTTP/2 without TLS"},
    {"HTTP/", "the peer sends plain text: an answer of HTTP/1"},
    {"GET ", "the peer sends plain text: a request of HTTP/1"},
    {"POST ", "the peer sends plain text: a request of HTTP/1"},
    {"HEAD ", "the peer sends plain text: a request of HTTP/1"},
    {"PUT ", "the peer sends plain text: a request of HTTP/1"},
    {"OPTIONS ", "the peer sends plain text: a request of HTTP/1"},
    {"CONNECT ", "the peer sends plain text: a request of HTTP/1"},
    {"SSH-", "the peer sends plain text: SSH"},
};

enum {
    WORDS_FRAME_HEAD = 9, // of a frame of HTTP/2
    WORDS_FRAME_TYPE = 3, // where its type stands
};

// words_is_frame: HTTP/2's first frame, SETTINGS of stream 0, or what a server
// says to a client that did not begin as it should, GOAWAY. So far as it is there.
static bool words_is_frame(const unsigned char *data, size_t size)
{
    enum { SETTINGS = 4, GOAWAY = 7 };
    for (size_t i = 0; i < size && i < WORDS_FRAME_HEAD; i++) {
        bool good = i == 0   ? data[i] == 0
                    : i <= 2 ? true
                    : i == WORDS_FRAME_TYPE
                        ? data[i] == SETTINGS || data[i] == GOAWAY
                        : data[i] == 0;
        if (!good) {
            return false;
        }
    }
    return true;
}

const char *tls_mbedtls_plain_text(const unsigned char *data, size_t size,
                                   bool *wait)
{
    ASSERT(size > 0);
    *wait = false;
    if (data[0] == MBEDTLS_SSL_MSG_HANDSHAKE ||
        data[0] == MBEDTLS_SSL_MSG_ALERT) {
        return NULL;
    }
    for (size_t i = 0; i < sizeof words_plains / sizeof *words_plains; i++) {
        size_t length = strlen(words_plains[i].begin);
        size_t common = size < length ? size : length;
        if (memcmp(data, words_plains[i].begin, common) == 0) {
            *wait = size < length;
            return words_plains[i].words;
        }
    }
    if (words_is_frame(data, size)) {
        *wait = size < WORDS_FRAME_HEAD;
        return "the peer sends plain text: HTTP/2 without TLS";
    }
    return "the peer does not speak TLS";
}

#endif

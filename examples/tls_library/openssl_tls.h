// A TLS library for cgrpc over OpenSSL 3, to be copied, and a pattern for others:
// wolfSSL, a secure element, a kernel. grpc.h section 8 says what each function is
// to do. Include it in one file, and give its table to credentials:
//
//     .library = &openssl_tls
//
// OpenSSL asks for input and gives output through a BIO, here one of our own: it
// finds both in the grpc_tls_io of the function that is being called. Nothing is
// kept in between, and no byte is copied twice.
//
// What it cannot do: sign (OpenSSL takes keys that are elsewhere from providers:
// pass such an EVP_PKEY as key_object).

#ifndef EXAMPLES_OPENSSL_TLS_H
#define EXAMPLES_OPENSSL_TLS_H

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#include "grpc.h"

// A certificate of ours.
struct openssl_identity {
    X509 *certificate;
    STACK_OF(X509) * chain; // those that lead to a root
    EVP_PKEY *key;
};

struct openssl_context {
    SSL_CTX *ctx;
    BIO_METHOD *pipe;
    bool is_server;
    bool check_nothing;
    bool allow_no_alpn;
    void (*key_log)(const char *line, void *self);
    void *self;
    struct openssl_identity *more; // for clients that ask for a name of theirs
    size_t more_count;
    // Client: where the next connection to that server may go on.
    SSL_SESSION *last;
    char last_name[256];
};

struct openssl_session {
    struct openssl_context *context;
    const grpc_tls_peer *peer;
    SSL *ssl;
    grpc_tls_io *io;  // of the function that is being called
    bool is_verified; // the peer's certificate leads to a root
    bool has_failed;
    char error[256];
};

// ---- What went wrong, in words -------------------------------------------------

// OpenSSL has a queue of errors for each thread: the first is the cause. It has to
// be empty when a function is called, or SSL_get_error() finds an old one.
static void openssl_words(const char *what, char *text, size_t size)
{
    unsigned long error = ERR_get_error();
    const char *words = ERR_reason_error_string(error);
    int alert = ERR_GET_REASON(error) - SSL_AD_REASON_OFFSET;
    if (ERR_GET_LIB(error) == ERR_LIB_SSL && alert >= 0 && alert < 256) {
        snprintf(text, size, "the peer sent alert %d, %s", alert,
                 SSL_alert_desc_string_long(alert));
    } else {
        snprintf(text, size, "%s: %s", what,
                 words != NULL ? words : "OpenSSL does not say why");
    }
    ERR_clear_error();
}

static grpc_result openssl_fail(struct openssl_session *session)
{
    long verified = SSL_get_verify_result(session->ssl);
    session->has_failed = true;
    if (ERR_GET_REASON(ERR_peek_error()) == SSL_R_CERTIFICATE_VERIFY_FAILED) {
        snprintf(session->error, sizeof session->error,
                 "the peer's certificate: %s",
                 X509_verify_cert_error_string(verified));
        ERR_clear_error();
    } else {
        openssl_words("TLS failed", session->error, sizeof session->error);
    }
    return GRPC_EFORMAT;
}

// ---- Input and output ----------------------------------------------------------

static int openssl_pipe_read(BIO *bio, char *data, size_t room, size_t *size)
{
    grpc_tls_io *io = ((struct openssl_session *)BIO_get_data(bio))->io;
    *size = room < io->input_size ? room : io->input_size;
    BIO_clear_retry_flags(bio);
    if (*size == 0) {
        BIO_set_retry_read(bio);
        return 0;
    }
    memcpy(data, io->input, *size);
    io->input += *size;
    io->input_size -= *size;
    return 1;
}

static int openssl_pipe_write(BIO *bio, const char *data, size_t size,
                              size_t *written)
{
    grpc_tls_io *io = ((struct openssl_session *)BIO_get_data(bio))->io;
    size_t room = io->output_room - io->output_size;
    *written = size < room ? size : room;
    BIO_clear_retry_flags(bio);
    if (*written == 0) {
        BIO_set_retry_write(bio);
        return 0;
    }
    memcpy(io->output + io->output_size, data, *written);
    io->output_size += *written;
    return 1;
}

static long openssl_pipe_control(BIO *bio, int command, long number,
                                 void *pointer)
{
    (void)bio;
    (void)number;
    (void)pointer;
    return command == BIO_CTRL_FLUSH; // there is nothing to flush
}

static BIO_METHOD *openssl_pipe(void)
{
    BIO_METHOD *pipe = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "grpc_tls_io");
    if (pipe != NULL) {
        BIO_meth_set_read_ex(pipe, openssl_pipe_read);
        BIO_meth_set_write_ex(pipe, openssl_pipe_write);
        BIO_meth_set_ctrl(pipe, openssl_pipe_control);
    }
    return pipe;
}

// ---- The peer ------------------------------------------------------------------

static const char *openssl_copy(grpc_arena *arena, const void *data, int size)
{
    char *copy = grpc_arena_alloc(arena, (size_t)size + 1);
    if (copy != NULL) {
        memcpy(copy, data, (size_t)size);
        copy[size] = '\0';
    }
    return copy;
}

// openssl_name is false without memory. Names of other types are left out.
static bool openssl_name(const GENERAL_NAME *from, grpc_arena *arena,
                         grpc_tls_name *names, size_t *count)
{
    static const struct {
        int from;
        grpc_tls_name_type to;
    } types[] = {
        {GEN_DNS, GRPC_NAME_DNS},
        {GEN_URI, GRPC_NAME_URI},
        {GEN_IPADD, GRPC_NAME_ADDRESS},
        {GEN_EMAIL, GRPC_NAME_EMAIL},
    };
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (from->type != types[i].from) {
            continue;
        }
        const ASN1_STRING *value = from->d.ia5; // these four are strings
        int size = ASN1_STRING_length(value);
        grpc_tls_name *name = &names[(*count)++];
        name->type = types[i].to;
        name->value.data =
            openssl_copy(arena, ASN1_STRING_get0_data(value), size);
        name->value.size = (size_t)size;
        return name->value.data != NULL;
    }
    return true;
}

static bool openssl_names(const X509 *certificate, grpc_arena *arena,
                          grpc_identity *identity)
{
    GENERAL_NAMES *all =
        X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    int count = all != NULL ? sk_GENERAL_NAME_num(all) : 0;
    grpc_tls_name *names =
        grpc_arena_alloc(arena, ((size_t)count + 1) * sizeof *names);
    bool good = names != NULL;
    for (int i = 0; i < count && good; i++) {
        good = openssl_name(sk_GENERAL_NAME_value(all, i), arena, names,
                            &identity->name_count);
    }
    identity->names = names;
    GENERAL_NAMES_free(all);
    return good;
}

static bool openssl_subject(const X509 *certificate, grpc_arena *arena,
                            grpc_identity *identity)
{
    BIO *text = BIO_new(BIO_s_mem());
    char *data = NULL;
    if (text != NULL &&
        X509_NAME_print_ex(text, X509_get_subject_name(certificate), 0,
                           XN_FLAG_SEP_CPLUS_SPC |
                               (ASN1_STRFLGS_RFC2253 &
                                ~(unsigned long)ASN1_STRFLGS_ESC_MSB)) >= 0) {
        int size = (int)BIO_get_mem_data(text, &data);
        identity->subject = openssl_copy(arena, data, size);
    }
    BIO_free(text);
    return identity->subject != NULL;
}

static bool openssl_der(X509 *certificate, grpc_arena *arena,
                        grpc_identity *identity)
{
    unsigned char *der = NULL;
    int size = i2d_X509(certificate, &der);
    if (size < 0) {
        return false;
    }
    identity->certificate.data = openssl_copy(arena, der, size);
    identity->certificate.size = (size_t)size;
    OPENSSL_free(der);
    return identity->certificate.data != NULL;
}

// openssl_describe: certificate may be NULL, as a client need not show one.
static grpc_result openssl_describe(const struct openssl_session *session,
                                    X509 *certificate, grpc_arena *arena,
                                    grpc_identity *identity)
{
    const unsigned char *alpn;
    unsigned alpn_size;
    const SSL_CIPHER *cipher = SSL_get_current_cipher(session->ssl);
    if (cipher == NULL) { // within the handshake
        cipher = SSL_get_pending_cipher(session->ssl);
    }
    SSL_get0_alpn_selected(session->ssl, &alpn, &alpn_size);
    *identity = (grpc_identity){
        .protocol =
            SSL_version(session->ssl) == TLS1_3_VERSION ? "TLS 1.3" : "TLS 1.2",
        .cipher = cipher != NULL ? SSL_CIPHER_standard_name(cipher) : "",
        .alpn = openssl_copy(arena, alpn_size > 0 ? (const void *)alpn : "",
                             (int)alpn_size),
        .is_resumed = SSL_session_reused(session->ssl) == 1,
        .is_verified = certificate != NULL && session->is_verified,
        .subject = "",
        .spiffe_id = "",
    };
    if (identity->alpn == NULL) {
        return GRPC_ENOMEM;
    }
    if (certificate == NULL) {
        return GRPC_OK;
    }
    return openssl_der(certificate, arena, identity) &&
                   openssl_subject(certificate, arena, identity) &&
                   openssl_names(certificate, arena, identity)
               ? GRPC_OK
               : GRPC_ENOMEM;
}

static grpc_result openssl_identify(void *session_, grpc_arena *arena,
                                    grpc_identity *identity)
{
    struct openssl_session *session = session_;
    return openssl_describe(session, SSL_get0_peer_certificate(session->ssl),
                            arena, identity);
}

// openssl_check asks cgrpc whether this peer will do.
static grpc_result openssl_check(struct openssl_session *session,
                                 X509 *certificate)
{
    grpc_arena arena = {0};
    grpc_identity identity;
    grpc_result result =
        openssl_describe(session, certificate, &arena, &identity);
    if (result == GRPC_OK) {
        result = session->peer->check(session->peer->check_self, &identity);
    }
    grpc_arena_free(&arena);
    return result;
}

// openssl_verify is asked of the chain that a peer shows. The error that it sets
// is what the peer's alert is made of.
static int openssl_verify(X509_STORE_CTX *store, void *unused)
{
    SSL *ssl =
        X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct openssl_session *session = SSL_get_app_data(ssl);
    (void)unused;
    session->is_verified = X509_verify_cert(store) == 1;
    if (!session->is_verified && !session->context->check_nothing) {
        return 0;
    }
    if (openssl_check(session, X509_STORE_CTX_get0_cert(store)) != GRPC_OK) {
        X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_REJECTED);
        return 0;
    }
    return 1;
}

// openssl_forgive: an authority without a list has revoked nothing.
static int openssl_forgive(int good, X509_STORE_CTX *store)
{
    if (!good &&
        X509_STORE_CTX_get_error(store) == X509_V_ERR_UNABLE_TO_GET_CRL) {
        X509_STORE_CTX_set_error(store, X509_V_OK);
        return 1;
    }
    return good;
}

// ---- What both sides agree on --------------------------------------------------

static const unsigned char openssl_h2[] = {2, 'h', '2'}; // as ALPN has it

static int openssl_select(SSL *ssl, const unsigned char **chosen,
                          unsigned char *chosen_size,
                          const unsigned char *offered, unsigned offered_size,
                          void *unused)
{
    (void)ssl;
    (void)unused;
    unsigned char *found;
    if (SSL_select_next_proto(&found, chosen_size, openssl_h2,
                              sizeof openssl_h2, offered,
                              offered_size) != OPENSSL_NPN_NEGOTIATED) {
        return SSL_TLSEXT_ERR_ALERT_FATAL; // no_application_protocol
    }
    *chosen = found;
    return SSL_TLSEXT_ERR_OK;
}

// openssl_hello: a client that offers no protocol at all is not asked above.
static int openssl_hello(SSL *ssl, int *alert, void *context_)
{
    const struct openssl_context *context = context_;
    const unsigned char *data;
    size_t size;
    if (context->allow_no_alpn ||
        SSL_client_hello_get0_ext(
            ssl, TLSEXT_TYPE_application_layer_protocol_negotiation, &data,
            &size) == 1) {
        return SSL_CLIENT_HELLO_SUCCESS;
    }
    *alert = SSL_AD_NO_APPLICATION_PROTOCOL;
    ERR_raise(ERR_LIB_SSL, SSL_R_NO_APPLICATION_PROTOCOL);
    return SSL_CLIENT_HELLO_ERROR;
}

// openssl_choose finds the certificate that a client asks for.
static int openssl_choose(SSL *ssl, int *alert, void *context_)
{
    const struct openssl_context *context = context_;
    const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    (void)alert;
    for (size_t i = 0; i < context->more_count && name != NULL; i++) {
        const struct openssl_identity *from = &context->more[i];
        if (X509_check_host(from->certificate, name, 0, 0, NULL) == 1) {
            SSL_use_cert_and_key(ssl, from->certificate, from->key, from->chain,
                                 1);
            return SSL_TLSEXT_ERR_OK;
        }
    }
    return SSL_TLSEXT_ERR_OK; // else the first
}

static void openssl_key_log(const SSL *ssl, const char *line)
{
    const struct openssl_session *session = SSL_get_app_data(ssl);
    session->context->key_log(line, session->context->self);
}

// openssl_keep_session: the next connection to that server will be cheaper. (With
// TLS 1.3 it comes with the data, perhaps more than once.)
static int openssl_keep_session(SSL *ssl, SSL_SESSION *last)
{
    struct openssl_session *session = SSL_get_app_data(ssl);
    struct openssl_context *context = session->context;
    const char *name = session->peer->server_name;
    if (name == NULL || strlen(name) >= sizeof context->last_name) {
        return 0;
    }
    SSL_SESSION_free(context->last);
    context->last = last;
    memcpy(context->last_name, name, strlen(name) + 1);
    return 1; // it is ours now
}

// ---- Open: what options say ----------------------------------------------------

// Where what has gone wrong is told.
struct openssl_reason {
    char *text;
    size_t size;
};

static bool openssl_refuse(const struct openssl_reason *reason,
                           const char *what)
{
    openssl_words(what, reason->text, reason->size);
    return false;
}

// (Without this OpenSSL would ask for a password at the terminal.)
static int openssl_password(char *buffer, int room, int unused, void *password)
{
    int size = password != NULL ? (int)strlen(password) : 0;
    (void)unused;
    if (size == 0 || size > room) {
        return -1;
    }
    memcpy(buffer, password, (size_t)size);
    return size;
}

static bool openssl_is_pem(grpc_str bytes)
{
    return strstr(bytes.data, "-----BEGIN") != NULL;
}

// openssl_certificates reads all that there are; NULL: none, or one that is wrong.
static STACK_OF(X509) * openssl_certificates(grpc_str bytes)
{
    BIO *bio = BIO_new_mem_buf(bytes.data, (int)bytes.size);
    STACK_OF(X509) *all = sk_X509_new_null();
    bool is_pem = openssl_is_pem(bytes);
    X509 *next;
    while (bio != NULL && all != NULL &&
           (next = is_pem ? PEM_read_bio_X509(bio, NULL, openssl_password, NULL)
                          : d2i_X509_bio(bio, NULL)) != NULL) {
        if (sk_X509_push(all, next) == 0) {
            X509_free(next);
            break;
        }
    }
    bool at_end = bio != NULL && (!is_pem || ERR_GET_REASON(ERR_peek_error()) ==
                                                 PEM_R_NO_START_LINE);
    BIO_free(bio);
    if (at_end && sk_X509_num(all) > 0) {
        ERR_clear_error();
        return all;
    }
    sk_X509_pop_free(all, X509_free);
    return NULL;
}

static EVP_PKEY *openssl_key(const grpc_tls_identity *from)
{
    if (from->key_object != NULL) {
        EVP_PKEY *key = from->key_object; // borrowed: we hold it, too
        return EVP_PKEY_up_ref(key) == 1 ? key : NULL;
    }
    BIO *bio = BIO_new_mem_buf(from->key.data, (int)from->key.size);
    EVP_PKEY *key = bio == NULL ? NULL
                    : openssl_is_pem(from->key)
                        ? PEM_read_bio_PrivateKey(bio, NULL, openssl_password,
                                                  (void *)from->key_password)
                        : d2i_PrivateKey_bio(bio, NULL);
    BIO_free(bio);
    return key;
}

static void openssl_identity_free(struct openssl_identity *identity)
{
    X509_free(identity->certificate);
    sk_X509_pop_free(identity->chain, X509_free);
    EVP_PKEY_free(identity->key);
}

static bool openssl_load(const grpc_tls_identity *from,
                         struct openssl_identity *identity,
                         const struct openssl_reason *reason)
{
    *identity = (struct openssl_identity){
        .chain = openssl_certificates(from->certificate),
    };
    if (identity->chain == NULL) {
        return openssl_refuse(reason, "the certificate cannot be read");
    }
    identity->certificate = sk_X509_shift(identity->chain);
    if (from->sign != NULL) {
        return openssl_refuse(reason, "sign is not for OpenSSL");
    }
    identity->key = openssl_key(from);
    if (identity->key == NULL) {
        return openssl_refuse(reason, "the private key cannot be read");
    }
    return X509_check_private_key(identity->certificate, identity->key) == 1 ||
           openssl_refuse(reason, "the key is not that of the certificate");
}

static bool openssl_open_identity(struct openssl_context *context,
                                  const grpc_tls_options *options,
                                  const struct openssl_reason *reason)
{
    struct openssl_identity own;
    if (options->identity.certificate.size == 0) {
        return true; // a client without
    }
    bool good = openssl_load(&options->identity, &own, reason);
    if (good && SSL_CTX_use_cert_and_key(context->ctx, own.certificate, own.key,
                                         own.chain, 1) != 1) {
        good = openssl_refuse(reason, "the certificate cannot be used");
    }
    openssl_identity_free(&own);
    return good;
}

static bool openssl_open_more(struct openssl_context *context,
                              const grpc_tls_options *options,
                              const struct openssl_reason *reason)
{
    if (options->more_count == 0) {
        return true;
    }
    context->more = OPENSSL_zalloc(options->more_count * sizeof *context->more);
    if (context->more == NULL) {
        return openssl_refuse(reason, "more");
    }
    for (size_t i = 0; i < options->more_count; i++) {
        context->more_count++;
        if (!openssl_load(&options->more[i], &context->more[i], reason)) {
            return false;
        }
    }
    return true;
}

static bool openssl_open_roots(struct openssl_context *context,
                               const grpc_tls_options *options,
                               const struct openssl_reason *reason)
{
    X509_STORE *store = SSL_CTX_get_cert_store(context->ctx);
    if (options->roots.size == 0) {
        return true;
    }
    // A root need not have signed itself.
    X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN);
    STACK_OF(X509) *roots = openssl_certificates(options->roots);
    bool good = roots != NULL;
    for (int i = 0; good && i < sk_X509_num(roots); i++) {
        X509 *root = sk_X509_value(roots, i);
        good = X509_STORE_add_cert(store, root) == 1 &&
               // Clients are told whose certificates will do.
               (!context->is_server ||
                SSL_CTX_add_client_CA(context->ctx, root) == 1);
    }
    sk_X509_pop_free(roots, X509_free);
    return good || openssl_refuse(reason, "the roots cannot be read");
}

static bool openssl_open_crl(struct openssl_context *context,
                             const grpc_tls_options *options,
                             const struct openssl_reason *reason)
{
    X509_STORE *store = SSL_CTX_get_cert_store(context->ctx);
    if (options->crl.size == 0) {
        return true;
    }
    BIO *bio = BIO_new_mem_buf(options->crl.data, (int)options->crl.size);
    bool is_pem = openssl_is_pem(options->crl);
    X509_CRL *crl;
    int count = 0;
    while (bio != NULL &&
           (crl = is_pem
                      ? PEM_read_bio_X509_CRL(bio, NULL, openssl_password, NULL)
                      : d2i_X509_CRL_bio(bio, NULL)) != NULL) {
        count += X509_STORE_add_crl(store, crl);
        X509_CRL_free(crl);
    }
    BIO_free(bio);
    X509_STORE_set_flags(store,
                         X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
    X509_STORE_set_verify_cb(store, openssl_forgive);
    if (count == 0) {
        return openssl_refuse(reason, "what is revoked cannot be read");
    }
    ERR_clear_error(); // of the end of the text
    return true;
}

static bool openssl_open_rules(struct openssl_context *context,
                               const grpc_tls_options *options,
                               const struct openssl_reason *reason)
{
    SSL_CTX *ctx = context->ctx;
    int least =
        options->min_version != 0 ? (int)options->min_version : TLS1_2_VERSION;
    if (SSL_CTX_set_min_proto_version(ctx, least) != 1 ||
        SSL_CTX_set_max_proto_version(ctx, (int)options->max_version) != 1 ||
        // Of TLS 1.2's those that HTTP/2 allows (RFC 9113 appendix A).
        SSL_CTX_set_cipher_list(ctx, "ECDHE+AESGCM:ECDHE+CHACHA20") != 1 ||
        SSL_CTX_set_alpn_protos(ctx, openssl_h2, sizeof openssl_h2) != 0 ||
        SSL_CTX_set_session_id_context(ctx, openssl_h2, sizeof openssl_h2) !=
            1) {
        return openssl_refuse(reason, "versions and cipher suites");
    }
    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                 SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_mode(ctx,
                     SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_RELEASE_BUFFERS);
    return true;
}

static void openssl_open_callbacks(struct openssl_context *context,
                                   const grpc_tls_options *options)
{
    static const int modes[] = {
        [GRPC_CLIENTS_UNKNOWN] = SSL_VERIFY_NONE,
        [GRPC_CLIENTS_REQUESTED] = SSL_VERIFY_PEER,
        [GRPC_CLIENTS_REQUIRED] =
            SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
    };
    SSL_CTX *ctx = context->ctx;
    SSL_CTX_set_verify(
        ctx, context->is_server ? modes[options->clients] : SSL_VERIFY_PEER,
        NULL);
    SSL_CTX_set_cert_verify_callback(ctx, openssl_verify, NULL);
    SSL_CTX_set_alpn_select_cb(ctx, openssl_select, NULL);
    SSL_CTX_set_client_hello_cb(ctx, openssl_hello, context);
    SSL_CTX_set_tlsext_servername_callback(ctx, openssl_choose);
    SSL_CTX_set_tlsext_servername_arg(ctx, context);
    if (options->key_log != NULL) {
        SSL_CTX_set_keylog_callback(ctx, openssl_key_log);
    }
    if (options->no_resumption) {
        SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
        SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
        SSL_CTX_set_num_tickets(ctx, 0);
    } else if (!context->is_server) {
        SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT |
                                                SSL_SESS_CACHE_NO_INTERNAL);
        SSL_CTX_sess_set_new_cb(ctx, openssl_keep_session);
    }
}

static void openssl_close(void *context_)
{
    struct openssl_context *context = context_;
    for (size_t i = 0; i < context->more_count; i++) {
        openssl_identity_free(&context->more[i]);
    }
    OPENSSL_free(context->more);
    SSL_SESSION_free(context->last);
    SSL_CTX_free(context->ctx);
    BIO_meth_free(context->pipe);
    OPENSSL_free(context);
}

static grpc_result openssl_open(const grpc_tls_options *options, bool is_server,
                                void **out_context, char *text, size_t size)
{
    const struct openssl_reason reason = {text, size};
    struct openssl_context *context = OPENSSL_zalloc(sizeof *context);
    if (context == NULL) {
        return GRPC_ENOMEM;
    }
    ERR_clear_error();
    context->ctx = SSL_CTX_new(TLS_method());
    context->pipe = openssl_pipe();
    context->is_server = is_server;
    context->check_nothing = options->check == GRPC_CHECK_NOTHING;
    context->allow_no_alpn = options->allow_no_alpn;
    context->key_log = options->key_log;
    context->self = options->self;
    if (context->ctx == NULL || context->pipe == NULL ||
        !openssl_open_rules(context, options, &reason) ||
        !openssl_open_identity(context, options, &reason) ||
        !openssl_open_more(context, options, &reason) ||
        !openssl_open_roots(context, options, &reason) ||
        !openssl_open_crl(context, options, &reason)) {
        openssl_close(context);
        return GRPC_EINVAL;
    }
    openssl_open_callbacks(context, options);
    *out_context = context;
    return GRPC_OK;
}

// ---- Sessions ------------------------------------------------------------------

static void openssl_end(void *session_)
{
    struct openssl_session *session = session_;
    // (OpenSSL does not go on from a session that ended without close_notify.)
    SSL_free(session->ssl);
    OPENSSL_free(session);
}

// openssl_offer has a client go on from the last session with that server. A
// ticket of TLS 1.3 is used once: who sees it twice knows that it is the same
// client's.
static void openssl_offer(struct openssl_session *session, const char *name)
{
    struct openssl_context *context = session->context;
    if (context->last == NULL || strcmp(context->last_name, name) != 0) {
        return;
    }
    SSL_set_session(session->ssl, context->last);
    if (SSL_SESSION_get_protocol_version(context->last) == TLS1_3_VERSION) {
        SSL_SESSION_free(context->last);
        context->last = NULL;
    }
}

// openssl_begin_client names the server, unless that is an address.
static bool openssl_begin_client(struct openssl_session *session)
{
    const char *name = session->peer->server_name;
    SSL_set_connect_state(session->ssl);
    if (name == NULL || name[0] == '\0') {
        return true;
    }
    openssl_offer(session, name);
    ASN1_OCTET_STRING *address = a2i_IPADDRESS(name);
    bool is_address = address != NULL;
    ASN1_OCTET_STRING_free(address);
    return is_address || SSL_set_tlsext_host_name(session->ssl, name) == 1;
}

static void *openssl_begin(void *context_, const grpc_tls_peer *peer)
{
    struct openssl_context *context = context_;
    struct openssl_session *session = OPENSSL_zalloc(sizeof *session);
    if (session == NULL) {
        return NULL;
    }
    session->context = context;
    session->peer = peer;
    session->ssl = SSL_new(context->ctx);
    BIO *bio = BIO_new(context->pipe);
    if (session->ssl == NULL || bio == NULL) {
        BIO_free(bio);
        openssl_end(session);
        return NULL;
    }
    BIO_set_data(bio, session);
    BIO_set_init(bio, 1);
    SSL_set_bio(session->ssl, bio, bio); // which frees it
    SSL_set_app_data(session->ssl, session);
    if (context->is_server) {
        SSL_set_accept_state(session->ssl);
    } else if (!openssl_begin_client(session)) {
        openssl_end(session);
        return NULL;
    }
    return session;
}

// openssl_result is that of a function which has returned result.
static grpc_result openssl_result(struct openssl_session *session, int result)
{
    switch (SSL_get_error(session->ssl, result)) {
    case SSL_ERROR_NONE:
        return GRPC_OK;
    case SSL_ERROR_WANT_READ:
        return GRPC_AGAIN;
    case SSL_ERROR_WANT_WRITE:
        return GRPC_MORE; // when there is room again
    case SSL_ERROR_ZERO_RETURN:
        return GRPC_ESTATE;
    default:
        return openssl_fail(session);
    }
}

static grpc_result openssl_handshake(void *session_, grpc_tls_io *io)
{
    struct openssl_session *session = session_;
    ERR_clear_error();
    session->io = io;
    grpc_result result =
        openssl_result(session, SSL_do_handshake(session->ssl));
    if (result == GRPC_OK && SSL_session_reused(session->ssl) == 1) {
        session->is_verified = SSL_get_verify_result(session->ssl) == X509_V_OK;
    }
    return result;
}

static grpc_result openssl_read(void *session_, grpc_tls_io *io,
                                unsigned char *data, size_t room, size_t *size)
{
    struct openssl_session *session = session_;
    ERR_clear_error();
    session->io = io;
    grpc_result result =
        openssl_result(session, SSL_read_ex(session->ssl, data, room, size));
    // (What a peer induces here, such as warnings, may fill the output: then we
    // are called again with what input is left.)
    return result == GRPC_MORE ? GRPC_AGAIN : result;
}

static grpc_result openssl_write(void *session_, grpc_tls_io *io,
                                 const unsigned char *data, size_t *size)
{
    struct openssl_session *session = session_;
    size_t most = *size < GRPC_TLS_RECORD_BYTES ? *size : GRPC_TLS_RECORD_BYTES;
    ERR_clear_error();
    session->io = io;
    if (SSL_write_ex(session->ssl, data, most, size) == 1) {
        return GRPC_OK;
    }
    return openssl_fail(session);
}

static void openssl_finish(void *session_, grpc_tls_io *io)
{
    struct openssl_session *session = session_;
    session->io = io;
    if (!session->has_failed) {
        ERR_clear_error();
        SSL_shutdown(session->ssl);
    }
}

static const char *openssl_error(void *session_)
{
    return ((struct openssl_session *)session_)->error;
}

static const char *openssl_version(void)
{
    return OpenSSL_version(OPENSSL_VERSION);
}

static const grpc_tls_library openssl_tls = {
    .version = openssl_version,
    .open = openssl_open,
    .close = openssl_close,
    .begin = openssl_begin,
    .end = openssl_end,
    .handshake = openssl_handshake,
    .read = openssl_read,
    .write = openssl_write,
    .finish = openssl_finish,
    .identify = openssl_identify,
    .error = openssl_error,
};

#endif

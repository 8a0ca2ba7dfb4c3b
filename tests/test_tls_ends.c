// SPDX-License-Identifier: MIT
// TLS from end to end with mbedTLS, and what goes wrong: each with the words that
// the call's status has, and the server's log.

#include "tests/unit.h"

#include "tests/secure_kit.h"

#if defined(GRPC_WITH_MBEDTLS)

# include <mbedtls/ctr_drbg.h>
# include <mbedtls/entropy.h>
# include <mbedtls/pk.h>
# include <mbedtls/ssl.h>
# include <mbedtls/version.h>
# include <mbedtls/x509_crt.h>
# if MBEDTLS_VERSION_NUMBER >= 0x03000000
#  include <psa/crypto.h>
# endif

// Texts of the two versions, where they differ.
# if MBEDTLS_VERSION_NUMBER >= 0x03000000
#  define ENDS_BOTH(old, fresh) fresh
# else
#  define ENDS_BOTH(old, fresh) old
# endif

// ---- Certificates that will not do ------------------------------------------

struct ends_row {
    const char *name;
    const char *server; // whose certificate it has; NULL: server
    const char *client; // NULL: none
    const char *roots;  // of the client; NULL: ca.crt
    const char *client_roots;
    const char *crl;
    grpc_tls_clients clients;
    const char *server_name;
    grpc_tls_version server_min, client_max;
    const char *status; // NULL: it goes well
    const char *log;
};

# define ENDS_LOST \
  "TLS with unix:: the peer closed the connection in the handshake\n"

# define ENDS_ALERT_40                                                        \
  "TLS with unix:: the peer sent alert 40, handshake_failure: there is no "   \
  "version (here: " ENDS_BOTH(                                                \
      "TLS 1.2", "TLS 1.2 and 1.3") "), cipher suite or curve in common, or " \
                                    "it wants a certificate"
# define ENDS_NOBODY \
  "TLS with unix:: the peer closed the connection before it began\n"

// With TLS 1.3 the client is done before it is refused, and mbedTLS 3.6 encrypts its
// alert with a key that the client does not use any more.
# define ENDS_REFUSED(words)                                                   \
  ENDS_BOTH(words, "TLS with unix:: the server's first record cannot be "      \
                   "decrypted: it may have refused the client's certificate, " \
                   "or that there is none")

static const struct ends_row ends_rows[] = {
    {.name = "good"},
    {.name = "RSA", .server = "server-rsa"},
    {.name = "by an intermediate", .server = "server-chain"},
    {.name = "a name with a *", .server_name = "a.test.example"},
    {.name = "an address", .server_name = "127.0.0.1"},
    {.name = "mutual", .client = "client", .clients = GRPC_CLIENTS_REQUIRED},
    {.name = "mutual, if the client likes", .clients = GRPC_CLIENTS_REQUESTED},
    {.name = "expired",
     .server = "expired",
     .status = "TLS with unix:: the server's certificate has expired",
     .log = "TLS with unix:: the peer sent alert 45, certificate_expired\n"},
    {.name = "not valid yet",
     .server = "not-yet",
     .status = "TLS with unix:: the server's certificate is not valid yet",
     .log = "TLS with unix:: the peer sent alert 46, certificate_unknown\n"},
    {.name = "of another host",
     .server = "other-name",
     .status = "TLS with unix:: the certificate is for other.example, not for "
               "localhost",
     .log = "TLS with unix:: the peer sent alert 42, bad_certificate\n"},
    {.name = "of a host that is asked for by another name",
     .server_name = "test.example",
     .status = "TLS with unix:: the certificate is for localhost, not for "
               "test.example",
     .log = "TLS with unix:: the peer sent alert 42, bad_certificate\n"},
    {.name = "of a common name alone",
     .server = "cn-only",
     .status =
         "TLS with unix:: the certificate, of CN=localhost, has no DNS name "
         "(subjectAltName), and is not for localhost",
     .log = "TLS with unix:: the peer sent alert 42, bad_certificate\n"},
    {.name = "of an unknown authority",
     .roots = "other-ca.crt",
     .status = "TLS with unix:: the server's certificate is of an unknown "
               "authority",
     .log = "TLS with unix:: the peer sent alert 48, unknown_ca\n"},
    {.name = "without the one between",
     .server = "server-leaf",
     .status = "TLS with unix:: the server's certificate is of an unknown "
               "authority",
     .log = "TLS with unix:: the peer sent alert 48, unknown_ca\n"},
    {.name = "self-signed",
     .server = "self-signed",
     .status = "TLS with unix:: the server's certificate is self-signed, and "
               "not one of the roots",
     .log = "TLS with unix:: the peer sent alert 48, unknown_ca\n"},
    {.name = "self-signed, and trusted",
     .server = "self-signed",
     .roots = "self-signed.crt"},
    {.name = "revoked",
     .server = "revoked",
     .crl = "ca.crl",
     .status = "TLS with unix:: the server's certificate has been revoked",
     .log = "TLS with unix:: the peer sent alert 44, certificate_revoked\n"},
    {.name = "a client's, of a server",
     .server = "client",
     .status = ENDS_ALERT_40,
     .log = "TLS with unix:: there is no common cipher suite" ENDS_BOTH(
         "", ", curve or signature") " that our certificate can be used "
                                     "with\n"},
    {.name = "none of a client",
     .clients = GRPC_CLIENTS_REQUIRED,
     .status = ENDS_REFUSED(ENDS_ALERT_40),
     .log = "TLS with unix:: the client has shown no certificate\n"},
    {.name = "a client's, of an unknown authority",
     .client = "client-other",
     .clients = GRPC_CLIENTS_REQUIRED,
     .status =
         ENDS_REFUSED("TLS with unix:: the peer sent alert 48, unknown_ca"),
     .log = "TLS with unix:: the client's certificate is of an unknown "
            "authority\n"},
    {.name = "a client's that need not be, of an unknown authority",
     .client = "client-other",
     .clients = GRPC_CLIENTS_REQUESTED,
     .status =
         ENDS_REFUSED("TLS with unix:: the peer sent alert 48, unknown_ca"),
     .log = "TLS with unix:: the client's certificate is of an unknown "
            "authority\n"},
    {.name = "a server's, of a client",
     .client = "server",
     .clients = GRPC_CLIENTS_REQUIRED,
     .status = ENDS_REFUSED("TLS with unix:: the peer sent alert 43, "
                            "unsupported_certificate"),
     .log = "TLS with unix:: the client's certificate is not for this end of "
            "a connection (extended key usage)\n"},
# if MBEDTLS_VERSION_NUMBER >= 0x03000000
    {.name = "TLS 1.2, by the client's wish", .client_max = GRPC_TLS_1_2},
    {.name = "no common version",
     .client_max = GRPC_TLS_1_2,
     .server_min = GRPC_TLS_1_3,
     .status = "TLS with unix:: the peer sent alert 70, protocol_version: it "
               "wants another version than TLS 1.2",
     .log = "TLS with unix:: there is no common version: the peer does not "
            "speak TLS 1.3\n"},
# endif
};

// ends_file is the path of NAME.SUFFIX; NULL without a name.
static const char *ends_file(const char *name, const char *suffix)
{
    char file[64];
    if (name == NULL) {
        return NULL;
    }
    (void)snprintf(file, sizeof file, "%s%s", name, suffix);
    return test_cert(file);
}

static grpc_credentials *ends_server(const struct ends_row *row)
{
    const char *name = row->server != NULL ? row->server : "server";
    const char *key = strcmp(name, "server-leaf") == 0 ? "server-chain" : name;
    grpc_credentials *credentials = grpc_tls_server(&(grpc_tls_options){
        .identity = {.certificate_file = ends_file(name, ".crt"),
                     .key_file = ends_file(key, ".key")},
        .roots_file =
            row->clients != GRPC_CLIENTS_UNKNOWN ? test_cert("ca.crt") : NULL,
        .clients = row->clients,
        .min_version = row->server_min,
    });
    assert_string_equal(grpc_credentials_error(credentials), "");
    return credentials;
}

static grpc_credentials *ends_client(const struct ends_row *row)
{
    grpc_credentials *credentials = grpc_tls_client(&(grpc_tls_options){
        .identity = {.certificate_file = ends_file(row->client, ".crt"),
                     .key_file = ends_file(row->client, ".key")},
        .roots_file = test_cert(row->roots != NULL ? row->roots : "ca.crt"),
        .crl_file = ends_file(row->crl, ""),
        .server_name = row->server_name,
        .max_version = row->client_max,
    });
    assert_string_equal(grpc_credentials_error(credentials), "");
    return credentials;
}

static struct secure_kit *ends_begin(const struct ends_row *row)
{
    return secure_begin_kit(&(struct secure_how){.client = ends_client(row),
                                                 .server = ends_server(row)});
}

// ends_cut takes out what differs between the versions of mbedTLS: its numbers.
static char *ends_cut(char *text)
{
    for (char *open = text; (open = strstr(open, " [")) != NULL;) {
        char *close = strchr(open, ']');
        if (close == NULL || (strncmp(open, " [-0x", 5) != 0 &&
                              strncmp(open, " [flags", 7) != 0)) {
            open++;
            continue;
        }
        memmove(open, close + 1, strlen(close + 1) + 1);
    }
    return text;
}

static void ends_expect(struct secure_kit *kit, const char *name,
                        const char *status, const char *log)
{
    secure_turn(kit);
    (void)ends_cut(kit->result.text);
    (void)ends_cut(kit->server_side.log);
    if (strcmp(kit->result.text, status) != 0 ||
        strcmp(kit->server_side.log, log) != 0) {
        print_message("row \"%s\": %s\n%s", name, kit->result.text,
                      kit->server_side.log);
    }
    secure_expect(kit, status[0] == '\0' ? GRPC_OK : GRPC_UNAVAILABLE, status);
    assert_string_equal(kit->server_side.log, log);
}

static void test_tls_ends__certificates(void **state)
{
    (void)state;
    int wrong = 0;
    for (size_t i = 0; i < sizeof ends_rows / sizeof *ends_rows; i++) {
        const struct ends_row *row = &ends_rows[i];
        struct secure_kit *kit = ends_begin(row);
        const char *status = row->status != NULL ? row->status : "";
        const char *log = row->log != NULL ? row->log : "";
        secure_call(kit);
        secure_turn(kit);
        assert_int_equal(kit->result.done, 1);
        bool same = strcmp(ends_cut(kit->result.text), status) == 0 &&
                    strcmp(ends_cut(kit->server_side.log), log) == 0 &&
                    kit->result.code ==
                        (status[0] == '\0' ? GRPC_OK : GRPC_UNAVAILABLE);
        if (!same) {
            print_message("row \"%s\": %s\n%s", row->name, kit->result.text,
                          kit->server_side.log);
        }
        wrong += same ? 0 : 1;
        secure_end_kit(kit);
    }
    assert_int_equal(wrong, 0);
}

// ---- Refused when they are read ---------------------------------------------

static void test_tls_ends__keys_that_do_not_fit(void **state)
{
    (void)state;
    grpc_credentials *credentials = grpc_tls_server(&(grpc_tls_options){
        .identity = {.certificate_file = test_cert("server.crt"),
                     .key_file = test_cert("client.key")}});
    char text[256];
    (void)snprintf(text, sizeof text, "%s",
                   grpc_credentials_error(credentials));
    assert_string_equal(ends_cut(text),
                        "the key is not that of the certificate");
    struct secure_kit *kit = secure_init();
    secure_serve(kit, &(struct secure_how){.server = credentials});
    assert_int_equal(grpc_server_listen(kit->server, "127.0.0.1:0", NULL),
                     GRPC_EINVAL);
    (void)snprintf(text, sizeof text, "%s", grpc_server_error(kit->server));
    assert_string_equal(ends_cut(text), "listen: credentials: the key is not "
                                        "that of the certificate");
    secure_end_kit(kit);
}

# if MBEDTLS_VERSION_NUMBER < 0x03000000
static void test_tls_ends__a_version_that_is_not_there(void **state)
{
    (void)state;
    grpc_credentials *credentials = grpc_tls_client(&(grpc_tls_options){
        .roots_file = test_cert("ca.crt"), .min_version = GRPC_TLS_1_3});
    assert_string_equal(grpc_credentials_error(credentials),
                        "this mbedTLS (" MBEDTLS_VERSION_STRING
                        ") cannot do TLS 1.3");
    grpc_credentials_free(credentials);
}
# endif

// ---- Plain text -------------------------------------------------------------

static void test_tls_ends__tls_meets_plain(void **state)
{
    (void)state;
    const struct ends_row good = {.name = "good"};
    struct secure_kit *kit = secure_begin_kit(&(struct secure_how){
        .client_is_plain = true, .server = ends_server(&good)});
    secure_call(kit);
    ends_expect(kit, "plain client",
                "connection to unix: closed: the peer closed the connection "
                "before HTTP/2 began, as one that speaks TLS does",
                "TLS with unix:: the peer sends plain text: HTTP/2 without "
                "TLS\n");
    secure_end_kit(kit);
    kit = secure_begin_kit(&(struct secure_how){.client = ends_client(&good),
                                                .server_is_plain = true});
    secure_call(kit);
    // (The server speaks first, if it is let.)
    kit_turn(kit->client_side.loop);
    assert_true(secure_carry(kit, true, SIZE_MAX) > 0);
    ends_expect(kit, "plain server",
                "TLS with unix:: the peer sends plain text: HTTP/2 without TLS",
                "connection to unix: closed: HTTP/2 PROTOCOL_ERROR: the client "
                "speaks TLS, which this port does not\n");
    secure_end_kit(kit);
}

static void test_tls_ends__a_plain_client_gets_an_alert(void **state)
{
    (void)state;
    static const uint8_t alert[] = {21, 3, 3, 0, 2, 2, 10};
    for (size_t size = 2; size <= sizeof alert; size++) {
        struct secure_kit *kit = secure_begin_kit(&(struct secure_how){
            .client_is_plain = true, .server_is_plain = true});
        secure_call(kit);
        secure_rest(kit);
        assert_int_equal(send(kit->client_side.fd, alert, size, MSG_NOSIGNAL),
                         (ssize_t)size);
        secure_rest(kit);
        secure_expect(kit, GRPC_UNAVAILABLE,
                      "connection to unix: closed: HTTP/2 PROTOCOL_ERROR: the "
                      "server speaks TLS, which this channel does not");
        secure_end_kit(kit);
    }
}

static void test_tls_ends__text_to_a_tls_port(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *log;
    } rows[] = {
        {"GET / HTTP/1.1\r\n\r\n",
         "TLS with unix:: the peer sends plain text: a request of HTTP/1\n"},
        {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
         "TLS with unix:: the peer sends plain text: HTTP/2 without TLS\n"},
        {"SSH-2.0-x\r\n", "TLS with unix:: the peer sends plain text: SSH\n"},
        {"hello, is anybody there?\n",
         "TLS with unix:: the peer does not speak TLS\n"},
    };
    const struct ends_row good = {.name = "good"};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        // Whole, and a byte at a time.
        for (size_t piece = 1; piece < 200; piece += 198) {
            struct secure_kit *kit = secure_init();
            secure_serve(kit,
                         &(struct secure_how){.server = ends_server(&good)});
            int fd = secure_accept(kit);
            size_t size = strlen(rows[i].text);
            for (size_t at = 0; at < size; at += piece) {
                size_t part = size - at < piece ? size - at : piece;
                (void)send(fd, rows[i].text + at, part, MSG_NOSIGNAL);
                kit_turn(kit->server_side.loop);
                if (kit->server_side.log[0] == '\0') {
                    assert_int_not_equal(
                        grpc_loop_timeout(kit->server_side.loop), 0);
                }
            }
            assert_string_equal(kit->server_side.log, rows[i].log);
            (void)close(fd);
            secure_end_kit(kit);
        }
    }
}

// ---- Cuts, ends and garbage -------------------------------------------------

static void test_tls_ends__byte_by_byte(void **state)
{
    (void)state;
    const struct ends_row good = {.client = "client-chain",
                                  .server = "server-chain",
                                  .clients = GRPC_CLIENTS_REQUIRED};
    struct secure_kit *kit = ends_begin(&good);
    secure_call(kit);
    for (int idle = 0; idle < 30;) {
        secure_step(kit);
        size_t size = secure_carry(kit, true, 1);
        size += secure_carry(kit, false, 1);
        idle = secure_idle(kit, idle, size);
    }
    ends_expect(kit, "byte by byte", "", "");
    secure_end_kit(kit);
}

// Each record of a call is cut at each of its bytes.
static void test_tls_ends__every_cut_of_a_call(void **state)
{
    (void)state;
    const struct ends_row good = {.name = "good"};
    struct secure_kit *kit = ends_begin(&good);
    secure_call(kit);
    ends_expect(kit, "good", "", "");
    for (int to_server = 0; to_server < 2; to_server++) {
        struct secure_side *from =
            to_server != 0 ? &kit->client_side : &kit->server_side;
        bool was_cut = true;
        for (size_t at = 1; was_cut; at++) {
            size_t begin = from->carried;
            secure_call(kit);
            for (int idle = 0; idle < 4 && from->carried < begin + at;) {
                secure_step(kit);
                size_t size = secure_carry(kit, to_server != 0,
                                           begin + at - from->carried);
                size += secure_carry(kit, to_server == 0, SIZE_MAX);
                idle = secure_idle(kit, idle, size);
            }
            secure_step(kit);
            ends_expect(kit, "cut", "", "");
            was_cut = from->carried > begin + at;
            assert_true(was_cut || at > 40);
        }
    }
    secure_end_kit(kit);
}

static void test_tls_ends__cut_off_in_mid_call(void **state)
{
    (void)state;
    const struct ends_row good = {.name = "good"};
    for (int half = 0; half < 2; half++) {
        struct secure_kit *kit = ends_begin(&good);
        kit->greeter.late = true;
        secure_call(kit);
        secure_turn(kit);
        assert_int_equal(kit->greeter.count, 1);
        if (half != 0) {
            (void)kit_reply(kit->greeter.calls[0], "too late");
            secure_step(kit);
            assert_true(secure_carry(kit, false, 20) > 0);
        }
        assert_int_equal(shutdown(kit->client_side.fd, SHUT_WR), 0);
        assert_int_equal(shutdown(kit->server_side.fd, SHUT_WR), 0);
        secure_rest(kit);
        ends_expect(kit, "cut off",
                    "connection to unix: closed: the peer closed the "
                    "connection, without TLS's close_notify",
                    "connection to unix: closed: the peer closed the "
                    "connection, without TLS's close_notify\n");
        if (half == 0) {
            (void)kit_reply(kit->greeter.calls[0], "too late");
        }
        secure_end_kit(kit);
    }
}

static void test_tls_ends__cut_off_in_the_handshake(void **state)
{
    (void)state;
    const struct ends_row good = {.name = "good"};
    for (size_t at = 0; at < 700; at += 41) {
        struct secure_kit *kit = ends_begin(&good);
        secure_call(kit);
        for (int i = 0; i < 200 && kit->server_side.carried < at; i++) {
            secure_step(kit);
            (void)secure_carry(kit, true, SIZE_MAX);
            (void)secure_carry(kit, false, at - kit->server_side.carried);
        }
        assert_int_equal(shutdown(kit->client_side.fd, SHUT_WR), 0);
        assert_int_equal(shutdown(kit->server_side.fd, SHUT_WR), 0);
        secure_rest(kit);
        secure_expect(kit, GRPC_UNAVAILABLE,
                      "TLS with unix:: the peer closed the connection in the "
                      "handshake");
        assert_string_equal(kit->server_side.log,
                            at == 0 ? ENDS_NOBODY : ENDS_LOST);
        secure_end_kit(kit);
    }
}

// A byte of what one side sends is another: whichever it is, both sides end, with
// words, and nothing is taken for good.
struct garbage {
    bool of_client;
    size_t at; // of what it sends
    bool done;
};

static void garbage_change(struct secure_kit *kit, struct secure_side *from,
                           uint8_t *bytes, size_t size)
{
    struct garbage *garbage = kit->extra;
    size_t begin = from->carried - size;
    if (garbage->of_client == (from == &kit->client_side) &&
        garbage->at >= begin && garbage->at < begin + size) {
        bytes[garbage->at - begin] ^= 0x55;
        garbage->done = true;
    }
}

static bool garbage_call(bool of_client, size_t at)
{
    const struct ends_row mutual = {.client = "client",
                                    .clients = GRPC_CLIENTS_REQUIRED};
    struct garbage garbage = {.of_client = of_client, .at = at};
    struct secure_kit *kit = ends_begin(&mutual);
    kit->change = garbage_change;
    kit->extra = &garbage;
    secure_call(kit);
    secure_turn(kit);
    if (!garbage.done) {
        assert_int_equal(kit->result.done, 1);
        secure_end_kit(kit);
        return false;
    }
    if (kit->result.done == 0) {
        // More is waited for: a length was changed.
        secure_hang_up(&kit->client_side);
        secure_hang_up(&kit->server_side);
        secure_rest(kit);
    }
    assert_int_equal(kit->result.done, 1);
    bool is_told = strstr(kit->result.text, "unix:") != NULL;
    if (kit->result.code != GRPC_OK && !is_told) {
        print_message("byte %lu of the %s: %s\n", (unsigned long)at,
                      of_client ? "client" : "server", kit->result.text);
    }
    // (The version in a record's head says nothing, and nobody looks at it.)
    assert_true(kit->result.code == GRPC_UNAVAILABLE ||
                kit->greeter.handled == 1);
    assert_true(kit->result.code == GRPC_OK || is_told);
    secure_end_kit(kit);
    return true;
}

static void test_tls_ends__garbage(void **state)
{
    (void)state;
    for (int of_client = 0; of_client < 2; of_client++) {
        size_t at = 0;
        while (garbage_call(of_client != 0, at)) {
            at += at < 16 ? 1 : 67;
        }
        assert_true(at > 500);
    }
}

// ---- Peers that are mbedTLS's own -------------------------------------------

// A peer without HTTP/2: mbedTLS as it is, over a socket.
struct bare {
    mbedtls_ssl_context ssl;
    mbedtls_ssl_config config;
    mbedtls_entropy_context entropy;
    mbedtls_ctr_drbg_context random;
    mbedtls_x509_crt certificate;
    mbedtls_pk_context key;
    int fd;
};

static int bare_send(void *self, const unsigned char *data, size_t size)
{
    const struct bare *bare = self;
    ssize_t sent = send(bare->fd, data, size, MSG_NOSIGNAL | MSG_DONTWAIT);
    return sent < 0 ? MBEDTLS_ERR_SSL_WANT_WRITE : (int)sent;
}

static int bare_receive(void *self, unsigned char *data, size_t room)
{
    const struct bare *bare = self;
    ssize_t got = recv(bare->fd, data, room, MSG_DONTWAIT);
    return got < 0 ? MBEDTLS_ERR_SSL_WANT_READ : (int)got;
}

static void bare_own(struct bare *bare)
{
    size_t size = 0;
    char *text = test_read_file(test_cert("server.crt"), &size);
    assert_non_null(text);
    assert_int_equal(mbedtls_x509_crt_parse(&bare->certificate,
                                            (unsigned char *)text, size + 1),
                     0);
    free(text);
    text = test_read_file(test_cert("server.key"), &size);
    assert_non_null(text);
# if MBEDTLS_VERSION_NUMBER >= 0x03000000
    assert_int_equal(
        mbedtls_pk_parse_key(&bare->key, (unsigned char *)text, size + 1, NULL,
                             0, mbedtls_ctr_drbg_random, &bare->random),
        0);
# else
    assert_int_equal(mbedtls_pk_parse_key(&bare->key, (unsigned char *)text,
                                          size + 1, NULL, 0),
                     0);
# endif
    free(text);
    assert_int_equal(mbedtls_ssl_conf_own_cert(&bare->config,
                                               &bare->certificate, &bare->key),
                     0);
}

static void bare_init(struct bare *bare, int fd, bool is_server,
                      const char **protocols)
{
    mbedtls_ssl_init(&bare->ssl);
    mbedtls_ssl_config_init(&bare->config);
    mbedtls_entropy_init(&bare->entropy);
    mbedtls_ctr_drbg_init(&bare->random);
    mbedtls_x509_crt_init(&bare->certificate);
    mbedtls_pk_init(&bare->key);
    bare->fd = fd;
    assert_int_equal(mbedtls_ctr_drbg_seed(&bare->random, mbedtls_entropy_func,
                                           &bare->entropy, NULL, 0),
                     0);
    assert_int_equal(
        mbedtls_ssl_config_defaults(
            &bare->config,
            is_server ? MBEDTLS_SSL_IS_SERVER : MBEDTLS_SSL_IS_CLIENT,
            MBEDTLS_SSL_TRANSPORT_STREAM, MBEDTLS_SSL_PRESET_DEFAULT),
        0);
    mbedtls_ssl_conf_rng(&bare->config, mbedtls_ctr_drbg_random, &bare->random);
    mbedtls_ssl_conf_authmode(&bare->config, MBEDTLS_SSL_VERIFY_NONE);
    // (Renegotiation is TLS 1.2's.)
# if MBEDTLS_VERSION_NUMBER >= 0x03000000
    mbedtls_ssl_conf_max_tls_version(&bare->config, MBEDTLS_SSL_VERSION_TLS1_2);
# else
    mbedtls_ssl_conf_max_version(&bare->config, MBEDTLS_SSL_MAJOR_VERSION_3,
                                 MBEDTLS_SSL_MINOR_VERSION_3);
# endif
# if defined(MBEDTLS_SSL_RENEGOTIATION)
    mbedtls_ssl_conf_renegotiation(&bare->config,
                                   MBEDTLS_SSL_RENEGOTIATION_ENABLED);
# endif
    if (protocols != NULL) {
        assert_int_equal(
            mbedtls_ssl_conf_alpn_protocols(&bare->config, protocols), 0);
    }
    if (is_server) {
        bare_own(bare);
    }
    assert_int_equal(mbedtls_ssl_setup(&bare->ssl, &bare->config), 0);
    assert_int_equal(mbedtls_ssl_set_hostname(&bare->ssl, "localhost"), 0);
    mbedtls_ssl_set_bio(&bare->ssl, bare, bare_send, bare_receive, NULL);
}

static void bare_fini(struct bare *bare)
{
    mbedtls_ssl_free(&bare->ssl);
    mbedtls_ssl_config_free(&bare->config);
    mbedtls_ctr_drbg_free(&bare->random);
    mbedtls_entropy_free(&bare->entropy);
    mbedtls_x509_crt_free(&bare->certificate);
    mbedtls_pk_free(&bare->key);
}

// bare_turn lets both sides go on with what one of mbedTLS's functions does.
static int bare_turn(struct bare *bare, grpc_loop *loop,
                     int (*act)(mbedtls_ssl_context *ssl))
{
    int error = MBEDTLS_ERR_SSL_WANT_READ;
    for (int i = 0; i < 200 && (error == MBEDTLS_ERR_SSL_WANT_READ ||
                                error == MBEDTLS_ERR_SSL_WANT_WRITE);
         i++) {
        error = act(&bare->ssl);
        assert_int_equal(grpc_loop_step(loop, 0), GRPC_OK);
    }
    kit_turn(loop);
    return error;
}

static struct secure_kit *bare_begin_client(struct bare *bare,
                                            const char **protocols,
                                            bool allow_no_alpn)
{
    struct secure_kit *kit = secure_init();
    secure_serve(
        kit, &(struct secure_how){
                 .server = grpc_tls_server(&(grpc_tls_options){
                     .identity = {.certificate_file = test_cert("server.crt"),
                                  .key_file = test_cert("server.key")},
                     .allow_no_alpn = allow_no_alpn})});
    kit->server_side.fd = secure_accept(kit);
    bare_init(bare, kit->server_side.fd, false, protocols);
    return kit;
}

static struct secure_kit *bare_begin_server(struct bare *bare,
                                            const char **protocols,
                                            bool allow_no_alpn)
{
    struct secure_kit *kit = secure_init();
    int fds[2];
    kit_pair_of_sockets(fds);
    kit->channel = grpc_channel_new_fd(
        fds[0], &(grpc_channel_options){
                    .loop = kit->client_side.loop,
                    .credentials = grpc_tls_client(
                        &(grpc_tls_options){.roots_file = test_cert("ca.crt"),
                                            .allow_no_alpn = allow_no_alpn})});
    kit->client_side.fd = fds[1];
    bare_init(bare, fds[1], true, protocols);
    secure_call(kit);
    return kit;
}

# define ENDS_OTHER_PROTOCOL                                              \
  ENDS_BOTH("TLS with unix:: the client's hello is malformed, or offers " \
            "nothing that we have\n",                                     \
            "TLS with unix:: the peer does not agree on HTTP/2 (ALPN "    \
            "\"h2\")\n")

static void test_tls_ends__no_alpn_of_a_client(void **state)
{
    (void)state;
    static const char *others[] = {"http/1.1", NULL};
    static const char *h2[] = {"h2", NULL};
    static const struct {
        const char **protocols;
        bool allow;
        const char *log;
    } rows[] = {
        {NULL, false,
         "TLS with unix:: the peer does not agree on HTTP/2 (ALPN \"h2\")\n"},
        {others, false, ENDS_OTHER_PROTOCOL},
        {others, true, ENDS_OTHER_PROTOCOL},
        {NULL, true, ""},
        {h2, false, ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        static struct bare bare;
        struct secure_kit *kit =
            bare_begin_client(&bare, rows[i].protocols, rows[i].allow);
        (void)bare_turn(&bare, kit->server_side.loop, mbedtls_ssl_handshake);
        assert_string_equal(ends_cut(kit->server_side.log), rows[i].log);
        bare_fini(&bare);
        secure_end_kit(kit);
    }
}

static void test_tls_ends__no_alpn_of_a_server(void **state)
{
    (void)state;
    static struct bare bare;
    struct secure_kit *kit = bare_begin_server(&bare, NULL, false);
    (void)bare_turn(&bare, kit->client_side.loop, mbedtls_ssl_handshake);
    assert_int_equal(kit->result.done, 1);
    assert_string_equal(ends_cut(kit->result.text),
                        "TLS with unix:: the peer does not agree on h2 by "
                        "ALPN");
    bare_fini(&bare);
    secure_end_kit(kit);
    kit = bare_begin_server(&bare, NULL, true);
    assert_int_equal(
        bare_turn(&bare, kit->client_side.loop, mbedtls_ssl_handshake), 0);
    assert_int_equal(kit->result.done, 0);
    bare_fini(&bare);
    secure_end_kit(kit);
}

# if defined(MBEDTLS_SSL_RENEGOTIATION)
static int bare_renegotiate(mbedtls_ssl_context *ssl)
{
    return mbedtls_ssl_renegotiate(ssl);
}

static void test_tls_ends__renegotiation(void **state)
{
    (void)state;
    static const char *h2[] = {"h2", NULL};
    static struct bare bare;
    struct secure_kit *kit = bare_begin_client(&bare, h2, false);
    assert_int_equal(
        bare_turn(&bare, kit->server_side.loop, mbedtls_ssl_handshake), 0);
    (void)bare_turn(&bare, kit->server_side.loop, bare_renegotiate);
    assert_string_equal(ends_cut(kit->server_side.log),
                        "TLS with unix:: the peer wants to renegotiate, which "
                        "HTTP/2 forbids\n");
    bare_fini(&bare);
    secure_end_kit(kit);
    kit = bare_begin_server(&bare, h2, false);
    assert_int_equal(
        bare_turn(&bare, kit->client_side.loop, mbedtls_ssl_handshake), 0);
    (void)bare_turn(&bare, kit->client_side.loop, bare_renegotiate);
    assert_int_equal(kit->result.done, 1);
    assert_string_equal(ends_cut(kit->result.text),
                        "TLS with unix:: the peer wants to renegotiate, which "
                        "HTTP/2 forbids");
    bare_fini(&bare);
    secure_end_kit(kit);
}
# endif

// ---- Versions that are too old ----------------------------------------------

// A hello of TLS 1.1, with the one cipher suite that all had.
static const char old_hello[] =
    "16 0301 002f  01 00002b 0302 "
    "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
    "00 0004 002f 00ff 01 00";
static const char old_answer[] =
    "16 0302 002a  02 000026 0302 "
    "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
    "00 002f 00";

static void test_tls_ends__old_versions(void **state)
{
    (void)state;
    uint8_t bytes[256];
    const struct ends_row good = {.name = "good"};
    struct secure_kit *kit = secure_init();
    secure_serve(kit, &(struct secure_how){.server = ends_server(&good)});
    int fd = secure_accept(kit);
    size_t size = test_unhex(old_hello, bytes, sizeof bytes);
    assert_int_equal(send(fd, bytes, size, MSG_NOSIGNAL), (ssize_t)size);
    kit_turn(kit->server_side.loop);
    assert_string_equal(
        ends_cut(kit->server_side.log),
        ENDS_BOTH("TLS with unix:: there is no common version: the peer does "
                  "not speak TLS 1.2\n",
                  "TLS with unix:: there is no common version: the peer does "
                  "not speak TLS 1.2 and 1.3\n"));
    // Alert 70 of level 2.
    assert_int_equal(recv(fd, bytes, sizeof bytes, MSG_DONTWAIT), 7);
    assert_int_equal(bytes[0], 21);
    assert_int_equal(bytes[5], 2);
    assert_int_equal(bytes[6], 70);
    (void)close(fd);
    secure_end_kit(kit);

    kit = secure_begin_kit(&(struct secure_how){.client = ends_client(&good),
                                                .server_is_plain = true});
    secure_call(kit);
    secure_rest(kit);
    size = test_unhex(old_answer, bytes, sizeof bytes);
    assert_int_equal(send(kit->client_side.fd, bytes, size, MSG_NOSIGNAL),
                     (ssize_t)size);
    secure_rest(kit);
    assert_int_equal(kit->result.done, 1);
    assert_string_equal(
        ends_cut(kit->result.text),
        ENDS_BOTH("TLS with unix:: there is no common version: the peer does "
                  "not speak TLS 1.2",
                  "TLS with unix:: there is no common version: the peer does "
                  "not speak TLS 1.2 and 1.3"));
    secure_end_kit(kit);
}

int main(void)
{
# if MBEDTLS_VERSION_NUMBER >= 0x03000000
    if (psa_crypto_init() != PSA_SUCCESS) {
        return 1;
    }
# endif
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tls_ends__certificates),
        cmocka_unit_test(test_tls_ends__keys_that_do_not_fit),
# if MBEDTLS_VERSION_NUMBER < 0x03000000
        cmocka_unit_test(test_tls_ends__a_version_that_is_not_there),
# endif
        cmocka_unit_test(test_tls_ends__tls_meets_plain),
        cmocka_unit_test(test_tls_ends__a_plain_client_gets_an_alert),
        cmocka_unit_test(test_tls_ends__text_to_a_tls_port),
        cmocka_unit_test(test_tls_ends__byte_by_byte),
        cmocka_unit_test(test_tls_ends__every_cut_of_a_call),
        cmocka_unit_test(test_tls_ends__cut_off_in_mid_call),
        cmocka_unit_test(test_tls_ends__cut_off_in_the_handshake),
        cmocka_unit_test(test_tls_ends__garbage),
        cmocka_unit_test(test_tls_ends__no_alpn_of_a_client),
        cmocka_unit_test(test_tls_ends__no_alpn_of_a_server),
# if defined(MBEDTLS_SSL_RENEGOTIATION)
        cmocka_unit_test(test_tls_ends__renegotiation),
# endif
        cmocka_unit_test(test_tls_ends__old_versions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#else

// Without mbedTLS: credentials say so, unless they bring a library.
static void test_tls_ends__there_is_no_tls(void **state)
{
    (void)state;
    grpc_credentials *credentials = grpc_tls_client(NULL);
    assert_string_equal(grpc_credentials_error(credentials),
                        "this build has no TLS (GRPC_WITH_MBEDTLS), and "
                        "options.library is NULL");
    grpc_credentials_free(credentials);
    struct secure_kit *kit = secure_begin_kit(NULL);
    secure_call_ok(kit);
    secure_end_kit(kit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tls_ends__there_is_no_tls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#endif

// SPDX-License-Identifier: MIT
// examples/tls_library/openssl_tls.h: sessions of a client and a server, joined
// in memory. sessions FOLDER, which tests/certs.sh has made. It prints TAP.

#include <stdlib.h>

#include "openssl_tls.h"

// ---- What is said about it -----------------------------------------------------

static int cases;
static int failures;
static int bad; // of the case

#define CHECK(condition) check_that((condition), #condition, __LINE__)
static void check_that(bool good, const char *words, int line)
{
    if (!good) {
        printf("# line %d: %s\n", line, words);
        bad++;
    }
}

static void end_case(const char *name)
{
    cases++;
    printf("%sok %d - %s\n", bad == 0 ? "" : "not ", cases, name);
    failures += bad != 0;
    bad = 0;
}

// ---- Files ---------------------------------------------------------------------

static const char *folder;
static grpc_arena files;

static grpc_str content(const char *name)
{
    grpc_str path = grpc_arena_printf(&files, "%s/%s", folder, name);
    FILE *file = fopen(path.data, "rb");
    char *data = grpc_arena_alloc(&files, 100000);
    if (file == NULL || data == NULL) {
        printf("Bail out! no %s\n", path.data);
        exit(1);
    }
    size_t size = fread(data, 1, 99999, file);
    fclose(file);
    data[size] = '\0';
    return (grpc_str){data, size};
}

static grpc_tls_identity identity_of(const char *certificate, const char *key)
{
    return (grpc_tls_identity){
        .certificate = content(certificate),
        .key = content(key),
    };
}

static grpc_tls_options a_client(void)
{
    return (grpc_tls_options){.roots = content("ca.crt")};
}

static grpc_tls_options a_server(void)
{
    return (grpc_tls_options){
        .identity = identity_of("server.crt", "server.key"),
        .roots = content("ca.crt"),
    };
}

// ---- Two ends ------------------------------------------------------------------

enum { WIRE = 400000 };

struct end {
    void *context;
    void *session;
    grpc_tls_peer peer;
    grpc_result checks; // what check answers
    int checked;
    char alpn[10];            // that it was told
    unsigned char wire[WIRE]; // for this end
    size_t size;
    grpc_result result; // of the handshake, or of what was read last
    char error[300];
};
static struct end client;
static struct end server;

static grpc_result on_check(void *self, const grpc_identity *identity)
{
    struct end *end = self;
    end->checked++;
    snprintf(end->alpn, sizeof end->alpn, "%s", identity->alpn);
    return end->checks;
}

// open_end is false when the options are refused; error has the words.
static bool open_end(struct end *end, const grpc_tls_options *options,
                     bool is_server)
{
    end->context = NULL;
    return openssl_tls.open(options, is_server, &end->context, end->error,
                            sizeof end->error) == GRPC_OK;
}

static void begin_end(struct end *end, const char *name)
{
    end->peer = (grpc_tls_peer){name, on_check, end};
    end->checks = GRPC_OK;
    end->checked = 0;
    end->size = 0;
    end->result = GRPC_AGAIN;
    end->error[0] = '\0';
    end->session = openssl_tls.begin(end->context, &end->peer);
    CHECK(end->session != NULL);
}

static void end_both(void)
{
    openssl_tls.end(client.session);
    openssl_tls.end(server.session);
}

static void close_both(void)
{
    openssl_tls.close(client.context);
    openssl_tls.close(server.context);
}

// deliver moves what a function has put out to the other end.
static void deliver(struct end *to, const grpc_tls_io *io)
{
    CHECK(io->output_size <= io->output_room);
    CHECK(to->size + io->output_size <= WIRE);
    memcpy(to->wire + to->size, io->output, io->output_size);
    to->size += io->output_size;
}

static void take_off(struct end *end, const grpc_tls_io *io, size_t given)
{
    size_t used = given - io->input_size;
    memmove(end->wire, end->wire + used, end->size - used);
    end->size -= used;
}

static unsigned char room[GRPC_TLS_ROOM];

static void step(struct end *end, struct end *other, size_t most)
{
    size_t given = end->size < most ? end->size : most;
    grpc_tls_io io = {end->wire, given, room, 0, sizeof room};
    if (end->result != GRPC_AGAIN && end->result != GRPC_MORE) {
        return;
    }
    end->result = openssl_tls.handshake(end->session, &io);
    take_off(end, &io, given);
    deliver(other, &io);
    if (end->result < 0 && end->result != GRPC_AGAIN) {
        snprintf(end->error, sizeof end->error, "%s",
                 openssl_tls.error(end->session));
    }
}

// shake has both go on until neither can; most: bytes that are given at a time.
static void shake(size_t most)
{
    for (int i = 0; i < 20000; i++) {
        bool waits = client.size + server.size == 0 && i > 0;
        step(&client, &server, most);
        step(&server, &client, most);
        if (waits && client.size + server.size == 0) {
            break;
        }
    }
}

// meet is a handshake of two sessions, which begin it.
static void meet(const char *name)
{
    begin_end(&client, name);
    begin_end(&server, NULL);
    shake(WIRE);
}

static void send_to(struct end *from, struct end *to, const void *data,
                    size_t size)
{
    const unsigned char *next = data;
    while (size > 0) {
        grpc_tls_io io = {NULL, 0, room, 0, sizeof room};
        size_t part = size;
        CHECK(openssl_tls.write(from->session, &io, next, &part) == GRPC_OK);
        CHECK(part > 0 && part <= GRPC_TLS_RECORD_BYTES);
        CHECK(io.output_size > part);
        deliver(to, &io);
        next += part;
        size -= part;
    }
}

// take reads all that there is for end; how many bytes.
static size_t take(struct end *end, struct end *other, unsigned char *data,
                   size_t most, size_t at_a_time)
{
    size_t total = 0;
    do {
        size_t given = end->size < at_a_time ? end->size : at_a_time;
        grpc_tls_io io = {end->wire, given, room, 0, sizeof room};
        size_t size = 0;
        end->result = openssl_tls.read(end->session, &io, data + total,
                                       most - total, &size);
        take_off(end, &io, given);
        deliver(other, &io);
        total += size;
    } while ((end->result == GRPC_OK && total < most) ||
             (end->result == GRPC_AGAIN && end->size > 0));
    return total;
}

static bool says(const struct end *end, const char *words)
{
    if (strstr(end->error, words) == NULL) {
        printf("# it says \"%s\", not \"%s\"\n", end->error, words);
        return false;
    }
    return true;
}

static grpc_identity seen_by(struct end *end)
{
    grpc_identity identity = {.subject = ""};
    CHECK(openssl_tls.identify(end->session, &files, &identity) == GRPC_OK);
    return identity;
}

static SSL *ssl_of(const struct end *end)
{
    return ((struct openssl_session *)end->session)->ssl;
}

// ---- Cases ---------------------------------------------------------------------

static void test_handshake_in_pieces(void)
{
    grpc_tls_options of_client = a_client();
    grpc_tls_options of_server = a_server();
    CHECK(open_end(&client, &of_client, false));
    CHECK(open_end(&server, &of_server, true));
    for (size_t most = 1; most < 2000; most = most * 3 + 1) {
        begin_end(&client, "localhost");
        begin_end(&server, NULL);
        shake(most);
        CHECK(client.result == GRPC_OK && server.result == GRPC_OK);
        CHECK(client.checked <= 1);
        end_both();
    }
    close_both();
    end_case("a handshake in pieces");
}

static void test_data_both_ways(void)
{
    static unsigned char data[100000];
    static unsigned char got[sizeof data + 1];
    grpc_tls_options of_client = a_client();
    grpc_tls_options of_server = a_server();
    for (size_t i = 0; i < sizeof data; i++) {
        data[i] = (unsigned char)(i * 7 + i / 251);
    }
    CHECK(open_end(&client, &of_client, false));
    CHECK(open_end(&server, &of_server, true));
    meet("localhost");
    send_to(&client, &server, data, sizeof data);
    CHECK(take(&server, &client, got, sizeof got, 1000) == sizeof data);
    CHECK(server.result == GRPC_AGAIN);
    CHECK(memcmp(data, got, sizeof data) == 0);
    send_to(&server, &client, data, sizeof data);
    CHECK(take(&client, &server, got, sizeof got, WIRE) == sizeof data);
    CHECK(memcmp(data, got, sizeof data) == 0);
    grpc_tls_io io = {NULL, 0, room, 0, sizeof room};
    openssl_tls.finish(client.session, &io);
    deliver(&server, &io);
    CHECK(take(&server, &client, got, sizeof got, WIRE) == 0);
    CHECK(server.result == GRPC_ESTATE);
    end_both();
    close_both();
    end_case("data both ways, and the end");
}

static void test_a_changed_record(void)
{
    unsigned char got[10];
    grpc_tls_options of_client = a_client();
    grpc_tls_options of_server = a_server();
    CHECK(open_end(&client, &of_client, false));
    CHECK(open_end(&server, &of_server, true));
    meet("localhost");
    server.size = 0;
    send_to(&client, &server, "hello", 5);
    server.wire[server.size - 1] ^= 1;
    CHECK(take(&server, &client, got, sizeof got, WIRE) == 0);
    CHECK(server.result == GRPC_EFORMAT);
    CHECK(strlen(openssl_tls.error(server.session)) > 10);
    CHECK(client.size > 0); // an alert
    grpc_tls_io io = {NULL, 0, room, 0, sizeof room};
    openssl_tls.finish(server.session, &io);
    CHECK(io.output_size == 0);
    (void)take(&client, &server, got, sizeof got, WIRE);
    snprintf(client.error, sizeof client.error, "%s",
             openssl_tls.error(client.session));
    CHECK(says(&client, "the peer sent alert 20, "));
    end_both();
    close_both();
    end_case("a record that was changed");
}

static void test_small_records(void)
{
    static const unsigned char data[2000];
    grpc_tls_options of_client = a_client();
    grpc_tls_options of_server = a_server();
    CHECK(open_end(&client, &of_client, false));
    CHECK(open_end(&server, &of_server, true));
    begin_end(&client, "localhost");
    begin_end(&server, NULL);
    SSL_set_tlsext_max_fragment_length(ssl_of(&client),
                                       TLSEXT_max_fragment_length_512);
    shake(WIRE);
    grpc_tls_io io = {NULL, 0, room, 0, sizeof room};
    size_t size = sizeof data;
    CHECK(openssl_tls.write(server.session, &io, data, &size) == GRPC_OK);
    CHECK(size == 512 && io.output_size < 600);
    end_both();
    close_both();
    end_case("a peer that wants small records");
}

// renegotiates: one asks the other for another handshake, and gets a warning.
static void renegotiates(struct end *asks, struct end *other)
{
    unsigned char none[1];
    SSL_clear_options(ssl_of(asks), SSL_OP_NO_RENEGOTIATION);
    CHECK(SSL_renegotiate(ssl_of(asks)) == 1);
    asks->size = 0;
    asks->result = GRPC_AGAIN;
    step(asks, other, WIRE);
    CHECK(other->size > 0);
    CHECK(take(other, asks, none, sizeof none, WIRE) == 0);
    CHECK(other->result == GRPC_AGAIN);
    CHECK(asks->size > 0 && asks->size < 50); // no hello
}

static void test_renegotiation(void)
{
    grpc_tls_options of_client = a_client();
    grpc_tls_options of_server = a_server();
    of_client.max_version = GRPC_TLS_1_2;
    CHECK(open_end(&client, &of_client, false));
    CHECK(open_end(&server, &of_server, true));
    meet("localhost");
    renegotiates(&client, &server);
    end_both();
    meet("localhost");
    renegotiates(&server, &client);
    end_both();
    close_both();
    end_case("nobody renegotiates");
}

// no_alpn is how a server ends a handshake with a client that offers none.
static grpc_result no_alpn(bool is_allowed)
{
    grpc_tls_options of_client = a_client();
    grpc_tls_options of_server = a_server();
    of_server.allow_no_alpn = is_allowed;
    CHECK(open_end(&client, &of_client, false));
    CHECK(open_end(&server, &of_server, true));
    begin_end(&client, "localhost");
    begin_end(&server, NULL);
    SSL_set_alpn_protos(ssl_of(&client), NULL, 0);
    shake(WIRE);
    grpc_result result = server.result;
    if (!is_allowed) {
        CHECK(says(&client, "the peer sent alert 120, "));
    } else {
        CHECK(client.alpn[0] == '\0' && seen_by(&server).alpn[0] == '\0');
    }
    end_both();
    close_both();
    return result;
}

static void test_alpn(void)
{
    CHECK(no_alpn(false) == GRPC_EFORMAT);
    CHECK(no_alpn(true) == GRPC_OK);
    end_case("a client without ALPN");
}

static void test_who_it_is(void)
{
    grpc_tls_options of_client = a_client();
    grpc_tls_options of_server = a_server();
    of_server.clients = GRPC_CLIENTS_REQUIRED;
    of_client.identity = identity_of("client-spiffe.crt", "client-spiffe.key");
    CHECK(open_end(&client, &of_client, false));
    CHECK(open_end(&server, &of_server, true));
    meet("localhost");
    CHECK(server.result == GRPC_OK && client.checked == 1);
    CHECK(server.checked == 1);
    CHECK(strcmp(client.alpn, "h2") == 0 && strcmp(server.alpn, "h2") == 0);
    grpc_identity identity = seen_by(&server);
    CHECK(strcmp(identity.subject, "CN=client") == 0);
    CHECK(identity.is_verified && !identity.is_resumed);
    CHECK(strcmp(identity.alpn, "h2") == 0);
    CHECK(strcmp(identity.protocol, "TLS 1.3") == 0);
    CHECK(strncmp(identity.cipher, "TLS_", 4) == 0);
    CHECK(identity.name_count == 2);
    CHECK(identity.names[0].type == GRPC_NAME_URI);
    CHECK(strcmp(identity.names[0].value.data,
                 "spiffe://test.example/client") == 0);
    CHECK(identity.names[1].type == GRPC_NAME_DNS);
    identity = seen_by(&client);
    CHECK(identity.name_count == 4);
    CHECK(identity.names[2].type == GRPC_NAME_ADDRESS);
    CHECK(identity.names[2].value.size == 4);
    CHECK(identity.names[3].value.size == 16);
    grpc_str der = content("server.crt.der");
    CHECK(identity.certificate.size == der.size);
    CHECK(memcmp(identity.certificate.data, der.data, der.size) == 0);
    end_both();
    close_both();
    end_case("who the other is");
}

// refused: a handshake that fails, with words on the side of whoever refuses.
static void refused(const grpc_tls_options *of_client,
                    const grpc_tls_options *of_server, bool by_client,
                    const char *words)
{
    CHECK(open_end(&client, of_client, false));
    CHECK(open_end(&server, of_server, true));
    meet("localhost");
    const struct end *refuses = by_client ? &client : &server;
    CHECK(refuses->result == GRPC_EFORMAT);
    CHECK(says(refuses, words));
    if (by_client) {
        CHECK(server.result == GRPC_EFORMAT);
        CHECK(says(&server, "the peer sent alert "));
    }
    end_both();
    close_both();
}

static void test_certificates(void)
{
    static const struct {
        const char *name;
        const char *words; // NULL: it is good
    } kinds[] = {
        {"expired", "expired"},
        {"not-yet", "not yet valid"},
        {"self-signed", "self-"},
        {"server-rsa", NULL},
        {"server-chain", NULL},
        {"client", "unsuitable"},
        {"ed25519", NULL},
        {"cn-only", NULL}, // names: not here
        {"client-other", "local issuer"},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        char certificate[50];
        char key[50];
        snprintf(certificate, sizeof certificate, "%s.crt", kinds[i].name);
        snprintf(key, sizeof key, "%s.key", kinds[i].name);
        grpc_tls_options of_client = a_client();
        grpc_tls_options of_server = a_server();
        of_server.identity = identity_of(certificate, key);
        if (kinds[i].words != NULL) {
            refused(&of_client, &of_server, true, kinds[i].words);
            continue;
        }
        CHECK(open_end(&client, &of_client, false));
        CHECK(open_end(&server, &of_server, true));
        meet("localhost");
        CHECK(client.result == GRPC_OK && server.result == GRPC_OK);
        end_both();
        close_both();
    }
    end_case("certificates that are good, and that are not");
}

static void test_clients(void)
{
    grpc_tls_options of_client = a_client();
    grpc_tls_options of_server = a_server();
    of_server.clients = GRPC_CLIENTS_REQUIRED;
    refused(&of_client, &of_server, false, "did not return a certificate");
    of_client.identity = identity_of("client-other.crt", "client-other.key");
    refused(&of_client, &of_server, false, "local issuer");
    of_server.clients = GRPC_CLIENTS_REQUESTED;
    refused(&of_client, &of_server, false, "local issuer");
    of_server.check = GRPC_CHECK_NOTHING;
    CHECK(open_end(&client, &of_client, false));
    CHECK(open_end(&server, &of_server, true));
    meet("localhost");
    CHECK(server.result == GRPC_OK);
    grpc_identity identity = seen_by(&server);
    CHECK(!identity.is_verified && identity.certificate.size > 0);
    end_both();
    close_both();
    end_case("clients that are asked for certificates");
}

static void test_check_refuses(void)
{
    grpc_tls_options of_client = a_client();
    grpc_tls_options of_server = a_server();
    CHECK(open_end(&client, &of_client, false));
    CHECK(open_end(&server, &of_server, true));
    begin_end(&client, "localhost");
    begin_end(&server, NULL);
    client.checks = GRPC_EINVAL;
    shake(WIRE);
    CHECK(client.checked == 1 && client.result == GRPC_EFORMAT);
    CHECK(says(&server, "the peer sent alert 42, "));
    end_both();
    close_both();
    end_case("a peer that check refuses is told");
}

static void test_versions(void)
{
    grpc_tls_options of_client = a_client();
    grpc_tls_options of_server = a_server();
    of_client.max_version = GRPC_TLS_1_2;
    CHECK(open_end(&client, &of_client, false));
    CHECK(open_end(&server, &of_server, true));
    meet("localhost");
    CHECK(client.result == GRPC_OK);
    CHECK(strcmp(seen_by(&server).protocol, "TLS 1.2") == 0);
    CHECK(strstr(seen_by(&server).cipher, "_WITH_AES_") != NULL);
    end_both();
    close_both();
    of_server.min_version = GRPC_TLS_1_3;
    CHECK(open_end(&client, &of_client, false));
    CHECK(open_end(&server, &of_server, true));
    meet("localhost");
    CHECK(says(&client, "the peer sent alert 70, "));
    end_both();
    close_both();
    end_case("versions");
}

// again: whether a second handshake goes on from the first one.
static bool again(const grpc_tls_options *of_client,
                  const grpc_tls_options *of_server, const char *name)
{
    unsigned char none[1];
    CHECK(open_end(&client, of_client, false));
    CHECK(open_end(&server, of_server, true));
    meet("localhost");
    grpc_tls_io io = {NULL, 0, room, 0, sizeof room};
    openssl_tls.finish(server.session, &io);
    deliver(&client, &io);
    CHECK(take(&client, &server, none, sizeof none, WIRE) == 0);
    openssl_tls.finish(client.session, &io);
    end_both();
    meet(name);
    CHECK(client.result == GRPC_OK && server.result == GRPC_OK);
    grpc_identity identity = seen_by(&client);
    bool is_resumed = identity.is_resumed;
    CHECK(identity.is_verified &&
          strcmp(identity.subject, "CN=localhost") == 0);
    CHECK(seen_by(&server).is_resumed == is_resumed);
    if (of_server->clients != GRPC_CLIENTS_UNKNOWN) {
        CHECK(seen_by(&server).is_verified);
        CHECK(strcmp(seen_by(&server).subject, "CN=client") == 0);
    }
    end_both();
    close_both();
    return is_resumed;
}

static void test_resumption(void)
{
    grpc_tls_options of_client = a_client();
    grpc_tls_options of_server = a_server();
    for (int i = 0; i < 4; i++) {
        of_client.max_version = i % 2 == 0 ? GRPC_TLS_1_2 : GRPC_TLS_1_3;
        if (i == 2) {
            of_server.clients = GRPC_CLIENTS_REQUIRED;
            of_client.identity = identity_of("client.crt", "client.key");
        }
        CHECK(again(&of_client, &of_server, "localhost"));
    }
    CHECK(!again(&of_client, &of_server, "b.test.example"));
    of_server.no_resumption = true;
    CHECK(!again(&of_client, &of_server, "localhost"));
    of_client.max_version = GRPC_TLS_1_2;
    CHECK(!again(&of_client, &of_server, "localhost"));
    of_server.no_resumption = false;
    of_client.no_resumption = true;
    CHECK(!again(&of_client, &of_server, "localhost"));
    end_case("sessions that go on from older ones");
}

static void test_more(void)
{
    const grpc_tls_identity more[] = {
        identity_of("other-name.crt", "other-name.key"),
    };
    grpc_tls_options of_client = a_client();
    grpc_tls_options of_server = a_server();
    of_server.more = more;
    of_server.more_count = 1;
    CHECK(open_end(&client, &of_client, false));
    CHECK(open_end(&server, &of_server, true));
    static const char *const names[][2] = {
        {"other.example", "CN=other.example"},
        {"localhost", "CN=localhost"},
        {"127.0.0.1", "CN=localhost"},
        {"::1", "CN=localhost"},
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        meet(names[i][0]);
        CHECK(client.result == GRPC_OK);
        CHECK(strcmp(seen_by(&client).subject, names[i][1]) == 0);
        // An address is no name to ask for.
        CHECK((SSL_get_servername(ssl_of(&server), TLSEXT_NAMETYPE_host_name) ==
               NULL) == (i >= 2));
        end_both();
    }
    close_both();
    end_case("a certificate for a name");
}

static void test_revoked(void)
{
    grpc_tls_options of_client = a_client();
    grpc_tls_options of_server = a_server();
    of_client.crl = content("ca.crl");
    CHECK(open_end(&client, &of_client, false));
    CHECK(open_end(&server, &of_server, true));
    meet("localhost");
    CHECK(client.result == GRPC_OK);
    end_both();
    close_both();
    of_server.identity = identity_of("revoked.crt", "revoked.key");
    refused(&of_client, &of_server, true, "revoked");
    of_client.crl = content("ca.crl.der");
    refused(&of_client, &of_server, true, "revoked");
    // The list of an intermediate authority is not there: it has revoked nothing.
    of_server.identity = identity_of("server-chain.crt", "server-chain.key");
    CHECK(open_end(&client, &of_client, false));
    CHECK(open_end(&server, &of_server, true));
    meet("localhost");
    CHECK(client.result == GRPC_OK);
    end_both();
    close_both();
    end_case("certificates that are revoked");
}

// A root may be any authority; what is sent is what was given.
static void test_roots(void)
{
    grpc_tls_options of_client = a_client();
    grpc_tls_options of_server = a_server();
    of_client.roots = content("intermediate.crt");
    of_server.roots = content("both-cas.crt");
    of_server.identity = identity_of("server-leaf.crt", "server-chain.key");
    CHECK(open_end(&client, &of_client, false));
    CHECK(open_end(&server, &of_server, true));
    meet("localhost");
    CHECK(client.result == GRPC_OK);
    end_both();
    close_both();
    of_client = a_client();
    of_server.identity = identity_of("server.crt", "server.key");
    CHECK(open_end(&client, &of_client, false));
    CHECK(open_end(&server, &of_server, true));
    meet("localhost");
    CHECK(sk_X509_num(SSL_get_peer_cert_chain(ssl_of(&client))) == 1);
    end_both();
    close_both();
    end_case("roots");
}

static int logged;
static void on_key(const char *line, void *self)
{
    CHECK(self == &logged);
    logged += strncmp(line, "CLIENT_", 7) == 0;
}

static void test_key_log(void)
{
    grpc_tls_options of_client = a_client();
    grpc_tls_options of_server = a_server();
    of_client.key_log = on_key;
    of_client.self = &logged;
    CHECK(open_end(&client, &of_client, false));
    CHECK(open_end(&server, &of_server, true));
    meet("localhost");
    CHECK(logged == 2);
    end_both();
    close_both();
    end_case("the key log");
}

// opens: a server with that certificate and key; words: how it is refused.
static void opens(const char *certificate, const char *key,
                  const char *password, const char *words)
{
    grpc_tls_options options = a_server();
    options.identity = identity_of(certificate, key);
    options.identity.key_password = password;
    bool opened = open_end(&server, &options, true);
    CHECK(opened == (words == NULL));
    if (opened) {
        openssl_tls.close(server.context);
    } else if (words != NULL) {
        CHECK(says(&server, words));
    }
}

static void test_forms(void)
{
    opens("server.crt.der", "server.key.der", NULL, NULL);
    opens("server.crt", "server-sec1.key", NULL, NULL);
    opens("server-rsa.crt", "server-pkcs1.key", NULL, NULL);
    opens("server.crt", "encrypted.key", "secret", NULL);
    opens("server.crt", "encrypted-aes.key", "secret", NULL);
    opens("server.crt", "encrypted.key", NULL, "the private key cannot");
    opens("server.crt", "encrypted-aes.key", "wrong", "the private key cannot");
    opens("server.crt", "client.key", NULL, "not that of the certificate");
    opens("server.key", "server.key", NULL, "the certificate cannot be read");
    opens("server.crt", "server.crt", NULL, "the private key cannot be read");
    grpc_tls_options options = a_client();
    options.roots = content("server.key");
    CHECK(!open_end(&client, &options, false));
    CHECK(says(&client, "the roots cannot be read"));
    options = a_client();
    options.crl = content("ca.crt");
    CHECK(!open_end(&client, &options, false));
    CHECK(says(&client, "what is revoked cannot be read"));
    end_case("forms of certificates and keys");
}

static grpc_result no_sign(void *self, uint16_t scheme, grpc_str digest,
                           unsigned char *signature, size_t *size)
{
    (void)self;
    (void)scheme;
    (void)digest;
    (void)signature;
    (void)size;
    return GRPC_EINVAL;
}

static void test_keys_elsewhere(void)
{
    grpc_tls_options of_client = a_client();
    grpc_tls_options of_server = a_server();
    EVP_PKEY *key = openssl_key(&of_server.identity);
    of_server.identity.key = (grpc_str){NULL, 0};
    of_server.identity.key_object = key;
    CHECK(open_end(&client, &of_client, false));
    CHECK(open_end(&server, &of_server, true));
    EVP_PKEY_free(key);
    meet("localhost");
    CHECK(client.result == GRPC_OK);
    end_both();
    close_both();
    of_server.identity.key_object = NULL;
    of_server.identity.sign = no_sign;
    CHECK(!open_end(&server, &of_server, true));
    CHECK(says(&server, "sign is not for OpenSSL"));
    end_case("keys that are elsewhere");
}

static void test_something_else(void)
{
    grpc_tls_options of_server = a_server();
    CHECK(open_end(&server, &of_server, true));
    begin_end(&server, NULL);
    server.size = 24;
    memcpy(server.wire, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", server.size);
    client.size = 0;
    step(&server, &client, WIRE);
    CHECK(server.result == GRPC_EFORMAT);
    CHECK(strlen(server.error) > 10);
    openssl_tls.end(server.session);
    openssl_tls.close(server.context);
    end_case("something else than TLS");
}

int main(int argc, char **argv)
{
    folder = argc > 1 ? argv[1] : "build/test/certs";
    printf("# %s\n", openssl_tls.version());
    test_handshake_in_pieces();
    test_data_both_ways();
    test_a_changed_record();
    test_small_records();
    test_renegotiation();
    test_alpn();
    test_who_it_is();
    test_certificates();
    test_clients();
    test_check_refuses();
    test_versions();
    test_resumption();
    test_more();
    test_revoked();
    test_roots();
    test_key_log();
    test_forms();
    test_keys_elsewhere();
    test_something_else();
    grpc_arena_free(&files);
    printf("1..%d\n", cases);
    return failures > 0;
}

// SPDX-License-Identifier: MIT
// Two ends of a TLS connection by mbedTLS, joined in memory: no sockets, no time.
// What one puts out is what the other gets, unless a test changes it on the way.
// Header only, because the functions under test are static in the amalgamation.

#ifndef TESTS_TLS_KIT_H
#define TESTS_TLS_KIT_H

#include "base/linkage.h"
#include "tls/tls.h"
#include "tls/tls_mbedtls.h"
#include "tls/tls_name.h"

enum {
    TK_WIRE = 1 << 20,  // bytes that can be on their way
    TK_TEXT = 256,      // of a text that is kept
    TK_FILES = 64,      // that are read
    TK_TURNS = 1000000, // in which a handshake ends
};

// tk_has_1_3: what both ends agree on when nobody says anything.
#define TK_HAS_1_3 (TLS_MBEDTLS_HAS_1_3 != 0)

#if TLS_MBEDTLS_WITH_1_3
# define TK_VERSIONS "TLS 1.2 and 1.3"
#else
# define TK_VERSIONS "TLS 1.2"
#endif
// What a client says to such an alert.
#define TK_ALERT_40(versions)                                      \
 "the peer sent alert 40, handshake_failure: there is no version " \
 "(here: " versions                                                \
 "), cipher suite or curve in common, or it wants a certificate"

struct tk_end {
    void *context;
    struct tls_mbedtls_session *session;
    grpc_tls_peer peer;
    unsigned char *out; // cipher text for the other end
    size_t out_size;
    size_t out_read;    // of which that has taken so much
    size_t piece;       // it gets so many bytes at a time; 0: all
    grpc_result result; // of the last step
    bool is_done;       // with the handshake
    // What check was told, and what it says.
    int checks;
    grpc_result check_result;
    grpc_tls_check check; // GRPC_CHECK_ALL: it looks at the name
    bool was_verified;
    bool was_resumed;
    char subject[TK_TEXT];
    char alpn[16];
    size_t name_count;
};

struct tk {
    grpc_tls_options client_options;
    grpc_tls_options server_options;
    struct tk_end client;
    struct tk_end server;
};

// ---- Files ------------------------------------------------------------------

// tk_file is the content of a file of tests/certs.sh; it is never freed.
static MAYBE_UNUSED grpc_str tk_file(const char *name)
{
    static struct {
        char name[64];
        grpc_str text;
    } tk_files[TK_FILES];
    size_t i = 0;
    while (i < TK_FILES && tk_files[i].text.data != NULL &&
           strcmp(tk_files[i].name, name) != 0) {
        i++;
    }
    assert_true(i < TK_FILES);
    if (tk_files[i].text.data == NULL) {
        tk_files[i].text.data =
            test_read_file(test_cert(name), &tk_files[i].text.size);
        assert_non_null(tk_files[i].text.data);
        (void)snprintf(tk_files[i].name, sizeof tk_files[i].name, "%s", name);
    }
    return tk_files[i].text;
}

// tk_identity: "server" is server.crt with server.key.
static MAYBE_UNUSED grpc_tls_identity tk_identity(const char *name)
{
    char certificate[TK_TEXT];
    char key[TK_TEXT];
    (void)snprintf(certificate, sizeof certificate, "%s.crt", name);
    (void)snprintf(key, sizeof key, "%s.key", name);
    return (grpc_tls_identity){
        .certificate = tk_file(certificate),
        .key = tk_file(key),
    };
}

// ---- Begin and end ----------------------------------------------------------

// tk_check is what core would do.
static MAYBE_UNUSED grpc_result tk_check(void *end_,
                                         const grpc_identity *identity)
{
    struct tk_end *end = end_;
    end->checks++;
    end->was_verified = identity->is_verified;
    end->was_resumed = identity->is_resumed;
    end->name_count = identity->name_count;
    (void)snprintf(end->subject, sizeof end->subject, "%s", identity->subject);
    (void)snprintf(end->alpn, sizeof end->alpn, "%s", identity->alpn);
    if (end->peer.server_name != NULL && end->check == GRPC_CHECK_ALL &&
        !tls_name_matches(identity->names, identity->name_count,
                          end->peer.server_name)) {
        return GRPC_EINVAL;
    }
    return end->check_result;
}

static MAYBE_UNUSED void tk_open_end(struct tk_end *end,
                                     const grpc_tls_options *options,
                                     bool is_server)
{
    char reason[TK_TEXT] = "";
    grpc_result result = tls_mbedtls.open(options, is_server, &end->context,
                                          reason, sizeof reason);
    if (result != GRPC_OK) {
        fail_msg("open: %s", reason);
    }
    end->check = options->check;
    end->peer.check = tk_check;
    end->peer.check_self = end;
    end->out = malloc(TK_WIRE);
    assert_non_null(end->out);
}

// tk_options: an ECDSA server, and a client that trusts it.
static MAYBE_UNUSED void tk_options(struct tk *tk)
{
    *tk = (struct tk){
        .client_options = {.roots = tk_file("ca.crt")},
        .server_options = {.identity = tk_identity("server")},
    };
}

static MAYBE_UNUSED void tk_open(struct tk *tk)
{
    tk_open_end(&tk->server, &tk->server_options, true);
    tk_open_end(&tk->client, &tk->client_options, false);
    tk->client.peer.server_name = "localhost";
}

static MAYBE_UNUSED void tk_begin_end(struct tk_end *end)
{
    end->session = tls_mbedtls.begin(end->context, &end->peer);
    assert_non_null(end->session);
    end->out_size = 0;
    end->out_read = 0;
    end->result = GRPC_MORE;
    end->is_done = false;
    end->checks = 0;
}

static MAYBE_UNUSED void tk_begin(struct tk *tk)
{
    tk_begin_end(&tk->server);
    tk_begin_end(&tk->client);
}

static MAYBE_UNUSED void tk_end_sessions(struct tk *tk)
{
    tls_mbedtls.end(tk->client.session);
    tls_mbedtls.end(tk->server.session);
    tk->client.session = NULL;
    tk->server.session = NULL;
}

static MAYBE_UNUSED void tk_close(struct tk *tk)
{
    tls_mbedtls.close(tk->client.context);
    tls_mbedtls.close(tk->server.context);
    free(tk->client.out);
    free(tk->server.out);
}

static MAYBE_UNUSED void tk_end(struct tk *tk)
{
    tk_end_sessions(tk);
    tk_close(tk);
}

// ---- Bytes ------------------------------------------------------------------

static MAYBE_UNUSED struct tk_end *tk_other(struct tk *tk, struct tk_end *end)
{
    return end == &tk->client ? &tk->server : &tk->client;
}

// tk_io: what end can read of the other, and where it can write.
static MAYBE_UNUSED grpc_tls_io tk_io(struct tk *tk, struct tk_end *end)
{
    const struct tk_end *other = tk_other(tk, end);
    size_t size = other->out_size - other->out_read;
    if (end->piece > 0 && size > end->piece) {
        size = end->piece;
    }
    return (grpc_tls_io){
        .input = other->out + other->out_read,
        .input_size = size,
        .output = end->out,
        .output_size = end->out_size,
        .output_room = TK_WIRE,
    };
}

static MAYBE_UNUSED void tk_took(struct tk *tk, struct tk_end *end,
                                 const grpc_tls_io *io)
{
    struct tk_end *other = tk_other(tk, end);
    other->out_read = (size_t)(io->input - other->out);
    end->out_size = io->output_size;
}

static MAYBE_UNUSED grpc_result tk_read(struct tk *tk, struct tk_end *end,
                                        void *data, size_t room, size_t *size)
{
    grpc_tls_io io = tk_io(tk, end);
    grpc_result result = tls_mbedtls.read(end->session, &io, data, room, size);
    tk_took(tk, end, &io);
    return result;
}

static MAYBE_UNUSED grpc_result tk_write(struct tk *tk, struct tk_end *end,
                                         const void *data, size_t *size)
{
    grpc_tls_io io = tk_io(tk, end);
    grpc_result result = tls_mbedtls.write(end->session, &io, data, size);
    tk_took(tk, end, &io);
    return result;
}

static MAYBE_UNUSED void tk_finish(struct tk *tk, struct tk_end *end)
{
    grpc_tls_io io = tk_io(tk, end);
    tls_mbedtls.finish(end->session, &io);
    tk_took(tk, end, &io);
}

// tk_put puts bytes on the way that no session made.
static MAYBE_UNUSED void tk_put(struct tk_end *end, const void *data,
                                size_t size)
{
    assert_true(end->out_size + size <= TK_WIRE);
    memcpy(end->out + end->out_size, data, size);
    end->out_size += size;
}

// ---- The handshake ----------------------------------------------------------

// tk_step does one step of an end's handshake; false when it can do nothing.
static MAYBE_UNUSED bool tk_step(struct tk *tk, struct tk_end *end)
{
    if (end->is_done ||
        (end->result != GRPC_MORE && end->result != GRPC_AGAIN)) {
        return false;
    }
    grpc_tls_io io = tk_io(tk, end);
    size_t input = io.input_size;
    size_t output = io.output_size;
    end->result = tls_mbedtls.handshake(end->session, &io);
    bool moved = end->result != GRPC_AGAIN || io.input_size != input ||
                 io.output_size != output;
    tk_took(tk, end, &io);
    end->is_done = end->result == GRPC_OK;
    return moved;
}

// tk_late lets an end whose handshake is over see what has come since: tickets,
// or an alert, for with TLS 1.3 the client is done before the server.
static MAYBE_UNUSED void tk_late(struct tk *tk, struct tk_end *end)
{
    const struct tk_end *other = tk_other(tk, end);
    while (end->is_done && end->result == GRPC_OK &&
           other->out_read < other->out_size) {
        char none[16];
        size_t size;
        grpc_result result = tk_read(tk, end, none, sizeof none, &size);
        assert_int_equal(size, 0);
        end->result = result == GRPC_AGAIN ? GRPC_OK : result;
    }
}

// tk_shake goes on until both are done, or neither can do more.
static MAYBE_UNUSED void tk_shake(struct tk *tk)
{
    int turns = 0;
    bool moved = true;
    while (moved) {
        moved = tk_step(tk, &tk->client);
        moved = tk_step(tk, &tk->server) || moved;
        assert_true(turns++ < TK_TURNS);
    }
    tk_late(tk, &tk->client);
    tk_late(tk, &tk->server);
}

static MAYBE_UNUSED void tk_start(struct tk *tk)
{
    tk_open(tk);
    tk_begin(tk);
    tk_shake(tk);
}

// tk_error is an end's error without mbedTLS's number behind it, which is not the
// same in every version. Good until it is called again.
static MAYBE_UNUSED const char *tk_error(const struct tk_end *end)
{
    static char tk_text[2][TLS_MBEDTLS_ERROR_BYTES];
    static int tk_next;
    char *text = tk_text[tk_next++ % 2];
    (void)snprintf(text, TLS_MBEDTLS_ERROR_BYTES, "%s",
                   tls_mbedtls.error(end->session));
    char *number = strstr(text, " [-0x");
    if (number != NULL) {
        *number = '\0';
    }
    return text;
}

// tk_expect: how the handshake has gone, by the errors; "" for one that is done.
static MAYBE_UNUSED void tk_expect(const struct tk *tk, const char *client,
                                   const char *server)
{
    assert_string_equal(tk_error(&tk->client), client);
    assert_string_equal(tk_error(&tk->server), server);
    assert_int_equal(tk->client.is_done && tk->client.result == GRPC_OK,
                     *client == '\0');
    assert_int_equal(tk->server.is_done && tk->server.result == GRPC_OK,
                     *server == '\0');
}

// tk_refused is why options are refused, without mbedTLS's number; "" when they
// are not.
static MAYBE_UNUSED const char *tk_refused(const grpc_tls_options *options,
                                           bool is_server)
{
    static char tk_reason[TK_TEXT];
    void *context = NULL;
    tk_reason[0] = '\0';
    grpc_result result = tls_mbedtls.open(options, is_server, &context,
                                          tk_reason, sizeof tk_reason);
    if (result == GRPC_OK) {
        assert_string_equal(tk_reason, "");
        tls_mbedtls.close(context);
        return "";
    }
    assert_null(context);
    assert_int_equal(result, GRPC_EINVAL);
    char *number = strstr(tk_reason, " [-0x");
    if (number != NULL) {
        *number = '\0';
    }
    return tk_reason;
}

#endif

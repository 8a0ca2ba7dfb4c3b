// SPDX-License-Identifier: MIT
// A session by mbedTLS and a hostile peer: one that sends anything, or one that
// does as it should, but whose bytes are changed on the way.
//
//   input: flags (below), how many bytes come at a time (0: all), then the
//   peer's bytes, or changes: where (two bytes; from the last one on), and what
//   is to be xored.
//
// The keys are those of tests/certs.sh, and every handshake has random numbers: an
// input that fails may do so not every time.

#include "tests/fuzz/fuzz_kit.h"

#if defined(GRPC_WITH_MBEDTLS)

# include "tls/tls.h"
# include "tls/tls_mbedtls.h"

enum {
    SESSION_CLIENT = 1, // the client is the victim
    SESSION_MUTUAL = 2,
    SESSION_1_2 = 4,     // at most
    SESSION_CHANGES = 8, // of what a good peer sends
    SESSION_NO_ALPN = 16,
    SESSION_RSA = 32,
    SESSION_CONTEXTS = 64,

    SESSION_WIRE = 1 << 18,
    SESSION_STEPS = 100000,
};

struct session_end {
    void *session;
    grpc_tls_peer peer;
    uint8_t *out;
    size_t out_size;
    size_t out_read;
    grpc_result result;
    int checks;
};

static grpc_str session_file(const char *name)
{
    grpc_str text;
    text.data = test_read_file(test_cert(name), &text.size);
    FUZZ_CHECK(text.data != NULL);
    return text;
}

// session_context is one of these options; it is kept for all runs.
static void *session_context(unsigned flags, bool is_server)
{
    static void *session_contexts[2][SESSION_CONTEXTS];
    void **context = &session_contexts[is_server][flags % SESSION_CONTEXTS];
    if (*context != NULL) {
        return *context;
    }
    bool rsa = (flags & SESSION_RSA) != 0;
    grpc_str roots = session_file("ca.crt");
    grpc_tls_options options = {
        .roots = roots,
        .max_version = (flags & SESSION_1_2) != 0 ? GRPC_TLS_1_2 : 0,
        .allow_no_alpn = (flags & SESSION_NO_ALPN) != 0,
        .no_resumption = (flags & SESSION_NO_ALPN) != 0,
    };
    if (is_server) {
        options.identity.certificate =
            session_file(rsa ? "server-rsa.crt" : "server.crt");
        options.identity.key =
            session_file(rsa ? "server-rsa.key" : "server.key");
    } else if ((flags & SESSION_MUTUAL) != 0) {
        options.identity.certificate =
            session_file(rsa ? "client-rsa.crt" : "client-spiffe.crt");
        options.identity.key =
            session_file(rsa ? "client-rsa.key" : "client-spiffe.key");
    }
    options.clients = (flags & SESSION_MUTUAL) != 0 ? GRPC_CLIENTS_REQUESTED
                                                    : GRPC_CLIENTS_UNKNOWN;
    char reason[256];
    FUZZ_CHECK(tls_mbedtls.open(&options, is_server, context, reason,
                                sizeof reason) == GRPC_OK);
    free((char *)(uintptr_t)roots.data);
    free((char *)(uintptr_t)options.identity.certificate.data);
    free((char *)(uintptr_t)options.identity.key.data);
    return *context;
}

static grpc_result session_check(void *end_, const grpc_identity *identity)
{
    struct session_end *end = end_;
    end->checks++;
    FUZZ_CHECK(identity->subject != NULL && identity->alpn != NULL);
    FUZZ_CHECK(identity->name_count == 0 || identity->certificate.size > 0);
    return GRPC_OK;
}

static void session_begin(struct session_end *end, unsigned flags,
                          bool is_server)
{
    *end = (struct session_end){
        .peer =
            {
                .server_name = is_server ? NULL : "localhost",
                .check = session_check,
                .check_self = end,
            },
        .out = malloc(SESSION_WIRE),
        .result = GRPC_MORE,
    };
    FUZZ_CHECK(end->out != NULL);
    end->session =
        tls_mbedtls.begin(session_context(flags, is_server), &end->peer);
    FUZZ_CHECK(end->session != NULL);
}

static void session_end(struct session_end *end)
{
    tls_mbedtls.end(end->session);
    free(end->out);
}

// session_io: there is as much room as is promised, and no more.
static grpc_tls_io session_io(const struct session_end *end, struct view input)
{
    FUZZ_CHECK(end->out_size + GRPC_TLS_ROOM <= SESSION_WIRE);
    return (grpc_tls_io){
        .input = input.data,
        .input_size = input.size,
        .output = end->out,
        .output_size = end->out_size,
        .output_room = end->out_size + GRPC_TLS_ROOM,
    };
}

static void session_took(struct session_end *end, const grpc_tls_io *io,
                         struct view *input)
{
    FUZZ_CHECK(io->output_size <= io->output_room);
    FUZZ_CHECK(io->input_size <= input->size);
    FUZZ_CHECK(io->input + io->input_size == input->data + input->size);
    end->out_size = io->output_size;
    *input = view_of(io->input, io->input_size);
}

// session_failed: there are words for it, and for nothing else.
static void session_failed(struct session_end *end)
{
    const char *error = tls_mbedtls.error(end->session);
    bool is_error = end->result != GRPC_OK && end->result != GRPC_MORE &&
                    end->result != GRPC_AGAIN && end->result != GRPC_ESTATE;
    FUZZ_CHECK(is_error == (error[0] != '\0'));
    if (fuzz_trace() && is_error) {
        (void)fprintf(stderr, "%s\n", error);
    }
}

// session_feed lets the session take all of the input that it wants; the
// handshake, and then data.
static void session_feed(struct session_end *end, struct view *input,
                         bool *is_open)
{
    uint8_t data[1000];
    for (int steps = 0;; steps++) {
        FUZZ_CHECK(steps < SESSION_STEPS);
        size_t before = input->size;
        grpc_tls_io io = session_io(end, *input);
        size_t size = 0;
        end->result = *is_open ? tls_mbedtls.read(end->session, &io, data,
                                                  sizeof data, &size)
                               : tls_mbedtls.handshake(end->session, &io);
        session_took(end, &io, input);
        session_failed(end);
        if (*is_open) {
            FUZZ_CHECK((end->result == GRPC_OK) == (size > 0));
        } else if (end->result == GRPC_OK) {
            FUZZ_CHECK(end->checks == 1);
            *is_open = true;
            continue;
        }
        if (end->result == GRPC_AGAIN && input->size < before &&
            input->size > 0) {
            continue;
        }
        if (end->result != GRPC_MORE && end->result != GRPC_OK) {
            return;
        }
    }
}

// session_write sends something, if it can.
static void session_write(struct session_end *end, size_t size)
{
    static uint8_t session_data[GRPC_TLS_RECORD_BYTES];
    struct view none = view_of("", 0);
    grpc_tls_io io = session_io(end, none);
    size_t count = size;
    FUZZ_CHECK(tls_mbedtls.write(end->session, &io, session_data, &count) ==
               GRPC_OK);
    FUZZ_CHECK(count > 0 && count <= size);
    session_took(end, &io, &none);
}

static bool session_is_alive(const struct session_end *end)
{
    return end->result == GRPC_OK || end->result == GRPC_AGAIN ||
           end->result == GRPC_MORE;
}

static void session_anything(struct view input, unsigned flags, size_t piece)
{
    struct session_end victim;
    bool is_open = false;
    session_begin(&victim, flags, (flags & SESSION_CLIENT) == 0);
    struct view waiting = view_of(input.data, 0);
    while (session_is_alive(&victim)) {
        // (What it has not taken stays in front.)
        size_t more = input.size < piece ? input.size : piece;
        if (more == 0 && victim.result == GRPC_AGAIN) {
            break;
        }
        waiting.size += more;
        input = view_skip(input, more);
        session_feed(&victim, &waiting, &is_open);
    }
    session_end(&victim);
}

// session_change changes what is on the way from there on.
static void session_change(struct session_end *from, size_t *place, size_t *at,
                           uint8_t *with, struct view *changes)
{
    while (*at < from->out_size) {
        if (*at >= *place) {
            from->out[*at] ^= *with;
        }
        if (changes->size < 3) {
            *at = SESSION_WIRE;
            return;
        }
        size_t next = *at + fuzz_word16(changes) % 512 + 1;
        *at = next;
        *with = fuzz_byte(changes);
        *place = next;
    }
}

static void session_pass(struct session_end *from, struct session_end *to,
                         size_t piece, bool *is_open)
{
    size_t size = from->out_size - from->out_read;
    struct view input =
        view_of(from->out + from->out_read, size < piece ? size : piece);
    size_t before = input.size;
    if (session_is_alive(to)) {
        session_feed(to, &input, is_open);
        from->out_read += before - input.size;
    }
}

static void session_changes(struct view changes, unsigned flags, size_t piece)
{
    bool is_client = (flags & SESSION_CLIENT) != 0;
    struct session_end victim;
    struct session_end good;
    bool victim_open = false;
    bool good_open = false;
    bool sent = false;
    session_begin(&victim, flags, !is_client);
    session_begin(&good, flags, is_client);
    bool has_changes = changes.size >= 3;
    size_t at = has_changes ? fuzz_word16(&changes) : SESSION_WIRE;
    uint8_t with = has_changes ? fuzz_byte(&changes) : 0;
    size_t place = at;
    for (size_t quiet = 0; quiet < 3;) {
        size_t before =
            good.out_size + good.out_read + victim.out_size + victim.out_read;
        session_pass(&victim, &good, SESSION_WIRE, &good_open);
        session_change(&good, &place, &at, &with, &changes);
        session_pass(&good, &victim, piece, &victim_open);
        if (good_open && victim_open && !sent) {
            sent = true;
            if (session_is_alive(&good)) {
                session_write(&good, 100);
                session_write(&good, GRPC_TLS_RECORD_BYTES);
            }
            if (session_is_alive(&victim)) {
                session_write(&victim, GRPC_TLS_RECORD_BYTES);
            }
        }
        size_t after =
            good.out_size + good.out_read + victim.out_size + victim.out_read;
        quiet = after == before ? quiet + 1 : 0;
    }
    FUZZ_CHECK(has_changes ||
               (sent && session_is_alive(&victim) && session_is_alive(&good)));
    session_end(&victim);
    session_end(&good);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct view input = view_of(data, size);
    unsigned flags = fuzz_byte(&input);
    size_t piece = fuzz_byte(&input);
    piece = piece == 0 ? SESSION_WIRE : piece;
    if ((flags & SESSION_CHANGES) != 0) {
        session_changes(input, flags, piece);
    } else {
        session_anything(input, flags, piece);
    }
    return 0;
}

#else

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    (void)data;
    (void)size;
    return 0;
}

#endif

// SPDX-License-Identifier: MIT
//
// cgrpc: gRPC in C. This header is the manual.
//
// Contents
//   1. Values         strings, memory, results and status codes
//   2. The loop       one thread's events, timers, descriptors, posted tasks
//   3. Security       TLS, who the peer is, tokens
//   4. Servers        listening, running, stopping
//   5. Channels       a client's connection to a server
//   6. Calls          what a handler and a client do with a call: messages,
//                     metadata, status, deadlines, interceptors
//   7. Raw calls      methods by name alone, messages as bytes
//   8. TLS libraries  another one than mbedTLS
//   9. Generated code what cgrpc-gen writes against; not for use by hand
//
// Rules that hold everywhere
//
//   Threads. A loop, and every server, channel and call on it, belongs to one
//   thread. Use many loops for many threads; they share nothing. Only
//   grpc_loop_post() and grpc_server_stop() may be called from other threads
//   and from signal handlers. The library starts no thread, with one exception:
//   a name (not a number, not localhost) is looked up in a helper thread,
//   because the system's resolver blocks. GRPC_NO_THREADS builds it out.
//
//   fork(). A loop and all that is on it belong to the process that made them.
//   After fork() the child must not touch them, not even to free them: it
//   would change what the parent watches. Make loops after fork(), or call an
//   exec function in the child (all descriptors are closed on exec).
//
//   Signals. No signal disposition is changed and SIGPIPE is never raised.
//
//   Ownership. Each pointer says who owns it: "borrowed until" (the library
//   reads it until then), "copied" (yours again when the function returns), or
//   "owned" (yours to free).
//
//   Options are structs that are right when zeroed; NULL stands for a zeroed
//   one. Set fields with designated initialisers: new fields may be added.
//
//   Errors. A function that can be misused returns a grpc_result; the object
//   then tells why in words (grpc_server_error() and the like). Nothing
//   aborts, and running out of memory is an ordinary error.
//
//   Freeing or stopping an object from inside a callback is allowed; it takes
//   effect when the outermost step returns.

#ifndef GRPC_H
#define GRPC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__cplusplus)
extern "C" {
#endif

#if !defined(GRPC_API)
# if defined(__GNUC__)
#  define GRPC_API __attribute__((visibility("default")))
# else
#  define GRPC_API
# endif
#endif

#if defined(__GNUC__)
# define GRPC_PRINTF(text, first) \
  __attribute__((__format__(__printf__, text, first)))
#else
# define GRPC_PRINTF(text, first)
#endif

#define GRPC_VERSION     "0.1.0"
#define GRPC_VERSION_NUM 0x000100 // 0xMMmmpp

// grpc_version is the version of the library that the program runs with, such
// as "0.1.0": static text.
GRPC_API const char *grpc_version(void);

// What this build of the library can do, as bits of grpc_features().
enum {
    GRPC_FEATURE_LOOKUP = 1, // looks up names (needs a helper thread)
    GRPC_FEATURE_EPOLL = 2,
    GRPC_FEATURE_POLL = 4,
    GRPC_FEATURE_GZIP = 8, // compresses with zlib: GRPC_WITH_ZLIB
    GRPC_FEATURE_KQUEUE = 16,
    GRPC_FEATURE_VSOCK = 32,
    GRPC_FEATURE_TLS = 64, // has mbedTLS: GRPC_WITH_MBEDTLS
};
GRPC_API unsigned grpc_features(void);

// ---- 1. Values --------------------------------------------------------------

// grpc_str: text or bytes with a length. In a string or bytes field that was
// received, data is never NULL and a NUL stands behind the last byte, so that
// %s works where the text holds none itself.
typedef struct grpc_str {
    const char *data; // may be NULL when size is 0
    size_t size;      // bytes
} grpc_str;

// GRPC_STR makes a grpc_str of a string literal; GRPC_STR_ARG passes one to a
// printf format as %.*s.
#if defined(__cplusplus)
# define GRPC_STR(literal) (grpc_str{"" literal, sizeof(literal) - 1})
#else
# define GRPC_STR(literal) ((grpc_str){"" literal, sizeof(literal) - 1})
#endif
#define GRPC_STR_ARG(text) \
 (int)(text).size, ((text).data != NULL ? (text).data : "")

// grpc_str_z is the text up to its NUL, borrowed; empty for NULL.
GRPC_API grpc_str grpc_str_z(const char *text);

// grpc_result: what a function of this library says about itself. 0 is
// success, what is negative is not. (How a call ended is a grpc_status.)
typedef int grpc_result;
enum {
    GRPC_MORE = 1,     // grpc_call_next: there is a message
    GRPC_AGAIN = -1,   // no room now; nothing was taken
    GRPC_EINVAL = -2,  // an argument is wrong
    GRPC_ESTATE = -3,  // not now: the object is past it, or not there yet
    GRPC_ENOMEM = -4,  // out of memory; nothing has changed
    GRPC_ELIMIT = -5,  // over a limit that was set
    GRPC_ESYSTEM = -6, // the operating system refused; the reason has errno
    GRPC_EFORMAT = -7, // the bytes are not what they should be
};

// GRPC_NEVER is a number of milliseconds that do not pass.
#define GRPC_NEVER UINT32_MAX

// grpc_result_name is "GRPC_OK", "GRPC_EINVAL" and so on: static text.
GRPC_API const char *grpc_result_name(grpc_result result);

// grpc_code: how a call ended (https://grpc.io/docs/guides/status-codes/).
// A peer may send a number that is not listed here; it is kept.
typedef enum grpc_code {
    GRPC_OK = 0,
    GRPC_CANCELLED = 1,
    GRPC_UNKNOWN = 2,
    GRPC_INVALID_ARGUMENT = 3,
    GRPC_DEADLINE_EXCEEDED = 4,
    GRPC_NOT_FOUND = 5,
    GRPC_ALREADY_EXISTS = 6,
    GRPC_PERMISSION_DENIED = 7,
    GRPC_RESOURCE_EXHAUSTED = 8,
    GRPC_FAILED_PRECONDITION = 9,
    GRPC_ABORTED = 10,
    GRPC_OUT_OF_RANGE = 11,
    GRPC_UNIMPLEMENTED = 12,
    GRPC_INTERNAL = 13,
    GRPC_UNAVAILABLE = 14,
    GRPC_DATA_LOSS = 15,
    GRPC_UNAUTHENTICATED = 16
} grpc_code;

// grpc_code_name is "NOT_FOUND" and so on, "CODE" for a number that is not
// listed: static text.
GRPC_API const char *grpc_code_name(grpc_code code);

// grpc_status: the outcome of a call. Where it lives is said where it is given.
typedef struct grpc_status {
    grpc_code code;
    const char *message; // for people, never NULL, with a NUL behind it; a
                         // server's text as it came, UTF-8 unless it errs
    size_t message_size; // bytes, without that NUL
    grpc_str details;    // an encoded google.rpc.Status, as the server sent it;
                         // empty when it sent none. See grpc_status_detail().
} grpc_status;

// grpc_header: one piece of metadata. The key has the characters a-z, 0-9, '_',
// '-' and '.'; upper case is made lower. The value of a key that ends in "-bin"
// is any bytes, size of them. Any other value is printable ASCII, and size 0
// then means that it ends with a NUL. Keys that gRPC or HTTP/2 use themselves
// ("grpc-timeout", "content-type", "te" and so on) are left out when it is sent.
typedef struct grpc_header {
    const char *key;
    const void *value; // received: with a NUL behind it
    size_t size;       // bytes
} grpc_header;

// grpc_metadata: pieces of metadata, in order; a key may be repeated. A call has
// at most 1,000: it takes no more (GRPC_ELIMIT), and ends as RESOURCE_EXHAUSTED
// when its peer sends more.
typedef struct grpc_metadata {
    const grpc_header *data;
    size_t count;
} grpc_metadata;

// GRPC_METADATA({"user", "ann", 0}, {"trace-bin", id, sizeof id}) makes one that
// lives as long as the block that it stands in (C, not C++).
#define GRPC_METADATA(...)                                     \
 ((grpc_metadata){(const grpc_header[]){__VA_ARGS__},          \
                  sizeof((const grpc_header[]){__VA_ARGS__}) / \
                      sizeof(grpc_header)})

// grpc_metadata_get finds the value of the n-th piece with that key, counted
// from 0. False: there is none, and *value is empty.
GRPC_API bool grpc_metadata_get(grpc_metadata metadata, const char *key,
                                size_t n, grpc_str *value);

// grpc_allocate does all work with memory: new_size 0 frees (and returns
// NULL), pointer NULL allocates, else it resizes. On NULL the old memory stays
// as it was. old_size is what was asked for before. Memory is aligned for any
// type. It is called from the loop's thread alone.
typedef void *grpc_allocate(void *user, void *pointer, size_t old_size,
                            size_t new_size);

typedef struct grpc_allocator {
    grpc_allocate *allocate; // NULL: the C library's heap
    void *user;
} grpc_allocator;

// grpc_arena: memory that is taken piece by piece and given back all at once.
// Zero is an empty arena; it binds to the allocator of whatever uses it first.
//
//     grpc_arena arena = {0};
//     ... calls that put messages into it ...
//     grpc_arena_free(&arena);
struct grpc_arena_block;
typedef struct grpc_arena {
    grpc_allocator allocator; // may be set before the first use
    struct grpc_arena_block *newest;
    char *cursor;
    char *end;
    size_t held_bytes;  // taken from the allocator so far
    size_t limit_bytes; // never hold more than this; 0: no limit
} grpc_arena;

// grpc_arena_alloc returns size bytes, aligned to 8, uninitialised, until the
// arena is reset or freed. NULL: no memory, or over limit_bytes.
GRPC_API void *grpc_arena_alloc(grpc_arena *arena, size_t size);

// grpc_arena_printf formats into the arena. data is NULL without memory.
GRPC_API grpc_str grpc_arena_printf(grpc_arena *arena, const char *format, ...)
    GRPC_PRINTF(2, 3);

// grpc_arena_reset drops all that is in the arena and keeps a block for what
// comes next; grpc_arena_free gives everything back. Both accept NULL.
GRPC_API void grpc_arena_reset(grpc_arena *arena);
GRPC_API void grpc_arena_free(grpc_arena *arena);

// ---- 2. The loop ------------------------------------------------------------

typedef struct grpc_loop grpc_loop;

typedef enum grpc_log_level {
    GRPC_LOG_ERROR = 1, // something the program asked for does not work
    GRPC_LOG_WARNING,   // it works, but somebody should look
    GRPC_LOG_INFO,      // connections come and go
    GRPC_LOG_DEBUG
} grpc_log_level;

// text has no newline and is borrowed until the function returns, which may call
// nothing of the library but grpc_loop_post() and grpc_server_stop().
typedef void grpc_log(void *user, grpc_log_level level, const char *text);

typedef struct grpc_loop_options {
    grpc_allocator allocator; // for all that lives on the loop
    const char *backend;      // "epoll", "kqueue", "poll"; NULL: the best
                              // there is
    grpc_log *log;            // NULL: silence
    void *log_user;
    grpc_log_level log_level; // 0: up to GRPC_LOG_WARNING
} grpc_loop_options;

// grpc_loop_new: owned; NULL without memory, without descriptors, or for a back
// end that does not exist; errno tells (ENOMEM, EMFILE, EINVAL).
GRPC_API grpc_loop *grpc_loop_new(const grpc_loop_options *options);

// grpc_loop_free: the servers and channels on it are freed before.
// GRPC_ESTATE when some are left, or while the loop is being stepped. NULL is
// accepted.
GRPC_API grpc_result grpc_loop_free(grpc_loop *loop);

// grpc_loop_run steps until grpc_loop_stop() is called on the loop's thread.
GRPC_API grpc_result grpc_loop_run(grpc_loop *loop);
GRPC_API void grpc_loop_stop(grpc_loop *loop);

// grpc_loop_step waits at most timeout_ms (0: not at all, -1: until something
// happens) and handles what has happened. GRPC_ESTATE from inside a callback.
GRPC_API grpc_result grpc_loop_step(grpc_loop *loop, int timeout_ms);

// To drive the loop from another one: wait until grpc_loop_fd() is readable or
// grpc_loop_timeout() milliseconds have passed (-1: no limit), then call
// grpc_loop_step(loop, 0). The fd is -1 with the "poll" back end, which only a
// clock can drive from outside.
GRPC_API int grpc_loop_fd(const grpc_loop *loop);
GRPC_API int grpc_loop_timeout(grpc_loop *loop);

// grpc_loop_error: why the last function on this loop failed; static or owned
// by the loop until the next failure.
GRPC_API const char *grpc_loop_error(const grpc_loop *loop);

// grpc_loop_post makes the loop call run(argument) on its own thread, soon. It
// is safe from any thread and from signal handlers, takes no lock and no
// memory. GRPC_AGAIN: some 4,000 posts are waiting.
GRPC_API grpc_result grpc_loop_post(grpc_loop *loop,
                                    void (*run)(void *argument),
                                    void *argument);

// grpc_loop_now is the loop's monotonic time in milliseconds, of this step.
GRPC_API uint64_t grpc_loop_now(const grpc_loop *loop);

// A timer calls run(argument) once, delay_ms from now. It is freed when it has
// run or is stopped; the pointer is then dead. NULL without memory, or when
// run is NULL.
typedef struct grpc_timer grpc_timer;
GRPC_API grpc_timer *grpc_timer_start(grpc_loop *loop, uint32_t delay_ms,
                                      void (*run)(void *argument),
                                      void *argument);
GRPC_API void grpc_timer_stop(grpc_timer *timer);

// A watch calls ready(argument, events) whenever the descriptor is ready,
// until it is stopped; stop it before closing fd. Failure is always watched.
// NULL: no memory, or the system refused (grpc_loop_error()).
enum { GRPC_READABLE = 1, GRPC_WRITABLE = 2, GRPC_FAILED = 4 };
typedef struct grpc_watch grpc_watch;
GRPC_API grpc_watch *grpc_watch_start(grpc_loop *loop, int fd, unsigned events,
                                      void (*ready)(void *argument,
                                                    unsigned events),
                                      void *argument);
GRPC_API grpc_result grpc_watch_change(grpc_watch *watch, unsigned events);
GRPC_API void grpc_watch_stop(grpc_watch *watch);

// grpc_compressor compresses messages. gzip is in every loop if the build has
// zlib (GRPC_FEATURE_GZIP); others are added. After a failure the next message
// begins anew; none of its functions may call those of a call or a loop.
typedef grpc_result grpc_write(void *sink, const void *data, size_t size);

typedef struct grpc_compressor {
    const char *name; // as grpc-encoding has it, such as "gzip"
    // open makes what is used for many messages of one loop, one at a time; NULL
    // means without memory. Both may be NULL.
    void *(*open)(const grpc_allocator *allocator);
    void (*close)(void *state, const grpc_allocator *allocator);
    // They put out what comes of the message with write(sink, ...), in pieces,
    // and return what it returns unless that is GRPC_OK: it bounds the output.
    // GRPC_EFORMAT: not that format, or cut off, or something stands behind it.
    grpc_result (*compress)(void *state, grpc_str message, grpc_write *write,
                            void *sink);
    grpc_result (*decompress)(void *state, grpc_str message, grpc_write *write,
                              void *sink);
} grpc_compressor;

// grpc_gzip's functions return GRPC_ESTATE in a build without zlib.
GRPC_API extern const grpc_compressor grpc_gzip;

// grpc_loop_add_compressor: clients and servers on the loop use it from now on
// where it is asked for by name. Borrowed for the life of the loop.
// GRPC_EINVAL: a function is missing, or the name is no token, is "identity" or
// was added before; GRPC_ELIMIT: more than 31, or names of more than 255 bytes
// with a comma between each; GRPC_ESTATE: grpc_gzip without zlib.
GRPC_API grpc_result
grpc_loop_add_compressor(grpc_loop *loop, const grpc_compressor *compressor);

// grpc_limits: what a peer may cost, for a server's and a channel's
// connections. 0 stands for the default, which is in brackets. A value out of
// range is refused in words: by the functions that have a server listen or take
// a descriptor, and by every call of a channel. In words of HTTP/2 (RFC 9113);
// the reasons for the defaults are in h2/h2_limits.h of the sources.
//
// A peer that goes over a bound of rate is answered in this order: it is not
// read, then it is made to wait, then it gets GOAWAY ENHANCE_YOUR_CALM, and the
// connection is closed.
typedef struct grpc_limits {
    // Announced in SETTINGS.
    uint32_t stream_window_bytes; // unread of one stream [65,535]
    uint32_t frame_bytes;         // of one frame [16,384]
    uint32_t header_bytes;       // of one header block, counted as name + value
                                 // + 32 per field; over it a call ends as
                                 // RESOURCE_EXHAUSTED [8,192]
    uint32_t header_table_bytes; // of HPACK's table for what we read [4,096]
    // One header block; over the hard ones the connection is closed.
    uint32_t header_bytes_hard;   // [16,384]
    uint32_t header_fields;       // as header_bytes [100]
    uint32_t header_fields_hard;  // [256]
    uint32_t continuation_frames; // [8]
    // Memory.
    uint32_t connection_window_bytes; // unread of all streams [1,048,576]
    uint32_t window_bytes_max;    // to which a window that is being read grows
                                  // with the measured bandwidth-delay product;
                                  // not at all when it is no larger than the
                                  // window [4,194,304]
    uint32_t window_growth_bytes; // by which all windows of a connection grow
                                  // together [16,777,216]
    uint32_t encoder_table_bytes; // of HPACK's table for what we send, whatever
                                  // the peer allows [4,096]
    uint32_t output_bytes;   // DATA waits in its stream above so much [262,144]
    uint32_t queued_bytes;   // of replies that the client does not take; above
                             // it new calls wait [8,388,608]
    uint32_t assembly_bytes; // of large messages that arrive at the same time,
                             // those of paused calls too; the next waits
                             // [16,777,216]
    uint32_t induced_bytes;  // of acknowledgements, resets and replies without
                             // content; above it the peer is not read [65,536]
    // Counts and rates.
    uint32_t settings_entries;        // of one SETTINGS frame [32]
    uint32_t informational_responses; // before the final one [8]
    uint32_t streams_per_turn;        // new calls before other connections have
                                      // their turn [128]
    uint32_t reset_budget;        // streams that may be reset or refused before
                                  // their handler began, above those that
                                  // ended well [128]
    uint32_t glitch_burst;        // useless frames at once [10,000]
    uint32_t glitches_per_second; // and in the long run [330]
    uint32_t delay_ms;            // how long one is made to wait [100]
    // Time.
    uint32_t handshake_ms;    // server: until the first SETTINGS [10,000]
    uint32_t settings_ack_ms; // until our SETTINGS are acknowledged [60,000]
    uint32_t write_stall_ms;  // without the progress below [60,000]
    uint32_t write_bytes_per_second; // least that a peer takes of what waits
                                     // for it, over all calls [1,024]
    uint32_t answer_stall_ms;  // as write_stall_ms, for a reply that waits for
                               // its stream's window [300,000]
    uint32_t request_stall_ms; // server: as write_stall_ms, for a request, or
                               // a frame, that has begun to arrive; up to
                               // twice as long [60,000]
} grpc_limits;

// ---- 3. Security ------------------------------------------------------------
//
// Credentials make the connections of a server or a channel secure. Without any,
// everybody on the way can read and change what is sent. docs/security.md has
// what is protected, the defaults, and how to check them.

// grpc_credentials is made by grpc_tls_client(), grpc_tls_server() or grpc_local(),
// which never return NULL: what is wrong (a file, a key, no memory, no TLS in
// this build) is told by grpc_credentials_error(), by a server that does not
// listen, and by the status of a channel's calls.
//
// The server or channel to which they are given owns them from then on, even
// where it cannot be made. To give them to one more, or to use them afterwards,
// grpc_credentials_keep() them first, and free them once more. They belong to
// one thread.
typedef struct grpc_credentials grpc_credentials;
typedef struct grpc_call grpc_call;

// grpc_credentials_keep returns the same credentials, to be freed once more.
GRPC_API grpc_credentials *grpc_credentials_keep(grpc_credentials *credentials);
GRPC_API void grpc_credentials_free(grpc_credentials *credentials);

// grpc_credentials_error: what is wrong with them, or why reloading failed, in
// words; "" when nothing is. Borrowed until the next reload.
GRPC_API const char *grpc_credentials_error(
    const grpc_credentials *credentials);

// How far a connection is protected.
typedef enum grpc_security {
    GRPC_INSECURE,  // not at all
    GRPC_INTEGRITY, // nobody can change what is sent
    GRPC_PRIVATE    // nor read it
} grpc_security;

// grpc_tls_name: one name of a certificate (subjectAltName, RFC 5280 section
// 4.2.1.6). An address is its 4 or 16 bytes.
typedef enum grpc_tls_name_type {
    GRPC_NAME_DNS = 1,
    GRPC_NAME_URI,
    GRPC_NAME_ADDRESS,
    GRPC_NAME_EMAIL
} grpc_tls_name_type;
typedef struct grpc_tls_name {
    grpc_tls_name_type type;
    grpc_str value;
} grpc_tls_name;

// grpc_identity: who the peer of a connection is, as far as that has been proved.
// Texts are never NULL.
typedef struct grpc_identity {
    grpc_security level;
    const char *protocol; // "TLS 1.2", "TLS 1.3", "local", "inproc" or "none"
    const char *cipher;   // "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256" and so on
    const char *alpn;     // "h2"; "" when none was agreed on
    bool is_resumed;      // the handshake went on from that of an older session
    // The peer's certificate. Empty: it has shown none (a client need not).
    bool is_verified;     // it leads to a root that is trusted
    grpc_str certificate; // DER
    const char *subject;  // such as "CN=ann, O=Example"
    const grpc_tls_name *names;
    size_t name_count;
    const char *spiffe_id; // "spiffe://trust.domain/path" when it has exactly
                           // one URI and that is one; else ""
    // Of a unix socket, when it was connected. pid 0: not known.
    bool has_process;
    uint32_t uid;
    uint32_t gid;
    int32_t pid;
} grpc_identity;

// grpc_local: credentials for this machine. Unix sockets are GRPC_PRIVATE (the
// kernel says who the peer is), loopback addresses GRPC_INSECURE, and others are
// refused.
GRPC_API grpc_credentials *grpc_local(void);

// grpc_tls_sign signs with a private key that is elsewhere: in a secure element,
// or in another process. scheme is a SignatureScheme (RFC 8446 section 4.2.3;
// with TLS 1.2 the one of that hash); digest is the hash of what is signed. It
// puts at most *size bytes into signature and their number into *size. The
// handshake, and the loop, wait for it. Any other result than GRPC_OK ends the
// handshake.
typedef grpc_result grpc_tls_sign(void *self, uint16_t scheme, grpc_str digest,
                                  unsigned char *signature, size_t *size);

// grpc_tls_identity: a certificate and its private key. Files are PEM; bytes may
// be DER too, and are copied.
typedef struct grpc_tls_identity {
    const char *certificate_file; // the certificate, then those that lead to a
                                  // root
    const char *key_file;
    grpc_str certificate; // instead of the file
    grpc_str key;
    const char *key_password; // of an encrypted key
    grpc_tls_sign *sign;      // instead of a key
    void *sign_self;
    void *key_object; // instead of a key: the library's own, borrowed for the
                      // life of the credentials. mbedTLS: mbedtls_pk_context *
} grpc_tls_identity;

typedef enum grpc_tls_version {
    GRPC_TLS_1_2 = 0x0303, // the least for HTTP/2 (RFC 9113 section 9.2)
    GRPC_TLS_1_3 = 0x0304
} grpc_tls_version;

// Does a server ask its clients for a certificate (mutual TLS)?
typedef enum grpc_tls_clients {
    GRPC_CLIENTS_UNKNOWN,   // no
    GRPC_CLIENTS_REQUESTED, // yes; one that is shown must be good
    GRPC_CLIENTS_REQUIRED   // and there must be one
} grpc_tls_clients;

// What of the peer's certificate is checked by the library.
typedef enum grpc_tls_check {
    GRPC_CHECK_ALL,     // that it leads to a root, and (a client) has the
                        // server's name
    GRPC_CHECK_CHAIN,   // not the name: verify, which must be there, decides
    GRPC_CHECK_NOTHING, // anybody may be the peer. For tests.
} grpc_tls_check;

struct grpc_tls_library;

// Everything is copied but what self, sign_self, key_object, library and
// library_data point to: that lives as long as the credentials, and as the
// connections that began with these options.
typedef struct grpc_tls_options {
    grpc_tls_identity identity;    // a server's; a client's for mutual TLS
    const grpc_tls_identity *more; // server: used for clients that ask for
    size_t more_count;             // (SNI) a name of theirs
    const char *roots_file;   // PEM, who is trusted; a client's default is what
                              // SSL_CERT_FILE names, or else the system's roots
    grpc_str roots;           // instead of the file
    const char *crl_file;     // PEM, which certificates are revoked
    grpc_str crl;             // instead of the file
    grpc_tls_clients clients; // (without, a server has no use for roots, crl
                              // and verify, and with them it does not listen)
    grpc_tls_check check;
    // verify is asked of a certificate, in the handshake, when all else was found
    // to be right. Any result but GRPC_OK refuses the peer; why, it may put into
    // reason, reason_size bytes with a NUL, for who reads errors here. Like sign and
    // key_log it is called in the middle of a handshake, and may not end what that
    // belongs to: free or stop a channel or a server (grpc_loop_post() has that
    // done afterwards).
    grpc_result (*verify)(const grpc_identity *peer, char *reason,
                          size_t reason_size, void *self);
    // key_log gets lines of the NSS key log format, with which whoever has them
    // can decrypt the connections. For debugging.
    void (*key_log)(const char *line, void *self);
    void *self;              // of verify and key_log
    const char *server_name; // client: the name that the certificate must have,
                             // and :authority, instead of the target's
    grpc_tls_version min_version; // 0: TLS 1.2
    grpc_tls_version max_version; // 0: the highest that the library has
    bool allow_no_alpn; // a peer need not agree on "h2" (RFC 7301); old clients
    bool no_resumption; // each handshake is a whole one
    uint32_t reload_ms; // server and client: when a handshake begins so long
                        // after the last look, files that have changed are
                        // read again; 0: by grpc_credentials_reload() alone
    grpc_allocator allocator;               // for the credentials themselves
    const struct grpc_tls_library *library; // NULL: mbedTLS (section 8)
    void *library_data;                     // for that
} grpc_tls_options;

GRPC_API grpc_credentials *grpc_tls_client(const grpc_tls_options *options);
GRPC_API grpc_credentials *grpc_tls_server(const grpc_tls_options *options);

// grpc_credentials_reload reads the same files again, or takes other options.
// New handshakes use what is new, but for server_name, which a channel takes when
// it is made; connections that are open live on. When something is wrong with it
// the old stays in use, and grpc_credentials_error() tells what. GRPC_EINVAL,
// GRPC_ENOMEM; GRPC_ESYSTEM: a file cannot be read.
GRPC_API grpc_result grpc_credentials_reload(grpc_credentials *credentials,
                                             const grpc_tls_options *options);

// grpc_call_credentials add metadata to calls that proves who makes them,
// "authorization" above all. They are refused, with UNAUTHENTICATED, where the
// connection is not GRPC_PRIVATE.
typedef struct grpc_call_credentials {
    // start is called once for each call, behind the interceptors' and before
    // there need be a connection; a call that is sent once more has the same
    // metadata. As there, now or later: grpc_call_add_header() and
    // grpc_call_proceed(), or grpc_call_fail(). A code that only a server may
    // give (OK, INVALID_ARGUMENT, NOT_FOUND, ALREADY_EXISTS, FAILED_PRECONDITION,
    // ABORTED, OUT_OF_RANGE, DATA_LOSS) becomes INTERNAL, and stands in the
    // message (https://github.com/grpc/proposal/blob/master/A54-restrict-control-
    // plane-status-codes.md). grpc_call_audience() is for whom a token is made.
    void (*start)(grpc_call *call, void *self);
    // end is called once for each call whose start was, with its outcome, also
    // when it ends while it waits for its token. NULL: none.
    void (*end)(grpc_call *call, const grpc_status *status, void *self);
    void *self;
    bool allow_insecure; // anybody on the way may read them
} grpc_call_credentials;

// ---- 4. Servers -------------------------------------------------------------

typedef struct grpc_server grpc_server;

// grpc_interceptor: what is done with every call of a server or a channel.
// Members may be NULL. The first of a list is the outermost: start and
// what goes towards the peer of a client (or comes to a server) pass it first,
// the other direction and end pass it last.
typedef struct grpc_interceptor {
    // start is called once: on a server when the request's headers are there, on
    // a client before they are sent. (A reply that it gives in the handler's place
    // passes sent of all interceptors.) It may read and add metadata, and must,
    // now or later, call grpc_call_proceed(); or end the call instead:
    // grpc_call_fail(), or a reply in the place of the handler or the server.
    // While it is waited for, no message is delivered.
    void (*start)(grpc_call *call, void *self);
    // sent and received see each message as its codec encoded it, uncompressed,
    // and may let *message be other bytes, which live until the function is
    // called again or the call ends (grpc_call_scratch() has memory for that).
    void (*sent)(grpc_call *call, grpc_str *message, void *self);
    void (*received)(grpc_call *call, grpc_str *message, void *self);
    // end is called once, with the call's outcome; grpc_call_elapsed_us() is
    // its duration. On a server it is called when the status is decided; trailers
    // cannot be added any more.
    void (*end)(grpc_call *call, const grpc_status *status, void *self);
    void *self;
} grpc_interceptor;

typedef struct grpc_interceptors {
    const grpc_interceptor *const *data;
    size_t count; // at most 255
} grpc_interceptors;

// GRPC_INTERCEPTORS(&first, &second) makes a list (C, not C++).
#define GRPC_INTERCEPTORS(...)                                                 \
 ((grpc_interceptors){(const grpc_interceptor *const[]){__VA_ARGS__},          \
                      sizeof((const grpc_interceptor *const[]){__VA_ARGS__}) / \
                          sizeof(const grpc_interceptor *)})

typedef struct grpc_server_options {
    grpc_loop *loop; // borrowed for the life of the server; NULL: its own
    grpc_allocator allocator;        // of its own loop; unused with a loop
    uint32_t max_receive_bytes;      // of one message; 0: 4 MiB
    uint32_t max_send_bytes;         // of one message; 0: 4 GiB - 1
    uint32_t max_concurrent_streams; // per connection; 0: 128
    uint32_t max_connections;        // 0: as many as there are descriptors
    grpc_interceptors interceptors;  // of every call; copied
    grpc_credentials *credentials;   // owned from now on; NULL: none
    uint32_t max_handshakes; // TLS, at the same time; further clients wait, for
                             // limits.handshake_ms at most, and who is slow has
                             // to go after 2 s; 0: 64
    grpc_limits limits;

    // Keepalive (https://github.com/grpc/proposal/blob/master/A8-client-side-
    // keepalive.md, A9). A connection on which nothing has arrived for
    // keepalive_ms is asked with a PING, and closed when nothing arrives for
    // keepalive_timeout_ms after that. (While it is we who do not read, nobody is
    // asked; a peer that then takes nothing either meets limits.write_stall_ms.)
    // Linux closes it, too, when what was sent is not taken for that time
    // (TCP_USER_TIMEOUT). None of the times here and below is longer than
    // 1,000,000,000 ms, 11 days, but GRPC_NEVER.
    uint32_t keepalive_ms;         // 0: 2 h; below 1 s is 1 s; or GRPC_NEVER
    uint32_t keepalive_timeout_ms; // 0: 20 s
    // How often a client may ask: one that sends a PING sooner than this after
    // the one before, three times while nothing is sent to it, is told GOAWAY
    // ENHANCE_YOUR_CALM "too_many_pings".
    uint32_t keepalive_min_ms;    // 0: 5 min
    bool keepalive_without_calls; // may it while it has no calls? If not, once
                                  // in 2 h

    // How long a connection lives. Its client is told to open another one, and
    // its calls go on to their end.
    uint32_t max_connection_idle_ms; // without a call; 0: for ever
    uint32_t max_connection_age_ms;  // up to 10 % more or less; 0: for ever
    uint32_t max_connection_age_grace_ms; // for the calls that are then open;
                                          // 0: for ever
} grpc_server_options;

// grpc_server_new: owned; NULL without memory or descriptors.
GRPC_API grpc_server *grpc_server_new(const grpc_server_options *options);

// grpc_server_free closes everything at once: handlers that asked are told that
// their calls are over (grpc_call_on_end), clients see UNAVAILABLE. NULL is
// accepted.
GRPC_API void grpc_server_free(grpc_server *server);

typedef struct grpc_listen_options {
    int backlog;     // connections that wait to be accepted; 0: the largest
    bool reuse_port; // share the port with other loops (SO_REUSEPORT)
    grpc_credentials *credentials; // of this address, instead of the server's;
                                   // owned from now on
} grpc_listen_options;

// grpc_server_listen opens a port. The forms of address:
//   "localhost:50051"       both IPv4 and IPv6 loopback
//   "127.0.0.1:50051", "[::1]:50051", "ipv4:127.0.0.1:80", "ipv6:[::1]:80"
//   ":50051", "*:50051"     every address, IPv4 and IPv6
//   "unix:path", "unix:///absolute/path", "unix-abstract:name"
//   "vsock:cid:port"        cid: a number, or "*" for any; no port 0 (Linux)
// A socket's file that a dead server has left is replaced (one that answers is
// an error), and removed when the server stops. Port 0 lets the system choose;
// grpc_server_port() tells. All services are added before. May be called several
// times, for several addresses.
GRPC_API grpc_result grpc_server_listen(grpc_server *server,
                                        const char *address,
                                        const grpc_listen_options *options);

// grpc_server_listen_fd takes a socket that the caller has bound and made
// listening (as systemd does); grpc_server_serve_fd one that is connected to a
// client. The server owns fd when the result is GRPC_OK.
GRPC_API grpc_result grpc_server_listen_fd(grpc_server *server, int fd);
GRPC_API grpc_result grpc_server_serve_fd(grpc_server *server, int fd);

// grpc_server_port is the port that was opened last; 0 when that was none.
GRPC_API uint16_t grpc_server_port(const grpc_server *server);

// grpc_server_run steps the server's loop until the server has stopped.
// GRPC_ESTATE when it listens nowhere, or the loop is being stepped.
// GRPC_OK is 0, so main() may return the result.
GRPC_API grpc_result grpc_server_run(grpc_server *server);

// grpc_server_stop: no new connections and no new calls; those that are open
// go on to their end, then grpc_server_run() returns. Calls that a client has
// sent before it could know are still taken: it is told twice, and asked in
// between (GOAWAY and PING, RFC 9113 section 6.8). The second time it is called
// it ends everything at once. Safe in signal handlers and other threads, as long
// as the server exists.
GRPC_API void grpc_server_stop(grpc_server *server);

// grpc_server_drain is grpc_server_stop with a time limit: what is not at its end
// after grace_ms is ended (clients see UNAVAILABLE); 0 is at once. It may be
// called again with less time left. On the loop's thread: from elsewhere,
// grpc_loop_post() a function that calls it. GRPC_EINVAL: no server.
GRPC_API grpc_result grpc_server_drain(grpc_server *server, uint32_t grace_ms);

// grpc_server_is_stopped: it was stopped and nothing is left open.
GRPC_API bool grpc_server_is_stopped(const grpc_server *server);

GRPC_API grpc_loop *grpc_server_loop(grpc_server *server);

// grpc_server_error: why the last function on this server failed, in words;
// borrowed until the next failure.
GRPC_API const char *grpc_server_error(const grpc_server *server);

// ---- 5. Channels ------------------------------------------------------------

typedef struct grpc_channel grpc_channel;

// grpc_connectivity: what a channel is doing about its connection
// (https://github.com/grpc/grpc/blob/master/doc/connectivity-semantics-and-
// api.md).
typedef enum grpc_connectivity {
    GRPC_IDLE,       // there is none, and nobody asks for one
    GRPC_CONNECTING, // a call, or grpc_channel_connect(), has asked
    // Calls are sent. From here to IDLE when it is lost, or to CONNECTING when
    // the target's name has other addresses.
    GRPC_READY,
    // Every address has failed. Calls fail at once, unless they wait for ready.
    // It goes on trying, and leaves for READY alone, or IDLE for want of calls.
    GRPC_TRANSIENT_FAILURE,
    GRPC_SHUTDOWN // the channel is being freed
} grpc_connectivity;

// grpc_connectivity_name is "IDLE", "TRANSIENT_FAILURE" and so on: static text.
GRPC_API const char *grpc_connectivity_name(grpc_connectivity state);

// grpc_backoff: how long an address that failed is left alone (https://github.
// com/grpc/grpc/blob/master/doc/connection-backoff.md), counted from the
// beginning of the attempt. 0 stands for the default. A server that takes
// connections and gives them up without having answered a call is connected to
// once more at once, and then left alone likewise.
typedef struct grpc_backoff {
    uint32_t base_ms;            // after the first failure; 0: 1 s
    uint32_t max_ms;             // before jitter, the base too; 0: 120 s
    uint32_t multiplier_percent; // with each further failure; 0: 160; less than
                                 // 100 is 100
    uint32_t jitter_percent; // more or less, but after the first; 0: 20; more
                             // than 100 is none
} grpc_backoff;

typedef struct grpc_channel_options {
    grpc_loop *loop; // borrowed for the life of the channel; NULL: a private
                     // one, which only blocking calls run
    grpc_allocator allocator;    // of its private loop; unused with a loop
    const char *authority;       // copied; :authority instead of the target's
    const char *user_agent;      // copied; put before "grpc-cgrpc/0.1.0"
    uint32_t max_receive_bytes;  // of one message; 0: 4 MiB
    uint32_t max_send_bytes;     // of one message; 0: 4 GiB - 1
    uint32_t connect_timeout_ms; // for each address, until its SETTINGS are
                                 // there, or as long as its backoff if that
                                 // is longer; 0: 20 s
    grpc_interceptors interceptors;         // of every call; copied
    grpc_credentials *credentials;          // owned from now on; NULL: none
    grpc_call_credentials call_credentials; // of every call
    grpc_limits limits;

    grpc_backoff backoff;
    uint32_t attempt_delay_ms; // before the next address is tried beside one
        // that has not answered (Happy Eyeballs, RFC 8305
        // section 5), 100 to 2,000; 0: 250
    uint32_t idle_timeout_ms; // without a call, until the connection is closed
                              // and the channel IDLE; 0: 30 min; or GRPC_NEVER
    // Keepalive, as in grpc_server_options. A server may forbid it: on its
    // defaults one of grpc-go, of Google's or of ours takes a PING in 5 minutes
    // while there are calls, and in 2 hours without. The channel that is told so
    // doubles keepalive_ms by itself.
    uint32_t keepalive_ms;         // 0: never; below 10 s is 10 s
    uint32_t keepalive_timeout_ms; // 0: 20 s
    bool keepalive_without_calls;  // also while the channel has none
    // An HTTP proxy that is asked to CONNECT to targets with a host name or an
    // IP address: "http://[user:password@]host[:port]", port 80 if none; copied.
    // NULL: what the environment's HTTPS_PROXY has (https_proxy), but for hosts
    // in NO_PROXY (no_proxy), localhost and loopback addresses. "": none. One that
    // is needed and wrong: as a target that cannot be parsed.
    const char *proxy;
} grpc_channel_options;

// grpc_channel_new makes a channel and does no I/O: it connects with the first
// call, and again when the connection is lost and calls are waiting. It tries
// all addresses of a name, IPv6 and IPv4 in turns. A call that a server has not
// processed, and says so, is sent once more over another connection
// (https://github.com/grpc/proposal/blob/master/A6-client-retries.md,
// transparent retries); one of which nothing had left, as often as it takes. A
// stream is if it has sent no more than 64 KiB until then, and none of it lent
// with a release. The forms of target:
//   "localhost:50051", "host:port", "dns:///host:port" (port 443 if none)
//   "ipv4:127.0.0.1:80,127.0.0.2:80", "ipv6:[::1]:80"
//   "unix:path", "unix:///absolute/path", "unix-abstract:name"
//   "vsock:cid:port"        between a virtual machine and its host (Linux)
// NULL: without memory or descriptors. With a target that cannot be parsed,
// every call fails with INVALID_ARGUMENT and says why.
GRPC_API grpc_channel *grpc_channel_new(const char *target,
                                        const grpc_channel_options *options);

// grpc_channel_new_fd: a channel over a socket that is connected already. It
// owns fd unless the result is NULL (no memory, or fd is no connected stream
// socket), and cannot connect again.
GRPC_API grpc_channel *grpc_channel_new_fd(int fd,
                                           const grpc_channel_options *options);

// grpc_channel_new_inproc: a channel to a server of the same loop, in memory,
// without a socket. options->loop is the server's, or NULL for that. The server
// need not listen. When it is freed or stopped, calls fail as UNAVAILABLE. The
// channel goes idle only with an idle_timeout_ms of its own. NULL: no memory, no
// server, or another loop.
GRPC_API grpc_channel *grpc_channel_new_inproc(
    grpc_server *server, const grpc_channel_options *options);

// grpc_channel_free ends calls that are open as CANCELLED (their callbacks
// are called), then frees. NULL is accepted.
GRPC_API void grpc_channel_free(grpc_channel *channel);

// grpc_channel_state is what the channel is doing. grpc_channel_failure is why
// connecting failed last, or the connection was lost, in words, "" when neither
// has been; borrowed until the loop is stepped or a function of this channel is
// called.
GRPC_API grpc_connectivity grpc_channel_state(const grpc_channel *channel);
GRPC_API const char *grpc_channel_failure(const grpc_channel *channel);

// grpc_channel_connect leaves IDLE without a call. GRPC_OK in any other state
// too; GRPC_ESTATE: it cannot connect (target or options are wrong, or what it
// was made from is gone: a descriptor, an in-process server).
GRPC_API grpc_result grpc_channel_connect(grpc_channel *channel);

// grpc_channel_watch has changed called, from the loop, whenever the state is
// another one than it was told last, at first than now; the last time with
// GRPC_SHUTDOWN, when the channel is freed. A state that the channel only passes
// through within a step is not told. NULL ends it. A channel has one watcher.
GRPC_API void grpc_channel_watch(grpc_channel *channel,
                                 void (*changed)(grpc_channel *channel,
                                                 grpc_connectivity state,
                                                 void *self),
                                 void *self);

// grpc_channel_wait steps the channel's loop until its state is another one than
// last, at most timeout_ms (-1: for ever). grpc_channel_wait_ready connects, and
// waits for GRPC_READY. GRPC_AGAIN: the time is over (grpc_channel_failure()
// may tell why). GRPC_ESTATE: the loop is being stepped, or it cannot connect.
// GRPC_ESYSTEM: the loop cannot wait (grpc_loop_error()). A channel that a
// callback frees meanwhile is gone when they return.
GRPC_API grpc_result grpc_channel_wait(grpc_channel *channel,
                                       grpc_connectivity last, int timeout_ms);
GRPC_API grpc_result grpc_channel_wait_ready(grpc_channel *channel,
                                             int timeout_ms);

// grpc_channel_reset_backoff has addresses that are left alone tried now, as
// after the first failure: the network may have come back.
GRPC_API void grpc_channel_reset_backoff(grpc_channel *channel);

GRPC_API grpc_loop *grpc_channel_loop(grpc_channel *channel);

// grpc_channel_error: why the last function on this channel failed, in words;
// borrowed until the next failure.
GRPC_API const char *grpc_channel_error(const grpc_channel *channel);

typedef struct grpc_call_options {
    uint32_t timeout_ms;    // 0: no deadline, but that of parent
    bool wait_for_ready;    // wait out connection failures until the deadline,
                            // instead of ending as UNAVAILABLE with the first
    grpc_metadata metadata; // copied
    const char *encoding;   // compresses the messages that are sent: "gzip", or
                            // another of grpc_loop_add_compressor(); NULL: not
    // parent is a server's call that this one is made for: it ends no later,
    // cancelled as its parent is, and with its deadline. NULL: none.
    grpc_call *parent;
    uint32_t max_receive_bytes; // of one message; 0: as the channel's
    uint32_t max_send_bytes;
    // After those of the channel; copied.
    grpc_call_credentials credentials;
    // :authority instead of the channel's; copied. Over TLS the server's
    // certificate must have that name, or the call ends as UNAVAILABLE.
    const char *authority;
    // For calls that are waited for, which leave nothing to ask when they have
    // ended: where to put then what the server has sent, in the arena.
    grpc_metadata *headers;
    grpc_metadata *trailers;
} grpc_call_options;

// grpc_cancel ends a client's call as CANCELLED; its callback is called, from
// the loop. From its callback on a call's pointer is dead: forget it there.
GRPC_API void grpc_cancel(grpc_call *call);

// ---- 6. Calls ---------------------------------------------------------------
//
// A server's call lives from the start of its handler until it is answered: by
// the generated ..._reply(), by grpc_call_finish() or by grpc_call_fail(). That
// may be later, from another callback on the same loop. A client's call lives
// until its callback for the end returns; one that is waited for, until
// grpc_call_end().
//
// Messages are sent and received with functions that cgrpc-gen makes for each
// method, here called M; where a direction is streamed, M_send may be called
// many times, and many messages arrive.
//
//   server    M_reply(call, &reply)      the only reply, and OK
//             M_send(call, &reply)       one of many; M_send_reply where
//                                        requests are streamed, too
//             M_receive(call, on_message, on_end, arg)
//   client    M_start(...)               with callbacks
//             M_call(...), M_next(call, &reply), grpc_call_end(call), M_end
//             M_send(call, &request)     one of many

// grpc_call_finish ends the call on a server, after messages that were sent:
// GRPC_OK, or as grpc_call_fail. format may be NULL.
GRPC_API grpc_result grpc_call_finish(grpc_call *call, grpc_code code,
                                      const char *format, ...)
    GRPC_PRINTF(3, 4);

// grpc_call_fail answers with an error, code 1 to 16; format may be NULL. With
// any other code it answers UNKNOWN and returns GRPC_EINVAL. GRPC_ESTATE when
// the handler that is running has answered before: that answer stands. (Once
// the handler has returned, an answered call's pointer is dead.) An interceptor
// of a client ends its call with it.
GRPC_API grpc_result grpc_call_fail(grpc_call *call, grpc_code code,
                                    const char *format, ...) GRPC_PRINTF(3, 4);

// grpc_call_has_room: a message would be taken now, of whatever size. So a
// program that passes messages on can hold back their source, with
// grpc_call_pause(), before there is one that finds no room. Also false when the
// call takes none any more.
GRPC_API bool grpc_call_has_room(grpc_call *call);

// grpc_call_half_close says that the client sends no more messages. It and all
// that sends return GRPC_ESTATE, too, when the server has ended the call early;
// what it has sent before is still given, and then the status.
GRPC_API grpc_result grpc_call_half_close(grpc_call *call);

// grpc_call_on_writable: whenever a send has returned GRPC_AGAIN, or
// grpc_call_has_room() false, writable(call, argument) is called once when there
// is room again. For a client's call the events of M_start have it.
GRPC_API void grpc_call_on_writable(grpc_call *call,
                                    void (*writable)(grpc_call *call,
                                                     void *argument),
                                    void *argument);

// grpc_call_pause holds back the messages that follow, until
// grpc_call_resume(): what the peer still sends fills the stream's window, and
// then it has to wait. Other calls go on.
GRPC_API void grpc_call_pause(grpc_call *call);
GRPC_API void grpc_call_resume(grpc_call *call);

// grpc_call_send_bytes sends a message that is encoded already: by M's codec,
// or once for many calls. With release the bytes are borrowed and not copied
// (unless they are compressed, or few): release(argument) is called once, when
// they are not needed any more, however the call ends; perhaps before this
// returns. Without, they are copied. GRPC_AGAIN and errors as M_send; release is
// then not called.
GRPC_API grpc_result grpc_call_send_bytes(grpc_call *call, grpc_str message,
                                          void (*release)(void *argument),
                                          void *argument);

// grpc_call_on_end: told(argument) is called once if the call ends before it
// is answered: cancelled by the client, past its deadline, connection lost,
// server freed. The call is dead when told returns. Without this, a call that
// has ended stays valid until it is answered or its server is freed, and the
// answer goes nowhere. A second function replaces the first, NULL takes it
// back. It is not told of what has happened before: ask
// grpc_call_is_over() where the call is taken up again later.
GRPC_API void grpc_call_on_end(grpc_call *call, void (*told)(void *argument),
                               void *argument);

// grpc_call_is_over: the call ended before it was answered, and nobody waits for
// the answer any more. In a client's callback for the end it is true.
GRPC_API bool grpc_call_is_over(const grpc_call *call);

// ---- Blocking calls of a client ----
//
// A call that M_call has made is waited for: its functions run the channel's
// loop until they are done. M_send waits for room. M_next returns GRPC_MORE
// with a message that lives until the next M_next or the end; or GRPC_OK when
// there are no more. Always end it, with grpc_call_end() or M_end().

// grpc_call_await_headers waits until the response headers are there
// (grpc_call_headers()), which may be before the first message. GRPC_ESTATE: the
// call has ended without.
GRPC_API grpc_result grpc_call_await_headers(grpc_call *call);

// grpc_call_end waits for the status and gives the call back. A call whose
// requests are not half closed is cancelled, and so is one that a further
// message comes for: it was not asked for. To leave a stream whose server may be
// silent for long, grpc_cancel() it first. The status's message and details live
// in the arena of M_call.
GRPC_API grpc_status grpc_call_end(grpc_call *call);

// ---- Metadata ----

// grpc_call_headers is what the peer sent first: on a server the request's
// metadata (":authority" and "user-agent" too), on a client the response's
// headers, empty until they are there, and when the response is trailers alone.
// grpc_call_trailers is what ends a response, once it has. Both borrowed for
// the life of the call. Keys are lower case; a "-bin" value is decoded.
GRPC_API grpc_metadata grpc_call_headers(grpc_call *call);
GRPC_API grpc_metadata grpc_call_trailers(const grpc_call *call);

// grpc_call_header finds the first header of that key; false and empty when
// there is none. grpc_call_trailer likewise.
GRPC_API bool grpc_call_header(const grpc_call *call, const char *key,
                               grpc_str *value);
GRPC_API bool grpc_call_trailer(const grpc_call *call, const char *key,
                                grpc_str *value);

// grpc_call_add_header adds a header of the response on a server, which leaves
// with the first message or by grpc_call_send_headers(); on a client, for an
// interceptor or call credentials, one of the request. grpc_call_add_trailer adds a trailer
// of the response. Key and text are copied. GRPC_EINVAL: not a key or value that
// may be sent (grpc_header). GRPC_ESTATE: they have been sent. The forms with
// _bytes are for "-bin" keys.
GRPC_API grpc_result grpc_call_add_header(grpc_call *call, const char *key,
                                          const char *text);
GRPC_API grpc_result grpc_call_add_trailer(grpc_call *call, const char *key,
                                           const char *text);
GRPC_API grpc_result grpc_call_add_header_bytes(grpc_call *call,
                                                const char *key,
                                                const void *value, size_t size);
GRPC_API grpc_result grpc_call_add_trailer_bytes(grpc_call *call,
                                                 const char *key,
                                                 const void *value,
                                                 size_t size);

// grpc_call_send_headers sends a server's response headers now, before the first
// message. GRPC_ESTATE when they have been sent.
GRPC_API grpc_result grpc_call_send_headers(grpc_call *call);

// ---- Status details (google/rpc/status.proto) ----

// A detail to send: GRPC_DETAIL(google_rpc_BadRequest, &bad), any message that
// cgrpc-gen has made.
typedef struct grpc_detail {
    const struct grpc_message *type;
    const void *message;
} grpc_detail;
#define GRPC_DETAIL(type, message) ((grpc_detail){&type##_message, (message)})

// grpc_call_fail_with is grpc_call_fail with text as it is and with details, which end with one whose
// type is NULL: GRPC_DETAILS(GRPC_DETAIL(...), GRPC_DETAIL(...)) makes that.
GRPC_API grpc_result grpc_call_fail_with(grpc_call *call, grpc_code code,
                                         const char *message,
                                         const grpc_detail *details);
#define GRPC_DETAILS(...) \
 ((const grpc_detail[]){__VA_ARGS__, (grpc_detail){NULL, NULL}})

// grpc_call_fail_status answers with a status whose details are encoded
// already: that of another call, for a proxy. Its code is not OK.
GRPC_API grpc_result grpc_call_fail_status(grpc_call *call,
                                           const grpc_status *status);

// grpc_status_detail decodes the n-th detail of that type, counted from 0:
//     google_rpc_BadRequest bad;
//     if (grpc_status_detail(&status, &google_rpc_BadRequest_message, 0, &arena,
//                            &bad) == GRPC_OK)
// GRPC_ESTATE: there is none. GRPC_EFORMAT: the details cannot be decoded.
GRPC_API grpc_result grpc_status_detail(const grpc_status *status,
                                        const struct grpc_message *type,
                                        size_t n, grpc_arena *arena,
                                        void *message);

// ---- Compression ----

// grpc_call_set_encoding compresses what a server sends, instead of what the
// request was compressed with. "identity" or NULL: not. GRPC_EINVAL: it does not
// exist in this build or was not added, or the client does not accept it.
// GRPC_ESTATE: headers have been sent.
GRPC_API grpc_result grpc_call_set_encoding(grpc_call *call,
                                            const char *encoding);

// grpc_call_compress says whether the messages from now on are compressed, when
// the call has an encoding. They are, until it is called.
GRPC_API void grpc_call_compress(grpc_call *call, bool on);

// grpc_call_was_compressed: the message received last came compressed.
GRPC_API bool grpc_call_was_compressed(const grpc_call *call);

// ---- Interceptors ----

// grpc_call_proceed lets the call go on behind the interceptor, or the call
// credentials, whose start was called last. GRPC_ESTATE: none is waited for.
GRPC_API grpc_result grpc_call_proceed(grpc_call *call);

// ---- About a call ----

// Memory that lives as long as the call. grpc_call_alloc is zeroed; NULL and
// data NULL without memory.
GRPC_API grpc_arena *grpc_call_arena(grpc_call *call);
GRPC_API void *grpc_call_alloc(grpc_call *call, size_t size);
GRPC_API grpc_str grpc_call_printf(grpc_call *call, const char *format, ...)
    GRPC_PRINTF(2, 3);

// grpc_call_scratch is memory for one message: what is put there lives until
// the callback that has been called returns. It is shared by the loop's calls.
GRPC_API grpc_arena *grpc_call_scratch(grpc_call *call);

// grpc_call_set_value keeps a value with the call under a key, which is the
// address of anything of yours; grpc_call_value finds it, or NULL. So an
// interceptor tells a handler what it has found out. GRPC_ENOMEM.
GRPC_API grpc_result grpc_call_set_value(grpc_call *call, const void *key,
                                         void *value);
GRPC_API void *grpc_call_value(const grpc_call *call, const void *key);

// grpc_call_method is "/package.Service/Method"; grpc_call_peer the address of
// the other side, such as "127.0.0.1:40312" or "unix:"; both borrowed for the
// life of the call.
GRPC_API const char *grpc_call_method(const grpc_call *call);
GRPC_API const char *grpc_call_peer(grpc_call *call);

// grpc_call_identity is who the other side is. NULL without memory, and when
// the call has no connection (any more). Borrowed for the life of the call.
GRPC_API const grpc_identity *grpc_call_identity(grpc_call *call);

// grpc_call_time_left_ms: until the deadline, 0 when it has passed; -1: none.
GRPC_API int64_t grpc_call_time_left_ms(const grpc_call *call);

// grpc_call_elapsed_us: since the call began, in microseconds.
GRPC_API uint64_t grpc_call_elapsed_us(const grpc_call *call);

// grpc_call_audience is for whom a token of this call is made, a client's:
// "https://host/package.Service", without a port that is 443. Borrowed for the
// life of the call; NULL without memory, and on a server.
GRPC_API const char *grpc_call_audience(grpc_call *call);

GRPC_API grpc_loop *grpc_call_loop(grpc_call *call);

// ---- 7. Raw calls -----------------------------------------------------------
//
// Methods that no code was generated for, by name alone; messages are bytes
// that you encode and decode. A raw call may be of any kind: grpc_raw_start and
// grpc_raw_call stream both ways. All functions for calls work with it.

// The codec of raw calls: each message is a grpc_str.
GRPC_API extern const struct grpc_codec grpc_raw;

// Callbacks of a client's stream; each may be NULL. self is that of start.
typedef struct grpc_raw_events {
    void (*headers)(grpc_call *call, void *self); // response headers are there
    void (*message)(grpc_call *call, grpc_str message, void *self);
    void (*writable)(grpc_call *call, void *self);
    void (*end)(grpc_call *call, const grpc_status *status, void *self);
} grpc_raw_events;

// grpc_raw_start begins a call of method "/package.Service/Method" (copied).
// NULL: as M_start.
GRPC_API grpc_call *grpc_raw_start(grpc_channel *channel, const char *method,
                                   const grpc_raw_events *events, void *self,
                                   const grpc_call_options *options);

// grpc_raw_call begins a call that is waited for; see Blocking calls.
// grpc_raw_next is its M_next.
GRPC_API grpc_call *grpc_raw_call(grpc_channel *channel, grpc_arena *arena,
                                  const char *method,
                                  const grpc_call_options *options);
GRPC_API grpc_result grpc_raw_next(grpc_call *call, grpc_str *message);

// grpc_raw_unary makes a unary call and waits for it; *reply lives in the arena.
GRPC_API grpc_status grpc_raw_unary(grpc_channel *channel, grpc_arena *arena,
                                    const char *method, grpc_str request,
                                    grpc_str *reply,
                                    const grpc_call_options *options);

// grpc_server_serve_raw has handler called for the calls of a method; with
// method NULL, for those of all methods that are not known (a proxy).
// grpc_call_method() tells which. The handler asks for messages with
// grpc_raw_receive, and sends with grpc_call_send_bytes. Method is copied.
// GRPC_ESTATE after the first listen.
GRPC_API grpc_result
grpc_server_serve_raw(grpc_server *server, const char *method,
                      void (*handler)(grpc_call *call, void *self), void *self);

// grpc_raw_receive is M_receive for bytes, which live until message returns.
GRPC_API grpc_result grpc_raw_receive(
    grpc_call *call,
    void (*message)(grpc_call *call, grpc_str message, void *argument),
    void (*end)(grpc_call *call, void *argument), void *argument);

// ---- 8. A TLS library of your own -------------------------------------------
//
// Another library than mbedTLS does TLS through a table of functions, which never
// touch a socket: cipher text goes in and out as bytes.
// examples/tls_library has one for OpenSSL.

enum {
    GRPC_TLS_RECORD_BYTES = 16384, // of plain text in one record
    GRPC_TLS_ROOM = 18437,         // and of cipher text, at most (RFC 8446
                                   // section 5.2, RFC 5246 section 6.2.3)
};

// grpc_tls_io: what is between a session and the network. A function takes cipher
// text from the peer off the beginning of input, and puts cipher text for the peer
// behind the output_size bytes that are there. What it leaves of the input it is
// given again, with more behind it, up to a record. Whenever one is called, there
// is room for GRPC_TLS_ROOM bytes.
typedef struct grpc_tls_io {
    const unsigned char *input;
    size_t input_size;
    unsigned char *output;
    size_t output_size;
    size_t output_room; // in all
} grpc_tls_io;

// grpc_tls_peer: with whom a session is.
typedef struct grpc_tls_peer {
    const char *server_name; // client: for SNI, unless it is an address, and to
                             // find a session to resume; server: NULL
    // check decides, by the options, whether this peer will do: name, ALPN,
    // verify. A session should call it within the handshake, when it has verified
    // the chain, with what identify would say (*identity is zeroed first), and
    // fail if the result is not GRPC_OK: only so is the peer told by an alert. If
    // it does not, check is called when the handshake is done.
    grpc_result (*check)(void *check_self, const grpc_identity *identity);
    void *check_self;
} grpc_tls_peer;

typedef struct grpc_tls_library {
    const char *(*version)(void); // such as "OpenSSL 3.0.15"

    // A context is what the sessions of one set of credentials share. In the
    // options that open is given, files have been read: certificate, key, roots
    // and crl are in memory with a NUL behind their size, which lives until open
    // returns, and so does all else in options but self, sign_self and key_object.
    // GRPC_OK; or why not in words, in reason: options that it has no means for (sign,
    // a version) it must refuse. A context is closed when its last
    // session has ended.
    grpc_result (*open)(const grpc_tls_options *options, bool is_server,
                        void **context, char *reason, size_t reason_size);
    void (*close)(void *context);

    // A session is one connection's; NULL without memory. peer is borrowed for
    // the life of the session. A table without begin has none: bytes pass as they
    // are.
    void *(*begin)(void *context, const grpc_tls_peer *peer);
    void (*end)(void *session);

    // handshake does one step. GRPC_OK: it is done. GRPC_MORE: call it again,
    // when others have had their turn. GRPC_AGAIN: it needs more input. GRPC_EFORMAT
    // and others: it has failed; error tells why, and output may have an alert.
    grpc_result (*handshake)(void *session, grpc_tls_io *io);

    // read puts at most room bytes of plain text into data. GRPC_OK: *size of
    // them, at least 1. GRPC_AGAIN: it needs more input. GRPC_MORE: it has answered
    // its peer, and needs room for more of that. GRPC_ESTATE: the peer has ended the
    // session (close_notify). Others: error tells.
    grpc_result (*read)(void *session, grpc_tls_io *io, unsigned char *data,
                        size_t room, size_t *size);

    // write puts one record into output: that of the first *size bytes of data, of
    // which it takes as many as it says, at least 1.
    grpc_result (*write)(void *session, grpc_tls_io *io,
                         const unsigned char *data, size_t *size);

    // finish puts out close_notify, also as an answer to the peer's.
    void (*finish)(void *session, grpc_tls_io *io);

    // identify fills in what is known of the peer: all but level, spiffe_id and
    // the process. Texts of *identity are "" and the rest zero when it is called.
    // What it points to is in the arena, or constant. GRPC_ENOMEM.
    grpc_result (*identify)(void *session, grpc_arena *arena,
                            grpc_identity *identity);

    // error: why a function of the session failed, in words, such as "the peer
    // sent alert 48, unknown_ca".
    const char *(*error)(void *session);
} grpc_tls_library;

// ---- 9. Generated code ------------------------------------------------------
//
// What follows is the contract between cgrpc-gen and the library. Both come
// from one release; it is not meant to be written by hand.

// A buffer that is filled from its end towards its start, so that a length can
// be written in front of what it measures.
typedef struct grpc_buffer {
    grpc_allocator allocator;
    unsigned char *base;  // start of the memory
    unsigned char *first; // first byte written; base <= first <= end
    unsigned char *end;
    size_t limit_bytes; // never hold more than this; 0: no limit
} grpc_buffer;

// An encoder that succeeds leaves at least this many bytes free in front of
// first, for what the transport writes there.
enum { GRPC_BUFFER_HEADROOM = 32 };

// A codec turns messages into bytes and back. type is the codec's description
// of a message.
typedef struct grpc_codec {
    const char *name; // content-subtype, such as "proto"
    // decode fills *message (size bytes of the method's table). Everything that
    // it points to is in the arena. *reason is static text on failure:
    // GRPC_EFORMAT, GRPC_ENOMEM, GRPC_ELIMIT.
    grpc_result (*decode)(const void *type, void *message, grpc_arena *arena,
                          grpc_str data, const char **reason);
    // encode puts the bytes in front of buffer->first.
    grpc_result (*encode)(const void *type, const void *message,
                          grpc_buffer *buffer, const char **reason);
} grpc_codec;

// The types of fields, numbered as in descriptor.proto.
enum {
    GRPC_TYPE_DOUBLE = 1,
    GRPC_TYPE_FLOAT = 2,
    GRPC_TYPE_INT64 = 3,
    GRPC_TYPE_UINT64 = 4,
    GRPC_TYPE_INT32 = 5,
    GRPC_TYPE_FIXED64 = 6,
    GRPC_TYPE_FIXED32 = 7,
    GRPC_TYPE_BOOL = 8,
    GRPC_TYPE_STRING = 9,
    GRPC_TYPE_MESSAGE = 11,
    GRPC_TYPE_BYTES = 12,
    GRPC_TYPE_UINT32 = 13,
    GRPC_TYPE_ENUM = 14,
    GRPC_TYPE_SFIXED32 = 15,
    GRPC_TYPE_SFIXED64 = 16,
    GRPC_TYPE_SINT32 = 17,
    GRPC_TYPE_SINT64 = 18
};

// How a field is stored and when it is present.
enum {
    // The value itself: present when it is not zero or empty. A message: a
    // pointer, absent when NULL.
    GRPC_FIELD_IMPLICIT,
    // The value, and a bool at the offset `presence`.
    GRPC_FIELD_OPTIONAL,
    // A member of a union; present when the int32_t at `presence` is number.
    GRPC_FIELD_ONEOF,
    // struct { const T *data; size_t count; }; messages are stored by value.
    GRPC_FIELD_REPEATED, // written one by one; read either way
    GRPC_FIELD_PACKED,   // written packed; read either way
    GRPC_FIELD_MAP       // repeated entries {key, value}; the last key wins
};

typedef struct grpc_field {
    uint32_t number;
    uint16_t offset;   // of the member, in bytes
    uint16_t presence; // see GRPC_FIELD_OPTIONAL and GRPC_FIELD_ONEOF
    uint8_t type;      // GRPC_TYPE_...
    uint8_t kind;      // GRPC_FIELD_...
    uint16_t message;  // index into grpc_message.messages
} grpc_field;

// A message type: bool, int32_t (also enums), uint32_t, int64_t, uint64_t,
// float, double and grpc_str members, and those above.
typedef struct grpc_message {
    const char *name;         // full name: "helloworld.HelloRequest"
    const grpc_field *fields; // by ascending number
    const struct grpc_message *const *messages;
    const void *empty; // a message without fields set, or NULL: all zero
    uint32_t size;     // sizeof the struct
    uint16_t field_count;
    uint16_t dense_count; // fields[i].number is i + 1 for i below this
    uint16_t unknown;     // offset of the grpc_str with unknown fields
} grpc_message;

// The codec of protobuf's binary format (https://protobuf.dev/programming-
// guides/encoding/); its types are grpc_message.
GRPC_API extern const grpc_codec grpc_protobuf;

// grpc_message_decode reads data into *message; what it points to is in the
// arena. GRPC_EFORMAT: not that message. On failure *message is undefined.
GRPC_API grpc_result grpc_message_decode(const grpc_message *type,
                                         void *message, grpc_arena *arena,
                                         const void *data, size_t size);

// grpc_message_encode returns the bytes, in the arena; data is NULL without
// memory or when the message cannot be encoded (a string that is not UTF-8,
// more than 2 GiB, nested too deep).
GRPC_API grpc_str grpc_message_encode(const grpc_message *type,
                                      const void *message, grpc_arena *arena);

// Any function; cast back to its type before it is called.
typedef void grpc_function(void);

typedef struct grpc_method {
    const char *path; // "/package.Service/Method"
    const grpc_codec *codec;
    const void *request; // type of the request, for the codec
    const void *reply;
    uint32_t request_size; // sizeof the structs
    uint32_t reply_size;
    // Server: calls the user's handler, a member of *handlers. request is NULL
    // where requests are streamed.
    void (*handle)(grpc_call *call, const void *request, const void *handlers,
                   void *self);
    // Client: calls the user's callback. reply is NULL where replies are
    // streamed.
    void (*done)(grpc_call *call, const grpc_status *status, const void *reply,
                 grpc_function *callback, void *self);
    // Calls the user's callback for a message: a request that is streamed on a
    // server, a reply on a client. NULL where that is not streamed.
    void (*on_request)(grpc_call *call, const void *request,
                       grpc_function *callback, void *self);
    void (*on_reply)(grpc_call *call, const void *reply,
                     grpc_function *callback, void *self);
    bool streams_requests;
    bool streams_replies;
} grpc_method;

typedef struct grpc_service {
    const char *name; // "package.Service"
    const grpc_method *methods;
    size_t method_count;
    size_t handlers_size; // sizeof the struct of handlers
} grpc_service;

// grpc_server_serve adds a service; *handlers is copied, service is borrowed
// for the life of the server. GRPC_ESTATE after the first listen.
GRPC_API grpc_result grpc_server_serve(grpc_server *server,
                                       const grpc_service *service,
                                       const void *handlers, void *self);

// grpc_call_reply answers a call that has one reply with a message, which is
// encoded before it returns. The call is answered whatever the result is: a
// message that is NULL or cannot be encoded becomes INTERNAL, one that there is
// no memory for, or that is over max_send_bytes, RESOURCE_EXHAUSTED.
// GRPC_ESTATE as in grpc_call_fail.
GRPC_API grpc_result grpc_call_reply(grpc_call *call, const void *reply);

// grpc_call_unimplemented answers for a handler that is NULL.
GRPC_API void grpc_call_unimplemented(grpc_call *call);

// grpc_call_send sends one message of a stream; it is encoded before it returns.
// GRPC_AGAIN: there is no room, nothing was taken, and writable will be called.
// GRPC_ESTATE: the call is over, or half closed, or not streamed. GRPC_EINVAL,
// GRPC_ENOMEM, GRPC_ELIMIT (max_send_bytes): the message cannot be encoded or
// sent; the call goes on without it.
GRPC_API grpc_result grpc_call_send(grpc_call *call, const void *message);

// grpc_call_receive asks a server's call for its requests: message is called for
// each, through method->on_request, and end when the client sends no more (not
// when the call ends otherwise: grpc_call_on_end). Until it is called they wait.
// message and end may be NULL. GRPC_ESTATE: it was called before, or the call's
// requests are not streamed.
GRPC_API grpc_result grpc_call_receive(grpc_call *call, grpc_function *message,
                                       void (*end)(grpc_call *call,
                                                   void *argument),
                                       void *argument);

// grpc_unary_start begins a call; the request is encoded before it returns.
// callback is called once, from the loop. NULL: no memory, or the channel has
// a private loop, or options are wrong (grpc_channel_error()); then callback is
// not called.
GRPC_API grpc_call *grpc_unary_start(grpc_channel *channel,
                                     const grpc_method *method,
                                     const void *request,
                                     grpc_function *callback, void *self,
                                     const grpc_call_options *options);

// grpc_unary runs the channel's loop until the call has ended. The reply (when
// the code is GRPC_OK) and the status's message live in the arena.
// FAILED_PRECONDITION while that loop is being stepped.
GRPC_API grpc_status grpc_unary(grpc_channel *channel, grpc_arena *arena,
                                const grpc_method *method, const void *request,
                                void *reply, const grpc_call_options *options);

// Callbacks of a client's stream: message goes through method->on_reply, end
// through method->done. Copied.
typedef struct grpc_events {
    void (*headers)(grpc_call *call, void *self);
    grpc_function *message;
    void (*writable)(grpc_call *call, void *self);
    grpc_function *end;
} grpc_events;

// grpc_stream_start begins a call where a direction is streamed. request is the
// only one where requests are not streamed, and NULL where they are. NULL: as
// grpc_unary_start.
GRPC_API grpc_call *grpc_stream_start(grpc_channel *channel,
                                      const grpc_method *method,
                                      const void *request,
                                      const grpc_events *events, void *self,
                                      const grpc_call_options *options);

// grpc_stream_call begins one that is waited for. It is never NULL but without
// memory: what is wrong, grpc_call_end() tells.
GRPC_API grpc_call *grpc_stream_call(grpc_channel *channel, grpc_arena *arena,
                                     const grpc_method *method,
                                     const void *request,
                                     const grpc_call_options *options);

// grpc_call_next waits for the next message of a call that is waited for;
// *message points to a struct of the reply's type. See M_next.
GRPC_API grpc_result grpc_call_next(grpc_call *call, const void **message);

// grpc_call_end_with closes the requests, waits for the only reply and the
// status, and gives the call back: M_end, for client streaming.
GRPC_API grpc_status grpc_call_end_with(grpc_call *call, void *reply);

#if defined(__cplusplus)
}
#endif

#endif

// SPDX-License-Identifier: MIT

#include <features.h>

#include "tests/sim/oom_vendor.h"

#if OOM_HAS_VENDOR

# include <errno.h>
# include <execinfo.h>
# include <stdlib.h>

# include "tests/sim/sim_report.h"
# include "tls/tls.h"

// ---- The process's heap -----------------------------------------------------

// (What is hidden, a shared library does not find.)
# define VENDOR_EXPORT __attribute__((visibility("default")))

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *pointer, size_t size);
extern void __libc_free(void *pointer);

static long vendor_live;
static struct oom_vendor *vendor_inside; // whose functions are on the stack

long oom_vendor_live(void)
{
    return vendor_live;
}

// vendor_note_path looks who has called.
static void vendor_note_path(struct oom_paths *paths, size_t number)
{
    enum { OWN = 3, CALLERS = 5 };
    void *stack[OWN + CALLERS];
    uint64_t hash = 1;
    size_t i = 0;
    int count = backtrace(stack, OWN + CALLERS);
    for (int k = OWN; k < count; k++) {
        hash = (hash ^ (uintptr_t)stack[k]) * UINT64_C(0x100000001b3);
    }
    while (i < paths->count && paths->known[i] != hash) {
        i++;
    }
    if (i == paths->count && i < OOM_PATHS) {
        paths->known[i] = hash;
        paths->at[i] = number;
        paths->count++;
    }
}

static bool vendor_fails(void)
{
    struct oom_vendor *vendor = vendor_inside;
    if (vendor == NULL) {
        return false;
    }
    vendor->calls++;
    if (vendor->paths != NULL) {
        vendor_inside = NULL; // looking may allocate
        vendor_note_path(vendor->paths, vendor->calls);
        vendor_inside = vendor;
    }
    bool fails = vendor->fail_at != 0 &&
                 (vendor->calls == vendor->fail_at ||
                  (vendor->fail_on && vendor->calls > vendor->fail_at));
    if (fails) {
        errno = ENOMEM;
    }
    return fails;
}

static void *vendor_count(void *pointer)
{
    vendor_live += pointer != NULL ? 1 : 0;
    return pointer;
}

VENDOR_EXPORT void *malloc(size_t size)
{
    return vendor_fails() ? NULL : vendor_count(__libc_malloc(size));
}

VENDOR_EXPORT void *calloc(size_t count, size_t size)
{
    return vendor_fails() ? NULL : vendor_count(__libc_calloc(count, size));
}

VENDOR_EXPORT void *realloc(void *pointer, size_t size)
{
    if (vendor_fails()) {
        return NULL;
    }
    void *made = __libc_realloc(pointer, size);
    if (pointer == NULL) {
        return vendor_count(made);
    }
    vendor_live -= size == 0 ? 1 : 0;
    return made;
}

VENDOR_EXPORT void free(void *pointer)
{
    vendor_live -= pointer != NULL ? 1 : 0;
    __libc_free(pointer);
}

// ---- The library ------------------------------------------------------------

struct vendor_context {
    struct oom_vendor *vendor;
    void *inner;
};

struct vendor_session {
    struct oom_vendor *vendor;
    void *inner;
    grpc_tls_peer peer; // what the inner one is told
    const grpc_tls_peer *outer;
};

static void vendor_enter(struct oom_vendor *vendor)
{
    SIM_CHECK(vendor_inside == NULL, "a library is called within itself");
    vendor_inside = vendor;
}

static void vendor_leave(void)
{
    vendor_inside = NULL;
}

static const char *vendor_version(void)
{
    return tls_mbedtls.version();
}

static grpc_result vendor_open(const grpc_tls_options *options, bool is_server,
                               void **out_context, char *reason,
                               size_t reason_size)
{
    struct vendor_context *context = calloc(1, sizeof *context);
    SIM_CHECK(context != NULL, "no memory for the test");
    context->vendor = options->library_data;
    vendor_enter(context->vendor);
    grpc_result result = tls_mbedtls.open(options, is_server, &context->inner,
                                          reason, reason_size);
    vendor_leave();
    if (result != GRPC_OK) {
        SIM_CHECK(reason[0] != '\0', "no reason");
        free(context);
        return result;
    }
    *out_context = context;
    return GRPC_OK;
}

static void vendor_close(void *context_)
{
    struct vendor_context *context = context_;
    vendor_enter(context->vendor);
    tls_mbedtls.close(context->inner);
    vendor_leave();
    free(context);
}

// vendor_check is core's part of a handshake, and not the library's.
static grpc_result vendor_check(void *self, const grpc_identity *identity)
{
    struct vendor_session *session = self;
    vendor_leave();
    grpc_result result =
        session->outer->check(session->outer->check_self, identity);
    vendor_enter(session->vendor);
    return result;
}

static void *vendor_begin(void *context_, const grpc_tls_peer *peer)
{
    struct vendor_context *context = context_;
    struct vendor_session *session = calloc(1, sizeof *session);
    SIM_CHECK(session != NULL, "no memory for the test");
    session->vendor = context->vendor;
    session->peer = (grpc_tls_peer){peer->server_name, vendor_check, session};
    session->outer = peer;
    vendor_enter(session->vendor);
    session->inner = tls_mbedtls.begin(context->inner, &session->peer);
    vendor_leave();
    if (session->inner == NULL) {
        free(session);
        return NULL;
    }
    return session;
}

static void vendor_end(void *session_)
{
    struct vendor_session *session = session_;
    vendor_enter(session->vendor);
    tls_mbedtls.end(session->inner);
    vendor_leave();
    free(session);
}

static grpc_result vendor_handshake(void *session_, grpc_tls_io *io)
{
    struct vendor_session *session = session_;
    vendor_enter(session->vendor);
    grpc_result result = tls_mbedtls.handshake(session->inner, io);
    vendor_leave();
    return result;
}

static grpc_result vendor_read(void *session_, grpc_tls_io *io,
                               unsigned char *data, size_t room, size_t *size)
{
    struct vendor_session *session = session_;
    vendor_enter(session->vendor);
    grpc_result result = tls_mbedtls.read(session->inner, io, data, room, size);
    vendor_leave();
    return result;
}

static grpc_result vendor_write(void *session_, grpc_tls_io *io,
                                const unsigned char *data, size_t *size)
{
    struct vendor_session *session = session_;
    vendor_enter(session->vendor);
    grpc_result result = tls_mbedtls.write(session->inner, io, data, size);
    vendor_leave();
    return result;
}

static void vendor_finish(void *session_, grpc_tls_io *io)
{
    struct vendor_session *session = session_;
    vendor_enter(session->vendor);
    tls_mbedtls.finish(session->inner, io);
    vendor_leave();
}

static grpc_result vendor_identify(void *session_, grpc_arena *arena,
                                   grpc_identity *identity)
{
    struct vendor_session *session = session_;
    vendor_enter(session->vendor);
    grpc_result result = tls_mbedtls.identify(session->inner, arena, identity);
    vendor_leave();
    return result;
}

static const char *vendor_error(void *session_)
{
    struct vendor_session *session = session_;
    return tls_mbedtls.error(session->inner);
}

const grpc_tls_library oom_vendor_library = {
    .version = vendor_version,
    .open = vendor_open,
    .close = vendor_close,
    .begin = vendor_begin,
    .end = vendor_end,
    .handshake = vendor_handshake,
    .read = vendor_read,
    .write = vendor_write,
    .finish = vendor_finish,
    .identify = vendor_identify,
    .error = vendor_error,
};

#endif

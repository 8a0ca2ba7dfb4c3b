// SPDX-License-Identifier: MIT
// Small public functions over values: versions, text, formatting.

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "core/call.h"
#include "core/conn.h"
#include "grpc.h"
#include "loop/loop_socket.h"

const char *grpc_version(void)
{
    return GRPC_VERSION;
}

unsigned grpc_features(void)
{
    unsigned features = GRPC_FEATURE_POLL;
#if !defined(GRPC_NO_THREADS)
    features |= GRPC_FEATURE_LOOKUP;
#endif
#if defined(__linux__)
    features |= GRPC_FEATURE_EPOLL;
#endif
#if defined(LOOP_HAS_KQUEUE)
    features |= GRPC_FEATURE_KQUEUE;
#endif
#if defined(GRPC_WITH_ZLIB)
    features |= GRPC_FEATURE_GZIP;
#endif
#if defined(GRPC_WITH_MBEDTLS)
    features |= GRPC_FEATURE_TLS;
#endif
    struct socket_address address;
    if (socket_address_vsock(&address, SOCKET_CID_ANY, 1)) {
        features |= GRPC_FEATURE_VSOCK;
    }
    return features;
}

grpc_str grpc_str_z(const char *text)
{
    if (text == NULL) {
        text = "";
    }
    return (grpc_str){text, strlen(text)};
}

// values_printf formats straight into what is left of the arena's newest block;
// only text that goes elsewhere, for lack of room there, is formatted twice.
PRINTF_LIKE(2, 0)
static grpc_str values_printf(grpc_arena *arena, const char *format,
                              va_list arguments)
{
    const grpc_str none = {NULL, 0};
    char *start = arena->cursor;
    size_t room = start == NULL ? 0 : (size_t)(arena->end - start);
    va_list again;
    va_copy(again, arguments);
    int size = vsnprintf(start, room, format, arguments);
    char *text = NULL;
    if (size >= 0) {
        text = arena_alloc(arena, (size_t)size + 1);
    }
    if (text != NULL && text != start) {
        (void)vsnprintf(text, (size_t)size + 1, format, again);
    }
    va_end(again);
    return text == NULL ? none : (grpc_str){text, (size_t)size};
}

grpc_str grpc_arena_printf(grpc_arena *arena, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    grpc_str text = {NULL, 0};
    if (arena != NULL && format != NULL) {
        text = values_printf(arena, format, arguments);
    }
    va_end(arguments);
    return text;
}

grpc_str grpc_call_printf(grpc_call *call, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    grpc_str text = {NULL, 0};
    if (call != NULL && format != NULL) {
        text = values_printf(&call->arena, format, arguments);
    }
    va_end(arguments);
    return text;
}

const char *grpc_call_peer(grpc_call *call)
{
    if (call == NULL) {
        return "";
    }
    if (call->conn != NULL) {
        conn_peer(call->conn, &call->peer_address);
    }
    if (call->peer == NULL && call->peer_address.size > 0) {
        char text[SOCKET_ADDRESS_TEXT];
        socket_address_text(&call->peer_address, text);
        call->peer = arena_copy_text(&call->arena, view_of(text, strlen(text)));
    }
    return call->peer == NULL ? "" : call->peer;
}

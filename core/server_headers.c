// SPDX-License-Identifier: MIT

#include "core/server_headers.h"

#include <stdio.h>

#include "base/arena.h"
#include "base/assert.h"
#include "core/base64.h"
#include "core/compress.h"
#include "core/headers.h"
#include "core/limits.h"
#include "core/percent.h"
#include "core/server_call.h"

enum {
    SHEADERS_CODE_TEXT = 4, // "16" and a NUL
    SHEADERS_HEADER_FIELDS = 3,
    SHEADERS_TRAILER_FIELDS = 6,
};

// sheaders_room is an array for own fields of ours and the user's; small
// is one for those without. NULL without memory.
static struct h2_field *sheaders_room(struct grpc_call *call,
                                      struct h2_field *small, size_t own,
                                      const struct call_fields *users)
{
    if (LIKELY(users->count == 0)) {
        return small;
    }
    return arena_alloc(&call->arena,
                       (own + users->count) * sizeof(struct h2_field));
}

// sheaders_fit: the client takes so much metadata, with what gRPC adds.
static bool sheaders_fit(const struct grpc_call *call,
                         const struct call_fields *users)
{
    return users->count == 0 || users->list_bytes + CORE_HEADER_RESERVE_BYTES <=
                                    call->conn->h2.peer.max_header_list_size;
}

grpc_result server_headers_send(struct grpc_call *call)
{
    struct h2_field small[SHEADERS_HEADER_FIELDS];
    struct h2_field *fields =
        sheaders_room(call, small, SHEADERS_HEADER_FIELDS, &call->fields);
    if (!sheaders_fit(call, &call->fields)) {
        server_call_say(call, "send headers",
                        "they are larger than the client takes");
        return GRPC_ELIMIT;
    }
    if (fields == NULL) {
        return GRPC_ENOMEM;
    }
    hpack_hint status = HPACK_STATIC_STATUS;
    fields[0] = headers_field(VIEW(":status"), VIEW("200"), HPACK_STATIC_STATUS,
                              &status);
    fields[1] =
        headers_field(VIEW("content-type"), VIEW("application/grpc"),
                      HPACK_STATIC_CONTENT_TYPE, &call->conn->content_type);
    size_t count = 2;
    if (UNLIKELY(call->send_encoding >= 0)) {
        struct view name =
            compress_name(&call->loop->compress, (size_t)call->send_encoding);
        fields[count++] = headers_field(VIEW("grpc-encoding"), name, 0, NULL);
    }
    count = call_fields_append(&call->fields, fields, count);
    conn_wake(call->conn);
    return h2_send_headers(&call->conn->h2, call->stream, fields, count, false)
               ? GRPC_OK
               : GRPC_ENOMEM; // the engine has closed the connection
}

// What ends an answer. One without messages is a block of headers and trailers
// together.
struct sheaders_trailers {
    bool alone;           // Trailers-Only: begin with :status, content-type
    uint16_t http_status; // then
    grpc_code code;
    struct view text;
    struct view details; // base64
    bool tell_encodings;
    const struct call_fields *users; // may be NULL
};

static size_t sheaders_code(grpc_code code, char text[SHEADERS_CODE_TEXT])
{
    unsigned value = (unsigned)code;
    if (value < 10) {
        text[0] = (char)('0' + value);
        return 1;
    }
    text[0] = (char)('0' + value / 10 % 10);
    text[1] = (char)('0' + value % 10);
    return 2;
}

static void sheaders_http(uint16_t status, char text[3])
{
    text[0] = (char)('0' + status / 100 % 10);
    text[1] = (char)('0' + status / 10 % 10);
    text[2] = (char)('0' + status % 10);
}

// sheaders_block sends trailers; fields has room for ours and the user's.
static bool sheaders_block(struct conn *conn, struct h2_stream *stream,
                           const struct sheaders_trailers *trailers,
                           struct h2_field *fields)
{
    size_t count = 0;
    char http_status[3];
    char code[SHEADERS_CODE_TEXT];
    char message[CORE_MESSAGE_TEXT_BYTES];
    if (trailers->alone) {
        sheaders_http(trailers->http_status, http_status);
        fields[count++] =
            headers_passing(VIEW(":status"), view_of(http_status, 3), 8);
        fields[count++] =
            headers_field(VIEW("content-type"), VIEW("application/grpc"), 31,
                          &conn->content_type);
    }
    size_t size = sheaders_code(trailers->code, code);
    fields[count++] =
        headers_field(VIEW("grpc-status"), view_of(code, size), 0,
                      trailers->code == GRPC_OK ? &conn->status_ok : NULL);
    if (trailers->text.size > 0) {
        size = percent_encode(trailers->text, message, sizeof message);
        fields[count++] =
            headers_passing(VIEW("grpc-message"), view_of(message, size), 0);
    }
    if (trailers->details.size > 0) {
        fields[count++] = headers_passing(VIEW("grpc-status-details-bin"),
                                          trailers->details, 0);
    }
    if (trailers->tell_encodings) {
        struct view accepted = compress_accepted(&conn->loop->compress);
        fields[count++] = headers_field(
            VIEW("grpc-accept-encoding"),
            accepted.size > 0 ? accepted : VIEW("identity"), 0, NULL);
    }
    if (trailers->users != NULL) {
        count = call_fields_append(trailers->users, fields, count);
    }
    return h2_send_headers(&conn->h2, stream, fields, count, true);
}

// sheaders_details is the status's details as base64 in the call's arena; none
// without memory, or when the client does not take so much.
static struct view sheaders_details(struct grpc_call *call)
{
    const struct view none = view_of(NULL, 0);
    if (LIKELY(call->details.size == 0)) {
        return none;
    }
    size_t size = base64_encoded_size(call->details.size);
    uint64_t sum =
        (uint64_t)size + call->endings.list_bytes + CORE_HEADER_RESERVE_BYTES;
    if (sum > call->conn->h2.peer.max_header_list_size) {
        return none;
    }
    char *text = arena_alloc(&call->arena, size);
    if (text == NULL) {
        return none;
    }
    base64_encode(view_of(call->details.data, call->details.size), text);
    return view_of(text, size);
}

// sheaders_is_plain: the end of most answers, which is OK and no more.
static bool sheaders_is_plain(const struct grpc_call *call)
{
    return call->code == GRPC_OK && call->stream->headers_sent &&
           (call->text_size | call->details.size | call->endings.count) == 0;
}

static bool sheaders_send_plain(struct grpc_call *call)
{
    const struct h2_field status = headers_field(VIEW("grpc-status"), VIEW("0"),
                                                 0, &call->conn->status_ok);
    return h2_send_headers(&call->conn->h2, call->stream, &status, 1, true);
}

bool server_trailers_send(struct grpc_call *call)
{
    if (LIKELY(sheaders_is_plain(call))) {
        return sheaders_send_plain(call);
    }
    struct h2_field small[SHEADERS_TRAILER_FIELDS];
    const struct call_fields *users = &call->endings;
    if (UNLIKELY(call->fields.count > 0 && !call->stream->headers_sent)) {
        // The user's headers must not become trailers. Without memory they,
        // or with a closed connection all, are left out.
        grpc_result sent = server_headers_send(call);
        (void)sent;
    }
    struct h2_field *fields =
        sheaders_room(call, small, SHEADERS_TRAILER_FIELDS, users);
    if (fields == NULL || !sheaders_fit(call, users)) {
        users = NULL;
        fields = small;
    }
    const struct sheaders_trailers trailers = {
        .alone = !call->stream->headers_sent,
        .http_status = 200,
        .code = call->code,
        .text = view_of(call->text, call->text_size),
        .details = sheaders_details(call),
        .users = users,
    };
    return sheaders_block(call->conn, call->stream, &trailers, fields);
}

// ---- Refusals ---------------------------------------------------------------

void server_refuse(struct conn *conn, struct h2_stream *stream,
                   const struct request *request, const char *reason)
{
    struct h2_field fields[SHEADERS_TRAILER_FIELDS];
    char text[CORE_MESSAGE_TEXT_BYTES];
    int size = request->detail.size == 0
                   ? snprintf(text, sizeof text, "%s", reason)
                   : snprintf(text, sizeof text, "%s \"%.*s\"", reason,
                              headers_clip(request->detail),
                              (const char *)request->detail.data);
    const struct sheaders_trailers trailers = {
        .alone = true,
        .http_status = request->http_status,
        .code = request->code,
        .text = view_of(text, (size_t)size < sizeof text ? (size_t)size
                                                         : sizeof text - 1),
        .tell_encodings = request->tell_encodings,
    };
    if (sheaders_block(conn, stream, &trailers, fields)) {
        h2_reset(&conn->h2, stream, H2_NO_ERROR);
        h2_release(&conn->h2, stream);
    }
    conn_wake(conn);
}

void server_refuse_as(struct conn *conn, struct h2_stream *stream,
                      grpc_code code, const char *reason)
{
    const struct request request = {.http_status = 200, .code = code};
    server_refuse(conn, stream, &request, reason);
}

// SPDX-License-Identifier: MIT

#include "core/request.h"

#include "core/call_fields.h"
#include "core/headers.h"
#include "core/metadata.h"
#include "core/timeout.h"

// How a field is known: by the index of its name in HPACK's static table (RFC
// 7541 appendix A), or by numbers of our own behind it.
enum {
    REQUEST_AUTHORITY = 1,
    REQUEST_METHOD = 2,
    REQUEST_METHOD_POST = 3,
    REQUEST_PATH = 4,
    REQUEST_PATH_INDEX = 5,
    REQUEST_CONTENT_TYPE = 31,
    REQUEST_HOST = 38,
    REQUEST_USER_AGENT = 58,
    REQUEST_TIMEOUT = 100,
    REQUEST_ENCODING,
    REQUEST_ACCEPT_ENCODING,
};

// What the static table lacks, and what a peer may spell out though it has it.
static const struct request_name {
    const char *text;
    uint8_t size;
    uint8_t token;
} request_names[] = {
    {"grpc-timeout", 12, REQUEST_TIMEOUT},
    {"grpc-accept-encoding", 20, REQUEST_ACCEPT_ENCODING},
    {"grpc-encoding", 13, REQUEST_ENCODING},
    {"content-type", 12, REQUEST_CONTENT_TYPE},
    {"user-agent", 10, REQUEST_USER_AGENT},
    {":authority", 10, REQUEST_AUTHORITY},
    {":path", 5, REQUEST_PATH},
    {":method", 7, REQUEST_METHOD},
    {"host", 4, REQUEST_HOST},
};

enum { REQUEST_NAMES = sizeof request_names / sizeof request_names[0] };

static uint8_t request_token(const struct hpack_field *field)
{
    if (field->static_name != 0) {
        return field->static_name;
    }
    if (!metadata_has_known_size(field->name)) {
        return 0;
    }
    for (size_t i = 0; i < REQUEST_NAMES; i++) {
        const struct request_name *name = &request_names[i];
        if (field->name.size == name->size &&
            memcmp(field->name.data, name->text, name->size) == 0) {
            return name->token;
        }
    }
    return 0;
}

// request_refuse: the first fault is the one that is told.
static void request_refuse(struct request *request, uint16_t http_status,
                           grpc_code code, const char *reason,
                           struct view detail)
{
    if (request->code == GRPC_OK) {
        request->http_status = http_status;
        request->code = code;
        request->reason = reason;
        request->detail = detail;
    }
}

static void request_take_content_type(struct request *request,
                                      struct view value)
{
    if (!headers_is_grpc(value)) {
        request_refuse(request, 415, GRPC_INVALID_ARGUMENT,
                       "invalid gRPC request content-type", value);
    }
}

static void request_take_timeout(struct request *request, struct view value)
{
    if (!timeout_parse(value, &request->timeout_ms)) {
        request_refuse(request, 400, GRPC_INTERNAL, "malformed grpc-timeout",
                       value);
    }
}

static void request_take_encoding(struct request *request, struct view value,
                                  const struct compress_registry *compress)
{
    if (value.size == 0 || VIEW_IS(value, "identity")) {
        return;
    }
    int found = compress_find(compress, value);
    if (found >= 0) {
        request->encoding = (int8_t)found;
        return;
    }
    request->tell_encodings = request->code == GRPC_OK;
    request_refuse(request, 200, GRPC_UNIMPLEMENTED,
                   "grpc: Decompressor is not installed for grpc-encoding",
                   value);
}

static void request_take_accepts(struct request *request, struct view value,
                                 const struct compress_registry *compress)
{
    request->has_accepts = true;
    request->accepts |= compress_parse_accepted(compress, value);
}

static void request_take_method(struct request *request, struct view value)
{
    if (!VIEW_IS(value, "POST")) {
        request_refuse(request, 405, GRPC_INTERNAL,
                       "the HTTP method of a call is POST, not", value);
    }
}

// request_take_host: where there is no :authority, which stands in front, the host
// is it (gRFC A41).
static void request_take_host(struct request *request, struct view value)
{
    if (request->authority.size == 0) {
        request->authority = value;
    }
    if (++request->hosts == 2) {
        request_refuse(request, 400, GRPC_INTERNAL, "more than one host header",
                       view_of(NULL, 0));
    }
}

static void request_take(struct request *request,
                         const struct hpack_field *field,
                         const struct compress_registry *compress)
{
    switch (request_token(field)) {
    case REQUEST_METHOD:
    case REQUEST_METHOD_POST:
        request_take_method(request, field->value);
        break;
    case REQUEST_PATH:
    case REQUEST_PATH_INDEX:
        request->path = field;
        break;
    case REQUEST_AUTHORITY:
        request->authority = field->value;
        break;
    case REQUEST_USER_AGENT:
        request->user_agent = field->value;
        break;
    case REQUEST_CONTENT_TYPE:
        request->has_content_type = true;
        request_take_content_type(request, field->value);
        break;
    case REQUEST_HOST:
        request_take_host(request, field->value);
        break;
    case REQUEST_TIMEOUT:
        request_take_timeout(request, field->value);
        break;
    case REQUEST_ENCODING:
        request_take_encoding(request, field->value, compress);
        break;
    case REQUEST_ACCEPT_ENCODING:
        request_take_accepts(request, field->value, compress);
        break;
    default:
        request->has_metadata =
            request->has_metadata || call_fields_is_users(field);
        break;
    }
}

void request_parse(struct request *request, const struct hpack_block *block,
                   const struct compress_registry *compress)
{
    *request = (struct request){
        .timeout_ms = UINT64_MAX,
        .encoding = -1,
        .http_status = 200,
        .code = GRPC_OK,
    };
    for (size_t i = 0; i < block->count; i++) {
        request_take(request, &block->fields[i], compress);
    }
    if (block->over_limit) {
        request_refuse(request, 200, GRPC_RESOURCE_EXHAUSTED,
                       "the request headers are larger than the limit",
                       view_of(NULL, 0));
    }
    if (!request->has_content_type) {
        request_refuse(request, 415, GRPC_INVALID_ARGUMENT,
                       "invalid gRPC request content-type", view_of(NULL, 0));
    }
    if (request->code == GRPC_OK && request->path != NULL &&
        (request->path->value.size == 0 ||
         request->path->value.data[0] != '/')) {
        request_refuse(request, 200, GRPC_UNIMPLEMENTED,
                       "malformed method name", request->path->value);
    }
}

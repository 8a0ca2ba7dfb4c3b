// SPDX-License-Identifier: MIT

#include "core/status.h"

#include "h2/h2.h"

static const char *const status_code_names[] = {
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
};

const char *grpc_code_name(grpc_code code)
{
    size_t index = (size_t)code;
    size_t count = sizeof status_code_names / sizeof status_code_names[0];
    return index < count ? status_code_names[index] : "CODE";
}

static const char *const status_result_names[] = {
    "GRPC_OK",     "GRPC_AGAIN",  "GRPC_EINVAL",  "GRPC_ESTATE",
    "GRPC_ENOMEM", "GRPC_ELIMIT", "GRPC_ESYSTEM", "GRPC_EFORMAT",
};

const char *grpc_result_name(grpc_result result)
{
    size_t index = (size_t)(-(long)result);
    size_t count = sizeof status_result_names / sizeof status_result_names[0];
    return index < count ? status_result_names[index] : "unknown result";
}

// One row per HTTP status that the mapping names.
static const struct {
    uint16_t http;
    uint8_t code;
    const char *name;
} status_http_rows[] = {
    {400, GRPC_INTERNAL, "Bad Request"},
    {401, GRPC_UNAUTHENTICATED, "Unauthorized"},
    {403, GRPC_PERMISSION_DENIED, "Forbidden"},
    {404, GRPC_UNIMPLEMENTED, "Not Found"},
    {429, GRPC_UNAVAILABLE, "Too Many Requests"},
    {502, GRPC_UNAVAILABLE, "Bad Gateway"},
    {503, GRPC_UNAVAILABLE, "Service Unavailable"},
    {504, GRPC_UNAVAILABLE, "Gateway Timeout"},
    {200, GRPC_UNKNOWN, "OK"},
    {301, GRPC_UNKNOWN, "Moved Permanently"},
    {302, GRPC_UNKNOWN, "Found"},
    {405, GRPC_UNKNOWN, "Method Not Allowed"},
    {415, GRPC_UNKNOWN, "Unsupported Media Type"},
    {431, GRPC_INTERNAL, "Request Header Fields Too Large"},
    {500, GRPC_UNKNOWN, "Internal Server Error"},
};

enum {
    STATUS_HTTP_ROWS = sizeof status_http_rows / sizeof status_http_rows[0]
};

grpc_code status_of_http(unsigned http_status)
{
    for (size_t i = 0; i < STATUS_HTTP_ROWS; i++) {
        if (status_http_rows[i].http == http_status) {
            return (grpc_code)status_http_rows[i].code;
        }
    }
    return GRPC_UNKNOWN;
}

const char *status_http_name(unsigned http_status)
{
    for (size_t i = 0; i < STATUS_HTTP_ROWS; i++) {
        if (status_http_rows[i].http == http_status) {
            return status_http_rows[i].name;
        }
    }
    return "";
}

// Indexed by the HTTP/2 code.
static const uint8_t status_reset_codes[] = {
    [H2_NO_ERROR] = GRPC_INTERNAL,
    [H2_PROTOCOL_ERROR] = GRPC_INTERNAL,
    [H2_INTERNAL_ERROR] = GRPC_INTERNAL,
    [H2_FLOW_CONTROL_ERROR] = GRPC_INTERNAL,
    [H2_SETTINGS_TIMEOUT] = GRPC_INTERNAL,
    [H2_STREAM_CLOSED] = GRPC_INTERNAL,
    [H2_FRAME_SIZE_ERROR] = GRPC_INTERNAL,
    [H2_REFUSED_STREAM] = GRPC_UNAVAILABLE,
    [H2_CANCEL] = GRPC_CANCELLED,
    [H2_COMPRESSION_ERROR] = GRPC_INTERNAL,
    [H2_CONNECT_ERROR] = GRPC_INTERNAL,
    [H2_ENHANCE_YOUR_CALM] = GRPC_RESOURCE_EXHAUSTED,
    [H2_INADEQUATE_SECURITY] = GRPC_PERMISSION_DENIED,
    [H2_HTTP_1_1_REQUIRED] = GRPC_INTERNAL,
};

grpc_code status_of_reset(uint32_t h2_code)
{
    if (h2_code < sizeof status_reset_codes) {
        return (grpc_code)status_reset_codes[h2_code];
    }
    return GRPC_UNKNOWN;
}

bool status_parse(struct view text, grpc_code *out_code)
{
    if (text.size == 0 || text.size > 9 ||
        (text.size > 1 && text.data[0] == '0')) {
        return false;
    }
    unsigned value = 0;
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') {
            return false;
        }
        value = value * 10 + (unsigned)(text.data[i] - '0');
    }
    *out_code = (grpc_code)value;
    return true;
}

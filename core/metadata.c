// SPDX-License-Identifier: MIT

#include "core/metadata.h"

bool metadata_check_key(struct view key)
{
    for (size_t i = 0; i < key.size; i++) {
        uint8_t c = key.data[i];
        bool is_word = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        if (!is_word && c != '_' && c != '-' && c != '.') {
            return false;
        }
    }
    return key.size > 0;
}

bool metadata_check_value(struct view value)
{
    for (size_t i = 0; i < value.size; i++) {
        if (value.data[i] < 0x20 || value.data[i] > 0x7e) {
            return false;
        }
    }
    return true;
}

bool metadata_is_binary(struct view key)
{
    return key.size >= 4 && memcmp(key.data + key.size - 4, "-bin", 4) == 0;
}

// Those of gRPC, then those of HTTP.
static const char *const metadata_reserved[] = {
    "grpc-status",
    "grpc-message",
    "grpc-timeout",
    "grpc-encoding",
    "grpc-message-type",
    "grpc-accept-encoding",
    "te",
    "content-type",
    "user-agent",
    "host",
    "grpc-status-details-bin",
    "connection",
    "keep-alive",
    "proxy-connection",
    "transfer-encoding",
    "upgrade",
    "content-length",
};

enum {
    METADATA_RESERVED = sizeof metadata_reserved / sizeof metadata_reserved[0]
};

bool metadata_is_reserved(struct view key)
{
    if (key.size > 0 && key.data[0] == ':') {
        return true;
    }
    for (size_t i = 0; i < METADATA_RESERVED; i++) {
        const char *name = metadata_reserved[i];
        if (view_equal(key, view_of(name, strlen(name)))) {
            return true;
        }
    }
    return false;
}

struct view metadata_trim(struct view value)
{
    while (value.size > 0 && value.data[0] == ' ') {
        value = view_skip(value, 1);
    }
    while (value.size > 0 && value.data[value.size - 1] == ' ') {
        value.size--;
    }
    return value;
}

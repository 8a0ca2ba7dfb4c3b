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
    if (key.size < 4 || key.data[key.size - 4] != '-') {
        return false;
    }
    const uint8_t *end = key.data + key.size;
    return (end[-3] | 0x20) == 'b' && (end[-2] | 0x20) == 'i' &&
           (end[-1] | 0x20) == 'n';
}

// Those of gRPC, then those of HTTP.
static const struct metadata_name {
    const char *text;
    uint8_t size;
} metadata_reserved[] = {
    {"grpc-status", 11},
    {"grpc-message", 12},
    {"grpc-timeout", 12},
    {"grpc-encoding", 13},
    {"grpc-message-type", 17},
    {"grpc-accept-encoding", 20},
    {"te", 2},
    {"content-type", 12},
    {"user-agent", 10},
    {"host", 4},
    {"grpc-status-details-bin", 23},
    {"connection", 10},
    {"keep-alive", 10},
    {"proxy-connection", 16},
    {"transfer-encoding", 17},
    {"upgrade", 7},
    {"content-length", 14},
};

enum {
    METADATA_RESERVED = sizeof metadata_reserved / sizeof metadata_reserved[0]
};

bool metadata_is_reserved(struct view key)
{
    if (key.size > 0 && key.data[0] == ':') {
        return true;
    }
    if (!metadata_has_known_size(key)) {
        return false;
    }
    for (size_t i = 0; i < METADATA_RESERVED; i++) {
        const struct metadata_name *name = &metadata_reserved[i];
        if (key.size == name->size &&
            memcmp(key.data, name->text, name->size) == 0) {
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

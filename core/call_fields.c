// SPDX-License-Identifier: MIT

#include "core/call_fields.h"

#include "base/alloc.h"
#include "base/assert.h"
#include "core/base64.h"
#include "core/metadata.h"

enum {
    CALL_FIELDS_FIRST = 8,     // room for so many at first
    CALL_FIELDS_MOST = 1000,   // of one call
    CALL_FIELDS_OVERHEAD = 32, // per field (RFC 9113 section 6.5.2)
    // Longer values are not worth their place in a table of 4,096 bytes.
    CALL_FIELDS_INDEXED = 256,
};

// ---- To send ----------------------------------------------------------------

static bool call_fields_grow(struct call_fields *fields, grpc_arena *arena)
{
    if (fields->count < fields->capacity) {
        return true;
    }
    size_t capacity = fields->capacity == 0 ? CALL_FIELDS_FIRST
                                            : (size_t)fields->capacity * 2;
    struct h2_field *grown =
        arena_grow(arena, fields->data, fields->capacity * sizeof *grown,
                   capacity * sizeof *grown);
    if (grown == NULL) {
        return false;
    }
    fields->data = grown;
    fields->capacity = (uint16_t)capacity;
    return true;
}

// call_fields_key is the key in lower case; NULL without memory.
static char *call_fields_key(grpc_arena *arena, struct view key)
{
    char *copy = arena_copy_text(arena, key);
    for (size_t i = 0; copy != NULL && i < key.size; i++) {
        if (copy[i] >= 'A' && copy[i] <= 'Z') {
            copy[i] = (char)(copy[i] - 'A' + 'a');
        }
    }
    return copy;
}

// call_fields_value is the value as it is sent; data is NULL without memory.
static struct view call_fields_value(grpc_arena *arena, bool is_binary,
                                     struct view value)
{
    if (!is_binary) {
        value = metadata_trim(value);
        return view_of(arena_copy_text(arena, value), value.size);
    }
    size_t size = base64_encoded_size(value.size);
    char *text = arena_alloc(arena, size);
    if (text != NULL) {
        base64_encode(value, text);
    }
    return view_of(text, size);
}

// call_fields_mode: metadata is often the same from call to call, binary
// metadata (trace ids) hardly ever.
static enum hpack_mode call_fields_mode(bool is_binary, struct view value)
{
    if (is_binary) {
        return HPACK_NAME;
    }
    return value.size <= CALL_FIELDS_INDEXED ? HPACK_INDEX : HPACK_PLAIN;
}

grpc_result call_fields_add(struct call_fields *fields, grpc_arena *arena,
                            const char *key, struct view value)
{
    size_t size = strlen(key);
    const char *lower = call_fields_key(arena, view_of(key, size));
    if (lower == NULL) {
        return GRPC_ENOMEM;
    }
    const struct view name = view_of(lower, size);
    if (metadata_is_reserved(name)) {
        return GRPC_OK;
    }
    bool is_binary = metadata_is_binary(name);
    if (!metadata_check_key(name) ||
        (!is_binary && !metadata_check_value(value))) {
        return GRPC_EINVAL;
    }
    if (fields->count == CALL_FIELDS_MOST || value.size > INT32_MAX / 4) {
        return GRPC_ELIMIT;
    }
    struct view text = call_fields_value(arena, is_binary, value);
    if (text.data == NULL || !call_fields_grow(fields, arena)) {
        return GRPC_ENOMEM;
    }
    fields->data[fields->count++] = (struct h2_field){
        .field = {.name = name, .value = text},
        .mode = call_fields_mode(is_binary, text),
    };
    size_t list = size + text.size + CALL_FIELDS_OVERHEAD;
    fields->list_bytes = list < UINT32_MAX - fields->list_bytes
                             ? fields->list_bytes + (uint32_t)list
                             : UINT32_MAX / 2;
    return GRPC_OK;
}

// call_fields_size is the size of a value of the user's. Text of size 0 ends with
// a NUL; bytes, in whatever case their key is, do not.
static size_t call_fields_size(const grpc_header *header)
{
    if (header->size > 0 || header->value == NULL) {
        return header->size;
    }
    size_t size = strlen(header->key);
    uint8_t end[4] = {0};
    for (size_t i = 0; i < 4 && i < size; i++) {
        uint8_t c = (uint8_t)header->key[size - 1 - i];
        end[3 - i] = c >= 'A' && c <= 'Z' ? (uint8_t)(c - 'A' + 'a') : c;
    }
    return metadata_is_binary(view_of(end, 4)) ? 0 : strlen(header->value);
}

grpc_result call_fields_add_all(struct call_fields *fields, grpc_arena *arena,
                                grpc_metadata metadata, const char **out_key)
{
    for (size_t i = 0; i < metadata.count; i++) {
        const grpc_header *header = &metadata.data[i];
        *out_key = header->key == NULL ? "NULL" : header->key;
        if (header->key == NULL ||
            (header->value == NULL && header->size > 0)) {
            return GRPC_EINVAL;
        }
        grpc_result result =
            call_fields_add(fields, arena, header->key,
                            view_of(header->value, call_fields_size(header)));
        if (result != GRPC_OK) {
            return result;
        }
    }
    return GRPC_OK;
}

size_t call_fields_append(const struct call_fields *fields, struct h2_field *to,
                          size_t count)
{
    if (UNLIKELY(fields->count > 0)) {
        memcpy(to + count, fields->data, fields->count * sizeof *to);
    }
    return count + fields->count;
}

// ---- Received ---------------------------------------------------------------

bool call_fields_is_users(const struct hpack_field *field)
{
    return !metadata_is_reserved(field->name);
}

// call_fields_pieces is how many values a field holds: an intermediary may have
// joined those of a "-bin" key with commas, which base64 has not.
static size_t call_fields_pieces(const struct hpack_field *field)
{
    size_t pieces = 1;
    if (metadata_is_binary(field->name)) {
        for (size_t i = 0; i < field->value.size; i++) {
            pieces += field->value.data[i] == ',';
        }
    }
    return pieces;
}

static enum call_fields_result call_fields_decode(grpc_arena *arena,
                                                  struct view text,
                                                  grpc_header *out)
{
    text = metadata_trim(text);
    char *bytes = arena_alloc(arena, base64_decoded_max(text.size) + 1);
    if (bytes == NULL) {
        return CALL_FIELDS_NO_MEMORY;
    }
    if (!base64_decode(text, bytes, &out->size)) {
        return CALL_FIELDS_BAD_BASE64;
    }
    bytes[out->size] = '\0';
    out->value = bytes;
    return CALL_FIELDS_DONE;
}

static enum call_fields_result call_fields_take_binary(grpc_arena *arena,
                                                       struct view value,
                                                       const char *key,
                                                       grpc_header **next)
{
    bool more = true;
    while (more) {
        size_t size = 0;
        while (size < value.size && value.data[size] != ',') {
            size++;
        }
        (*next)->key = key;
        enum call_fields_result result =
            call_fields_decode(arena, view_of(value.data, size), *next);
        if (result != CALL_FIELDS_DONE) {
            return result;
        }
        ++*next;
        more = size < value.size;
        value = view_skip(value, more ? size + 1 : size);
    }
    return CALL_FIELDS_DONE;
}

static enum call_fields_result call_fields_take(grpc_arena *arena,
                                                const struct hpack_field *field,
                                                grpc_header **next)
{
    if (metadata_is_binary(field->name)) {
        const char *key = arena_copy_text(arena, field->name);
        return key == NULL
                   ? CALL_FIELDS_NO_MEMORY
                   : call_fields_take_binary(arena, field->value, key, next);
    }
    struct view name = field->name;
    struct view value = metadata_trim(field->value);
    // Both in one piece, each with a NUL behind it.
    char *key = arena_alloc(arena, name.size + value.size + 2);
    if (key == NULL) {
        return CALL_FIELDS_NO_MEMORY;
    }
    char *text = key + name.size + 1;
    memcpy(key, name.data, name.size);
    key[name.size] = '\0';
    if (value.size > 0) {
        memcpy(text, value.data, value.size);
    }
    text[value.size] = '\0';
    *(*next)++ = (grpc_header){key, text, value.size};
    return CALL_FIELDS_DONE;
}

enum call_fields_result call_fields_collect(grpc_arena *arena,
                                            const struct hpack_block *block,
                                            grpc_metadata *out)
{
    size_t count = 0;
    for (size_t i = 0; i < block->count; i++) {
        if (call_fields_is_users(&block->fields[i])) {
            count += call_fields_pieces(&block->fields[i]);
        }
    }
    if (count == 0) {
        return CALL_FIELDS_DONE;
    }
    if (count > CALL_FIELDS_MOST) {
        // A comma is a byte on the wire, and some 32 of memory.
        return CALL_FIELDS_TOO_MANY;
    }
    grpc_header *headers = arena_alloc(arena, count * sizeof *headers);
    grpc_header *next = headers;
    enum call_fields_result result =
        headers == NULL ? CALL_FIELDS_NO_MEMORY : CALL_FIELDS_DONE;
    for (size_t i = 0; i < block->count && result == CALL_FIELDS_DONE; i++) {
        if (call_fields_is_users(&block->fields[i])) {
            result = call_fields_take(arena, &block->fields[i], &next);
        }
    }
    if (result == CALL_FIELDS_DONE) {
        *out = (grpc_metadata){headers, count};
    }
    return result;
}

// ---- The names that requests share ------------------------------------------

static size_t call_names_bytes(size_t authority_size, size_t user_agent_size)
{
    return offsetof(struct call_names, text) + authority_size +
           user_agent_size + 2;
}

static struct call_names *call_names_new(const grpc_allocator *allocator,
                                         struct view authority,
                                         struct view user_agent)
{
    size_t size = call_names_bytes(authority.size, user_agent.size);
    struct call_names *names = alloc_zeroed(allocator, size);
    if (names == NULL) {
        return NULL;
    }
    names->count = 1;
    names->authority_size = (uint16_t)authority.size;
    names->user_agent_size = (uint16_t)user_agent.size;
    if (authority.size > 0) {
        memcpy(names->text, authority.data, authority.size);
    }
    if (user_agent.size > 0) {
        memcpy(names->text + authority.size + 1, user_agent.data,
               user_agent.size);
    }
    return names;
}

static struct view call_names_authority(const struct call_names *names)
{
    return view_of(names->text, names->authority_size);
}

static struct view call_names_user_agent(const struct call_names *names)
{
    return view_of(names->text + names->authority_size + 1,
                   names->user_agent_size);
}

struct call_names *call_names_take(const grpc_allocator *allocator,
                                   struct call_names **cached,
                                   struct view authority,
                                   struct view user_agent)
{
    struct call_names *names = *cached;
    authority.size = authority.size < UINT16_MAX ? authority.size : UINT16_MAX;
    user_agent.size =
        user_agent.size < UINT16_MAX ? user_agent.size : UINT16_MAX;
    if (UNLIKELY(names == NULL ||
                 !view_equal(call_names_authority(names), authority) ||
                 !view_equal(call_names_user_agent(names), user_agent))) {
        names = call_names_new(allocator, authority, user_agent);
        if (names == NULL) {
            return NULL;
        }
        call_names_drop(allocator, *cached);
        *cached = names;
    }
    names->count++;
    return names;
}

void call_names_drop(const grpc_allocator *allocator, struct call_names *names)
{
    if (names != NULL && --names->count == 0) {
        alloc_free(
            allocator, names,
            call_names_bytes(names->authority_size, names->user_agent_size));
    }
}

bool call_names_get(const struct call_names *names, const char *key,
                    grpc_str *value)
{
    struct view found = view_of(NULL, 0);
    if (key != NULL && strcmp(key, ":authority") == 0) {
        found = call_names_authority(names);
    } else if (key != NULL && strcmp(key, "user-agent") == 0) {
        found = call_names_user_agent(names);
    }
    if (found.size == 0) {
        return false;
    }
    if (value != NULL) {
        *value = (grpc_str){(const char *)found.data, found.size};
    }
    return true;
}

grpc_metadata call_names_list(const struct call_names *names, grpc_arena *arena,
                              grpc_metadata others)
{
    static const char *const call_names_keys[] = {":authority", "user-agent"};
    const struct view texts[] = {
        call_names_authority(names),
        call_names_user_agent(names),
    };
    grpc_metadata listed = {NULL, 0};
    grpc_header *headers =
        arena_alloc(arena, (others.count + 2) * sizeof *headers);
    size_t count = 0;
    for (size_t i = 0; i < 2 && headers != NULL; i++) {
        const char *copy = arena_copy_text(arena, texts[i]);
        if (copy == NULL) {
            return listed;
        }
        if (texts[i].size > 0) {
            headers[count++] =
                (grpc_header){call_names_keys[i], copy, texts[i].size};
        }
    }
    if (headers != NULL) {
        if (others.count > 0) {
            memcpy(headers + count, others.data,
                   others.count * sizeof *headers);
        }
        listed = (grpc_metadata){headers, count + others.count};
    }
    return listed;
}

bool grpc_metadata_get(grpc_metadata metadata, const char *key, size_t n,
                       grpc_str *value)
{
    grpc_str found = {"", 0};
    bool is_found = false;
    for (size_t i = 0; key != NULL && i < metadata.count && !is_found; i++) {
        const grpc_header *header = &metadata.data[i];
        if (strcmp(header->key, key) == 0 && n-- == 0) {
            found = (grpc_str){header->value, header->size};
            is_found = true;
        }
    }
    if (value != NULL) {
        *value = found;
    }
    return is_found;
}

// SPDX-License-Identifier: MIT
// A call's metadata follows from its number: keys that are repeated, binary
// values with any bytes, empty ones, keys in upper case, and keys that are
// gRPC's own and never sent.

#include "tests/sim/sim_cast.h"

#include <stdio.h>
#include <string.h>

// A key as it is given, and as it arrives; NULL: not at all.
struct meta_key {
    const char *given;
    const char *arrives;
    bool is_binary;
};

static const struct meta_key meta_keys[] = {
    {"sim-a", "sim-a", false},
    {"sim-a", "sim-a", false},
    {"Sim-B", "sim-b", false},
    {"sim_c.d", "sim_c.d", false},
    {"sim-e-bin", "sim-e-bin", true},
    {"sim-e-bin", "sim-e-bin", true},
    {"SIM-F-Bin", "sim-f-bin", true},
    {"Grpc-Timeout", NULL, false},
    {"te", NULL, false},
};

enum { META_KEYS = sizeof meta_keys / sizeof meta_keys[0] };

static uint32_t meta_next(uint64_t *state, uint32_t below)
{
    return test_random(state) % below;
}

static uint64_t meta_seed(const struct core_call *call, enum meta_place place)
{
    return ((uint64_t)call->salt * 4 + place) * 2 + 1;
}

// meta_value is a piece of text, or of anything.
static grpc_header meta_value(uint64_t *state, const struct meta_key *key)
{
    static const char text[] =
        "a0!\"#$%&'()*+,-./:;<=>?@[]^_`{|}~ comma, semicolon; and \\ in "
        "metadata, as long as it is visible. The quick brown fox jumps over 9";
    uint32_t from = meta_next(state, 64);
    uint32_t size = meta_next(state, 10) == 0 ? 0 : meta_next(state, 60);
    if (key->is_binary) {
        grpc_str bytes = sim_payload(meta_next(state, 1000), false,
                                     meta_next(state, 20) == 0 ? 700 : size);
        return (grpc_header){key->given, bytes.data, bytes.size};
    }
    // Blanks at its ends would not arrive.
    while (size > 0 && text[from] == ' ') {
        from++;
    }
    while (size > 0 && text[from + size - 1] == ' ') {
        size--;
    }
    return (grpc_header){key->given, size > 0 ? text + from : "", size};
}

void meta_make(const struct core_call *call, enum meta_place place,
               struct meta_list *list)
{
    uint64_t state = meta_seed(call, place);
    uint32_t dice = meta_next(&state, 100);
    size_t count = dice < 50 ? 0 : dice < 95 ? 1 + dice % 5 : META_MOST - 1;
    list->count = 0;
    if (place == META_REQUEST) {
        int size = snprintf(list->index, sizeof list->index, "%u",
                            (unsigned)call->index);
        list->data[list->count++] =
            (grpc_header){"sim-index", list->index, (size_t)size};
    }
    for (size_t i = 0; i < count; i++) {
        const struct meta_key *key = &meta_keys[meta_next(&state, META_KEYS)];
        list->data[list->count++] = meta_value(&state, key);
    }
}

void meta_add(struct core_call *call, enum meta_place place)
{
    struct meta_list list;
    grpc_call *answering = call->halves[CORE_SERVER].call;
    bool *added = &call->added[place == META_TRAILERS];
    meta_make(call, place, &list);
    *added = true;
    for (size_t i = 0; i < list.count && *added; i++) {
        const grpc_header *header = &list.data[i];
        grpc_result result =
            place == META_HEADERS
                ? grpc_call_add_header_bytes(answering, header->key,
                                             header->value, header->size)
                : grpc_call_add_trailer_bytes(answering, header->key,
                                              header->value, header->size);
        *added = result == GRPC_OK;
        SIM_CHECK(*added || call->core->hungry || grpc_call_is_over(answering),
                  "call %u: metadata is refused: %s", call->index,
                  grpc_result_name(result));
    }
}

static const char *meta_arrives(const char *given)
{
    for (size_t i = 0; i < META_KEYS; i++) {
        if (strcmp(meta_keys[i].given, given) == 0) {
            return meta_keys[i].arrives;
        }
    }
    return given;
}

// meta_is_foreign: gRPC tells these to a server; those of interceptors are
// counted where they are added.
static bool meta_is_foreign(const grpc_header *header)
{
    return strcmp(header->key, ":authority") == 0 ||
           strcmp(header->key, "user-agent") == 0 ||
           strcmp(header->key, "sim-pass") == 0;
}

static size_t meta_skip(grpc_metadata got, size_t i)
{
    while (i < got.count && meta_is_foreign(&got.data[i])) {
        i++;
    }
    return i;
}

void meta_check(const struct core_call *call, enum meta_place place,
                grpc_metadata got)
{
    struct meta_list list;
    size_t at = meta_skip(got, 0);
    meta_make(call, place, &list);
    for (size_t i = 0; i < list.count; i++) {
        const grpc_header *sent = &list.data[i];
        const char *key = meta_arrives(sent->key);
        if (key == NULL) {
            continue;
        }
        SIM_CHECK(at < got.count, "call %u: metadata %d lacks %s", call->index,
                  (int)place, key);
        const grpc_header *came = &got.data[at];
        SIM_CHECK(strcmp(came->key, key) == 0 && came->size == sent->size &&
                      memcmp(came->value, sent->value, sent->size) == 0 &&
                      ((const char *)came->value)[came->size] == '\0',
                  "call %u: metadata %d: %s, %zu bytes, is not %s, %zu, as it "
                  "was sent",
                  call->index, (int)place, came->key, came->size, key,
                  sent->size);
        if (strcmp(key + strlen(key) - 4, "-bin") == 0) {
            sim_met(SIM_META_BINARY);
        }
        at = meta_skip(got, at + 1);
    }
    SIM_CHECK(at == got.count, "call %u: metadata %d: nobody has sent %s",
              call->index, (int)place, got.data[at].key);
    if (place == META_TRAILERS && list.count > 0) {
        sim_met(SIM_META_TRAILERS);
    }
}

bool meta_is_none(grpc_metadata got)
{
    return meta_skip(got, 0) == got.count;
}

uint32_t meta_index(grpc_call *call)
{
    grpc_str value;
    uint32_t index = 0;
    SIM_CHECK(grpc_call_header(call, "sim-index", &value) && value.size > 0,
              "a request without its number");
    for (size_t i = 0; i < value.size; i++) {
        index = index * 10 + (uint32_t)(value.data[i] - '0');
    }
    return index;
}

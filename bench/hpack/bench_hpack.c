// SPDX-License-Identifier: MIT
// HPACK on the header blocks of gRPC calls, beside nghttp2, in one process.
//
//     bench_hpack [ROUNDS [SCENARIO]]
//
// Without a scenario (a number from 1), all of them, and the targets.
//
// Both encoders encode the same calls, and both decoders decode what each
// encoder has written. Rounds of the two alternate; the best of each counts.
// Exits with 1 when a target is missed, and with 2 when the two do not agree
// on what was sent.
//
// This takes the library in its one file, to call hpack as h2 and core do.

#define _POSIX_C_SOURCE 200809L
#include "grpc.c"

#include <nghttp2/nghttp2.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum {
    BENCH_CALLS = 3000,
    BENCH_WARM = 200, // blocks at the start that are not measured
    BENCH_FIELDS = 8,
    BENCH_PATHS = 4,
    BENCH_TABLE = 4096,
    BENCH_BLOCK_MAX = 400, // bytes on the wire
    BENCH_DEADLINE_TEXT = 8,
};

// Targets: how many times as fast as nghttp2.
static const double bench_target_encode = 5;
static const double bench_target_decode_ours = 3;
static const double bench_target_decode_theirs = 1.5;

static grpc_allocator bench_heap; // the process heap

static void die(const char *what)
{
    fprintf(stderr, "bench_hpack: %s\n", what);
    exit(2);
}

// ---- What is sent -----------------------------------------------------------

// A field of a call. Without a value it is a path or a deadline.
struct bench_field {
    const char *name;
    const char *value;
    uint8_t static_name;
};

static const struct bench_field bench_request[] = {
    {":method", "POST", 2},
    {":scheme", "http", 6},
    {":path", NULL, 4},
    {":authority", "localhost:50051", 1},
    {"content-type", "application/grpc", 31},
    {"user-agent", "grpc-go/1.77.0", 58},
    {"te", "trailers", 0},
    {"grpc-timeout", NULL, 0},
};
static const struct bench_field bench_response[] = {
    {":status", "200", 8},
    {"content-type", "application/grpc", 31},
};
static const struct bench_field bench_trailers[] = {{"grpc-status", "0", 0}};

static const char *const bench_paths[BENCH_PATHS] = {
    "/helloworld.Greeter/SayHello",
    "/grpc.health.v1.Health/Check",
    "/routeguide.RouteGuide/GetFeature",
    "/shop.orders.v2.Orders/Place",
};

struct bench_part {
    const struct bench_field *fields;
    size_t count;
};

struct bench_scenario {
    const char *name;
    bool repeats; // each block is the one before again
    bool saves; // has to take fewer bytes than nghttp2's; else as many will do
    unsigned paths;             // that are taken in turn
    struct bench_part parts[2]; // that are taken in turn
};

// The server of a call decodes requests, its client the other two.
static const struct bench_scenario bench_scenarios[] = {
    {"request", true, true, 1, {{bench_request, 7}}},
    {"request, 2 methods in turn", false, true, 2, {{bench_request, 7}}},
    {"request, 4 methods in turn", false, true, 4, {{bench_request, 7}}},
    {"request, each its deadline", false, true, 1, {{bench_request, 8}}},
    {"headers, trailers in turn",
     false,
     false,
     1,
     {{bench_response, 2}, {bench_trailers, 1}}},
};

enum {
    BENCH_SCENARIOS = sizeof bench_scenarios / sizeof bench_scenarios[0],
};

// A block as both encoders take it.
struct bench_block {
    size_t count;
    struct h2_field ours[BENCH_FIELDS];
    nghttp2_nv theirs[BENCH_FIELDS];
};

// The blocks of a scenario are taken in turn.
struct bench_blocks {
    size_t count;
    struct bench_block blocks[2 * BENCH_PATHS];
    size_t deadline; // field that changes with each call; 0: none
    hpack_hint hints[2 * BENCH_PATHS][BENCH_FIELDS];
};

static char bench_deadlines[BENCH_CALLS][BENCH_DEADLINE_TEXT];

static void bench_set_value(struct bench_block *block, size_t at,
                            const char *value)
{
    size_t size = strlen(value);
    block->ours[at].field.value = view_of(value, size);
    block->theirs[at].value = (uint8_t *)(uintptr_t)value;
    block->theirs[at].valuelen = size;
}

static void bench_fill(struct bench_blocks *blocks, size_t which,
                       const struct bench_part *part, const char *path)
{
    struct bench_block *block = &blocks->blocks[which];
    block->count = part->count;
    for (size_t i = 0; i < part->count; i++) {
        const struct bench_field *field = &part->fields[i];
        struct view name = view_of(field->name, strlen(field->name));
        bool is_deadline = field->value == NULL && field->static_name == 0;
        block->ours[i] = headers_field(name, VIEW(""), field->static_name,
                                       &blocks->hints[which][i]);
        if (is_deadline) { // as in client_call.c
            block->ours[i] = headers_passing(name, VIEW(""), 0);
            block->ours[i].mode = HPACK_NAME;
        }
        block->theirs[i] = (nghttp2_nv){
            .name = (uint8_t *)(uintptr_t)field->name, .namelen = name.size};
        bench_set_value(block, i, field->value != NULL ? field->value : path);
        blocks->deadline = is_deadline ? i : blocks->deadline;
    }
}

static void bench_make(struct bench_blocks *blocks,
                       const struct bench_scenario *scenario)
{
    *blocks = (struct bench_blocks){.count = 0};
    for (unsigned path = 0; path < scenario->paths; path++) {
        for (size_t i = 0; i < 2 && scenario->parts[i].count > 0; i++) {
            bench_fill(blocks, blocks->count++, &scenario->parts[i],
                       bench_paths[path]);
        }
    }
}

static struct bench_block *bench_next(struct bench_blocks *blocks, size_t call)
{
    struct bench_block *block = &blocks->blocks[call % blocks->count];
    if (blocks->deadline != 0) {
        bench_set_value(block, blocks->deadline, bench_deadlines[call]);
    }
    return block;
}

// What an encoder has written: block i ends at ends[i].
struct bench_wire {
    size_t ends[BENCH_CALLS];
    uint8_t bytes[BENCH_CALLS * BENCH_BLOCK_MAX];
};

static double bench_bytes(const struct bench_wire *wire)
{
    return (double)(wire->ends[BENCH_CALLS - 1] - wire->ends[BENCH_WARM - 1]) /
           (BENCH_CALLS - BENCH_WARM);
}

static double bench_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

// bench_each is nanoseconds per measured block since start.
static double bench_each(double start)
{
    return (bench_now() - start) / (BENCH_CALLS - BENCH_WARM);
}

// ---- Encoding ---------------------------------------------------------------

// ours_encode does what h2_send_headers does for a block.
static size_t ours_encode(struct hpack_encoder *encoder,
                          struct chunk_queue *queue,
                          const struct bench_block *block, uint8_t *out)
{
    const struct h2_field *fields = block->ours;
    size_t done = 0;
    while (done < block->count &&
           hpack_encode_byte(encoder, out + done, &fields[done].field,
                             fields[done].mode, fields[done].hint)) {
        done++;
    }
    if (done == block->count) {
        return done;
    }
    bool good = hpack_encode_begin(encoder, queue);
    for (size_t i = 0; i < block->count && good; i++) {
        good = hpack_encode(encoder, queue, &fields[i].field, fields[i].mode,
                            fields[i].hint);
    }
    struct view part;
    if (!good || chunk_queue_peek(queue, &part, 1) != 1 ||
        part.size != queue->size) {
        die("cannot encode");
    }
    memcpy(out, part.data, part.size);
    chunk_queue_consume(queue, part.size);
    return part.size;
}

static double ours_encode_all(struct bench_blocks *blocks,
                              struct bench_wire *wire)
{
    struct slab pool;
    struct chunk_queue queue;
    struct hpack_encoder encoder;
    chunk_pool_init(&pool, &bench_heap, 4);
    chunk_queue_init(&queue, &pool);
    hpack_encoder_init(&encoder, &bench_heap, BENCH_TABLE);
    memset(blocks->hints, 0, sizeof blocks->hints);
    size_t end = 0;
    double start = 0;
    for (size_t call = 0; call < BENCH_CALLS; call++) {
        if (call == BENCH_WARM) {
            start = bench_now();
        }
        end += ours_encode(&encoder, &queue, bench_next(blocks, call),
                           wire->bytes + end);
        wire->ends[call] = end;
    }
    double each = bench_each(start);
    hpack_encoder_fini(&encoder);
    chunk_queue_clear(&queue);
    slab_fini(&pool);
    return each;
}

static double theirs_encode_all(struct bench_blocks *blocks,
                                struct bench_wire *wire)
{
    nghttp2_hd_deflater *deflater;
    if (nghttp2_hd_deflate_new(&deflater, BENCH_TABLE) != 0) {
        die("no memory");
    }
    size_t end = 0;
    double start = 0;
    for (size_t call = 0; call < BENCH_CALLS; call++) {
        if (call == BENCH_WARM) {
            start = bench_now();
        }
        const struct bench_block *block = bench_next(blocks, call);
        ssize_t size =
            nghttp2_hd_deflate_hd(deflater, wire->bytes + end, BENCH_BLOCK_MAX,
                                  block->theirs, block->count);
        if (size < 0) {
            die("nghttp2 cannot encode");
        }
        end += (size_t)size;
        wire->ends[call] = end;
    }
    double each = bench_each(start);
    nghttp2_hd_deflate_del(deflater);
    return each;
}

// ---- Decoding ---------------------------------------------------------------

// bench_look is what is done with each field: its sizes and both ends of each
// text are read.
static inline uint64_t bench_look(const uint8_t *name, size_t name_size,
                                  const uint8_t *value, size_t value_size)
{
    return name_size + value_size + name[0] + name[name_size - 1] + value[0] +
           value[value_size - 1];
}

static uint64_t ours_decode(struct hpack_decoder *decoder,
                            struct hpack_block *block, struct view bytes)
{
    bool repeated;
    if (hpack_decode_whole(decoder, block, bytes, &repeated) != HPACK_OK) {
        die("cannot decode");
    }
    uint64_t sum = 0;
    for (size_t i = 0; i < block->count; i++) {
        const struct hpack_field *field = &block->fields[i];
        sum += bench_look(field->name.data, field->name.size, field->value.data,
                          field->value.size);
    }
    return sum;
}

static double ours_decode_all(const struct bench_wire *wire, uint64_t *out_sum)
{
    struct hpack_decoder decoder;
    struct hpack_block block;
    const struct h2_options options = h2_options_default(true);
    hpack_decoder_init(&decoder, &bench_heap, BENCH_TABLE,
                       &options.header_limits);
    hpack_block_init(&block, &bench_heap);
    size_t at = 0;
    uint64_t sum = 0;
    double start = 0;
    for (size_t call = 0; call < BENCH_CALLS; call++) {
        if (call == BENCH_WARM) {
            start = bench_now();
        }
        size_t end = wire->ends[call];
        sum +=
            ours_decode(&decoder, &block, view_of(wire->bytes + at, end - at));
        at = end;
    }
    double each = bench_each(start);
    hpack_decoder_fini(&decoder);
    hpack_block_fini(&block);
    *out_sum = sum;
    return each;
}

static uint64_t theirs_decode(nghttp2_hd_inflater *inflater,
                              const uint8_t *bytes, size_t size)
{
    uint64_t sum = 0;
    for (;;) {
        nghttp2_nv field;
        int flags = 0;
        ssize_t used =
            nghttp2_hd_inflate_hd2(inflater, &field, &flags, bytes, size, 1);
        if (used < 0) {
            die("nghttp2 cannot decode");
        }
        bytes += used;
        size -= (size_t)used;
        if ((flags & NGHTTP2_HD_INFLATE_EMIT) != 0) {
            sum += bench_look(field.name, field.namelen, field.value,
                              field.valuelen);
        }
        if ((flags & NGHTTP2_HD_INFLATE_FINAL) != 0) {
            break;
        }
    }
    if (nghttp2_hd_inflate_end_headers(inflater) != 0) {
        die("nghttp2 cannot end a block");
    }
    return sum;
}

static double theirs_decode_all(const struct bench_wire *wire,
                                uint64_t *out_sum)
{
    nghttp2_hd_inflater *inflater;
    if (nghttp2_hd_inflate_new(&inflater) != 0) {
        die("no memory");
    }
    size_t at = 0;
    uint64_t sum = 0;
    double start = 0;
    for (size_t call = 0; call < BENCH_CALLS; call++) {
        if (call == BENCH_WARM) {
            start = bench_now();
        }
        size_t end = wire->ends[call];
        sum += theirs_decode(inflater, wire->bytes + at, end - at);
        at = end;
    }
    double each = bench_each(start);
    nghttp2_hd_inflate_del(inflater);
    *out_sum = sum;
    return each;
}

// ---- The table --------------------------------------------------------------

enum bench_side { BENCH_OURS, BENCH_THEIRS };

// Nanoseconds per block by who does it.
struct bench_result {
    double bytes[2];
    double encode[2];
    double decode[2][2]; // by the wire, and who decodes
};

static void bench_least(double *least, double now)
{
    *least = *least == 0 || now < *least ? now : *least;
}

static void bench_round(struct bench_blocks *blocks, struct bench_result *best)
{
    static struct bench_wire wires[2];
    uint64_t sums[4];
    bench_least(&best->encode[BENCH_OURS],
                ours_encode_all(blocks, &wires[BENCH_OURS]));
    bench_least(&best->encode[BENCH_THEIRS],
                theirs_encode_all(blocks, &wires[BENCH_THEIRS]));
    for (size_t i = 0; i < 2; i++) {
        bench_least(&best->decode[i][BENCH_OURS],
                    ours_decode_all(&wires[i], &sums[2 * i]));
        bench_least(&best->decode[i][BENCH_THEIRS],
                    theirs_decode_all(&wires[i], &sums[2 * i + 1]));
        best->bytes[i] = bench_bytes(&wires[i]);
    }
    if (sums[0] != sums[1] || sums[0] != sums[2] || sums[0] != sums[3]) {
        die("not the same was decoded");
    }
}

static void bench_print(const char *name, const char *again,
                        const struct bench_result *row)
{
    printf("| %-26s | %-5s | %4.1f %5.1f |", name, again,
           row->bytes[BENCH_OURS], row->bytes[BENCH_THEIRS]);
    printf(" %6.1f %6.1f %5.1f |", row->encode[BENCH_OURS],
           row->encode[BENCH_THEIRS],
           row->encode[BENCH_THEIRS] / row->encode[BENCH_OURS]);
    for (size_t i = 0; i < 2; i++) {
        printf(" %6.1f %6.1f %5.1f |", row->decode[i][BENCH_OURS],
               row->decode[i][BENCH_THEIRS],
               row->decode[i][BENCH_THEIRS] / row->decode[i][BENCH_OURS]);
    }
    printf("\n");
}

// bench_check is the number of targets that the row misses.
static unsigned bench_check(const char *name, const struct bench_result *row,
                            bool saves)
{
    const struct {
        const char *what;
        double is;
        double least;
    } targets[] = {
        {"encoding", row->encode[1] / row->encode[0], bench_target_encode},
        {"decoding our wire", row->decode[0][1] / row->decode[0][0],
         bench_target_decode_ours},
        {"decoding nghttp2's wire", row->decode[1][1] / row->decode[1][0],
         bench_target_decode_theirs},
    };
    unsigned missed = 0;
    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
        if (targets[i].is < targets[i].least) {
            missed++;
            printf("MISSED: %s: %s is %.2f times as fast, not %.1f\n", name,
                   targets[i].what, targets[i].is, targets[i].least);
        }
    }
    bool fewer = row->bytes[BENCH_OURS] < row->bytes[BENCH_THEIRS];
    bool more = row->bytes[BENCH_OURS] > row->bytes[BENCH_THEIRS];
    if (more || (saves && !fewer)) {
        missed++;
        printf("MISSED: %s: bytes on the wire\n", name);
    }
    return missed;
}

// bench_add: a call takes so many blocks of that kind.
static void bench_add(struct bench_result *sum, const struct bench_result *row,
                      double blocks)
{
    for (size_t i = 0; i < 2; i++) {
        sum->bytes[i] += row->bytes[i] * blocks;
        sum->encode[i] += row->encode[i] * blocks;
        sum->decode[i][0] += row->decode[i][0] * blocks;
        sum->decode[i][1] += row->decode[i][1] * blocks;
    }
}

static void bench_head(void)
{
    printf("HPACK beside nghttp2 %s, per block: bytes on the wire, and "
           "nanoseconds; ours, nghttp2's,\nand how many times as fast ours "
           "is. Again: each request is the one before, so that our\ndecoder "
           "has only to compare it; else all fields are decoded.\n\n",
           nghttp2_version(0)->version_str);
    printf("| blocks                     | again | wire       "
           "| encode               | decode, our wire     "
           "| decode, nghttp2's    |\n");
    printf("|----------------------------|-------|------------"
           "|----------------------|----------------------"
           "|----------------------|\n");
}

static const char *const bench_calls[2] = {"whole call",
                                           "whole call, 4 methods"};

static void bench_all(struct bench_result rows[BENCH_SCENARIOS], int rounds,
                      size_t only)
{
    static struct bench_blocks blocks;
    for (int round = 0; round < rounds; round++) {
        for (size_t i = 0; i < BENCH_SCENARIOS; i++) {
            if (only == 0 || only == i + 1) {
                bench_make(&blocks, &bench_scenarios[i]);
                bench_round(&blocks, &rows[i]);
            }
        }
    }
}

int main(int argc, char **argv)
{
    struct bench_result rows[BENCH_SCENARIOS] = {{.bytes = {0}}};
    struct bench_result calls[2] = {{.bytes = {0}}, {.bytes = {0}}};
    size_t only = argc > 2 ? (size_t)atoi(argv[2]) : 0;
    unsigned missed = 0;
    bench_heap = heap_or_default(NULL);
    for (int i = 0; i < BENCH_CALLS; i++) {
        snprintf(bench_deadlines[i], BENCH_DEADLINE_TEXT, "%dm", 9999 - i);
    }
    bench_all(rows, argc > 1 ? atoi(argv[1]) : 200, only);
    bench_head();
    for (size_t i = 0; i < BENCH_SCENARIOS; i++) {
        if (only == 0 || only == i + 1) {
            bench_print(bench_scenarios[i].name,
                        bench_scenarios[i].repeats ? "yes" : "no", &rows[i]);
        }
    }
    if (only != 0) {
        return 0;
    }
    for (size_t i = 0; i < 2; i++) {
        bench_add(&calls[i], &rows[i == 0 ? 0 : 2], 1);
        bench_add(&calls[i], &rows[BENCH_SCENARIOS - 1], 2);
        bench_print(bench_calls[i], i == 0 ? "yes" : "no", &calls[i]);
    }
    printf("\n");
    for (size_t i = 0; i < BENCH_SCENARIOS; i++) {
        missed += bench_check(bench_scenarios[i].name, &rows[i],
                              bench_scenarios[i].saves);
    }
    for (size_t i = 0; i < 2; i++) {
        missed += bench_check(bench_calls[i], &calls[i], true);
    }
    printf("%s\n", missed == 0 ? "every target is met" : "targets are missed");
    return missed == 0 ? 0 : 1;
}

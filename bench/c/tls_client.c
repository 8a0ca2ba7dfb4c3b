// SPDX-License-Identifier: MIT
// The client of the benchmark over TLS. ROOTS - : without TLS. VERSION is the
// highest: 12 or 13.
//
//     tls_client calls TARGET ROOTS VERSION PID SIZE CONNECTIONS CALLS WARM COUNT
//
// makes COUNT calls, so many on each of so many connections at a time: SayHello
// for SIZE 0, UnaryCall with SIZE bytes each way else. The first WARM are not
// counted. It prints CPU microseconds per call of the server's process PID and of
// its own, calls per second, and what protects them.
//
//     tls_client connect TARGET ROOTS VERSION PID no|yes COUNT
//
// opens COUNT connections one after the other, with a call on each, and closes
// them; yes: each but the first may resume the session before. It prints the same
// for each connection, and instead of what protects it how many did resume.
//
//     tls_client idle TARGET ROOTS VERSION PID COUNT
//
// opens COUNT connections, makes a call on each, and leaves them open. It prints
// what the server needs for each, in bytes: resident memory of its process, and
// what it tells itself.

#define _POSIX_C_SOURCE 200809L

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "grpc.h"
#include "helloworld.pb.h"
#include "streams.pb.h"

#if defined(BENCH_OPENSSL)
# include "openssl_tls.h"
static const grpc_tls_library *const library = &openssl_tls;
#else
static const grpc_tls_library *const library = NULL; // mbedTLS
#endif

enum { BODY_MAX = 1 << 20, TEXT = 128 };
static const char body[BODY_MAX];

struct moment {
    double server; // CPU seconds of the server
    double client; // of this process
    double wall;   // seconds
};

struct load {
    const char *target;
    grpc_credentials *credentials; // NULL: none
    grpc_loop *loop;
    long pid;
    clockid_t server_clock;
    size_t size; // of a message's payload
    unsigned long to_start;
    unsigned long to_end;
    unsigned long warm;
    unsigned long ended;
    unsigned long resumed;
    struct moment began_at;
    char reply[TEXT]; // the last one
};

// A connection: a channel of its own.
struct line {
    struct load *load;
    grpc_channel *channel;
};

static void fail(const char *words)
{
    fprintf(stderr, "%s\n", words);
    exit(1);
}

// ---- Measuring --------------------------------------------------------------

static double seconds(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static struct moment moment_now(const struct load *load)
{
    return (struct moment){
        .server = seconds(load->server_clock),
        .client = seconds(CLOCK_PROCESS_CPUTIME_ID),
        .wall = seconds(CLOCK_MONOTONIC),
    };
}

static void print_costs(const struct load *load, double count)
{
    struct moment now = moment_now(load);
    printf("%.3f %.3f %.1f ",
           (now.server - load->began_at.server) * 1e6 / count,
           (now.client - load->began_at.client) * 1e6 / count,
           count / (now.wall - load->began_at.wall));
}

// resident is the memory of the server's process, in bytes.
static double resident(const struct load *load)
{
    char path[TEXT];
    unsigned long size = 0, pages = 0;
    snprintf(path, sizeof path, "/proc/%ld/statm", load->pid);
    FILE *file = fopen(path, "r");
    if (file == NULL || fscanf(file, "%lu %lu", &size, &pages) != 2) {
        fail("the server's memory cannot be read");
    }
    fclose(file);
    return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

// ---- Calls ------------------------------------------------------------------

static void line_start(struct line *line);

// line_ended counts one call, and starts the next.
static void line_ended(struct line *line, const grpc_status *status)
{
    struct load *load = line->load;
    if (status->code != GRPC_OK) {
        fail(status->message);
    }
    if (++load->ended == load->warm) {
        load->began_at = moment_now(load);
    }
    if (--load->to_end == 0) {
        grpc_loop_stop(load->loop);
    } else if (load->to_start > 0) {
        line_start(line);
    }
}

static void line_greeted(grpc_call *call, const grpc_status *status,
                         const helloworld_HelloReply *reply, void *self)
{
    struct line *line = self;
    (void)call;
    if (status->code == GRPC_OK && reply->message.size != 16) {
        fail("that is not \"Hello world12345\"");
    }
    line_ended(line, status);
}

static void line_echoed(grpc_call *call, const grpc_status *status,
                        const grpc_testing_SimpleResponse *response, void *self)
{
    struct line *line = self;
    (void)call;
    if (status->code == GRPC_OK &&
        (response->payload == NULL ||
         response->payload->body.size != line->load->size)) {
        fail("that is not the payload that was sent");
    }
    line_ended(line, status);
}

static void line_start(struct line *line)
{
    struct load *load = line->load;
    const helloworld_HelloRequest greeting = {.name = GRPC_STR("world12345")};
    const grpc_testing_Payload payload = {.body = {body, load->size}};
    const grpc_testing_SimpleRequest request = {
        .response_size = (int32_t)load->size, .payload = &payload};
    load->to_start--;
    grpc_call *call =
        load->size == 0
            ? helloworld_Greeter_SayHello_start(line->channel, &greeting,
                                                line_greeted, line, NULL)
            : grpc_testing_BenchmarkService_UnaryCall_start(
                  line->channel, &request, line_echoed, line, NULL);
    if (call == NULL) {
        fail(grpc_channel_error(line->channel));
    }
}

static void line_open(struct line *line, struct load *load)
{
    const grpc_channel_options options = {
        .loop = load->loop,
        .credentials = load->credentials == NULL
                           ? NULL
                           : grpc_credentials_keep(load->credentials),
    };
    line->load = load;
    line->channel = grpc_channel_new(load->target, &options);
    if (line->channel == NULL) {
        fail("no memory or no descriptors");
    }
}

// ---- One call alone ---------------------------------------------------------

static void line_told(grpc_call *call, const grpc_status *status,
                      const helloworld_HelloReply *reply, void *self)
{
    struct load *load = self;
    if (status->code != GRPC_OK) {
        fail(status->message);
    }
    snprintf(load->reply, sizeof load->reply, "%.*s",
             GRPC_STR_ARG(reply->message));
    (void)call;
    grpc_loop_stop(load->loop);
}

// line_ask makes one call, and waits for load->reply.
static void line_ask(struct line *line, const char *name)
{
    const helloworld_HelloRequest request = {.name = grpc_str_z(name)};
    if (helloworld_Greeter_SayHello_start(line->channel, &request, line_told,
                                          line->load, NULL) == NULL) {
        fail(grpc_channel_error(line->channel));
    }
    grpc_loop_run(line->load->loop);
}

// ---- The three commands -----------------------------------------------------

static void run_calls(struct load *load, char **numbers)
{
    load->size = strtoul(numbers[0], NULL, 10);
    unsigned long connections = strtoul(numbers[1], NULL, 10);
    unsigned long calls = strtoul(numbers[2], NULL, 10);
    load->warm = strtoul(numbers[3], NULL, 10);
    load->to_start = load->to_end = strtoul(numbers[4], NULL, 10);
    double count = (double)(load->to_end - load->warm);
    struct line *lines = calloc(connections, sizeof *lines);
    if (lines == NULL || load->size > BODY_MAX || load->warm == 0 ||
        load->warm >= load->to_end) {
        fail("no memory, or no such size or count");
    }
    for (unsigned long i = 0; i < connections; i++) {
        line_open(&lines[i], load);
        line_ask(&lines[i], "protection");
    }
    for (unsigned long i = 0; i < calls; i++) {
        for (unsigned long k = 0; k < connections && load->to_start > 0; k++) {
            line_start(&lines[k]);
        }
    }
    grpc_loop_run(load->loop);
    print_costs(load, count);
    printf("%s\n", load->reply);
    for (unsigned long i = 0; i < connections; i++) {
        grpc_channel_free(lines[i].channel);
    }
    free(lines);
}

static void run_connect(struct load *load, char **numbers)
{
    unsigned long count = strtoul(numbers[1], NULL, 10);
    struct line line;
    for (unsigned long i = 0; i <= count; i++) {
        if (i == 1) { // with the first the library has begun, too
            load->began_at = moment_now(load);
            load->resumed = 0;
        }
        line_open(&line, load);
        line_ask(&line, "protection");
        load->resumed += strstr(load->reply, " resumed") != NULL ? 1 : 0;
        grpc_channel_free(line.channel);
    }
    print_costs(load, (double)count);
    printf("%lu\n", load->resumed);
}

static void run_idle(struct load *load, char **numbers)
{
    unsigned long count = strtoul(numbers[0], NULL, 10);
    struct line *lines = calloc(count + 1, sizeof *lines);
    double before[3] = {0}, after[3] = {0}, resident_before = 0;
    if (lines == NULL) {
        fail("no memory");
    }
    for (unsigned long i = 0; i <= count; i++) {
        line_open(&lines[i], load);
        line_ask(&lines[i], "world12345");
        if (i == 0) { // what there is once
            line_ask(&lines[0], "memory");
            sscanf(load->reply, "%lf %lf %lf", &before[0], &before[1],
                   &before[2]);
            resident_before = resident(load);
        }
    }
    printf("%.0f", (resident(load) - resident_before) / (double)count);
    line_ask(&lines[0], "memory");
    int numbers_told =
        sscanf(load->reply, "%lf %lf %lf", &after[0], &after[1], &after[2]);
    for (int i = 0; i < numbers_told; i++) {
        printf(" %.0f", (after[i] - before[i]) / (double)count);
    }
    printf("\n");
    for (unsigned long i = 0; i <= count; i++) {
        grpc_channel_free(lines[i].channel);
    }
    free(lines);
}

static const struct command {
    const char *name;
    int argc;
    void (*run)(struct load *load, char **numbers);
} commands[] = {{"calls", 11, run_calls},
                {"connect", 8, run_connect},
                {"idle", 7, run_idle}};

static grpc_credentials *trust(char **argv)
{
    const grpc_tls_options options = {
        .roots_file = argv[3],
        .max_version = strcmp(argv[4], "12") == 0 ? GRPC_TLS_1_2 : 0,
        .no_resumption = strcmp(argv[6], "yes") != 0,
        .library = library,
    };
    return strcmp(argv[3], "-") == 0 ? NULL : grpc_tls_client(&options);
}

int main(int argc, char **argv)
{
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (argc == commands[i].argc &&
            strcmp(argv[1], commands[i].name) == 0) {
            struct load load = {
                .target = argv[2],
                .credentials = trust(argv),
                .loop = grpc_loop_new(NULL),
                .pid = strtol(argv[5], NULL, 10),
            };
            if (load.loop == NULL ||
                clock_getcpuclockid((pid_t)load.pid, &load.server_clock) != 0) {
                fail("no memory, or no such process");
            }
            commands[i].run(&load, argv + 6);
            grpc_credentials_free(load.credentials);
            grpc_loop_free(load.loop);
            return 0;
        }
    }
    fprintf(stderr, "usage: see the source\n");
    return 2;
}

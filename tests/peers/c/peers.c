// SPDX-License-Identifier: MIT

#ifndef _GNU_SOURCE
# define _GNU_SOURCE
#endif

#include "peers.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

void peers_die(const char *what, const char *why)
{
    (void)fprintf(stderr, "%s: %s\n", what, why);
    exit(2);
}

// peers_find ends the program when there is no such flag.
static const struct peers_flag *peers_find(const struct peers_flag *flags,
                                           const char *argument)
{
    for (; flags->name != NULL; flags++) {
        if (strncmp(argument, "--", 2) == 0 &&
            strcmp(argument + 2, flags->name) == 0) {
            return flags;
        }
    }
    peers_die(argument, "an unknown flag");
}

void peers_flags(int argc, char **argv, const struct peers_flag *flags)
{
    for (int i = 1; i < argc; i += 2) {
        const struct peers_flag *flag = peers_find(flags, argv[i]);
        if (i + 1 == argc) {
            peers_die(argv[i], "without a value");
        }
        if (flag->text != NULL) {
            *flag->text = argv[i + 1];
            continue;
        }
        char *end = NULL;
        unsigned long number = strtoul(argv[i + 1], &end, 10);
        if (*end != '\0' || number > UINT32_MAX) {
            peers_die(argv[i], "not a number");
        }
        *flag->number = (uint32_t)number;
    }
}

double peers_now(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

void peers_sleep(uint32_t ms)
{
    const struct timespec length = {.tv_sec = ms / 1000,
                                    .tv_nsec = (long)(ms % 1000) * 1000000};
    (void)nanosleep(&length, NULL);
}

void peers_say(const char *format, ...)
{
    char line[1024];
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(line, sizeof line - 1, format, arguments);
    va_end(arguments);
    size_t length = size < 0 ? 0 : (size_t)size;
    if (length > sizeof line - 2) {
        length = sizeof line - 2;
    }
    for (size_t i = 0; i < length; i++) {
        if (line[i] == '\n' || line[i] == '\r') {
            line[i] = ' ';
        }
    }
    line[length] = '\n';
    for (size_t done = 0; done <= length;) {
        ssize_t written = write(STDOUT_FILENO, line + done, length + 1 - done);
        if (written <= 0) {
            exit(3); // nobody listens any more
        }
        done += (size_t)written;
    }
}

void peers_log(void *user, grpc_log_level level, const char *text)
{
    static const char *const names[] = {
        [GRPC_LOG_ERROR] = "error",
        [GRPC_LOG_WARNING] = "warning",
        [GRPC_LOG_INFO] = "info",
        [GRPC_LOG_DEBUG] = "debug",
    };
    (void)user;
    peers_say("log %s %.6f %s", names[level], peers_now(), text);
}

static struct peers_input {
    grpc_watch *watch;
    void (*ended)(void *argument);
    void *argument;
} peers_input;

void peers_forget_input(void)
{
    if (peers_input.watch != NULL) {
        grpc_watch_stop(peers_input.watch);
        peers_input.watch = NULL;
    }
}

static void peers_input_ready(void *argument, unsigned events)
{
    char waste[256];
    (void)argument;
    (void)events;
    if (read(STDIN_FILENO, waste, sizeof waste) <= 0) {
        peers_forget_input();
        peers_input.ended(peers_input.argument);
    }
}

void peers_on_input_end(grpc_loop *loop, void (*ended)(void *argument),
                        void *argument)
{
    peers_input.ended = ended;
    peers_input.argument = argument;
    peers_input.watch = grpc_watch_start(loop, STDIN_FILENO, GRPC_READABLE,
                                         peers_input_ready, NULL);
    if (peers_input.watch == NULL) {
        peers_die("standard input", grpc_loop_error(loop));
    }
}

grpc_str peers_zeros(size_t size)
{
    static const char zeros[PEERS_SIZE_MOST];
    return (grpc_str){zeros, size < PEERS_SIZE_MOST ? size : PEERS_SIZE_MOST};
}

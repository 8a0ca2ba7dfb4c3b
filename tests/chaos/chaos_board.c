// SPDX-License-Identifier: MIT

#ifndef _GNU_SOURCE
# define _GNU_SOURCE
#endif

#include "tests/chaos/chaos_board.h"

#include <dirent.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { CHAOS_WRONGS_PRINTED = 20 }; // of each kind

uint64_t chaos_now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

const char *chaos_wrong_name(enum chaos_wrong what)
{
    static const char *const names[CHAOS_WRONGS] = {
        [CHAOS_WRONG_END] = "every failure has had a cause",
        [CHAOS_WRONG_LOST] = "no call was lost that was promised",
        [CHAOS_WRONG_CONTENT] = "every message was the one that was sent",
        [CHAOS_WRONG_TWICE] = "every call had one end and one handler",
        [CHAOS_WRONG_LATE] = "every call ended in time",
        [CHAOS_WRONG_STILL] = "every channel got on",
        [CHAOS_WRONG_MEMORY] = "memory is back where it was",
        [CHAOS_WRONG_FILES] = "descriptors are back where they were",
        [CHAOS_WRONG_SERVER] = "servers account for their calls",
        [CHAOS_WRONG_DRAIN] = "servers end in the time that they are given",
        [CHAOS_WRONG_PROCESS] = "no process died by itself, and none is left",
    };
    return names[what];
}

void chaos_say_wrong(struct chaos_board *board, enum chaos_wrong what,
                     const char *format, ...)
{
    if (atomic_fetch_add(&board->wrong[what], 1) >= CHAOS_WRONGS_PRINTED) {
        return;
    }
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    printf("%llu ms: not so: %s: %s\n", (unsigned long long)chaos_now_ms(),
           chaos_wrong_name(what), text);
    (void)fflush(stdout);
}

uint32_t chaos_files(int pid)
{
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/%d/fd", pid);
    uint32_t count = 0;
    DIR *folder = opendir(path);
    if (folder == NULL) {
        return 0;
    }
    while (readdir(folder) != NULL) {
        count++;
    }
    (void)closedir(folder);
    return count - 2 - (pid == getpid() ? 1 : 0); // "." and "..", the folder
}

uint64_t chaos_resident(void)
{
    unsigned long size = 0;
    unsigned long resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file != NULL) {
        if (fscanf(file, "%lu %lu", &size, &resident) != 2) {
            resident = 0;
        }
        (void)fclose(file);
    }
    return (uint64_t)resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

struct chaos_endpoint *chaos_endpoint_of(struct chaos_board *board,
                                         unsigned port)
{
    for (int i = 0; i < CHAOS_ENDPOINTS; i++) {
        if (board->endpoints[i].port == port) {
            return &board->endpoints[i];
        }
    }
    return NULL;
}

bool chaos_was(const struct chaos_endpoint *endpoint, unsigned kinds,
               uint64_t window_ms)
{
    uint64_t now_ms = chaos_now_ms();
    for (int i = 0; i < CHAOS_KINDS; i++) {
        uint64_t last_ms = atomic_load(&endpoint->last_ms[i]);
        bool was = last_ms != 0 &&
                   (last_ms >= now_ms || now_ms - last_ms <= window_ms);
        if ((kinds & 1u << i) != 0 && was) {
            return true;
        }
    }
    return false;
}

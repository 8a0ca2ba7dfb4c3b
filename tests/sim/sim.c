// SPDX-License-Identifier: MIT
// Usage: sim [--seed N [--trace]] [--first N] [--seeds N] [--jobs N] [--short]
//            [--tls]
// Runs seeds, each a simulation of its own, in some processes. A seed that
// fails is printed with the end of its trace, and does the same again with
// --seed N --trace; the last line counts seeds. With
// 500 seeds and more, every rare event has to be met.
//
// --tls: every connection has TLS by mbedTLS. What that draws and computes is not
// repeatable, so a seed may then do something else the next time; and 60 seeds
// have to meet every event of TLS.

#ifndef _GNU_SOURCE
# define _GNU_SOURCE
#endif

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/sim/sim_core.h"
#include "tests/sim/sim_report.h"
#include "tests/sim/sim_tls.h"

enum {
    MAIN_JOBS = 8,
    MAIN_FAILURES = 10, // then it is enough
    MAIN_ENOUGH = 500,  // seeds that meet every event
    MAIN_ENOUGH_TLS = 60,
};

struct main_options {
    uint64_t first;
    uint64_t seeds;
    uint64_t jobs;
    bool one;
    bool loud;
    bool quiet; // does not print what was met, nor count it
    bool tls;
};

static void main_run(const struct main_options *options, uint64_t seed,
                     struct sim_tally *tally)
{
    sim_begin(tally, options->tls ? "TLS seed" : "seed", seed, options->loud);
    if (seed % 4 == 0 && !options->tls) {
        sim_engine_run(seed, tally);
    } else {
        sim_core_run(seed, tally, options->tls);
    }
    tally->digest += sim_digest();
    tally->passed++;
}

// main_work is one process: seeds of its residue class, from tally->next_seed.
static void main_work(const struct main_options *options,
                      struct sim_tally *tally)
{
    sim_watch_crashes();
    while (tally->next_seed < options->first + options->seeds) {
        main_run(options, tally->next_seed, tally);
        tally->next_seed += options->jobs;
    }
    _exit(0);
}

static void main_launch(const struct main_options *options,
                        struct sim_tally *tally, pid_t *out_process)
{
    (void)fflush(stdout);
    *out_process = fork();
    if (*out_process == 0) {
        main_work(options, tally);
    }
    if (*out_process < 0) {
        perror("fork");
        exit(1);
    }
}

// main_run_all returns how many seeds have failed.
static uint64_t main_run_all(const struct main_options *options,
                             struct sim_tally *tallies)
{
    pid_t processes[MAIN_JOBS];
    uint64_t failed = 0;
    for (uint64_t i = 0; i < options->jobs; i++) {
        tallies[i].next_seed = options->first + i;
        main_launch(options, &tallies[i], &processes[i]);
    }
    uint64_t running = options->jobs;
    while (running > 0) {
        int status;
        pid_t process = wait(&status);
        uint64_t i = 0;
        while (i < options->jobs && processes[i] != process) {
            i++;
        }
        if (i == options->jobs) {
            continue;
        }
        running--;
        if (status != 0) {
            failed++;
            tallies[i].next_seed += options->jobs;
            if (failed < MAIN_FAILURES) {
                main_launch(options, &tallies[i], &processes[i]);
                running++;
            }
        }
    }
    return failed;
}

static void main_add(struct sim_tally *sum, const struct sim_tally *tally)
{
    for (size_t i = 0; i < SIM_EVENT_COUNT; i++) {
        sum->events[i] += tally->events[i];
    }
    sum->calls += tally->calls;
    sum->streams += tally->streams;
    sum->checks += tally->checks;
    sum->digest += tally->digest;
    sum->passed += tally->passed;
}

static double main_cpu_seconds(void)
{
    struct rusage usage;
    (void)getrusage(RUSAGE_CHILDREN, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

// main_tell prints what was met; it returns how many events were not.
static uint64_t main_tell(const struct main_options *options,
                          const struct sim_tally *sum, double seconds)
{
    uint64_t missing = 0;
    bool enough =
        options->seeds >= (options->tls ? MAIN_ENOUGH_TLS : MAIN_ENOUGH);
    for (int i = options->tls ? SIM_TLS_FIRST : 0;
         i < SIM_EVENT_COUNT && !options->quiet; i++) {
        bool bad = enough && sum->events[i] == 0;
        printf("%12llu  %s%s\n", (unsigned long long)sum->events[i],
               sim_event_text((enum sim_event)i), bad ? "  NEVER MET" : "");
        missing += bad ? 1 : 0;
    }
    double cpu = main_cpu_seconds();
    printf("seeds %llu to %llu: %llu calls, %llu streams of bare engines, "
           "%llu checks, digest %016llx, %.1f s; %.0f calls and streams a "
           "second of one core\n",
           (unsigned long long)options->first,
           (unsigned long long)(options->first + options->seeds - 1),
           (unsigned long long)sum->calls, (unsigned long long)sum->streams,
           (unsigned long long)sum->checks, (unsigned long long)sum->digest,
           seconds, (double)(sum->calls + sum->streams) / (cpu > 0 ? cpu : 1));
    return missing;
}

static uint64_t main_number(const char *text)
{
    return text == NULL ? 0 : strtoull(text, NULL, 10);
}

static bool main_parse(struct main_options *options, char **arguments)
{
    *options = (struct main_options){.first = 1, .seeds = 500, .jobs = 1};
    for (arguments++; *arguments != NULL; arguments++) {
        uint64_t number = main_number(arguments[1]);
        if (strcmp(*arguments, "--trace") == 0) {
            options->loud = true;
            continue;
        }
        if (strcmp(*arguments, "--tls") == 0) {
            options->tls = true;
            continue;
        }
        if (strcmp(*arguments, "--short") == 0) {
            options->quiet = true;
            continue;
        }
        if (strcmp(*arguments, "--seed") == 0) {
            options->one = true;
            options->first = number;
            options->seeds = 1;
        } else if (strcmp(*arguments, "--first") == 0) {
            options->first = number;
        } else if (strcmp(*arguments, "--seeds") == 0) {
            options->seeds = number;
        } else if (strcmp(*arguments, "--jobs") == 0) {
            options->jobs = number;
        } else {
            return false;
        }
        if (*++arguments == NULL) {
            return false;
        }
    }
    if (options->jobs > MAIN_JOBS) {
        options->jobs = MAIN_JOBS;
    }
    return options->jobs >= 1 && (!options->tls || sim_tls_has_real());
}

static double main_clock(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

int main(int count, char **arguments)
{
    struct main_options options;
    (void)count;
    if (!main_parse(&options, arguments)) {
        fprintf(stderr, "usage: sim [--seed N [--trace]] [--first N] "
                        "[--seeds N] [--jobs N] [--short] [--tls]\n"
                        "(--tls: where the build has mbedTLS)\n");
        return 2;
    }
    struct sim_tally *tallies =
        mmap(NULL, sizeof *tallies * MAIN_JOBS, PROT_READ | PROT_WRITE,
             MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (tallies == MAP_FAILED) {
        perror("mmap");
        return 1;
    }
    double began = main_clock();
    uint64_t failed = main_run_all(&options, tallies);
    struct sim_tally sum = {.calls = 0};
    for (uint64_t i = 0; i < options.jobs; i++) {
        main_add(&sum, &tallies[i]);
    }
    uint64_t missing = main_tell(&options, &sum, main_clock() - began);
    printf("%llu passed, %llu failed\n", (unsigned long long)sum.passed,
           (unsigned long long)(failed + missing));
    return failed + missing == 0 ? 0 : 1;
}

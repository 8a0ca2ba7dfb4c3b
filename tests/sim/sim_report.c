// SPDX-License-Identifier: MIT

#include "tests/sim/sim_report.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { REPORT_LINES = 64 };

// A line is kept as it was given and formatted when somebody reads it.
struct report_line {
    const char *format;
    uint64_t now_us;
    long long values[4];
};

static struct {
    struct sim_tally *tally;
    const char *name;
    uint64_t number;
    bool loud;
    const uint64_t *now_us;
    uint64_t lines;
    uint64_t digest;
    struct report_line trace[REPORT_LINES];
} report;

const char *sim_event_text(enum sim_event event)
{
    static const char *const texts[] = {
#define SIM_EVENT_TEXT(id, text) text,
        SIM_EVENTS(SIM_EVENT_TEXT)
#undef SIM_EVENT_TEXT
    };
    return texts[event];
}

void sim_begin(struct sim_tally *tally, const char *name, uint64_t number,
               bool loud)
{
    report.tally = tally;
    report.name = name;
    report.number = number;
    report.loud = loud;
    report.lines = 0;
    report.digest = number;
    report.now_us = NULL;
}

void sim_clock(const uint64_t *now_us)
{
    report.now_us = now_us;
}

void sim_met(enum sim_event event)
{
    report.tally->events[event]++;
}

void sim_met_many(enum sim_event event, uint64_t count)
{
    report.tally->events[event] += count;
}

static void report_mix(uint64_t word)
{
    report.digest = (report.digest ^ word) * UINT64_C(0xff51afd7ed558ccd);
    report.digest ^= report.digest >> 29;
}

uint64_t sim_digest(void)
{
    return report.digest;
}

static void report_print(FILE *file, const struct report_line *line)
{
    (void)fprintf(file, "  %6llu.%06llu  ",
                  (unsigned long long)(line->now_us / 1000000),
                  (unsigned long long)(line->now_us % 1000000));
#if defined(__GNUC__)
# pragma GCC diagnostic push
# pragma GCC diagnostic ignored "-Wformat-nonliteral"
#endif
    (void)fprintf(file, line->format, line->values[0], line->values[1],
                  line->values[2], line->values[3]);
#if defined(__GNUC__)
# pragma GCC diagnostic pop
#endif
    (void)fputc('\n', file);
}

void sim_note(const char *format, long long a, long long b, long long c,
              long long d)
{
    struct report_line *line = &report.trace[report.lines++ % REPORT_LINES];
    *line = (struct report_line){
        .format = format,
        .now_us = report.now_us == NULL ? 0 : *report.now_us,
        .values = {a, b, c, d},
    };
    report_mix(line->now_us);
    for (int i = 0; i < 4; i++) {
        report_mix((uint64_t)line->values[i]);
    }
    if (report.loud) {
        report_print(stdout, line);
    }
}

static void report_trace(void)
{
    uint64_t first =
        report.lines > REPORT_LINES ? report.lines - REPORT_LINES : 0;
    for (uint64_t i = first; i < report.lines; i++) {
        report_print(stderr, &report.trace[i % REPORT_LINES]);
    }
}

static void report_where(void)
{
    (void)fprintf(stderr, "%s %llu failed; the end of its trace:\n",
                  report.name, (unsigned long long)report.number);
    report_trace();
}

_Noreturn void sim_fail(const char *format, ...)
{
    (void)fflush(stdout);
    report_where();
    (void)fprintf(stderr, "%s %llu: ", report.name,
                  (unsigned long long)report.number);
    va_list arguments;
    va_start(arguments, format);
    (void)vfprintf(stderr, format, arguments);
    va_end(arguments);
    (void)fputc('\n', stderr);
    (void)fflush(stderr);
    _exit(1);
}

// The process is lost anyway: that printing is not safe in a handler matters
// less than what it says.
static void report_on_crash(int number)
{
    (void)fflush(stdout);
    report_where();
    (void)fprintf(stderr, "%s %llu: signal %d\n", report.name,
                  (unsigned long long)report.number, number);
    (void)fflush(stderr);
    _exit(1);
}

void sim_watch_crashes(void)
{
    (void)signal(SIGABRT, report_on_crash);
    (void)signal(SIGSEGV, report_on_crash);
    (void)signal(SIGFPE, report_on_crash);
}

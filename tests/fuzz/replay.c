// SPDX-License-Identifier: MIT
// Usage: PROGRAM [-v] FILE|FOLDER...
// Runs a fuzz target over files, without a fuzzer: for other compilers, for
// valgrind, for coverage. Prints "N passed, 0 failed"; what fails ends it, and
// -v names each file before it is run.

#include <dirent.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "tests/fuzz/fuzz_kit.h"

static bool replay_names;

static size_t replay_file(const char *path)
{
    if (replay_names) {
        (void)printf("%s\n", path);
        (void)fflush(stdout);
    }
    size_t size = 0;
    char *text = test_read_file(path, &size);
    FUZZ_CHECK(text != NULL);
    uint8_t *exact = fuzz_copy(view_of(text, size));
    free(text);
    (void)LLVMFuzzerTestOneInput(exact, size);
    free(exact);
    return 1;
}

static size_t replay_folder(const char *path)
{
    size_t count = 0;
    DIR *folder = opendir(path);
    FUZZ_CHECK(folder != NULL);
    for (struct dirent *entry = readdir(folder); entry != NULL;
         entry = readdir(folder)) {
        char name[4096];
        int n = snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
        FUZZ_CHECK(n > 0 && (size_t)n < sizeof name);
        struct stat info;
        if (stat(name, &info) == 0 && S_ISREG(info.st_mode)) {
            count += replay_file(name);
        }
    }
    FUZZ_CHECK(closedir(folder) == 0);
    return count;
}

int main(int argc, char **argv)
{
    size_t count = 0;
    for (int i = 1; i < argc; i++) {
        struct stat info;
        if (strcmp(argv[i], "-v") == 0) {
            replay_names = true;
            continue;
        }
        FUZZ_CHECK(stat(argv[i], &info) == 0);
        count += S_ISDIR(info.st_mode) ? replay_folder(argv[i])
                                       : replay_file(argv[i]);
    }
    (void)printf("%zu passed, 0 failed\n", count);
    return count == 0;
}

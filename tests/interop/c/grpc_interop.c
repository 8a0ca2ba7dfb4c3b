// SPDX-License-Identifier: MIT

#include "grpc_interop.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// ---- zeros ------------------------------------------------------------------

// Not const: then it would take up that much of the program's file.
static char interop_zero_bytes[INTEROP_ZEROS_MAX];

grpc_str interop_zeros(size_t size)
{
    return (grpc_str){interop_zero_bytes, size};
}

bool interop_is_zeros(grpc_str text)
{
    return text.size <= sizeof interop_zero_bytes &&
           memcmp(text.data, interop_zero_bytes, text.size) == 0;
}

// ---- flags ------------------------------------------------------------------

static bool interop_bad_flag(const char *word, const char *why)
{
    fprintf(stderr, "%s: %s\n", word, why);
    return false;
}

static const struct interop_flag *interop_find_flag(
    const struct interop_flag *flags, size_t count, const char *name,
    size_t size)
{
    for (size_t i = 0; i < count; i++) {
        if (strlen(flags[i].name) == size &&
            memcmp(flags[i].name, name, size) == 0) {
            return &flags[i];
        }
    }
    return NULL;
}

static bool interop_set_flag(const struct interop_flag *flag, const char *value)
{
    if (flag->text != NULL) {
        *flag->text = value;
        return true;
    }
    if (flag->number != NULL) {
        char *end;
        errno = 0;
        *flag->number = strtol(value, &end, 10);
        return (errno == 0 && end != value && *end == '\0') ||
               interop_bad_flag(flag->name, "no number");
    }
    *flag->truth = strcmp(value, "true") == 0;
    return *flag->truth || strcmp(value, "false") == 0 ||
           interop_bad_flag(flag->name, "neither true nor false");
}

static bool interop_is_truth(const char *word)
{
    return word != NULL &&
           (strcmp(word, "true") == 0 || strcmp(word, "false") == 0);
}

bool interop_flags(int argc, char **argv, const struct interop_flag *flags,
                   size_t count)
{
    for (int i = 1; i < argc; i++) {
        const char *word = argv[i];
        const char *name = word + strspn(word, "-");
        size_t size = strcspn(name, "=");
        const struct interop_flag *flag =
            interop_find_flag(flags, count, name, size);
        if (name == word || flag == NULL) {
            return interop_bad_flag(word, "no flag of this program");
        }
        // argv ends with NULL.
        const char *value = argv[i + 1];
        if (name[size] == '=') {
            value = name + size + 1;
        } else if (flag->truth != NULL && !interop_is_truth(value)) {
            value = "true";
        } else if (value == NULL) {
            return interop_bad_flag(word, "its value is missing");
        } else {
            i++;
        }
        if (!interop_set_flag(flag, value)) {
            return false;
        }
    }
    return true;
}

// Lesson: a token that is in a file, and changes there.
#include "jwt_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    EARLY_S = 30,   // before it expires it is used no more: clocks differ
    REFRESH_S = 60, // before that the file is looked at for another
    FIRST_DELAY_MS = 1000,
    MOST_DELAY_MS = 120000,
};

// ---- What a token says of itself --------------------------------------------

// Base64 of URLs without padding (RFC 4648 section 5); *size bytes, or 0.
static int decode_base64url(const char *text, size_t length, char *bytes,
                            size_t *size)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                 "abcdefghijklmnopqrstuvwxyz0123456789-_";
    unsigned long bits = 0;
    *size = 0;
    for (size_t i = 0; i < length; i++) {
        const char *digit = strchr(digits, text[i]);
        if (text[i] == '\0' || digit == NULL) {
            return 0;
        }
        bits = (bits << 6 | (unsigned long)(digit - digits)) & 0xffffff;
        if (i % 4 != 0) {
            bytes[(*size)++] = (char)(bits >> (6 - 2 * (i % 4)));
        }
    }
    return length % 4 != 1;
}

// skip_string is behind the string that begins at text, a quote; NULL: it has no
// end.
static const char *skip_string(const char *text)
{
    for (text++; *text != '\0' && *text != '"'; text++) {
        if (*text == '\\' && text[1] != '\0') {
            text++;
        }
    }
    return *text == '"' ? text + 1 : NULL;
}

// find_expiry is the member "exp" of a JSON object, in seconds since 1970; 0 when
// there is none. (Members of its members are not meant.)
static double find_expiry(const char *json)
{
    int depth = 0;
    while (json != NULL && *json != '\0') {
        const char *here = json;
        depth += (*here == '{') + (*here == '[');
        depth -= (*here == '}') + (*here == ']');
        json = *here == '"' ? skip_string(here) : here + 1;
        if (depth != 1 || json == NULL || strncmp(here, "\"exp\"", 5) != 0) {
            continue;
        }
        json += strspn(json, " \t\r\n");
        if (*json == ':') {
            return strtod(json + 1, NULL);
        }
    }
    return 0;
}

// token_expiry is when a token expires, which has three parts, with a dot
// between; 0: it is none, or does not say. The server is the one to check the
// signature.
static double token_expiry(const char *token)
{
    char json[JWT_FILE_MOST + 1];
    size_t size = 0;
    const char *first = strchr(token, '.');
    const char *second = first == NULL ? NULL : strchr(first + 1, '.');
    if (second == NULL || strchr(second + 1, '.') != NULL ||
        !decode_base64url(first + 1, (size_t)(second - first) - 1, json,
                          &size)) {
        return 0;
    }
    json[size] = '\0';
    return json[strspn(json, " \t\r\n")] == '{' ? find_expiry(json) : 0;
}

// ---- The file ---------------------------------------------------------------

// jwt_file_say is why calls fail, if they have to.
static void jwt_file_say(struct jwt_file *file, grpc_code code, const char *why)
{
    file->code = code;
    snprintf(file->why, sizeof file->why, "%.200s: %s", file->path, why);
}

// jwt_file_fail: the file is not read again for a while, twice as long each time.
static void jwt_file_fail(struct jwt_file *file, uint64_t now_ms,
                          grpc_code code, const char *why)
{
    jwt_file_say(file, code, why);
    file->delay_ms = file->delay_ms == 0 ? FIRST_DELAY_MS : 2 * file->delay_ms;
    if (file->delay_ms > MOST_DELAY_MS) {
        file->delay_ms = MOST_DELAY_MS;
    }
    file->again_ms = now_ms + file->delay_ms;
}

// jwt_file_load is whether the file could be read: into token, without the space
// at its end.
static int jwt_file_load(struct jwt_file *file, uint64_t now_ms,
                         char token[JWT_FILE_MOST + 1])
{
    FILE *stream = fopen(file->path, "r");
    if (stream == NULL) {
        jwt_file_fail(file, now_ms, GRPC_UNAVAILABLE, strerror(errno));
        return 0;
    }
    size_t size = fread(token, 1, JWT_FILE_MOST + 1, stream);
    int failed = ferror(stream);
    fclose(stream);
    if (failed) {
        jwt_file_fail(file, now_ms, GRPC_UNAVAILABLE, "cannot be read");
        return 0;
    }
    if (size > JWT_FILE_MOST) {
        jwt_file_fail(file, now_ms, GRPC_UNAUTHENTICATED, "too long");
        return 0;
    }
    while (size > 0 && strchr(" \t\r\n", token[size - 1]) != NULL) {
        size--;
    }
    token[size] = '\0';
    return 1;
}

// jwt_file_read takes what is in the file now. If that will not do, what was there
// before stays.
static void jwt_file_read(struct jwt_file *file, uint64_t now_ms)
{
    char token[JWT_FILE_MOST + 1];
    if (!jwt_file_load(file, now_ms, token)) {
        return;
    }
    double expires_s = token_expiry(token);
    if (!(expires_s > 0)) {
        jwt_file_fail(file, now_ms, GRPC_UNAUTHENTICATED,
                      "not a token that says when it expires");
    } else if (expires_s - EARLY_S <= (double)time(NULL)) {
        jwt_file_fail(file, now_ms, GRPC_UNAUTHENTICATED,
                      "the token has expired, or will in a moment");
    } else {
        snprintf(file->header, sizeof file->header, "Bearer %s", token);
        file->expires_s = expires_s;
        file->delay_ms = 0;
        file->again_ms = now_ms + FIRST_DELAY_MS;
        // If no other comes in time:
        jwt_file_say(file, GRPC_UNAUTHENTICATED, "the token has expired");
    }
}

// ---- The credentials --------------------------------------------------------

static void jwt_file_start(grpc_call *call, void *self)
{
    struct jwt_file *file = self;
    uint64_t now_ms = grpc_loop_now(grpc_call_loop(call));
    double left_s = file->expires_s - EARLY_S - (double)time(NULL);
    if (left_s < REFRESH_S && now_ms >= file->again_ms) {
        jwt_file_read(file, now_ms);
        left_s = file->expires_s - EARLY_S - (double)time(NULL);
    }
    if (left_s <= 0) {
        grpc_call_fail(call, file->code, "%s", file->why);
    } else if (grpc_call_add_header(call, "authorization", file->header) !=
               GRPC_OK) {
        grpc_call_fail(call, GRPC_UNAUTHENTICATED, "%.200s: not a token",
                       file->path);
    } else {
        grpc_call_proceed(call);
    }
}

grpc_call_credentials jwt_file_credentials(struct jwt_file *file)
{
    return (grpc_call_credentials){.start = jwt_file_start, .self = file};
}

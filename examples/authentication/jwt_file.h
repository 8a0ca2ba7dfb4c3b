// Call credentials with the token that is in a file, a JWT (RFC 7519), and that
// somebody else writes anew before it expires: copy it. What happens when is that
// of https://github.com/grpc/proposal/blob/master/A97-jwt-call-creds.md.

#ifndef EXAMPLES_JWT_FILE_H
#define EXAMPLES_JWT_FILE_H

#include "grpc.h"

enum {
    JWT_FILE_MOST = 16384
}; // bytes of a token: servers take no longer header

// A source of tokens lives longer than the channels that use it.
struct jwt_file {
    const char *path;
    // jwt_file.c's own, zero at first:
    char header[JWT_FILE_MOST + 8]; // "Bearer ..."; "": there is none
    double expires_s;               // by the clock on the wall
    uint64_t again_ms;              // by the loop's: not read sooner
    uint32_t delay_ms;              // after the failure before
    grpc_code code;                 // of that
    char why[300];
};

grpc_call_credentials jwt_file_credentials(struct jwt_file *file);

#endif

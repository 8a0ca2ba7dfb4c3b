// SPDX-License-Identifier: MIT

#include "loop/loop_env.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

// loop_env_copy is false without memory. A variable that is empty counts as not
// set, as elsewhere.
static bool loop_env_copy(const char *name, const grpc_allocator *allocator,
                          char **out_text)
{
    const char *value = getenv(name);
    if (*out_text != NULL || value == NULL || *value == '\0') {
        return true;
    }
    size_t size = strlen(value) + 1;
    *out_text = alloc_new(allocator, size);
    if (*out_text == NULL) {
        return false;
    }
    memcpy(*out_text, value, size);
    return true;
}

bool loop_env_init(struct loop_env *env, const grpc_allocator *allocator)
{
    *env = (struct loop_env){0};
    if (loop_env_copy("HTTPS_PROXY", allocator, &env->https_proxy) &&
        loop_env_copy("https_proxy", allocator, &env->https_proxy) &&
        loop_env_copy("NO_PROXY", allocator, &env->no_proxy) &&
        loop_env_copy("no_proxy", allocator, &env->no_proxy) &&
        loop_env_copy("SSL_CERT_FILE", allocator, &env->ssl_cert_file)) {
        return true;
    }
    loop_env_fini(env, allocator);
    return false;
}

static void loop_env_drop(char **text, const grpc_allocator *allocator)
{
    if (*text != NULL) {
        alloc_free(allocator, *text, strlen(*text) + 1);
        *text = NULL;
    }
}

void loop_env_fini(struct loop_env *env, const grpc_allocator *allocator)
{
    loop_env_drop(&env->https_proxy, allocator);
    loop_env_drop(&env->no_proxy, allocator);
    loop_env_drop(&env->ssl_cert_file, allocator);
}

// SPDX-License-Identifier: MIT

#include "core/credentials.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/assert.h"
#include "base/heap.h"
#include "core/limits.h"
#include "loop/loop_env.h"
#include "tls/tls.h"

enum {
    CREDENTIALS_MORE = 1000, // identities behind the first
    CREDENTIALS_REASON = 200,
};

// What grpc_tls_client() and the others return without memory. It is only read.
static const struct grpc_credentials credentials_without_memory = {
    .holders = 1, .error = "out of memory"};

static struct grpc_credentials *credentials_none(void)
{
    return (struct grpc_credentials *)(uintptr_t)&credentials_without_memory;
}

static bool credentials_is_none(const struct grpc_credentials *credentials)
{
    return credentials == &credentials_without_memory;
}

PRINTF_LIKE(2, 3)
static void credentials_say(char reason[CREDENTIALS_REASON], const char *format,
                            ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(reason, CREDENTIALS_REASON, format, arguments);
    va_end(arguments);
}

// ---- What options may say ---------------------------------------------------

static bool credentials_has(const char *file, grpc_str bytes)
{
    return file != NULL || bytes.size > 0;
}

// credentials_check_pair: not both, and bytes where there is a size.
static const char *credentials_check_pair(const char *file, grpc_str bytes,
                                          const char *both)
{
    if (file != NULL && bytes.size > 0) {
        return both;
    }
    return bytes.size > 0 && bytes.data == NULL
               ? "bytes have a size, and no data"
               : NULL;
}

static const char *credentials_check_identity(const grpc_tls_identity *identity)
{
    const char *reason = credentials_check_pair(
        identity->certificate_file, identity->certificate,
        "certificate and certificate_file are both set");
    if (reason == NULL) {
        reason = credentials_check_pair(identity->key_file, identity->key,
                                        "key and key_file are both set");
    }
    if (reason != NULL) {
        return reason;
    }
    int keys = (credentials_has(identity->key_file, identity->key) ? 1 : 0) +
               (identity->sign != NULL ? 1 : 0) +
               (identity->key_object != NULL ? 1 : 0);
    if (keys > 1) {
        return "more than one of key, sign and key_object is set";
    }
    bool has_certificate =
        credentials_has(identity->certificate_file, identity->certificate);
    if (has_certificate != (keys == 1)) {
        return has_certificate ? "a certificate has no key"
                               : "a key has no certificate";
    }
    return NULL;
}

static bool credentials_has_identity(const grpc_tls_identity *identity)
{
    return credentials_has(identity->certificate_file, identity->certificate);
}

static const char *credentials_check_server(const grpc_tls_options *options)
{
    if (!credentials_has_identity(&options->identity)) {
        return "a server needs a certificate and its key";
    }
    if (options->server_name != NULL) {
        return "server_name is a client's";
    }
    // (Who gives these thinks that clients are checked.)
    if (options->clients == GRPC_CLIENTS_UNKNOWN &&
        (options->verify != NULL ||
         credentials_has(options->roots_file, options->roots) ||
         credentials_has(options->crl_file, options->crl))) {
        return "roots, crl and verify are for clients' certificates, which "
               "clients does not ask for";
    }
    if (options->clients != GRPC_CLIENTS_UNKNOWN &&
        options->check != GRPC_CHECK_NOTHING &&
        !credentials_has(options->roots_file, options->roots)) {
        return "clients are asked for certificates, and there are no roots";
    }
    return NULL;
}

// credentials_is_name: it goes into :authority, and is no empty one that none
// could be held against.
static bool credentials_is_name(const char *name)
{
    bool is_good = *name != '\0';
    for (; *name != '\0'; name++) {
        is_good = is_good && *name > 0x20 && *name < 0x7f;
    }
    return is_good;
}

static const char *credentials_check_client(const grpc_tls_options *options)
{
    if (options->server_name != NULL &&
        !credentials_is_name(options->server_name)) {
        return "server_name is empty, or has a byte that no name has";
    }
    if (options->more_count > 0 || options->clients != GRPC_CLIENTS_UNKNOWN) {
        return "more and clients are a server's";
    }
    if (options->check == GRPC_CHECK_CHAIN && options->verify == NULL) {
        return "GRPC_CHECK_CHAIN needs verify";
    }
    return NULL;
}

static const char *credentials_check_more(const grpc_tls_options *options)
{
    if (options->more_count > CREDENTIALS_MORE ||
        (options->more_count > 0 && options->more == NULL)) {
        return "more: too many, or NULL";
    }
    const char *reason = NULL;
    for (size_t i = 0; i < options->more_count && reason == NULL; i++) {
        reason = !credentials_has_identity(&options->more[i])
                     ? "one of more has no certificate"
                     : credentials_check_identity(&options->more[i]);
    }
    return reason;
}

static bool credentials_is_version(grpc_tls_version version)
{
    return version == 0 || version == GRPC_TLS_1_2 || version == GRPC_TLS_1_3;
}

// credentials_check_options is what is wrong with them; NULL: nothing.
static const char *credentials_check_options(const grpc_tls_options *options,
                                             bool is_server)
{
    if (!credentials_is_version(options->min_version) ||
        !credentials_is_version(options->max_version) ||
        (options->max_version != 0 &&
         options->min_version > options->max_version)) {
        return "min_version and max_version are no versions, or no range";
    }
    if ((unsigned)options->check > GRPC_CHECK_NOTHING ||
        (unsigned)options->clients > GRPC_CLIENTS_REQUIRED) {
        return "check or clients is none of its values";
    }
    const char *reason =
        credentials_check_pair(options->roots_file, options->roots,
                               "roots and roots_file are both set");
    if (reason == NULL) {
        reason = credentials_check_pair(options->crl_file, options->crl,
                                        "crl and crl_file are both set");
    }
    if (reason == NULL) {
        reason = credentials_check_identity(&options->identity);
    }
    if (reason == NULL) {
        reason = credentials_check_more(options);
    }
    if (reason == NULL) {
        reason = is_server ? credentials_check_server(options)
                           : credentials_check_client(options);
    }
    return reason;
}

// ---- Copies of options ------------------------------------------------------

// credentials_copy_text is false without memory; NULL stays NULL.
static bool credentials_copy_text(grpc_arena *arena, const char **text)
{
    if (*text != NULL) {
        *text = arena_copy_text(arena, view_of(*text, strlen(*text)));
        return *text != NULL;
    }
    return true;
}

static bool credentials_copy_bytes(grpc_arena *arena, grpc_str *bytes)
{
    const grpc_str from = *bytes;
    *bytes = (grpc_str){NULL, 0};
    if (from.size == 0) {
        return true;
    }
    bytes->data = arena_copy_text(arena, view_of(from.data, from.size));
    bytes->size = bytes->data != NULL ? from.size : 0;
    return bytes->data != NULL;
}

// credentials_copy_identity goes on after a failure: what is left is ours, or
// nothing, and may be wiped.
static bool credentials_copy_identity(grpc_arena *arena,
                                      grpc_tls_identity *identity)
{
    bool texts = credentials_copy_text(arena, &identity->certificate_file);
    texts = credentials_copy_text(arena, &identity->key_file) && texts;
    texts = credentials_copy_text(arena, &identity->key_password) && texts;
    bool bytes = credentials_copy_bytes(arena, &identity->certificate);
    bytes = credentials_copy_bytes(arena, &identity->key) && bytes;
    return texts && bytes;
}

static bool credentials_copy_more(struct credentials_settings *settings)
{
    grpc_tls_options *options = &settings->options;
    if (options->more_count == 0) {
        options->more = NULL;
        return true;
    }
    size_t size = options->more_count * sizeof(grpc_tls_identity);
    settings->more = arena_alloc(&settings->arena, size);
    if (settings->more == NULL) {
        return false;
    }
    memcpy(settings->more, options->more, size);
    options->more = settings->more;
    bool copied = true;
    for (size_t i = 0; i < options->more_count; i++) {
        copied =
            credentials_copy_identity(&settings->arena, &settings->more[i]) &&
            copied; // as there
    }
    return copied;
}

// ---- Files ------------------------------------------------------------------

static void credentials_add_file(struct credentials_settings *settings,
                                 const char *option, const char *path,
                                 grpc_str *into)
{
    if (path != NULL) {
        settings->files[settings->file_count++] = (struct credentials_file){
            .option = option, .path = path, .into = into};
    }
}

static void credentials_list_identity(struct credentials_settings *settings,
                                      grpc_tls_identity *identity)
{
    credentials_add_file(settings, "certificate_file",
                         identity->certificate_file, &identity->certificate);
    credentials_add_file(settings, "key_file", identity->key_file,
                         &identity->key);
}

static bool credentials_list_files(struct credentials_settings *settings)
{
    grpc_tls_options *options = &settings->options;
    size_t most = 4 + 2 * options->more_count;
    settings->files =
        arena_alloc(&settings->arena, most * sizeof *settings->files);
    if (settings->files == NULL) {
        return false;
    }
    credentials_list_identity(settings, &options->identity);
    for (size_t i = 0; i < options->more_count; i++) {
        credentials_list_identity(settings, &settings->more[i]);
    }
    credentials_add_file(settings, "roots_file", options->roots_file,
                         &options->roots);
    credentials_add_file(settings, "crl_file", options->crl_file,
                         &options->crl);
    return true;
}

// credentials_system_roots is where the system has them; NULL: nowhere.
static const char *credentials_system_roots(void)
{
    static const char *const paths[] = {
        "/etc/ssl/certs/ca-certificates.crt",     // Debian, Alpine, Arch
        "/etc/pki/tls/certs/ca-bundle.crt",       // Fedora, Red Hat
        "/etc/ssl/ca-bundle.pem",                 // openSUSE
        "/etc/ssl/cert.pem",                      // the BSDs, macOS
        "/usr/local/share/certs/ca-root-nss.crt", // FreeBSD
    };
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        struct loop_file_stamp stamp;
        if (loop_file_stamp(paths[i], &stamp) == 0) {
            return paths[i];
        }
    }
    return NULL;
}

// credentials_default_roots has a client trust whom the system trusts. Words
// for what is wrong; NULL: nothing.
static const char *credentials_default_roots(
    struct credentials_settings *settings)
{
    grpc_tls_options *options = &settings->options;
    struct loop_env env;
    if (options->check == GRPC_CHECK_NOTHING ||
        credentials_has(options->roots_file, options->roots)) {
        return NULL;
    }
    if (!loop_env_init(&env, &settings->arena.allocator)) {
        return "out of memory";
    }
    options->roots_file = env.ssl_cert_file;
    bool copied = credentials_copy_text(&settings->arena, &options->roots_file);
    loop_env_fini(&env, &settings->arena.allocator);
    if (!copied) {
        return "out of memory";
    }
    if (options->roots_file == NULL) {
        options->roots_file = credentials_system_roots();
    }
    return options->roots_file != NULL
               ? NULL
               : "the system's roots are not found: set roots_file";
}

static void credentials_wipe_identity(const grpc_tls_identity *identity)
{
    if (identity->key.size > 0) {
        alloc_wipe((void *)(uintptr_t)identity->key.data, identity->key.size);
    }
    if (identity->certificate.size > 0) {
        // (PEM of both, certificate and key, is given twice.)
        alloc_wipe((void *)(uintptr_t)identity->certificate.data,
                   identity->certificate.size);
    }
    if (identity->key_password != NULL) {
        alloc_wipe((void *)(uintptr_t)identity->key_password,
                   strlen(identity->key_password));
    }
}

// credentials_settings_fini: what a file gave is not in them any more.
static void credentials_settings_fini(struct credentials_settings *settings)
{
    credentials_wipe_identity(&settings->options.identity);
    for (size_t i = 0;
         settings->more != NULL && i < settings->options.more_count; i++) {
        credentials_wipe_identity(&settings->more[i]);
    }
    grpc_arena_free(&settings->arena);
    *settings = (struct credentials_settings){.file_count = 0};
}

static bool credentials_copy_options(struct credentials_settings *settings)
{
    grpc_tls_options *options = &settings->options;
    grpc_arena *arena = &settings->arena;
    bool identities = credentials_copy_identity(arena, &options->identity);
    identities = credentials_copy_more(settings) && identities;
    return identities && credentials_copy_text(arena, &options->roots_file) &&
           credentials_copy_bytes(arena, &options->roots) &&
           credentials_copy_text(arena, &options->crl_file) &&
           credentials_copy_bytes(arena, &options->crl) &&
           credentials_copy_text(arena, &options->server_name);
}

// credentials_settings_init copies options that were checked: words for what is
// wrong, NULL when nothing is. (They stay where they are: files point into them.)
static const char *credentials_settings_init(
    struct credentials_settings *settings, const grpc_allocator *allocator,
    const grpc_tls_options *options, bool is_server)
{
    *settings = (struct credentials_settings){.options = *options};
    arena_bind(&settings->arena, allocator);
    const char *reason = "out of memory";
    if (credentials_copy_options(settings)) {
        reason = is_server ? NULL : credentials_default_roots(settings);
        if (reason == NULL && !credentials_list_files(settings)) {
            reason = "out of memory";
        }
    }
    if (reason != NULL) {
        credentials_settings_fini(settings);
    }
    return reason;
}

// credentials_read_all reads every file. What was read is given back by
// credentials_forget_all, after a failure too.
static grpc_result credentials_read_all(struct credentials_settings *settings,
                                        char reason[CREDENTIALS_REASON])
{
    for (size_t i = 0; i < settings->file_count; i++) {
        struct credentials_file *file = &settings->files[i];
        char *data = NULL;
        size_t size = 0;
        int error = loop_file_stamp(file->path, &file->stamp);
        if (error == 0) {
            error = loop_file_read(file->path, LOOP_FILE_MAX,
                                   &settings->arena.allocator, &data, &size);
        }
        if (error != 0) {
            char text[96];
            socket_error_text(error, text, sizeof text);
            credentials_say(reason, "%s %.90s: %s", file->option, file->path,
                            text);
            return error == ENOMEM ? GRPC_ENOMEM : GRPC_ESYSTEM;
        }
        *file->into = (grpc_str){data, size};
    }
    return GRPC_OK;
}

static void credentials_forget_all(struct credentials_settings *settings)
{
    for (size_t i = 0; i < settings->file_count; i++) {
        grpc_str *content = settings->files[i].into;
        loop_file_free((char *)(uintptr_t)content->data, content->size,
                       &settings->arena.allocator);
        *content = (grpc_str){NULL, 0};
    }
}

// ---- Contexts ---------------------------------------------------------------

static const grpc_tls_library *credentials_library(
    const grpc_tls_options *options)
{
#if defined(GRPC_WITH_MBEDTLS)
    return options->library != NULL ? options->library : &tls_mbedtls;
#else
    return options->library;
#endif
}

void credentials_release(struct credentials_context *context)
{
    if (context == NULL || --context->holders > 0) {
        return;
    }
    if (context->library->close != NULL) {
        context->library->close(context->context);
    }
    alloc_free(&context->allocator, context, sizeof *context);
}

// credentials_open has the library make a context of what was read.
static grpc_result credentials_open(const struct credentials_settings *settings,
                                    bool is_server,
                                    struct credentials_context **out_context,
                                    char reason[CREDENTIALS_REASON])
{
    const grpc_tls_options *options = &settings->options;
    const grpc_allocator *allocator = &settings->arena.allocator;
    struct credentials_context *context =
        alloc_zeroed(allocator, sizeof *context);
    if (context == NULL) {
        credentials_say(reason, "out of memory");
        return GRPC_ENOMEM;
    }
    *context = (struct credentials_context){
        .holders = 1,
        .allocator = *allocator,
        .library = credentials_library(options),
        .check = options->check,
        .clients = options->clients,
        .allow_no_alpn = options->allow_no_alpn,
        .verify = options->verify,
        .self = options->self,
    };
    grpc_result result = GRPC_OK;
    if (context->library->open != NULL) {
        reason[0] = '\0';
        result = context->library->open(options, is_server, &context->context,
                                        reason, CREDENTIALS_REASON);
        reason[CREDENTIALS_REASON - 1] = '\0';
    }
    if (result != GRPC_OK && reason[0] == '\0') {
        credentials_say(reason, "%s: %s", context->library->version(),
                        grpc_result_name(result));
    }
    if (result != GRPC_OK) {
        alloc_free(allocator, context, sizeof *context);
        return result;
    }
    *out_context = context;
    return GRPC_OK;
}

// credentials_take makes what settings say current; on failure nothing changes
// but error.
static grpc_result credentials_take(struct grpc_credentials *credentials,
                                    struct credentials_settings *settings)
{
    char reason[CREDENTIALS_REASON] = "";
    struct credentials_context *context = NULL;
    grpc_result result = credentials_read_all(settings, reason);
    if (result == GRPC_OK) {
        result = credentials_open(settings, credentials->is_server, &context,
                                  reason);
    }
    credentials_forget_all(settings);
    if (result != GRPC_OK) {
        (void)snprintf(credentials->error, sizeof credentials->error, "%s",
                       reason);
        return result;
    }
    credentials_release(credentials->current);
    credentials->current = context;
    credentials->error[0] = '\0';
    return GRPC_OK;
}

static grpc_result credentials_refuse(struct grpc_credentials *credentials,
                                      const char *reason)
{
    bool no_memory = strcmp(reason, "out of memory") == 0;
    (void)snprintf(credentials->error, sizeof credentials->error, "%s", reason);
    return no_memory ? GRPC_ENOMEM : GRPC_EINVAL;
}

// credentials_has_tls: the library makes sessions, and does not pass bytes as
// they are.
static bool credentials_has_tls(const grpc_tls_library *library)
{
    return library->begin != NULL;
}

// credentials_check_library: a channel, and a connection that waits for its
// handshake, have counted on what the credentials were.
static const char *credentials_check_library(
    const struct grpc_credentials *credentials, const grpc_tls_library *library)
{
    if (library == NULL) {
        return "this build has no TLS (GRPC_WITH_MBEDTLS), and options.library "
               "is NULL";
    }
    if (credentials->current != NULL &&
        credentials_has_tls(credentials->current->library) !=
            credentials_has_tls(library)) {
        return "the library of one of the options has no sessions";
    }
    return NULL;
}

// credentials_set takes other options, if they are good.
static grpc_result credentials_set(struct grpc_credentials *credentials,
                                   const grpc_tls_options *options)
{
    struct credentials_settings *settings = &credentials->settings;
    const char *reason =
        credentials_check_library(credentials, credentials_library(options));
    if (reason == NULL) {
        reason = credentials_check_options(options, credentials->is_server);
    }
    if (reason != NULL) {
        return credentials_refuse(credentials, reason);
    }
    // (In a copy of the old nobody looks for files.)
    struct credentials_settings old = *settings;
    reason = credentials_settings_init(settings, &credentials->allocator,
                                       options, credentials->is_server);
    if (reason != NULL) {
        *settings = old;
        return credentials_refuse(credentials, reason);
    }
    grpc_result result = credentials_take(credentials, settings);
    if (result == GRPC_OK || credentials->current == NULL) {
        // (Files that were wrong at first may be put right.)
        credentials_settings_fini(&old);
        credentials->is_stale = false;
    } else {
        credentials_settings_fini(settings);
        *settings = old;
    }
    return result;
}

// ---- The public functions ---------------------------------------------------

static struct grpc_credentials *credentials_new(const grpc_allocator *allocator)
{
    grpc_allocator own = heap_or_default(allocator);
    struct grpc_credentials *credentials =
        alloc_zeroed(&own, sizeof *credentials);
    if (credentials == NULL) {
        return credentials_none();
    }
    credentials->holders = 1;
    credentials->allocator = own;
    return credentials;
}

static grpc_credentials *credentials_new_tls(const grpc_tls_options *options,
                                             bool is_server)
{
    static const grpc_tls_options credentials_defaults = {.more_count = 0};
    if (options == NULL) {
        options = &credentials_defaults;
    }
    struct grpc_credentials *credentials = credentials_new(&options->allocator);
    if (!credentials_is_none(credentials)) {
        credentials->is_server = is_server;
        (void)credentials_set(credentials, options); // error tells
    }
    return credentials;
}

grpc_credentials *grpc_tls_client(const grpc_tls_options *options)
{
    return credentials_new_tls(options, false);
}

grpc_credentials *grpc_tls_server(const grpc_tls_options *options)
{
    return credentials_new_tls(options, true);
}

grpc_credentials *grpc_local(void)
{
    struct grpc_credentials *credentials =
        credentials_new(&(grpc_allocator){.allocate = NULL});
    if (!credentials_is_none(credentials)) {
        credentials->is_local = true;
    }
    return credentials;
}

grpc_credentials *grpc_credentials_keep(grpc_credentials *credentials)
{
    if (credentials != NULL && !credentials_is_none(credentials)) {
        credentials->holders++;
    }
    return credentials;
}

void grpc_credentials_free(grpc_credentials *credentials)
{
    if (credentials == NULL || credentials_is_none(credentials) ||
        --credentials->holders > 0) {
        return;
    }
    grpc_allocator allocator = credentials->allocator;
    credentials_release(credentials->current);
    credentials_settings_fini(&credentials->settings);
    alloc_free(&allocator, credentials, sizeof *credentials);
}

const char *grpc_credentials_error(const grpc_credentials *credentials)
{
    return credentials == NULL ? "no credentials" : credentials->error;
}

grpc_result grpc_credentials_reload(grpc_credentials *credentials,
                                    const grpc_tls_options *options)
{
    if (credentials == NULL) {
        return GRPC_EINVAL;
    }
    if (credentials_is_none(credentials)) {
        return GRPC_ENOMEM;
    }
    if (credentials->is_local) {
        return options == NULL
                   ? GRPC_OK
                   : credentials_refuse(credentials,
                                        "local credentials have no options");
    }
    if (options != NULL) {
        return credentials_set(credentials, options);
    }
    if (credentials->settings.files == NULL) {
        return credentials_refuse(credentials,
                                  "there were no good options to read again");
    }
    grpc_result result = credentials_take(credentials, &credentials->settings);
    credentials->is_stale = result != GRPC_OK;
    return result;
}

// ---- For connections --------------------------------------------------------

const char *credentials_fault(const struct grpc_credentials *of, bool is_server)
{
    if (of->is_local) {
        return NULL;
    }
    if (of->current == NULL) {
        return of->error;
    }
    if (of->is_server != is_server) {
        return is_server ? "they are a client's" : "they are a server's";
    }
    return NULL;
}

// credentials_have_changed: some file is not the one that was read.
static bool credentials_have_changed(
    const struct credentials_settings *settings)
{
    for (size_t i = 0; i < settings->file_count; i++) {
        struct loop_file_stamp stamp;
        const struct credentials_file *file = &settings->files[i];
        if (loop_file_stamp(file->path, &stamp) != 0 ||
            !loop_file_is_same(&stamp, &file->stamp)) {
            return true;
        }
    }
    return false;
}

// credentials_look reads what has changed, where it is time to look.
static void credentials_look(struct grpc_credentials *credentials,
                             struct grpc_loop *loop)
{
    uint32_t reload_ms = credentials->settings.options.reload_ms;
    uint64_t now_ms = run_now(loop);
    // (When they were made is not known: that is looked at the first time.)
    if (reload_ms == 0 || (credentials->has_looked &&
                           now_ms - credentials->looked_ms < reload_ms)) {
        return;
    }
    credentials->has_looked = true;
    credentials->looked_ms = now_ms;
    if (!credentials->is_stale &&
        !credentials_have_changed(&credentials->settings)) {
        return;
    }
    if (grpc_credentials_reload(credentials, NULL) == GRPC_OK) {
        run_log(loop, GRPC_LOG_INFO, "credentials: files were read again");
    } else {
        run_log(loop, GRPC_LOG_WARNING,
                "credentials: what was read before stays in use: %s",
                credentials->error);
    }
}

struct credentials_context *credentials_use(
    struct grpc_credentials *credentials, struct grpc_loop *loop)
{
    if (credentials->is_local) {
        return NULL;
    }
    credentials_look(credentials, loop);
    ASSERT(credentials->current != NULL);
    credentials->current->holders++;
    return credentials->current;
}

bool credentials_is_tls(const struct grpc_credentials *credentials)
{
    return credentials != NULL && credentials->current != NULL &&
           credentials_has_tls(credentials->current->library);
}

const char *credentials_server_name(const struct grpc_credentials *credentials)
{
    return credentials == NULL ? NULL
                               : credentials->settings.options.server_name;
}

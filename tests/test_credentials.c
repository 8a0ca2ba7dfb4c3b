// SPDX-License-Identifier: MIT

#ifndef _GNU_SOURCE
# define _GNU_SOURCE
#endif

#include "tests/unit.h"

#include "tests/secure_kit.h"

#include <sys/stat.h>

#include "core/credentials.h"
#include "tests/pair_kit.h"

static void test_credentials__are_kept_and_freed(void **state)
{
    (void)state;
    struct toy toy = {0};
    grpc_credentials *credentials = toy_server(&toy);
    assert_string_equal(grpc_credentials_error(credentials), "");
    assert_int_equal(toy.open_contexts, 1);
    assert_ptr_equal(grpc_credentials_keep(credentials), credentials);
    grpc_credentials_free(credentials);
    assert_int_equal(toy.open_contexts, 1);
    grpc_credentials_free(credentials);
    assert_int_equal(toy.open_contexts, 0);
    grpc_credentials_free(NULL);
    assert_null(grpc_credentials_keep(NULL));
    assert_string_equal(grpc_credentials_error(NULL), "no credentials");
    assert_int_equal(grpc_credentials_reload(NULL, NULL), GRPC_EINVAL);
}

// ---- What options may say ---------------------------------------------------

static grpc_result misuse_sign(void *self, uint16_t scheme, grpc_str digest,
                               unsigned char *signature, size_t *size)
{
    (void)self;
    (void)scheme;
    (void)digest;
    (void)signature;
    (void)size;
    return GRPC_EINVAL;
}

static grpc_result misuse_verify(const grpc_identity *peer, char *reason,
                                 size_t reason_size, void *self)
{
    (void)peer;
    (void)reason;
    (void)reason_size;
    (void)self;
    return GRPC_OK;
}

#define MISUSE_CERTIFICATE .certificate = {"c", 1}
#define MISUSE_KEY         .key = {"k", 1}
#define MISUSE_SERVER      .identity = {MISUSE_CERTIFICATE, MISUSE_KEY}
#define MISUSE_ROOTS       .roots = {"r", 1}
#define MISUSE_NOBODY_IS_ASKED                                         \
 "roots, crl and verify are for clients' certificates, which clients " \
 "does not ask for"

static const grpc_tls_identity misuse_more[] = {
    {MISUSE_CERTIFICATE, MISUSE_KEY},
    {MISUSE_KEY},
};
static const grpc_tls_identity misuse_keyless[] = {{MISUSE_CERTIFICATE}};
static int misuse_object;

static const struct misuse_row {
    bool is_server;
    grpc_tls_options options;
    const char *error;
} misuse_rows[] = {
    {true,
     {.clients = GRPC_CLIENTS_UNKNOWN},
     "a server needs a certificate and its key"},
    {true, {.identity = {MISUSE_CERTIFICATE}}, "a certificate has no key"},
    {true, {.identity = {MISUSE_KEY}}, "a key has no certificate"},
    {true,
     {.identity = {MISUSE_CERTIFICATE, MISUSE_KEY, .key_file = "k"}},
     "key and key_file are both set"},
    {true,
     {.identity = {MISUSE_CERTIFICATE, MISUSE_KEY, .certificate_file = "c"}},
     "certificate and certificate_file are both set"},
    {true,
     {.identity = {MISUSE_CERTIFICATE, MISUSE_KEY, .sign = misuse_sign}},
     "more than one of key, sign and key_object is set"},
    {true,
     {.identity = {MISUSE_CERTIFICATE, .sign = misuse_sign,
                   .key_object = &misuse_object}},
     "more than one of key, sign and key_object is set"},
    {true,
     {.identity = {.certificate = {NULL, 3}, MISUSE_KEY}},
     "bytes have a size, and no data"},
    {true,
     {.identity = {MISUSE_CERTIFICATE, .key = {NULL, 3}}},
     "bytes have a size, and no data"},
    {true,
     {MISUSE_SERVER, .server_name = "localhost"},
     "server_name is a client's"},
    {true,
     {MISUSE_SERVER, .clients = GRPC_CLIENTS_REQUIRED},
     "clients are asked for certificates, and there are no roots"},
    {true,
     {MISUSE_SERVER, .clients = GRPC_CLIENTS_REQUESTED},
     "clients are asked for certificates, and there are no roots"},
    {true, {MISUSE_SERVER, .roots = {"r", 1}}, MISUSE_NOBODY_IS_ASKED},
    {true, {MISUSE_SERVER, .roots_file = "r"}, MISUSE_NOBODY_IS_ASKED},
    {true, {MISUSE_SERVER, .crl = {"r", 1}}, MISUSE_NOBODY_IS_ASKED},
    {true, {MISUSE_SERVER, .verify = misuse_verify}, MISUSE_NOBODY_IS_ASKED},
    {true,
     {MISUSE_SERVER, .clients = (grpc_tls_clients)3},
     "check or clients is none of its values"},
    {true,
     {MISUSE_SERVER, .check = (grpc_tls_check)3},
     "check or clients is none of its values"},
    {true, {MISUSE_SERVER, .more_count = 1}, "more: too many, or NULL"},
    {true,
     {MISUSE_SERVER, .more = misuse_more, .more_count = 1001},
     "more: too many, or NULL"},
    {true,
     {MISUSE_SERVER, .more = misuse_more, .more_count = 2},
     "one of more has no certificate"},
    {true,
     {MISUSE_SERVER, .more = misuse_keyless, .more_count = 1},
     "a certificate has no key"},
    {true,
     {MISUSE_SERVER, .min_version = (grpc_tls_version)0x0302},
     "min_version and max_version are no versions, or no range"},
    {true,
     {MISUSE_SERVER, .max_version = (grpc_tls_version)5},
     "min_version and max_version are no versions, or no range"},
    {true,
     {MISUSE_SERVER, .min_version = GRPC_TLS_1_3, .max_version = GRPC_TLS_1_2},
     "min_version and max_version are no versions, or no range"},
    {true,
     {MISUSE_SERVER, MISUSE_ROOTS, .roots_file = "r"},
     "roots and roots_file are both set"},
    {true,
     {MISUSE_SERVER, .crl = {"c", 1}, .crl_file = "r"},
     "crl and crl_file are both set"},
    {true,
     {.identity = {.certificate = {"bad", 3}, MISUSE_KEY}},
     "certificate: bad"},
    {false,
     {MISUSE_ROOTS, .more = misuse_more, .more_count = 1},
     "more and clients are a server's"},
    {false,
     {MISUSE_ROOTS, .clients = GRPC_CLIENTS_REQUESTED},
     "more and clients are a server's"},
    {false,
     {MISUSE_ROOTS, .check = GRPC_CHECK_CHAIN},
     "GRPC_CHECK_CHAIN needs verify"},
    {false,
     {MISUSE_ROOTS, .server_name = ""},
     "server_name is empty, or has a byte that no name has"},
    {false,
     {MISUSE_ROOTS, .server_name = "a b"},
     "server_name is empty, or has a byte that no name has"},
    {false,
     {MISUSE_ROOTS, .server_name = "a\r\n"},
     "server_name is empty, or has a byte that no name has"},
    {false,
     {MISUSE_ROOTS, .identity = {MISUSE_CERTIFICATE}},
     "a certificate has no key"},
};

static void test_credentials__misuse(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof misuse_rows / sizeof *misuse_rows; i++) {
        const struct misuse_row *row = &misuse_rows[i];
        struct toy toy = {0};
        grpc_tls_options options = row->options;
        options.library = &toy_tls;
        options.library_data = &toy;
        grpc_credentials *credentials = row->is_server
                                            ? grpc_tls_server(&options)
                                            : grpc_tls_client(&options);
        assert_non_null(credentials);
        assert_string_equal(grpc_credentials_error(credentials), row->error);
        assert_string_equal(credentials_fault(credentials, row->is_server),
                            row->error);
        // And as other options of good ones, which stay.
        grpc_credentials *good =
            row->is_server ? toy_server(&toy) : toy_client(&toy);
        assert_int_equal(grpc_credentials_reload(good, &options), GRPC_EINVAL);
        assert_string_equal(grpc_credentials_error(good), row->error);
        assert_null(credentials_fault(good, row->is_server));
        assert_int_equal(grpc_credentials_reload(good, NULL), GRPC_OK);
        assert_string_equal(grpc_credentials_error(good), "");
        grpc_credentials_free(good);
        grpc_credentials_free(credentials);
        assert_int_equal(toy.open_contexts, 0);
    }
}

static void test_credentials__a_library_without_words(void **state)
{
    (void)state;
    struct toy toy = {.silent = true};
    grpc_credentials *credentials = grpc_tls_server(
        &(grpc_tls_options){.identity = {.certificate = {"bad", 3}, MISUSE_KEY},
                            .library = &toy_tls,
                            .library_data = &toy});
    assert_string_equal(grpc_credentials_error(credentials),
                        "toy 1: GRPC_EINVAL");
    grpc_credentials_free(credentials);
}

static void test_credentials__of_the_wrong_side(void **state)
{
    (void)state;
    struct toy toy = {0};
    grpc_credentials *client = toy_client(&toy);
    grpc_credentials *server = toy_server(&toy);
    assert_string_equal(credentials_fault(client, true), "they are a client's");
    assert_string_equal(credentials_fault(server, false),
                        "they are a server's");
    struct test_heap heap;
    test_heap_init(&heap);
    grpc_loop *loop = kit_loop(&heap, NULL);
    grpc_server *bad = grpc_server_new(
        &(grpc_server_options){.loop = loop, .credentials = client});
    assert_int_equal(grpc_server_listen(bad, "127.0.0.1:0", NULL), GRPC_EINVAL);
    assert_string_equal(grpc_server_error(bad),
                        "listen: credentials: they are a client's");
    int fds[2];
    kit_pair_of_sockets(fds);
    assert_int_equal(grpc_server_serve_fd(bad, fds[0]), GRPC_EINVAL);
    assert_string_equal(grpc_server_error(bad),
                        "take a descriptor: credentials: they are a client's");
    assert_int_equal(grpc_server_listen_fd(bad, fds[0]), GRPC_EINVAL);
    struct kit_result result = {0};
    grpc_channel *channel = grpc_channel_new(
        "127.0.0.1:1",
        &(grpc_channel_options){.loop = loop, .credentials = server});
    assert_string_equal(grpc_channel_error(channel),
                        "credentials: they are a server's");
    kit_call(channel, "Ann", &result);
    kit_turn(loop);
    assert_int_equal(result.done, 1);
    assert_int_equal(result.code, GRPC_INVALID_ARGUMENT);
    assert_string_equal(result.text, "credentials: they are a server's");
    grpc_channel_free(channel);
    grpc_server_free(bad);
    assert_int_equal(toy.open_contexts, 0);
    assert_int_equal(grpc_loop_free(loop), GRPC_OK);
    assert_true(test_heap_is_clean(&heap));
    (void)close(fds[0]);
    (void)close(fds[1]);
}

// ---- Libraries --------------------------------------------------------------

static const char *plain_version(void)
{
    return "plain";
}

// A table without sessions: bytes pass as they are.
static const grpc_tls_library plain_library = {.version = plain_version};

static grpc_tls_options plain_options(bool is_server)
{
    grpc_tls_options options = {.library = &plain_library, MISUSE_ROOTS};
    if (is_server) {
        options = (grpc_tls_options){.library = &plain_library, MISUSE_SERVER};
    }
    return options;
}

static void test_credentials__a_library_without_sessions(void **state)
{
    (void)state;
    const grpc_tls_options client = plain_options(false);
    const grpc_tls_options server = plain_options(true);
    struct secure_kit *kit = secure_begin_kit(
        &(struct secure_how){.client = grpc_tls_client(&client),
                             .server = grpc_tls_server(&server)});
    secure_call_ok(kit);
    assert_int_equal(kit->channel->security, GRPC_INSECURE);
    secure_end_kit(kit);
}

static void test_credentials__stay_secure(void **state)
{
    (void)state;
    struct toy toy = {0};
    const grpc_tls_options plain = plain_options(true);
    grpc_credentials *credentials = toy_server(&toy);
    assert_int_equal(grpc_credentials_reload(credentials, &plain), GRPC_EINVAL);
    assert_string_equal(grpc_credentials_error(credentials),
                        "the library of one of the options has no sessions");
    assert_true(credentials_is_tls(credentials));
    grpc_credentials_free(credentials);
    credentials = grpc_tls_server(&plain);
    assert_int_equal(
        grpc_credentials_reload(
            credentials, &(grpc_tls_options){MISUSE_SERVER, .library = &toy_tls,
                                             .library_data = &toy}),
        GRPC_EINVAL);
    assert_false(credentials_is_tls(credentials));
    grpc_credentials_free(credentials);
}

static void test_credentials__local_ones(void **state)
{
    (void)state;
    grpc_credentials *credentials = grpc_local();
    assert_string_equal(grpc_credentials_error(credentials), "");
    assert_null(credentials_fault(credentials, true));
    assert_null(credentials_fault(credentials, false));
    assert_false(credentials_is_tls(credentials));
    assert_null(credentials_server_name(credentials));
    assert_int_equal(grpc_credentials_reload(credentials, NULL), GRPC_OK);
    assert_int_equal(
        grpc_credentials_reload(credentials, &(grpc_tls_options){MISUSE_ROOTS}),
        GRPC_EINVAL);
    assert_string_equal(grpc_credentials_error(credentials),
                        "local credentials have no options");
    grpc_credentials_free(credentials);
}

// ---- Files ------------------------------------------------------------------

// A folder of files of the test, and what the toy saw of them.
struct files_case {
    char folder[64];
    char certificate[96];
    char key[96];
    char roots[96];
    struct toy toy;
    grpc_tls_options options;
};

static void files_write(const char *path, const char *text)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
    assert_int_equal(fclose(file), 0);
}

static struct files_case *files_begin(void)
{
    static struct files_case test;
    memset(&test, 0, sizeof test);
    (void)snprintf(test.folder, sizeof test.folder, "/tmp/cgrpc-files-XXXXXX");
    assert_non_null(mkdtemp(test.folder));
    (void)snprintf(test.certificate, sizeof test.certificate, "%s/c",
                   test.folder);
    (void)snprintf(test.key, sizeof test.key, "%s/k", test.folder);
    (void)snprintf(test.roots, sizeof test.roots, "%s/r", test.folder);
    files_write(test.certificate, "one");
    files_write(test.key, "key one");
    files_write(test.roots, "roots one");
    test.options = (grpc_tls_options){
        .identity = {.certificate_file = test.certificate,
                     .key_file = test.key},
        .roots_file = test.roots,
        .clients = GRPC_CLIENTS_REQUESTED,
        .library = &toy_tls,
        .library_data = &test.toy,
    };
    return &test;
}

static void files_end(struct files_case *test)
{
    (void)unlink(test->certificate);
    (void)unlink(test->key);
    (void)unlink(test->roots);
    (void)rmdir(test->key);
    assert_int_equal(rmdir(test->folder), 0);
    assert_int_equal(test->toy.open_contexts, 0);
}

static void test_credentials__reads_files(void **state)
{
    (void)state;
    struct files_case *test = files_begin();
    struct test_heap heap;
    test_heap_init(&heap);
    test->options.allocator = heap.allocator;
    grpc_credentials *credentials = grpc_tls_server(&test->options);
    assert_string_equal(grpc_credentials_error(credentials), "");
    assert_string_equal(test->toy.saw, "one|key one|roots one");
    // Nothing of what they hold is kept.
    assert_int_equal(credentials->settings.options.identity.key.size, 0);
    assert_null(credentials->settings.options.identity.key.data);
    files_write(test->certificate, "another");
    files_write(test->key, "of its own");
    assert_int_equal(grpc_credentials_reload(credentials, NULL), GRPC_OK);
    assert_string_equal(test->toy.saw, "another|of its own|roots one");
    // Options that a reload has given are those of the next.
    test->options.roots_file = NULL;
    test->options.roots = GRPC_STR("roots two");
    assert_int_equal(grpc_credentials_reload(credentials, &test->options),
                     GRPC_OK);
    assert_string_equal(test->toy.saw, "another|of its own|roots two");
    files_write(test->key, "a third");
    assert_int_equal(grpc_credentials_reload(credentials, NULL), GRPC_OK);
    assert_string_equal(test->toy.saw, "another|a third|roots two");
    grpc_credentials_free(credentials);
    assert_true(test_heap_is_clean(&heap));
    files_end(test);
}

static void test_credentials__reads_more(void **state)
{
    (void)state;
    struct files_case *test = files_begin();
    const grpc_tls_identity more[2] = {
        {MISUSE_CERTIFICATE, .key_file = test->key},
        {.certificate_file = test->certificate, MISUSE_KEY},
    };
    test->options.more = more;
    test->options.more_count = 2;
    grpc_credentials *credentials = grpc_tls_server(&test->options);
    assert_string_equal(grpc_credentials_error(credentials), "");
    assert_string_equal(test->toy.saw, "one|key one|roots one|c|key one|one|k");
    files_write(test->key, "two");
    assert_int_equal(grpc_credentials_reload(credentials, NULL), GRPC_OK);
    assert_string_equal(test->toy.saw, "one|two|roots one|c|two|one|k");
    grpc_credentials_free(credentials);
    files_end(test);
}

// files_expect_bad: what cannot be read is told, and the old stays.
static void files_expect_bad(struct files_case *test,
                             grpc_credentials *credentials, const char *path,
                             const char *option, int error)
{
    char text[256];
    (void)snprintf(text, sizeof text, "%s %.90s: %.90s", option, path,
                   kit_error(error));
    assert_int_equal(grpc_credentials_reload(credentials, NULL), GRPC_ESYSTEM);
    assert_string_equal(grpc_credentials_error(credentials), text);
    assert_null(credentials_fault(credentials, true));
    assert_int_equal(test->toy.open_contexts, 1);
    // New ones cannot be used at all.
    grpc_credentials *fresh = grpc_tls_server(&test->options);
    assert_string_equal(grpc_credentials_error(fresh), text);
    assert_string_equal(credentials_fault(fresh, true), text);
    grpc_credentials_free(fresh);
}

static void test_credentials__files_that_cannot_be_read(void **state)
{
    (void)state;
    struct files_case *test = files_begin();
    grpc_credentials *credentials = grpc_tls_server(&test->options);
    assert_string_equal(grpc_credentials_error(credentials), "");
    assert_int_equal(unlink(test->key), 0);
    files_expect_bad(test, credentials, test->key, "key_file", ENOENT);
    assert_int_equal(mkdir(test->key, 0700), 0);
    files_expect_bad(test, credentials, test->key, "key_file", EISDIR);
    assert_int_equal(rmdir(test->key), 0);
    files_write(test->key, "key");
    if (geteuid() != 0) {
        assert_int_equal(chmod(test->key, 0), 0);
        files_expect_bad(test, credentials, test->key, "key_file", EACCES);
        assert_int_equal(chmod(test->key, 0600), 0);
    }
    assert_int_equal(truncate(test->roots, LOOP_FILE_MAX + 1), 0);
    files_expect_bad(test, credentials, test->roots, "roots_file", EFBIG);
    assert_int_equal(unlink(test->roots), 0);
    assert_int_equal(symlink(test->roots, test->roots), 0);
    files_expect_bad(test, credentials, test->roots, "roots_file", ELOOP);
    assert_int_equal(unlink(test->roots), 0);
    assert_int_equal(mkfifo(test->roots, 0600), 0); // nobody writes to it
    assert_int_equal(grpc_credentials_reload(credentials, NULL), GRPC_OK);
    assert_string_equal(test->toy.saw, "one|key|");
    assert_int_equal(unlink(test->roots), 0);
    files_write(test->certificate, "bad");
    files_write(test->roots, "roots");
    assert_int_equal(grpc_credentials_reload(credentials, NULL), GRPC_EINVAL);
    assert_string_equal(grpc_credentials_error(credentials),
                        "certificate: bad");
    files_write(test->certificate, "good");
    assert_int_equal(grpc_credentials_reload(credentials, NULL), GRPC_OK);
    assert_string_equal(grpc_credentials_error(credentials), "");
    assert_string_equal(test->toy.saw, "good|key|roots");
    grpc_credentials_free(credentials);
    files_end(test);
}

// Files that were wrong at first may be put right.
static void test_credentials__mended(void **state)
{
    (void)state;
    struct files_case *test = files_begin();
    files_write(test->certificate, "bad");
    grpc_credentials *credentials = grpc_tls_server(&test->options);
    assert_string_equal(grpc_credentials_error(credentials),
                        "certificate: bad");
    struct test_heap heap;
    test_heap_init(&heap);
    grpc_loop *loop = kit_loop(&heap, NULL);
    grpc_server *server = grpc_server_new(&(grpc_server_options){
        .loop = loop, .credentials = grpc_credentials_keep(credentials)});
    assert_int_equal(grpc_server_listen(server, "127.0.0.1:0", NULL),
                     GRPC_EINVAL);
    assert_string_equal(grpc_server_error(server),
                        "listen: credentials: certificate: bad");
    files_write(test->certificate, "good");
    assert_int_equal(grpc_credentials_reload(credentials, NULL), GRPC_OK);
    grpc_credentials_free(credentials);
    assert_int_equal(grpc_server_listen(server, "127.0.0.1:0", NULL), GRPC_OK);
    grpc_server_free(server);
    assert_int_equal(grpc_loop_free(loop), GRPC_OK);
    assert_true(test_heap_is_clean(&heap));
    // Without options that could be read there is nothing to read again.
    credentials = grpc_tls_server(&(grpc_tls_options){.library = &toy_tls});
    assert_int_equal(grpc_credentials_reload(credentials, NULL), GRPC_EINVAL);
    assert_string_equal(grpc_credentials_error(credentials),
                        "there were no good options to read again");
    assert_int_equal(grpc_credentials_reload(credentials, &test->options),
                     GRPC_OK);
    grpc_credentials_free(credentials);
    files_end(test);
}

static void test_credentials__the_systems_roots(void **state)
{
    (void)state;
    struct files_case *test = files_begin();
    assert_int_equal(setenv("SSL_CERT_FILE", test->roots, 1), 0);
    const grpc_tls_options options = {.library = &toy_tls,
                                      .library_data = &test->toy};
    grpc_credentials *credentials = grpc_tls_client(&options);
    assert_string_equal(grpc_credentials_error(credentials), "");
    assert_string_equal(test->toy.saw, "||roots one");
    grpc_credentials_free(credentials);
    assert_int_equal(setenv("SSL_CERT_FILE", "/nowhere/at/all", 1), 0);
    credentials = grpc_tls_client(&options);
    char text[128];
    (void)snprintf(text, sizeof text, "roots_file /nowhere/at/all: %.80s",
                   kit_error(ENOENT));
    assert_string_equal(grpc_credentials_error(credentials), text);
    grpc_credentials_free(credentials);
    // Who checks nothing needs none, and servers have none.
    credentials =
        grpc_tls_client(&(grpc_tls_options){.check = GRPC_CHECK_NOTHING,
                                            .library = &toy_tls,
                                            .library_data = &test->toy});
    assert_string_equal(grpc_credentials_error(credentials), "");
    assert_string_equal(test->toy.saw, "||");
    grpc_credentials_free(credentials);
    credentials = toy_server(&test->toy);
    assert_string_equal(test->toy.saw, "certificate|key|");
    grpc_credentials_free(credentials);
    assert_int_equal(unsetenv("SSL_CERT_FILE"), 0);
    files_end(test);
}

// ---- Reloading --------------------------------------------------------------

// reload_turn joins one more channel with the server, and makes a call over it.
static grpc_channel *reload_call(struct secure_kit *kit)
{
    int fds[2];
    kit_pair_of_sockets(fds);
    assert_int_equal(grpc_server_serve_fd(kit->server, fds[0]), GRPC_OK);
    grpc_channel *channel = grpc_channel_new_fd(
        fds[1], &(grpc_channel_options){.loop = kit->client_side.loop,
                                        .credentials =
                                            toy_client(&kit->client_side.toy)});
    struct kit_result result = {0};
    kit_call(channel, "Ann", &result);
    secure_rest(kit);
    assert_int_equal(result.code, GRPC_OK);
    assert_int_equal(result.done, 1);
    return channel;
}

static void reload_call_again(struct secure_kit *kit, grpc_channel *channel)
{
    struct kit_result result = {0};
    kit_call(channel, "Ann", &result);
    secure_rest(kit);
    assert_int_equal(result.done, 1);
    assert_int_equal(result.code, GRPC_OK);
}

// Old connections live on with the old context, which is closed with the last.
static void test_credentials__reload_by_call(void **state)
{
    (void)state;
    struct files_case *test = files_begin();
    grpc_credentials *credentials = grpc_tls_server(&test->options);
    struct secure_kit *kit = secure_init();
    secure_serve(kit, &(struct secure_how){
                          .server = grpc_credentials_keep(credentials)});
    grpc_channel *old = reload_call(kit);
    files_write(test->certificate, "two");
    assert_int_equal(grpc_credentials_reload(credentials, NULL), GRPC_OK);
    assert_int_equal(test->toy.open_contexts, 2);
    grpc_channel *fresh = reload_call(kit);
    reload_call_again(kit, old);
    files_write(test->certificate, "bad");
    assert_int_equal(grpc_credentials_reload(credentials, NULL), GRPC_EINVAL);
    assert_int_equal(test->toy.open_contexts, 2);
    reload_call_again(kit, old);
    reload_call_again(kit, fresh);
    grpc_channel_free(old);
    secure_rest(kit);
    assert_int_equal(test->toy.open_contexts, 1);
    grpc_channel_free(fresh);
    grpc_credentials_free(credentials);
    secure_end_kit(kit);
    files_end(test);
}

static void test_credentials__reload_by_time(void **state)
{
    (void)state;
    struct files_case *test = files_begin();
    test->options.reload_ms = 1000;
    struct secure_kit *kit = secure_init();
    secure_serve(
        kit, &(struct secure_how){.server = grpc_tls_server(&test->options)});
    grpc_loop *loop = kit->server_side.loop;
    grpc_channel *channels[7];
    *kit_clock_is_frozen() = true;
    // The first handshake may be long after they were read: it looks.
    files_write(test->certificate, "two");
    channels[0] = reload_call(kit);
    assert_string_equal(test->toy.saw, "two|key one|roots one");
    assert_string_equal(kit->server_side.log,
                        "credentials: files were read again\n");
    files_write(test->certificate, "three");
    kit_skip(loop, 999);
    channels[1] = reload_call(kit);
    assert_string_equal(test->toy.saw, "two|key one|roots one");
    kit_skip(loop, 1);
    channels[2] = reload_call(kit);
    assert_string_equal(test->toy.saw, "three|key one|roots one");
    // With nothing changed nothing is read.
    int opens = test->toy.opens;
    kit_skip(loop, 5000);
    channels[3] = reload_call(kit);
    assert_int_equal(test->toy.opens, opens);
    // What is broken is not used, and told each time; until it is mended.
    kit->server_side.log[0] = '\0';
    files_write(test->certificate, "bad");
    kit_skip(loop, 1000);
    channels[4] = reload_call(kit);
    assert_string_equal(kit->server_side.log,
                        "credentials: what was read before stays in use: "
                        "certificate: bad\n");
    assert_string_equal(grpc_credentials_error(kit->server->credentials),
                        "certificate: bad");
    kit->server_side.log[0] = '\0';
    assert_int_equal(unlink(test->certificate), 0);
    assert_int_equal(symlink(test->key, test->certificate), 0);
    kit_skip(loop, 1000);
    channels[5] = reload_call(kit);
    assert_string_equal(kit->server_side.log,
                        "credentials: files were read again\n");
    assert_string_equal(test->toy.saw, "key one|key one|roots one");
    assert_string_equal(grpc_credentials_error(kit->server->credentials), "");
    // A link that is turned to another file.
    assert_int_equal(unlink(test->certificate), 0);
    assert_int_equal(symlink(test->roots, test->certificate), 0);
    kit_skip(loop, 1000);
    channels[6] = reload_call(kit);
    assert_string_equal(test->toy.saw, "roots one|key one|roots one");
    *kit_clock_is_frozen() = false;
    for (int i = 0; i < 7; i++) {
        reload_call_again(kit, channels[i]);
        grpc_channel_free(channels[i]);
    }
    secure_end_kit(kit);
    files_end(test);
}

// A broken file that stays broken is read again, though it is the same file.
static void test_credentials__what_is_stale_is_read_again(void **state)
{
    (void)state;
    struct files_case *test = files_begin();
    test->options.reload_ms = 1000;
    grpc_credentials *credentials = grpc_tls_server(&test->options);
    struct secure_kit *kit = secure_init();
    secure_serve(kit, &(struct secure_how){
                          .server = grpc_credentials_keep(credentials)});
    *kit_clock_is_frozen() = true;
    grpc_channel *first = reload_call(kit);
    test->toy.refuses = true;
    assert_int_equal(grpc_credentials_reload(credentials, NULL), GRPC_ENOMEM);
    test->toy.refuses = false;
    kit_skip(kit->server_side.loop, 1000);
    grpc_channel *second = reload_call(kit);
    assert_string_equal(grpc_credentials_error(credentials), "");
    assert_string_equal(kit->server_side.log,
                        "credentials: files were read again\n");
    // Other options that were refused leave nothing to be read again.
    kit->server_side.log[0] = '\0';
    grpc_tls_options other = test->options;
    other.identity.certificate_file = "/nowhere/at/all";
    assert_int_equal(grpc_credentials_reload(credentials, &other),
                     GRPC_ESYSTEM);
    kit_skip(kit->server_side.loop, 1000);
    grpc_channel *third = reload_call(kit);
    assert_string_equal(kit->server_side.log, "");
    *kit_clock_is_frozen() = false;
    grpc_channel_free(first);
    grpc_channel_free(second);
    grpc_channel_free(third);
    grpc_credentials_free(credentials);
    secure_end_kit(kit);
    files_end(test);
}

// ---- Who owns them ----------------------------------------------------------

static void test_credentials__belong_to_who_was_given_them(void **state)
{
    (void)state;
    struct toy toy = {0};
    struct test_heap heap;
    test_heap_init(&heap);
    grpc_loop *loop = kit_loop(&heap, NULL);
    // A server and a channel that cannot be made.
    for (size_t n = 1;; n++) {
        heap.calls = 0;
        heap.fail_at = n;
        grpc_server *server = grpc_server_new(&(grpc_server_options){
            .loop = loop, .credentials = toy_server(&toy)});
        grpc_channel *channel = grpc_channel_new(
            "127.0.0.1:1", &(grpc_channel_options){
                               .loop = loop, .credentials = toy_client(&toy)});
        bool is_all = heap.calls < n;
        heap.fail_at = 0;
        grpc_server_free(server);
        grpc_channel_free(channel);
        assert_int_equal(toy.open_contexts, 0);
        if (is_all) {
            break;
        }
    }
    assert_null(grpc_channel_new_inproc(
        NULL, &(grpc_channel_options){.credentials = toy_client(&toy)}));
    assert_int_equal(grpc_server_listen(NULL, "127.0.0.1:0",
                                        &(grpc_listen_options){
                                            .credentials = toy_server(&toy)}),
                     GRPC_EINVAL);
    assert_int_equal(toy.open_contexts, 0);
    // No stream socket: the descriptor is still the caller's.
    int file = open("/dev/null", O_RDONLY);
    assert_null(grpc_channel_new_fd(
        file, &(grpc_channel_options){.loop = loop,
                                      .credentials = toy_client(&toy)}));
    assert_int_equal(close(file), 0);
    assert_int_equal(toy.open_contexts, 0);
    // Those of an address.
    grpc_server *server = grpc_server_new(&(grpc_server_options){.loop = loop});
    assert_int_equal(grpc_server_listen(server, "127.0.0.1:0",
                                        &(grpc_listen_options){
                                            .credentials = toy_server(&toy)}),
                     GRPC_OK);
    assert_int_equal(toy.open_contexts, 1);
    assert_int_equal(grpc_server_listen(server, "no address",
                                        &(grpc_listen_options){
                                            .credentials = toy_server(&toy)}),
                     GRPC_EINVAL);
    assert_int_equal(toy.open_contexts, 1);
    assert_int_equal(grpc_server_listen(server, "127.0.0.1:0",
                                        &(grpc_listen_options){
                                            .credentials = toy_client(&toy)}),
                     GRPC_EINVAL);
    assert_string_equal(grpc_server_error(server),
                        "listen: credentials: they are a client's");
    assert_int_equal(toy.open_contexts, 1);
    grpc_server_free(server);
    assert_int_equal(toy.open_contexts, 0);
    assert_int_equal(grpc_loop_free(loop), GRPC_OK);
    assert_true(test_heap_is_clean(&heap));
}

static void test_credentials__are_shared(void **state)
{
    (void)state;
    struct toy toy = {0};
    grpc_credentials *client = toy_client(&toy);
    struct secure_kit *kit = secure_begin_kit(
        &(struct secure_how){.client = grpc_credentials_keep(client)});
    int fds[2];
    kit_pair_of_sockets(fds);
    assert_int_equal(grpc_server_serve_fd(kit->server, fds[0]), GRPC_OK);
    grpc_channel *second = grpc_channel_new_fd(
        fds[1],
        &(grpc_channel_options){.loop = kit->client_side.loop,
                                .credentials = grpc_credentials_keep(client)});
    grpc_credentials_free(client); // first of all
    secure_call_ok(kit);
    grpc_channel_free(kit->channel);
    kit->channel = NULL;
    reload_call_again(kit, second);
    assert_int_equal(toy.open_contexts, 1);
    grpc_channel_free(second);
    secure_end_kit(kit);
    assert_int_equal(toy.open_contexts, 0);
    assert_int_equal(toy.open_sessions, 0);
}

// Each address of a server has its own.
static void test_credentials__two_addresses(void **state)
{
    (void)state;
    struct secure_kit *kit = secure_init();
    secure_serve(kit, &(struct secure_how){.server_is_plain = true});
    assert_int_equal(
        grpc_server_listen(kit->server, "127.0.0.1:0",
                           &(grpc_listen_options){.credentials = toy_server(
                                                      &kit->server_side.toy)}),
        GRPC_OK);
    char tls[32];
    (void)snprintf(tls, sizeof tls, "127.0.0.1:%u",
                   (unsigned)grpc_server_port(kit->server));
    assert_int_equal(grpc_server_listen(kit->server, "127.0.0.1:0", NULL),
                     GRPC_OK);
    char plain[32];
    (void)snprintf(plain, sizeof plain, "127.0.0.1:%u",
                   (unsigned)grpc_server_port(kit->server));
    for (int i = 0; i < 4; i++) {
        kit->client_side.toy.name = "127.0.0.1";
        kit->client_side.toy.is_address = true;
        bool is_tls = i % 2 != 0;
        grpc_channel *channel = grpc_channel_new(
            i / 2 == 0 ? tls : plain,
            &(grpc_channel_options){
                .loop = kit->client_side.loop,
                .credentials =
                    is_tls ? toy_client(&kit->client_side.toy) : NULL});
        struct kit_result result = {0};
        kit_call(channel, "Ann", &result);
        for (int k = 0; k < 2000 && result.done == 0; k++) {
            secure_step(kit);
        }
        assert_int_equal(result.code,
                         is_tls == (i / 2 == 0) ? GRPC_OK : GRPC_UNAVAILABLE);
        grpc_channel_free(channel);
    }
    secure_end_kit(kit);
}

// ---- Memory -----------------------------------------------------------------

// Without memory there are credentials all the same, which say so.
static void test_credentials__without_memory(void **state)
{
    (void)state;
    struct files_case *test = files_begin();
    struct test_heap heap;
    const grpc_tls_identity more = {.certificate_file = test->certificate,
                                    .key_file = test->key,
                                    .key_password = "p"};
    test->options.identity.key_password = "secret";
    test->options.more = &more;
    test->options.more_count = 1;
    test->options.crl = GRPC_STR("crl");
    test_heap_init(&heap);
    test->options.allocator = heap.allocator;
    for (size_t n = 1;; n++) {
        heap.calls = 0;
        heap.fail_at = n;
        grpc_credentials *credentials = grpc_tls_server(&test->options);
        assert_non_null(credentials);
        if (heap.calls < n) {
            assert_true(n > 7);
            grpc_credentials_free(credentials);
            break;
        }
        assert_string_equal(credentials_fault(credentials, true),
                            grpc_credentials_error(credentials));
        assert_non_null(strstr(grpc_credentials_error(credentials), "memory"));
        heap.fail_at = 0;
        if (n == 1) {
            assert_int_equal(grpc_credentials_reload(credentials, NULL),
                             GRPC_ENOMEM);
            assert_ptr_equal(grpc_credentials_keep(credentials), credentials);
        }
        if (n > 1) {
            assert_int_equal(
                grpc_credentials_reload(credentials, &test->options), GRPC_OK);
            assert_string_equal(grpc_credentials_error(credentials), "");
        }
        grpc_credentials_free(credentials);
        assert_true(test_heap_is_clean(&heap));
    }
    heap.fail_at = 0;
    // A reload without memory leaves the old in use.
    grpc_credentials *credentials = grpc_tls_server(&test->options);
    for (size_t n = 1;; n++) {
        heap.calls = 0;
        heap.fail_at = n;
        grpc_result result = grpc_credentials_reload(
            credentials, n % 2 == 0 ? NULL : &test->options);
        bool is_all = heap.calls < n;
        heap.fail_at = 0;
        assert_null(credentials_fault(credentials, true));
        if (is_all) {
            assert_int_equal(result, GRPC_OK);
            if (n % 2 != 0) {
                break;
            }
            continue;
        }
        assert_int_equal(result, GRPC_ENOMEM);
        assert_int_equal(grpc_credentials_reload(credentials, NULL), GRPC_OK);
    }
    grpc_credentials_free(credentials);
    assert_true(test_heap_is_clean(&heap));
    files_end(test);
}

// Keys and passwords are overwritten before their memory is given back.
struct wipe_heap {
    struct test_heap heap;
    bool found;
};

static void *wipe_allocate(void *user, void *pointer, size_t old_size,
                           size_t new_size)
{
    struct wipe_heap *heap = user;
    const char *bytes = pointer;
    for (size_t i = 0; pointer != NULL && i + 6 <= old_size; i++) {
        heap->found = heap->found || memcmp(bytes + i, "SECRET", 6) == 0;
    }
    return heap->heap.allocator.allocate(heap->heap.allocator.user, pointer,
                                         old_size, new_size);
}

static void test_credentials__wipe_secrets(void **state)
{
    (void)state;
    struct files_case *test = files_begin();
    struct wipe_heap heap = {.found = false};
    test_heap_init(&heap.heap);
    const grpc_tls_identity more = {MISUSE_CERTIFICATE,
                                    .key = GRPC_STR("SECRET more"),
                                    .key_password = "SECRET too"};
    files_write(test->key, "a SECRET in a file");
    test->options.identity.key_password = "SECRET word";
    test->options.more = &more;
    test->options.more_count = 1;
    // Both in one text.
    test->options.identity.certificate_file = NULL;
    test->options.identity.certificate = GRPC_STR("and a SECRET");
    test->options.allocator =
        (grpc_allocator){.allocate = wipe_allocate, .user = &heap};
    for (size_t n = 0; n < 40; n++) {
        heap.heap.calls = 0;
        heap.heap.fail_at = n;
        grpc_credentials *credentials = grpc_tls_server(&test->options);
        (void)grpc_credentials_reload(credentials, NULL);
        (void)grpc_credentials_reload(credentials, &test->options);
        grpc_credentials_free(credentials);
        assert_false(heap.found);
    }
    heap.heap.fail_at = 0;
    assert_true(test_heap_is_clean(&heap.heap));
    files_end(test);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_credentials__are_kept_and_freed),
        cmocka_unit_test(test_credentials__misuse),
        cmocka_unit_test(test_credentials__a_library_without_words),
        cmocka_unit_test(test_credentials__of_the_wrong_side),
        cmocka_unit_test(test_credentials__a_library_without_sessions),
        cmocka_unit_test(test_credentials__stay_secure),
        cmocka_unit_test(test_credentials__local_ones),
        cmocka_unit_test(test_credentials__reads_files),
        cmocka_unit_test(test_credentials__reads_more),
        cmocka_unit_test(test_credentials__files_that_cannot_be_read),
        cmocka_unit_test(test_credentials__mended),
        cmocka_unit_test(test_credentials__the_systems_roots),
        cmocka_unit_test(test_credentials__reload_by_call),
        cmocka_unit_test(test_credentials__reload_by_time),
        cmocka_unit_test(test_credentials__what_is_stale_is_read_again),
        cmocka_unit_test(test_credentials__belong_to_who_was_given_them),
        cmocka_unit_test(test_credentials__are_shared),
        cmocka_unit_test(test_credentials__two_addresses),
        cmocka_unit_test(test_credentials__without_memory),
        cmocka_unit_test(test_credentials__wipe_secrets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

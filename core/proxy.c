// SPDX-License-Identifier: MIT

#include "core/proxy.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "core/base64.h"
#include "core/limits.h"
#include "core/no_proxy.h"
#include "core/percent.h"

// ---- The proxy's URL --------------------------------------------------------

static bool proxy_fail(const char **reason, const char *text)
{
    *reason = text;
    return false;
}

// proxy_take_scheme takes "http://" off, in any case, if there is a scheme.
static bool proxy_take_scheme(struct view *text, const char **reason)
{
    static const char http[] = "http";
    struct view rest = *text;
    while (rest.size > 0 && !VIEW_STARTS(rest, "://")) {
        rest = view_skip(rest, 1);
    }
    if (rest.size == 0) {
        return true;
    }
    size_t size = text->size - rest.size;
    bool is_http = size == sizeof http - 1;
    for (size_t i = 0; i < size && is_http; i++) {
        is_http = (text->data[i] | 0x20) == (uint8_t)http[i];
    }
    if (!is_http) {
        return proxy_fail(reason, "only proxies with http:// are supported");
    }
    *text = view_skip(rest, 3);
    return true;
}

// proxy_cut_path leaves what stands before a path, a query or a fragment.
static struct view proxy_cut_path(struct view text)
{
    size_t size = 0;
    while (size < text.size &&
           memchr("/?#", text.data[size], sizeof "/?#" - 1) == NULL) {
        size++;
    }
    return view_of(text.data, size);
}

static bool proxy_is_hex(uint8_t byte)
{
    return (byte >= '0' && byte <= '9') ||
           ((byte | 0x20) >= 'a' && (byte | 0x20) <= 'f');
}

static bool proxy_check_user(struct view user, const char **reason)
{
    for (size_t i = 0; i < user.size; i++) {
        uint8_t byte = user.data[i];
        bool is_escape = byte == '%';
        if (byte <= 0x20 || byte >= 0x7f ||
            (is_escape &&
             (user.size - i < 3 || !proxy_is_hex(user.data[i + 1]) ||
              !proxy_is_hex(user.data[i + 2])))) {
            return proxy_fail(reason, "user or password has a byte that must "
                                      "be escaped, or a % that is no escape");
        }
    }
    return true;
}

// proxy_take_user takes "user:password@" off: all before the last '@'.
static bool proxy_take_user(struct proxy_url *url, struct view *text,
                            const char **reason)
{
    size_t end = text->size;
    while (end > 0 && text->data[end - 1] != '@') {
        end--;
    }
    url->has_user = end > 0;
    if (!url->has_user) {
        return true;
    }
    url->user = view_of(text->data, end - 1);
    *text = view_skip(*text, end);
    return proxy_check_user(url->user, reason);
}

// proxy_parse_host reads host[:port] as a channel's target.
static bool proxy_parse_host(struct target *via, struct view text,
                             const char **reason)
{
    char target[sizeof "dns:" + TARGET_AUTHORITY_MAX + sizeof ":80"];
    if (text.size == 0 || text.size >= TARGET_AUTHORITY_MAX) {
        return proxy_fail(reason, text.size == 0
                                      ? "the host is missing"
                                      : "the host is longer than 255 bytes");
    }
    size_t colons = 0;
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] <= 0x20) { // (of which a NUL would end the text)
            return proxy_fail(reason, "neither a host name nor an address");
        }
        // Those within brackets are of an address.
        colons = text.data[i] == ']' ? 0 : colons + (text.data[i] == ':');
    }
    if (colons > 1) {
        return proxy_fail(reason, "an IPv6 address wants brackets");
    }
    (void)snprintf(target, sizeof target, "dns:%.*s%s", (int)text.size,
                   (const char *)text.data, colons == 0 ? ":80" : "");
    return target_parse(via, target, reason);
}

bool proxy_parse(struct proxy_url *url, const char *text, const char **reason)
{
    memset(url, 0, sizeof *url);
    if (strlen(text) > CORE_PROXY_TEXT_BYTES) {
        return proxy_fail(reason, "the URL is longer than 4 KiB");
    }
    struct view rest = view_of(text, strlen(text));
    if (!proxy_take_scheme(&rest, reason)) {
        return false;
    }
    rest = proxy_cut_path(rest);
    return proxy_take_user(url, &rest, reason) &&
           proxy_parse_host(&url->via, rest, reason);
}

// ---- The request ------------------------------------------------------------

// A text that is measured first, while at is NULL, and then written.
struct proxy_text {
    char *at;
    size_t size;
};

static void proxy_put(struct proxy_text *text, struct view piece)
{
    if (text->at != NULL && piece.size > 0) {
        memcpy(text->at + text->size, piece.data, piece.size);
    }
    text->size += piece.size;
}

static void proxy_put_z(struct proxy_text *text, const char *piece)
{
    proxy_put(text, view_of(piece, strlen(piece)));
}

// What all requests of a plan share.
struct proxy_request {
    const char *user_agent;
    struct view user; // "user:password" in Base64
    bool has_user;
};

// proxy_put_request: host is "name:port" or "[address]:port".
static void proxy_put_request(struct proxy_text *text, const char *host,
                              const struct proxy_request *request)
{
    proxy_put_z(text, "CONNECT ");
    proxy_put_z(text, host);
    proxy_put_z(text, " HTTP/1.1\r\nHost: ");
    proxy_put_z(text, host);
    proxy_put_z(text, "\r\nUser-Agent: ");
    proxy_put_z(text, request->user_agent);
    if (request->has_user) {
        proxy_put_z(text, "\r\nProxy-Authorization: Basic ");
        proxy_put(text, request->user);
    }
    proxy_put_z(text, "\r\n\r\n");
}

// proxy_encode_user writes "user:password" in Base64 with padding (RFC 7617) to
// out, which has room for CORE_PROXY_TEXT_BYTES / 3 * 4 + 8 bytes. Without a
// password that is empty.
static struct view proxy_encode_user(struct view user, char *out)
{
    char plain[CORE_PROXY_TEXT_BYTES + 1];
    size_t size = percent_decode(user, plain);
    if (user.size == 0 || memchr(user.data, ':', user.size) == NULL) {
        plain[size++] = ':';
    }
    base64_encode(view_of(plain, size), out);
    size_t written = base64_encoded_size(size);
    while (written % 4 != 0) {
        out[written++] = '=';
    }
    return view_of(out, written);
}

// ---- The plan ---------------------------------------------------------------

// proxy_target_has_name: its authority begins with the name that is asked for.
// ("localhost" is known without a look-up.)
static bool proxy_target_has_name(const struct target *target)
{
    struct view authority =
        view_of(target->authority, strlen(target->authority));
    return target->count == 0 || VIEW_STARTS(authority, "localhost");
}

static size_t proxy_target_count(const struct target *target)
{
    return proxy_target_has_name(target) ? 1 : target->count;
}

enum { PROXY_HOST_TEXT = LOOKUP_HOST_MAX + sizeof "[]:65535" };

// proxy_target_host writes the host and the port of one address of a target, and
// the host alone.
static void proxy_target_host(const struct target *target, size_t i,
                              char both[PROXY_HOST_TEXT],
                              char host[PROXY_HOST_TEXT])
{
    _Static_assert((int)PROXY_HOST_TEXT >= (int)SOCKET_ADDRESS_TEXT,
                   "an address is no longer than a name");
    if (proxy_target_has_name(target)) {
        const char *name = target->count == 0 ? target->host : "localhost";
        (void)snprintf(host, PROXY_HOST_TEXT, "%s", name);
        (void)snprintf(both, PROXY_HOST_TEXT, "%s:%u", name,
                       (unsigned)target->port);
        return;
    }
    socket_address_text(&target->addresses[i], both);
    bool bracketed = both[0] == '[';
    const char *end = strrchr(both, bracketed ? ']' : ':');
    size_t skipped = bracketed ? 1 : 0;
    size_t size = (size_t)(end - both) - skipped;
    memcpy(host, both + skipped, size);
    host[size] = '\0';
}

// What is decided before the plan has memory.
struct proxy_choice {
    const struct target *target;
    struct proxy_request request;
    const char *no_proxy;
    bool from_env; // which NO_PROXY is about
};

// proxy_put_all puts the requests of all addresses, and where they are into the
// plan if there is one. False: there are none.
static bool proxy_put_all(const struct proxy_choice *choice,
                          struct proxy_text *text, struct proxy_plan *plan)
{
    bool any = false;
    for (size_t i = 0; i < proxy_target_count(choice->target); i++) {
        char both[PROXY_HOST_TEXT];
        char host[PROXY_HOST_TEXT];
        proxy_target_host(choice->target, i, both, host);
        const char *colon = strrchr(both, ':');
        if (choice->from_env &&
            no_proxy_covers(choice->no_proxy, host, colon + 1)) {
            continue;
        }
        size_t before = text->size;
        proxy_put_request(text, both, &choice->request);
        any = true;
        if (plan != NULL) {
            plan->tunnels[i] = (struct proxy_tunnel){
                .request = plan->text + before,
                .size = text->size - before,
            };
        }
    }
    return any;
}

// proxy_is_wanted: some address is not to be reached directly.
static bool proxy_is_wanted(const struct proxy_choice *choice)
{
    struct proxy_text nothing = {0};
    return proxy_put_all(choice, &nothing, NULL);
}

static grpc_result proxy_make_plan(const struct proxy_choice *choice,
                                   const struct target *via,
                                   const grpc_allocator *allocator,
                                   struct proxy_plan **out_plan)
{
    struct proxy_text text = {0};
    (void)proxy_put_all(choice, &text, NULL);
    size_t size = offsetof(struct proxy_plan, text) + text.size;
    struct proxy_plan *plan = alloc_zeroed(allocator, size);
    if (plan == NULL) {
        return GRPC_ENOMEM;
    }
    plan->size = size;
    plan->via = *via;
    plan->count = proxy_target_count(choice->target);
    text = (struct proxy_text){.at = plan->text};
    (void)proxy_put_all(choice, &text, plan);
    ASSERT(size == offsetof(struct proxy_plan, text) + text.size);
    *out_plan = plan;
    return GRPC_OK;
}

// proxy_is_for: a target of this kind can be reached through a proxy.
static bool proxy_is_for(const struct target *target)
{
    return target->count == 0 || socket_address_is_ip(&target->addresses[0]);
}

grpc_result proxy_decide(const struct proxy_question *question,
                         const struct loop_env *env,
                         struct proxy_plan **out_plan, const char **reason)
{
    const char *text =
        question->proxy != NULL ? question->proxy : env->https_proxy;
    *out_plan = NULL;
    if (text == NULL || *text == '\0' || !proxy_is_for(question->target)) {
        return GRPC_OK;
    }
    struct proxy_choice choice = {
        .target = question->target,
        .request = {.user_agent = question->user_agent},
        .no_proxy = env->no_proxy,
        .from_env = question->proxy == NULL,
    };
    // Whatever the environment says, this machine is reached without it.
    if (!proxy_is_wanted(&choice)) {
        return GRPC_OK;
    }
    struct proxy_url url;
    if (!proxy_parse(&url, text, reason)) {
        return GRPC_EINVAL;
    }
    if (strlen(question->user_agent) > CORE_PROXY_TEXT_BYTES) {
        *reason = "user_agent is longer than 4 KiB";
        return GRPC_EINVAL;
    }
    char user[CORE_PROXY_TEXT_BYTES / 3 * 4 + 8];
    choice.request.has_user = url.has_user;
    if (url.has_user) {
        choice.request.user = proxy_encode_user(url.user, user);
    }
    return proxy_make_plan(&choice, &url.via, question->allocator, out_plan);
}

grpc_result proxy_for_target(const struct proxy_question *question,
                             struct proxy_plan **out_plan, const char **reason)
{
    struct loop_env env = {0};
    *out_plan = NULL;
    if (question->proxy == NULL && !loop_env_init(&env, question->allocator)) {
        return GRPC_ENOMEM;
    }
    grpc_result result = proxy_decide(question, &env, out_plan, reason);
    loop_env_fini(&env, question->allocator);
    return result;
}

void proxy_plan_free(struct proxy_plan *plan, const grpc_allocator *allocator)
{
    if (plan != NULL) {
        alloc_free(allocator, plan, plan->size);
    }
}

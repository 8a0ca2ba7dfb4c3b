// SPDX-License-Identifier: MIT
// An HTTP proxy: the head of its answer, held against a reader that has all of
// it at once; and what the environment says of it, an URL and a list.
//
//   input: size of the pieces; 128 and more: much is put before the end
//          the head of an answer
//          the same once more as three texts with a NUL between: URL, NO_PROXY,
//          host

#include "core/limits.h"
#include "core/no_proxy.h"
#include "core/proxy.h"
#include "core/tunnel.h"
#include "tests/fuzz/fuzz_kit.h"

// ---- The head ---------------------------------------------------------------

static bool head_is_good(struct view line)
{
    if (line.size > 0 && line.data[line.size - 1] == '\r') {
        line.size--;
    }
    if (line.size < 12 || (line.data[7] != '0' && line.data[7] != '1') ||
        line.data[8] != ' ' || line.data[9] != '2' ||
        (line.size > 12 && line.data[12] != ' ')) {
        return false;
    }
    return line.data[10] >= '0' && line.data[10] <= '9' &&
           line.data[11] >= '0' && line.data[11] <= '9';
}

// head_line takes a line off; false when it does not end.
static bool head_line(struct view *text, struct view *out_line)
{
    const uint8_t *end =
        text->size == 0 ? NULL : memchr(text->data, '\n', text->size);
    *out_line = view_of(text->data,
                        end == NULL ? text->size : (size_t)(end - text->data));
    if (end == NULL) {
        return false;
    }
    *text = view_skip(*text, out_line->size + 1);
    return true;
}

static enum tunnel_answer head_simple(struct view all, size_t *out_used)
{
    struct view rest = all;
    struct view line;
    rest.size =
        rest.size < CORE_PROXY_HEAD_BYTES ? rest.size : CORE_PROXY_HEAD_BYTES;
    size_t bound = rest.size;
    enum tunnel_answer unended =
        all.size < CORE_PROXY_HEAD_BYTES ? TUNNEL_MORE : TUNNEL_ENDLESS;
    bool ended = head_line(&rest, &line);
    size_t compared = line.size < 7 ? line.size : 7;
    if ((compared > 0 && memcmp(line.data, "HTTP/1.", compared) != 0) ||
        (ended && compared < 7)) {
        return TUNNEL_FOREIGN;
    }
    if (!ended) {
        return unended;
    }
    if (!head_is_good(line)) {
        return TUNNEL_REFUSED;
    }
    while (head_line(&rest, &line)) {
        if (line.size == 0 || VIEW_IS(line, "\r")) {
            *out_used = bound - rest.size;
            return TUNNEL_OPEN;
        }
    }
    return unended;
}

static void head_check(struct view all, size_t piece)
{
    struct tunnel_head head = {0};
    size_t expected_used = all.size;
    enum tunnel_answer expected = head_simple(all, &expected_used);
    enum tunnel_answer answer = TUNNEL_MORE;
    size_t at = 0;
    while (at < all.size && answer == TUNNEL_MORE) {
        struct view part = view_skip(all, at);
        part.size = part.size < piece ? part.size : piece;
        uint8_t *copy = fuzz_copy(part);
        size_t used = SIZE_MAX;
        answer = tunnel_head_feed(&head, view_of(copy, part.size), &used);
        free(copy);
        FUZZ_CHECK(used <= part.size);
        FUZZ_CHECK(answer == TUNNEL_OPEN || used == part.size);
        at += used;
    }
    FUZZ_CHECK(answer == expected);
    FUZZ_CHECK(answer != TUNNEL_OPEN || at == expected_used);
    if (answer == TUNNEL_REFUSED) {
        size_t size = strlen(head.line);
        FUZZ_CHECK(size <= TUNNEL_LINE_MAX);
        for (size_t i = 0; i < size; i++) {
            FUZZ_CHECK(head.line[i] >= ' ' && head.line[i] <= '~');
        }
    }
}

// head_pad puts bytes before the last few, so that the bound is reached.
static void head_pad(struct view text, size_t piece)
{
    static uint8_t padded[4096 + CORE_PROXY_HEAD_BYTES];
    size_t end = text.size < 200 ? text.size / 2 : 100;
    size_t begin = text.size - end;
    if (text.size == 0 || text.size > 4096) {
        return;
    }
    memcpy(padded, text.data, begin);
    memset(padded + begin, 'a', CORE_PROXY_HEAD_BYTES - 100);
    memcpy(padded + begin + CORE_PROXY_HEAD_BYTES - 100, text.data + begin,
           end);
    head_check(view_of(padded, text.size + CORE_PROXY_HEAD_BYTES - 100), piece);
}

// ---- The environment --------------------------------------------------------

static char *proxy_text(struct view *input)
{
    const uint8_t *end =
        input->size == 0 ? NULL : memchr(input->data, 0, input->size);
    size_t size = end == NULL ? input->size : (size_t)(end - input->data);
    char *text = malloc(size + 1);
    FUZZ_CHECK(text != NULL);
    if (size > 0) {
        memcpy(text, input->data, size);
    }
    text[size] = '\0';
    *input = view_skip(*input, end == NULL ? size : size + 1);
    return text;
}

// proxy_check_request: whatever the environment holds, the request has these
// lines and no more.
static void proxy_check_request(const struct proxy_tunnel *tunnel)
{
    static const char begin[] = "CONNECT example.com:80 HTTP/1.1\r\n"
                                "Host: example.com:80\r\nUser-Agent: a\r\n";
    FUZZ_CHECK(tunnel->size >= sizeof begin + 1);
    FUZZ_CHECK(memcmp(tunnel->request, begin, sizeof begin - 1) == 0);
    size_t lines = 0;
    for (size_t i = 0; i < tunnel->size; i++) {
        lines += tunnel->request[i] == '\n';
        char byte = tunnel->request[i];
        FUZZ_CHECK((byte >= ' ' && byte <= '~') || byte == '\r' ||
                   (byte == '\n' && tunnel->request[i - 1] == '\r'));
    }
    FUZZ_CHECK(lines == 4 || lines == 5);
    FUZZ_CHECK(memcmp(tunnel->request + tunnel->size - 4, "\r\n\r\n", 4) == 0);
}

static void proxy_check_decision(char *url, char *list)
{
    struct test_heap heap;
    struct target target;
    const char *reason = NULL;
    struct proxy_plan *plan = NULL;
    const struct loop_env env = {.https_proxy = url, .no_proxy = list};
    test_heap_init(&heap);
    FUZZ_CHECK(target_parse(&target, "example.com:80", &reason));
    const struct proxy_question question = {
        .allocator = &heap.allocator,
        .target = &target,
        .user_agent = "a",
    };
    grpc_result result = proxy_decide(&question, &env, &plan, &reason);
    FUZZ_CHECK(result == GRPC_OK || (plan == NULL && reason != NULL));
    if (plan != NULL) {
        FUZZ_CHECK(!no_proxy_covers(list, "example.com", "80"));
        FUZZ_CHECK(plan->count == 1);
        FUZZ_CHECK(plan->via.count > 0 || plan->via.host[0] != '\0');
        proxy_check_request(&plan->tunnels[0]);
    }
    proxy_plan_free(plan, &heap.allocator);
    FUZZ_CHECK(test_heap_is_clean(&heap));
}

// proxy_check_list: more entries cover no less.
static void proxy_check_list(const char *list, const char *host)
{
    size_t size = strlen(list);
    char *more = malloc(size + 16);
    FUZZ_CHECK(more != NULL);
    bool covers = no_proxy_covers(list, host, "80");
    (void)snprintf(more, size + 16, "%s,x.y:1", list);
    FUZZ_CHECK(!covers || no_proxy_covers(more, host, "80"));
    (void)snprintf(more, size + 16, " x.y:1 ,%s", list);
    FUZZ_CHECK(!covers || no_proxy_covers(more, host, "80"));
    (void)snprintf(more, size + 16, "%s, * ", list);
    FUZZ_CHECK(no_proxy_covers(more, host, "80"));
    free(more);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct view input = view_of(data, size);
    uint8_t option = fuzz_byte(&input);
    size_t piece = option % 128 + 1;
    head_check(input, piece);
    head_check(input, SIZE_MAX);
    if (option >= 128) {
        head_pad(input, piece);
    }
    char *url = proxy_text(&input);
    char *list = proxy_text(&input);
    char *host = proxy_text(&input);
    proxy_check_decision(url, list);
    proxy_check_list(list, host);
    free(url);
    free(list);
    free(host);
    return 0;
}

// Lesson: who makes a call. server [address [certificate key roots [seconds]]]
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "authentication.pb.h"
#include "authenticator.h"
#include "lesson.h"

// ---- The office's tokens ----------------------------------------------------

enum { TOKENS = 100, TOKEN_BYTES = 300 };

struct token {
    char text[TOKEN_BYTES];
    const char *user;
    time_t expires;
};

struct office {
    struct token tokens[TOKENS]; // the last that were given
    size_t given;
    uint32_t lasts_s;
};

static const char *const passwords[][2] = {{"Ann", "1234"}, {"Bob", "5678"}};

// is_same tells by its time nothing of how much is the same.
static int is_same(const char *left, const char *right)
{
    size_t size = strlen(left);
    unsigned differs = strlen(right) != size;
    for (size_t i = 0; i < size && !(differs && right[i] == '\0'); i++) {
        differs |= (unsigned char)left[i] ^ (unsigned char)right[i];
    }
    return differs == 0;
}

// put_base64url appends bytes to text (RFC 4648 section 5, without padding).
static void put_base64url(char *text, const void *bytes, size_t size)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                 "abcdefghijklmnopqrstuvwxyz0123456789-_";
    const unsigned char *from = bytes;
    unsigned long bits = 0;
    text += strlen(text);
    for (size_t i = 0; i < size; i++) {
        bits = bits << 8 | from[i];
        *text++ = digits[bits >> (2 * (i % 3) + 2) & 63];
        if (i % 3 == 2) {
            *text++ = digits[bits & 63];
        }
    }
    if (size % 3 != 0) {
        *text++ = digits[bits << (6 - 2 * (size % 3)) & 63];
    }
    *text = '\0';
}

// make_token writes one that says until when it is good, in the form of a JWT
// (RFC 7519). In the place of a signature it has what nobody can guess, and the
// office remembers. 0: there is nothing of that kind.
static int make_token(char text[TOKEN_BYTES], const char *user, time_t expires)
{
    static const char head[] = "{\"typ\":\"JWT\",\"alg\":\"remembered\"}";
    unsigned char secret[16];
    char claims[100];
    FILE *random = fopen("/dev/urandom", "rb");
    size_t got = random == NULL ? 0 : fread(secret, 1, sizeof secret, random);
    if (random != NULL) {
        fclose(random);
    }
    snprintf(claims, sizeof claims, "{\"sub\":\"%s\",\"exp\":%lld}", user,
             (long long)expires);
    text[0] = '\0';
    put_base64url(text, head, strlen(head));
    strcat(text, ".");
    put_base64url(text, claims, strlen(claims));
    strcat(text, ".");
    put_base64url(text, secret, got);
    return got == sizeof secret;
}

static const char *whose_token(const char *token, void *self)
{
    const struct office *office = self;
    const char *user = NULL;
    for (size_t i = 0; i < TOKENS; i++) {
        const struct token *given = &office->tokens[i];
        if (given->user != NULL && given->expires > time(NULL) &&
            is_same(given->text, token)) {
            user = given->user;
        }
    }
    return user;
}

// ---- The services -----------------------------------------------------------

static const char *find_user(const authentication_Password *password)
{
    const char *user = NULL;
    for (size_t i = 0; i < sizeof passwords / sizeof passwords[0]; i++) {
        if (strcmp(passwords[i][0], password->user.data) == 0 &&
            is_same(passwords[i][1], password->password.data)) {
            user = passwords[i][0];
        }
    }
    return user;
}

static void login(grpc_call *call, const authentication_Password *password,
                  void *self)
{
    struct office *office = self;
    const char *user = find_user(password);
    if (user == NULL) {
        grpc_call_fail(call, GRPC_PERMISSION_DENIED, "not their password");
        return;
    }
    struct token *given = &office->tokens[office->given++ % TOKENS];
    given->user = NULL;
    given->expires = time(NULL) + office->lasts_s;
    if (!make_token(given->text, user, given->expires)) {
        grpc_call_fail(call, GRPC_UNAVAILABLE, "there are no tokens");
        return;
    }
    given->user = user;
    printf("a token for %s\n", user);
    fflush(stdout);
    authentication_Token token = {
        .token = grpc_str_z(given->text),
        .lasts_s = office->lasts_s,
    };
    authentication_Office_Login_reply(call, &token);
}

static void read_page(grpc_call *call, const authentication_Page *page,
                      void *self)
{
    (void)self;
    authentication_Text text = {
        .text = grpc_call_printf(call, "page %d of %s", (int)page->number,
                                 authenticator_caller(call)),
    };
    authentication_Diary_Read_reply(call, &text);
}

int main(int argc, char **argv)
{
    const char *address = argc > 1 ? argv[1] : "localhost:50051";
    static struct office office;
    office.lasts_s = argc > 5 ? (uint32_t)strtoul(argv[5], NULL, 10) : 3600;
    static const char *const open[] = {"/authentication.Office/Login", NULL};
    struct authenticator authenticator = {whose_token, &office, open};
    const grpc_interceptor before_handlers = authenticator_make(&authenticator);
    const grpc_tls_options tls = {
        .identity =
            {
                .certificate_file = argc > 2 ? argv[2] : "server.crt",
                .key_file = argc > 3 ? argv[3] : "server.key",
            },
        // A client that has a certificate needs no token.
        .clients = GRPC_CLIENTS_REQUESTED,
        .roots_file = argc > 4 ? argv[4] : "ca.crt",
    };
    grpc_server *server = grpc_server_new(&(grpc_server_options){
        .credentials = grpc_tls_server(&tls),
        .interceptors = GRPC_INTERCEPTORS(&before_handlers),
    });
    grpc_result added = authentication_Office_serve(
        server, &(authentication_Office){.Login = login}, &office);
    if (added == GRPC_OK) {
        added = authentication_Diary_serve(
            server, &(authentication_Diary){.Read = read_page}, NULL);
    }
    return serve(server, added, address);
}

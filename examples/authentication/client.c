// Lesson: call credentials, which prove who makes a call.
//
//   client [target [roots]]                      a token is fetched for Ann
//   client target roots login USER PASSWORD      prints a token
//   client target roots fetch USER PASSWORD      fetches one, and reads with it
//   client target roots file FILE                reads with the token in a file
//   client target roots shown CERTIFICATE KEY    reads with a certificate
#include <string.h>

#include "authentication.pb.h"
#include "bearer.h"
#include "jwt_file.h"
#include "lesson.h"

enum { PAGES = 3 };

// ---- A token from the office ------------------------------------------------

struct office {
    grpc_channel
        *channel; // one without call credentials: they would need a token
    const char *user;
    const char *password;
    struct bearer bearer;
};

static void on_token(grpc_call *call, const grpc_status *status,
                     const authentication_Token *token, void *self)
{
    struct office *office = self;
    (void)call;
    if (status->code != GRPC_OK) {
        bearer_fail(&office->bearer, status->code, status->message);
        return;
    }
    printf("a token has come\n");
    bearer_take(&office->bearer, token->token.data, token->lasts_s);
}

static void fetch(struct bearer *bearer, void *self)
{
    struct office *office = self;
    const authentication_Password password = {
        .user = grpc_str_z(office->user),
        .password = grpc_str_z(office->password),
    };
    if (authentication_Office_Login_start(
            office->channel, &password, on_token, office,
            &(grpc_call_options){.timeout_ms = 5000}) == NULL) {
        bearer_fail(bearer, GRPC_INTERNAL, grpc_channel_error(office->channel));
    }
}

static int print_token(const struct office *office)
{
    grpc_arena arena = {0};
    authentication_Token token;
    const authentication_Password password = {
        .user = grpc_str_z(office->user),
        .password = grpc_str_z(office->password),
    };
    grpc_status status =
        authentication_Office_Login(office->channel, &arena, &password, &token,
                                    &(grpc_call_options){.timeout_ms = 5000});
    int result = failed(&status);
    if (result == 0) {
        printf("%s\n", token.token.data);
    }
    grpc_arena_free(&arena);
    return result;
}

// ---- Reading ----------------------------------------------------------------

struct reader {
    int left; // calls that have not ended
    int failed;
};

static void on_text(grpc_call *call, const grpc_status *status,
                    const authentication_Text *text, void *self)
{
    struct reader *reader = self;
    (void)call;
    reader->left--;
    reader->failed += failed(status);
    if (text != NULL) {
        printf("%s\n", text->text.data);
    }
}

// read_pages reads some at the same time: the first that needs a token has it
// fetched, and the others wait for the same.
static int read_pages(grpc_channel *channel)
{
    struct reader reader = {0, 0};
    for (int i = 1; i <= PAGES; i++) {
        const authentication_Page page = {.number = i};
        if (authentication_Diary_Read_start(
                channel, &page, on_text, &reader,
                &(grpc_call_options){.timeout_ms = 5000}) == NULL) {
            fprintf(stderr, "%s\n", grpc_channel_error(channel));
            return 1;
        }
        reader.left++;
    }
    while (reader.left > 0 &&
           grpc_loop_step(grpc_channel_loop(channel), -1) == GRPC_OK) {
    }
    return reader.left + reader.failed > 0;
}

int main(int argc, char **argv)
{
    const char *target = argc > 1 ? argv[1] : "localhost:50051";
    const char *way = argc > 3 ? argv[3] : "fetch";
    static struct jwt_file file;
    grpc_tls_options tls = {.roots_file = argc > 2 ? argv[2] : "ca.crt"};
    if (strcmp(way, "shown") == 0 && argc > 5) {
        tls.identity = (grpc_tls_identity){
            .certificate_file = argv[4],
            .key_file = argv[5],
        };
    }
    // Without TLS call credentials are refused: anybody could read them.
    grpc_credentials *credentials =
        strcmp(tls.roots_file, "-") == 0 ? NULL : grpc_tls_client(&tls);
    grpc_loop *loop = grpc_loop_new(NULL);
    struct office office = {
        .user = argc > 5 ? argv[4] : "Ann",
        .password = argc > 5 ? argv[5] : "1234",
        .bearer = {.loop = loop, .fetch = fetch, .self = &office},
    };
    grpc_channel_options options = {.loop = loop, .credentials = credentials};
    if (credentials != NULL) {
        grpc_credentials_keep(credentials); // for a second channel
    }
    office.channel = grpc_channel_new(target, &options);
    if (strcmp(way, "fetch") == 0) {
        options.call_credentials = bearer_credentials(&office.bearer);
    } else if (strcmp(way, "file") == 0) {
        file.path = argc > 4 ? argv[4] : "token";
        options.call_credentials = jwt_file_credentials(&file);
    }
    grpc_channel *channel = grpc_channel_new(target, &options);
    int result =
        strcmp(way, "login") == 0 ? print_token(&office) : read_pages(channel);
    grpc_channel_free(channel);
    grpc_channel_free(office.channel);
    bearer_free(&office.bearer);
    grpc_loop_free(loop);
    return result;
}

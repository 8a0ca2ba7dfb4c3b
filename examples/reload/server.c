// Lesson: certificates that are replaced while the server runs.
// server [address [certificate key [reload_ms]]]
#include <stdlib.h>

#include "lesson.h"
#include "reload.pb.h"

struct house {
    grpc_loop *loop;
    grpc_credentials *credentials;
};
static struct house house; // static: the signal has to find it

// ---- Other files -------------------------------------------------------------

// Connections that are open live on with what they began with.
static void reload(void *argument)
{
    (void)argument;
    if (grpc_credentials_reload(house.credentials, NULL) == GRPC_OK) {
        printf("new connections get what the files have now\n");
    } else {
        printf("what was read before stays in use: %s\n",
               grpc_credentials_error(house.credentials));
    }
    fflush(stdout);
}

static void on_sighup(int number)
{
    signal(number, on_sighup); // ISO C has it called once
    grpc_loop_post(house.loop, reload, NULL);
}

// The library itself says what came of files that it has found to be others.
static void on_log(void *file, grpc_log_level level, const char *text)
{
    if (level <= GRPC_LOG_WARNING) {
        fprintf(file, "%s\n", text);
        fflush(file);
    }
}

// ---- The work ----------------------------------------------------------------

struct lamp {
    grpc_call *call;
    grpc_timer *timer;
    uint32_t flashes;
    uint32_t pause_ms;
    uint32_t number;
};

static void flash(void *argument);

static void light(struct lamp *lamp)
{
    lamp->timer = grpc_timer_start(grpc_call_loop(lamp->call), lamp->pause_ms,
                                   flash, lamp);
    if (lamp->timer == NULL) {
        grpc_call_fail(lamp->call, GRPC_RESOURCE_EXHAUSTED, "out of memory");
    }
}

static void flash(void *argument)
{
    struct lamp *lamp = argument;
    reload_Flash message = {.number = ++lamp->number};
    reload_Lamp_Watch_send(lamp->call, &message);
    if (lamp->number == lamp->flashes) {
        grpc_call_finish(lamp->call, GRPC_OK, NULL);
        return;
    }
    light(lamp);
}

static void put_out(void *argument)
{
    struct lamp *lamp = argument;
    grpc_timer_stop(lamp->timer);
}

static void watch(grpc_call *call, const reload_Look *look, void *self)
{
    (void)self;
    struct lamp *lamp = grpc_call_alloc(call, sizeof *lamp);
    if (lamp == NULL) {
        grpc_call_fail(call, GRPC_RESOURCE_EXHAUSTED, "out of memory");
        return;
    }
    *lamp = (struct lamp){
        .call = call,
        .flashes = look->flashes,
        .pause_ms = look->pause_ms,
    };
    grpc_call_on_end(call, put_out, lamp);
    light(lamp);
}

int main(int argc, char **argv)
{
    const char *address = argc > 1 ? argv[1] : "localhost:50051";
    const grpc_tls_options tls = {
        .identity =
            {
                .certificate_file = argc > 2 ? argv[2] : "server.crt",
                .key_file = argc > 3 ? argv[3] : "server.key",
            },
        // Look at the files when a handshake begins so long after the last look.
        // 0: only grpc_credentials_reload() reads them again.
        .reload_ms = argc > 4 ? (uint32_t)atoi(argv[4]) : 0,
    };
    house.loop =
        grpc_loop_new(&(grpc_loop_options){.log = on_log, .log_user = stdout});
    house.credentials = grpc_tls_server(&tls);
    grpc_server *server = grpc_server_new(&(grpc_server_options){
        .loop = house.loop,
        // The server frees one of the two that there are then.
        .credentials = grpc_credentials_keep(house.credentials),
    });
    signal(SIGHUP, on_sighup);
    grpc_result added =
        reload_Lamp_serve(server, &(reload_Lamp){.Watch = watch}, NULL);
    int result = serve(server, added, address);
    signal(SIGHUP, SIG_IGN); // there is nothing left to reload
    grpc_credentials_free(house.credentials);
    grpc_loop_free(house.loop);
    return result;
}

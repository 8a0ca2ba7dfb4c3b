// Lesson: streams of one direction, with back-pressure. server [address]
#include <stdlib.h>
#include <string.h>

#include "lesson.h"
#include "mailbox.pb.h"

// A message is kept encoded, as it will be sent again.
struct mail {
    struct mail *next;
    size_t size;
    char bytes[];
};

struct box {
    struct box *next;
    struct mail *first;
    struct mail **last;
    size_t count;
    char name[];
};

enum { BOX_MAX = 100000, NAME_MAX_BYTES = 64 };

struct post_office {
    struct box *boxes;
};

// box_of finds the box of a user, or makes it; NULL without memory.
static struct box *box_of(struct post_office *office, grpc_str name)
{
    for (struct box *box = office->boxes; box != NULL; box = box->next) {
        if (strcmp(box->name, name.data) == 0) {
            return box;
        }
    }
    struct box *box = malloc(sizeof *box + name.size + 1);
    if (box != NULL) {
        *box = (struct box){.next = office->boxes};
        box->last = &box->first;
        memcpy(box->name, name.data, name.size + 1);
        office->boxes = box;
    }
    return box;
}

static void box_pop(struct box *box)
{
    struct mail *mail = box->first;
    box->first = mail->next;
    if (box->first == NULL) {
        box->last = &box->first;
    }
    box->count--;
    free(mail);
}

static void office_free(struct post_office *office)
{
    struct box *box;
    while ((box = office->boxes) != NULL) {
        while (box->first != NULL) {
            box_pop(box);
        }
        office->boxes = box->next;
        free(box);
    }
}

// ---- Read: many replies -----------------------------------------------------

// push sends as much as there is room for. It is called again when there is
// more room, so that a slow reader costs no memory here.
static void push(grpc_call *call, void *argument)
{
    struct box *box = argument;
    while (box->first != NULL) {
        grpc_str bytes = {box->first->bytes, box->first->size};
        grpc_result result = grpc_call_send_bytes(call, bytes, NULL, NULL);
        if (result == GRPC_AGAIN) {
            return; // took nothing
        }
        if (result != GRPC_OK) {
            grpc_call_fail(call, GRPC_INTERNAL, "%s", grpc_result_name(result));
            return;
        }
        box_pop(box);
    }
    grpc_call_finish(call, GRPC_OK, NULL);
}

static void read_mail(grpc_call *call, const mailbox_User *user, void *self)
{
    struct box *box = box_of(self, user->name);
    if (box == NULL) {
        grpc_call_fail(call, GRPC_RESOURCE_EXHAUSTED, "out of memory");
        return;
    }
    grpc_call_on_writable(call, push, box);
    push(call, box);
}

// ---- Send: many requests ----------------------------------------------------

struct sending {
    struct post_office *office;
    int32_t count;
};

// store is why a message is not taken; NULL: it is.
static const char *store(grpc_call *call, struct post_office *office,
                         const mailbox_Message *message)
{
    if (message->to.size == 0 || message->to.size > NAME_MAX_BYTES) {
        return "to nobody";
    }
    // It outlives this call, so that it is copied out of the call's memory.
    grpc_str bytes = mailbox_Message_encode(message, grpc_call_scratch(call));
    struct box *box = box_of(office, message->to);
    struct mail *mail = NULL;
    if (bytes.data != NULL && box != NULL) {
        mail = malloc(sizeof *mail + bytes.size);
    }
    if (mail == NULL) {
        return "out of memory";
    }
    if (box->count == BOX_MAX) {
        free(mail);
        return "the box is full";
    }
    *mail = (struct mail){.size = bytes.size};
    memcpy(mail->bytes, bytes.data, bytes.size);
    *box->last = mail;
    box->last = &mail->next;
    box->count++;
    return NULL;
}

// on_mail is called for each message, which lives until it returns. The next
// one is asked for only then.
static void on_mail(grpc_call *call, const mailbox_Message *message,
                    void *argument)
{
    struct sending *sending = argument;
    const char *why_not = store(call, sending->office, message);
    if (why_not != NULL) {
        grpc_call_fail(call, GRPC_RESOURCE_EXHAUSTED, "message %d: %s",
                       (int)sending->count + 1, why_not);
        return; // the call has ended, early: no more messages come
    }
    sending->count++;
}

static void on_mail_end(grpc_call *call, void *argument)
{
    struct sending *sending = argument;
    mailbox_Mailbox_Send_reply(call, &(mailbox_Count){.value = sending->count});
}

static void send_mail(grpc_call *call, void *self)
{
    // This memory lives as long as the call.
    struct sending *sending = grpc_call_alloc(call, sizeof *sending);
    if (sending == NULL) {
        grpc_call_fail(call, GRPC_RESOURCE_EXHAUSTED, "out of memory");
        return;
    }
    sending->office = self;
    mailbox_Mailbox_Send_receive(call, on_mail, on_mail_end, sending);
}

int main(int argc, char **argv)
{
    struct post_office office = {NULL};
    grpc_server *server = grpc_server_new(NULL);
    const mailbox_Mailbox handlers = {.Read = read_mail, .Send = send_mail};
    grpc_result added = mailbox_Mailbox_serve(server, &handlers, &office);
    int result = serve(server, added, argc > 1 ? argv[1] : "localhost:50051");
    office_free(&office);
    return result;
}

/* SPDX-License-Identifier: MIT */
/* A sigcore client for a device: one sender with its events and requests, no listeners. See docs/protocol.md.
 *
 * It goes on with its session when the link was lost: what it wrote and the server did not acknowledge stays in the
 * outbox and is written again, so that no event is lost or comes twice while the outbox has room. What has no room is
 * counted, and the listeners are told by GAP. The memory is all in `struct sig_client`; call everything from one loop.
 */

#ifndef SIG_CLIENT_H
#define SIG_CLIENT_H

#include "sig_json.h"
#include "sig_link.h"

/* Bytes of events and answers that were not acknowledged; a power of two. An event takes 9 and its JSON. */
#ifndef SIG_OUTBOX
#define SIG_OUTBOX 512
#endif

/* The longest REQUEST that is taken, with the names in it; not below 256, as HELLO is put together there too. */
#ifndef SIG_REQUEST
#define SIG_REQUEST 256
#endif

/* The longest answer to a request, a part of the outbox that events leave free. */
#ifndef SIG_ANSWER
#define SIG_ANSWER 96
#endif

/* The most requests that are refused as `busy` and told so later, where the outbox has no room now. One more ends the
 * session: they came faster than the line carries answers. */
#ifndef SIG_BUSY
#define SIG_BUSY 16
#endif

/* The most events that a sender has. */
#ifndef SIG_EVENTS
#define SIG_EVENTS 4
#endif

/* The memory of a small microcontroller, which must have room for a stack and a program besides. */
#ifndef SIG_RAM
#define SIG_RAM 2048
#endif

struct sig_client;

/* What a device is. Constant; names are 1 to 32 bytes without quotes, backslashes and control characters. */
struct sig_device {
    const char *router;          /* what the client calls itself, for people */
    const char *sender;
    const char *const *events;   /* ends with NULL */
    const char *const *requests; /* ends with NULL */

    /* Called with a method and its parameters as JSON; answers by sig_client_reply() or sig_client_refuse(). */
    void (*on_request)(struct sig_client *client, const char *method, const char *params);

    /* Called with the code of BYE, ERROR or NOTICE; may be NULL. The client tries again by itself. */
    void (*on_trouble)(const char *code);
};

enum sig_client_state { SIG_CLIENT_AWAY, SIG_CLIENT_GREETING, SIG_CLIENT_UP };

struct sig_client {
    struct sig_link link;
    const struct sig_device *device;
    enum sig_client_state state;
    uint8_t link_number;       /* of the link that was greeted last */
    uint32_t greeted_at;

    /* Out. Frames of the link lane are staged; counted frames wait in the outbox, a ring, whole and in their order. */
    uint8_t small[9 + 16];     /* PONG or ACK */
    const uint8_t *staged;
    uint16_t staged_left;
    uint8_t outbox[SIG_OUTBOX];
    uint16_t kept;             /* bytes in it, from the offset `acknowledged` on */
    uint16_t written;          /* of these, bytes that were given to the link */
    uint16_t frame_left;       /* bytes of the frame that is being written */
    uint64_t acknowledged;     /* offset in the session */
    uint64_t event_offset;     /* offset of the next frame in the event lane */
    uint64_t credit;

    /* In. */
    uint8_t preface_left;
    uint8_t header[9];
    uint8_t header_count;
    uint32_t body_left;
    uint16_t buffer_count;
    uint8_t buffer[SIG_REQUEST + 1]; /* HELLO as it goes; then the body that comes, and a zero */
    struct sig_json json;
    uint64_t received;         /* offset in the session where the last whole frame ended */

    /* The session, as WELCOME says it. */
    char session[33];          /* empty where there is none to go on with */
    char secret[33];
    bool is_same;
    bool is_resumed;
    uint64_t server_received;
    uint64_t first_credit;
    uint16_t pause_ms;         /* how long BYE asks to stay away */

    /* What is to be done. */
    bool pong_due;
    uint32_t pong_id;
    uint32_t asked_at;         /* when PING went last */
    bool ack_owed;
    uint32_t ack_at;
    bool must_register;
    uint32_t register_at;
    bool is_asked;             /* a request waits for its answer */
    uint32_t busy[SIG_BUSY];   /* the numbers of requests that are to be refused */
    uint8_t busy_count;

    uint32_t topics[SIG_EVENTS]; /* the numbers of the events, 0 before the server has said them */
    uint16_t missed[SIG_EVENTS]; /* how many events were lost here and not told yet; UINT16_MAX where nobody knows */
};

/* All the memory that the link and the session take. */
typedef char sig_client_fits_its_ram[sizeof(struct sig_client) < SIG_RAM ? 1 : -1];

/* Begin. `epoch` and `baudrate` as in sig_link_start(). */
void sig_client_start(struct sig_client *client, const struct sig_device *device, uint32_t epoch, uint32_t baudrate);

/* Take what came, send what is due. Call it at least every few milliseconds, as often as the port's buffer fills. */
void sig_client_poll(struct sig_client *client);

/* Signal the event of that index, with JSON as its data. Returns false where it has no room, or the server does not
 * know the sender yet: then it is lost, and counted. */
bool sig_client_event(struct sig_client *client, uint8_t event, const char *json);

/* Whether the server knows the sender, so that events have a place to go to. */
bool sig_client_is_registered(const struct sig_client *client);

/* Answer the request that `on_request` was called for, once, before it returns: with JSON, or with what is wrong, in
 * words without quotes and backslashes. */
void sig_client_reply(struct sig_client *client, const char *json);
void sig_client_refuse(struct sig_client *client, const char *message);

#endif

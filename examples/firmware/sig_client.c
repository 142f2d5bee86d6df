/* SPDX-License-Identifier: MIT */
/* See sig_client.h. The words in capitals are those of docs/protocol.md. */

#include "sig_client.h"

#include <string.h>

#include "sig_flash.h"
#include "sig_port.h"

enum {
    HELLO = 0x01, WELCOME, PING, PONG, ACK, BYE,
    ADD_SENDER = 0x10, OK = 0x14, ERROR, REQUEST, REPLY, CANCEL, NOTICE, PAD,
    TOPIC = 0x20, EVENT, EVENT_META, PRESENCE, START, REMOVE_SENDER, GAP, KEPT = 0x28,
};

#define HEADER 9
#define FIRST_COUNTED 0x10 /* the kinds below are of the link lane */
#define FIRST_TO_SKIP 0x80 /* kinds from here on may come from later versions */
#define ADD_SENDER_ID 1
#define UNKNOWN_COUNT UINT16_MAX

#define FRAME_LIMIT 512       /* the least that a client must take */
#define HANDSHAKE_LIMIT 4096
#define CREDIT 512            /* of no use without listeners, but it must be said */

#define HANDSHAKE_MS 5000
#define ACK_DELAY_MS 250
#define PING_MS 100           /* between two that ask for an ACK */
#define PAUSE_MS 1000         /* before a new link where something went wrong */
#define REGISTER_AGAIN_MS 2000

static const uint8_t PREFACE[6] = {0x93, 'S', 'I', 'G', '\n', 1};

typedef char sig_outbox_is_a_power_of_two[(SIG_OUTBOX & (SIG_OUTBOX - 1)) == 0 && SIG_OUTBOX >= 256 ? 1 : -1];
typedef char sig_request_has_room_for_hello[SIG_REQUEST >= 256 && SIG_REQUEST <= FRAME_LIMIT ? 1 : -1];

/* ---- numbers ---- */

static uint32_t get32(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static uint64_t get64(const uint8_t *at)
{
    return (uint64_t)get32(at) << 32 | get32(at + 4);
}

static void put32(uint8_t *at, uint32_t value)
{
    at[0] = (uint8_t)(value >> 24);
    at[1] = (uint8_t)(value >> 16);
    at[2] = (uint8_t)(value >> 8);
    at[3] = (uint8_t)value;
}

static void put64(uint8_t *at, uint64_t value)
{
    put32(at, (uint32_t)(value >> 32));
    put32(at + 4, (uint32_t)value);
}

/* printf of small C libraries cannot do 64 bits. `text` has room for 21; returns where the number begins in it. */
static const char *decimal(uint64_t value, char *text)
{
    char *at = text + 20;
    *at = 0;
    do {
        *--at = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    return at;
}

static bool is_reached(uint32_t moment_ms, uint32_t now_ms)
{
    return now_ms - moment_ms < UINT32_MAX / 2;
}

/* ---- the outbox: counted frames, whole ---- */

static uint8_t *kept_at(struct sig_client *client, uint16_t position)
{
    return &client->outbox[((uint16_t)client->acknowledged + position) & (SIG_OUTBOX - 1)];
}

static uint16_t frame_length(struct sig_client *client, uint16_t position)
{
    return (uint16_t)(HEADER + (*kept_at(client, (uint16_t)(position + 2)) << 8)
                      + *kept_at(client, (uint16_t)(position + 3)));
}

/* A frame that is put together at the end of the outbox. Where it has no room, it is as if it had never begun. */
struct frame {
    struct sig_client *client;
    uint16_t start;
    uint16_t limit;
    bool has_room;
};

static void put_byte(struct frame *frame, uint8_t byte)
{
    struct sig_client *client = frame->client;
    if (client->kept < frame->limit) {
        *kept_at(client, client->kept++) = byte;
    } else {
        frame->has_room = false;
    }
}

static void put_text(struct frame *frame, const char *text)
{
    while (*text != 0) {
        put_byte(frame, (uint8_t)*text++);
    }
}

/* The same of a SIG_TEXT. */
static void put_constant(struct frame *frame, const char *text)
{
    char byte;
    while ((byte = SIG_READ8(text++)) != 0) {
        put_byte(frame, (uint8_t)byte);
    }
}

/* A list of names in JSON. */
static void put_names(struct frame *frame, const char *const *names)
{
    char before = '[';
    for (; *names != NULL; names++) {
        put_byte(frame, (uint8_t)before);
        put_byte(frame, '"');
        put_text(frame, *names);
        put_byte(frame, '"');
        before = ',';
    }
    if (before == '[') {
        put_byte(frame, '[');
    }
    put_byte(frame, ']');
}

static void begin(struct frame *frame, struct sig_client *client, uint16_t limit, uint8_t kind, uint32_t id)
{
    uint8_t header[HEADER] = {0};
    uint8_t i;
    frame->client = client;
    frame->start = client->kept;
    frame->limit = limit;
    frame->has_room = true;
    header[4] = kind;
    put32(header + 5, id);
    for (i = 0; i < HEADER; i++) {
        put_byte(frame, header[i]);
    }
}

/* Returns the length of the frame, or 0 where it has no room. */
static uint16_t end(struct frame *frame)
{
    struct sig_client *client = frame->client;
    uint16_t length = (uint16_t)(client->kept - frame->start);
    uint16_t body = (uint16_t)(length - HEADER);
    if (!frame->has_room) {
        client->kept = frame->start;
        return 0;
    }
    *kept_at(client, (uint16_t)(frame->start + 2)) = (uint8_t)(body >> 8);
    *kept_at(client, (uint16_t)(frame->start + 3)) = (uint8_t)body;
    return length;
}

/* Let go of the frames before the offset `received`. Returns false where no frame that was written ends there. */
static bool let_go(struct sig_client *client, uint64_t received)
{
    while (received > client->acknowledged) {
        uint16_t length;
        if (client->written == 0) {
            return false;
        }
        length = frame_length(client, 0);
        if (length > client->written || received - client->acknowledged < length) {
            return false;
        }
        client->acknowledged += length;
        client->kept = (uint16_t)(client->kept - length);
        client->written = (uint16_t)(client->written - length);
    }
    return received == client->acknowledged;
}

/* ---- events, under credit ---- */

/* Events leave room for an answer, so that no request waits because of them. Credit is looked at when a frame enters
 * the outbox: what is in there may be written, also when it is written again. */
static bool begin_event(struct frame *frame, struct sig_client *client, uint8_t kind, uint8_t event)
{
    if (client->topics[event] == 0 || client->event_offset >= client->credit) {
        return false;
    }
    begin(frame, client, SIG_OUTBOX - SIG_ANSWER - HEADER, kind, client->topics[event]);
    return true;
}

static bool end_event(struct frame *frame)
{
    uint16_t length = end(frame);
    frame->client->event_offset += length;
    return length > 0;
}

static bool tell_missed(struct sig_client *client, uint8_t event)
{
    struct frame frame;
    char text[21];
    if (client->missed[event] == 0) {
        return true;
    }
    if (!begin_event(&frame, client, GAP, event)) {
        return false;
    }
    put_constant(&frame, SIG_TEXT("{\"count\":"));
    if (client->missed[event] == UNKNOWN_COUNT) {
        put_constant(&frame, SIG_TEXT("null,\"cause\":\"session_lost\"}"));
    } else {
        put_text(&frame, decimal(client->missed[event], text));
        put_constant(&frame, SIG_TEXT(",\"cause\":\"disconnected\"}"));
    }
    if (!end_event(&frame)) {
        return false;
    }
    client->missed[event] = 0;
    return true;
}

bool sig_client_event(struct sig_client *client, uint8_t event, const char *json)
{
    struct frame frame;
    if (event >= SIG_EVENTS) {
        return false;
    }
    if (tell_missed(client, event) && begin_event(&frame, client, EVENT, event)) {
        put_text(&frame, json);
        if (end_event(&frame)) {
            return true;
        }
    }
    if (client->missed[event] < UNKNOWN_COUNT - 1) {
        client->missed[event]++;
    }
    return false;
}

bool sig_client_is_registered(const struct sig_client *client)
{
    return client->topics[0] != 0;
}

/* ---- the session ---- */

/* The other side knows nothing of what was before: what is in the outbox may have arrived or not. */
static void forget_outbox(struct sig_client *client)
{
    uint16_t position;
    uint8_t event;
    for (position = 0; position < client->kept; position = (uint16_t)(position + frame_length(client, position))) {
        uint8_t id[4];
        uint8_t i;
        for (i = 0; i < 4; i++) {
            id[i] = *kept_at(client, (uint16_t)(position + 5 + i));
        }
        for (event = 0; event < SIG_EVENTS; event++) {
            if (*kept_at(client, (uint16_t)(position + 4)) >= TOPIC && client->topics[event] == get32(id)) {
                client->missed[event] = UNKNOWN_COUNT;
            }
        }
    }
    client->kept = 0;
}

static void start_session(struct sig_client *client, uint32_t now_ms)
{
    forget_outbox(client);
    memset(client->topics, 0, sizeof client->topics);
    client->acknowledged = 0;
    client->event_offset = 0;
    client->received = 0;
    client->busy_count = 0;
    client->credit = client->first_credit;
    client->must_register = true;
    client->register_at = now_ms;
}

static void give_up(struct sig_client *client, uint32_t now_ms)
{
    client->session[0] = 0;
    client->state = SIG_CLIENT_AWAY;
    sig_link_end(&client->link, PAUSE_MS, now_ms);
}

static void add_sender(struct sig_client *client)
{
    struct frame frame;
    begin(&frame, client, SIG_OUTBOX, ADD_SENDER, ADD_SENDER_ID);
    put_constant(&frame, SIG_TEXT("{\"sender\":\""));
    put_text(&frame, client->device->sender);
    put_constant(&frame, SIG_TEXT("\",\"events\":"));
    put_names(&frame, client->device->events);
    put_constant(&frame, SIG_TEXT(",\"requests\":"));
    put_names(&frame, client->device->requests);
    put_constant(&frame, SIG_TEXT("}"));
    if (end(&frame) > 0) {
        client->must_register = false;
    }
}

/* ---- what goes ---- */

static uint8_t *copy(struct sig_client *client, uint8_t *at, const char *text)
{
    const uint8_t *limit = client->buffer + sizeof client->buffer;
    while (*text != 0 && at < limit) {
        *at++ = (uint8_t)*text++;
    }
    return at;
}

/* The same of a SIG_TEXT. */
static uint8_t *copy_constant(struct sig_client *client, uint8_t *at, const char *text)
{
    const uint8_t *limit = client->buffer + sizeof client->buffer;
    char byte;
    while ((byte = SIG_READ8(text++)) != 0 && at < limit) {
        *at++ = (uint8_t)byte;
    }
    return at;
}

/* Say HELLO. The buffer is free for it: nothing comes before the answer. */
static void greet(struct sig_client *client, uint32_t now_ms)
{
    uint8_t *header = client->buffer + sizeof PREFACE;
    uint8_t *at = header + HEADER;
    char text[21];
    at = copy_constant(client, at, SIG_TEXT("{\"versions\":[1],\"codecs\":[\"json\"],"
                                            "\"limits\":{\"frame\":512,\"credit\":512},\"name\":\""));
    at = copy(client, at, client->device->router);
    if (client->session[0] != 0) {
        at = copy_constant(client, at, SIG_TEXT("\",\"session\":{\"id\":\""));
        at = copy(client, at, client->session);
        at = copy_constant(client, at, SIG_TEXT("\",\"secret\":\""));
        at = copy(client, at, client->secret);
        at = copy_constant(client, at, SIG_TEXT("\",\"received\":"));
        at = copy(client, at, decimal(client->received, text));
        at = copy_constant(client, at, SIG_TEXT("}}"));
    } else {
        at = copy_constant(client, at, SIG_TEXT("\"}"));
    }
    memcpy(client->buffer, PREFACE, sizeof PREFACE);
    put32(header, (uint32_t)(at - header) - HEADER);
    header[4] = HELLO;
    put32(header + 5, 0);
    client->staged = client->buffer;
    client->staged_left = (uint16_t)(at - client->buffer);
    client->state = SIG_CLIENT_GREETING;
    client->link_number = client->link.links;
    client->greeted_at = now_ms;
    client->asked_at = now_ms;
    client->preface_left = sizeof PREFACE;
    client->header_count = 0;
    client->frame_left = 0;
    client->pong_due = false;
    client->ack_owed = false;
}

static void stage(struct sig_client *client, uint8_t kind, uint32_t id, uint8_t body)
{
    put32(client->small, body);
    client->small[4] = kind;
    put32(client->small + 5, id);
    client->staged = client->small;
    client->staged_left = (uint16_t)(HEADER + body);
}

/* The server may wait with its ACK, but not when it gets PING: for an outbox that is half full it is worth asking. */
static bool needs_ack(const struct sig_client *client, uint32_t now_ms)
{
    return client->written > SIG_OUTBOX / 2 && (uint32_t)(now_ms - client->asked_at) >= PING_MS;
}

/* Between two frames: see which one is next. Returns false where there is none. */
static bool next_frame(struct sig_client *client, uint32_t now_ms)
{
    if (client->state != SIG_CLIENT_UP) {
        return false;
    }
    if (client->pong_due) {
        client->pong_due = false;
        stage(client, PONG, client->pong_id, 0);
    } else if (client->ack_owed && is_reached(client->ack_at, now_ms)) {
        client->ack_owed = false;
        stage(client, ACK, 0, 16);
        put64(client->small + HEADER, client->received);
        put64(client->small + HEADER + 8, CREDIT);
    } else if (needs_ack(client, now_ms)) {
        client->asked_at = now_ms;
        stage(client, PING, 0, 0);
    } else if (client->written < client->kept) {
        client->frame_left = frame_length(client, client->written);
    } else {
        return false;
    }
    return true;
}

/* Fill one DATA with what waits. */
static void send_waiting(struct sig_client *client, uint32_t now_ms)
{
    uint8_t *bytes;
    uint8_t count = 0;
    uint8_t room = sig_link_room(&client->link, &bytes);
    while (count < room) {
        if (client->staged_left > 0) {
            bytes[count++] = *client->staged++;
            client->staged_left--;
        } else if (client->frame_left > 0) {
            bytes[count++] = *kept_at(client, client->written++);
            client->frame_left--;
        } else if (!next_frame(client, now_ms)) {
            break;
        }
    }
    sig_link_send(&client->link, count, now_ms);
}

/* ---- requests ---- */

static uint32_t request_id(const struct sig_client *client)
{
    return get32(client->header + 5);
}

static bool has_room_for_answer(const struct sig_client *client)
{
    return SIG_OUTBOX - client->kept >= SIG_ANSWER + HEADER;
}

/* Answer with an ERROR whose body is a SIG_TEXT. */
static void answer_error(struct sig_client *client, uint32_t id, const char *body)
{
    struct frame frame;
    begin(&frame, client, SIG_OUTBOX, ERROR, id);
    put_constant(&frame, body);
    client->is_asked = end(&frame) == 0;
}

void sig_client_reply(struct sig_client *client, const char *json)
{
    struct frame frame;
    if (client->is_asked) {
        begin(&frame, client, SIG_OUTBOX, REPLY, request_id(client));
        put_text(&frame, json);
        client->is_asked = end(&frame) == 0;
    }
}

void sig_client_refuse(struct sig_client *client, const char *message)
{
    struct frame frame;
    if (client->is_asked) {
        begin(&frame, client, SIG_OUTBOX, ERROR, request_id(client));
        put_constant(&frame, SIG_TEXT("{\"code\":\"request_failed\",\"message\":\""));
        put_text(&frame, message);
        put_constant(&frame, SIG_TEXT("\"}"));
        client->is_asked = end(&frame) == 0;
    }
}

/* Step over a text with its length in front, behind `at`. Returns where it ends, or SIG_REQUEST + 1 where it is not
 * within the body. */
static uint16_t behind_text(const struct sig_client *client, uint16_t at)
{
    if (at >= client->buffer_count || client->buffer[at] >= client->buffer_count - at) {
        return SIG_REQUEST + 1;
    }
    return (uint16_t)(at + 1 + client->buffer[at]);
}

/* A client reads at all times: the ACK that gives it room may be behind the request. So it refuses what it has no room
 * to answer. Returns false where it cannot even remember whom to tell. */
static bool refuse_later(struct sig_client *client)
{
    if (client->busy_count == SIG_BUSY) {
        return false;
    }
    client->busy[client->busy_count++] = request_id(client);
    return true;
}

static void refuse_busy(struct sig_client *client)
{
    while (client->busy_count > 0 && has_room_for_answer(client)) {
        answer_error(client, client->busy[--client->busy_count],
                     SIG_TEXT("{\"code\":\"busy\",\"message\":\"too many answers wait\"}"));
    }
}

/* Returns false where the body breaks its layout, or where it is one request too many. */
static bool take_request(struct sig_client *client, uint32_t length)
{
    const char *text = (const char *)client->buffer;
    uint16_t method = behind_text(client, 4);
    uint16_t caller = behind_text(client, method);
    uint16_t params = behind_text(client, caller);
    if (!has_room_for_answer(client)) {
        return refuse_later(client);
    }
    client->is_asked = true;
    if (length > SIG_REQUEST) {
        answer_error(client, request_id(client),
                     SIG_TEXT("{\"code\":\"codec_error\",\"message\":\"the request is too long for this device\"}"));
        return true;
    }
    if (params > SIG_REQUEST) {
        return false;
    }
    client->buffer[client->buffer_count] = 0;
    client->buffer[caller] = 0; /* the length of the caller's name: ends that of the method */
    client->device->on_request(client, text + method + 1, text + params);
    if (client->is_asked) {
        answer_error(client, request_id(client),
                     SIG_TEXT("{\"code\":\"request_failed\",\"message\":\"no answer, or one that is too long\"}"));
    }
    return true;
}

/* ---- what comes ---- */

static void trouble(struct sig_client *client)
{
    if (client->device->on_trouble != NULL) {
        client->device->on_trouble(client->json.value);
    }
}

static void take_welcome_value(struct sig_client *client)
{
    const struct sig_json *json = &client->json;
    if (sig_json_is(json, "session", "id")) {
        client->is_same = strcmp(client->session, json->value) == 0;
        memcpy(client->session, json->value, sizeof client->session - 1);
    } else if (sig_json_is(json, "session", "secret")) {
        memcpy(client->secret, json->value, sizeof client->secret - 1);
    } else if (sig_json_is(json, "session", "resumed")) {
        client->is_resumed = strcmp(json->value, "true") == 0;
    } else if (sig_json_is(json, "session", "received")) {
        client->server_received = sig_json_number(json);
    } else if (sig_json_is(json, "limits", "credit")) {
        client->first_credit = sig_json_number(json);
    }
}

static void take_topic(struct sig_client *client)
{
    uint8_t event;
    for (event = 0; event < SIG_EVENTS && client->device->events[event] != NULL; event++) {
        if (sig_json_is(&client->json, "topics", client->device->events[event])) {
            client->topics[event] = (uint32_t)sig_json_number(&client->json);
        }
    }
}

/* A value in the body of a frame has ended. */
static void take_value(struct sig_client *client, uint8_t kind, uint32_t now_ms)
{
    if (kind == WELCOME) {
        take_welcome_value(client);
    } else if (kind == OK) {
        take_topic(client);
    } else if (sig_json_is(&client->json, "retry_ms", "")) {
        client->pause_ms = (uint16_t)sig_json_number(&client->json);
    } else if (sig_json_is(&client->json, "code", "")) {
        trouble(client);
        if (kind != BYE) { /* the name of the sender is another's, or not allowed: perhaps later */
            memset(client->topics, 0, sizeof client->topics);
            client->must_register = true;
            client->register_at = now_ms + REGISTER_AGAIN_MS;
        }
    }
}

/* Returns false where the server cannot mean it. */
static bool take_welcome(struct sig_client *client, uint32_t now_ms)
{
    client->state = SIG_CLIENT_UP;
    client->ack_owed = true;
    client->ack_at = now_ms;
    if (!client->is_resumed) {
        start_session(client, now_ms);
        client->written = 0;
        return true;
    }
    if (!client->is_same || !let_go(client, client->server_received)) {
        return false;
    }
    client->written = 0; /* what was written and did not arrive is written again */
    return true;
}

static bool take_session_ack(struct sig_client *client)
{
    uint64_t received = get64(client->buffer);
    uint64_t credit = get64(client->buffer + 8);
    if (received < client->acknowledged || credit < client->credit || !let_go(client, received)) {
        return false;
    }
    client->credit = credit;
    return true;
}

/* A frame is complete. Returns false where it breaks the rules. */
static bool end_frame(struct sig_client *client, uint32_t now_ms)
{
    uint8_t kind = client->header[4];
    uint32_t length = get32(client->header);
    client->header_count = 0;
    if (kind >= FIRST_COUNTED && kind < FIRST_TO_SKIP) {
        client->received += HEADER + length;
        if (!client->ack_owed) {
            client->ack_owed = true;
            client->ack_at = now_ms + ACK_DELAY_MS;
        }
    }
    switch (kind) {
    case WELCOME:
        return take_welcome(client, now_ms);
    case PING:
        client->pong_due = true;
        client->pong_id = get32(client->header + 5);
        client->ack_at = now_ms; /* where one is owed */
        return true;
    case ACK:
        return length == 16 && take_session_ack(client);
    case BYE:
        client->state = SIG_CLIENT_AWAY;
        sig_link_end(&client->link, client->pause_ms, now_ms);
        return true;
    case REQUEST:
        return take_request(client, length);
    default:
        return true; /* nothing to do: an answer that nobody waits for, or what is about listeners */
    }
}

static bool has_place(const struct sig_client *client, uint8_t kind)
{
    if (client->state == SIG_CLIENT_GREETING) {
        return kind == WELCOME || kind == BYE;
    }
    return (kind >= PING && kind <= BYE) || (kind >= OK && kind <= PAD) || (kind >= TOPIC && kind <= GAP)
           || kind == KEPT || kind >= FIRST_TO_SKIP;
}

/* A header is complete. Returns false where it breaks the rules. */
static bool end_header(struct sig_client *client, uint32_t now_ms)
{
    uint32_t limit = client->state == SIG_CLIENT_GREETING ? HANDSHAKE_LIMIT : FRAME_LIMIT;
    client->body_left = get32(client->header);
    client->buffer_count = 0;
    sig_json_start(&client->json);
    client->is_resumed = false;
    client->is_same = false;
    client->pause_ms = PAUSE_MS;
    if (client->body_left > limit || !has_place(client, client->header[4])) {
        return false;
    }
    return client->body_left > 0 || end_frame(client, now_ms);
}

static bool take_body(struct sig_client *client, uint8_t byte, uint32_t now_ms)
{
    uint8_t kind = client->header[4];
    if (kind == REQUEST || kind == ACK) {
        if (client->buffer_count < SIG_REQUEST) {
            client->buffer[client->buffer_count++] = byte;
        }
    } else if (kind == WELCOME || kind == BYE || kind == OK || kind == ERROR || kind == NOTICE) {
        if (sig_json_byte(&client->json, (char)byte)) {
            take_value(client, kind, now_ms);
        }
    }
    return --client->body_left > 0 || end_frame(client, now_ms);
}

/* Take one byte of the stream. Returns false where it breaks the rules: then there is no use in reading on. */
static bool take_byte(struct sig_client *client, uint8_t byte, uint32_t now_ms)
{
    if (client->preface_left > 0) {
        return byte == PREFACE[sizeof PREFACE - client->preface_left--];
    }
    if (client->header_count < HEADER) {
        client->header[client->header_count++] = byte;
        return client->header_count < HEADER || end_header(client, now_ms);
    }
    return take_body(client, byte, now_ms);
}

static void take_arrived(struct sig_client *client, uint32_t now_ms)
{
    const uint8_t *bytes;
    uint8_t count = sig_link_take(&client->link, &bytes);
    while (count-- > 0 && client->state != SIG_CLIENT_AWAY) {
        if (!take_byte(client, *bytes++, now_ms)) {
            give_up(client, now_ms);
        }
    }
}

/* ---- what the user calls ---- */

static void look_at_link(struct sig_client *client, uint32_t now_ms)
{
    if (client->link.state != SIG_LINK_UP) {
        client->state = SIG_CLIENT_AWAY;
        return;
    }
    if (client->state == SIG_CLIENT_AWAY || client->link_number != client->link.links) {
        greet(client, now_ms);
    }
    if (client->state == SIG_CLIENT_GREETING && is_reached(client->greeted_at + HANDSHAKE_MS, now_ms)) {
        give_up(client, now_ms);
        return;
    }
    take_arrived(client, now_ms);
}

void sig_client_start(struct sig_client *client, const struct sig_device *device, uint32_t epoch, uint32_t baudrate)
{
    memset(client, 0, sizeof *client);
    client->device = device;
    sig_link_start(&client->link, epoch, baudrate, sig_port_millis());
}

void sig_client_poll(struct sig_client *client)
{
    uint32_t now_ms = sig_port_millis();
    uint8_t budget = SIG_PACKET; /* so that a line that is all noise does not keep the caller */
    int byte;
    while (budget-- > 0 && (byte = sig_port_read()) >= 0) {
        if (sig_link_byte(&client->link, (uint8_t)byte, now_ms)) {
            look_at_link(client, now_ms);
        }
    }
    look_at_link(client, now_ms);
    if (client->must_register && client->state == SIG_CLIENT_UP && is_reached(client->register_at, now_ms)) {
        add_sender(client);
    }
    refuse_busy(client);
    send_waiting(client, now_ms);
    sig_link_tick(&client->link, now_ms);
}

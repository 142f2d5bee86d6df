/* SPDX-License-Identifier: MIT */
/* The client against a server that says anything: `fuzz SEED STEPS`, to be built with sanitizers.
 *
 * Noise alone would end at the CRC. So packets here are whole, more often than not with the right tag and offset, and
 * what they carry is often nearly right, so that all of the client gets something to read. */

#include <stdio.h>
#include <stdlib.h>

#include "../sig_client.h"
#include "../sig_link.c" /* for its framing: the server's packets are made by the same functions */

static struct sig_client client;
static struct sig_link server; /* only its buffer is used, to make packets */
static bool is_server;         /* whether what is written goes to the client */
static uint8_t line[8192];
static size_t line_at, line_count;
static uint32_t now_ms = 0xFFFF0000; /* so that it wraps */
static uint8_t stream[1200]; /* what the server wants to say in the stream */
static size_t stream_at, stream_count;
static uint8_t greeted;
static unsigned long answered, registered;

static uint32_t random_below(uint32_t limit)
{
    static uint64_t state = 1;
    if (limit == 0) { /* seed */
        state = (uint64_t)now_ms * 2 + 1;
        return 0;
    }
    state = state * 6364136223846793005U + 1442695040888963407U;
    return (uint32_t)(state >> 33) % limit;
}

int sig_port_read(void)
{
    return line_at < line_count ? line[line_at++] : -1;
}

uint32_t sig_port_millis(void)
{
    return now_ms;
}

/* The client's packets must be whole: another link unstuffs them. */
static void check_packet(const uint8_t *bytes, size_t count)
{
    static struct sig_link reader;
    uint32_t whole = reader.packets_whole;
    size_t i;
    for (i = 0; i < count; i++) {
        sig_link_byte(&reader, bytes[i], now_ms);
    }
    if (reader.packets_whole != whole + 1) {
        fputs("the client sent what is no packet\n", stderr);
        abort();
    }
}

void sig_port_write(const uint8_t *bytes, size_t count)
{
    if (!is_server) {
        check_packet(bytes, count);
    } else if (count <= sizeof line - line_count) {
        memcpy(line + line_count, bytes, count);
        line_count += count;
    }
}

static uint8_t *put_random(uint8_t *at, uint32_t count)
{
    static const char alphabet[] = "{}[]\":,\\ \n019-.etopicssessionid\x80\xff";
    while (count-- > 0) {
        *at++ = (uint8_t)(random_below(4) ? alphabet[random_below(sizeof alphabet)] : (char)random_below(256));
    }
    return at;
}

static void say_frame(uint8_t kind, uint32_t id, const char *body, size_t count)
{
    if (count + 9 <= sizeof stream - stream_count) {
        uint8_t *at = put32(stream + stream_count, (uint32_t)count + (random_below(2000) == 0));
        *at++ = kind;
        memcpy(put32(at, id), body, count);
        stream_count += count + 9;
    }
}

static void say_text(uint8_t kind, uint32_t id, const char *body)
{
    say_frame(kind, id, body, strlen(body));
}

static void say_welcome(void)
{
    static const uint8_t preface[6] = {0x93, 'S', 'I', 'G', '\n', 1};
    char body[400];
    bool has_session = client.session[0] != 0;
    bool is_resumed = has_session ? random_below(4) > 0 : random_below(30) == 0;
    stream_at = 0;
    stream_count = sizeof preface;
    memcpy(stream, preface, sizeof preface);
    sprintf(body,
            "{\"version\":1,\"codec\":\"json\",\"limits\":{\"frame\":4096,\"credit\":%lu},\"session\":{\"id\":"
            "\"%032d\",\"resumed\":%s,\"received\":%lu,\"secret\":\"%032d\"}}",
            (unsigned long)random_below(4000), 7, is_resumed ? "true" : "false",
            (unsigned long)client.acknowledged + (random_below(4) == 0) * 40, 8);
    say_text(0x02, 0, body);
}

static void say_ack(void)
{
    uint8_t body[16] = {0};
    uint64_t received = client.acknowledged;
    if (random_below(200) == 0) {
        received += random_below(100);
    } else { /* so many whole frames as were written */
        uint16_t at = 0;
        while (at < client.written) {
            uint16_t low = (uint16_t)(client.acknowledged + at + 3);
            at = (uint16_t)(at + 9 + client.outbox[low % SIG_OUTBOX]
                            + 256 * client.outbox[(uint16_t)(low - 1) % SIG_OUTBOX]);
            if (at <= client.written) {
                received = client.acknowledged + at;
            }
        }
    }
    put32(body + 4, (uint32_t)received);
    put32(body + 12, (uint32_t)client.credit + random_below(300));
    say_frame(0x05, 0, (const char *)body, sizeof body);
}

static void say_request(void)
{
    char body[600];
    char *at = body + 4;
    uint32_t more = random_below(8) ? random_below(60) : random_below(500);
    memset(body, 0, sizeof body);
    *at++ = 6;
    memcpy(at, "thermo", 6);
    at += 6;
    *at++ = 3;
    memcpy(at, "led", 3);
    at += 3;
    at = (char *)put_random((uint8_t *)at, more);
    say_frame(0x16, random_below(9), body, (size_t)(at - body));
}

static void say_something(void)
{
    uint8_t body[520];
    uint8_t *to = body;
    switch (random_below(9)) {
    case 0:
    case 1:
        say_text(0x14, 1, "{\"topics\":{\"reading\":3,\"alarm\":77}}");
        break;
    case 2:
    case 3:
        say_ack();
        break;
    case 4:
    case 5:
        say_request();
        break;
    case 6:
        say_text(random_below(2) ? 0x15 : 0x19, 1, "{\"code\":\"sender_exists\",\"message\":\"\\\"x\\\"\"}");
        break;
    case 7:
        say_frame(0x03, random_below(5), "", 0);
        break;
    default:
        if (random_below(40) == 0) {
            say_text(0x06, 0, "{\"code\":\"closing\",\"retry_ms\":20}");
        }
        to = put_random(body, random_below(random_below(30) ? 40 : 520));
        say_frame((uint8_t)(random_below(400) ? 0x14 + random_below(7) : random_below(256)), 0, (char *)body,
                  (size_t)(to - body));
    }
}

/* DATA with the next bytes of the stream, at the byte that is due or a little beside it. */
static void send_stream(void)
{
    uint32_t due = client.link.due_offset;
    uint32_t back = random_below(4) ? 0 : random_below(20);
    uint8_t *at = packet(&server, DATA, client.link.epoch);
    size_t count;
    if (client.link.links != greeted) {
        greeted = client.link.links;
        say_welcome();
    }
    while (stream_at + 64 > stream_count) {
        memmove(stream, stream + stream_at, stream_count - stream_at);
        stream_count -= stream_at;
        stream_at = 0;
        say_something();
    }
    count = 1 + random_below(SIG_PAYLOAD - 20);
    if (back > stream_at || back > due) {
        back = 0;
    }
    at = put24(at, due - back + (random_below(50) == 0));
    at = put24(at, client.link.sent_offset + random_below(client.link.sent_count + 1u));
    memcpy(at, stream + stream_at - back, count + back);
    send_packet(&server, at + count + back);
}

static void note_taken(uint32_t due_before)
{
    if (client.link.state == SIG_LINK_UP && client.link.links == greeted) {
        stream_at += distance(due_before, client.link.due_offset);
    }
}

static void send_any(void)
{
    uint8_t body[64];
    uint8_t *at = put_random(body, random_below(60));
    uint8_t count = (uint8_t)(at - body);
    at = packet(&server, (uint8_t)(random_below(3) ? 4 + random_below(13) : random_below(256)),
                random_below(3) ? client.link.epoch : client.link.other_epoch);
    memcpy(at, body, count);
    send_packet(&server, at + count);
}

static void send_reset_ack(void)
{
    uint8_t *at = packet(&server, RESET_ACK, client.link.epoch);
    *at++ = random_below(30) ? 1 : 2;
    at = put32(at, random_below(3) + 100);
    at = put16(at, (uint16_t)(random_below(10) ? 256 : random_below(20)));
    at = put16(at, 8192);
    send_packet(&server, at);
}

static void send_one(void)
{
    uint8_t *at;
    if (client.link.state == SIG_LINK_CONNECTING && random_below(4)) {
        send_reset_ack();
    } else if (random_below(200) == 0) {
        send_any();
    } else if (random_below(6) == 0) {
        at = packet(&server, ACK, client.link.epoch);
        at = put24(at, client.link.sent_offset + random_below(client.link.sent_count + 1u));
        send_packet(&server, random_below(2) ? at : put16(put24(at, client.link.sent_offset), 9));
    } else if (random_below(30) == 0) {
        line_count = (size_t)(put_random(line, random_below(200)) - line);
    } else {
        send_stream();
    }
}

static void answer(struct sig_client *asked, const char *method, const char *params)
{
    struct sig_json json;
    answered += strlen(method) < 256;
    sig_json_find(&json, params, "on");
    if (random_below(4)) {
        sig_client_reply(asked, params); /* as long as it may be, and perhaps no JSON */
    } else {
        sig_client_refuse(asked, "no");
    }
}

static void check_outbox(void)
{
    if (client.kept > SIG_OUTBOX || client.written > client.kept) {
        fputs("the outbox is out of bounds\n", stderr);
        abort();
    }
}

int main(int argc, char **argv)
{
    static const char *const events[] = {"reading", "alarm", NULL};
    static const char *const requests[] = {"led", NULL};
    static const struct sig_device device = {"fuzzed", "thermo", events, requests, answer, NULL};
    unsigned long steps = argc > 2 ? strtoul(argv[2], NULL, 10) : 100000;
    now_ms += argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 0;
    random_below(0);
    sig_client_start(&client, &device, now_ms, 115200);
    while (steps-- > 0) {
        uint32_t due = client.link.due_offset;
        line_at = line_count = 0;
        is_server = true;
        send_one();
        is_server = false;
        while (line_at < line_count) {
            sig_client_poll(&client);
        }
        note_taken(due);
        sig_client_poll(&client);
        if (random_below(3) == 0) {
            sig_client_event(&client, (uint8_t)random_below(3), "{\"value\":12345678}");
        }
        registered += sig_client_is_registered(&client);
        check_outbox();
        now_ms += random_below(50) ? random_below(30) : random_below(5000);
    }
    printf("%u links, %lu requests answered, registered in %lu steps\n", (unsigned)client.link.links, answered,
           registered);
    return answered > 0 && registered > 0 ? 0 : 1; /* else the fuzzer is at fault: it did not get that far */
}

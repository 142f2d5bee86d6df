/* SPDX-License-Identifier: MIT */
/* See sig_link.h. The words in quotes and capitals are those of docs/serial-link.md. */

#include "sig_link.h"

#include <string.h>

#include "sig_flash.h"
#include "sig_port.h"

enum { RESET = 1, RESET_ACK, READY, DATA, CLOSE, NO_LINK, ACK = 14, PROBE, PROBE_REPLY };
enum { DONE, ABORTED, VERSION };

#define VERSION_SPOKEN 1
#define HEAD 5      /* type and tag */
#define DATA_HEAD 6 /* offset and ack */
#define CRC 4

#define RESET_MS 250
#define AFTER_END_MS 250
#define AFTER_REFUSAL_MS 3000
#define SIGN_OF_LIFE_MS 500
#define DEAD_MS 4000
#define AGAIN_MS 200

/* A compile-time check that C99 has: an array of -1 elements is an error. Stuffing below is for short packets. */
typedef char sig_payload_is_small[SIG_PAYLOAD >= 1 && SIG_PACKET < 254 ? 1 : -1];

/* ---- numbers, big-endian whatever the machine is ---- */

static uint16_t get16(const uint8_t *at)
{
    return (uint16_t)((uint16_t)at[0] << 8 | at[1]);
}

static uint32_t get24(const uint8_t *at)
{
    return (uint32_t)at[0] << 16 | (uint32_t)at[1] << 8 | at[2];
}

static uint32_t get32(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | get24(at + 1);
}

static uint8_t *put16(uint8_t *at, uint16_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
    return at + 2;
}

static uint8_t *put24(uint8_t *at, uint32_t value)
{
    at[0] = (uint8_t)(value >> 16);
    return put16(at + 1, (uint16_t)value);
}

static uint8_t *put32(uint8_t *at, uint32_t value)
{
    at[0] = (uint8_t)(value >> 24);
    return put24(at + 1, value);
}

#define BEHIND 0x800000

/* How far `b` is ahead of `a`, modulo 2^24; from BEHIND on it is before it. */
static uint32_t distance(uint32_t a, uint32_t b)
{
    return (b - a) & 0xFFFFFF;
}

static bool is_over(uint32_t since_ms, uint32_t duration_ms, uint32_t now_ms)
{
    return (uint32_t)(now_ms - since_ms) >= duration_ms;
}

static uint32_t longer(uint32_t one_ms, uint32_t other_ms)
{
    return one_ms > other_ms ? one_ms : other_ms;
}

/* ---- framing ---- */

/* CRC-32 of zlib, four bits at a time: the table takes 64 bytes instead of 1024. */
static uint32_t crc32(const uint8_t *bytes, uint16_t count)
{
    static const uint32_t table[16] SIG_FLASH = {
        0x00000000, 0x1DB71064, 0x3B6E20C8, 0x26D930AC, 0x76DC4190, 0x6B6B51F4, 0x4DB26158, 0x5005713C,
        0xEDB88320, 0xF00F9344, 0xD6D6A3E8, 0xCB61B38C, 0x9B64C2B0, 0x86D3D2D4, 0xA00AE278, 0xBDBDF21C,
    };
    uint32_t crc = 0xFFFFFFFF;
    while (count--) {
        crc ^= *bytes++;
        crc = crc >> 4 ^ SIG_READ32(&table[crc & 15]);
        crc = crc >> 4 ^ SIG_READ32(&table[crc & 15]);
    }
    return crc ^ 0xFFFFFFFF;
}

/* Where the packet that goes begins: behind the delimiter and the first code byte of its stuffing. */
static uint8_t *packet(struct sig_link *link, uint8_t type, uint32_t tag)
{
    uint8_t *at = link->going + 2;
    *at++ = type;
    return put32(at, tag);
}

/* Append the CRC to the packet that ends at `end`, stuff it where it stands, and send it between two delimiters.
 *
 * Each zero becomes the distance to the next one, so nothing moves. The delimiter in front is for whatever text the
 * firmware wrote before. */
static void send_packet(struct sig_link *link, uint8_t *end)
{
    uint8_t *code = link->going + 1;
    uint8_t *at;
    end = put32(end, crc32(link->going + 2, (uint16_t)(end - (link->going + 2))));
    for (at = code + 1; at < end; at++) {
        if (*at == 0) {
            *code = (uint8_t)(at - code);
            code = at;
        }
    }
    *code = (uint8_t)(end - code);
    link->going[0] = 0;
    *end++ = 0;
    sig_port_write(link->going, (size_t)(end - link->going));
}

/* Undo the stuffing of `count` bytes where they stand, none of which is zero. Returns the length without the first
 * code byte, or 0 where the stuffing is wrong: a piece is longer than what is left. */
static uint16_t unstuff(uint8_t *bytes, uint16_t count)
{
    uint16_t at = 0;
    while (at < count) {
        uint8_t code = bytes[at];
        if (code > count - at) {
            return 0;
        }
        if (at > 0) {
            bytes[at] = 0;
        }
        at = (uint16_t)(at + code);
    }
    return (uint16_t)(count - 1);
}

/* ---- what goes ---- */

static void send_reset(struct sig_link *link, uint32_t now_ms)
{
    uint8_t *at = packet(link, RESET, 0);
    *at++ = VERSION_SPOKEN;
    at = put32(at, link->epoch);
    at = put16(at, SIG_PAYLOAD); /* max_payload */
    at = put16(at, SIG_PAYLOAD); /* window */
    send_packet(link, at);
    link->asked_at = now_ms;
    link->ask_after_ms = RESET_MS;
}

static void send_close(struct sig_link *link, uint32_t tag, uint8_t code)
{
    uint8_t *at = packet(link, CLOSE, tag);
    at = put24(at, link->sent_offset);
    *at++ = code;
    send_packet(link, at);
}

static void note_said(struct sig_link *link, uint32_t now_ms)
{
    link->said_at = now_ms;
    link->ack_due = false;
}

static void send_data(struct sig_link *link, uint32_t now_ms)
{
    uint8_t *at = packet(link, DATA, link->other_epoch);
    at = put24(at, link->sent_offset);
    at = put24(at, link->due_offset);
    memcpy(at, link->sent, link->sent_count);
    send_packet(link, at + link->sent_count);
    link->sent_at = now_ms;
    note_said(link, now_ms);
}

static void send_ack(struct sig_link *link, uint32_t now_ms)
{
    uint8_t *at = packet(link, ACK, link->other_epoch);
    send_packet(link, put24(at, link->due_offset)); /* without ranges: nothing is kept that is not consumed */
    note_said(link, now_ms);
}

static void send_probe_reply(struct sig_link *link, const uint8_t *body, uint16_t count)
{
    uint8_t *at;
    if (count < 2 || HEAD + count + 8 + CRC > SIG_PACKET) {
        return; /* its reply would be too long: PROBE may be skipped */
    }
    at = packet(link, PROBE_REPLY, get32(link->came + 2));
    at = put16(at, get16(body));
    at = put32(at, link->packets_whole);
    at = put32(at, link->packets_damaged);
    memcpy(at, body + 2, count - 2u);
    send_packet(link, at + count - 2);
}

/* ---- the table of the connecting side ---- */

/* "over", and "connecting" with another epoch after a pause. */
static void start_anew(struct sig_link *link, uint16_t pause_ms, uint32_t now_ms)
{
    uint32_t epoch = link->epoch;
    epoch ^= epoch << 13; /* xorshift: each number but 0 comes once in 2^32 - 1 */
    epoch ^= epoch >> 17;
    epoch ^= epoch << 5;
    link->epoch = epoch;
    link->state = SIG_LINK_CONNECTING;
    link->asked_at = now_ms;
    link->ask_after_ms = pause_ms;
}

static void rise(struct sig_link *link, uint32_t now_ms)
{
    link->state = SIG_LINK_UP;
    link->links++;
    link->sent_count = 0;
    link->held_count = 0;
    link->sent_offset = 0;
    link->due_offset = 0;
    link->ack_due = false;
    link->said_at = now_ms;
    link->heard_at = now_ms;
}

static void take_reset_ack(struct sig_link *link, const uint8_t *body, uint16_t count, uint32_t now_ms)
{
    uint16_t most = count < 9 ? 0 : get16(body + 5);
    if (most == 0 || body[0] == 0 || get32(body + 1) == 0 || get16(body + 7) < most) {
        return; /* malformed */
    }
    if (link->state == SIG_LINK_UP) {
        if (get32(body + 1) != link->other_epoch) {
            return;
        }
    } else if (body[0] != VERSION_SPOKEN) {
        link->sent_offset = 0;
        send_close(link, get32(body + 1), VERSION);
        start_anew(link, AFTER_REFUSAL_MS, now_ms);
        return;
    } else {
        link->other_epoch = get32(body + 1);
        link->fragment = most < SIG_PAYLOAD ? (uint8_t)most : SIG_PAYLOAD;
        rise(link, now_ms);
    }
    link->heard_at = now_ms;
    send_packet(link, packet(link, READY, link->other_epoch));
}

/* Take an acknowledgement: what lies before `ack` has been read, what lies before `end` has come. */
static void take_ack(struct sig_link *link, uint32_t ack, uint32_t end, uint32_t now_ms)
{
    uint32_t passed = distance(link->sent_offset, ack);
    uint32_t held = distance(ack, end);
    uint8_t left;
    if (passed > link->sent_count) {
        return; /* an old one, or beyond what was sent */
    }
    left = (uint8_t)(link->sent_count - passed);
    if (held >= BEHIND) {
        held = 0;
    } else if (held > left) {
        held = left;
    }
    if (passed > 0 || held != link->held_count) {
        link->progress_at = now_ms;
    }
    memmove(link->sent, link->sent + passed, left);
    link->sent_count = left;
    link->held_count = (uint8_t)held;
    link->sent_offset = ack;
}

/* Take the part of DATA that is due; without memory for what comes out of order, anything ahead of it is dropped. */
static void take_data(struct sig_link *link, uint32_t offset, const uint8_t *bytes, uint16_t count)
{
    uint32_t known = distance(offset, link->due_offset);
    link->ack_due = true;
    if (known >= count) {
        return; /* all of it came before; or, as the distance is modulo 2^24, it is ahead of what is due */
    }
    link->arrived = bytes + known;
    link->arrived_count = (uint8_t)(count - known);
    link->due_offset = (link->due_offset + count - known) & 0xFFFFFF;
}

static void take_packet_of_link(struct sig_link *link, uint8_t type, const uint8_t *body, uint16_t count,
                                uint32_t now_ms)
{
    uint32_t ack;
    uint16_t held = 0;
    if (type == DATA && count > DATA_HEAD) {
        ack = get24(body + 3);
        take_ack(link, ack, link->sent_offset + link->held_count, now_ms); /* DATA says nothing new of ranges */
        take_data(link, get24(body), body + DATA_HEAD, (uint16_t)(count - DATA_HEAD));
    } else if (type == ACK && count >= 3) {
        ack = get24(body);
        if (count >= 8 && get24(body + 3) == ack) {
            held = get16(body + 6);
        }
        take_ack(link, ack, ack + held, now_ms);
    } else if (type == CLOSE && count >= 4) {
        start_anew(link, AFTER_END_MS, now_ms); /* in order or not: the session above knows what is missing */
        return;
    } else {
        return;
    }
    link->heard_at = now_ms;
}

/* Sort a packet, as the page does, and act on it. `count` is without the CRC. */
static void take_packet(struct sig_link *link, const uint8_t *bytes, uint16_t count, uint32_t now_ms)
{
    uint8_t type = bytes[0];
    uint32_t tag = get32(bytes + 1);
    const uint8_t *body = bytes + HEAD;
    count = (uint16_t)(count - HEAD);
    if (type == PROBE) {
        send_probe_reply(link, body, count);
    } else if (type == RESET_ACK && tag == link->epoch) {
        take_reset_ack(link, body, count, now_ms);
    } else if (link->state == SIG_LINK_CONNECTING) {
        if (type == RESET && count >= 9) {
            start_anew(link, AFTER_REFUSAL_MS, now_ms); /* "RESET echo", or both sides connect: there is no link here */
        } else if (type == CLOSE && tag == link->epoch && count >= 4) {
            start_anew(link, body[3] == VERSION ? AFTER_REFUSAL_MS : AFTER_END_MS, now_ms);
        }
    } else if (type == NO_LINK && tag == link->other_epoch) {
        start_anew(link, AFTER_END_MS, now_ms);
    } else if (tag == link->epoch) {
        take_packet_of_link(link, type, body, count, now_ms);
    }
}

/* ---- what the user calls ---- */

void sig_link_start(struct sig_link *link, uint32_t epoch, uint32_t baudrate, uint32_t now_ms)
{
    memset(link, 0, sizeof *link);
    link->epoch = epoch != 0 ? epoch : 1;
    link->packet_ms = (uint16_t)(sizeof link->going * 10000UL / baudrate + 1); /* 10 bits a byte */
    link->asked_at = now_ms;
}

bool sig_link_byte(struct sig_link *link, uint8_t byte, uint32_t now_ms)
{
    uint16_t count = link->came_count;
    link->arrived_count = 0;
    if (byte != 0) {
        if (count < sizeof link->came) {
            link->came[count] = byte;
        }
        if (count <= sizeof link->came) {
            link->came_count++; /* one more than fits: it is too long, up to the next delimiter */
        }
        return false;
    }
    link->came_count = 0;
    if (count == 0) {
        return false;
    }
    count = count <= sizeof link->came ? unstuff(link->came, count) : 0;
    if (count < HEAD + CRC || get32(link->came + 1 + count - CRC) != crc32(link->came + 1, (uint16_t)(count - CRC))) {
        link->packets_damaged++;
        return false;
    }
    link->packets_whole++;
    take_packet(link, link->came + 1, (uint16_t)(count - CRC), now_ms);
    return true;
}

uint8_t sig_link_take(struct sig_link *link, const uint8_t **bytes)
{
    uint8_t count = link->arrived_count;
    *bytes = link->arrived;
    link->arrived_count = 0;
    return count;
}

uint8_t sig_link_room(struct sig_link *link, uint8_t **bytes)
{
    *bytes = link->sent;
    return link->state == SIG_LINK_UP && link->sent_count == 0 ? link->fragment : 0;
}

void sig_link_send(struct sig_link *link, uint8_t count, uint32_t now_ms)
{
    if (count > 0) {
        link->sent_count = count;
        link->held_count = 0;
        link->progress_at = now_ms;
        send_data(link, now_ms);
    }
}

/* Nothing heard, or nothing acknowledged. On slow lines it takes as long as twelve packets. */
static bool is_dead(const struct sig_link *link, uint32_t now_ms)
{
    uint32_t patience_ms = longer(DEAD_MS, (uint32_t)12 * link->packet_ms);
    return is_over(link->heard_at, patience_ms, now_ms)
           || (link->sent_count > link->held_count && is_over(link->progress_at, patience_ms, now_ms));
}

void sig_link_tick(struct sig_link *link, uint32_t now_ms)
{
    if (link->state == SIG_LINK_CONNECTING) {
        if (is_over(link->asked_at, link->ask_after_ms, now_ms)) {
            send_reset(link, now_ms);
        }
    } else if (is_dead(link, now_ms)) {
        send_close(link, link->other_epoch, ABORTED);
        start_anew(link, AFTER_END_MS, now_ms);
    } else {
        uint32_t again_ms = AGAIN_MS + (uint32_t)4 * link->packet_ms;
        if (link->sent_count > link->held_count && is_over(link->sent_at, again_ms, now_ms)) {
            send_data(link, now_ms);
        }
        if (link->ack_due || is_over(link->said_at, longer(SIGN_OF_LIFE_MS, (uint32_t)2 * link->packet_ms), now_ms)) {
            send_ack(link, now_ms);
        }
    }
}

void sig_link_end(struct sig_link *link, uint16_t pause_ms, uint32_t now_ms)
{
    if (link->state == SIG_LINK_UP) {
        send_close(link, link->other_epoch, link->sent_count == 0 ? DONE : ABORTED);
    }
    start_anew(link, pause_ms, now_ms);
}

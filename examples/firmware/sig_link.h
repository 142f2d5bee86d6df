/* SPDX-License-Identifier: MIT */
/* The connecting side of the serial link, as small as docs/serial-link.md allows.
 *
 * It makes a reliable, ordered stream of bytes in both directions out of a line that loses and changes some. There is
 * one DATA on its way at a time, of at most SIG_PAYLOAD bytes, and as much is taken from the other side. What comes is
 * to be used at once. No heap, no interrupts, no operating system; time comes in as milliseconds.
 *
 * Whoever uses it calls, over and over:
 *
 *     sig_link_byte()      with each byte that came, and after it
 *     sig_link_take()      for the bytes of the stream that it brought
 *     sig_link_room()      to see whether it takes bytes to send, then sig_link_send()
 *     sig_link_tick()      at the end of each round
 */

#ifndef SIG_LINK_H
#define SIG_LINK_H

#include <stdbool.h>
#include <stdint.h>

/* Bytes of the stream in one DATA, either way; 1 to 200. 64 is right for 2 KiB of RAM. Three buffers have this size. */
#ifndef SIG_PAYLOAD
#define SIG_PAYLOAD 64
#endif

/* The longest packet with its CRC: type, tag, offset, ack, bytes, CRC. Stuffing adds one byte, as it is below 254. */
#define SIG_PACKET (1 + 4 + 3 + 3 + SIG_PAYLOAD + 4)

enum sig_link_state { SIG_LINK_CONNECTING, SIG_LINK_UP };

struct sig_link {
    enum sig_link_state state;
    uint8_t links;            /* how often the link came up; changes with each new link */
    uint32_t epoch;           /* this side's, in the link or in its RESET */
    uint32_t other_epoch;     /* the other side's, in the link that is up */
    uint16_t packet_ms;       /* the time of the longest packet on the line, rounded up */

    /* The packet that comes, stuffed. More than its length in `came_count` says that it is too long. */
    uint8_t came[SIG_PACKET + 1];
    uint16_t came_count;
    uint32_t packets_whole;
    uint32_t packets_damaged;

    /* The packet that goes: delimiter, stuffed packet, delimiter. */
    uint8_t going[1 + 1 + SIG_PACKET + 1];

    /* Out: the bytes of one DATA, from the first that is not acknowledged. */
    uint8_t sent[SIG_PAYLOAD];
    uint8_t sent_count;
    uint8_t held_count;       /* so many of them have come, but wait for the other side's reader */
    uint8_t fragment;         /* longest DATA that is sent: the least of SIG_PAYLOAD and what the other side takes */
    uint32_t sent_offset;     /* the offset of sent[0]: the other side's last ack */
    uint32_t sent_at;         /* when DATA went last */
    uint32_t progress_at;     /* when something was acknowledged, or the first byte went */

    /* In: bytes of the stream within `came`, until the next one comes over the line. */
    const uint8_t *arrived;
    uint8_t arrived_count;
    uint32_t due_offset;      /* the offset of the byte that is due: this side's ack */
    bool ack_due;

    uint32_t said_at;         /* when DATA or ACK went last */
    uint32_t heard_at;        /* when a packet of the link came last */
    uint32_t asked_at;        /* when RESET went last, or the link ended */
    uint16_t ask_after_ms;    /* how long after that the next RESET goes */
};

/* Begin. `epoch` is any number that differs from start to start: best a random one, at least a counter in EEPROM. */
void sig_link_start(struct sig_link *link, uint32_t epoch, uint32_t baudrate, uint32_t now_ms);

/* Take one byte from the line. Returns whether it ended a packet. */
bool sig_link_byte(struct sig_link *link, uint8_t byte, uint32_t now_ms);

/* Take the bytes of the stream that the last byte of the line brought: returns how many, and lets `bytes` point to
 * them, up to the next call of sig_link_byte(). */
uint8_t sig_link_take(struct sig_link *link, const uint8_t **bytes);

/* How many bytes the link takes to send now: 0 while the last ones are on their way, or while it is not up. Put them
 * where `bytes` points to, then send them. */
uint8_t sig_link_room(struct sig_link *link, uint8_t **bytes);
void sig_link_send(struct sig_link *link, uint8_t count, uint32_t now_ms);

/* Send what is due: RESET, DATA again, ACK. Ends a link that is dead. */
void sig_link_tick(struct sig_link *link, uint32_t now_ms);

/* End the link; the next one begins after a pause. */
void sig_link_end(struct sig_link *link, uint16_t pause_ms, uint32_t now_ms);

#endif

/* SPDX-License-Identifier: MIT */
/* The link alone, by script: each line of standard input is a command, what comes of it goes to standard output.
 *
 *     start EPOCH    begin, with this epoch in hexadecimal, at 115 200 baud
 *     at MS          set the clock
 *     line HEX       these bytes come over the line
 *     send HEX       give these bytes of the stream to the link
 *     tick           let the link send what is due
 *     end            end the link
 *
 * Printed: `out HEX` for what goes over the line, `in HEX` for what comes of the stream, and after each command `up` or
 * `connecting`. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../sig_link.h"
#include "../sig_port.h"

static struct sig_link link_;
static uint32_t now_ms;

static void print_hex(const uint8_t *bytes, size_t count)
{
    while (count-- > 0) {
        printf("%02x", (unsigned)*bytes++);
    }
    printf("\n");
}

void sig_port_write(const uint8_t *bytes, size_t count)
{
    printf("out ");
    print_hex(bytes, count);
}

static void print_stream(void)
{
    const uint8_t *arrived;
    uint8_t count = sig_link_take(&link_, &arrived);
    if (count > 0) {
        printf("in ");
        print_hex(arrived, count);
    }
}

static size_t from_hex(const char *text, uint8_t *bytes, size_t size)
{
    size_t count = 0;
    unsigned byte;
    while (count < size && sscanf(text, "%2x", &byte) == 1) {
        bytes[count++] = (uint8_t)byte;
        text += 2;
    }
    return count;
}

static void send(const uint8_t *bytes, size_t count)
{
    uint8_t *to;
    if (count <= sig_link_room(&link_, &to)) {
        memcpy(to, bytes, count);
        sig_link_send(&link_, (uint8_t)count, now_ms);
    }
}

static void run(const char *command, const char *argument)
{
    static uint8_t bytes[4096];
    size_t count = from_hex(argument, bytes, sizeof bytes);
    size_t i;
    if (strcmp(command, "start") == 0) {
        sig_link_start(&link_, (uint32_t)strtoul(argument, NULL, 16), 115200, now_ms);
    } else if (strcmp(command, "at") == 0) {
        now_ms = (uint32_t)strtoul(argument, NULL, 10);
    } else if (strcmp(command, "line") == 0) {
        for (i = 0; i < count; i++) {
            sig_link_byte(&link_, bytes[i], now_ms);
            print_stream();
        }
    } else if (strcmp(command, "send") == 0) {
        send(bytes, count);
    } else if (strcmp(command, "tick") == 0) {
        sig_link_tick(&link_, now_ms);
    } else if (strcmp(command, "end") == 0) {
        sig_link_end(&link_, 0, now_ms);
    }
}

int main(void)
{
    static char line[8300];
    while (fgets(line, sizeof line, stdin) != NULL) {
        const char *command = strtok(line, " \n");
        const char *argument = strtok(NULL, " \n");
        run(command != NULL ? command : "", argument != NULL ? argument : "");
        puts(link_.state == SIG_LINK_UP ? "up" : "connecting");
        fflush(stdout);
    }
    return 0;
}

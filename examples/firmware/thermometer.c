/* SPDX-License-Identifier: MIT */
/* A thermometer with a lamp: signals `reading` five times a second, answers `led`, `calibrate` and `status`, and writes
 * text to the same line as firmware does. There is no sensor here: the temperature goes up and down in steps. */

#include "thermometer.h"

#include <stdio.h>
#include <string.h>

#include "sig_client.h"
#include "sig_port.h"

#ifndef READING_MS
#define READING_MS 200
#endif
#define READINGS_PER_LINE 25

enum { READING_EVENT };

static void answer(struct sig_client *client, const char *method, const char *params);
static void complain(const char *code);

static const char *const events[] = {"reading", NULL};
static const char *const requests[] = {"led", "calibrate", "status", NULL};
static const struct sig_device device = {"thermometer", "thermo", events, requests, answer, complain};

static struct sig_client client;
static uint32_t read_at;
static uint32_t count;       /* of readings since the start */
static int32_t offset_centi; /* hundredths of a degree */
static bool is_lit;

/* printf of a board goes to the line in much the same way: text between packets, ended by a line feed. */
static void say(const char *text)
{
    sig_port_write((const uint8_t *)text, strlen(text));
}

/* Hundredths of a decimal fraction such as -0.25; further digits are dropped. */
static int32_t centi(const char *text)
{
    bool is_negative = *text == '-';
    uint8_t decimals = 0;
    bool is_fraction = false;
    int32_t value = 0;
    for (text += is_negative; (*text >= '0' && *text <= '9' && value < 1000000) || *text == '.'; text++) {
        if (*text == '.') {
            is_fraction = true;
        } else if (decimals < 2) {
            value = value * 10 + (*text - '0');
            decimals = (uint8_t)(decimals + is_fraction);
        }
    }
    for (; decimals < 2; decimals++) {
        value *= 10;
    }
    return is_negative ? -value : value;
}

static void calibrate(struct sig_client *asked, const char *params)
{
    struct sig_json json;
    char text[32];
    const char *value = sig_json_find(&json, params, "offset");
    if (value == NULL) {
        sig_client_refuse(asked, "calibrate takes an object with the number offset, in degrees Celsius");
        return;
    }
    offset_centi = centi(value);
    sprintf(text, "{\"offset_centi\":%ld}", (long)offset_centi);
    sig_client_reply(asked, text);
}

static void tell_status(struct sig_client *asked)
{
    char text[SIG_ANSWER];
    sprintf(text, "{\"ram\":%u,\"readings\":%lu,\"whole\":%lu,\"damaged\":%lu}", (unsigned)sizeof client,
            (unsigned long)count, (unsigned long)asked->link.packets_whole,
            (unsigned long)asked->link.packets_damaged);
    sig_client_reply(asked, text);
}

static void answer(struct sig_client *asked, const char *method, const char *params)
{
    if (strcmp(method, "led") == 0) {
        is_lit = strcmp(params, "true") == 0;
        sig_client_reply(asked, is_lit ? "{\"lit\":true}" : "{\"lit\":false}");
    } else if (strcmp(method, "calibrate") == 0) {
        calibrate(asked, params);
    } else {
        tell_status(asked);
    }
}

static void complain(const char *code)
{
    say("the server says ");
    say(code);
    say("\n");
}

static void read_temperature(void)
{
    char text[64];
    int32_t celsius_centi = 2000 + (int32_t)(count % 100) * 5 + offset_centi;
    count++;
    sprintf(text, "{\"centicelsius\":%ld,\"count\":%lu}", (long)celsius_centi, (unsigned long)count);
    sig_client_event(&client, READING_EVENT, text);
    if (count % READINGS_PER_LINE == 0) {
        sprintf(text, "%lu readings, the lamp is %s\n", (unsigned long)count, is_lit ? "on" : "off");
        say(text);
    }
}

void thermometer_start(uint32_t epoch, uint32_t baudrate)
{
    char text[64];
    sprintf(text, "\nthermometer: boot, %u bytes of RAM for sigcore\n", (unsigned)sizeof client);
    say(text);
    sig_client_start(&client, &device, epoch, baudrate);
    read_at = sig_port_millis();
}

void thermometer_loop(void)
{
    sig_client_poll(&client);
    if (count == 0 && !sig_client_is_registered(&client)) {
        read_at = sig_port_millis(); /* before the first link there is nobody to miss a reading */
    }
    if ((uint32_t)(sig_port_millis() - read_at) >= READING_MS) {
        read_at += READING_MS;
        read_temperature();
    }
}

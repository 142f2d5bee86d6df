/* SPDX-License-Identifier: MIT */
/* The thermometer as a program of a PC with Linux or macOS: `thermometer PORT [BAUDRATE]`.
 *
 * What stands here is what a board does otherwise. As a board goes on when its cable is pulled, so does this: it opens
 * the port again until it is back. */

#define _DEFAULT_SOURCE

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "sig_port.h"
#include "thermometer.h"

#define FULL_MS 20       /* how long a write waits for a port that takes nothing */
#define OPEN_AGAIN_MS 50

static const char *path;
static speed_t speed = B115200;
static int port = -1;
static uint8_t came[256];
static size_t came_at;
static size_t came_count;

static void close_port(void)
{
    close(port);
    port = -1;
    came_at = came_count = 0;
}

static void open_port(void)
{
    struct termios settings;
    port = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK);
    if (port < 0) {
        return;
    }
    if (tcgetattr(port, &settings) != 0) {
        close_port();
        return;
    }
    cfmakeraw(&settings);
    settings.c_cflag |= CLOCAL | CREAD;
    cfsetispeed(&settings, speed);
    cfsetospeed(&settings, speed);
    if (tcsetattr(port, TCSANOW, &settings) != 0) {
        close_port();
    }
}

static void wait_for(short event, int milliseconds)
{
    struct pollfd waiting;
    waiting.fd = port;
    waiting.events = event;
    waiting.revents = 0;
    poll(&waiting, 1, milliseconds);
}

int sig_port_read(void)
{
    if (came_at == came_count && port >= 0) {
        ssize_t count = read(port, came, sizeof came);
        came_at = 0;
        came_count = count > 0 ? (size_t)count : 0;
    }
    return came_at < came_count ? came[came_at++] : -1;
}

void sig_port_write(const uint8_t *bytes, size_t count)
{
    while (count > 0 && port >= 0) {
        ssize_t written = write(port, bytes, count);
        if (written <= 0) {
            wait_for(POLLOUT, FULL_MS);
            written = write(port, bytes, count);
        }
        if (written <= 0) {
            return; /* nobody takes it: it is lost, as on a wire */
        }
        bytes += written;
        count -= (size_t)written;
    }
}

uint32_t sig_port_millis(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint32_t)((uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000);
}

/* Whether the device behind the port has gone: poll says so also where nothing is read or written. */
static int is_gone(void)
{
    struct pollfd asked;
    asked.fd = port;
    asked.events = POLLIN;
    asked.revents = 0;
    return poll(&asked, 1, 5) > 0 && (asked.revents & (POLLHUP | POLLERR | POLLNVAL)) != 0;
}

static int set_speed(const char *text)
{
    static const struct {
        const char *text;
        speed_t speed;
    } known[] = {{"9600", B9600}, {"19200", B19200}, {"57600", B57600}, {"115200", B115200}, {"230400", B230400}};
    size_t i;
    for (i = 0; i < sizeof known / sizeof *known; i++) {
        if (strcmp(text, known[i].text) == 0) {
            speed = known[i].speed;
            return 1;
        }
    }
    return 0;
}

/* A number that differs from start to start; a board takes the noise of an open ADC pin, or a counter in EEPROM. */
static uint32_t random_epoch(void)
{
    uint32_t epoch = (uint32_t)time(NULL) ^ (uint32_t)getpid() << 16;
    FILE *source = fopen("/dev/urandom", "rb");
    if (source != NULL) {
        if (fread(&epoch, sizeof epoch, 1, source) != 1) {
            fputs("cannot read /dev/urandom, taking the time instead\n", stderr);
        }
        fclose(source);
    }
    return epoch;
}

int main(int argc, char **argv)
{
    const char *baudrate = argc == 3 ? argv[2] : "115200";
    if (argc < 2 || argc > 3 || !set_speed(baudrate)) {
        fprintf(stderr, "usage: %s PORT [9600|19200|57600|115200|230400]\n", argv[0]);
        return 2;
    }
    path = argv[1];
    open_port();
    thermometer_start(random_epoch(), (uint32_t)strtoul(baudrate, NULL, 10));
    for (;;) {
        if (port < 0) {
            poll(NULL, 0, OPEN_AGAIN_MS);
            open_port();
        } else if (is_gone()) {
            close_port();
        }
        thermometer_loop();
    }
}

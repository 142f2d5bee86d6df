/* SPDX-License-Identifier: MIT */
/* The three functions that a board supplies: everything else in this folder is the same everywhere. */

#ifndef SIG_PORT_H
#define SIG_PORT_H

#include <stddef.h>
#include <stdint.h>

/* Take the next byte that came over the line, or return -1 where there is none. Never waits. */
int sig_port_read(void);

/* Give bytes to the line. May wait until they have room in a buffer. What a board cannot send is lost like anything
 * else on the way: the link sends it again. */
void sig_port_write(const uint8_t *bytes, size_t count);

/* Milliseconds since some moment; wraps after 2^32. */
uint32_t sig_port_millis(void);

#endif

/* SPDX-License-Identifier: MIT */
/* The program of the device. A board calls these two, as setup() and loop() of an Arduino sketch. */

#ifndef THERMOMETER_H
#define THERMOMETER_H

#include <stdint.h>

void thermometer_start(uint32_t epoch, uint32_t baudrate);
void thermometer_loop(void);

#endif

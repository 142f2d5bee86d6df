/* SPDX-License-Identifier: MIT */
/* Constant text in flash. On most machines that is where constants are anyway; an AVR copies them to its RAM, unless
 * they are marked and read in another way. */

#ifndef SIG_FLASH_H
#define SIG_FLASH_H

#ifdef __AVR__
#include <avr/pgmspace.h>
#define SIG_FLASH PROGMEM
#define SIG_TEXT(text) PSTR(text)
#define SIG_READ8(at) ((char)pgm_read_byte(at))
#define SIG_READ32(at) pgm_read_dword(at)
#else
#define SIG_FLASH
#define SIG_TEXT(text) (text)
#define SIG_READ8(at) (*(at))
#define SIG_READ32(at) (*(at))
#endif

#endif

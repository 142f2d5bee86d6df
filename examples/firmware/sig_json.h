/* SPDX-License-Identifier: MIT */
/* Finds values in JSON as its bytes come by, however long it is: nothing is kept but one name per level, two levels
 * deep, and one value. It takes well-formed JSON, and skips what is deeper. */

#ifndef SIG_JSON_H
#define SIG_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The longest name and the longest value that are kept, with the zero behind them: 32 hexadecimal digits fit.
 * What is longer is cut, and so equals nothing that is asked for. */
#ifndef SIG_JSON_TEXT
#define SIG_JSON_TEXT 34
#endif

struct sig_json {
    char outer[16];            /* the name at the first level */
    char inner[SIG_JSON_TEXT]; /* the name at the second, empty for a value of the first */
    char value[SIG_JSON_TEXT]; /* a text without its quotes, or a number, true, false, null as they stand */
    uint8_t value_count;
    uint8_t depth;
    bool has_value;
    bool in_text;
    bool is_escaped;
};

void sig_json_start(struct sig_json *json);

/* Take a byte. Returns true where it ended a value of the first or second level: then `outer`, `inner` and `value`
 * say which and what. */
bool sig_json_byte(struct sig_json *json, char byte);

/* Whether the value that just ended is that of `inner` in the object `outer`; or of `outer`, where `inner` is "". */
bool sig_json_is(const struct sig_json *json, const char *outer, const char *inner);

/* The value as a number without sign or fraction; 0 where it is none, the greatest number where it is greater. */
uint64_t sig_json_number(const struct sig_json *json);

/* Look for the value of `name` in the object `text`. Returns NULL where there is none, else the value, in `json`. */
const char *sig_json_find(struct sig_json *json, const char *text, const char *name);

#endif

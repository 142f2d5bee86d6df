/* SPDX-License-Identifier: MIT */
/* See sig_json.h. */

#include "sig_json.h"

#include <string.h>

/* Copy what fits, and a zero. */
static void keep(char *to, size_t size, const char *text)
{
    size_t count = strlen(text);
    if (count >= size) {
        count = size - 1;
    }
    memcpy(to, text, count);
    to[count] = 0;
}

static void start_value(struct sig_json *json)
{
    json->value_count = 0;
    json->value[0] = 0;
    json->has_value = true;
}

static void append(struct sig_json *json, char byte)
{
    if (json->value_count < SIG_JSON_TEXT - 1) {
        json->value[json->value_count++] = byte;
        json->value[json->value_count] = 0;
    }
}

/* What was read last is the name of what follows. */
static void take_name(struct sig_json *json)
{
    if (json->depth == 1) {
        keep(json->outer, sizeof json->outer, json->value);
        json->inner[0] = 0;
    } else if (json->depth == 2) {
        keep(json->inner, sizeof json->inner, json->value);
    }
    json->has_value = false;
}

static void enter(struct sig_json *json)
{
    json->has_value = false;
    if (json->depth < UINT8_MAX) {
        json->depth++;
    }
}

/* Returns whether a value ended here that is one to look at. */
static bool end_value(struct sig_json *json)
{
    bool found = json->has_value && (json->depth == 1 || json->depth == 2);
    json->has_value = false;
    return found;
}

static bool leave(struct sig_json *json)
{
    bool found = end_value(json);
    if (json->depth > 0) {
        json->depth--;
    }
    return found;
}

static void take_text(struct sig_json *json, char byte)
{
    if (json->is_escaped) {
        json->is_escaped = false;
        append(json, byte); /* \" and \\ are right so; nobody here asks for a text with other escapes */
    } else if (byte == '\\') {
        json->is_escaped = true;
    } else if (byte == '"') {
        json->in_text = false;
    } else {
        append(json, byte);
    }
}

void sig_json_start(struct sig_json *json)
{
    memset(json, 0, sizeof *json);
}

bool sig_json_byte(struct sig_json *json, char byte)
{
    if (json->in_text) {
        take_text(json, byte);
        return false;
    }
    switch (byte) {
    case '"':
        start_value(json);
        json->in_text = true;
        return false;
    case ':':
        take_name(json);
        return false;
    case '{':
    case '[':
        enter(json);
        return false;
    case ',':
        return end_value(json);
    case '}':
    case ']':
        return leave(json);
    case ' ':
    case '\t':
    case '\r':
    case '\n':
        return false;
    default: /* of a number, true, false or null */
        if (!json->has_value) {
            start_value(json);
        }
        append(json, byte);
        return false;
    }
}

bool sig_json_is(const struct sig_json *json, const char *outer, const char *inner)
{
    return strcmp(json->outer, outer) == 0 && strcmp(json->inner, inner) == 0;
}

uint64_t sig_json_number(const struct sig_json *json)
{
    const char *at;
    uint64_t number = 0;
    for (at = json->value; *at >= '0' && *at <= '9'; at++) {
        uint8_t digit = (uint8_t)(*at - '0');
        if (number > (UINT64_MAX - digit) / 10) {
            return UINT64_MAX;
        }
        number = number * 10 + digit;
    }
    return *at == 0 ? number : 0;
}

const char *sig_json_find(struct sig_json *json, const char *text, const char *name)
{
    sig_json_start(json);
    for (; *text != 0; text++) {
        if (sig_json_byte(json, *text) && sig_json_is(json, name, "")) {
            return json->value;
        }
    }
    return NULL;
}

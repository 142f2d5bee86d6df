# SPDX-License-Identifier: MIT
"""Makes ``sigcore/sigcore.schema.json`` of what the code knows: ``python -m tests.config_schema`` writes it anew."""

from __future__ import annotations

import inspect
import json
import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import sigcore
from sigcore._access_rule import VERBS
from sigcore._config import KNOWN, LOG_LEVELS
from sigcore._limits import ServerLimits
from sigcore._options import (
    _BYTES,
    _LIMIT,
    _TIME,
    _Units,
    format_limit,
    format_seconds,
    format_size,
    option_names,
)

FILE = Path(__file__).parents[1] / "sigcore" / "sigcore.schema.json"


def schema() -> dict[str, Any]:
    """Return the schema of a server's configuration file."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:sigcore:sigcore.toml",
        "title": "sigcore.toml",
        "description": "The configuration of a sigcore server, for ServerRouter.from_config and sig serve --config.",
        "type": "object",
        "additionalProperties": False,
        "required": ["endpoints"],
        "properties": {
            "name": text("What the server calls itself; by default host name and process number."),
            "insecure": {
                "description": "Whether to listen where other machines can connect without authentication.",
                "type": "boolean",
                "default": False,
            },
            "anonymous": {
                "description": "Whether those may come who do not say who they are; by default while nobody could.",
                "type": "boolean",
            },
            "plugins": {
                "description": "Names of plug-ins to use, in the order in which they are asked.",
                "type": "array",
                "items": {"type": "string", "minLength": 1},
                "examples": [["ldap"]],
            },
            "identities": {
                "description": "Who may come, and where what proves it is.",
                "type": "object",
                "additionalProperties": identity(),
            },
            "audit": {
                "description": "Whether what the rules deny is only logged and counted.",
                "type": "boolean",
                "default": False,
            },
            "rules": {
                "description": "Who may do what; without any, everybody may do everything.",
                "type": "array",
                "items": rule(),
            },
            "codecs": {
                "description": "Names of the codecs that clients may choose; by default all that are installed.",
                "type": "array",
                "minItems": 1,
                "items": {"type": "string", "minLength": 1},
                "examples": [["json", "cbor"]],
            },
            "endpoints": {
                "description": "Where to listen.",
                "type": "array",
                "minItems": 1,
                "items": {"anyOf": [text("The endpoint as a URL."), endpoint()]},
                "examples": [["tcp://127.0.0.1:3000", "unix:///run/sigcore/sig.sock"]],
            },
            **{name: limit(name, ServerLimits) for name in option_names(ServerLimits)},
            "limits": {
                "description": "Limits for the links of every endpoint.",
                "type": "object",
                "additionalProperties": False,
                "properties": {name: limit(name) for name in KNOWN["limits"]},
            },
            "logging": {
                "description": "What sig serve logs.",
                "type": "object",
                "additionalProperties": False,
                "properties": {
                    "level": {"description": "The least level that is logged.", "enum": list(LOG_LEVELS)},
                },
            },
        },
        "$defs": {
            "size": quantity(_BYTES, "integer"),
            "limit": quantity(_LIMIT, "integer"),
            "time": quantity(_TIME, "number"),
        },
    }


def endpoint() -> dict[str, Any]:
    """Return the schema of an endpoint as a table."""
    return {
        "type": "object",
        "additionalProperties": False,
        "required": ["url"],
        "properties": {
            "url": text("The endpoint as a URL."),
            "options": {
                "description": "What could stand in the URL's query: options of the carrier, limits, and senders.",
                "type": "object",
                "properties": {
                    **{name: {"type": ["string", "number"]} for name in option_names(sigcore.LinkOptions)},
                    "senders": {"type": ["string", "array"], "items": {"type": "string", "minLength": 1}},
                },
                "additionalProperties": {"type": ["string", "number", "boolean", "array", "object"]},
            },
        },
    }


def identity() -> dict[str, Any]:
    """Return the schema of an identity."""
    place = {"type": "string", "pattern": "^(env|file|credential):.+$", "examples": ["credential:thermo-7"]}
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "secret": {"description": "Where the secret is that both sides know and that is never sent.", **place},
            "token": {
                "description": "Where the token is that is shown over links which nobody else can read.",
                **place,
            },
            "groups": one_or_more("The groups that it is in, for rules."),
        },
    }


def rule() -> dict[str, Any]:
    """Return the schema of a rule."""
    described = {
        "who": "Identities, group:NAME, anonymous, or * for everybody.",
        "senders": "Patterns of senders' names; * is any text.",
        "events": "Patterns of events' names, for the verbs listen and send.",
        "methods": "Patterns of methods' names, for the verbs request and send.",
    }
    verbs = {"enum": list(VERBS)}
    effects = {
        effect: {
            "description": f"What the rule {said}.",
            "anyOf": [verbs, {"type": "array", "minItems": 1, "items": verbs}],
        }
        for effect, said in (("allow", "allows"), ("deny", "denies"))
    }
    return {
        "type": "object",
        "additionalProperties": False,
        "required": ["who"],
        "oneOf": [{"required": ["allow"]}, {"required": ["deny"]}],
        "properties": {**{key: one_or_more(said) for key, said in described.items()}, **effects},
    }


def one_or_more(description: str) -> dict[str, Any]:
    """Return the schema of a text, or a list of some."""
    one = {"type": "string", "minLength": 1}
    return {"description": description, "anyOf": [one, {"type": "array", "minItems": 1, "items": one}]}


def text(description: str) -> dict[str, Any]:
    """Return the schema of text that is not empty."""
    return {"description": description, "type": "string", "minLength": 1}


def limit(name: str, options: type = sigcore.LinkOptions) -> dict[str, Any]:
    """Return the schema of a field of ``LinkOptions``, or of ``ServerLimits``."""
    found = {field.name: field for field in fields(options)}[name]
    default, kind = found.default, str(found.type)
    described = {"description": descriptions(options)[name]}
    if kind == "Size":
        return {**described, "$ref": "#/$defs/size", "default": format_size(int(str(default)))}
    if kind == "Limit":
        return {**described, "$ref": "#/$defs/limit", "default": format_limit(int(str(default)))}
    if kind == "Seconds":
        return {**described, "$ref": "#/$defs/time", "default": format_seconds(float(str(default)))}
    return {**described, "type": "integer", "exclusiveMinimum": 0, "default": default}


def quantity(units: _Units, number: str) -> dict[str, Any]:
    """Return the schema of a time or a size: text with a unit, or a bare number, or one of the quantity's words."""
    names = "|".join(units.factors)
    forms = [*(f'"{word}"' for word in units.words), f"a {units.what} with its unit", f"a number of {units.base}"]
    described = ", or ".join(forms)
    return {
        "description": f"{described[0].upper()}{described[1:]}; never 0.",
        "anyOf": [
            *({"const": word} for word in units.words),
            {"type": "string", "pattern": rf"^(?![0.]+[A-Za-z])[0-9]{{1,12}}(\.[0-9]{{1,6}})?({names})$"},
            {"type": number, "exclusiveMinimum": 0},
        ],
        "examples": [units.example],
    }


def descriptions(options: type) -> dict[str, str]:
    """Return what the docstring of a class of options says of each of its fields."""
    lines = (inspect.getdoc(options) or "").partition("Attributes:\n")[2]
    return {name: " ".join(said.split()) for name, said in re.findall(r"^ {4}(\w+): (.*(?:\n {8}.*)*)", lines, re.M)}


def as_text() -> str:
    """Return the file's content."""
    return json.dumps(schema(), indent=2) + "\n"


if __name__ == "__main__":
    FILE.write_text(as_text(), encoding="utf-8")

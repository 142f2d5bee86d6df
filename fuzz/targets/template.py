# SPDX-License-Identifier: MIT
"""Templates of commands for devices: ``ValueError``, or a text in which each parameter is what it may be."""

from __future__ import annotations

import re

from sig_lines._template import PLAIN, Template

from fuzz.supply import Supply, block_of

WORDS = [b"{n}", b"{{", b"}}", b"{", b"}", b"{channel}", b";", b"\r\n", b"\x00", "\u2028".encode(), b" ", b"1e5"]
MAX_LEN = 512
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def check(data: bytes) -> bool:
    """Fill a template with texts and numbers."""
    supply = Supply(data)
    text = supply.block().decode(errors="replace")
    try:
        template = Template(text, {"any": re.compile(".*", re.DOTALL)})
        given: dict[str, str | int] = {}
        for name in template.names:
            given[name] = supply.block().decode(errors="replace") if supply.byte() & 1 else supply.byte()
        filled = template.fill(given)
    except ValueError:
        return False
    assert len(CONTROL.findall(filled)) == len(CONTROL.findall(template.fixed))
    assert all(PLAIN.fullmatch(str(value)) for name, value in given.items() if name != "any")
    return True


def seeds() -> list[bytes]:
    """Return templates, good and bad, with their parameters."""
    set_n = block_of(b"SET {n}") + b"\x01"
    texts = [set_n + block_of(text) for text in (b"5", b"5;OFF", b"5\r\nOFF", b"x" * 65)]
    texts += [block_of(b"{a} {{x}} {a}{b}") + b"\x00\x05\x01" + block_of(b"-1.5")]
    return [*texts, block_of(b"{any}") + b"\x01" + block_of(b"a b;c"), block_of(b"{ x"), block_of(b"{0}")]

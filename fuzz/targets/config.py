# SPDX-License-Identifier: MIT
"""``sigcore.toml``: what a server is to do, or ``ConfigError`` that tells of everything that is wrong."""

from __future__ import annotations

import tempfile
from pathlib import Path

import sigcore
from sigcore._config import load_config
from sigcore._endpoint import Endpoint

WORDS = [b"[[endpoints]]\n", b'url = "tcp://127.0.0.1:0"\n', b"[endpoints.options]\n", b"[limits]\n", b"[logging]\n"]
WORDS += [
    b'name = "x"\n',
    b"insecure = true\n",
    b'codecs = ["json"]\n',
    b"[[rules]]\n",
    b"[identities.a]\n",
    b"1e999",
    b"inf",
]
WORDS += [
    b'who = "*"\n',
    b'allow = ["listen"]\n',
    b'senders = "a-*"\n',
    b'secret = "env:A"\n',
    b'max_frame = "1MiB"\n',
    b"1979-05-27",
]
MAX_LEN = 1024

_folder = tempfile.TemporaryDirectory(prefix="sigcore-fuzz-")
_path = Path(_folder.name, "sigcore.toml")


def check(data: bytes) -> bool:
    """Read ``data`` as a file; what is accepted must be what a server can be given."""
    _path.write_bytes(data)
    try:
        config = load_config(_path)
    except sigcore.ConfigError as error:
        str(error).encode()
        return False
    for endpoint in config.endpoints:
        Endpoint.parse(endpoint)
    assert isinstance(config.keywords(), dict)
    repr(config)
    return True


def seeds() -> list[bytes]:
    """Return configuration files, good and bad."""
    good = 'name = "hall"\ncodecs = ["json"]\ninsecure = false\nsession_memory = "64MiB"\n'
    endpoint = (
        '[[endpoints]]\nurl = "tcp://127.0.0.1:3000"\n[endpoints.options]\nheartbeat = "5s"\nmax_frame = "64KiB"\n'
    )
    limits = '[limits]\nmax_frame = "1MiB"\ndead_after = "30s"\n[logging]\nlevel = "info"\n'
    access = '[identities.a]\ntoken = "env:A"\ngroups = ["g"]\n'
    access += '[[rules]]\nwho = "group:g"\nallow = ["listen"]\nsenders = "a-*"\n'
    bad = [
        "name = 5\n",
        "codecs = 'json'\n",
        "[limits]\nmax_frame = -1\n",
        "x = 1\n",
        "a = [\n",
        "name = '\\u0000'\n",
        "\ufeff",
    ]
    return [text.encode() for text in (good + endpoint + limits, endpoint, limits, access + endpoint, *bad)] + [
        b"\xff\xfe"
    ]

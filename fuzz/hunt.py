# SPDX-License-Identifier: MIT
"""Runs one target under atheris, which grows inputs by what code they reach; libFuzzer ends the process.

``python -m fuzz.hunt NAME SECONDS FOLDER``
"""

from __future__ import annotations

import importlib
import logging
import sys
from pathlib import Path

import atheris

OURS = ["sigcore", "sig_cbor", "sig_lines", "sig_serial", "sig_tcp"]

MEMORY_MB = 512
"""All that the process may have, the fuzzer's own tables included."""

INPUT_S = 5
"""How long one input may take, some twenty times slower than usual; the slowest that is known takes a tenth."""


def main(name: str, seconds: str, folder: str) -> None:
    """Hunt for so long; never returns."""
    logging.disable(logging.CRITICAL)
    with atheris.instrument_imports(include=OURS):
        target = importlib.import_module("fuzz.target").load(name)
    found, begin = Path(folder, "found"), Path(folder, "begin")
    for place in (found, begin):
        place.mkdir(parents=True, exist_ok=True)
    kept = importlib.import_module("fuzz.corpus").kept(name)
    for number, data in enumerate([*target.seeds(), *kept]):
        (begin / f"{number:04}").write_bytes(data)
    words = Path(folder, "words")
    words.write_text("".join(f'"{_escaped(word)}"\n' for word in target.words), encoding="ascii")
    limits = [f"-max_total_time={seconds}", f"-rss_limit_mb={MEMORY_MB}", f"-timeout={INPUT_S}"]
    limits += [f"-max_len={target.max_len}", f"-dict={words}", f"-artifact_prefix={folder}/", "-print_final_stats=1"]

    def check(data: bytes) -> None:
        target.check(data)

    atheris.Setup([name, *limits, str(found), str(begin)], check)
    atheris.Fuzz()


def _escaped(word: bytes) -> str:
    return "".join(f"\\x{byte:02x}" for byte in word)


if __name__ == "__main__":
    main(*sys.argv[1:])

# SPDX-License-Identifier: MIT
"""Nanoseconds to encode and decode by each codec, beside the bare library that it is built on.

    python -m benchmarks.codecs

All are measured in turn in each round of one run. ``ns`` is the least of all rounds; the ratio compares those least
figures: it is what bounds, strictness and plain forms cost.
"""

from __future__ import annotations

import gc
import json
import timeit
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from sigcore._json import JsonCodec

from .compare.machine import kept_awake
from .report import Report, Table, options_of

SMALL = {"celsius": 21.5, "seq": 7, "unit": "C"}
VALUES = {
    "small dict": SMALL,
    "64 small dicts": [SMALL] * 64,
    "1 KiB of bytes": b"x" * 1024,
    "64 KiB of bytes": b"x" * 65_536,
}
RUN_S = 0.002
"""How long one measurement takes: far above the clock's grain, far below a scheduler's slice."""


@dataclass
class Pair:
    """The same work by a codec and by its bare library.

    Attributes:
        codec: The codec, with its library.
        value: What is encoded or decoded, by the name in ``VALUES``.
        way: ``"encode"`` or ``"decode"``.
        ours: Does it once, by the codec.
        bare: Does it once, by the library alone.
        best_ns: The least time so far of each.
    """

    codec: str
    value: str
    way: str
    ours: Callable[[], Any]
    bare: Callable[[], Any]
    best_ns: tuple[float, float] = (float("inf"), float("inf"))

    def measure(self) -> None:
        """Measure both once more."""
        ours, bare = self.best_ns
        self.best_ns = min(ours, nanoseconds(self.ours)), min(bare, nanoseconds(self.bare))

    @property
    def ratio(self) -> float:
        return self.best_ns[0] / self.best_ns[1]


def nanoseconds(call: Callable[[], Any]) -> float:
    """Return the time of one call, measured over about ``RUN_S``."""
    once = max(timeit.timeit(call, number=1), 1e-9)
    number = max(1, min(10_000, int(RUN_S / once)))
    return timeit.timeit(call, number=number) / number * 1e9


def libraries() -> Iterator[tuple[str, Any, Callable[[Any], bytes], Callable[[bytes], Any]]]:
    """Give each codec that can run here, with its bare library's ways to encode and decode."""
    bare = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
    yield "json, standard library", JsonCodec(), lambda value: bare.encode(value).encode(), json.loads
    if find_spec("msgspec"):
        import msgspec

        from sigcore._json import MsgspecJsonCodec

        yield "json, msgspec", MsgspecJsonCodec(), msgspec.json.Encoder().encode, msgspec.json.Decoder().decode
    if find_spec("sig_cbor"):
        import cbor2
        from sig_cbor import CborCodec

        yield "cbor, cbor2", CborCodec(), cbor2.dumps, cbor2.loads


def pairs() -> list[Pair]:
    """Return what can be compared here; bytes are left to the codecs that carry them as such."""
    found = []
    for name, codec, dumps, loads in libraries():
        for what, value in VALUES.items():
            if isinstance(value, bytes) and codec.name == "json":
                continue
            found += [of_encoding(name, what, codec, dumps, value), of_decoding(name, what, codec, loads, dumps(value))]
    return found


def of_encoding(name: str, what: str, codec: Any, dumps: Callable[[Any], bytes], value: Any) -> Pair:
    return Pair(name, what, "encode", lambda: codec.encode(value), lambda: dumps(value))


def of_decoding(name: str, what: str, codec: Any, loads: Callable[[bytes], Any], wire: bytes) -> Pair:
    return Pair(name, what, "decode", lambda: codec.decode(wire), lambda: loads(wire))


def measured(rounds: int) -> list[Pair]:
    """Return all pairs, measured in turn ``rounds`` times."""
    found = pairs()
    gc.disable()
    try:
        for _ in range(rounds):
            for pair in found:
                pair.measure()
    finally:
        gc.enable()
    return found


def report(found: Sequence[Pair]) -> Report:
    """Return the figures of pairs as they are to be read."""
    table = Table("Codecs beside their bare libraries", ["codec", "value", "way", "ns", "bare ns", "ratio"])
    figures = []
    for pair in found:
        ours, bare = pair.best_ns
        table.rows.append([pair.codec, pair.value, pair.way, f"{ours:,.0f}", f"{bare:,.0f}", f"{pair.ratio:.2f}"])
        kept = {"codec": pair.codec, "value": pair.value, "way": pair.way}
        figures.append({**kept, "ns": ours, "bare_ns": bare, "ratio": pair.ratio})
    left_out = [name for name in ("msgspec", "sig_cbor") if not find_spec(name)]
    return Report("codecs", [table], figures, [f"{name} is not installed" for name in left_out])


def main(arguments: Sequence[str] | None = None) -> None:
    parser = options_of(__doc__)
    parser.add_argument("--rounds", type=int, default=50, metavar="N", help="how often each is measured (50)")
    options = parser.parse_args(arguments)
    with kept_awake(wanted=True):
        found = measured(options.rounds)
    report(found).give(options.json)


if __name__ == "__main__":
    main()

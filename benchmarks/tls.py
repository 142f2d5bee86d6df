# SPDX-License-Identifier: MIT
"""What TLS costs: the same links over ``tcp://`` and over ``tls://``, side by side.

    python -m benchmarks.tls

Megabytes a second through one link on the loopback device, with both ends in one process, for writes of several sizes,
the time from a small write to its answer, and links made per second. The best of several rounds, each of which
measures both carriers in turn.
"""

from __future__ import annotations

import asyncio
import datetime
import ipaddress
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, cast

from sigcore import Endpoint, load_carrier
from sigcore.aio import new_event_loop

from .report import Report, Table, options_of

ROUNDS = 5
SIZES = (100, 4_096, 65_536)
BYTES = 32 << 20
SMALL_BYTES = 2 << 20
ANSWERS = 1_000
LINKS = 100


class End(asyncio.Protocol):
    """One end of a link, which counts what comes.

    Attributes:
        answers: Whether it sends back what it gets.
    """

    def __init__(self, *, answers: bool = False) -> None:
        self.answers = answers
        self.received = 0
        self.enough = 0
        self.reached: asyncio.Future[None] | None = None
        self.may_write = asyncio.Event()
        self.may_write.set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self.received += len(data)
        if self.answers:
            self.transport.write(data)
        elif self.reached is not None and self.received >= self.enough and not self.reached.done():
            self.reached.set_result(None)

    def pause_writing(self) -> None:
        self.may_write.clear()

    def resume_writing(self) -> None:
        self.may_write.set()

    def until(self, more: int) -> asyncio.Future[None]:
        """Return what is done when so many bytes more are here."""
        self.enough = self.received + more
        self.reached = asyncio.get_running_loop().create_future()
        return self.reached


class Place:
    """Where links come in, and how to make one.

    Args:
        listen: Where to listen.
        options: The query with which clients connect.
    """

    def __init__(self, listen: str, options: str) -> None:
        self._listen = Endpoint.parse(listen)
        self._options = options
        self.carrier = load_carrier(self._listen.scheme)
        self.ends: asyncio.Queue[End] = asyncio.Queue()
        self.answers = False

    async def open(self) -> None:
        self.listening = await self.carrier.listen(self._listen, self._take)
        port = self.listening.endpoint.port
        self._there = Endpoint.parse(f"{self._listen.scheme}://127.0.0.1:{port}{self._options}")

    def _take(self) -> End:
        end = End(answers=self.answers)
        self.ends.put_nowait(end)
        return end

    async def link(self) -> tuple[End, End]:
        _, near = await self.carrier.connect(self._there, End)
        return cast(End, near), await self.ends.get()


async def megabytes_per_second(place: Place, size: int) -> float:
    near, far = await place.link()
    total = BYTES if size > 1_000 else SMALL_BYTES
    data = bytes(size)
    done = far.until(total)
    began = time.perf_counter()
    for _write in range(-(-total // size)):
        near.transport.write(data)
        await near.may_write.wait()
    await done
    took_s = time.perf_counter() - began
    near.transport.close()
    return total / took_s / 1e6


async def answers_per_second(place: Place) -> float:
    place.answers = True
    near, _ = await place.link()
    place.answers = False
    began = time.perf_counter()
    for _time in range(ANSWERS):
        done = near.until(100)
        near.transport.write(bytes(100))
        await done
    took_s = time.perf_counter() - began
    near.transport.close()
    return ANSWERS / took_s


async def links_per_second(place: Place) -> float:
    began = time.perf_counter()
    for _time in range(LINKS):
        near, _ = await place.link()
        near.transport.close()
    return LINKS / (time.perf_counter() - began)


Measure = Callable[[Place], Awaitable[float]]


def through(size: int) -> Measure:
    return lambda place: megabytes_per_second(place, size)


WORK: dict[str, tuple[str, Measure]] = {
    **{f"writes of {size} bytes": ("MB/s", through(size)) for size in SIZES},
    "100 bytes and their answer": ("per s", answers_per_second),
    "links made, mutual TLS": ("per s", links_per_second),
}


def certificates(folder: Path) -> tuple[Path, Path]:
    """Make an authority, and a certificate of its that serves both ends; return their files."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    now, day = datetime.datetime.now(datetime.UTC), datetime.timedelta(days=1)
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(2)]
    names = [x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)]) for text in ("authority", "bench")]
    files = folder / "ca.crt", folder / "end.pem"
    san = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1")), x509.DNSName("bench")])
    for key, name, file in zip(keys, names, files, strict=True):
        builder = x509.CertificateBuilder(names[0], name, key.public_key(), x509.random_serial_number())
        builder = builder.not_valid_before(now - day).not_valid_after(now + day).add_extension(san, critical=False)
        builder = builder.add_extension(x509.BasicConstraints(ca=name is names[0], path_length=None), critical=True)
        pem = builder.sign(keys[0], hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
        how = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        file.touch(mode=0o600)
        file.write_bytes(pem if name is names[0] else key.private_bytes(*how) + pem)
    return files


async def measure(rounds: int, ca: Path, end: Path) -> dict[str, tuple[float, float]]:
    """Return the best figures of each work: over TCP, over TLS."""
    query = f"?cert={end}&ca={ca}"
    places = [Place("tcp://127.0.0.1:0", ""), Place(f"tls://127.0.0.1:0{query}", query)]
    for place in places:
        await place.open()
    best: dict[str, tuple[float, float]] = {}
    for what, (_, work) in WORK.items():
        found = [[await work(place) for place in places] for _round in range(rounds)]
        best[what] = (max(plain for plain, _ in found), max(secure for _, secure in found))
    for place in places:
        place.listening.close()
        await place.listening.wait_closed()
    return best


def main() -> None:
    """Measure what is installed."""
    parser = options_of(__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="how often each is measured")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, asyncio.Runner(loop_factory=new_event_loop) as runner:
        best = runner.run(measure(options.rounds, *certificates(Path(folder))))
    table = Table("TCP and TLS, both ends in one process", ["", "unit", "tcp", "tls", "ratio"])
    figures: list[dict[str, Any]] = []
    for what, (plain, secure) in best.items():
        unit = WORK[what][0]
        table.rows.append([what, unit, f"{plain:,.0f}", f"{secure:,.0f}", f"{secure / plain:.2f}"])
        figures.append({"what": what, "unit": unit, "tcp": plain, "tls": secure, "ratio": secure / plain})
    Report("tls", [table], figures).give(options.json)


if __name__ == "__main__":
    main()

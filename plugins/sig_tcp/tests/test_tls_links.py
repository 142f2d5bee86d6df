# SPDX-License-Identifier: MIT
"""``tls://``: who is let in and who is not, with real certificates over real sockets."""

from __future__ import annotations

import asyncio
import datetime
import logging
import socket
import ssl
import threading
import warnings
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
import sig_tcp._tls_files
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID, NameOID
from sig_tcp import TlsCarrier

import sigcore
from sigcore import Endpoint, EndpointError, NotAuthenticated, RemoteProtocolError, load_carrier
from sigcore.testing import check_carrier

# The files of a test are its own and local, so looking at them from a coroutine holds nothing up.

LIMIT_S = 5.0
DAY = datetime.timedelta(days=1)
NOW = datetime.datetime.now(datetime.UTC)
PREFACE = b"\x93SIG\n\x01"


class Authority:
    """Issues certificates, and keeps them as files; ``above`` is the authority that lets it, where it is no root."""

    def __init__(self, folder: Path, name: str, above: Authority | None = None) -> None:
        self._folder = folder
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._serials: dict[str, int] = {}
        issuer = above or self
        certificate = issuer._signed(self._name, self._key, -DAY, 10 * DAY, [], is_ca=True)
        issuer._serials[name] = certificate.serial_number
        pem = certificate.public_bytes(serialization.Encoding.PEM)
        self._between = pem if above is not None else b""
        self.file = self._write(f"{name}.crt", pem)

    def issue(
        self,
        file: str,
        *names: Any,
        subject: str = "somebody",
        begins: datetime.timedelta = -DAY,
        ends: datetime.timedelta = DAY,
        password: bytes | None = None,
        purpose: x509.ObjectIdentifier | None = None,
    ) -> Path:
        """Return a new file with a key and a certificate for these names; text stands for a DNS name.

        A raw extension may stand for all of them.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        sans = [x509.DNSName(name) if isinstance(name, str) else name for name in names]
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)])
        certificate = self._signed(name, key, begins, ends, sans, purpose=purpose)
        self._serials[file] = certificate.serial_number
        pem = certificate.public_bytes(serialization.Encoding.PEM)
        return self._write(file, _pem(key, password) + pem + self._between)

    def revoke(self, *files: str, file: str = "crl.pem", ends: datetime.timedelta = DAY) -> Path:
        """Return the file with the list of the revoked: the certificates in ``files``."""
        builder = x509.CertificateRevocationListBuilder().issuer_name(self._name)
        builder = builder.last_update(NOW - 2 * DAY).next_update(NOW + ends)
        for name in files:
            entry = x509.RevokedCertificateBuilder().serial_number(self._serials[name]).revocation_date(NOW - DAY)
            builder = builder.add_revoked_certificate(entry.build())
        return self._write(file, builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))

    def _signed(
        self,
        subject: x509.Name,
        key: ec.EllipticCurvePrivateKey,
        begins: datetime.timedelta,
        ends: datetime.timedelta,
        names: list[Any],
        *,
        is_ca: bool = False,
        purpose: x509.ObjectIdentifier | None = None,
    ) -> x509.Certificate:
        builder = x509.CertificateBuilder().subject_name(subject).issuer_name(self._name).public_key(key.public_key())
        builder = builder.serial_number(x509.random_serial_number())
        builder = builder.not_valid_before(NOW + begins).not_valid_after(NOW + ends)
        builder = builder.add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
        if names:
            raw = names[0] if isinstance(names[0], x509.UnrecognizedExtension) else None
            builder = builder.add_extension(raw or x509.SubjectAlternativeName(names), critical=False)
        if purpose is not None:
            builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
        return builder.sign(self._key, hashes.SHA256())

    def _write(self, name: str, data: bytes) -> Path:
        path = self._folder / name
        path.write_bytes(data)
        path.chmod(0o600)
        return path


def _pem(key: ec.EllipticCurvePrivateKey, password: bytes | None) -> bytes:
    how = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, how)


class SelfSigned(Authority):
    """Its certificate is at once that of a server."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, "self")

    def _signed(self, subject: Any, key: Any, begins: Any, ends: Any, names: Any, **more: Any) -> Any:
        self._key, self._name = key, subject
        return super()._signed(subject, key, begins, ends, names, **more)


@pytest.fixture
def ca(tmp_path: Path) -> Authority:
    return Authority(tmp_path, "ca")


def loopback() -> x509.GeneralName:
    return x509.IPAddress(ip_address("127.0.0.1"))


@dataclass
class Deployment:
    """A server, what its clients need, and a client whose certificate is in order."""

    ca: Authority
    server: Path
    client: Path

    def listens(self, query: str = "") -> Endpoint:
        """Where it listens; it wants certificates of its clients, signed by the same authority."""
        return at(f"tls://127.0.0.1:0?cert={self.server}&ca={self.ca.file}{query}")

    def connects(self, port: int, query: str | None = None) -> Endpoint:
        """Where clients connect."""
        return at(f"tls://127.0.0.1:{port}?ca={self.ca.file}" + (f"&cert={self.client}" if query is None else query))


@pytest.fixture
def good(ca: Authority) -> Deployment:
    return Deployment(ca, ca.issue("server.pem", loopback(), "localhost"), ca.issue("client.pem", "thermo-7"))


def at(text: str) -> Endpoint:
    return Endpoint.parse(text)


class Heard(asyncio.Protocol):
    """Notes what happens to its link."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.made: asyncio.Future[asyncio.Transport] = loop.create_future()
        self.over: asyncio.Future[Exception | None] = loop.create_future()
        self.received = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.made.set_result(transport)

    def data_received(self, data: bytes) -> None:
        self.received += data

    def connection_lost(self, exc: Exception | None) -> None:
        self.over.set_result(exc)


class Served:
    """A place that listens, and the links that came."""

    def __init__(self) -> None:
        self.listening: Any = None
        self.links: asyncio.Queue[Heard] = asyncio.Queue()

    @property
    def port(self) -> int:
        return int(self.listening.endpoint.port)

    def take(self) -> Heard:
        link = Heard()
        self.links.put_nowait(link)
        return link


@asynccontextmanager
async def served(good: Deployment, endpoint: Endpoint | None = None) -> AsyncIterator[Served]:
    """Listen; afterwards a client in good order must still have its link, and no error may have gone unhandled."""
    unhandled: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: unhandled.append(context))
    place = Served()
    place.listening = await TlsCarrier().listen(endpoint or good.listens(), place.take)
    async with asyncio.timeout(4 * LIMIT_S):
        yield place
        await exchange(good, place)
        place.listening.close()
        await place.listening.wait_closed()
    assert unhandled == []


async def exchange(good: Deployment, place: Served) -> None:
    """Have a client in good order say something, and be answered."""
    near, client = await TlsCarrier().connect(good.connects(place.port), Heard)
    assert isinstance(client, Heard)
    near.write(b"canary")
    link = await place.links.get()
    while link.received != b"canary":
        await asyncio.sleep(0)
        if link.over.done():  # one that came before
            link = await place.links.get()
    far = await link.made
    far.write(b"sings")
    far.close()
    assert await client.over is None
    assert client.received == b"sings"
    assert await link.over is None


async def refusal(good: Deployment, place: Served, query: str | None = None, **changes: Any) -> Exception:
    """Connect, and return why there is no link, whichever side says so."""
    try:
        _, client = await TlsCarrier().connect(replace(good.connects(place.port, query), **changes), Heard)
    except Exception as error:  # noqa: BLE001  # the caller looks at it
        return error
    assert isinstance(client, Heard)
    cause = await client.over
    assert cause is not None
    return cause


async def until(fact: Callable[[], bool]) -> None:
    """Return when ``fact()``."""
    async with asyncio.timeout(LIMIT_S):
        while not fact():  # noqa: ASYNC110  # what is waited for has no event of its own
            await asyncio.sleep(0.002)


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


# the contract


def test_tls_keeps_every_rule_for_carriers(good: Deployment) -> None:
    query = f"cert={good.server}&ca={good.ca.file}"
    check_carrier(load_carrier("tls"), f"tls://127.0.0.1:0?{query}", links=3)


def test_the_other_end_of_an_aborted_link_is_told_that_it_was_cut(good: Deployment) -> None:
    async def scenario() -> None:
        async with served(good) as place:
            near, _ = await TlsCarrier().connect(good.connects(place.port), Heard)
            link = await place.links.get()
            near.abort()
            assert "without TLS's goodbye" in str(await link.over)

    asyncio.run(scenario())


# certificates of servers


@pytest.mark.parametrize(
    ("names", "lifetime", "told"),
    [
        (["gateway.example"], {}, "it names other hosts"),
        ([loopback()], {"begins": -2 * DAY, "ends": -DAY}, "it has expired; renew it"),
        ([loopback()], {"begins": DAY, "ends": 2 * DAY}, "it is not valid yet; set the clock"),
    ],
    ids=["wrong host", "expired", "not yet valid"],
)
def test_a_client_refuses_a_certificate_that_is_out_of_order(
    good: Deployment, names: list[Any], lifetime: dict[str, Any], told: str
) -> None:
    bad = good.ca.issue("bad.pem", *names, **lifetime)

    async def scenario() -> None:
        async with served(good) as canary, served_beside(good, at(f"tls://127.0.0.1:0?cert={bad}")) as place:
            error = await refusal(good, place)
            assert isinstance(error, NotAuthenticated)
            assert f"cannot connect to tls://127.0.0.1:{place.port}" in str(error)
            assert f"the server's certificate is not accepted: {told}" in str(error)
            assert canary.port

    asyncio.run(scenario())


@asynccontextmanager
async def served_beside(good: Deployment, endpoint: Endpoint) -> AsyncIterator[Served]:
    """Listen at a place that no client can use."""
    place = Served()
    place.listening = await TlsCarrier().listen(endpoint, place.take)
    yield place
    place.listening.close()
    await place.listening.wait_closed()


@pytest.mark.parametrize(("other", "told"), [(Authority, "is not signed by"), (SelfSigned, "signed by itself")])
def test_a_client_refuses_a_certificate_of_nobody_it_knows(
    good: Deployment, tmp_path: Path, other: Callable[..., Authority], told: str
) -> None:
    stranger = other(tmp_path, "other") if other is Authority else other(tmp_path)
    bad = stranger.issue("bad.pem", loopback())

    async def scenario() -> None:
        async with served(good), served_beside(good, at(f"tls://127.0.0.1:0?cert={bad}")) as place:
            error = await refusal(good, place)
            assert isinstance(error, NotAuthenticated)
            assert told in str(error)
            assert "in the option ca" in str(error)

    asyncio.run(scenario())


def test_a_server_may_be_known_by_another_name_than_its_host(good: Deployment) -> None:
    named = good.ca.issue("named.pem", "gateway.example")

    async def scenario() -> None:
        async with served(good), served_beside(good, at(f"tls://127.0.0.1:0?cert={named}")) as place:
            near, _ = await TlsCarrier().connect(good.connects(place.port, "&server_name=gateway.example"), Heard)
            near.close()
            assert "names other hosts" in str(await refusal(good, place, "&server_name=other.example"))

    asyncio.run(scenario())


def test_the_common_name_of_a_server_is_never_looked_at(good: Deployment) -> None:
    old = good.ca.issue("old.pem", subject="localhost")

    async def scenario() -> None:
        async with served(good), served_beside(good, at(f"tls://127.0.0.1:0?cert={old}")) as place:
            assert isinstance(await refusal(good, place, host="localhost"), NotAuthenticated)

    asyncio.run(scenario())


# certificates of clients


def test_a_client_without_a_certificate_is_told_that_one_is_wanted(good: Deployment) -> None:
    async def scenario() -> None:
        async with served(good) as place:
            error = await refusal(good, place, "")
            assert isinstance(error, NotAuthenticated)
            assert "it wants a certificate of this side; name one with the options cert and key" in str(error)

    asyncio.run(scenario())


def test_where_certificates_are_optional_a_client_without_one_is_nobody(good: Deployment) -> None:
    async def scenario() -> None:
        async with served(good, good.listens("&client_cert=optional")) as place:
            near, _ = await TlsCarrier().connect(good.connects(place.port, ""), Heard)
            far = await (await place.links.get()).made
            assert TlsCarrier().identify(far) is None
            near.close()

    asyncio.run(scenario())


def test_a_client_of_another_authority_is_refused(
    good: Deployment, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    strange = Authority(tmp_path, "other").issue("strange.pem", "thermo-7")

    async def scenario() -> None:
        async with served(good) as place:
            error = await refusal(good, place, f"&cert={strange}")
            assert isinstance(error, NotAuthenticated)
            assert "it does not know the authority" in str(error)

    asyncio.run(scenario())
    assert any("the client's certificate is not accepted: it is not signed by" in line for line in lines(caplog))


def test_an_expired_client_is_refused(good: Deployment) -> None:
    old = good.ca.issue("old.pem", "thermo-7", begins=-2 * DAY, ends=-DAY)

    async def scenario() -> None:
        async with served(good) as place:
            error = await refusal(good, place, f"&cert={old}")
            assert isinstance(error, NotAuthenticated)
            assert "this side's certificate has expired" in str(error)

    asyncio.run(scenario())


def test_a_revoked_client_is_refused(good: Deployment) -> None:
    lost = good.ca.issue("lost.pem", "thermo-8")
    crl = good.ca.revoke("lost.pem")

    async def scenario() -> None:
        async with served(good, good.listens(f"&crl={crl}")) as place:
            error = await refusal(good, place, f"&cert={lost}")
            assert isinstance(error, NotAuthenticated)
            assert "this side's certificate was revoked" in str(error)

    asyncio.run(scenario())


def test_who_has_a_certificate_of_a_revoked_authority_in_between_is_refused(good: Deployment, tmp_path: Path) -> None:
    between = Authority(tmp_path, "between", above=good.ca)
    client = between.issue("theirs.pem", "thermo-8")
    crl = tmp_path / "both.pem"

    def write(*revoked: str) -> None:
        crl.write_bytes(good.ca.revoke(*revoked, file="a").read_bytes() + between.revoke(file="b").read_bytes())

    async def scenario() -> None:
        write()
        async with served(good, good.listens(f"&crl={crl}")) as place:
            near, _ = await TlsCarrier().connect(good.connects(place.port, f"&cert={client}"), Heard)
            near.close()
            write("between")
            place.listening.reload()
            assert "this side's certificate was revoked" in str(await refusal(good, place, f"&cert={client}"))

    asyncio.run(scenario())


def test_while_the_list_of_the_revoked_is_out_of_date_nobody_is_let_in(
    good: Deployment, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario() -> None:
        crl = good.ca.revoke(ends=-DAY)
        async with served(good, good.listens(f"&crl={crl}")) as place:
            error = await refusal(good, place)
            assert isinstance(error, NotAuthenticated)
            assert "or the server's list of revoked ones" in str(error)
            assert "the list of revoked certificates is out of date" in caplog.text
            good.ca.revoke()
            place.listening.reload()

    asyncio.run(scenario())


def test_the_certificate_of_a_server_is_none_for_a_client_and_the_reverse(
    good: Deployment, caplog: pytest.LogCaptureFixture
) -> None:
    of_server = good.ca.issue("as-server.pem", loopback(), "thermo-8", purpose=ExtendedKeyUsageOID.SERVER_AUTH)
    of_client = good.ca.issue("as-client.pem", loopback(), "thermo-8", purpose=ExtendedKeyUsageOID.CLIENT_AUTH)

    async def scenario() -> None:
        async with served(good) as place:
            error = await refusal(good, place, f"&cert={of_server}")
            assert isinstance(error, NotAuthenticated)
            assert "is not for this purpose" in str(error)
            near, _ = await TlsCarrier().connect(good.connects(place.port, f"&cert={of_client}"), Heard)
            near.close()
        listening = await TlsCarrier().listen(at(f"tls://127.0.0.1:0?cert={of_client}"), asyncio.Protocol)
        with pytest.raises(NotAuthenticated, match="it is not for this purpose"):
            await TlsCarrier().connect(at(f"tls://127.0.0.1:{listening.endpoint.port}?ca={good.ca.file}"), Heard)
        listening.close()

    asyncio.run(scenario())
    assert "it is not for this purpose" in caplog.text


def test_a_revoked_server_is_refused(good: Deployment) -> None:
    crl = good.ca.revoke("server.pem")

    async def scenario() -> None:
        async with served(good) as place:
            assert "it was revoked" in str(await refusal(good, place, f"&cert={good.client}&crl={crl}"))

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (["thermo-7", "thermo-8"], "several names"),
        (["thermo-7", x509.RFC822Name("joe@example.org")], "several names"),
        ([], "no name"),
        ([loopback()], "no name"),
        (["*.example.org"], "'*'"),
        (["thermo\0.example.org"], "no identity"),
        (["uid:0"], "uid:"),
        ([x509.UniformResourceIdentifier("urn:a,b")], "','"),
        ([x509.UnrecognizedExtension(ExtensionOID.SUBJECT_ALTERNATIVE_NAME, b"0\x07\x82\x05t\xe4ngo")], "UTF-8"),
    ],
    ids=["two", "two kinds", "none", "address", "wildcard", "NUL", "reserved", "comma", "no UTF-8"],
)
def test_a_certificate_without_one_clear_name_is_nobody_and_says_so(
    good: Deployment, names: list[Any], told: str
) -> None:
    odd = good.ca.issue("odd.pem", *names, subject="thermo-7")

    async def scenario() -> None:
        async with served(good) as place:
            near, _ = await TlsCarrier().connect(good.connects(place.port, f"&cert={odd}"), Heard)
            far = await (await place.links.get()).made
            with pytest.raises(NotAuthenticated) as caught:
                TlsCarrier().identify(far)
            assert told in str(caught.value)
            near.close()

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("name", "identity"),
    [
        ("thermo-7", "thermo-7"),
        (x509.RFC822Name("joe@example.org"), "joe@example.org"),
        (x509.UniformResourceIdentifier("spiffe://house/thermo"), "spiffe://house/thermo"),
    ],
)
def test_the_one_name_in_a_certificate_is_the_identity_whatever_its_subject_says(
    good: Deployment, name: Any, identity: str
) -> None:
    client = good.ca.issue("named.pem", name, loopback(), subject="admin,O=else")

    async def scenario() -> None:
        async with served(good) as place:
            near, _ = await TlsCarrier().connect(good.connects(place.port, f"&cert={client}"), Heard)
            far = await (await place.links.get()).made
            assert TlsCarrier().identify(far) == sigcore.MediumIdentity(identity, "certificate")
            near.close()

    asyncio.run(scenario())


# versions


def old_context(good: Deployment, version: ssl.TLSVersion, *, is_server: bool) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if is_server else ssl.PROTOCOL_TLS_CLIENT)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Python warns of what is tried here
        context.minimum_version = context.maximum_version = version
    context.set_ciphers("ALL:@SECLEVEL=0")
    if is_server:
        context.load_cert_chain(good.server)
    else:
        context.load_verify_locations(good.ca.file)
        context.load_cert_chain(good.client)
    return context


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
def test_a_client_with_an_old_protocol_is_refused(
    good: Deployment, version: ssl.TLSVersion, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario() -> None:
        async with served(good) as place:
            old = old_context(good, version, is_server=False)
            with pytest.raises((ssl.SSLError, ConnectionError)):
                await asyncio.open_connection("127.0.0.1", place.port, ssl=old)

    asyncio.run(scenario())
    assert any("no version of TLS in common; the other side is older than TLS 1.2" in line for line in lines(caplog))


def test_a_server_without_tls_1_3_needs_a_word_of_leave(good: Deployment) -> None:
    context = old_context(good, ssl.TLSVersion.TLSv1_2, is_server=True)

    async def scenario(port: int) -> None:
        async with served(good):
            with pytest.raises(RemoteProtocolError, match=r"no version of TLS in common; say min_version=1\.2"):
                await TlsCarrier().connect(good.connects(port), Heard)
            near, client = await TlsCarrier().connect(good.connects(port, "&min_version=1.2"), Heard)
            assert near.get_extra_info("ssl_object").version() == "TLSv1.2"
            assert isinstance(client, Heard)
            await client.over

    with socket.create_server(("127.0.0.1", 0)) as sock:
        thread = threading.Thread(target=shake_hands, args=(sock, context, 2))
        thread.start()
        asyncio.run(scenario(sock.getsockname()[1]))
        thread.join()


def shake_hands(sock: socket.socket, context: ssl.SSLContext, times: int) -> None:
    """Take so many connections, as a program would that has neither sigcore nor asyncio."""
    for _ in range(times):
        taken, _ = sock.accept()
        with suppress(ssl.SSLError), taken, context.wrap_socket(taken, server_side=True) as tls:
            tls.unwrap()


def test_links_are_of_tls_1_3_without_compression(good: Deployment) -> None:
    async def scenario() -> None:
        async with served(good) as place:
            near, _ = await TlsCarrier().connect(good.connects(place.port), Heard)
            tls = near.get_extra_info("ssl_object")
            assert (tls.version(), tls.compression()) == ("TLSv1.3", None)
            near.close()

    asyncio.run(scenario())


# peers that speak something else


@pytest.mark.parametrize(
    ("said", "named"),
    [
        (PREFACE, "sigcore without TLS"),
        (b"GET / HTTP/1.1\r\n\r\n", "HTTP"),
        (b"SSH-2.0-OpenSSH_9.6\r\n", "SSH"),
        (bytes(range(200, 256)), "something else"),
    ],
)
def test_a_peer_without_tls_is_closed_and_the_log_says_what_it_speaks(
    good: Deployment, said: bytes, named: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario() -> None:
        async with served(good) as place:
            reader, writer = await asyncio.open_connection("127.0.0.1", place.port)
            writer.write(said)
            assert (await reader.read())[:1] == b"\x15"  # an alert
            await close(writer)

    asyncio.run(scenario())
    (line,) = lines(caplog)
    assert f"no link with 127.0.0.1: it speaks {named}" in line
    assert "this endpoint is tls://" in line


def test_a_handshake_without_end_is_ended(good: Deployment, caplog: pytest.LogCaptureFixture) -> None:
    client_hello = b"\x01" + (120_000).to_bytes(3, "big")
    record = b"\x16\x03\x01" + (16_000).to_bytes(2, "big")

    async def scenario() -> None:
        async with served(good) as place:
            reader, writer = await asyncio.open_connection("127.0.0.1", place.port)
            writer.write(record + client_hello + bytes(16_000 - len(client_hello)) + 3 * (record + bytes(16_000)))
            assert await reader.read() == b""  # long before its deadline, and without the rest
            await close(writer)
            await exchange(good, place)

    asyncio.run(scenario())
    assert "more than 32768 bytes" in "\n".join(lines(caplog))


async def close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()


def test_peers_without_tls_fill_no_log(good: Deployment, caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        async with served(good) as place:
            for _ in range(20):
                reader, writer = await asyncio.open_connection("127.0.0.1", place.port)
                writer.write(b"GET / HTTP/1.1\r\n\r\n")
                await reader.read()
                await close(writer)

    asyncio.run(scenario())
    assert len(lines(caplog)) == 1


def test_a_client_learns_that_the_server_speaks_no_tls(good: Deployment) -> None:
    async def scenario() -> None:
        async with served(good), sigcore.aio.ServerRouter("tcp://127.0.0.1:0") as plain:
            port = Endpoint.parse(plain.endpoints[0]).port
            assert port is not None
            with pytest.raises(ConnectionResetError, match=r"without a word of TLS: it speaks none \(use tcp://"):
                await TlsCarrier().connect(good.connects(port), Heard)

    asyncio.run(scenario())


def test_a_client_that_is_answered_without_tls_says_by_what(good: Deployment) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await close(writer)

    async def scenario() -> None:
        async with served(good), await asyncio.start_server(answer, "127.0.0.1", 0) as server:
            with pytest.raises(RemoteProtocolError) as caught:
                await TlsCarrier().connect(good.connects(server.sockets[0].getsockname()[1]), Heard)
            assert caught.value.code == "not_sigcore"
            assert "the server there speaks no TLS (it speaks HTTP" in str(caught.value)

    asyncio.run(scenario())


def test_a_server_without_tls_says_in_its_log_that_somebody_tried_it(
    good: Deployment, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario() -> None:
        async with sigcore.aio.ServerRouter("tcp://127.0.0.1:0") as plain:
            port = Endpoint.parse(plain.endpoints[0]).port
            with pytest.raises(ConnectionResetError):
                await TlsCarrier().connect(good.connects(port or 0), Heard)

    asyncio.run(scenario())
    assert any("it looks like TLS" in line for line in lines(caplog))


def test_a_silent_server_is_not_waited_for(good: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sig_tcp._tls.HANDSHAKE_S", 0.2)

    async def scenario() -> None:
        text = r"no TLS handshake within 0\.2 s; is it a tls:// server"
        with socket.create_server(("127.0.0.1", 0)) as mute, pytest.raises(TimeoutError, match=text):
            await TlsCarrier().connect(good.connects(mute.getsockname()[1]), Heard)

    asyncio.run(scenario())


class Admitting:
    """A factory that asks who comes, and leaves them little time."""

    def __init__(self, left_s: float = 0.2) -> None:
        self.left_s = left_s
        self.sources: list[str] = []
        self.give_way: Any = None
        self.withdrawn = asyncio.Event()

    def __call__(self) -> asyncio.Protocol:
        return asyncio.Protocol()

    def admit(self, source: str, give_way: Any = None) -> Admitting:
        self.sources.append(source)
        self.give_way = give_way
        return self

    def withdraw(self) -> None:
        self.withdrawn.set()


@pytest.mark.parametrize(
    "said", [b"", b"\x16", b"\x16\x03\x01\x02\x00\x01", b"GET"], ids=["silent", "slow", "torn", "plain"]
)
def test_a_handshake_has_one_deadline_that_no_byte_moves(good: Deployment, said: bytes) -> None:
    async def scenario() -> None:
        async with served(good):
            factory = Admitting()
            listening = await TlsCarrier().listen(good.listens(), factory)
            began_s = asyncio.get_running_loop().time()
            reader, writer = await asyncio.open_connection("127.0.0.1", listening.endpoint.port)
            writer.write(said)
            with suppress(ConnectionError):
                await reader.read()
                await factory.withdrawn.wait()
            assert asyncio.get_running_loop().time() - began_s < 1.0
            await factory.withdrawn.wait()
            assert factory.sources == ["127.0.0.1"]
            await close(writer)
            listening.close()

    asyncio.run(scenario())


def test_a_slow_handshake_gives_way_when_asked(good: Deployment) -> None:
    async def scenario() -> None:
        async with served(good):
            factory = Admitting(left_s=60.0)
            listening = await TlsCarrier().listen(good.listens(), factory)
            reader, writer = await asyncio.open_connection("127.0.0.1", listening.endpoint.port)
            await until(lambda: factory.give_way is not None)
            factory.give_way()
            with suppress(ConnectionError):
                assert await reader.read() == b""
            await factory.withdrawn.wait()
            await close(writer)
            listening.close()

    asyncio.run(scenario())


def test_closing_ends_handshakes_that_are_under_way(good: Deployment) -> None:
    async def scenario() -> None:
        async with served(good):
            factory = Admitting(left_s=60.0)
            listening = await TlsCarrier().listen(good.listens(), factory)
            _, writer = await asyncio.open_connection("127.0.0.1", listening.endpoint.port)
            await until(lambda: bool(factory.sources))
            listening.close()
            await listening.wait_closed()
            await factory.withdrawn.wait()
            await close(writer)

    asyncio.run(scenario())


def test_one_who_is_refused_is_closed_before_tls(good: Deployment) -> None:
    class Full:
        def __call__(self) -> asyncio.Protocol:
            raise AssertionError("nobody may come in")

        def admit(self, source: str, give_way: Any = None) -> sigcore.Refusal:
            return sigcore.Refusal(b"plain bytes")

    async def scenario() -> None:
        async with served(good):
            listening = await TlsCarrier().listen(good.listens(), Full())
            reader, writer = await asyncio.open_connection("127.0.0.1", listening.endpoint.port)
            assert await reader.read() == b""
            await close(writer)
            listening.close()

    asyncio.run(scenario())


# files


def test_a_renewed_certificate_counts_from_the_next_link_on_and_ends_none(
    good: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sig_tcp._tls_files, "LOOK_EVERY_S", 0.02)

    async def scenario() -> None:
        async with served(good) as place:
            near, client = await TlsCarrier().connect(good.connects(place.port), Heard)
            link = await place.links.get()
            before = serial(near)
            good.ca.issue("server.pem", loopback())
            async with asyncio.timeout(LIMIT_S):
                while await serial_of_server(good, place) == before:
                    pass
            near.write(b"still here")
            await until(lambda: link.received == b"still here")
            near.close()
            assert isinstance(client, Heard)
            assert await client.over is None

    asyncio.run(scenario())


def serial(transport: asyncio.BaseTransport) -> str:
    return str(transport.get_extra_info("peercert")["serialNumber"])


async def serial_of_server(good: Deployment, place: Served) -> str:
    near, _ = await TlsCarrier().connect(good.connects(place.port), Heard)
    found = serial(near)
    near.close()
    return found


def test_a_client_that_is_revoked_now_gets_no_new_link(good: Deployment) -> None:
    lost = good.ca.issue("lost.pem", "thermo-8")
    crl = good.ca.revoke()

    async def scenario() -> None:
        async with served(good, good.listens(f"&crl={crl}")) as place:
            near, _ = await TlsCarrier().connect(good.connects(place.port, f"&cert={lost}"), Heard)
            near.close()
            good.ca.revoke("lost.pem")
            place.listening.reload()
            assert "was revoked" in str(await refusal(good, place, f"&cert={lost}"))

    asyncio.run(scenario())


def test_files_that_are_no_good_change_nothing_and_are_told_once(
    good: Deployment, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(sig_tcp._tls_files, "LOOK_EVERY_S", 0.01)

    async def scenario() -> None:
        async with served(good) as place:
            before = await serial_of_server(good, place)
            good.server.write_text("half a file")
            await until(lambda: bool(lines(caplog)))
            for _ in range(5):
                assert await serial_of_server(good, place) == before

    asyncio.run(scenario())
    (line,) = lines(caplog)
    assert "the certificates are left as they were" in line
    assert "server.pem" in line


def test_a_key_that_others_can_read_is_warned_of(good: Deployment, caplog: pytest.LogCaptureFixture) -> None:
    good.server.chmod(0o644)

    async def scenario() -> None:
        async with served(good):
            pass

    asyncio.run(scenario())
    assert any("server.pem is not its owner's alone (mode 644); chmod 600 it" in line for line in lines(caplog))


def test_an_encrypted_key_is_read_with_the_password_from_where_it_is(
    good: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    password = "correct horse battery staple"
    good.ca.issue("server.pem", loopback(), password=password.encode())
    monkeypatch.setenv("KEY_PASSWORD", password)

    async def scenario() -> None:
        async with served(good, good.listens("&key_password=env:KEY_PASSWORD")) as place:
            assert password not in str(place.listening.endpoint)

    asyncio.run(scenario())


def fault_in(query: str) -> str:
    """Return why nobody listens at such an endpoint."""

    async def scenario() -> str:
        with pytest.raises(EndpointError) as caught:
            await TlsCarrier().listen(at(f"tls://127.0.0.1:0?{query}"), asyncio.Protocol)
        return str(caught.value)

    return asyncio.run(scenario())


def test_files_that_cannot_be_used_are_told_with_what_to_do(
    good: Deployment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WRONG", "0123456789abcdef")
    other = good.ca.issue("other.pem", "x")
    locked = good.ca.issue("locked.pem", loopback(), password=b"correct horse battery")
    empty = tmp_path / "empty"
    empty.touch()
    assert "has no certificate; name one with the options cert and key" in fault_in("")
    assert "the key belongs to another certificate" in fault_in(f"cert={good.server}&key={other}")
    assert "cannot be read: No such file" in fault_in(f"cert={tmp_path}/nothing")
    assert "in PEM form" in fault_in(f"cert={empty}")
    assert "in PEM form" in fault_in(f"cert={good.server}&ca={empty}")
    assert "there is no list of revoked" in fault_in(f"cert={good.server}&ca={good.ca.file}&crl={good.ca.file}")
    assert "is encrypted; say where its password is" in fault_in(f"cert={locked}")
    assert "and the password that key_password names cannot be used" in fault_in(
        f"cert={locked}&key_password=env:WRONG"
    )
    literal = fault_in(f"cert={locked}&key_password=hunter2hunter2hunter2")
    assert "must not stand here" in literal
    assert "hunter2" not in literal


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("key=k", "name that with cert"),
        ("client_cert=optional", "client_cert needs ca"),
        ("cert=c&server_name=x", "server_name is for clients"),
        ("cert=c&crl=x", "crl needs ca"),
        ("cert=c&min_version=1.1", "min_version"),
        ("cert=c&verify=0", "unknown option 'verify'"),
        ("cert=c&keepalive=0s", "keepalive must be from 1s"),
    ],
)
def test_options_that_make_no_sense_are_refused(query: str, told: str) -> None:
    assert told in fault_in(query)


@pytest.mark.parametrize("name", [".x", "a..b", "x" * 64])
def test_a_server_name_that_cannot_be_one_is_told_as_such(name: str) -> None:
    async def scenario() -> None:
        with pytest.raises(EndpointError, match=r"option server_name: .* is no host name"):
            await TlsCarrier().connect(at(f"tls://127.0.0.1:9?server_name={name}"), Heard)

    asyncio.run(scenario())


def test_what_it_promises_of_its_links_depends_on_what_it_asks_for() -> None:
    carrier = TlsCarrier()
    mutual, optional, alone = (
        at(f"tls://127.0.0.1:0?cert=s{query}") for query in ("&ca=c", "&ca=c&client_cert=optional", "")
    )
    assert [carrier.authenticates(endpoint) for endpoint in (mutual, optional, alone)] == [True, False, False]
    assert all(carrier.is_confidential(endpoint) for endpoint in (mutual, optional, alone))
    assert carrier.is_local(alone)
    assert not carrier.is_local(at("tls://192.168.1.5:3000"))


def test_a_client_without_ca_knows_the_authorities_of_the_system_and_no_other(good: Deployment) -> None:
    async def scenario() -> None:
        async with served(good) as place:
            with pytest.raises(NotAuthenticated, match="not signed by the authority"):
                await TlsCarrier().connect(at(f"tls://127.0.0.1:{place.port}"), Heard)

    asyncio.run(scenario())


def test_routers_exchange_events_over_tls(good: Deployment) -> None:
    async def scenario() -> None:
        async with sigcore.aio.ServerRouter(good.listens().url_with_secrets()) as server:
            there = good.connects(Endpoint.parse(server.endpoints[0]).port or 0).url_with_secrets()
            async with sigcore.aio.ClientRouter(there) as client, server.listen("thermo", "reading") as readings:
                thermo = await client.add_sender("thermo", events=["reading"])
                thermo.trigger("reading", {"celsius": 21.5})
                info, data = await asyncio.wait_for(anext(aiter(readings)), LIMIT_S)
                assert (info.sender, data) == ("thermo", {"celsius": 21.5})
                assert info.peer is not None
                assert info.peer.identity == "thermo-7"

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("names", "told"),
    [(None, "it wants a certificate of this side"), (["thermo-7", "thermo-8"], "your certificate has several names")],
    ids=["none", "two names"],
)
def test_a_router_that_is_not_let_in_is_told_why_at_once(good: Deployment, names: Any, told: str) -> None:
    query = "" if names is None else f"&cert={good.ca.issue('odd.pem', *names)}"

    async def scenario() -> None:
        async with sigcore.aio.ServerRouter(good.listens().url_with_secrets()) as server:
            port = Endpoint.parse(server.endpoints[0]).port or 0
            with pytest.raises(NotAuthenticated) as caught:
                async with asyncio.timeout(LIMIT_S):
                    await sigcore.aio.ClientRouter(good.connects(port, query).url_with_secrets()).open()
            assert told in str(caught.value)
            async with sigcore.aio.ClientRouter(good.connects(port).url_with_secrets()) as client:
                assert client.connected

    asyncio.run(scenario())

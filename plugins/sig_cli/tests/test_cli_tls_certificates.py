# SPDX-License-Identifier: MIT
"""The certificates of ``sig tls``, judged by those who have not made them: OpenSSL, and the verifier of cryptography.

OpenSSL checks by its strictest rules, as no option of sigcore's does: what passes here passes with other peers too.
"""

from __future__ import annotations

import os
import ssl
import stat
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError
from sig_cli.tls._folder import Folder, FolderError
from sig_cli.tls._subjects import client_subject, server_subject

DAYS = 825


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    """An authority with a server and two clients, one of them revoked."""
    made = Folder.new(tmp_path_factory.mktemp("tls"))
    server = server_subject("localhost,gateway.lan,192.168.1.5,::1")
    clients = [client_subject(identity) for identity in ("dashboard", "fired", "ann@example.org", "urn:pi:7")]
    made.issue([(server, "server"), *((client, made.stem_for(client)) for client in clients)], DAYS)
    made.revoke([client_subject("fired")], ())
    return made


def strict(purpose: int, folder: Folder, name: str) -> ssl.SSLContext:
    """Return a context that shows the certificate of a name, and takes that of its peer by the strictest rules."""
    context = ssl.SSLContext(purpose)
    context.load_cert_chain(folder.path / f"{name}.crt", folder.path / f"{name}.key")
    context.load_verify_locations(folder.ca)
    context.load_verify_locations(folder.revoked)
    context.verify_flags |= ssl.VERIFY_X509_STRICT | ssl.VERIFY_CRL_CHECK_LEAF
    context.verify_mode = ssl.CERT_REQUIRED
    return context


def shake_hands(folder: Folder, *, server: str, client: str, host: str) -> ssl.SSLObject:
    """Make a TLS connection in memory; return the server's side of it."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    at_client = strict(ssl.PROTOCOL_TLS_CLIENT, folder, client).wrap_bio(to_client, to_server, server_hostname=host)
    at_server = strict(ssl.PROTOCOL_TLS_SERVER, folder, server).wrap_bio(to_server, to_client, server_side=True)
    for _ in range(3):
        for side in (at_client, at_server):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    assert at_client.version() == at_server.version() == "TLSv1.3"
    return at_server


@pytest.mark.parametrize("host", ["localhost", "gateway.lan", "192.168.1.5", "::1"])
def test_openssl_takes_the_server_by_each_of_its_names(folder: Folder, host: str) -> None:
    shake_hands(folder, server="server", client="dashboard", host=host)


@pytest.mark.parametrize(
    ("client", "name"),
    [
        ("dashboard", ("DNS", "dashboard")),
        ("ann@example.org", ("email", "ann@example.org")),
        ("urn_pi_7", ("URI", "urn:pi:7")),
    ],
)
def test_openssl_finds_one_name_in_a_clients_certificate_its_identity(
    folder: Folder, client: str, name: tuple[str, str]
) -> None:
    certificate = shake_hands(folder, server="server", client=client, host="localhost").getpeercert()
    assert certificate is not None
    assert certificate["subjectAltName"] == (name,)


@pytest.mark.parametrize(
    ("server", "client", "host", "why"),
    [
        ("server", "dashboard", "elsewhere.lan", "Hostname mismatch"),
        ("server", "fired", "localhost", "certificate revoked"),
        ("dashboard", "dashboard", "dashboard", "purpose"),
        ("server", "server", "localhost", "purpose"),
    ],
    ids=["other host", "revoked", "a client as the server", "a server as a client"],
)
def test_openssl_refuses_what_a_certificate_is_not_for(
    folder: Folder, server: str, client: str, host: str, why: str
) -> None:
    with pytest.raises(ssl.SSLCertVerificationError, match=why):
        shake_hands(folder, server=server, client=client, host=host)


def test_openssl_refuses_the_certificate_of_another_authority(folder: Folder, tmp_path: Path) -> None:
    other = Folder.new(tmp_path / "other")
    other.issue([(client_subject("dashboard"), "dashboard")], DAYS)
    context = strict(ssl.PROTOCOL_TLS_SERVER, folder, "server")
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    at_server = context.wrap_bio(to_server, to_client, server_side=True)
    impostor = ssl.create_default_context(cafile=str(folder.ca))
    impostor.load_cert_chain(other.path / "dashboard.crt", other.path / "dashboard.key")
    at_client = impostor.wrap_bio(to_client, to_server, server_hostname="localhost")

    def converse() -> None:
        for side in (at_client, at_server, at_client, at_server):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue

    with pytest.raises(ssl.SSLCertVerificationError, match="unable to get local issuer"):
        converse()


def loaded(folder: Folder, name: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate((folder.path / f"{name}.crt").read_bytes())


def test_the_verifier_of_cryptography_takes_clients_as_clients_alone(folder: Folder) -> None:
    policy = PolicyBuilder().store(Store([loaded(folder, "ca")]))
    verified = policy.build_client_verifier().verify(loaded(folder, "dashboard"), [])
    assert list(verified.subjects or ()) == [x509.DNSName("dashboard")]
    with pytest.raises(VerificationError):
        policy.build_server_verifier(x509.DNSName("dashboard")).verify(loaded(folder, "dashboard"), [])


def test_the_verifier_of_cryptography_takes_the_server_as_a_server_alone(folder: Folder) -> None:
    policy = PolicyBuilder().store(Store([loaded(folder, "ca")]))
    policy.build_server_verifier(x509.DNSName("gateway.lan")).verify(loaded(folder, "server"), [])
    with pytest.raises(VerificationError):
        policy.build_client_verifier().verify(loaded(folder, "server"), [])


def test_the_authority_signs_for_ten_years_and_nobody_below_it_signs(folder: Folder) -> None:
    ca = loaded(folder, "ca")
    limits = ca.extensions.get_extension_for_class(x509.BasicConstraints)
    assert (limits.critical, limits.value.ca, limits.value.path_length) == (True, True, 0)
    assert ca.not_valid_after_utc - ca.not_valid_before_utc == timedelta(days=3650)
    for name in ("server", "dashboard"):
        assert loaded(folder, name).extensions.get_extension_for_class(x509.BasicConstraints).value.ca is False


@pytest.mark.parametrize("days", [1, 90, 825])
def test_a_certificate_is_valid_for_825_days_at_most_and_from_yesterday_on(tmp_path: Path, days: int) -> None:
    made = Folder.new(tmp_path / "tls")
    made.issue([(client_subject("dashboard"), "dashboard")], days)
    certificate = loaded(made, "dashboard")
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    assert timedelta(hours=23) < datetime.now(UTC) - begin < timedelta(hours=25)
    assert end - begin == timedelta(days=min(days + 1, 825))


def test_revoking_somebody_reaches_every_certificate_issued_to_them_whose_files_have_gone(tmp_path: Path) -> None:
    made = Folder.new(tmp_path / "tls")
    pi = client_subject("pi-7")
    made.issue([(pi, "first"), (client_subject("pi-70"), "other")], DAYS)
    made.issue([(pi, "second")], DAYS)
    numbers = {loaded(made, "first").serial_number, loaded(made, "second").serial_number}
    for path in made.path.glob("*.key"):
        path.unlink()
    (made.path / "first.crt").unlink()
    assert {one.serial_number for one in made.revoke([pi], ())} == numbers
    assert {one.serial_number for one in x509.load_pem_x509_crl(made.revoked.read_bytes())} == numbers


def test_what_was_revoked_stays_revoked_since_then(tmp_path: Path) -> None:
    made = Folder.new(tmp_path / "tls")
    made.issue([(client_subject("a"), "a"), (client_subject("b"), "b")], DAYS)
    made.revoke([client_subject("a")], ())
    (first,) = x509.load_pem_x509_crl(made.revoked.read_bytes())
    made.revoke([client_subject("b"), client_subject("a")], ())
    dates = {one.serial_number: one.revocation_date_utc for one in x509.load_pem_x509_crl(made.revoked.read_bytes())}
    assert len(dates) == 2
    assert dates[first.serial_number] == first.revocation_date_utc


def test_a_certificate_of_another_authority_cannot_be_revoked(folder: Folder, tmp_path: Path) -> None:
    other = Folder.new(tmp_path / "other")
    (pair,) = other.issue([(client_subject("dashboard"), "dashboard")], DAYS)
    before = folder.revoked.read_bytes()
    with pytest.raises(FolderError, match=r"is not signed by .*ca\.crt"):
        folder.revoke((), [pair.certificate])
    assert folder.revoked.read_bytes() == before


def test_a_list_of_another_authority_is_not_replaced(tmp_path: Path) -> None:
    made, other = Folder.new(tmp_path / "tls"), Folder.new(tmp_path / "other")
    made.issue([(client_subject("a"), "a")], DAYS)
    made.revoked.write_bytes(other.revoked.read_bytes())
    with pytest.raises(FolderError, match="not of this authority"):
        made.revoke([client_subject("a")], ())
    assert made.revoked.read_bytes() == other.revoked.read_bytes()


@pytest.mark.skipif(os.name != "posix", reason="modes of files are POSIX's")
def test_keys_are_for_their_owner_alone_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        made = Folder.new(tmp_path / "tls")
        made.issue([(client_subject("a"), "a")], DAYS)
    finally:
        os.umask(before)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (made.path, *made.path.glob("*.key"))}
    assert modes == {"tls": 0o700, "ca.key": 0o600, "a.key": 0o600}


def contents(path: Path) -> Sequence[tuple[str, bytes]]:
    return sorted((str(file), file.read_bytes()) for file in path.rglob("*") if file.is_file())


def test_nothing_is_made_when_one_of_the_files_is_there_already(tmp_path: Path) -> None:
    made = Folder.new(tmp_path / "tls")
    made.issue([(client_subject("b"), "b")], DAYS)
    before = contents(made.path)
    with pytest.raises(FileExistsError, match=r"b\.key is there already, and is not overwritten"):
        made.issue([(client_subject("a"), "a"), (client_subject("b"), "b")], DAYS)
    assert contents(made.path) == before


def test_a_link_in_the_place_of_a_key_is_not_followed(tmp_path: Path) -> None:
    made = Folder.new(tmp_path / "tls")
    (made.path / "a.key").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(FileExistsError):
        made.issue([(client_subject("a"), "a")], DAYS)
    assert not (tmp_path / "elsewhere").exists()

# SPDX-License-Identifier: MIT
"""``sig tls show``: what certificates of others are worth to sigcore, and what is wrong with them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from sig_cli.tls._findings import findings_of
from sig_cli.tls._folder import Folder
from sig_cli.tls._subjects import client_subject

DONE, FAILED, USAGE = range(3)

BOTH = (ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH)

Sig = Any
"""What the fixture ``sig`` gives; it cannot be imported from conftest.py."""


def certificate(
    *names: x509.GeneralName,
    uses: Sequence[x509.ObjectIdentifier] | None = BOTH,
    key: Any = None,
    from_day: int = -1,
    to_day: int = 10,
    ca: bool | None = None,
) -> x509.Certificate:
    """Return a certificate that is signed by itself."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "dashboard")])
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now + timedelta(days=from_day))
        .not_valid_after(now + timedelta(days=to_day))
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    if uses is not None:
        builder = builder.add_extension(x509.ExtendedKeyUsage(uses), critical=False)
    if ca is not None:
        builder = builder.add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
    return builder.sign(key, None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256())


DASHBOARD = x509.DNSName("dashboard")
ADDRESS = x509.IPAddress(ip_address("10.0.0.1"))


@pytest.mark.parametrize(
    ("names", "uses", "hosts", "identity"),
    [
        ([DASHBOARD], BOTH, ("dashboard",), "dashboard"),
        ([DASHBOARD], None, ("dashboard",), "dashboard"),
        ([DASHBOARD], BOTH[1:], (), "dashboard"),
        ([DASHBOARD], BOTH[:1], ("dashboard",), None),
        ([DASHBOARD, ADDRESS], BOTH, ("dashboard", "10.0.0.1"), "dashboard"),
        ([x509.RFC822Name("ann@example.org")], BOTH[1:], (), "ann@example.org"),
        ([x509.UniformResourceIdentifier("spiffe://lan/pi-7")], BOTH[1:], (), "spiffe://lan/pi-7"),
        ([DASHBOARD, x509.DNSName("gateway")], BOTH, ("dashboard", "gateway"), None),
    ],
)
def test_what_a_good_certificate_is_for(
    names: list[x509.GeneralName], uses: Any, hosts: tuple[str, ...], identity: str | None
) -> None:
    found = findings_of(certificate(*names, uses=uses))
    assert (found.hosts, found.identity, found.problems) == (hosts, identity, ())


@pytest.mark.parametrize(
    ("made", "says"),
    [
        (lambda: certificate(), "it has no name; what its subject says is not read"),
        (lambda: certificate(ADDRESS, uses=BOTH[1:]), "it gives no identity: it has no name"),
        (lambda: certificate(DASHBOARD, x509.DNSName("b"), uses=BOTH[1:]), "it has 2 names (dashboard, b)"),
        (lambda: certificate(x509.DNSName("*.lan"), uses=BOTH[1:]), "it gives no identity"),
        (lambda: certificate(x509.DNSName("anonymous"), uses=BOTH[1:]), "it gives no identity"),
        (lambda: certificate(uses=BOTH[:1]), "it names no host"),
        (lambda: certificate(DASHBOARD, uses=[ExtendedKeyUsageOID.CODE_SIGNING]), "neither servers nor clients"),
        (lambda: certificate(DASHBOARD, from_day=1), "it is not valid before"),
        (lambda: certificate(DASHBOARD, from_day=-9, to_day=-2), "it was valid until"),
        (lambda: certificate(DASHBOARD, key=rsa.generate_private_key(65537, 1024)), "RSA of 1024 bits"),
        (lambda: certificate(DASHBOARD, key=ec.generate_private_key(ec.SECP192R1())), "a curve of 192 bits"),
        (lambda: certificate(DASHBOARD, key=dsa.generate_private_key(2048)), "of a kind that TLS does not take"),
    ],
)
def test_what_is_wrong_is_told(made: Any, says: str) -> None:
    (problem,) = findings_of(made()).problems
    assert says in problem


def test_good_keys_of_other_kinds_are_no_fault() -> None:
    for key in (ed25519.Ed25519PrivateKey.generate(), rsa.generate_private_key(65537, 2048)):
        assert findings_of(certificate(DASHBOARD, key=key)).problems == ()


def test_an_authority_is_no_server_and_no_client() -> None:
    found = findings_of(certificate(DASHBOARD, ca=True))
    assert (found.is_authority, found.hosts, found.identity, found.problems) == (True, (), None, ())


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """An authority with one client."""
    made = Folder.new(tmp_path / "tls")
    made.issue([(client_subject("dashboard"), "dashboard")], 90)
    return made


def test_how_long_a_certificate_lasts_is_there_for_scripts(sig: Sig, folder: Folder) -> None:
    done = sig("tls", "show", str(folder.path), "--json")
    left = {Path(one["file"]).name: one["days_left"] for one in map(json.loads, done.stdout.splitlines())}
    assert left == {"ca.crt": 3648, "dashboard.crt": 89}
    assert "89 days left" in sig("tls", "show", str(folder.path)).stdout


def test_a_certificate_that_another_authority_signed_is_told_from_ones_own(
    sig: Sig, folder: Folder, tmp_path: Path
) -> None:
    other = Folder.new(tmp_path / "other")
    done = sig("tls", "show", str(folder.path / "dashboard.crt"), "--ca", str(other.ca))
    assert done.returncode == FAILED
    assert "not signed by the authority" in done.stdout


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda key: key.chmod(0o644), "(mode 644); chmod 600 it"),
        (lambda key: key.write_text("nothing"), "is no key in PEM form"),
        (lambda key: key.write_bytes(key.with_name("ca.key").read_bytes()), "is the key of another certificate"),
    ],
    ids=["open to others", "no key", "other key"],
)
def test_the_key_beside_a_certificate_is_looked_at(sig: Sig, folder: Folder, spoil: Any, says: str) -> None:
    spoil(folder.path / "dashboard.key")
    done = sig("tls", "show", str(folder.path / "dashboard.crt"))
    assert done.returncode == FAILED
    assert says in done.stdout


def test_a_key_with_a_password_is_no_fault(sig: Sig, folder: Folder) -> None:
    path = folder.path / "dashboard.key"
    key = serialization.load_pem_private_key(path.read_bytes(), None)
    how = serialization.BestAvailableEncryption(b"secret")
    path.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, how))
    assert sig("tls", "show", str(folder.path / "dashboard.crt")).returncode == DONE


@pytest.mark.parametrize("text", ["", "hello", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_what_is_no_certificate_is_said_to_be_none(sig: Sig, tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.crt"
    path.write_text(text)
    done = sig("tls", "show", str(path))
    assert (done.returncode, done.stdout) == (FAILED, "")
    assert done.stderr.startswith(f"Error: {path} is no certificate in PEM form")


def test_a_folder_without_certificates_is_said_to_have_none(sig: Sig, tmp_path: Path) -> None:
    done = sig("tls", "show", str(tmp_path))
    assert done.returncode == FAILED
    assert "there is no certificate in" in done.stderr

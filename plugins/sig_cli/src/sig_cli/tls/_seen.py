# SPDX-License-Identifier: MIT
"""A certificate as a file, with what lies beside it: its authority, the list of revoked ones, its key."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from .._paint import Paint, aligned
from .._text import printable
from ._findings import Findings, findings_of
from ._folder import FolderError
from ._reading import common_name

_SUFFIXES = (".crt", ".pem", ".cer")

_SOON_DAYS = 30


@dataclass(frozen=True, slots=True)
class Seen:
    """A certificate that was looked at.

    Attributes:
        path: Its file.
        certificate: What is in it.
        findings: What it gives.
        problems: What is wrong with it, or with its key.
    """

    path: Path
    certificate: x509.Certificate
    findings: Findings
    problems: tuple[str, ...]

    @property
    def days_left(self) -> int:
        """How many whole days it is still valid; below 0 when it is not any more."""
        return (self.certificate.not_valid_after_utc - datetime.now(UTC)).days


def seen_at(path: Path, ca: Path | None) -> Iterator[Seen]:
    """Yield what is in a file, or in the files of a folder.

    Args:
        path: The file or the folder.
        ca: The file of the authority; ``None`` for the one beside it, if there is one.

    Raises:
        FolderError: A file is no certificate, or a folder has none.
        OSError: A file cannot be read.
    """
    if not path.is_dir():
        yield _seen(path, ca)
        return
    files = sorted(file for file in path.iterdir() if file.suffix in _SUFFIXES)
    if not files:
        raise FolderError(f"there is no certificate in {path}: no file that ends with {', '.join(_SUFFIXES)}")
    for file in files:
        yield _seen(file, ca)


def _seen(path: Path, ca: Path | None) -> Seen:
    certificate = _loaded(path)
    if ca is None and path.with_name("ca.crt").is_file():
        ca = path.with_name("ca.crt")
    authority = _loaded(ca) if ca else None
    findings = findings_of(certificate, authority, _revoked(path.with_name("ca.crl"), authority))
    key = path.with_suffix(".key")
    problems = (*findings.problems, *(_of_key_file(key, certificate) if key.is_file() else ()))
    return Seen(path, certificate, findings, problems)


def _loaded(path: Path) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificates(path.read_bytes())[0]
    except (ValueError, IndexError) as error:
        raise FolderError(f"{path} is no certificate in PEM form, with a line -----BEGIN CERTIFICATE-----") from error


def _revoked(path: Path, authority: x509.Certificate | None) -> x509.CertificateRevocationList | None:
    """Return the list in a file; ``None`` when there is no file, or the list is not of the authority at hand."""
    if authority is None or not path.is_file():
        return None
    try:
        found = x509.load_pem_x509_crl(path.read_bytes())
    except ValueError as error:
        raise FolderError(f"{path} is no list of revoked certificates in PEM form") from error
    return found if found.issuer == authority.subject else None


def _of_key_file(path: Path, certificate: x509.Certificate) -> Iterator[str]:
    mode = path.stat().st_mode
    if os.name == "posix" and mode & (stat.S_IRWXG | stat.S_IRWXO):
        yield f"others can read its key, {path} (mode {stat.S_IMODE(mode):03o}); chmod 600 it"
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except TypeError:
        return  # it is encrypted, which is nobody's fault
    except ValueError:
        yield f"{path} is no key in PEM form"
        return
    if key.public_key() != certificate.public_key():
        yield f"{path} is the key of another certificate"


def report_record(seen: Seen) -> dict[str, object]:
    """Return a certificate as a JSON object."""
    certificate, findings = seen.certificate, seen.findings
    return {
        "file": str(seen.path),
        "is_authority": findings.is_authority,
        "hosts": findings.hosts,
        "identity": findings.identity,
        "subject": common_name(certificate.subject),
        "issuer": common_name(certificate.issuer),
        "serial": f"{certificate.serial_number:x}",
        "not_before": certificate.not_valid_before_utc,
        "not_after": certificate.not_valid_after_utc,
        "days_left": seen.days_left,
        "key": _key_words(certificate),
        "sha256": certificate.fingerprint(hashes.SHA256()).hex(),
        "problems": seen.problems,
    }


def report_lines(seen: Seen, paint: Paint) -> list[str]:
    """Return a certificate in lines for people."""
    certificate = seen.certificate
    rows = [
        *_for_whom(seen.findings, paint),
        ("signed by", printable(common_name(certificate.issuer))),
        ("valid", _validity(seen, paint)),
        ("key", _key_words(certificate)),
        ("number", f"{certificate.serial_number:x}"),
        ("sha256", certificate.fingerprint(hashes.SHA256()).hex()),
        *(("wrong", paint.bad(printable(problem))) for problem in seen.problems),
    ]
    lines = aligned([(paint.dim(label), text) for label, text in rows])
    return [paint.url(printable(str(seen.path))), *(f"  {line}" for line in lines)]


def _for_whom(findings: Findings, paint: Paint) -> Iterator[tuple[str, str]]:
    if findings.is_authority:
        yield "authority", "signs the certificates of others"
    if findings.hosts:
        yield "server", paint.sender(printable(", ".join(findings.hosts)))
    if findings.identity is not None:
        yield "client", paint.sender(printable(findings.identity))


def _validity(seen: Seen, paint: Paint) -> str:
    certificate, left = seen.certificate, seen.days_left
    words = "over" if left < 0 else f"{left} days left"
    colour = paint.bad if left < _SOON_DAYS else paint.good
    return f"{certificate.not_valid_before_utc:%Y-%m-%d} to {certificate.not_valid_after_utc:%Y-%m-%d}, {colour(words)}"


def _key_words(certificate: x509.Certificate) -> str:
    match certificate.public_key():
        case ec.EllipticCurvePublicKey() as key:
            return f"EC {key.curve.name}"
        case rsa.RSAPublicKey() as key:
            return f"RSA {key.key_size}"
        case other:
            return type(other).__name__.removeprefix("_").removesuffix("PublicKey")

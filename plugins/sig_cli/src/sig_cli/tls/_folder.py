# SPDX-License-Identifier: MIT
"""The folder of a certificate authority: what is where, and that nothing in it is ever overwritten.

``issued`` has a copy of every certificate by its number, so that one can be revoked whose files have gone elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509

import sigcore

from .._new_files import PRIVATE, PUBLIC, replace, write_all_new
from ._authority import Authority, Issued
from ._reading import is_signed_by, names_of
from ._subjects import Subject


class FolderError(sigcore.SigError):
    """A folder that is no certificate authority's, or cannot become one."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate and its key, as files.

    Attributes:
        subject: Whom it is for.
        certificate: The file of the certificate.
        key: The file of its key.
    """

    subject: Subject
    certificate: Path
    key: Path


class Folder:
    """A certificate authority in a folder.

    Args:
        path: The folder.
        authority: The one whose folder it is.
    """

    def __init__(self, path: Path, authority: Authority) -> None:
        self.path = path
        self._authority = authority

    @property
    def ca(self) -> Path:
        """The certificate of the authority: what each side checks the other's with."""
        return self.path / "ca.crt"

    @property
    def ca_key(self) -> Path:
        """The key of the authority."""
        return self.path / "ca.key"

    @property
    def revoked(self) -> Path:
        """The list of revoked certificates."""
        return self.path / "ca.crl"

    @property
    def _issued(self) -> Path:
        return self.path / "issued"

    def stem_for(self, subject: Subject) -> str:
        """Return what to call the files of somebody's certificate: by the name, unless the authority has that."""
        return f"{subject.stem}-{subject.role}" if subject.stem.lower() in ("ca", "server") else subject.stem

    @classmethod
    def new(cls, path: Path) -> Folder:
        """Make an authority in a folder that is not there yet, or empty; only its owner can enter it.

        Raises:
            FolderError: The folder has something in it, or is none.
            OSError: It cannot be written.
        """
        _make_private(path)
        folder = cls(path, Authority.new())
        certificate, key = folder._authority.pem()
        write_all_new(
            {
                folder.ca_key: (key, PRIVATE),
                folder.ca: (certificate, PUBLIC),
                folder.revoked: (folder._authority.revocations(()), PUBLIC),
            }
        )
        folder._issued.mkdir()
        return folder

    @classmethod
    def at(cls, path: Path) -> Folder:
        """Return the authority of a folder.

        Raises:
            FolderError: There is none, or its files are damaged.
        """
        try:
            certificate, key = (path / "ca.crt").read_bytes(), (path / "ca.key").read_bytes()
        except FileNotFoundError as error:
            raise FolderError(
                f"{path} has no certificate authority: there is no {error.filename}; sig tls init makes one"
            ) from error
        try:
            return cls(path, Authority.of(certificate, key))
        except ValueError as error:
            raise FolderError(f"ca.crt and ca.key in {path} are no certificate authority: {error}") from error

    def issue(self, subjects: Iterable[tuple[Subject, str]], days: int) -> list[Pair]:
        """Make certificates and their keys; all of them, or none.

        Args:
            subjects: Whom they are for, each with the name of its files.
            days: How long they are valid.

        Raises:
            FolderError: The authority itself is not valid any more, or two of them would have the same files.
            FileExistsError: There are such files.
            OSError: They cannot be written.
        """
        files: dict[Path, tuple[bytes, int]] = {}
        pairs = []
        for subject, stem in subjects:
            issued = self._made(subject, days)
            pair = Pair(subject, self.path / f"{stem}.crt", self.path / f"{stem}.key")
            if pair.key in files:
                raise FolderError(
                    f"two of these would be {pair.certificate}; make one of them later, by sig tls issue --file NAME"
                )
            files[pair.key] = (issued.key, PRIVATE)
            files[pair.certificate] = (issued.certificate, PUBLIC)
            files[self._issued / f"{issued.serial:x}.crt"] = (issued.certificate, PUBLIC)
            pairs.append(pair)
        write_all_new(files)
        return pairs

    def _made(self, subject: Subject, days: int) -> Issued:
        try:
            return self._authority.issue(subject, days)
        except ValueError as error:
            raise FolderError(f"{self.ca} signs no more: {error}; make another with sig tls init") from error

    def revoke(self, subjects: Iterable[Subject], certificates: Iterable[Path]) -> list[x509.Certificate]:
        """Add certificates to the list of those that are revoked; return which they are.

        Args:
            subjects: All that were ever issued to these.
            certificates: Files of others.

        Raises:
            FolderError: Nothing was issued to one of them, a file is no certificate of this authority, or the list is
                damaged.
            OSError: A file cannot be read or written.
        """
        issued = self._all_issued()
        found = [one for subject in subjects for one in self._issued_to(subject, issued)]
        found += [self._own(path) for path in certificates]
        before = self.revoked.read_bytes() if self.revoked.exists() else None
        try:
            revoked = self._authority.revocations([one.serial_number for one in found], before)
        except ValueError as error:
            raise FolderError(f"{self.revoked} cannot be read: {error}") from error
        replace(self.revoked, revoked, PUBLIC)
        return found

    def _all_issued(self) -> list[x509.Certificate]:
        return [_certificate(path) for path in sorted(self._issued.glob("*.crt"))]

    def _issued_to(self, subject: Subject, issued: Iterable[x509.Certificate]) -> list[x509.Certificate]:
        # A server is meant by any of its names.
        found = [one for one in issued if set(subject.names) <= set(names_of(one))]
        if not found:
            raise FolderError(f"nothing was issued to {subject} from {self.path}; see {self._issued}")
        return found

    def _own(self, path: Path) -> x509.Certificate:
        certificate = _certificate(path)
        if not is_signed_by(certificate, self._authority.certificate):
            raise FolderError(f"{path} is not signed by {self.ca}, so only somebody else can revoke it")
        return certificate


def _make_private(path: Path) -> None:
    """Make a folder that only its owner can enter, or make an empty one such."""
    try:
        path.mkdir(mode=0o700, parents=True)
    except FileExistsError:
        if not path.is_dir():
            raise FolderError(f"{path} is there already, and is no folder; name another") from None
        if any(path.iterdir()):
            raise FolderError(
                f"{path} is not empty, and nothing in it is overwritten; name another folder, or add to the "
                "certificates of this one with sig tls issue"
            ) from None
        path.chmod(0o700)


def _certificate(path: Path) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(path.read_bytes())
    except ValueError as error:
        raise FolderError(f"{path} is no certificate in PEM form: {error}") from error

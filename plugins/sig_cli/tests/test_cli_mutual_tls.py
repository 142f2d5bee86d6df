# SPDX-License-Identifier: MIT
"""The first minute with mutual TLS, by the commands that are printed; and who is not let in, and how that is told."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

DONE, FAILED, USAGE, _, UNREACHABLE = range(5)

Sig = Any
"""What the fixture ``sig`` gives; it cannot be imported from conftest.py."""


@dataclass
class Deployment:
    """A server that is up, and how its clients reach it.

    Attributes:
        url: The server's endpoint, without options.
        folder: Where its authority is.
        server: The process of the server.
    """

    url: str
    folder: Path
    server: Any

    def url_of(self, client: str, *, files: Path | None = None, ca: Path | None = None) -> str:
        """Return the endpoint for a client, with its certificate."""
        own = files or self.folder
        return f"{self.url}?cert={own}/{client}.crt&key={own}/{client}.key&ca={ca or self.folder / 'ca.crt'}"


@pytest.fixture(scope="module")
def deployment(sig: Sig, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """What ``sig tls init`` makes, and the server that it says to run, at a free port."""
    folder = tmp_path_factory.mktemp("minute") / "tls"
    done = sig("tls", "init", str(folder), "--client", "dashboard", "--client", "thermo-7", "--json")
    _, server, *_ = map(json.loads, done.stdout.splitlines())
    command = shlex.split(server["run"].replace(":3000?", ":0?"))[1:]
    with sig.running(*command, "--json") as running:
        (endpoint,) = running.record()["endpoints"]
        yield Deployment(endpoint.partition("?")[0], folder, running)


def test_an_event_goes_from_one_to_the_other_and_both_are_who_their_certificates_say(
    sig: Sig, deployment: Deployment
) -> None:
    with sig.running("listen", deployment.url_of("dashboard"), "thermo", "--name", "ear", "--json") as ear:
        came = deployment.server.record()
        assert (came["what"], came["name"], came["identity"]) == ("peer came", "ear", "dashboard")
        done = sig("trigger", deployment.url_of("thermo-7"), "thermo", "reading", "21.5", "--require-listener")
        assert (done.returncode, done.stderr) == (DONE, "")
        heard = ear.record()
    assert (heard["sender"], heard["data"], heard["identity"]) == ("thermo", 21.5, "thermo-7")


def test_a_certificate_of_another_authority_is_refused_at_once(
    sig: Sig, deployment: Deployment, tmp_path: Path
) -> None:
    sig("tls", "init", str(tmp_path / "other"), "--client", "dashboard")
    url = deployment.url_of("dashboard", files=tmp_path / "other")
    done = sig("senders", url)
    assert (done.returncode, done.stdout) == (FAILED, "")
    assert "does not know the authority that signed this side's certificate" in done.stderr


def test_a_revoked_certificate_is_refused_within_seconds(sig: Sig, tmp_path: Path) -> None:
    folder = tmp_path / "tls"
    sig("tls", "init", str(folder), "--client", "pi-7")
    files = f"cert={folder}/server.crt&key={folder}/server.key&ca={folder}/ca.crt&crl={folder}/ca.crl"
    with sig.running("serve", "--json", "-v", f"tls://localhost:0?{files}") as running:
        url = running.record()["endpoints"][0].partition("?")[0]
        client = f"{url}?cert={folder}/pi-7.crt&key={folder}/pi-7.key&ca={folder}/ca.crt"
        assert sig("senders", client).returncode == DONE
        assert sig("tls", "revoke", str(folder), "--client", "pi-7").returncode == DONE
        while "were read again" not in running.process.stderr.readline():
            pass
        done = sig("senders", client)
    assert done.returncode == FAILED
    assert "was revoked" in done.stderr


@pytest.mark.parametrize(
    ("change", "code", "says"),
    [
        (lambda url: url.partition("?")[0], FAILED, "the server's certificate is not accepted"),
        (lambda url: f"{url}&server_name=gateway.lan", FAILED, "it names other hosts"),
        (lambda url: url.replace("tls://", "tcp://").partition("?")[0], FAILED, "tls://"),
        (lambda url: url.replace("ca.crt", "no.crt"), USAGE, "no.crt cannot be read"),
        (lambda url: url.replace("thermo-7.key", "dashboard.key"), USAGE, "the key belongs to another certificate"),
        (lambda url: url.replace("cert=", "crt="), USAGE, "'cert'"),
    ],
    ids=["no authority", "other host", "plain", "no file", "other key", "slip of the pen"],
)
def test_what_is_wrong_is_said_on_one_line_with_what_to_do(
    sig: Sig, deployment: Deployment, change: Any, code: int, says: str
) -> None:
    done = sig("senders", change(deployment.url_of("thermo-7")))
    assert (done.returncode, done.stdout) == (code, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("Error: ")
    assert says in line


def test_a_client_without_a_certificate_is_told_that_it_needs_one(sig: Sig, deployment: Deployment) -> None:
    done = sig("senders", f"{deployment.url}?ca={deployment.folder}/ca.crt")
    assert (done.returncode, done.stdout) == (FAILED, "")
    assert "it wants a certificate of this side; name one with the options cert and key" in done.stderr


def test_tls_to_a_plain_server_is_told_as_what_it_may_be(sig: Sig, deployment: Deployment, url: str) -> None:
    endpoint = f"{url.replace('tcp://', 'tls://')}?ca={deployment.folder}/ca.crt"
    done = sig("senders", endpoint, "--connect-timeout", "0.5")
    assert (done.returncode, done.stdout) == (UNREACHABLE, "")
    assert "it speaks none (use tcp:// then)" in done.stderr

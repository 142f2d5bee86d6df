# SPDX-License-Identifier: MIT
"""Whoever proves who they are, rightly or wrongly, and whatever fails: no secret comes into the log, at any level."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import sigcore

from ..waiting import wait_until
from ..written_log import written_log

pytest.importorskip("sig_tcp")

SECRET, TOKEN = "the secret of the desk 4f1c", "the-token-of-thermo-7-9b2e"
WRONG = "a guess that is wrong 77aa"

PROOFS: dict[str, dict[str, Any]] = {
    "secret": {"identity": "desk", "secret": sigcore.Secret(SECRET.encode())},
    "token": {"token": sigcore.Secret(TOKEN.encode())},
    "wrong secret": {"identity": "desk", "secret": sigcore.Secret(WRONG.encode())},
    "wrong token": {"token": sigcore.Secret(WRONG.encode())},
    "nobody known": {"identity": "nobody", "secret": sigcore.Secret(SECRET.encode())},
}


def forms_of(secret: str) -> list[str]:
    """Return how a secret might be written."""
    raw = secret.encode()
    return [secret, raw.hex(), base64.b64encode(raw).decode().rstrip("="), base64.urlsafe_b64encode(raw).decode()]


@pytest.mark.parametrize("proof", PROOFS)
def test_no_secret_is_in_the_log_of_either_side(proof: str, tmp_path: Path) -> None:
    identities = {
        "desk": sigcore.Identity(secret=sigcore.Secret(SECRET.encode())),
        "thermo-7": sigcore.Identity(token=sigcore.Secret(TOKEN.encode())),
    }
    refused: list[str] = []
    with written_log() as log:
        with sigcore.ServerRouter(f"unix://{tmp_path}/sig.sock", identities=identities, anonymous=False) as server:
            client = sigcore.ClientRouter(server.endpoints[0], **PROOFS[proof])
            try:
                client.open()
            except sigcore.NotAuthenticated as error:
                refused.append(f"{error!r} {error}")
            else:
                wait_until(lambda: len(server.peers()) == 1, "the server knows who is there")
            finally:
                client.close()
        text = "\n".join([log.text, *refused, repr(client), repr(server), *map(repr, identities.values())])
    assert bool(refused) == (proof not in {"secret", "token"})
    assert "listening on" in log.text
    assert [form for secret in (SECRET, TOKEN, WRONG) for form in forms_of(secret) if form in text] == []


def test_a_secret_in_an_endpoint_or_a_file_is_in_no_line_of_what_is_wrong_with_it(tmp_path: Path) -> None:
    def told(make: Callable[[], Any]) -> str:
        with written_log() as log, pytest.raises((sigcore.SigError, ValueError, OSError)) as caught:
            make()
        return f"{log.text}\n{caught.value!r} {caught.value}"

    file = tmp_path / "sigcore.toml"
    file.write_text(f"endpoints = ['tcp://127.0.0.1:0']\n[identities.desk]\nsecret = '{SECRET}'\n", encoding="utf-8")
    texts = [
        told(lambda: sigcore.ServerRouter.from_config(file).open()),
        told(lambda: sigcore.ClientRouter(f"tcp://127.0.0.1:1?identity=desk&secret={TOKEN}").open()),
        told(lambda: sigcore.ClientRouter(f"unix://{tmp_path}/none?token={TOKEN}").open()),
    ]
    assert [form for secret in (SECRET, TOKEN) for form in forms_of(secret) for text in texts if form in text] == []

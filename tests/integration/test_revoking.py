# SPDX-License-Identifier: MIT
"""A token or a secret is taken away while its owner is connected: out within a second, and back when it is mended."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

import sigcore

from ..waiting import Errors, Heard, wait_until
from .forms import FORMS, make_peer

Make = Callable[..., Any]


@pytest.fixture(params=FORMS)
def make(request: pytest.FixtureRequest) -> Iterator[Make]:
    """Return what makes a router of one of the two forms, which is closed at the end."""
    with ExitStack() as stack:

        def peer(kind: str, *args: Any, **options: Any) -> Any:
            made = make_peer(request.param, kind, *args, **options)
            stack.callback(made.close)
            return made

        yield peer


class Hall:
    """A server with a configuration file: thermo-7 has a token, desk has a secret.

    Attributes:
        server: The server, opened.
        file: Its configuration file.
        endpoint: Where it listens.
    """

    def __init__(self, make: Make, folder: Path, listens: str) -> None:
        self._folder, self._listens = folder, listens
        self.file = folder / "sigcore.toml"
        self.keep("token", "the-token-of-thermo-7")
        self.keep("secret", "the secret of the desk")
        self.write("thermo-7", "desk")
        self.server = make("ServerRouter.from_config", self.file)
        (self.endpoint,) = self.server.router.endpoints

    def keep(self, kind: str, text: str) -> None:
        """Write a secret to its file."""
        (self._folder / kind).write_text(text, encoding="utf-8")
        (self._folder / kind).chmod(0o600)

    def write(self, *known: str) -> None:
        """Write the configuration file, with these identities."""
        kinds = {"thermo-7": "token", "desk": "secret"}
        tables = [f"[identities.{who}]\n{kinds[who]} = 'file:{self._folder / kinds[who]}'\n" for who in known]
        text = f"endpoints = ['{self._listens}']\nanonymous = false\n{''.join(tables)}"
        self.file.write_text(text, encoding="utf-8")

    def as_desk(self) -> dict[str, Any]:
        return {"identity": "desk", "secret": f"file:{self._folder / 'secret'}"}

    def identities(self) -> list[str]:
        """Return who is connected."""
        return sorted(peer.identity for peer in self.server.peers())


@pytest.fixture(params=["tcp", "unix"])
def hall(request: pytest.FixtureRequest, make: Make, tmp_path: Path) -> Hall:
    pytest.importorskip("sig_tcp")
    return Hall(make, tmp_path, {"tcp": "tcp://127.0.0.1:0", "unix": f"unix://{tmp_path}/sig.sock"}[request.param])


def test_a_secret_that_is_taken_away_ends_the_link_that_came_by_it(hall: Hall, make: Make) -> None:
    client = make("ClientRouter", hall.endpoint, reconnect_delay=0.05, **hall.as_desk())
    heard = Heard()
    hall.server.add_listener(heard, event="#disconnect")
    client.add_sender("desk-1", ["pressed"])
    hall.write("thermo-7")
    hall.server.reload()
    wait_until(lambda: not client.router.connected, "the link is ended")
    heard.wait(1)
    with pytest.raises(sigcore.NotConnected):
        client.senders()
    assert hall.identities() == []


def test_a_token_that_is_deleted_puts_its_thief_out_and_nobody_else(make: Make, tmp_path: Path) -> None:
    pytest.importorskip("sig_tcp")
    hall = Hall(make, tmp_path, f"unix://{tmp_path}/sig.sock")
    thief = make("ClientRouter", hall.endpoint, token=f"file:{tmp_path / 'token'}")
    desk = make("ClientRouter", hall.endpoint, **hall.as_desk())
    heard = Heard()
    desk.add_listener(heard, "hall", "opened")
    assert hall.identities() == ["desk", "thermo-7"]
    hall.write("desk")  # and the server sees by itself that the file has changed
    wait_until(lambda: hall.identities() == ["desk"], "the thief is out")
    wait_until(lambda: not thief.router.connected, "it knows")
    opened = hall.server.add_sender("hall", ["opened"])
    hall.server.do(opened.trigger, "opened", 1)
    assert heard.wait(1) == [1]
    assert desk.router.identity == "desk"


def test_who_is_out_comes_back_by_itself_when_the_secret_is_mended(hall: Hall, make: Make) -> None:
    errors, heard = Errors(), Heard()
    client = make("ClientRouter", hall.endpoint, on_error=errors, reconnect_delay=0.05, **hall.as_desk())
    button = client.add_sender("desk-1", ["pressed"])
    hall.server.add_listener(heard, "desk-1", "pressed")
    hall.keep("secret", "another secret of the desk")
    hall.server.reload()
    errors.wait_for(lambda told: any(isinstance(error, sigcore.NotAuthenticated) for error in told))
    hall.keep("secret", "the secret of the desk")
    hall.server.reload()
    wait_until(lambda: client.router.connected, "it is back")
    client.do(button.trigger, "pressed", 7)
    assert heard.wait(1) == [7]

# SPDX-License-Identifier: MIT
"""docs/lock-it-down.md leads where it says: all that it types is run, and all that it shows is printed."""

from __future__ import annotations

import os
import re
import shutil
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest

from ..test_docs import ROOT, Block, blocks_of, free_port
from .terminals import Terminals

pytest.importorskip("sig_cli")
pytest.importorskip("cryptography")  # sig tls makes certificates with it
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="sudo, install and sed are not there")

PAGE = ROOT / "docs" / "lock-it-down.md"
BLOCKS = [block for block in blocks_of(PAGE) if not block.note]
HEAD = re.compile(r"# (?P<added>added to )?(?P<file>\S+)\n")
UNIT = (ROOT / "examples" / "locked-down" / "sigcore.service").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("reader")


@pytest.fixture
def terminals(folder: Path) -> Iterator[Terminals]:
    credentials = folder / "credentials"
    credentials.mkdir()
    replace = {
        "tls://:": "tls://127.0.0.1:",  # tests are not for other machines
        "tcp://127.0.0.1:3000": f"tcp://127.0.0.1:{free_port()}",
        "127.0.0.1:3443": f"127.0.0.1:{free_port()}",
        "/etc/sigcore": str(folder / "etc"),
        "/run/credentials/sigcore.service": str(credentials),
        "/opt/sigcore/bin": sysconfig.get_path("scripts"),
    }
    path = os.pathsep.join((sysconfig.get_path("scripts"), os.environ["PATH"]))
    env = {**os.environ, "PATH": path, "CREDENTIALS_DIRECTORY": str(credentials), "COLUMNS": "1000"}
    made = Terminals(folder, replace, env)
    yield made
    made.close()


def save(block: Block, folder: Path, terminals: Terminals) -> None:
    """Save a block as the file that its first line names, or at the end of that."""
    head = HEAD.match(block.text)
    assert head is not None, f"{block} says in no first line which file it is"
    with open(folder / head["file"], "a" if head["added"] else "w", encoding="utf-8") as file:
        file.write(terminals.here(block.text))


def pass_credentials_on(drop_in: str, terminals: Terminals) -> None:
    """Do what systemd does before it starts the service: give it the credentials of the drop-in, and no other."""
    for name, file in re.findall(r"^LoadCredential=(.+):(.+)$", drop_in, re.MULTILINE):
        credential = shutil.copy(terminals.here(file), terminals.here(f"/run/credentials/sigcore.service/{name}"))
        Path(credential).chmod(0o400)


def test_every_step_of_the_page_does_what_it_says_and_then_the_service_starts(
    folder: Path, terminals: Terminals
) -> None:
    for block in BLOCKS:
        if block.language in ("toml", "ini"):
            save(block, folder, terminals)
        elif block.language == "console":
            terminals.play(block.text)
    drop_in = (folder / "gateway.conf").read_text(encoding="utf-8")
    pass_credentials_on(drop_in, terminals)
    start = re.search(r"^ExecStart=/opt/sigcore/bin/(.+)$", UNIT, re.MULTILINE)
    assert start is not None
    terminals.play(f"service$ {start[1]}\nlistening  tcp://127.0.0.1:3000\nlistening  tls://:3443?...\n")
    who = "--identity thermo-7 --secret file:thermo-7.secret"
    terminals.play(
        f"thermo-7$ sig trigger tcp://127.0.0.1:3000 thermo-7 reading 21.7 {who}\nthermo-7 reading 21.7...\n"
    )
    wanted = "?ca=tls/ca.crt&cert=tls/dashboard.crt&key=tls/dashboard.key"
    terminals.play(f"dashboard$ sig senders 'tls://:3443{wanted}'\n...")


def test_the_unit_opens_the_ports_of_the_page() -> None:
    (drop_in,) = [block.text for block in BLOCKS if block.language == "ini"]
    (config,) = [block.text for block in BLOCKS if block.text.startswith("# gateway.toml")]
    opened = re.findall(r"^SocketBindAllow=tcp:(\d+)$", UNIT + drop_in, re.MULTILINE)
    assert sorted(opened) == sorted(re.findall(r'^url = ".*:(\d+)"$', config, re.MULTILINE))

# SPDX-License-Identifier: MIT
"""The pages are true: their Python runs and prints what they say, and their links lead somewhere.

Each ``python`` block is run, all blocks of a page one after the other in one module, as a reader would paste them. A
``text`` block that follows one at once is what it must print. A comment before a block says why it is not run
(``<!-- not run: ... -->``), or from which file it is quoted (``<!-- path -->``). ``console`` blocks are of
``docs/lock-it-down.md`` alone, which has a test of its own.
"""

from __future__ import annotations

import contextlib
import io
import re
import socket
import sys
import types
from dataclasses import dataclass
from pathlib import Path

import pytest

import sigcore

for _package in ("sig_tcp", "sig_serial", "sig_lines", "sig_cbor"):
    pytest.importorskip(_package)

ROOT = Path(__file__).parents[1]
PAGES = [
    ROOT / "README.md",
    *sorted(ROOT.glob("docs/*.md")),
    *sorted(ROOT.glob("plugins/*/README.md")),
    *sorted(ROOT.glob("examples/**/README.md")),
]
FENCE = re.compile(
    r"^(?:<!-- (?P<note>[^\n]+) -->\n)?```(?P<language>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)
LINK = re.compile(r"\]\((?P<target>[^)\s]+)\)")


@dataclass(frozen=True)
class Block:
    """A fenced block of a page."""

    page: Path
    line: int  # of its first line of text, counted from 0
    language: str
    note: str
    text: str
    follows: int | None  # the number of the block before it, when nothing but white space stands between

    @property
    def is_run(self) -> bool:
        return self.language == "python" and not self.note

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def blocks_of(page: Path) -> list[Block]:
    content = page.read_text(encoding="utf-8")
    blocks: list[Block] = []
    end = 0
    for number, fence in enumerate(FENCE.finditer(content)):
        line = content.count("\n", 0, fence.start("text"))
        follows = number - 1 if number and not content[end : fence.start()].strip() else None
        blocks.append(Block(page, line, fence["language"], fence["note"] or "", fence["text"], follows))
        end = fence.end()
    return blocks


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


BLOCKS = [block for page in PAGES for block in blocks_of(page)]


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_the_python_of_a_page_runs_and_prints_what_the_page_says(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    module = types.ModuleType("page")
    module.__dict__["sigcore"] = sigcore
    monkeypatch.setitem(sys.modules, "page", module)
    port = free_port()
    blocks = blocks_of(page)
    printed: dict[int, str] = {}
    for number, block in enumerate(blocks):
        if block.is_run:
            printed[number] = run(block, module, port)
        elif block.language == "text" and block.follows in printed:
            assert printed[block.follows] == block.text, str(block)


@pytest.mark.parametrize("block", [block for block in BLOCKS if block.note and block.language != "console"], ids=str)
def test_a_block_that_is_not_run_is_python_all_the_same_or_stands_in_the_file_it_names(block: Block) -> None:
    if block.note.startswith("not run: "):
        compile(block.text, str(block), "exec", dont_inherit=True)
    else:
        assert block.text in (ROOT / block.note).read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_the_links_of_a_page_lead_to_files_and_headings_that_are_there(page: Path) -> None:
    targets = [link["target"] for link in LINK.finditer(page.read_text(encoding="utf-8"))]
    assert [target for target in targets if "://" not in target and not leads_somewhere(page, target)] == []


def leads_somewhere(page: Path, target: str) -> bool:
    path, _, heading = target.partition("#")
    file = page.parent / path if path else page
    return file.exists() and (not heading or heading in anchors_of(file))


def anchors_of(page: Path) -> list[str]:
    """Return the anchors that a page's headings get, by GitHub's rule."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    return [re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings]


def run(block: Block, module: types.ModuleType, port: int) -> str:
    """Run a block; return what it prints. Port 3000 of the pages becomes one that is free here."""
    source = "\n" * block.line + block.text.replace("127.0.0.1:3000", f"127.0.0.1:{port}")
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile(source, str(block.page), "exec", dont_inherit=True), module.__dict__)
    return out.getvalue().replace(f"127.0.0.1:{port}", "127.0.0.1:3000")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port

# SPDX-License-Identifier: MIT
"""Real distributions in a folder on ``sys.path``: metadata as pip writes it, and modules that are really imported."""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sigcore import (
    PluginBroken,
    PluginConflict,
    PluginError,
    PluginInfo,
    PluginNotFound,
    check_plugin,
    list_plugins,
    load_carrier,
    load_codec,
    load_plugin,
)
from sigcore._plugins import refresh_plugins

CARRIER = """
import sigcore

class PaperCarrier:
    async def connect(self, endpoint, protocol_factory): ...
    async def listen(self, endpoint, protocol_factory): ...

@sigcore.hookimpl
def sigcore_carrier():
    return PaperCarrier()
"""
CODEC = """
import sigcore

class PaperCodec:
    name = "paper"
    content_type = "text/plain"
    def encode(self, value): return repr(value).encode()
    def decode(self, data): return bytes(data).decode()

@sigcore.hookimpl
def sigcore_codec():
    return PaperCodec()
"""


class Site:
    """A folder of installed packages."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()

    def install(self, name: str, version: str, entry_points: str, **modules: str) -> None:
        """Install a distribution; ``entry_points`` is the text of its file, ``modules`` are names and sources."""
        info = self.folder / f"{name.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n", encoding="utf-8")
        (info / "entry_points.txt").write_text(entry_points, encoding="utf-8")
        for module, source in modules.items():
            (self.folder / f"{module}.py").write_text(source, encoding="utf-8")
        refresh_plugins()

    def offer(self, group: str, name: str, source: str, *, module: str | None = None) -> None:
        """Install one module as ``paper-<name>`` 1.2, with an entry point of that name."""
        module = module or f"paper_{name.replace('+', '_')}"
        text = f"[sigcore.{group}]\n{name} = {module}\n"
        self.install(f"paper-{name.replace('+', '-')}", "1.2", text, **{module: source})


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    folder = tmp_path / "site"
    monkeypatch.syspath_prepend(folder)
    before = set(sys.modules)
    refresh_plugins()
    yield Site(folder)
    for module in set(sys.modules) - before:
        if module.startswith("paper"):
            del sys.modules[module]
    refresh_plugins()


def found(name: str) -> list[PluginInfo]:
    return [info for info in list_plugins() if info.name == name]


def test_a_carrier_is_found_by_its_scheme_and_loaded_once(site: Site) -> None:
    site.offer("carriers", "paper", CARRIER)
    carrier = load_carrier("paper")
    assert type(carrier).__name__ == "PaperCarrier"
    assert load_carrier("paper") is carrier


def test_a_codec_is_found_by_its_name_and_loaded_once(site: Site) -> None:
    site.offer("codecs", "paper", CODEC)
    codec = load_codec("paper")
    assert codec.encode([1]) == b"[1]"
    assert load_codec("paper") is codec


def test_what_is_installed_is_listed_without_being_imported(site: Site) -> None:
    marker = site.folder / "imported"
    site.offer("carriers", "paper", f"open({str(marker)!r}, 'w').close()\n{CARRIER}")
    site.offer("codecs", "paperc", "raise RuntimeError('never')")
    site.offer("plugins", "paperp", "raise RuntimeError('never')")
    listed = [info for info in list_plugins() if info.distribution.startswith("paper")]
    assert listed == [
        PluginInfo("carrier", "paper", "paper-paper", "1.2", "paper_paper"),
        PluginInfo("codec", "paperc", "paper-paperc", "1.2", "paper_paperc"),
        PluginInfo("plugin", "paperp", "paper-paperp", "1.2", "paper_paperp"),
    ]
    with pytest.raises(PluginNotFound):
        load_carrier("other")
    assert not marker.exists()
    load_carrier("paper")
    assert marker.exists()


def test_loading_one_plug_in_imports_no_other(site: Site) -> None:
    site.offer("carriers", "paper", CARRIER)
    site.offer("carriers", "paperx", "raise RuntimeError('never')")
    load_carrier("paper")
    assert "paper_paperx" not in sys.modules


def test_a_whole_scheme_goes_before_the_wrapper_in_front_of_it(site: Site) -> None:
    site.offer("carriers", "paper", CARRIER)
    site.offer("carriers", "paper+usb", CARRIER.replace("PaperCarrier", "UsbCarrier"))
    assert type(load_carrier("paper+usb")).__name__ == "UsbCarrier"
    assert type(load_carrier("paper+tcp")).__name__ == "PaperCarrier"
    assert load_carrier("paper+paper+usb") is load_carrier("paper")


def test_a_name_that_nobody_offers_names_what_is_installed(site: Site) -> None:
    site.offer("carriers", "paper", CARRIER)
    with pytest.raises(
        PluginNotFound, match=r"no carrier 'papr' is installed; installed: .*paper.*did you mean 'paper'"
    ):
        load_carrier("papr")
    with pytest.raises(PluginNotFound, match=r"no carrier 'void\+tcp' or 'void' is installed"):
        load_carrier("void+tcp")
    with pytest.raises(LookupError, match="no codec 'paper' is installed"):
        load_codec("paper")
    with pytest.raises(PluginNotFound, match=r"no plugin 'paper' is installed; installed: (none|accel)$"):
        load_plugin("paper")


@pytest.mark.parametrize(
    ("load", "name", "package"),
    [
        (load_carrier, "tcp", "sigcore-tcp"),
        (load_carrier, "unix", "sigcore-tcp"),
        (load_carrier, "serial+usb", "sigcore-serial"),
        (load_codec, "cbor", "sigcore-cbor"),
    ],
)
def test_a_first_party_name_gives_the_line_that_installs_it(
    site: Site, monkeypatch: pytest.MonkeyPatch, load: Callable[[str], object], name: str, package: str
) -> None:
    monkeypatch.setattr(sys, "path", [str(site.folder)])  # where nothing is installed
    with pytest.raises(PluginNotFound, match=f"installed: none. To get it: pip install {package}$"):
        load(name)


def test_a_package_that_is_installed_meanwhile_is_found(site: Site) -> None:
    with pytest.raises(PluginNotFound):
        load_carrier("paper")
    info = site.folder / "late-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: late\nVersion: 1.0\n", encoding="utf-8")
    (info / "entry_points.txt").write_text("[sigcore.carriers]\npaper = paper_late\n", encoding="utf-8")
    (site.folder / "paper_late.py").write_text(CARRIER, encoding="utf-8")
    assert load_carrier("paper")


def test_two_packages_that_claim_one_name_are_both_named_and_neither_is_imported(site: Site) -> None:
    site.install("one", "1.0", "[sigcore.carriers]\npaper = paper_one\n", paper_one=CARRIER)
    site.install("two", "2.0", "[sigcore.carriers]\npaper = paper_two\n", paper_two=CARRIER)
    with pytest.raises(PluginConflict, match=r"one 1\.0 and two 2\.0 claim the carrier name 'paper'"):
        load_carrier("paper")
    assert [(info.distribution, info.conflicts) for info in found("paper")] == [
        ("one", ("two 2.0",)),
        ("two", ("one 1.0",)),
    ]
    assert not {"paper_one", "paper_two"} & set(sys.modules)


def test_one_name_for_a_carrier_and_a_codec_is_no_conflict(site: Site) -> None:
    site.offer("codecs", "paper", CODEC)
    site.install("other", "1.0", "[sigcore.carriers]\npaper = paper_other\n", paper_other=CARRIER)
    assert load_codec("paper")
    assert load_carrier("paper")


def test_one_package_that_is_seen_twice_is_no_conflict_and_the_first_counts(site: Site, tmp_path: Path) -> None:
    again = Site(tmp_path / "again")
    sys.path.append(str(again.folder))  # the fixture's monkeypatch puts sys.path back
    site.install("Paper.Carrier", "2.0", "[sigcore.carriers]\npaper = paper_new\n", paper_new=CARRIER)
    again.install("paper-carrier", "1.0", "[sigcore.carriers]\npaper = paper_old\n", paper_old=CARRIER)
    assert [(info.version, info.module, info.conflicts) for info in found("paper")] == [("2.0", "paper_new", ())]
    assert load_carrier("paper")


BROKEN = {
    "raises": ("raise RuntimeError('out of\\n paper')", "RuntimeError: out of paper"),
    "exits": ("raise SystemExit(3)", "SystemExit: 3"),
    "lacks-a-module": ("import no_such_module", "No module named 'no_such_module'"),
    "has-no-hook": ("", r"no function sigcore_carrier\(\) marked @sigcore\.hookimpl"),
    "has-an-unmarked-hook": (CARRIER.replace("@sigcore.hookimpl", ""), "marked @sigcore.hookimpl"),
    "misspells-its-hook": (
        CARRIER.replace("def sigcore_carrier", "def sigcore_carier"),
        "unknown hook 'sigcore_carier'",
    ),
    "wants-arguments": (CARRIER.replace("sigcore_carrier()", "sigcore_carrier(loop)"), "loop"),
    "hook-raises": (CARRIER.replace("return", "raise ValueError('torn') #"), "ValueError: torn"),
    "gives-nothing": (CARRIER.replace("return", "pass #"), "gave an object of type NoneType, not a sigcore"),
    "gives-a-class": (CARRIER.replace("PaperCarrier()", "PaperCarrier"), "gave the class PaperCarrier"),
    "gives-something-else": (CARRIER.replace("PaperCarrier()", "object()"), "gave an object of type object"),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_a_broken_plug_in_is_reported_by_name_version_and_cause_and_harms_no_other(site: Site, fault: str) -> None:
    source, cause = BROKEN[fault]
    site.offer("carriers", "paper", source, module="paper_broken")
    site.offer("carriers", "paperx", CARRIER)
    with pytest.raises(PluginBroken, match=cause) as caught:
        load_carrier("paper")
    message = str(caught.value)
    assert message.startswith("carrier 'paper' of paper-paper 1.2 does not load: ")
    assert "pip install --upgrade paper-paper" in message
    assert message.isprintable()
    assert caught.value.__cause__ is not None
    assert check_plugin(found("paper")[0]) == message
    assert check_plugin(found("paperx")[0]) is None
    assert load_carrier("paperx")


def test_a_module_that_is_not_there_is_a_broken_plug_in(site: Site) -> None:
    site.install("paper", "1.0", "[sigcore.carriers]\npaper = paper_absent\n")
    with pytest.raises(ImportError, match="No module named 'paper_absent'"):
        load_carrier("paper")


def test_a_codec_must_call_itself_as_its_entry_point_does(site: Site) -> None:
    site.offer("codecs", "vellum", CODEC)
    with pytest.raises(PluginBroken, match="the codec's name is 'paper'; it must be the entry point's, 'vellum'"):
        load_codec("vellum")


def test_a_broken_plug_in_is_tried_again_after_it_was_mended(site: Site) -> None:
    site.offer("carriers", "paper", "raise RuntimeError")
    with pytest.raises(PluginBroken):
        load_carrier("paper")
    (site.folder / "paper_paper.py").write_text(CARRIER, encoding="utf-8")
    assert load_carrier("paper")


def test_an_interrupt_while_a_plug_in_loads_is_the_users_own(site: Site) -> None:
    site.offer("carriers", "paper", "raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        load_carrier("paper")


def test_a_conflict_is_what_is_wrong_with_each_of_its_plug_ins(site: Site) -> None:
    site.install("one", "1.0", "[sigcore.codecs]\npaper = paper_one\n", paper_one=CODEC)
    site.install("two", "2.0", "[sigcore.codecs]\npaper = paper_two\n", paper_two=CODEC)
    for info in found("paper"):
        assert "one 1.0 and two 2.0" in str(check_plugin(info))


def test_another_plug_in_is_the_module_that_its_entry_point_names(site: Site) -> None:
    site.offer("plugins", "paper", "SHEETS = 80")
    assert load_plugin("paper") is sys.modules["paper_paper"]
    assert check_plugin(found("paper")[0]) is None


@pytest.mark.parametrize(
    "text", ["[sigcore.carriers]\nno equals sign\n", "sigcore.carriers without a group = x\n\x00[["]
)
def test_malformed_metadata_leaves_out_its_own_package_alone(
    site: Site, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    site.install("torn", "1.0", text)
    site.offer("carriers", "paper", CARRIER)
    assert load_carrier("paper")
    assert not [info for info in list_plugins() if info.distribution == "torn"]


def test_malformed_metadata_of_others_is_none_of_our_business(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    site.install("torn", "1.0", "[console_scripts]\nno equals sign\n")
    site.offer("carriers", "paper", CARRIER)
    assert load_carrier("paper")
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


def test_what_is_loaded_is_logged_with_its_package_and_version(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    site.offer("codecs", "paper", CODEC)
    with caplog.at_level(logging.INFO, "sigcore"):
        load_codec("paper")
    assert "loaded codec 'paper' of paper-paper 1.2 from paper_paper" in caplog.messages


def test_threads_that_load_at_once_get_the_same_carrier(site: Site) -> None:
    site.offer("carriers", "paper", f"import time\ntime.sleep(0.05)\n{CARRIER}")
    carriers: list[object] = []
    start = threading.Barrier(8)

    def load() -> None:
        start.wait(10)
        carriers.append(load_carrier("paper"))

    threads = [threading.Thread(target=load) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert len(carriers) == 8
    assert len({id(carrier) for carrier in carriers}) == 1


def test_every_plug_in_error_has_the_one_base() -> None:
    assert all(issubclass(error, PluginError) for error in (PluginBroken, PluginConflict, PluginNotFound))

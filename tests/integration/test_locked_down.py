# SPDX-License-Identifier: MIT
"""The locked-down server of the documentation: its configuration is taken, and its unit keeps what it promises."""

from __future__ import annotations

import configparser
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

import sigcore

from .. import config_schema

ROOT = Path(__file__).parents[2]
FILES = ROOT / "examples" / "locked-down"
UNIT = FILES / "sigcore.service"
CONFIG = FILES / "sigcore.toml"
PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")


def service() -> configparser.SectionProxy:
    unit = configparser.ConfigParser(strict=False)  # a key may stand there more than once, as LoadCredential does
    unit.optionxform = str  # type: ignore[assignment,method-assign]  # as configparser's own pages have it
    unit.read(UNIT, encoding="utf-8")
    return unit["Service"]


def credentials() -> dict[str, str]:
    """Return the file of each credential that systemd passes on."""
    return dict(re.findall(r"^LoadCredential=([^:]+):(.+)$", UNIT.read_text(encoding="utf-8"), re.MULTILINE))


def test_the_page_shows_both_files_as_they_are() -> None:
    for file in (CONFIG, UNIT):
        assert f"\n{file.read_text(encoding='utf-8')}```\n" in PAGE


def test_the_configuration_is_taken_once_systemd_has_passed_the_secrets_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in credentials():
        (tmp_path / name).write_text("of-32-random-bytes-or-more-in-hex")
        (tmp_path / name).chmod(0o400)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    config = sigcore.load_config(CONFIG)
    assert [endpoint.partition(":")[0] for endpoint in config.endpoints] == ["unix", "tls", "serial"]
    keywords = config.keywords()
    assert keywords["anonymous"] is False
    assert not keywords["insecure"]
    assert len(keywords["rules"]) == 4


def test_the_configuration_fits_the_schema() -> None:
    jsonschema = pytest.importorskip("jsonschema")
    jsonschema.validate(tomllib.loads(CONFIG.read_text(encoding="utf-8")), config_schema.schema())


def test_every_secret_of_the_configuration_comes_from_systemd_and_no_other_is_passed_on() -> None:
    text = CONFIG.read_text(encoding="utf-8")
    asked_for = {*re.findall(r'"credential:([^"]+)"', text), *re.findall(r"/run/credentials/[^/]+/([^\"]+)", text)}
    assert asked_for == set(credentials())
    assert not re.search(r"^(secret|token) = \"(?!credential:)", text, re.MULTILINE)


def test_the_unit_lets_the_service_have_what_its_endpoints_need_and_no_more() -> None:
    unit, config = service(), tomllib.loads(CONFIG.read_text(encoding="utf-8"))
    urls = [sigcore.Endpoint.parse(endpoint["url"]) for endpoint in config["endpoints"]]
    (port,) = [url.port for url in urls if url.scheme == "tls"]
    (device,) = [url.path for url in urls if url.scheme == "serial"]
    assert unit["SocketBindAllow"] == f"tcp:{port}"
    assert unit["DeviceAllow"] == f"{device} rw"
    assert unit["RestrictAddressFamilies"] == "AF_UNIX AF_INET AF_INET6"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
def test_the_unit_is_as_little_exposed_as_the_page_says() -> None:
    said = re.search(r"an exposure of\s+(\d\.\d)", PAGE)
    assert said is not None
    command = ["systemd-analyze", "security", "--offline=true", str(UNIT)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    if "Unknown option" in done.stderr or "unrecognized option" in done.stderr:
        pytest.skip("this systemd cannot judge a file")
    found = re.search(r"exposure level for \S+: (\d+\.\d)", done.stdout)
    assert found is not None, done.stderr
    # Newer versions of systemd count more: not exactly the same everywhere, but never much more.
    assert float(found[1]) <= float(said[1]) + 0.5

# SPDX-License-Identifier: MIT
"""Configuration files: what they may say, how their faults are told, and that the published schema agrees."""

from __future__ import annotations

import asyncio
import inspect
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

import sigcore
import sigcore.aio
from sigcore._config import KNOWN
from sigcore._limits import LinkKeywords

from . import config_schema

FULL = """
name = "gateway"
insecure = true
codecs = ["json"]
endpoints = [
    "mem://one?heartbeat=2s",
    { url = "serial:///dev/ttyUSB0", options = { baudrate = 115200, read_timeout = "20ms", rtscts = true } },
]

[limits]
max_frame = "64KiB"
event_queue = 1048576
handshake_timeout = 2
stall_budget = "250ms"
max_requests = 12

[logging]
level = "info"
"""

VALID = {
    "all of it": FULL,
    "no more than it must": 'endpoints = ["mem://one"]',
    "an endpoint as a table": '[[endpoints]]\nurl = "mem://one"',
    "options with units and without": (
        'endpoints = [{ url = "mem://one", options = { max_frame = 4096, credit = "1KiB" } }]'
    ),
    "what waits without a limit": (
        'endpoints = [{ url = "mem://one", options = { event_queue = "none" } }]\n[limits]\ncontrol_queue = "none"'
    ),
    "options with structure": (
        '[[endpoints]]\nurl = "mem://one"\n[endpoints.options]\nsenders = ["thermo-*", "gps"]\ncolumns = ["t", "v"]\n'
        '[endpoints.options.requests.temp]\nsend = "T?\\r\\u007f\\u2028"'
    ),
    "an empty table": 'endpoints = ["mem://one"]\n[limits]\n[logging]',
}

INVALID = {
    "no endpoint": ("", 'endpoints: there must be at least one, as in endpoints = ["tcp://127.0.0.1:3000"]'),
    "no endpoint in the list": ("endpoints = []", "endpoints: there must be at least one"),
    "endpoints as text": ('endpoints = "mem://one"', "endpoints: it is the text 'mem://one'; it must be a list"),
    "endpoint of another type": ("endpoints = [3]", "endpoints[0]: it is the number 3; it must be a URL"),
    "endpoint without URL": ("endpoints = [{}]", "endpoints[0]: it has no url"),
    "option beside the URL": (
        'endpoints = [{ url = "mem://one", option = {} }]',
        "endpoints[0].option: unknown key; did you mean 'options'?",
    ),
    "option that is a list": (
        'endpoints = [{ url = "mem://one", options = { credit = [1] } }]',
        "endpoints[0]: the option 'credit' is a list; it must be text, a number, true or false",
    ),
    "option that is a table": (
        'endpoints = [{ url = "mem://one", options = { credit = {} } }]',
        "endpoints[0]: the option 'credit' is a table; it must be text, a number, true or false",
    ),
    "senders that are no texts": (
        'endpoints = [{ url = "mem://one", options = { senders = [1] } }]',
        "endpoints[0]: the option 'senders' is a list; it must be text, or a list of texts",
    ),
    "unknown key": ('nmae = "x"\nendpoints = ["mem://one"]', "nmae: unknown key; did you mean 'name'?"),
    "unknown table": ('endpoints = ["mem://one"]\n[limit]', "limit: unknown key; did you mean 'limits'?"),
    "unknown limit": (
        'endpoints = ["mem://one"]\n[limits]\nmax_frme = 1',
        "limits.max_frme: unknown key; did you mean 'max_frame'?",
    ),
    "unit that is none": (
        'endpoints = ["mem://one"]\n[limits]\nmax_frame = "1Mib"',
        "limits.max_frame: it is the text '1Mib'; it must be a size with its unit",
    ),
    "text without unit": (
        'endpoints = ["mem://one"]\n[limits]\nheartbeat = "5"',
        'or a number of seconds, as in heartbeat = "5s"',
    ),
    "number as text": (
        'endpoints = ["mem://one"]\n[limits]\nmax_requests = "5"',
        "limits.max_requests: it is the text '5'; it must be a whole number",
    ),
    "half a byte": (
        'endpoints = ["mem://one"]\n[limits]\nmax_frame = 0.5',
        "limits.max_frame: it is the number 0.5; it must be a size",
    ),
    "truth for a number": (
        'endpoints = ["mem://one"]\n[limits]\nmax_senders = true',
        "limits.max_senders: it is true; it must be a whole number",
    ),
    "limit of 0": (
        'endpoints = ["mem://one"]\n[limits]\ncredit = 0',
        "limits.credit: it is the number 0; it must be more than 0 (0 never means unlimited)",
    ),
    "limit of 0 with a unit": (
        'endpoints = ["mem://one"]\n[limits]\ncredit = "0B"',
        "limits.credit: it is the text '0B'; it must be more than 0",
    ),
    "no limit where there always is one": (
        'endpoints = ["mem://one"]\n[limits]\ncredit = "none"',
        "limits.credit: it is the text 'none'; it must be a size with its unit",
    ),
    "no limit by 0": (
        'endpoints = ["mem://one"]\n[limits]\nevent_queue = 0',
        "limits.event_queue: it is the number 0; it must be more than 0 (0 never means unlimited, none does)",
    ),
    "limit below 0": (
        'endpoints = ["mem://one"]\n[limits]\ncredit = -1',
        "limits.credit: it is the number -1; it must be more than 0",
    ),
    "table that is none": ('endpoints = ["mem://one"]\nlimits = 3', "limits: it is the number 3; it must be a table"),
    "name that is none": ('name = 5\nendpoints = ["mem://one"]', "name: it is the number 5; it must be text in quotes"),
    "empty name": ('name = ""\nendpoints = ["mem://one"]', "name: it is empty"),
    "codecs that are none": ('codecs = []\nendpoints = ["mem://one"]', "codecs: it must list at least one"),
    "codecs as text": ('codecs = "json"\nendpoints = ["mem://one"]', "codecs: it is the text 'json'"),
    "codec that is no text": ('codecs = [1]\nendpoints = ["mem://one"]', "codecs: it must list at least one"),
    "insecure as a word": (
        'insecure = "no"\nendpoints = ["mem://one"]',
        "insecure: it is the text 'no'; it must be true",
    ),
    "level that is none": (
        'endpoints = ["mem://one"]\n[logging]\nlevel = "warn"',
        "logging.level: 'warn' is no level; did you mean 'warning'?",
    ),
    "date for a name": ('name = 2024-05-01\nendpoints = ["mem://one"]', "name: it is a date or a time"),
}

BEYOND_THE_SCHEMA = {
    "option with a date in it": (
        'endpoints = [{ url = "mem://one", options = { since = [2024-05-01] } }]',
        "endpoints[0]: the option 'since' has a date, a time, nan or inf in it; that must be text or a number",
    ),
    "option that is a date": (
        'endpoints = [{ url = "mem://one", options = { since = 2024-05-01 } }]',
        "endpoints[0]: the option 'since' is a date or a time; it must be text, a number, true or false, a list or a",
    ),
    "pattern of senders that would be two": (
        'endpoints = [{ url = "mem://one", options = { senders = ["gps,*"] } }]',
        "endpoints[0]: the option 'senders' has 'gps,*'; a comma divides names, none can have one",
    ),
    "pattern of senders that is none": (
        'endpoints = [{ url = "mem://one", options = { senders = ["#server"] } }]',
        "endpoints[0]: mem://one?senders=%23server: option 'senders' cannot be '#server'; it takes names of senders",
    ),
    "URL that is none": ('endpoints = ["here"]', "endpoints[0]: 'here' is no endpoint: it has no scheme"),
    "malformed option in a URL": (
        'endpoints = ["mem://one?credit=5"]',
        "endpoints[0]: mem://one?credit=5: option 'credit'",
    ),
    "option given twice": (
        'endpoints = [{ url = "mem://one?credit=1KiB", options = { credit = "1KiB" } }]',
        "endpoints[0]: credit stands in the URL and in options; keep one of them",
    ),
    "option without bounds": (
        'endpoints = [{ url = "mem://one", options = { credit = inf } }]',
        "endpoints[0]: the option 'credit': it is the number inf; it must be a size with its unit",
    ),
    "option that disagrees with the limits": (
        'endpoints = ["mem://one?credit=1KiB"]\n[limits]\ncredit = "2KiB"',
        "endpoints[0]: mem://one?credit=1KiB says credit=1024, [limits] says 2048; keep one of them",
    ),
    "number of many digits": (
        f'endpoints = ["mem://one"]\n[limits]\nheartbeat = {10**400}',
        "limits.heartbeat: it is the number 1000",
    ),
    "number of too many digits": (f'endpoints = ["mem://one"]\nname = {"1" * 5000}', "it is no TOML: "),
    "no limit in one place and one in another": (
        'endpoints = ["mem://one?event_queue=none"]\n[limits]\nevent_queue = 1024',
        "endpoints[0]: mem://one?event_queue=none says event_queue=none, [limits] says 1024; keep one of them",
    ),
    "no TOML": ("endpoints = [\n", "it is no TOML: "),
    "not UTF-8": ('name = "\udcff"', "it is no TOML: "),
}

FAULTS = {**INVALID, **BEYOND_THE_SCHEMA}


def written(folder: Path, text: str) -> Path:
    path = folder / "sigcore.toml"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    return path


def load(folder: Path, text: str) -> sigcore.ServerConfig:
    return sigcore.load_config(written(folder, text))


def test_a_file_gives_every_argument_of_a_server(tmp_path: Path) -> None:
    config = load(tmp_path, FULL)
    assert config.keywords() == {
        "name": "gateway",
        "insecure": True,
        "rules": (),
        "audit": False,
        "identities": {},
        "anonymous": None,
        "plugins": (),
        "codecs": ("json",),
        "endpoints": (
            "mem://one?heartbeat=2s",
            "serial:///dev/ttyUSB0?baudrate=115200&read_timeout=20ms&rtscts=1",
        ),
        "max_frame": 64 * 1024,
        "event_queue": 1024 * 1024,
        "handshake_timeout": 2.0,
        "stall_budget": 0.25,
        "max_requests": 12,
    }
    assert config.log_level == "info"


def test_what_a_file_leaves_out_is_left_to_the_server(tmp_path: Path) -> None:
    config = load(tmp_path, 'endpoints = ["mem://one"]')
    left_out: dict[str, object] = {"name": None, "insecure": False, "codecs": None, "rules": (), "audit": False}
    left_out |= {"identities": {}, "anonymous": None, "plugins": ()}
    assert config.keywords() == {**left_out, "endpoints": ("mem://one",)}
    assert config.log_level is None


def test_a_file_can_say_whatever_a_server_takes_but_what_is_for_code() -> None:
    taken = set(inspect.signature(sigcore.ServerRouter).parameters)
    assert {*KNOWN[""]} - {"logging"} == taken - {"on_error", "slow_callback"}


def test_a_link_s_own_option_of_an_endpoint_may_be_a_bare_number(tmp_path: Path) -> None:
    options = "max_frame = 4096, heartbeat = 0.5, max_senders = 7"
    config = load(tmp_path, f'endpoints = [{{ url = "mem://one", options = {{ {options} }} }}]')
    assert config.endpoints == ("mem://one?max_frame=4KiB&heartbeat=500ms&max_senders=7",)


def test_an_option_with_structure_is_json_in_the_url(tmp_path: Path) -> None:
    (url,) = load(tmp_path, VALID["options with structure"]).endpoints
    assert sigcore.Endpoint.parse(url).query == (
        ("senders", "thermo-*,gps"),
        ("columns", '["t","v"]'),
        ("requests", '{"temp":{"send":"T?\\r\\u007f\\u2028"}}'),
    )


def test_the_mark_that_windows_editors_put_first_is_passed_over(tmp_path: Path) -> None:
    assert load(tmp_path, '\ufeffname = "x"\nendpoints = ["mem://one"]').name == "x"


def test_the_blocking_server_is_what_the_file_says(tmp_path: Path) -> None:
    path = written(tmp_path, 'name = "gateway"\ncodecs = ["json"]\nendpoints = ["mem://of-a-file"]')
    with (
        sigcore.ServerRouter.from_config(path) as server,
        sigcore.ClientRouter(server.endpoints[0], name="x") as client,
        client.listen(event=sigcore.EVENT_CONNECT) as comers,
    ):
        assert (server.endpoints, server.codecs) == (["mem://of-a-file"], ["json"])
        server.add_sender("thermo")
        info, _ = comers.get(timeout=5.0)
        assert info.peer == sigcore.Peer("gateway")


def test_the_asyncio_server_is_what_the_file_says(tmp_path: Path) -> None:
    path = written(tmp_path, 'codecs = ["json"]\nendpoints = ["mem://of-a-file-too"]')

    async def scenario() -> None:
        async with sigcore.aio.ServerRouter.from_config(str(path)) as server:
            assert (server.endpoints, server.codecs) == (["mem://of-a-file-too"], ["json"])

    asyncio.run(scenario())


def test_limits_of_a_file_hold_for_its_links(tmp_path: Path) -> None:
    path = written(tmp_path, 'endpoints = ["mem://small"]\n[limits]\nmax_senders = 1')
    with sigcore.ServerRouter.from_config(path), sigcore.ClientRouter("mem://small") as client:
        client.add_sender("first")
        with pytest.raises(sigcore.LimitReached):
            client.add_sender("second")


def test_errors_of_listeners_go_where_the_caller_says(tmp_path: Path) -> None:
    errors: list[Exception] = []
    server = sigcore.ServerRouter.from_config(written(tmp_path, 'endpoints = ["mem://e"]'), on_error=errors.append)
    with server:
        server.add_listener(lambda info, data: 1 / 0, event="tick")
        server.add_sender("clock", events=["tick"]).trigger("tick")
    assert [type(error) for error in errors] == [sigcore.ListenerError]


@pytest.mark.parametrize(("text", "says"), FAULTS.values(), ids=FAULTS)
def test_a_fault_is_told_with_file_key_what_was_found_and_what_is_wanted(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(sigcore.ConfigError) as caught:
        load(tmp_path, text)
    (problem,) = caught.value.problems
    file, _, told = problem.partition(": ")
    assert re.fullmatch(rf"{re.escape(str(tmp_path / 'sigcore.toml'))}(:\d+)?", file)
    assert says in told


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('# first\nnmae = "x"\nendpoints = ["mem://one"]', 2),
        ('endpoints = [\n    "mem://one",\n    3,\n]', 1),
        ('endpoints = ["mem://one"]\r\n\r\n[limits]  # all\r\nmax_frame = 4096\r\nmax_frme = 1', 5),
        ('endpoints = ["mem://one"]\n[[rules]]\nwho = "a"\nallow = "see"\n\n[[ rules ]]\nwho = "b"', 6),
        ('endpoints = ["mem://one"]\n[[rules]]\nwho = "a"\nallow = "see"\nsnders = "x"', 5),
        ('[[endpoints]]\nurl = "mem://one"\n[[endpoints]]\nurl = "mem://two"\noption = 1', 5),
        ('name = "\u2028"\nendpoints = ["mem://one"]\nnmae = "x"', 3),
        ("[limits]\nmax_frame = 4096", None),
        ('name = """\n[[rules]]"""\nendpoints = ["mem://one"]\n[[rules]]\nwho = "a"', None),
    ],
    ids=["key", "list", "table", "second rule", "key of a rule", "endpoint", "odd character", "absent", "long text"],
)
def test_a_fault_is_told_with_its_line_where_that_is_sure(tmp_path: Path, text: str, line: int | None) -> None:
    with pytest.raises(sigcore.ConfigError) as caught:
        load(tmp_path, text)
    file = tmp_path / "sigcore.toml"
    assert caught.value.problems[0].startswith(f"{file}: " if line is None else f"{file}:{line}: ")


def test_all_faults_of_a_file_are_told_together(tmp_path: Path) -> None:
    with pytest.raises(sigcore.ConfigError) as caught:
        load(tmp_path, "nmae = 1\nendpoints = [2]\ncodecs = 3\n[limits]\ncredit = 0\nx = 4\n[logging]\nlevel = 5")
    keys = {problem.split(": ")[1] for problem in caught.value.problems}
    assert keys == {"nmae", "endpoints[0]", "codecs", "limits.credit", "limits.x", "logging.level"}
    assert str(caught.value).splitlines() == list(caught.value.problems)


def test_a_secret_is_shown_neither_in_an_error_nor_in_a_repr(tmp_path: Path) -> None:
    secret = "hunter2"
    good = load(tmp_path, f'endpoints = [{{ url = "mem://one", options = {{ token = "{secret}" }} }}]')
    assert secret in good.endpoints[0]
    assert secret not in repr(good)
    with pytest.raises(sigcore.ConfigError) as caught:
        load(tmp_path, f'endpoints = ["mem://one?token={secret}&credit=1"]')
    assert secret not in str(caught.value)


def test_a_file_that_is_not_there_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        sigcore.ServerRouter.from_config(tmp_path / "nowhere.toml")


# the schema


def test_the_published_schema_is_that_of_the_code() -> None:
    published = config_schema.FILE.read_text(encoding="utf-8")
    assert published == config_schema.as_text(), "run: python -m tests.config_schema"


def test_every_limit_of_a_router_is_in_the_schema_with_its_description() -> None:
    limits = config_schema.schema()["properties"]["limits"]["properties"]
    assert set(limits) == set(LinkKeywords.__annotations__)
    assert all(limit["description"] for limit in limits.values())


@pytest.fixture(scope="module")
def validator() -> Any:
    jsonschema = pytest.importorskip("jsonschema")
    jsonschema.Draft202012Validator.check_schema(config_schema.schema())
    return jsonschema.Draft202012Validator(config_schema.schema())


@pytest.mark.parametrize("text", VALID.values(), ids=VALID)
def test_what_the_loader_takes_the_schema_takes_too(tmp_path: Path, validator: Any, text: str) -> None:
    load(tmp_path, text)
    assert [error.message for error in validator.iter_errors(tomllib.loads(text))] == []


@pytest.mark.parametrize("text", [text for text, _ in INVALID.values()], ids=INVALID)
def test_what_is_wrong_for_the_loader_is_wrong_for_the_schema(validator: Any, text: str) -> None:
    assert not validator.is_valid(tomllib.loads(text))


@pytest.mark.parametrize("name", LinkKeywords.__annotations__)
def test_the_default_of_every_limit_is_what_both_take(tmp_path: Path, validator: Any, name: str) -> None:
    default = config_schema.limit(name)["default"]
    text = f'endpoints = ["mem://one"]\n[limits]\n{name} = {default!r}'
    assert validator.is_valid(tomllib.loads(text))
    assert load(tmp_path, text).limits == {name: getattr(sigcore.LinkOptions(), name)}

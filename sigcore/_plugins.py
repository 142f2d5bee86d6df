# SPDX-License-Identifier: MIT
"""Finds installed plug-ins by name, and loads the one that was asked for.

Three groups of entry points: ``sigcore.carriers`` (the name is the URL scheme), ``sigcore.codecs`` (the codec's name)
and ``sigcore.plugins`` (everything else). Finding reads the metadata of the installed distributions and imports
nothing; loading imports what the one entry point names, so a plug-in that fails harms no other. pluggy checks the
hooks. Its own loader is not used: it imports every plug-in of a group, and stops at the first that fails.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

from ._carrier import Carrier
from ._codec import Codec
from ._contained import ContainedCodec
from ._errors import PluginBroken, PluginConflict, PluginError, PluginNotFound
from ._logging import get_logger
from ._shown import one_line, shown

if TYPE_CHECKING:
    from importlib.metadata import Distribution

Kind = Literal["carrier", "codec", "plugin"]

_GROUP_OF: dict[Kind, str] = {"carrier": "sigcore.carriers", "codec": "sigcore.codecs", "plugin": "sigcore.plugins"}
_KIND_OF: dict[str, Kind] = {group: kind for kind, group in _GROUP_OF.items()}

_FIRST_PARTY = {
    ("carrier", "tcp"): "sigcore-tcp",
    ("carrier", "tls"): "sigcore-tcp",
    ("carrier", "unix"): "sigcore-tcp",
    ("carrier", "serial"): "sigcore-serial",
    ("carrier", "lines"): "sigcore-lines",
    ("codec", "cbor"): "sigcore-cbor",
}

_OWN_CODECS = {"sigcore", "sigcore-cbor"}
"""The packages whose codecs need no boundary around them, which costs each body 0.1 us."""

_log = get_logger("sigcore.plugins")


@dataclass(frozen=True, slots=True)
class PluginInfo:
    """An installed plug-in, as its distribution's metadata describes it.

    Attributes:
        kind: ``"carrier"``, ``"codec"`` or ``"plugin"``.
        name: The entry point's name: a URL scheme, a codec's name, or a plug-in's.
        distribution: The package that brought it, such as ``sigcore-tcp``.
        version: That package's version.
        module: What the entry point names, such as ``sig_tcp._plugin_tcp``.
        conflicts: Other packages that claim the same name, each with its version. While there are any, none is loaded.
    """

    kind: Kind
    name: str
    distribution: str
    version: str
    module: str
    conflicts: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.kind} {self.name!r} of {self.distribution} {self.version}"


def list_plugins() -> list[PluginInfo]:
    """Return every installed plug-in, by kind, then by name. Nothing of them is imported.

    What is installed is looked up once and kept; ``refresh_plugins`` looks again.
    """
    return list(_installed())


def load_carrier(scheme: str) -> Carrier:
    """Return the carrier for ``scheme``. It is loaded once; every later call gives the same object.

    The whole scheme is looked up first (``serial+usb``), then what stands before its first ``+``: the carrier that
    wraps the rest (``fault`` in ``fault+tcp``).

    Raises:
        PluginNotFound: Nothing installed has that name; the message says what is installed, or what to install.
        PluginConflict: Two packages claim the name; the message names both.
        PluginBroken: It is installed but does not load; ``__cause__`` is what went wrong.
    """
    info = _find("carrier", scheme, scheme.partition("+")[0])
    if info not in _carriers:
        with _blaming(info):
            carrier = _hook_result(info, "sigcore_carrier")
            if isinstance(carrier, type) or not isinstance(carrier, Carrier):
                raise TypeError(f"sigcore_carrier() gave {_kind_of_object(carrier)}, not a sigcore.Carrier object")
        return _carriers.setdefault(info, carrier)
    return _carriers[info]


def load_codec(name: str) -> Codec:
    """Return the codec ``name``. It is loaded once; every later call gives the same object.

    Raises:
        PluginNotFound: Nothing installed has that name; the message says what is installed, or what to install.
        PluginConflict: Two packages claim the name; the message names both.
        PluginBroken: It is installed but does not load; ``__cause__`` is what went wrong.
    """
    info = _find("codec", name)
    if info not in _codecs:
        with _blaming(info):
            codec = _hook_result(info, "sigcore_codec")
            if isinstance(codec, type) or not isinstance(codec, Codec):
                raise TypeError(f"sigcore_codec() gave {_kind_of_object(codec)}, not a sigcore.Codec object")
            if codec.name != name:
                raise ValueError(f"the codec's name is {codec.name!r}; it must be the entry point's, {name!r}")
        return _codecs.setdefault(info, codec if info.distribution in _OWN_CODECS else ContainedCodec(codec))
    return _codecs[info]


@dataclass(frozen=True, slots=True)
class LoadedPlugin:
    """A plug-in of the group ``sigcore.plugins`` and its hooks, which pluggy has checked.

    Attributes:
        name: Its name.
        hooks: What calls them.
    """

    name: str
    hooks: Any

    def has(self, hook: str) -> bool:
        """Whether it implements a hook."""
        return bool(getattr(self.hooks, hook).get_hookimpls())

    def call(self, hook: str, **arguments: Any) -> Any:
        """Call a hook; what it raises is the caller's to take."""
        return getattr(self.hooks, hook)(**arguments)


def load_hooks(name: str) -> LoadedPlugin:
    """Return a plug-in of the group ``sigcore.plugins``, ready to be called; errors as for ``load_plugin``."""
    info = _find("plugin", name)
    with _blaming(info):
        return LoadedPlugin(name, _import_checked(info)[1])


def load_plugin(name: str) -> object:
    """Return what the entry point ``name`` of the group ``sigcore.plugins`` names: a module with checked hooks.

    Raises:
        PluginNotFound: Nothing installed has that name; the message says what is installed.
        PluginConflict: Two packages claim the name; the message names both.
        PluginBroken: It is installed but does not load; ``__cause__`` is what went wrong.
    """
    info = _find("plugin", name)
    with _blaming(info):
        return _import_checked(info)[0]


def check_plugin(info: PluginInfo) -> str | None:
    """Try to load a plug-in; return what is wrong with it, or ``None`` when it can be used."""
    load: dict[Kind, Callable[[str], object]] = {"carrier": load_carrier, "codec": load_codec, "plugin": load_plugin}
    try:
        load[info.kind](info.name)
    except PluginError as exc:
        return str(exc)
    return None


def refresh_plugins() -> None:
    """Forget what was found and loaded, so that the next call looks again at what is installed."""
    _installed.cache_clear()
    _carriers.clear()
    _codecs.clear()


# Two threads that load the same plug-in at once may both run its hook; setdefault picks one result for all. A lock
# instead could deadlock with Python's own lock around the import of a module.
_carriers: dict[PluginInfo, Carrier] = {}
_codecs: dict[PluginInfo, Codec] = {}


def _find(kind: Kind, *names: str) -> PluginInfo:
    """Return the one plug-in of that kind that has the first of ``names`` that any has."""
    found = _look_up(kind, names)
    if not found:
        _installed.cache_clear()  # it may have been installed since; a miss is rare, so looking again costs little
        found = _look_up(kind, names)
    if not found:
        raise PluginNotFound(_not_found(kind, names))
    info = found[0]
    if info.conflicts:
        claims = " and ".join([f"{info.distribution} {info.version}", *info.conflicts])
        raise PluginConflict(f"{claims} claim the {kind} name {info.name!r}; uninstall all of them but one")
    return info


def _look_up(kind: Kind, names: tuple[str, ...]) -> list[PluginInfo]:
    for name in names:
        found = [info for info in _installed() if (info.kind, info.name) == (kind, name)]
        if found:
            return found
    return []


def _not_found(kind: Kind, names: tuple[str, ...]) -> str:
    installed = sorted({info.name for info in _installed() if info.kind == kind})
    text = f"no {kind} {' or '.join(shown(name) for name in dict.fromkeys(names))} is installed"
    text += f"; installed: {', '.join(installed) or 'none'}"
    package = next((_FIRST_PARTY[kind, name] for name in names if (kind, name) in _FIRST_PARTY), None)
    if package:
        return f"{text}. To get it: pip install {package}"
    near = get_close_matches(names[0], [*installed, *(name for what, name in _FIRST_PARTY if what == kind)], n=1)
    return f"{text}; did you mean {near[0]!r}?" if near else text


@contextmanager
def _blaming(info: PluginInfo) -> Iterator[None]:
    """Turn whatever a plug-in raises into ``PluginBroken``, SystemExit too: no plug-in ends the program by loading."""
    try:
        yield
    except (Exception, SystemExit) as exc:
        cause = one_line(" ".join(str(exc).split()))
        raise PluginBroken(
            f"{info} does not load: {type(exc).__name__}: {cause}; "
            f"mend it with pip install --upgrade {info.distribution}, or uninstall it"
        ) from exc


def _kind_of_object(value: object) -> str:
    return f"the class {value.__name__}" if isinstance(value, type) else f"an object of type {type(value).__name__}"


def _hook_result(info: PluginInfo, hook: str) -> object:
    plugin, hooks = _import_checked(info)
    caller = getattr(hooks, hook)
    if not caller.get_hookimpls():
        raise TypeError(f"{plugin!r} has no function {hook}() marked @sigcore.hookimpl")
    result: object = caller()
    return result


def _import_checked(info: PluginInfo) -> tuple[object, object]:
    """Import what the entry point names; return it and its hooks, after pluggy has checked their signatures."""
    from importlib.metadata import EntryPoint

    import pluggy

    from . import hookspecs

    plugin = EntryPoint(info.name, info.module, _GROUP_OF[info.kind]).load()
    manager = pluggy.PluginManager(hookspecs.PROJECT_NAME)
    manager.add_hookspecs(hookspecs)
    manager.register(plugin, name=info.name)
    manager.check_pending()
    _log.info("loaded %s from %s", info, info.module)
    return plugin, manager.hook


@cache
def _installed() -> tuple[PluginInfo, ...]:
    from importlib import metadata

    found: set[PluginInfo] = set()
    for dist in metadata.distributions():
        try:
            found |= _offered(dist)
        except Exception as exc:  # noqa: BLE001  # whatever one package's metadata raises, the others are listed
            where = getattr(dist, "_path", dist)  # not its name: that may be what cannot be read
            _log.warning("the package metadata in %s cannot be read, its plug-ins are left out: %r", where, exc)
    claims = Counter((info.kind, info.name) for info in found)
    marked = [
        replace(info, conflicts=_rivals(info, found)) if claims[info.kind, info.name] > 1 else info for info in found
    ]
    return tuple(sorted(marked, key=lambda info: (info.kind, info.name, info.distribution, info.module)))


def _rivals(info: PluginInfo, found: set[PluginInfo]) -> tuple[str, ...]:
    others = (other for other in found if (other.kind, other.name) == (info.kind, info.name) and other != info)
    return tuple(sorted(f"{other.distribution} {other.version}" for other in others))


def _offered(dist: Distribution) -> set[PluginInfo]:
    """Return what ``dist`` offers; the same for each of its copies on ``sys.path``, of which imports use the first.

    The file is looked at as text before it is parsed: most packages have nothing of ours, and one that is malformed
    is then none of our business.
    """
    from importlib import metadata

    if "sigcore." not in (dist.read_text("entry_points.txt") or ""):
        return set()
    dist = metadata.distribution(dist.name)
    return {
        PluginInfo(_KIND_OF[entry.group], entry.name, dist.name, dist.version, entry.value)
        for entry in dist.entry_points
        if entry.group in _KIND_OF
    }

# SPDX-License-Identifier: MIT
"""Events and requests between named endpoints: in one process, between processes, over a serial cable.

Every public name stands here; each is imported when it is first used, so that ``import sigcore`` stays light.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ._carrier import Carrier, Listening
    from ._codec import Codec
    from ._endpoint import Endpoint
    from ._errors import (
        BufferFull,
        Busy,
        CodecError,
        ConnectTimeout,
        EndpointError,
        EventNotDeclared,
        HandleRemoved,
        InsecureEndpoint,
        InvalidName,
        LinkError,
        LinkRefused,
        ListenerError,
        LocalProtocolError,
        MethodNotFound,
        NotConnected,
        PluginBroken,
        PluginConflict,
        PluginError,
        PluginNotFound,
        RemoteProtocolError,
        RequestError,
        RequestFailed,
        RequestTimeout,
        RouterClosed,
        SenderExists,
        SenderLost,
        SenderNotFound,
        SigError,
        TypeMismatch,
        WrongThread,
    )
    from ._info import EventInfo, Peer, SenderInfo
    from ._limits import LinkOptions
    from ._logging import SimpleLogger, setup_logger
    from ._names import EVENT_CONNECT, EVENT_DISCONNECT
    from ._options import Seconds, Size
    from ._plugins import PluginInfo, list_plugins, load_carrier, load_codec
    from .hookspecs import hookimpl

_HOME = {
    "_carrier": ("Carrier", "Listening"),
    "_codec": ("Codec",),
    "_endpoint": ("Endpoint",),
    "_errors": (
        "BufferFull",
        "Busy",
        "CodecError",
        "ConnectTimeout",
        "EndpointError",
        "EventNotDeclared",
        "HandleRemoved",
        "InsecureEndpoint",
        "InvalidName",
        "LinkError",
        "LinkRefused",
        "ListenerError",
        "LocalProtocolError",
        "MethodNotFound",
        "NotConnected",
        "PluginBroken",
        "PluginConflict",
        "PluginError",
        "PluginNotFound",
        "RemoteProtocolError",
        "RequestError",
        "RequestFailed",
        "RequestTimeout",
        "RouterClosed",
        "SenderExists",
        "SenderLost",
        "SenderNotFound",
        "SigError",
        "TypeMismatch",
        "WrongThread",
    ),
    "_info": ("EventInfo", "Peer", "SenderInfo"),
    "_limits": ("LinkOptions",),
    "_logging": ("SimpleLogger", "setup_logger"),
    "_names": ("EVENT_CONNECT", "EVENT_DISCONNECT"),
    "_options": ("Seconds", "Size"),
    "_plugins": ("PluginInfo", "list_plugins", "load_carrier", "load_codec"),
    "hookspecs": ("hookimpl",),
}
_MODULE_OF = {name: module for module, names in _HOME.items() for name in names}

__all__ = sorted(_MODULE_OF)  # noqa: PLE0605  # built from the one table above


def __getattr__(name: str) -> object:
    module = _MODULE_OF.get(name)
    if module is None:
        raise AttributeError(f"module 'sigcore' has no attribute {name!r}")
    from importlib import import_module

    value: object = getattr(import_module(f".{module}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return list(__all__)

# SPDX-License-Identifier: MIT
"""Events and requests between named endpoints: in one process, between processes, over a serial cable.

Every public name stands here; each is imported when it is first used, so that ``import sigcore`` stays light.
To add a name: import it below for type checkers, give it a place in ``_HOME``, and list it in ``__all__``; a test
compares the three.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from . import aio as aio
    from . import hookspecs as hookspecs
    from . import testing as testing
    from ._access import AccessRules, Decision
    from ._access_rule import Rule
    from ._blocking import ClientRouter, ServerRouter
    from ._carrier import Admission, Carrier, Listening, Refusal, like_factory, raw_options
    from ._codec import Codec
    from ._config import ServerConfig, load_config
    from ._endpoint import Endpoint
    from ._errors import (
        BufferFull,
        Busy,
        CodecError,
        ConfigError,
        ConnectTimeout,
        DeliveryError,
        DeliveryTimeout,
        DeliveryUnknown,
        EndpointError,
        EventNotDeclared,
        FrameTooLarge,
        HandleRemoved,
        InsecureEndpoint,
        InvalidName,
        LimitReached,
        LinkError,
        LinkRefused,
        ListenerError,
        MethodNotFound,
        NotAllowed,
        NotAuthenticated,
        NotConnected,
        NotSent,
        PluginBroken,
        PluginConflict,
        PluginError,
        PluginNotFound,
        RemoteProtocolError,
        RequestError,
        RequestFailed,
        RequestRefused,
        RequestTimeout,
        RouterClosed,
        SecretError,
        SenderExists,
        SenderLost,
        SenderNotFound,
        SigError,
        StreamClosed,
        StreamTimeout,
        TypeMismatch,
        WrongThread,
    )
    from ._identity import Evidence, Identity, MediumIdentity, check_identity
    from ._info import EventInfo, Gap, Peer, Policy, SenderInfo
    from ._limits import LinkOptions
    from ._listener import Listener
    from ._logging import SimpleLogger, get_logger, setup_logger
    from ._names import EVENT_CONNECT, EVENT_CONSOLE, EVENT_DISCONNECT
    from ._open_request import caller, cancelled, time_left
    from ._options import JsonOption, Seconds, Size
    from ._plain import plain_converter
    from ._plugins import PluginInfo, check_plugin, list_plugins, load_carrier, load_codec, load_plugin
    from ._router import Router
    from ._secret import Secret
    from ._sender import Sender
    from ._signal import Signal
    from ._stream import Stream
    from .hookspecs import hookimpl

_HOME = {
    "_access": ("AccessRules", "Decision"),
    "_access_rule": ("Rule",),
    "_blocking": ("ClientRouter", "ServerRouter"),
    "_carrier": ("Admission", "Carrier", "Listening", "Refusal", "like_factory", "raw_options"),
    "_codec": ("Codec",),
    "_config": ("ServerConfig", "load_config"),
    "_endpoint": ("Endpoint",),
    "_errors": (
        "BufferFull",
        "Busy",
        "CodecError",
        "ConfigError",
        "ConnectTimeout",
        "DeliveryError",
        "DeliveryTimeout",
        "DeliveryUnknown",
        "EndpointError",
        "EventNotDeclared",
        "FrameTooLarge",
        "HandleRemoved",
        "InsecureEndpoint",
        "InvalidName",
        "LimitReached",
        "LinkError",
        "LinkRefused",
        "ListenerError",
        "MethodNotFound",
        "NotAllowed",
        "NotAuthenticated",
        "NotConnected",
        "NotSent",
        "PluginBroken",
        "PluginConflict",
        "PluginError",
        "PluginNotFound",
        "RemoteProtocolError",
        "RequestError",
        "RequestFailed",
        "RequestRefused",
        "RequestTimeout",
        "RouterClosed",
        "SecretError",
        "SenderExists",
        "SenderLost",
        "SenderNotFound",
        "SigError",
        "StreamClosed",
        "StreamTimeout",
        "TypeMismatch",
        "WrongThread",
    ),
    "_identity": ("Evidence", "Identity", "MediumIdentity", "check_identity"),
    "_info": ("EventInfo", "Gap", "Peer", "Policy", "SenderInfo"),
    "_limits": ("LinkOptions",),
    "_listener": ("Listener",),
    "_logging": ("SimpleLogger", "get_logger", "setup_logger"),
    "_names": ("EVENT_CONNECT", "EVENT_CONSOLE", "EVENT_DISCONNECT"),
    "_open_request": ("caller", "cancelled", "time_left"),
    "_options": ("JsonOption", "Seconds", "Size"),
    "_plain": ("plain_converter",),
    "_plugins": ("PluginInfo", "check_plugin", "list_plugins", "load_carrier", "load_codec", "load_plugin"),
    "_router": ("Router",),
    "_secret": ("Secret",),
    "_sender": ("Sender",),
    "_signal": ("Signal",),
    "_stream": ("Stream",),
    "hookspecs": ("hookimpl",),
}
_MODULE_OF = {name: module for module, names in _HOME.items() for name in names}
_SUBMODULES = ("aio", "hookspecs", "testing")

__all__ = [
    "EVENT_CONNECT",
    "EVENT_CONSOLE",
    "EVENT_DISCONNECT",
    "AccessRules",
    "Admission",
    "BufferFull",
    "Busy",
    "Carrier",
    "ClientRouter",
    "Codec",
    "CodecError",
    "ConfigError",
    "ConnectTimeout",
    "Decision",
    "DeliveryError",
    "DeliveryTimeout",
    "DeliveryUnknown",
    "Endpoint",
    "EndpointError",
    "EventInfo",
    "EventNotDeclared",
    "Evidence",
    "FrameTooLarge",
    "Gap",
    "HandleRemoved",
    "Identity",
    "InsecureEndpoint",
    "InvalidName",
    "JsonOption",
    "LimitReached",
    "LinkError",
    "LinkOptions",
    "LinkRefused",
    "Listener",
    "ListenerError",
    "Listening",
    "MediumIdentity",
    "MethodNotFound",
    "NotAllowed",
    "NotAuthenticated",
    "NotConnected",
    "NotSent",
    "Peer",
    "PluginBroken",
    "PluginConflict",
    "PluginError",
    "PluginInfo",
    "PluginNotFound",
    "Policy",
    "Refusal",
    "RemoteProtocolError",
    "RequestError",
    "RequestFailed",
    "RequestRefused",
    "RequestTimeout",
    "Router",
    "RouterClosed",
    "Rule",
    "Seconds",
    "Secret",
    "SecretError",
    "Sender",
    "SenderExists",
    "SenderInfo",
    "SenderLost",
    "SenderNotFound",
    "ServerConfig",
    "ServerRouter",
    "SigError",
    "Signal",
    "SimpleLogger",
    "Size",
    "Stream",
    "StreamClosed",
    "StreamTimeout",
    "TypeMismatch",
    "WrongThread",
    "caller",
    "cancelled",
    "check_identity",
    "check_plugin",
    "get_logger",
    "hookimpl",
    "like_factory",
    "list_plugins",
    "load_carrier",
    "load_codec",
    "load_config",
    "load_plugin",
    "plain_converter",
    "raw_options",
    "setup_logger",
    "time_left",
]


if not TYPE_CHECKING:  # a checker that sees __getattr__ lets every misspelt name pass

    def __getattr__(name: str) -> object:
        from importlib import import_module

        if name in _SUBMODULES:
            return import_module(f".{name}", __name__)
        module = _MODULE_OF.get(name)
        if module is None:
            raise AttributeError(f"module 'sigcore' has no attribute {name!r}")
        value: object = getattr(import_module(f".{module}", __name__), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted([*__all__, *_SUBMODULES])

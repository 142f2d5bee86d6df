# SPDX-License-Identifier: MIT
"""Every error that sigcore raises, in one tree.

Each also derives from the built-in that a Python user would catch::

    SigError
    ├── InvalidName (ValueError)            a name that breaks the rules for names
    ├── EndpointError (ValueError)          a malformed endpoint URL or option
    │   └── InsecureEndpoint (PermissionError)  listening where strangers could connect
    ├── ConfigError (ValueError)            a configuration file that is wrong; it lists all that is
    ├── SecretError (ValueError)            a secret that cannot be had, or is too short
    ├── CodecError (ValueError)             a value or bytes that the codec cannot take
    ├── TypeMismatch (TypeError)            data that does not fit the ``type=`` asked for
    ├── PluginError                         a plug-in could not be had
    │   ├── PluginNotFound (LookupError)        nothing installed has that name
    │   ├── PluginConflict                      two packages claim that name
    │   └── PluginBroken (ImportError)          it is installed but does not load
    ├── SenderExists (ValueError)           the sender's name is taken
    ├── NotAllowed (PermissionError)        the server's rules, or its endpoint, do not allow it
    ├── EventNotDeclared (LookupError)      the sender does not declare that event
    ├── HandleRemoved (RuntimeError)        a Sender or Listener used after its removal
    ├── WrongThread (RuntimeError)          a blocking call on the router's own thread
    ├── RouterClosed (RuntimeError)         a router used after close(), or not yet opened
    ├── LimitReached                        more senders or listeners than the server takes
    ├── FrameTooLarge (ValueError)          what was to be sent is longer than the other side accepts
    ├── BufferFull                          no room for the event; nothing was sent
    ├── StreamTimeout (TimeoutError)        a stream had nothing in time
    ├── StreamClosed                        a stream is closed and read to its end
    ├── ListenerError                       a listener raised; ``__cause__`` says what
    ├── LinkError (ConnectionError)
    │   ├── NotConnected                        there is no link at the moment
    │   ├── ConnectTimeout (TimeoutError)       no link came up within the time allowed
    │   ├── LinkRefused                         the other side said no, and why
    │   │   └── NotAuthenticated (PermissionError)  one side did not prove who it is
    │   └── RemoteProtocolError                 the other side broke the protocol
    ├── RequestError
    │   ├── NotSent (NotConnected)              the request never left: there is no link at the moment
    │   ├── RequestRefused                      the request was not begun
    │   │   ├── SenderNotFound (LookupError)        no such sender is connected
    │   │   ├── MethodNotFound (LookupError)        the sender has no such method
    │   │   └── Busy                                too many requests are open
    │   ├── RequestFailed                       the handler raised, or its result cannot be sent or read
    │   ├── RequestTimeout (TimeoutError)       no reply in time
    │   └── SenderLost (ConnectionError)        it was sent, then the sender was lost: nobody knows whether it ran
    └── DeliveryError
        ├── DeliveryTimeout (TimeoutError)      the server did not say in time that it has the event
        └── DeliveryUnknown (ConnectionError)   the session was lost before the server said that it has the event
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ._info import EventInfo


LINK_LOST = "link_lost"
"""The cause of a ``LinkError`` of which nothing more is known."""


class SigError(Exception):
    """The base of every error that sigcore raises."""


class InvalidName(SigError, ValueError):
    """A sender, event or method name breaks the rules for names."""


class EndpointError(SigError, ValueError):
    """An endpoint URL or one of its options is malformed or unknown."""


class InsecureEndpoint(EndpointError, PermissionError):
    """Listening there would let other machines in without authentication."""


class ConfigError(SigError, ValueError):
    """A configuration file is wrong; the message has a line for each problem.

    Attributes:
        problems: What is wrong, each with the file and the key: ``"sigcore.toml: limits.max_frme: unknown key; ..."``.
    """

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


class SecretError(SigError, ValueError):
    """A secret cannot be read where it should be, or is too short or too long; the message never quotes it."""


class CodecError(SigError, ValueError):
    """The codec cannot encode this value or decode these bytes."""


class TypeMismatch(SigError, TypeError):
    """Data does not fit the type that was asked for, or the type is not supported."""


class PluginError(SigError):
    """A carrier, codec or other plug-in could not be had."""


class PluginNotFound(PluginError, LookupError):
    """No installed package offers a plug-in of that name."""


class PluginConflict(PluginError):
    """Two installed packages claim the same plug-in name."""


class PluginBroken(PluginError, ImportError):
    """The plug-in is installed but cannot be loaded; the message says why."""


class SenderExists(SigError, ValueError):
    """A sender of that name is already connected."""


class NotAllowed(SigError, PermissionError):
    """The server's rules do not allow it, or its endpoint does not take a sender of that name."""


class EventNotDeclared(SigError, LookupError):
    """The sender does not declare that event."""


class HandleRemoved(SigError, RuntimeError):
    """A ``Sender``, ``Signal`` or ``Listener`` was used after its removal."""


class WrongThread(SigError, RuntimeError):
    """A call that waits was made on the very thread that it would wait for."""


class RouterClosed(SigError, RuntimeError):
    """The router is closed, or was never opened."""


class BufferFull(SigError):
    """The outgoing buffer has no room; the event went nowhere and may be tried again."""


class LimitReached(SigError):
    """The server takes no more senders or listeners from this link, or in all."""


class FrameTooLarge(SigError, ValueError):
    """An event, request or registration is, once encoded, longer than the other side accepts; it went nowhere."""


class StreamTimeout(SigError, TimeoutError):
    """No event came to the stream within the time allowed."""


class StreamClosed(SigError):
    """The stream is closed and every event in it has been read."""


class ListenerError(SigError):
    """A listener failed; the exception it raised is ``__cause__``.

    Attributes:
        info: The event that was being delivered.
        listener: The ``Listener`` that failed.
    """

    def __init__(self, message: str, *, info: EventInfo, listener: Any) -> None:
        super().__init__(message)
        self.info = info
        self.listener = listener


class LinkError(SigError, ConnectionError):
    """A link could not be made, or broke.

    Attributes:
        cause: Why, as a word, which ``#disconnect`` of the senders behind it says too: ``link_lost`` where nothing
            more is known, ``silent`` (no sign of life), or what a carrier knows: ``unplugged``, ``lent``, ...
    """

    def __init__(self, *args: object, cause: str = LINK_LOST) -> None:
        super().__init__(*args)
        self.cause = cause


class NotConnected(LinkError):
    """There is no link to the server at the moment."""


class ConnectTimeout(LinkError, TimeoutError):
    """No link came up within the time allowed."""


class LinkRefused(LinkError):
    """The other side refused or ended the link and said why.

    Attributes:
        code: The machine-readable reason, one of the codes in docs/protocol.md.
    """

    def __init__(self, message: str, *, code: str) -> None:
        super().__init__(message, cause=_cause_of(code))
        self.code = code


class NotAuthenticated(LinkRefused, PermissionError):
    """One side of a link did not prove who it is: a client to the server, or the server to a client with a secret.

    A carrier's ``identify`` raises it with a text alone.
    """

    def __init__(self, message: str, *, code: str = "not_authenticated") -> None:
        super().__init__(message, code=code)


class RemoteProtocolError(LinkError):
    """The other side broke the protocol; its link is closed.

    Attributes:
        code: The machine-readable reason, one of the codes in docs/protocol.md.
    """

    def __init__(self, message: str, *, code: str = "protocol_error") -> None:
        super().__init__(message, cause=_cause_of(code))
        self.code = code


class RequestError(SigError):
    """A request got no result; what kind of error it is tells whether its handler may have run."""


class NotSent(RequestError, NotConnected):
    """The request never left for lack of a link: no handler ran, and it may be made again."""


class RequestRefused(RequestError):
    """The request arrived but was not begun: no handler ran."""


class SenderNotFound(RequestRefused, LookupError):
    """No sender of that name is connected."""


class MethodNotFound(RequestRefused, LookupError):
    """The sender is connected but answers no such method."""


class Busy(RequestRefused):
    """Too many requests are open; this one was not begun, and may be made again later."""


class RequestFailed(RequestError):
    """The handler raised, or its result cannot be sent or read; in one process the original is ``__cause__``."""


class RequestTimeout(RequestError, TimeoutError):
    """No reply came within the time allowed.

    A handler that had begun may have done its work; one that had not begun by then never begins.
    """


class SenderLost(RequestError, ConnectionError):
    """The request was sent, then its sender or the session was lost: nobody knows whether the handler ran."""


class DeliveryError(SigError):
    """``deliver`` cannot say that the server has the event."""


class DeliveryTimeout(DeliveryError, TimeoutError):
    """The server did not say within the time allowed that it has the event; it may have it, or get it yet."""


class DeliveryUnknown(DeliveryError, ConnectionError):
    """The session was lost before the server said that it has the event; it may have it."""


def _cause_of(code: str) -> str:
    """Return the cause of a link's end for the code that it ended with."""
    return "silent" if code == "dead" else LINK_LOST

# SPDX-License-Identifier: MIT
"""Request handlers: which one answers, and what becomes of what it raises."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from ._errors import MethodNotFound, RequestFailed
from ._names import check_name
from ._shown import described, listed

if TYPE_CHECKING:
    from ._open_request import OpenRequest

Handler = Callable[[Any], Any]
Fallback = Callable[[str, Any], Any]

DEFAULT_TIMEOUT_S = 10.0
"""How long a request waits for its reply unless told otherwise."""


class Handlers:
    """What a sender answers: its methods by name, and a fallback for every other.

    Args:
        requests: Method names and their handlers, ``handler(params)``.
        fallback: Answers every other method, ``fallback(method, params)``.

    Raises:
        InvalidName: A method's name breaks the rules for names.
        TypeError: A handler cannot be called.
    """

    def __init__(self, requests: Mapping[str, Handler] | None, fallback: Fallback | None) -> None:
        if not isinstance(requests, Mapping | None):
            raise TypeError(f"requests= is a dict from method to handler, not {type(requests).__name__}")
        self._by_method: dict[str, tuple[Handler, bool]] = {}
        for method, handler in (requests or {}).items():
            check_name(method, "method")
            _check_callable(handler, f"the handler of {method!r}")
            self._by_method[method] = handler, is_coroutine_function(handler)
        self._fallback = fallback
        if fallback is not None:
            _check_callable(fallback, "the fallback")

    @property
    def methods(self) -> tuple[str, ...]:
        """The declared methods, in the order declared."""
        return tuple(self._by_method)

    @property
    def has_fallback(self) -> bool:
        """Whether methods that are not declared are answered too."""
        return self._fallback is not None

    @property
    def coroutine_functions(self) -> list[str]:
        """The methods whose handlers are ``async def``; ``"fallback"`` stands for the fallback."""
        found = [method for method, (_handler, is_async) in self._by_method.items() if is_async]
        return [*found, "fallback"] if is_coroutine_function(self._fallback) else found

    def find(self, sender: str, method: str) -> tuple[Callable[[Any], Any], bool]:
        """Return what answers ``method``, as a function of the parameters, and whether it is ``async def``.

        Raises:
            MethodNotFound: Nothing does.
        """
        found = self._by_method.get(method)
        if found is not None:
            return found
        fallback = self._fallback
        if fallback is not None:
            return (lambda params: fallback(method, params)), is_coroutine_function(fallback)
        raise MethodNotFound(method_not_found_text(sender, method, self.methods))


class Answerer(Protocol):
    """Whoever answers requests: a sender, or a server itself."""

    @property
    def handlers(self) -> Handlers:
        """What it answers."""


def run_handler(handler: Handler, params: Any, request: OpenRequest) -> Any:
    """Call a plain handler; what it raises becomes ``RequestFailed``, but for Ctrl-C in the caller's own thread.

    Raises:
        RequestTimeout: The request is over; the handler was not called.
    """
    with request:
        try:
            return handler(params)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            raise request_failed(error) from error


def request_failed(error: BaseException) -> RequestFailed:
    """Return the error that a caller gets for what a handler raised: its type's name and its message.

    A handler that raises ``RequestFailed`` has chosen the words for its caller: these alone.
    """
    return RequestFailed(str(error) if isinstance(error, RequestFailed) else f"the handler raised {described(error)}")


def method_not_found_text(sender: str, method: str, methods: tuple[str, ...]) -> str:
    """Return the message for a method that a sender does not answer."""
    known = listed(methods) if methods else "no methods"
    return f"sender {sender!r} answers no method {method!r}; it answers: {known}"


def is_coroutine_function(function: object) -> bool:
    """Whether calling ``function`` gives a coroutine: ``async def``, or an object whose ``__call__`` is."""
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(type(function).__call__)


def _check_callable(handler: object, what: str) -> None:
    if not callable(handler):
        raise TypeError(f"{what} must be a function of the parameters, not {type(handler).__name__}")

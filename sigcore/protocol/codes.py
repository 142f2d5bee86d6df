# SPDX-License-Identifier: MIT
"""The codes of ERROR, NOTICE and BYE, and the errors that they stand for (docs/protocol.md, "Codes")."""

from __future__ import annotations

from .. import _errors as errors

_BY_CODE: dict[str, type[errors.SigError]] = {
    "sender_exists": errors.SenderExists,
    "sender_not_found": errors.SenderNotFound,
    "method_not_found": errors.MethodNotFound,
    "request_timeout": errors.RequestTimeout,
    "request_failed": errors.RequestFailed,
    "sender_lost": errors.SenderLost,
    "not_sent": errors.NotSent,
    "busy": errors.Busy,
    "limit_reached": errors.LimitReached,
    "not_allowed": errors.NotAllowed,
    "codec_error": errors.CodecError,
    "invalid_name": errors.InvalidName,
    "event_not_declared": errors.EventNotDeclared,
}
_BY_ERROR = {error: code for code, error in _BY_CODE.items()}

_OF_REQUESTS = frozenset(
    {
        "sender_not_found",
        "method_not_found",
        "request_timeout",
        "request_failed",
        "sender_lost",
        "not_sent",
        "busy",
        "codec_error",
        "not_allowed",
    }
)
"""The codes that tell what became of a request; ``codec_error`` is about its parameters, so that nothing ran."""

BYE_CODES = {
    "closing": "The other side ends the link in good order.",
    "not_sigcore": "The link did not begin with the magic: something else speaks.",
    "version": "No version of the wire is common to both.",
    "codec": "The server has no codec of those offered.",
    "handshake_timeout": "The handshake took too long.",
    "handshake_too_long": "More bytes came than a handshake has.",
    "too_many_pending": "Too many handshakes are under way; later there may be room.",
    "too_many_links": "The server takes no more links, or none of that identity, at the moment.",
    "not_authenticated": "A side did not prove who it is.",
    "malformed_body": "A body breaks its layout.",
    "invalid_name": "A name breaks the rules for names.",
    "unknown_kind": "A frame's kind is unknown and not one that may be skipped.",
    "unexpected_kind": "A frame of this kind has no place here.",
    "frame_too_large": "A frame is longer than the limit announced.",
    "topic_not_owned": "An event came on a topic that its link does not own.",
    "unknown_topic": "An event came on a topic that was never announced.",
    "credit_exceeded": "Events came beyond the credit granted.",
    "bad_ack": "An acknowledgement runs backwards, or ahead of what was sent.",
    "control_overflow": "Too much control waits for a side that does not read.",
    "too_slow": "The side made no progress at its limit.",
    "dead": "The side gave no sign of life.",
    "replaced": "Another link carries the session now.",
    "internal_error": "A fault in the side that says so.",
}

PASSES = frozenset({"too_many_pending", "too_many_links"})
"""The codes of a BYE to a link that might come up at another time."""

KEEPS_SESSION = frozenset({"dead", "replaced"})
"""The codes of a BYE that ends the link alone; after any other the session is over too."""


def code_of(error: BaseException) -> str:
    """Return the code that tells whoever asked why there is no result."""
    for kind in type(error).__mro__:
        code = _BY_ERROR.get(kind)
        if code in _OF_REQUESTS:
            return str(code)
    return "request_failed"


def error_of(code: str, message: str) -> errors.SigError:
    """Return the error that a peer's code stands for; an unknown one is a ``RequestFailed`` that names it."""
    kind = _BY_CODE.get(code)
    return kind(message) if kind is not None else errors.RequestFailed(f"{message} ({code})")


def outcome_of(code: str, message: str) -> errors.SigError:
    """Return the same for the answer to a request, where a code of another matter is no better than an unknown one."""
    return error_of(code, message) if code in _OF_REQUESTS else errors.RequestFailed(f"{message} ({code})")

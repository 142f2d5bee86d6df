# SPDX-License-Identifier: MIT
"""``check_codec``: the contract of ``sigcore.Codec`` as something that runs."""

from __future__ import annotations

from .._codec import Codec
from ._codec_rules import RULES


def check_codec(codec: Codec) -> None:
    """Try every rule that a codec must keep; needs no test framework, and takes about a second.

    The same input is tried each time, garbage included. A codec whose library crashes the process on data that are
    nested deeply takes the check with it; the rule before that asks for a bound, and is tried first.

    Args:
        codec: What the plug-in's ``sigcore_codec()`` gives.

    Raises:
        AssertionError: The codec breaks a rule; the message names the rule, and what happened instead.

    >>> import sigcore
    >>> check_codec(sigcore.load_codec("json"))
    """
    name = getattr(codec, "name", type(codec).__name__)
    for rule, attempt in RULES.items():
        try:
            attempt(codec)
        except Exception as error:
            found = str(error) if isinstance(error, AssertionError) else f"{type(error).__name__}: {error}"
            raise AssertionError(f"the codec {name!r} breaks the rule '{rule}': {found}") from error

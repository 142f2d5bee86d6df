# SPDX-License-Identifier: MIT
"""sigcore over TLS, and with identities and a thousand rules on top, to be compared with itself over plain TCP."""

from __future__ import annotations

from contextlib import AbstractContextManager
from importlib.util import find_spec
from pathlib import Path

from ..broker import Broker, started_module
from .sigcore_ import Sigcore

TLS, LOCKED = "tls", "locked"


class SigcoreTls(Sigcore):
    """All three processes over TLS 1.3; the server proves who it is, and asks nobody."""

    name = "sigcore, TLS"
    workloads = frozenset({"1-to-1", "ping-pong"})
    how = TLS

    def missing(self) -> str:
        return super().missing() or ("" if find_spec("trustme") else "needs trustme, which makes certificates")

    def broker(self, folder: Path) -> AbstractContextManager[Broker]:
        return started_module("benchmarks.compare.sigcore_secured_server", self.how, str(folder))


class SigcoreLocked(SigcoreTls):
    """The same where each client needs a certificate, and a thousand rules say what its name may do."""

    name = "sigcore, TLS, certificates, 1 000 rules"
    how = LOCKED

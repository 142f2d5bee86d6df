# SPDX-License-Identifier: MIT
"""The carriers ``tcp://``, ``tls://`` and ``unix://`` for sigcore.

They are found by their entry points; only programs that use a carrier without a router import this package.
"""

from __future__ import annotations

from ._options import TcpOptions, UnixOptions
from ._tcp import TcpCarrier
from ._tls import TlsCarrier
from ._tls_options import TlsOptions
from ._unix import UnixCarrier

__all__ = ["TcpCarrier", "TcpOptions", "TlsCarrier", "TlsOptions", "UnixCarrier", "UnixOptions"]

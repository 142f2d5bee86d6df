# SPDX-License-Identifier: MIT
"""The protocol between routers, without I/O: bytes in, bytes and calls out. Its text is docs/protocol.md."""

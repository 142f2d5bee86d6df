# SPDX-License-Identifier: MIT
"""Several packages together, as a user has them: real sockets, real pseudo-terminals, real processes."""

# SPDX-License-Identifier: MIT
"""What a serial link carries, over simulated lines with a server and a device at their ends."""

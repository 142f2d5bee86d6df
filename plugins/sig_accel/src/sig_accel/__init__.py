# SPDX-License-Identifier: MIT
"""The frame scanner of sigcore, compiled. sigcore uses ``sig_accel.scanner`` by itself where it is installed."""

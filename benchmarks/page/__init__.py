# SPDX-License-Identifier: MIT
"""Fills docs/performance.md with figures from a folder of results: ``python -m benchmarks.page build/benchmarks``."""

# SPDX-License-Identifier: MIT
"""Throws hostile input at everything that reads bytes or text from others; ``README.md`` says how to run it."""

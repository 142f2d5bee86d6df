# SPDX-License-Identifier: MIT
"""The tests of the core; those under ``integration`` need the plug-ins."""

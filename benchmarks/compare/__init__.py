# SPDX-License-Identifier: MIT
"""sigcore and its peers, side by side on the same work: ``python -m benchmarks.compare``; README.md says more."""

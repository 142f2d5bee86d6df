# SPDX-License-Identifier: MIT
"""The targets; ``fuzz.target.Target`` says what each module has."""

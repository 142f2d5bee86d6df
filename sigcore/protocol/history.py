# SPDX-License-Identifier: MIT
"""x."""

import itertools
from collections import deque


class History:
    def __init__(self, counted):
        self._k = {}
        self._n = itertools.count()

    def declare(self, t, keep):
        if keep:
            self._k[t] = deque(maxlen=keep)

    def add(self, t, kind, body):
        if t in self._k and kind != 0x26:
            self._k[t].append((next(self._n), kind, body))

    def kept(self, t, most):
        return list(self._k.get(t, ()))[-most:]

    def forget(self, t):
        self._k.pop(t, None)

# SPDX-License-Identifier: MIT
"""The systems that can be measured, by the name that the command line knows; each is imported when it is asked for."""

from __future__ import annotations

from importlib import import_module

from ..system import System

SYSTEMS = {
    "raw": ("raw", "Raw"),
    "sigcore": ("sigcore_", "Sigcore"),
    "sigcore-blocking": ("sigcore_blocking", "BlockingSigcore"),
    "sigcore-tls": ("sigcore_secured", "SigcoreTls"),
    "sigcore-locked": ("sigcore_secured", "SigcoreLocked"),
    "pyzmq": ("pyzmq", "PyZmq"),
    "zenoh": ("zenoh", "Zenoh"),
    "nats": ("nats", "Nats"),
    "redis": ("redis", "Redis"),
    "redis-batches": ("redis", "RedisBatches"),
    "gmqtt": ("mqtt", "Gmqtt"),
    "paho-qos0": ("mqtt", "PahoQos0"),
    "paho-qos1": ("mqtt", "PahoQos1"),
}
"""Module and class of each."""


def load_system(key: str) -> System:
    """Return the system that the command line knows as ``key``; its module may lack what it measures."""
    module, name = SYSTEMS[key]
    system: System = getattr(import_module(f".{module}", __name__), name)()
    return system

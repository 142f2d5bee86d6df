# SPDX-License-Identifier: MIT
"""Why a request to a device failed. Whoever asked gets a ``sigcore.RequestFailed`` that names one of these.

::

    DeviceError (sigcore.SigError)
    ├── DeviceGone (ConnectionError)    it is not there, or went away before it replied
    ├── DeviceSilent (TimeoutError)     it sent no reply in time
    ├── DeviceBusy                      too many requests wait for it
    ├── DeviceRefused                   it replied that it would not
    ├── BadReply (ValueError)           its reply cannot be read
    └── BadParameters (ValueError)      what was asked does not fit; nothing was sent
"""

from __future__ import annotations

import sigcore


class DeviceError(sigcore.SigError):
    """A device did not do what it was asked."""


class DeviceGone(DeviceError, ConnectionError):
    """The device is not there, or went away before it replied; the message says whether the request was sent."""


class DeviceSilent(DeviceError, TimeoutError):
    """The device sent no reply in time; it may have done what it was asked."""


class DeviceBusy(DeviceError):
    """Too many requests wait for the device, which answers one at a time; this one was not sent."""


class DeviceRefused(DeviceError):
    """The device's reply is one of those that its description says are errors; the message has it."""


class BadReply(DeviceError, ValueError):
    """The device's reply cannot be read."""


class BadParameters(DeviceError, ValueError):
    """A request's parameters do not fit; nothing was sent."""

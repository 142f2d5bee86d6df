# SPDX-License-Identifier: MIT
# setup.py compiles scanner.py of sigcore.protocol under this name.
from sigcore.protocol.scanner import REVISION as REVISION
from sigcore.protocol.scanner import Event as Event
from sigcore.protocol.scanner import FrameReader as FrameReader
from sigcore.protocol.scanner import Item as Item
from sigcore.protocol.scanner import events_of as events_of

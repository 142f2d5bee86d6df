# SPDX-License-Identifier: MIT
"""Listeners that come while the server's own senders signal what is kept."""

from __future__ import annotations

from sigcore._info import SenderInfo
from sigcore.protocol.frames import Kind, frame

from .loopback import JSON, Server


def test_what_is_kept_reaches_a_listener_whose_codec_nobody_had_wanted_before() -> None:
    server = Server()
    entry = server.hub.add_sender(SenderInfo("own", ("news",)), False, None, {"news": 5})
    topic = entry.topics["news"]
    news = [{JSON.name: frame(Kind.EVENT, topic.id, JSON.encode(text))} for text in ("one", "two", "three")]
    server.hub.publish(server.hub.route(topic), news[0])
    panel = server.connect("panel", codec="upper")
    panel.listen(1, "own", "news", replay=5)
    assert server.local.changed == ["news"]
    for frames in news[1:]:  # triggered before it came, and published behind what it was given
        assert server.hub.publish(server.hub.route(topic), frames) == 1
    assert [body for kind, _id, body in panel.hear() if kind == Kind.EVENT] == [b"TWO", b"THREE"]


def test_what_is_not_kept_is_not_translated_for_who_came_too_late() -> None:
    server = Server()
    topic = server.hub.add_sender(SenderInfo("own", ("news",)), False, None, {}).topics["news"]
    panel = server.connect("panel", codec="upper")
    panel.listen(1, "own", "news")
    news = {JSON.name: frame(Kind.EVENT, topic.id, JSON.encode("one"))}
    assert server.hub.publish(server.hub.route(topic), news) == 0

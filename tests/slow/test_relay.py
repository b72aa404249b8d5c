"""The relay and the post, killed a hundred times: `pytest tests/slow/test_relay.py -s`; KILLS and EVENTS for more."""

import os
from collections.abc import Callable
from typing import Any

from tests.relay.conftest import KINDS
from tests.relay.harness import World
from tests.relay.test_killing import kill_again_and_again
from tests.relay.test_mail_killing import kill_the_post

pytest_plugins = ("tests.relay.conftest",)

KILLS = int(os.environ.get("KILLS", "100"))
EVENTS = int(os.environ.get("EVENTS", "3000"))


def test_events(world: World, consumer: Callable[[str], Any]) -> None:
    """One relay that serves a sink of each kind."""
    others = {kind: consumer(kind) for kind in KINDS}
    assert kill_again_and_again(world, others, kills=KILLS, longest=200, step=EVENTS) >= KILLS


def test_mail(tmp_path: Any, smtp_server: Callable[..., Any]) -> None:
    assert kill_the_post(tmp_path, smtp_server("starttls"), kills=KILLS, mails=EVENTS, longest=300) >= KILLS

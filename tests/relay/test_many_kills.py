"""Relays and mail deliveries, killed a hundred times: `pytest -m slow tests/relay/test_many_kills.py -s`.

Set KILLS and EVENTS for more."""

import os
from collections.abc import Callable
from typing import Any

import pytest

from tests.relay.conftest import KINDS
from tests.relay.harness import World
from tests.relay.test_killing import relay_while_killed
from tests.relay.test_mail_killing import deliver_while_killed

pytestmark = pytest.mark.slow

KILLS = int(os.environ.get("KILLS", "100"))
EVENTS = int(os.environ.get("EVENTS", "3000"))


def test_events(world: World, consumer: Callable[[str], Any]) -> None:
    """One relay with a sink of each kind."""
    others = {kind: consumer(kind) for kind in KINDS}
    assert relay_while_killed(world, others, kills=KILLS, longest=200, step=EVENTS) >= KILLS


def test_mail(tmp_path: Any, smtp_server: Callable[..., Any]) -> None:
    assert deliver_while_killed(tmp_path, smtp_server("starttls"), kills=KILLS, mails=EVENTS, longest=300) >= KILLS

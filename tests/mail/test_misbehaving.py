"""Mail servers that go silent, talk nonsense or break off after some of their bytes, or with THOROUGH set after each.

Each delivery ends in time, with an error of one line, and says that the mail was not refused.
"""

import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest

from lback_cli.errors import MailError
from lback_cli.mail.message import compose
from lback_cli.mail.smtp import SmtpTransport
from lback_cli.mail.templates import Content
from lback_cli.settings.schema import EmailSettings
from tests.relay.peers import Peer, Script, breaks_off, closes, drips, forwards, lies, stalls

TIMEOUT = 0.5
ANSWERS = 6
"""Answers of a server to one mail: the greeting, and those to EHLO, MAIL, RCPT, DATA and the content."""

AT_ONCE = 20
MOST_STEPS = None if "THOROUGH" in os.environ else 20
MESSAGE = compose(
    Content("Hello", "Good morning.\n", "<p>Good morning.</p>\n"),
    sender="accounts@example.org",
    sender_name="Example",
    recipient="ann@example.org",
    message_id="<0123456789abcdef@example.org>",
)


def outcome(script: Script, options: dict[str, Any]) -> tuple[str, str]:
    """Send a mail through a proxy with that *script*; return the verdict and the message, empty if it was accepted."""
    with Peer(script) as peer:
        settings = EmailSettings(**{**options, "host": "127.0.0.1", "port": peer.port, "timeout": TIMEOUT})
        started = time.monotonic()
        try:
            SmtpTransport(settings).deliver(MESSAGE)
        except MailError as error:
            found = str(error.verdict), error.message
        else:
            found = "", ""
        assert time.monotonic() - started < 2 * ANSWERS * TIMEOUT, "the timeout limits each answer, and not each byte"
        return found


@pytest.mark.parametrize("behaviour", [stalls, closes, lies, drips], ids=lambda script: script.__name__)
def test_delivery_to_a_server_that_breaks_off_ends_in_time(smtp_server: Callable[..., Any], behaviour: Script) -> None:
    server = smtp_server("none")
    said = bytearray()

    def listen(data: bytes) -> bytes:
        said.extend(data)
        return data

    assert outcome(forwards(server.port, listen), server.options) == ("", "")
    # The mail is accepted with the last answer before QUIT.
    accepted_at = said.rindex(b"\r\n", 0, said.index(b"221 ")) + 2
    distance = 1 if MOST_STEPS is None else max(1, accepted_at // MOST_STEPS)
    steps = range(1, accepted_at, distance)
    scripts = [breaks_off(server.port, step, behaviour) for step in steps]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = [*pool.map(partial(outcome, options=server.options), scripts)]
    assert all("\n" not in message for _, message in found)
    # Without its text, the last answer still says that the mail was accepted.
    accepted_from = said.rindex(b"250 ", 0, accepted_at) + 3
    complete = [step for step in steps if step < accepted_from]
    assert [verdict for verdict, _ in found[: len(complete)]] == ["unreachable"] * len(complete)
    assert {verdict for verdict, _ in found[len(complete) :]} <= {"unreachable", ""}

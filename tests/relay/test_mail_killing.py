"""kill -9 while mail is sent: nobody goes without, and each kill doubles one mail at most."""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .mail_harness import PostOffice

PROGRAM = Path(__file__).with_name("kill_mail.py")


def kill_the_post(directory: Path, server: Any, *, kills: int, mails: int, longest: int) -> int:
    """Send *mails* while being killed, and check what arrived; the number of kills."""
    office = PostOffice(directory, server.options).prepare()
    office.register_many(mails)
    email = json.dumps(server.options, default=str)
    command = [sys.executable, str(PROGRAM), str(directory), email, str(kills), str(longest), "1"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    killed = int(done.stdout)
    received = Counter(message.recipients[0] for message in server.messages)
    assert {*received} == {f"user{number}@example.org" for number in range(mails)}
    assert office.queue.mails() == []
    doubled = received.total() - mails
    assert doubled <= killed
    ids = {(message.recipients[0], message.message["Message-ID"]) for message in server.messages}
    assert len(ids) == mails, "a copy has the Message-ID of the first"
    sys.stdout.write(f"{mails} mails, {killed} kills, {doubled} doubled\n")
    office.close()
    return killed


def test_a_post_that_is_killed_loses_nothing(tmp_path: Path, smtp_server: Callable[..., Any]) -> None:
    assert kill_the_post(tmp_path, smtp_server("starttls"), kills=8, mails=100, longest=150) >= 8

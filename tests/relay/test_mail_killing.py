"""kill -9 while mail is sent: no mail is lost, and each kill duplicates at most one.

With THOROUGH set, the delivery of 3,000 mails is killed a hundred times.
"""

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .mail_harness import MailHarness

PROGRAM = Path(__file__).with_name("kill_mail.py")
KILLS, MAILS, LONGEST = (100, 3000, 300) if "THOROUGH" in os.environ else (8, 100, 150)


def deliver_while_killed(directory: Path, server: Any, *, kills: int, mails: int, longest: int) -> int:
    """Send *mails* while being killed, check what arrived, and return the number of kills."""
    harness = MailHarness(directory, server.options).prepare()
    harness.register_many(mails)
    email = json.dumps(server.options, default=str)
    command = [sys.executable, str(PROGRAM), str(directory), email, str(kills), str(longest), "1"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    killed = int(done.stdout)
    received = Counter(message.recipients[0] for message in server.messages)
    assert {*received} == {f"user{number}@example.org" for number in range(mails)}
    assert harness.queue.mails() == []
    duplicated = received.total() - mails
    assert duplicated <= killed
    ids = {(message.recipients[0], message.message["Message-ID"]) for message in server.messages}
    assert len(ids) == mails, "a copy has the same Message-ID"
    sys.stdout.write(f"{mails} mails, {killed} kills, {duplicated} duplicated\n")
    harness.close()
    return killed


def test_killed_delivery_loses_no_mail(tmp_path: Path, smtp_server: Callable[..., Any]) -> None:
    server = smtp_server("starttls")
    assert deliver_while_killed(tmp_path, server, kills=KILLS, mails=MAILS, longest=LONGEST) >= KILLS

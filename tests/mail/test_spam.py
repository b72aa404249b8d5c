"""SpamAssassin, where it is installed, finds nothing in the mails that lback writes."""

import re
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from lback_cli.mail.mailer import Mailer
from lback_cli.settings.schema import EmailSettings, LinkSettings

POINTS = 0.5
SCORE = re.compile(r"^ *(-?\d+\.\d) ([A-Z0-9_]+)", re.MULTILINE)


def mails(directory: Path) -> list[Path]:
    """Write a mail of each kind to *directory*."""
    link = "https://accounts.example.org/go?token={token}"
    settings = EmailSettings(sender="accounts@example.org", application="Acme Accounts")
    mailer = Mailer(settings, LinkSettings(verify_email=link, reset_password=link), default_directory=directory)
    user = {"username": "ann", "email": "ann@example.com"}
    expires_at = datetime(2026, 11, 30, 15, 4, tzinfo=UTC)
    mailer.send_link("verify_email", **user, token="t" * 43, expires_at=expires_at)
    mailer.send_link("reset_password", **user, token="t" * 43, expires_at=expires_at)
    mailer.send_link("invitation", **user, token="t" * 43, expires_at=expires_at)
    mailer.send_email_changed(username="ann", old_email="ann@example.com", new_email="new@example.com", key="1")
    mailer.send_password_changed(**user, key="2")
    mailer.send_test(email="ann@example.com", key="3")
    return sorted(directory.iterdir())


def test_no_rule_of_spamassassin_counts_against_a_mail(tmp_path: Path) -> None:
    if (program := shutil.which("spamassassin")) is None:
        pytest.skip("spamassassin is not installed")
    written = mails(tmp_path)
    mailbox = b"".join(b"From lback Sat Nov 28 00:00:00 2026\n" + mail.read_bytes() + b"\n" for mail in written)
    # Local tests only, for all mails at once, because it takes seconds to start.
    done = subprocess.run([program, "-L", "-t", "--mbox"], input=mailbox, capture_output=True, check=False)
    found = [(float(points), rule) for points, rule in SCORE.findall(done.stdout.decode())]
    assert [rule for _, rule in found].count("HTML_MESSAGE") == len(written) == 6
    assert [rule for points, rule in found if points > POINTS] == []

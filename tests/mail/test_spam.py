"""SpamAssassin and rspamd, where they are installed, find nothing in the mails that lback writes."""

import json
import re
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from lback_cli.mail.mailer import Mailer
from lback_cli.settings.schema import EmailSettings, LinkSettings

POINTS = 0.5
SCORE = re.compile(r"^ *(-?\d+\.\d) ([A-Z0-9_]+)", re.MULTILINE)
# Modules of rspamd that ask the network, and the group of rules about the sending host.
ONLINE = (
    *("antivirus", "arc", "asn", "dkim", "dkim_signing", "dmarc", "external_services", "fuzzy_check", "greylist"),
    *("hfilter", "history_redis", "maps_stats", "metadata_exporter", "milter_headers", "mx_check", "neural"),
    *("phishing", "ratelimit", "rbl", "replies", "spf", "surbl", "url_redirector"),
)
START_TIMEOUT = 120  # seconds: it compiles its expressions first


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


@pytest.fixture
def rspamd(tmp_path: Path) -> Iterator[str]:
    """Start rspamd without its network tests, and return the address of its scanner."""
    if (program := shutil.which("rspamd")) is None:
        pytest.skip("rspamd is not installed")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    local = tmp_path / "rspamd" / "local.d"
    local.mkdir(parents=True)
    for module in ONLINE:
        (local / f"{module}.conf").write_text("enabled = false;\n")
    for worker in ("controller", "proxy", "fuzzy"):
        (local / f"worker-{worker}.inc").write_text("enabled = false;\n")
    (local / "worker-normal.inc").write_text(f'bind_socket = "127.0.0.1:{port}"; count = 1;\n')
    # Nothing answers at this name server, so that no test depends on the network.
    (local / "options.inc").write_text(
        'dns { nameserver = ["127.0.0.1:1"]; timeout = 0.1s; }\ndisable_monitoring = true;\n'
    )
    (local / "logging.inc").write_text('type = "console"; level = "error";\n')
    places = [f"--var={name}={local.parent}" for name in ("LOCAL_CONFDIR", "DBDIR", "RUNDIR", "LOGDIR")]
    output = (tmp_path / "rspamd.log").open("wb")
    process = subprocess.Popen([program, "-f", "-i", *places], stdout=output, stderr=output)
    try:
        address = f"http://127.0.0.1:{port}"
        deadline = time.monotonic() + START_TIMEOUT
        while True:
            try:
                urllib.request.urlopen(f"{address}/ping", timeout=5).close()
                break
            except (urllib.error.URLError, TimeoutError):
                assert process.poll() is None, (tmp_path / "rspamd.log").read_text()
                assert time.monotonic() < deadline
                time.sleep(0.2)
        yield address
    finally:
        process.terminate()
        process.wait()
        output.close()


def test_no_rule_of_rspamd_counts_against_a_mail(rspamd: str, tmp_path: Path) -> None:
    directory = tmp_path / "mails"
    directory.mkdir()
    written = mails(directory)
    for mail in written:
        request = urllib.request.Request(f"{rspamd}/checkv2", mail.read_bytes())
        with urllib.request.urlopen(request, timeout=60) as answer:
            symbols = json.load(answer)["symbols"]
        assert "MIME_GOOD" in symbols
        assert {name: found["score"] for name, found in symbols.items() if found["score"] > POINTS} == {}, mail
    assert len(written) == 6

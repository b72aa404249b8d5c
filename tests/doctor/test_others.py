"""Configuration, clock, event log, hashing, mail and packages."""

import sqlite3
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from lback_cli.doctor.clock import check_clock
from lback_cli.doctor.configuration import check_configuration
from lback_cli.doctor.context import CheckContext
from lback_cli.doctor.event_log import check_event_log
from lback_cli.doctor.hashing import check_hashing
from lback_cli.doctor.mail import check_mail
from lback_cli.doctor.packages import check_packages
from lback_cli.doctor.result import CheckResult
from lback_cli.doctor.runner import Doctor, require_all_passed
from lback_cli.errors import ConfigurationError, MailError, Unusable
from lback_cli.security import self_test
from lback_cli.settings import CompatSettings, EmailSettings, PasswordSettings
from lback_cli.text.times import utc_now

Admit = Callable[..., CheckContext]
Register = Callable[[CheckContext, str], None]

DEPENDENT = ["database", "schema", "rights", "encoding", "collation", "isolation", "clock", "events"]
"""The checks that look into the database, in their order."""


def execute(patient: CheckContext, statement: str) -> None:
    with sqlite3.connect(patient.directory / "users.db") as connection:
        connection.execute(statement)
    connection.close()


# Configuration


def test_files_that_the_settings_name_must_be_there(admit: Admit, tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    patient = admit(ready=False, password=PasswordSettings(blocklist_file=gone), email=EmailSettings(templates=gone))
    found = check_configuration(patient)
    assert (found.status, found.message) == (
        "fail",
        f"password.blocklist_file: {gone} cannot be read. email.templates: {gone} cannot be read.",
    )
    assert found.hint == (
        "Mend password.blocklist_file, or make it readable for whoever runs lback. "
        "Mend email.templates, or make it readable for whoever runs lback."
    )


@pytest.mark.parametrize(("section", "unmade"), [("email", ["mail"]), ("database", DEPENDENT)])
def test_a_missing_password_file_is_told_of_once(admit: Admit, tmp_path: Path, section: str, unmade: list[str]) -> None:
    gone = tmp_path / "gone"
    healthy = admit().settings
    # A file has no password, so that nobody would look for one.
    server = replace(healthy.database, url="postgresql+psycopg://app@127.0.0.1/app")
    if section == "database":
        settings = replace(healthy, database=replace(server, password_file=gone))
    else:
        settings = replace(healthy, email=replace(healthy.email, password_file=gone))
    findings = {finding.check: finding for finding in Doctor(lambda: settings).run_checks()}
    assert findings["configuration"] == CheckResult(
        "configuration",
        "fail",
        f"{section}.password_file: cannot read {gone}: No such file or directory.",
        f"Mend {section}.password_file, or make the file readable for whoever runs lback.",
    )
    assert {name: found.status for name, found in findings.items() if found.status != "ok"} == {
        "configuration": "fail",
        **dict.fromkeys(unmade, "skipped"),
    }
    assert findings[unmade[0]].message == "Not checked, as the check of configuration failed."
    assert {findings[name].message for name in unmade[1:]} <= {"Not checked, as the check of database was not made."}


def test_compatibility_is_never_forgotten(admit: Admit) -> None:
    found = check_configuration(admit(ready=False, compat=CompatSettings(lback_framework=True)))
    assert found.status == "warn"


def test_a_configuration_that_cannot_be_read_is_the_finding() -> None:
    def load() -> Any:
        raise ConfigurationError("Cannot read it.", hint="Mend it.")

    findings = list(Doctor(load).run_checks())
    unmade = "Not checked, as the configuration cannot be read."
    assert findings[0] == CheckResult("configuration", "fail", "Cannot read it.", "Mend it.")
    assert [finding for finding in findings if finding.status == "skipped"] == [
        CheckResult(name, "skipped", unmade) for name in ("files", "mail", "receivers", *DEPENDENT)
    ]
    assert [finding.check for finding in findings if finding.status == "ok"] == ["packages", "hashing"]


# Clock


def test_a_clock_that_has_gone_back_is_noticed_by_the_newest_event(admit: Admit, register: Register) -> None:
    patient = admit()
    assert check_clock(patient).status == "ok", "an empty log contradicts no clock"
    register(patient, "alice")
    assert check_clock(patient).status == "ok"
    for back, status in ((1, "ok"), (30, "warn"), (3600, "fail")):
        patient.clock = lambda back=back: utc_now() - timedelta(seconds=back)  # type: ignore[misc]
        found = check_clock(patient)
        assert found.status == status, back
    assert "in the future, so a clock has gone back" in found.message


@pytest.mark.parametrize("service", ["postgresql", "mariadb"])
@pytest.mark.parametrize(("ahead", "status"), [(0, "ok"), (30, "warn"), (-30, "warn"), (3600, "fail"), (-3600, "fail")])
def test_the_servers_clock_is_compared(admit: Admit, database_on: Any, service: str, ahead: int, status: str) -> None:
    with database_on(service) as url:
        patient = admit(url)
        patient.clock = lambda: utc_now() + timedelta(seconds=ahead)
        found = check_clock(patient)
        patient.database.dispose()
    assert found.status == status
    way = "ahead of" if ahead > 0 else "behind"
    assert status == "ok" or found.message.endswith(f"s {way} the database server's.")


# Event log


@pytest.mark.parametrize(
    "harm",
    [
        "DELETE FROM lback_events WHERE seq = 2",
        "UPDATE lback_events SET hash = previous_hash WHERE seq = 2",
        "UPDATE lback_event_head SET seq = 3",
        "DELETE FROM lback_event_head",
        "DELETE FROM lback_events",
    ],
)
def test_a_log_that_does_not_end_as_its_head_says_fails(admit: Admit, register: Register, harm: str) -> None:
    patient = admit()
    register(patient, "alice")
    register(patient, "bob")
    assert check_event_log(patient) == CheckResult("events", "ok", "The log ends with event 2, as its head says.")
    execute(patient, harm)
    found = check_event_log(patient)
    assert (found.status, found.hint) == ("fail", "Run: lback events verify; see docs/event-log.md.")


def test_an_event_of_no_time_is_no_matter_of_the_clock(admit: Admit, register: Register) -> None:
    patient = admit()
    register(patient, "alice")
    execute(patient, "UPDATE lback_events SET time = 'yesterday'")
    assert check_clock(patient).status == "ok"


# Hashing


def test_hashing_at_the_configured_cost(admit: Admit) -> None:
    found = check_hashing(admit(ready=False))
    assert found.status == "ok"
    assert found.message.startswith("Argon2id (m=19456,t=2,p=1) takes ")
    assert found.message.endswith(" ms and computes the test vector of RFC 9106.")
    beside = check_hashing(admit(ready=False, compat=CompatSettings(lback_framework=True)))
    assert (beside.status, beside.message.partition(" takes")[0]) == ("ok", "bcrypt ($2b$12$)")


def test_more_memory_than_there_is_fails(admit: Admit) -> None:
    import resource

    patient = admit(ready=False, password=PasswordSettings(memory=4 * 1024 * 1024, iterations=2, parallelism=1))
    limits = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (3 * 1024**3, limits[1]))
    try:
        found = {finding.check: finding for finding in Doctor(lambda: patient.settings).run_checks()}["hashing"]
    finally:
        resource.setrlimit(resource.RLIMIT_AS, limits)
    assert (found.status, found.message) == ("fail", "The password could not be hashed.")


def test_a_library_that_computes_something_else_fails(admit: Admit, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody has a wrong Argon2 at hand, so the published tag is the one that is bent."""
    assert self_test.argon2id_is_right()
    assert self_test.bcrypt_is_right()
    monkeypatch.setattr(self_test, "_ARGON2_TAG", "00" * 32)
    found = check_hashing(admit(ready=False))
    assert (found.status, found.message) == ("fail", "Argon2id (m=19456,t=2,p=1) does not compute what it should.")


# Mail


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_mail_server_is_asked_for_all_but_a_mail(admit: Admit, smtp_server: Any, security: str) -> None:
    server = smtp_server(security, login=("lback", "s3cret"))
    found = check_mail(admit(ready=False, email=EmailSettings(**server.options)))
    words = {"starttls": "with STARTTLS", "tls": "with TLS"}[security]
    assert found == CheckResult("mail", "ok", f"Mail would be taken by localhost:{server.port} {words}, as lback.")
    assert server.logins == [("lback", "s3cret")]
    assert server.messages == []


def test_a_mail_server_that_would_not_take_mail_fails(admit: Admit, smtp_server: Any, tmp_path: Path) -> None:
    server = smtp_server("starttls", login=("lback", "s3cret"))
    wrong = tmp_path / "wrong"
    wrong.write_text("another\n")
    for change, message in (
        ({"password_file": wrong}, "refused the login"),
        ({"ca_file": None}, "could not prove who it is"),
        ({"port": 1}, "cannot be reached"),
        ({"security": "tls"}, "does not speak TLS"),
    ):
        with pytest.raises(MailError, match=message):
            check_mail(admit(ready=False, email=EmailSettings(**server.options | change)))
    plain = smtp_server("none")
    with pytest.raises(MailError, match="does not offer STARTTLS"):
        check_mail(admit(ready=False, email=EmailSettings(**plain.options | {"security": "starttls"})))


def test_a_directory_for_mail_must_be_one_and_is_not_made(admit: Admit, tmp_path: Path) -> None:
    found = check_mail(admit(ready=False))
    assert (found.status, (tmp_path / "mail").exists()) == ("ok", False)
    (tmp_path / "mail").write_text("a file")
    for directory in (tmp_path / "mail", tmp_path / "mail" / "below"):
        with pytest.raises(MailError):
            check_mail(admit(ready=False, email=EmailSettings(directory=directory)))


# Packages


def test_libpass_is_alone_here() -> None:
    assert check_packages().status == "ok"


def test_passlib_beside_libpass_fails(tmp_path: Path) -> None:
    """A place with the real distributions of both, as pip leaves them: it complains of neither."""
    site = tmp_path / "site"
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(site)]
    done = subprocess.run([*install, "passlib==1.7.4"], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"passlib cannot be installed: {done.stderr.strip().splitlines()[-1]}")
    program = (
        "import sys; sys.path.append(sys.argv[1])\n"
        "from lback_cli.doctor.packages import check_packages\n"
        "found = check_packages(); print(found.status, found.message, found.hint, sep='|')"
    )
    shown = subprocess.run([sys.executable, "-c", program, str(site)], capture_output=True, text=True, check=True)
    status, message, hint = shown.stdout.strip().split("|")
    assert status == "fail"
    assert message.startswith("Both passlib 1.7.4 and libpass ")
    assert hint == "Run: pip uninstall -y passlib && pip install --force-reinstall --no-deps libpass"


# The whole


def test_a_check_that_breaks_is_a_finding_and_no_end(admit: Admit) -> None:
    nonsense: Any = None
    broken = replace(admit().settings, password=nonsense)
    findings = {finding.check: finding for finding in Doctor(lambda: broken).run_checks()}
    assert len(findings) == 14
    assert {name for name, finding in findings.items() if finding.status == "fail"} == {"configuration", "hashing"}
    assert findings["hashing"].message.startswith("AttributeError: ")


def test_health_is_required_of_every_check() -> None:
    fine = [CheckResult("a", "ok", ""), CheckResult("b", "warn", "")]
    require_all_passed(fine)
    with pytest.raises(Unusable) as caught:
        require_all_passed([*fine, CheckResult("c", "fail", ""), CheckResult("d", "fail", "")])
    assert caught.value.message == "2 checks failed: c, d."

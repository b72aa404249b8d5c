"""`lback user import` and `lback user export`."""

import base64
import hashlib
import json
import os
import re
import shlex
import signal
import stat
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pexpect
import pytest

from lback_cli.cli.context import CliContext
from lback_cli.cli.user.import_progress import ImportProgress

HASH = "$argon2id$v=19$m=19456,t=2,p=1$" + "a" * 21 + "Q$" + "b" * 42 + "Q"
SOME_CHUNKS = 200_000
"""Size of a report after which at least one chunk is committed, in bytes."""
JOB = re.compile(r"[0-9a-f]{32}")


def write(lback: Any, rows: int, name: str = "users.csv", password: str = "") -> Path:
    """Write a file of users, with hashes unless all have a *password*."""
    path: Path = lback.directory / name
    with path.open("w") as file:
        file.write("username,email,password,password_hash\n")
        for number in range(rows):
            stored = "" if password else f'"{HASH}"'
            file.write(f"user{number:05},user{number:05}@example.org,{password},{stored}\n")
    return path


def count(lback: Any) -> int:
    return len(lback("user", "list", "--limit", "0", "-o", "jsonl").out.splitlines())


def wait_for(condition: Any, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "timed out"
        time.sleep(0.01)


def test_an_import_writes_counts_to_stdout_and_errors_to_stderr(lback: Any) -> None:
    path = lback.directory / "users.csv"
    path.write_text("username,email\nann,ann@example.org\nbad name,x\n\nann,ann@example.org\n")
    status, out, err = lback("user", "import", str(path), "--mail", "none", "-o", "json")
    assert status == 8
    job = json.loads(out).pop("job")
    assert JOB.fullmatch(job)
    assert json.loads(out) == {
        "created": 1,
        "updated": 0,
        "skipped": 0,
        "failed": 2,
        "total": 3,
        "job": job,
        "cannot_log_in": {"no_password": 1},
        "left_out": {},
        "created_groups": [],
    }
    refused, again, end, undo = err.splitlines()
    problem = "The user name 'bad name' is not allowed."
    hint = "Use 1 to 64 of the characters a-z, 0-9, '.', '_' and '-', beginning with a letter or digit."
    assert json.loads(refused) == {"error": {"code": "validation_error", "message": problem, "hint": hint, "line": 3}}
    assert (json.loads(again)["error"]["line"], end) == (5, "Imported 1 of 3 rows.")
    assert undo == f"'lback undo --import {job[:8]}' undoes this import."

    status, out, err = lback("user", "import", str(path), "--mail", "none", "--restart", "--if-exists", "skip")
    assert status == 8
    assert re.sub(JOB, "JOB", out) == "created  0\nupdated  0\nskipped  2\nfailed   1\ntotal    3\njob      JOB\n"
    assert err == f"line 3: {problem} {hint}\nNothing was imported.\n"
    quiet = lback("user", "import", str(path), "--mail", "none", "--restart", "--if-exists", "skip", "-q", "-o", "json")
    assert (quiet.status, quiet.err) == (8, "")


def test_an_import_reads_standard_input(lback: Any) -> None:
    content = "username,email\nann,ann@example.org\n"
    assert lback("user", "import", "-", "--format", "csv", "--mail", "none", input=content).status == 0
    again = lback("user", "import", "-", "--format", "csv", "--mail", "none", "--resume", input=content)
    assert (again.status, again.err) == (0, "This import is already finished.\n")
    status, _, err = lback("user", "import", "-", input=content)
    message = "error: Standard input does not show the format of the file.\n"
    hint = "       Add --format with csv, jsonl, json or xlsx; --inspect finds out which.\n"
    assert (status, err) == (2, message + hint)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "Name the FILE to import, or - for standard input."),
        (("missing.csv",), "Cannot read missing.csv: No such file or directory."),
        (("users.txt",), "The name of users.txt does not show the format of the file."),
        (("users.csv", "--plan", "--resume"), "Use one of --plan, --apply, --resume and --inspect."),
        (("users.csv", "--plan", "--restart"), "--restart does not go with --plan."),
        (("users.csv", "--resume", "--restart"), "--restart does not go with --resume."),
        (("users.csv", "--apply", "plan"), "--apply takes the file and its options from the plan."),
        (("users.csv", "--format", "csv", "--from", "ldif"), "Use one of --format and --from."),
        (("users.csv", "--from", "auth0"), "--from: 'auth0' is unknown.\n       Use one of django, htpasswd, "),
        (("--apply", "plan", "--mail", "none"), "--apply takes the file and its options from the plan."),
        (("--apply", "plan", "--atomic"), "--apply takes the file and its options from the plan."),
        (("users.csv", "--overwrite-passwords"), "--overwrite-passwords needs --if-exists update."),
        (("users.csv", "--from", "ldif", "--map", "email=Mail"), "--map is for csv and json and jsonl and xlsx, not"),
        (("users.csv", "--map", "mail=Mail"), "--map: there is no field 'mail'."),
        (("users.csv", "--map", "email"), "--map: 'email' is not FIELD=COLUMN."),
        (("users.csv", "--map-group", "a=b", "--map-group", "a=c"), "--map-group names 'a' twice."),
        (("users.csv", "--delimiter", "ab"), "--delimiter: 'ab' cannot separate columns."),
        (("users.csv", "--encoding", "utf-9"), "--encoding: 'utf-9' is unknown."),
        (("users.csv", "--report", "users.csv"), "users.csv is named twice"),
    ],
)
def test_contradicting_options_are_refused(cli: Any, tmp_path: Path, arguments: tuple[str], message: str) -> None:
    (tmp_path / "users.csv").write_text("username,email\n")
    (tmp_path / "plan").write_text("")
    outcome = cli("user", "import", *arguments)
    assert (outcome.status, outcome.out) == (2, "")
    assert message in outcome.err


def test_a_plan_is_shown_and_applied(lback: Any) -> None:
    path = lback.directory / "users.csv"
    path.write_text("username,email\nann,ann@example.org\n")
    status, out, err = lback("user", "import", path.name, "--plan", "--plan-file", "plan", "-o", "json")
    assert (status, err) == (0, "This is what would change. Nothing was changed.\n")
    assert json.loads(out) == {
        "created": 1,
        "updated": 0,
        "skipped": 0,
        "failed": 0,
        "total": 1,
        "stopped_at_line": None,
        "cannot_log_in": {"no_password": 1},
        "left_out": {},
        "created_groups": [],
        "mails": {"invitation": 1},
        "password_hashes": {},
        "weak_password_hashes": {},
        "signals": {"user_pre_register": 1, "user_registered": 1, "user_registration_started": 1},
    }
    assert lback("user", "import", path.name, "--plan").out == (
        "created               1\n"
        "updated               0\n"
        "skipped               0\n"
        "failed                0\n"
        "total                 1\n"
        "cannot log in         without a password 1 (ann)\n"
        "mails                 invitation 1\n"
        "password hashes       none\n"
        "weak password hashes  none\n"
        "signals               user_pre_register 1\n"
        "                      user_registered 1\n"
        "                      user_registration_started 1\n"
    )
    assert count(lback) == 0
    assert lback("user", "import", "--apply", "plan").status == 0
    assert count(lback) == 1
    status, out, err = lback("user", "import", "--apply", "plan")
    assert (status, out) == (6, "")
    assert err == (
        "Nothing was imported.\n"
        "error: The plan is out of date: line 2: the plan creates the user, but now the row would fail.\n"
        "       Make the plan again, and check it.\n"
    )


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_import_shows_the_command_that_resumes_it(lback: Any, number: int, status: int) -> None:
    rows = 20_000
    path, report = write(lback, rows), lback.directory / "report.jsonl"
    process = lback.start("user", "import", path.name, "--mail", "none", "--report", report.name)
    wait_for(lambda: report.exists() and report.stat().st_size > SOME_CHUNKS)
    process.send_signal(number)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (status, b"")
    found = re.search(r"(\d+) rows are done\. Resume with: (lback user import .* --resume)\n", err.decode())
    assert found is not None, err
    assert 0 < int(found[1]) == count(lback) < rows
    assert len(report.read_text().splitlines()) == int(found[1])

    refused = lback("user", "import", path.name, "--mail", "none", "--report", report.name)
    assert refused.status == 6
    assert found[2] in refused.err

    resumed = lback(*shlex.split(found[2])[1:], "-o", "json")
    assert resumed.status == 0, resumed.err
    assert resumed.result["created"] == rows == count(lback)
    assert [json.loads(line)["line"] for line in report.read_text().splitlines()] == list(range(2, rows + 2))
    assert lback("events", "verify").status == 0


def test_a_running_import_cannot_be_started_again(lback: Any) -> None:
    path, report = write(lback, 30_000), lback.directory / "report.jsonl"
    first = lback.start("user", "import", path.name, "--mail", "none", "--report", report.name)
    wait_for(lambda: report.exists() and report.stat().st_size > SOME_CHUNKS)
    second = lback("user", "import", path.name, "--mail", "none", "--report", report.name, "--resume")
    first.communicate(timeout=60)
    assert first.returncode == 0
    assert second.status == 6
    assert f"This import is under way: process {first.pid} on " in second.err
    assert count(lback) == 30_000


def test_a_terminal_shows_a_bar_with_rate_and_time_left(lback: Any) -> None:
    path = write(lback, 20_000)
    child = pexpect.spawn(
        lback.program,
        ["user", "import", path.name, "--mail", "none", "-o", "json"],
        env=lback.environment,
        cwd=str(lback.directory),
        dimensions=(24, 100),
        timeout=60,
    )
    child.expect(r"\d+%.* \S* ?[\d,]+ rows.* [\d,]+/s.*left")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0
    assert b'"created": 20000' in child.before


def test_ctrl_c_restores_the_terminal_and_shows_how_to_resume(lback: Any) -> None:
    path = write(lback, 50_000)
    child = pexpect.spawn(
        lback.program,
        ["user", "import", path.name, "--mail", "none"],
        env=lback.environment,
        cwd=str(lback.directory),
        dimensions=(24, 200),
        timeout=60,
    )
    child.expect(r"[1-9][\d,]* rows")
    child.sendintr()
    child.expect(r"(\d+) rows are done\. Resume with: lback user import ")
    cursor_is_back = b"\x1b[?25h" in child.before
    rest = child.read()
    child.close()
    assert (child.exitstatus, cursor_is_back) == (130, True)
    assert b"Interrupted." in rest
    assert b"Traceback" not in rest


def test_the_trace_has_the_signals_of_every_row(lback: Any) -> None:
    path = write(lback, 5)
    done = lback("user", "import", path.name, "--mail", "none", "--trace-file", "trace", "--trace-format", "json")
    assert done.status == 0
    signals = [json.loads(line)["signal"] for line in (lback.directory / "trace").read_text().splitlines()]
    assert signals == ["user_registration_started", "user_pre_register", "user_registered"] * 5


def test_users_log_in_with_their_imported_passwords(lback: Any) -> None:
    """The first login replaces the old hash."""
    path = lback.directory / "users.jsonl"
    digest = hashlib.pbkdf2_hmac("sha256", b"purple giraffes", b"salt", 1000)
    stored = f"pbkdf2_sha256$1000$salt${base64.b64encode(digest).decode()}"
    user = {"username": "ann", "email": "ann@example.org", "password_hash": stored, "is_email_verified": True}
    path.write_text(json.dumps(user))
    assert lback("user", "import", path.name).status == 0
    for _ in range(2):
        assert lback("user", "authenticate", "ann", "--password-stdin", input="purple giraffes").status == 0
    (line,) = lback("user", "export", "--with-hashes", "--format", "jsonl").out.splitlines()
    assert json.loads(line)["password_hash"].startswith("$argon2id$")


def test_an_export_with_hashes_has_mode_600_and_can_be_imported(lback: Any) -> None:
    write(lback, 3)
    lback("user", "import", "users.csv", "--mail", "none")
    done = lback("user", "export", "--with-hashes", "--file", "backup.csv")
    assert (done.status, done.out, done.err) == (0, "", "Wrote backup.csv.\n")
    backup = lback.directory / "backup.csv"
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    assert lback("user", "export", "--with-hashes").out == backup.read_text()

    other = lback("user", "import", "backup.csv", "--mail", "none", LBACK_DATABASE_URL="sqlite:///other.db")
    assert other.status == 9  # only the embedded database is made unasked
    for command in (("db", "init"), ("user", "import", "backup.csv", "--mail", "none")):
        assert lback(*command, LBACK_DATABASE_URL="sqlite:///other.db").status == 0
    again = lback("user", "export", "--with-hashes", LBACK_DATABASE_URL="sqlite:///other.db").out
    moments = re.compile(r",\d{4}-[^,]*Z,\d{4}-[^,]*Z,\d+")
    assert moments.sub("", again) == moments.sub("", backup.read_text())


def test_an_export_with_hashes_to_a_terminal_is_refused(lback: Any) -> None:
    child = pexpect.spawn(
        lback.program, ["user", "export", "--with-hashes"], env=lback.environment, cwd=str(lback.directory), timeout=30
    )
    child.expect("Password hashes are not written to a terminal")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 2


def test_a_failed_export_keeps_the_old_file(lback: Any) -> None:
    write(lback, 3)
    lback("user", "import", "users.csv", "--mail", "none")
    (lback.directory / "old.csv").write_text("old")
    done = lback("user", "export", "--group", "nobody", "--file", "old.csv")
    assert done.status == 5
    assert (lback.directory / "old.csv").read_text() == "old"
    assert not list(lback.directory.glob(".old*"))
    done = lback("user", "export", "--file", "nowhere/users.csv")
    assert (done.status, done.err) == (9, "error: Cannot write nowhere/users.csv: No such file or directory.\n")


@pytest.mark.parametrize("way", [(), ("--atomic",), ("--plan",)])
def test_a_canary_with_a_wrong_password_aborts_the_import(lback: Any, way: tuple[str, ...]) -> None:
    digest = hashlib.pbkdf2_hmac("sha256", b"purple giraffes", b"salt", 1000)
    stored = f"pbkdf2_sha256$1000$salt${base64.b64encode(digest).decode()}"
    path = lback.directory / "users.jsonl"
    user = {"username": "ann", "email": "ann@example.org", "password_hash": stored}
    path.write_text(json.dumps(user))
    command = ("user", "import", path.name, *way, "--canary", "ann", "--password-stdin")
    wrong = lback(*command, input="green giraffes")
    assert wrong.status == 7
    assert "does not match the hash of the canary 'ann'" in wrong.err
    assert count(lback) == 0
    assert lback(*command, input="purple giraffes").status == 0
    assert count(lback) == (0 if way == ("--plan",) else 1)
    unasked = lback("user", "import", path.name, "--canary", "ann")
    assert unasked.status == 2


def test_the_resume_command_names_the_same_database(lback: Any) -> None:
    path = lback.directory / "users.csv"
    path.write_text("username,email\nann,ann@example.org\nbad name,x\nbob,bob@example.org\n")
    there = ("--database-url", f"sqlite:///{lback.directory}/there.db", "--actor", "eve", "--no-receivers")
    assert lback(*there, "db", "init").status == 0
    arguments = ("user", "import", str(path), "--mail", "none", "--on-error", "stop")
    assert lback(*there, *arguments).status == 8
    status, out, err = lback(*there, *arguments)
    assert (status, out) == (6, "")
    (command,) = re.findall(r"or continue: lback (.*)", err)
    assert command.startswith(shlex.join(there))
    assert lback(*shlex.split(command)).status == 8
    listed = lback(*there, "user", "list", "-o", "jsonl").out.splitlines()
    assert [json.loads(line)["username"] for line in listed] == ["ann", "bob"]


def test_an_export_writes_to_an_existing_pipe(lback: Any) -> None:
    pipe = lback.directory / "pipe"
    os.mkfifo(pipe)
    with ThreadPoolExecutor() as executor:
        read = executor.submit(pipe.read_text)
        assert lback("user", "export", "--file", str(pipe), "--format", "csv").status == 0
        assert stat.S_ISFIFO(pipe.stat().st_mode)
        assert read.result(20).startswith("username,email,")


def test_an_unusual_bcrypt_hash_is_imported_without_a_warning(lback: Any, tmp_path: Path) -> None:
    import bcrypt

    stored = bcrypt.hashpw(b"quiet-harbor-lantern-47", b"$2b$04$CCCCCCCCCCCCCCCCCCCCC.").decode()
    odd = stored[:28] + "/" + stored[29:]
    (tmp_path / "users.csv").write_text(f"username,email,password_hash\nanna,anna@example.org,{odd}\n")
    imported = lback("user", "import", "users.csv", "-q", "-o", "json", "--mail", "none")
    assert (imported.status, imported.result["created"], imported.err) == (0, 1, "")
    login = ("user", "authenticate", "anna", "--password-stdin", "--allow-unverified", "-q")
    assert lback(*login, input="quiet-harbor-lantern-47").status == 0
    assert lback(*login, input="quiet-harbor-lantern-48").status == 4


def test_a_file_name_that_is_not_utf8_can_be_imported(cli: Any, tmp_path: Path) -> None:
    name = os.fsdecode(b"bad\xff.csv")
    (tmp_path / name).write_text("username,email\nann,ann@example.org\nbad name,x\nbob,bob@example.org\n")
    command = ("user", "import", name, "--mail", "none", "--on-error", "stop", "-q")
    assert cli(*command, "--plan").status == 8
    assert cli(*command).status == 8
    assert cli(*command).status == 6
    assert cli(*command, "--resume").status == 8
    names = [json.loads(line)["username"] for line in cli("user", "list", "-o", "jsonl").out.splitlines()]
    assert names == ["ann", "bob"]


def test_the_resume_command_can_be_pasted_for_any_file_name(cli: Any, lback: Any, tmp_path: Path) -> None:
    name = "new\nline\x1b[31m it's.csv"
    (tmp_path / name).write_text("username,email\nann,ann@example.org\nbad name,x\nbob,bob@example.org\n")
    arguments = ("user", "import", name, "--mail", "none", "--on-error", "stop")
    assert cli(*arguments).status == 8
    (command,) = re.findall(r"or continue: lback (.*)", cli(*arguments).err)
    assert command == (
        rf"user import $'{tmp_path}/new\x0aline\x1b[31m it\'s.csv' "
        "--format csv --on-error stop --mail none --resume"
    )
    words = subprocess.run(["bash", "-c", f"printf '%s\\0' {command}"], capture_output=True, check=True).stdout
    assert lback(*words.decode().split("\0")[:-1]).status == 8
    assert count(lback) == 2


@pytest.mark.parametrize("has_file", [True, False])
def test_a_masked_resume_command_explains_where_to_put_the_password(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str], *, has_file: bool
) -> None:
    monkeypatch.setenv("LBACK_DATABASE_URL", f"sqlite:///{tmp_path}/users.db")
    if has_file:
        monkeypatch.setenv("LBACK_DATABASE_PASSWORD_FILE", str(tmp_path / "password"))
    command = "lback --database-url postgresql://root:***@db/app user import users.csv --resume"
    ImportProgress(CliContext()).interrupted(command, 5)
    advice = (
        "*** is the password: put it into a file that LBACK_DATABASE_PASSWORD_FILE names, "
        "or give the URL in LBACK_DATABASE_URL instead.\n"
    )
    assert capsys.readouterr().err == f"5 rows are done. Resume with: {command}\n{'' if has_file else advice}"


@pytest.mark.parametrize("report", [(), ("--report", "report.jsonl")])
def test_further_refused_rows_are_in_the_report(cli: Any, tmp_path: Path, report: tuple[str, ...]) -> None:
    (tmp_path / "users.csv").write_text("username,email\n" + "bad name,x\n" * 25)
    where = f"{tmp_path}/report.jsonl lists" if report else "Use --report FILE to list"
    status, _, err = cli("user", "import", "users.csv", *report, "-o", "json")
    lines = err.splitlines()
    assert (status, len(lines), lines[-2:]) == (
        8,
        22,
        [f"More rows were refused. {where} all of them.", "Nothing was imported."],
    )
    _, _, err = cli("user", "import", "users.csv", *report)
    assert re.sub("Use 1 to 64 .* letter or digit", "...", err).splitlines() == [
        "25 rows: The user name is not allowed (lines 2-26). ....",
        "Nothing was imported.",
    ], "no row is left out"
    rows = "".join(f"bad name,x\nu{number},u{number}@example.org\n" for number in range(25))
    (tmp_path / "users.csv").write_text(f"username,email\n{rows}")
    _, _, err = cli("user", "import", "users.csv", *report, "--mail", "none")
    first, second, *_ = err.splitlines()
    assert first.startswith("25 rows: The user name is not allowed (lines 2, 4, 6, ")
    assert second == f"{where} all of them."


def test_an_import_stopped_by_a_row_shows_how_to_continue(cli: Any, tmp_path: Path) -> None:
    (tmp_path / "users.csv").write_text("username,email\nann,ann@example.org\nann,x\nbob,bob@example.org\n")
    command = ("user", "import", "users.csv", "--mail", "none", "--on-error", "stop")
    status, _, err = cli(*command)
    resume = f"lback user import {tmp_path}/users.csv --format csv --on-error stop --mail none --resume"
    assert (status, err.splitlines()[-1]) == (8, f"Stopped at a refused row. Continue after it with: {resume}")
    assert cli(*command, "-q").err.startswith("error: This import is not finished")
    status, _, err = cli(*command, "--resume")
    assert (status, err.splitlines()[:-1]) == (8, ["Resuming after 2 rows.", "Imported 2 of 3 rows."])
    assert err.splitlines()[-1].endswith(" undoes this import.")


@pytest.mark.parametrize("form", ["table", "json"])
def test_errors_in_a_one_line_dump_name_the_record(cli: Any, tmp_path: Path, form: str) -> None:
    users = [{"model": "auth.user", "fields": {"username": name, "email": "x"}} for name in ("ann", "bob")]
    group = {"model": "auth.group", "pk": 1, "fields": {"name": "staff"}}
    (tmp_path / "users.json").write_text(json.dumps([users[0], group, users[1]]))
    command = ("user", "import", "users.json", "--from", "django", "--report", "report.jsonl", "-o", form)
    status, _, err = cli(*command)
    message = "'x' is not a valid e-mail address. An email address must have an @-sign."
    hint = "Give one plain address such as alice@example.org."
    error = {"code": "validation_error", "message": message, "hint": hint}
    general = message.replace("'x' is not a valid e-mail address", "The e-mail address is not valid")
    shown = {
        "table": [
            f"2 rows: {general.rstrip('.')} (records 1, 3). {hint}",
        ],
        "json": [json.dumps({"error": {**error, "line": 1, "record": record}}) for record in (1, 3)],
    }
    assert (status, err.splitlines()) == (8, [*shown[form], "Nothing was imported."])
    assert [json.loads(line) for line in (tmp_path / "report.jsonl").read_text().splitlines()] == [
        {"line": 1, "record": record, "username": name, "outcome": "failed", "id": None, **error, "cannot_log_in": []}
        for record, name in ((1, "ann"), (3, "bob"))
    ]


def test_an_export_has_the_chosen_format(cli: Any, register: Any, tmp_path: Path) -> None:
    register("ann")
    register("bob")
    csv, lines = (cli("user", "export", "--format", form).out for form in ("csv", "jsonl"))
    assert [json.loads(line)["username"] for line in lines.splitlines()] == ["ann", "bob"]
    assert csv.startswith("username,email,")
    for form, written in (("csv", csv), ("jsonl", lines), ("table", csv)):
        assert cli("user", "export", "-o", form) == (0, written, "")
        assert cli("user", "export", "-o", form, "--file", "-") == (0, written, "")
    status, out, err = cli("user", "export", "-o", "json")
    assert (status, json.loads(out), err) == (0, [json.loads(line) for line in lines.splitlines()], "")
    assert cli("user", "export", "-o", "json", "--format", "csv") == (0, csv, "")
    assert cli("user", "export", "-o", "json", "--file", "users.csv") == (0, "", "Wrote users.csv.\n")
    assert cli("user", "export", "-o", "jsonl", "--file", "users") == (0, "", "Wrote users.\n")
    assert (tmp_path / "users").read_text().count("\n") == 2
    assert cli("user", "export", "--file", "other").status == 2
    assert not (tmp_path / "-").exists()


@pytest.mark.parametrize("form", ["csv", "jsonl", "json"])
def test_a_refused_export_writes_nothing(cli: Any, form: str) -> None:
    status, out, err = cli("user", "export", "--group", "nogroup", "-o", form)
    assert (status, out) == (5, "")
    assert "nogroup" in err

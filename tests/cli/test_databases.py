"""Unusable databases are exit 9 with the problem and a hint."""

import json
import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from lback_cli.cli.user.list import NO_USERS
from lback_cli.database.engine import Database
from lback_cli.database.schema import REVISION
from lback_cli.settings import DatabaseSettings
from tests.installed_command import in_one_line

Cli = Callable[..., Any]
DatabaseOn = Callable[[str], AbstractContextManager[str]]

COMMANDS = ("user list", "user show alice", "group create staff", "user delete id:1 --yes", "db status", "db init")


@pytest.fixture
def file(cli: Cli, tmp_path: Path) -> Path:
    path = tmp_path / "users.db"
    assert cli("db", "init", "-q", "--database-url", f"sqlite:///{path}").status == 0
    return path


def refused(cli: Cli, path: Path, sentence: str, hint: str, commands: tuple[str, ...] = COMMANDS) -> None:
    for command in commands:
        outcome = cli(*command.split(), "--database-url", f"sqlite:///{path}")
        assert (outcome.status, outcome.err) == (9, f"error: The database {path} {sentence}\n       {hint}\n"), command
        assert outcome.out == "" or command == "db status"


def test_a_file_of_another_kind_is_refused(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("Remember the milk. " * 100)
    refused(cli, path, "is not a SQLite database.", "Check the path in database.url.")
    assert path.read_text() == "Remember the milk. " * 100


def test_a_damaged_database_is_refused(cli: Cli, file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[4096:] = b"\xa5" * (len(content) - 4096)
    file.write_bytes(content)
    refused(cli, file, "is damaged.", "Restore it from a backup.")


def test_a_newer_schema_is_refused_and_unchanged(cli: Cli, file: Path) -> None:
    with sqlite3.connect(file) as connection:
        connection.execute("UPDATE lback_alembic_version SET version_num = '9999'")
    connection.close()
    before = file.read_bytes()
    refused(
        cli, file, f"was set up by a newer lback (9999 > {REVISION}).", "Upgrade lback-cli.", (*COMMANDS, "db upgrade")
    )
    assert file.read_bytes() == before


def test_a_database_of_another_application_is_refused_and_unchanged(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "app.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT)")
    connection.close()
    before = path.read_bytes()
    advice = "Choose another database.url; 'lback db status' shows why lback cannot adopt this one."
    refused(cli, path, "has an application's tables but none of lback's.", advice)
    assert path.read_bytes() == before


def test_an_empty_file_can_be_initialized(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "empty.db"
    path.touch()
    refused(cli, path, "has no tables yet.", "Run: lback db init", COMMANDS[:-1])
    assert cli("db", "init", "--database-url", f"sqlite:///{path}").status == 0


def test_a_directory_is_refused(cli: Cli, tmp_path: Path) -> None:
    refused(cli, tmp_path, "cannot be opened.", "Check the path, and the permissions of the file and directory.")


def test_a_read_only_file_can_be_read_but_not_changed(lback: Any, file: Path) -> None:
    # Root may write anything, unless that capability is taken away.
    prefix = ["setpriv", "--bounding-set=-dac_override"] if os.geteuid() == 0 else []
    if prefix and shutil.which("setpriv") is None:
        pytest.skip("root can write to every file, and there is no setpriv here")
    import subprocess

    def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
        command = [*prefix, lback.program, *arguments, "--database-url", f"sqlite:///{file}"]
        return subprocess.run(command, env=lback.environment, capture_output=True, text=True, check=False)

    file.chmod(0o400)
    written = run("group", "create", "staff")
    assert (written.returncode, written.stdout, written.stderr) == (
        9,
        "",
        (
            f"error: The database {file} cannot be written to.\n"
            "       Check the permissions of the file and of its directory.\n"
        ),
    )
    listed = run("user", "list", "-o", "json")
    assert (listed.returncode, listed.stdout, listed.stderr) == (0, "[]\n", "")


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("nonsense", "database.url is not a database URL. Example: sqlite:////path/to/users.db"),
        (
            "nonsense://x",
            ("database.url: lback does not support 'nonsense'. lback supports SQLite, PostgreSQL and MariaDB."),
        ),
        (
            "postgresql://a:b@c:d/e",
            ("The port in database.url is not a number. Example: postgresql+psycopg://app@db.example.org:5432/app"),
        ),
        ("sqlite:////\udcff", "database.url (--database-url): the value is not one line of text."),
    ],
)
def test_an_invalid_url_is_refused(cli: Cli, url: str, message: str) -> None:
    outcome = cli("user", "list", "-o", "json", "--database-url", url)
    error = json.loads(outcome.err)["error"]
    assert (outcome.status, outcome.out, error["code"]) == (9, "", "configuration_error")
    assert in_one_line(error) == message


def test_an_unreachable_server_does_not_reveal_the_password(cli: Cli) -> None:
    pytest.importorskip("psycopg")
    url = "postgresql+psycopg://app:s3cret@127.0.0.1:1/app"
    for options in ((), ("--debug",), ("-o", "json")):
        outcome = cli("user", "list", "--database-url", url, *options)
        assert (outcome.status, "s3cret" in outcome.err) == (9, False)
        assert "postgresql+psycopg://app:***@127.0.0.1:1/app cannot be reached: " in outcome.err


@pytest.mark.parametrize("service", ["postgresql", "mariadb"])
def test_tables_on_a_server_are_created_and_changed_only_by_db_commands(
    cli: Cli, database_on: DatabaseOn, service: str
) -> None:
    with database_on(service) as url:
        database = Database(DatabaseSettings(url=url))
        options = ("--database-url", url)

        def refused_with(sentence: str, hint: str) -> None:
            for command in COMMANDS:
                if command.removeprefix("db ") in hint:
                    continue
                outcome = cli(*command.split(), *options)
                said = f"error: The database {database.name} {sentence}\n       {hint}\n"
                assert (outcome.status, outcome.err) == (9, said), command

        def execute(*statements: str) -> None:
            with database.session() as session:
                for statement in statements:
                    session.execute(text(statement))

        refused_with("has no tables yet.", "Run: lback db init")
        assert cli("db", "init", "-q", *options).status == 0
        newer = ("lback_import_jobs", "lback_sinks", "lback_dead_letters", "lback_mail_queue")
        execute(*(f"DROP TABLE {name}" for name in newer), "UPDATE lback_alembic_version SET version_num = '0002'")
        refused_with(f"has older tables than this lback needs (0002 < {REVISION}).", "Run: lback db upgrade")
        assert cli("db", "upgrade", "-q", *options).status == 0
        assert json.loads(cli("db", "status", "-o", "json", *options).out)["state"] == "current"
        execute("UPDATE lback_alembic_version SET version_num = '9999'")
        refused_with(f"was set up by a newer lback (9999 > {REVISION}).", "Upgrade lback-cli.")
        assert cli("db", "upgrade", *options).status == 9
        database.dispose()


def test_the_password_of_a_server_is_read_from_a_file(cli: Cli, database_on: DatabaseOn, tmp_path: Path) -> None:
    secret, name = "s3cret-in-a-file", f"lback_{uuid4().hex[:12]}"
    file = tmp_path / "password"
    file.write_text(secret + "\n")
    with database_on("mariadb") as url:
        server = Database(DatabaseSettings(url=url))
        with server.session() as session:
            schema = server.url.database
            session.execute(text(f"GRANT ALL ON {schema}.* TO {name}@'127.0.0.1' IDENTIFIED BY '{secret}'"))
        try:
            options: tuple[str, ...] = ("--database-url", url.replace("root@", f"{name}@"))
            assert cli("db", "init", *options).status == 9
            configuration = tmp_path / "password.toml"
            configuration.write_text(f'[database]\npassword_file = "{file}"\n')
            options += ("--config", str(configuration))
            outcomes = [
                cli("db", "init", "-q", *options),
                cli("user", "list", *options),
                cli("config", "show", *options),
                cli("db", "status", *options),
            ]
            assert [outcome.status for outcome in outcomes] == [0, 0, 0, 0]
            file.write_text("not it\n")
            outcomes += [cli("user", "list", "--debug", *options)]
            assert outcomes[-1].status == 9
            assert "rejected the user name or the password" in outcomes[-1].err
            assert not [one for one in outcomes if secret in one.out + one.err or "not it" in one.out + one.err]
        finally:
            with server.session() as session:
                session.execute(text(f"DROP USER {name}@'127.0.0.1'"))
            server.dispose()


@pytest.mark.parametrize(
    "url",
    [
        "sqlite:///",
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite:///file::memory:?uri=true",
        "sqlite:///file:x?mode=memory&uri=true",
    ],
)
@pytest.mark.parametrize("command", [("db", "init"), ("user", "register", "a", "--email", "a@example.org", "--invite")])
def test_a_database_in_memory_is_refused(cli: Cli, tmp_path: Path, command: tuple[str, ...], url: str) -> None:
    assert cli(*command, LBACK_DATABASE_URL=url) == (
        9,
        "",
        (
            "error: database.url names a database in memory, which would be lost at the end of this command.\n"
            "       Name a file: sqlite:////path/to/users.db. Is a variable in the URL empty?\n"
        ),
    )
    assert not list(tmp_path.rglob("*.eml"))


@pytest.mark.parametrize(
    ("query", "named"), [("mode=ro", "mode"), ("cache=shared&mode=ro", "cache, mode"), ("mark.db", "mark.db")]
)
def test_options_that_sqlite_would_ignore_are_refused(cli: Cli, tmp_path: Path, query: str, named: str) -> None:
    outcome = cli("db", "init", LBACK_DATABASE_URL=f"sqlite:///{tmp_path}/users.db?{query}")
    assert (outcome.status, outcome.out) == (9, "")
    assert outcome.err.startswith(f"error: database.url: {named} after the ? would be ignored.\n")
    assert not (tmp_path / "users.db").exists()


def test_options_of_pythons_driver_and_of_a_uri_are_accepted(cli: Cli, tmp_path: Path) -> None:
    assert cli("db", "init", LBACK_DATABASE_URL=f"sqlite:///{tmp_path}/users.db?timeout=5").status == 0
    reader = f"sqlite:///file:{tmp_path}/users.db?mode=ro&uri=true"
    assert cli("user", "list", "-o", "json", LBACK_DATABASE_URL=reader) == (0, "[]\n", "")


@pytest.mark.parametrize(
    ("command", "signals"),
    [
        (
            ("user", "register", "ann", "--email", "ann@example.org", "--invite"),
            ["user_registration_started", "user_registration_failed"],
        ),
        (("user", "verify-email", "abcdefghijklmnop"), ["user_email_verification_failed"]),
        (
            ("user", "authenticate", "ann", "--password-stdin"),
            ["user_authentication_started", "user_authentication_failed"],
        ),
        (
            ("user", "reset-password", "--token", "abcdefghijklmnop", "--password-stdin"),
            ["password_reset_started", "password_reset_failed"],
        ),
        (
            ("user", "register", "ann", "--email", "ann@example.org", "--invite", "--if-exists", "skip"),
            ["user_registration_started", "user_registration_failed"],
        ),
        (
            ("user", "register", "ann", "--email", "ann@example.org", "--invite", "--if-exists", "update"),
            ["user_registration_started", "user_registration_failed"],
        ),
        (("user", "update", "id:5", "--deactivate"), ["user_update_started", "user_update_failed"]),
        (
            ("user", "update", "id:5", "--email", "ann@example.org", "--if-missing", "skip"),
            ["user_update_started", "user_update_failed"],
        ),
        (("user", "rename", "id:5", "ann"), ["user_update_started", "user_update_failed"]),
        (("user", "delete", "id:5", "--yes"), ["user_deletion_started", "user_deletion_failed"]),
        (
            ("user", "delete", "id:5", "--yes", "--if-missing", "skip"),
            ["user_deletion_started", "user_deletion_failed"],
        ),
        (
            ("user", "request-password-reset", "ann@example.org"),
            ["password_reset_request_started", "password_reset_request_failed"],
        ),
        (
            ("user", "request-password-reset", "ann@example.org", "--if-missing", "skip"),
            ["password_reset_request_started", "password_reset_request_failed"],
        ),
        (
            ("user", "request-password-reset", "id:5"),
            ["password_reset_request_started", "password_reset_request_failed"],
        ),
        (("user", "resend-verification", "id:5"), ["user_email_verification_failed"]),
        (
            ("user", "reset-password", "id:5", "--password-stdin"),
            ["password_reset_started", "password_reset_failed"],
        ),
    ],
)
def test_an_operation_sends_its_signals_if_the_database_cannot_be_reached(
    cli: Cli, password: str, command: tuple[str, ...], signals: list[str]
) -> None:
    url = "postgresql+psycopg://ann@127.0.0.1:1/app"
    outcome = cli(*command, "--trace-format", "json", input=password, LBACK_DATABASE_URL=url)
    lines = [json.loads(line) for line in outcome.err.splitlines() if line.startswith("{")]
    assert outcome.status == 9
    assert [line["signal"] for line in lines] == signals
    assert lines[-1]["args"].get("error_type", lines[-1]["args"].get("reason")) == "repository_error"
    assert "\nerror: The database postgresql+psycopg://ann@127.0.0.1:1/app cannot be reached: " in f"\n{outcome.err}"


def test_each_line_of_a_script_sends_its_signals_if_the_database_cannot_be_reached(cli: Cli) -> None:
    outcome = cli(
        *("run", "-", "--keep-going", "--trace-format", "json"),
        input="user register ann --email ann@example.org --invite\nuser delete id:5 --yes\n",
        LBACK_DATABASE_URL="postgresql+psycopg://ann@127.0.0.1:1/app",
    )
    assert [json.loads(line)["signal"] for line in outcome.err.splitlines() if line.startswith("{")] == [
        "user_registration_started",
        "user_registration_failed",
        "user_deletion_started",
        "user_deletion_failed",
    ]


def test_a_name_is_not_looked_up_in_a_database_that_cannot_be_reached(cli: Cli) -> None:
    outcome = cli(
        *("user", "update", "ann", "--deactivate", "--trace-format", "json"),
        LBACK_DATABASE_URL="postgresql+psycopg://ann@127.0.0.1:1/app",
    )
    assert outcome.status == 9
    assert outcome.err.startswith("error: The database postgresql+psycopg://ann@127.0.0.1:1/app cannot be reached: ")


def test_an_update_of_an_id_that_no_user_has_sends_its_signals_whatever_it_changes(cli: Cli) -> None:
    outcome = cli("user", "update", "id:5", "--email", "ann@example.org", "--trace-format", "json")
    lines = [json.loads(line) for line in outcome.err.splitlines() if line.startswith("{")]
    assert outcome.status == 5
    assert [line["signal"] for line in lines] == ["user_update_started", "user_update_failed"]
    assert lines[-1]["args"]["error_type"] == "user_not_found"


def test_a_file_that_every_user_can_write_is_named(cli: Cli, file: Path) -> None:
    file.chmod(0o666)
    url = f"sqlite:///{file}"
    assert cli("user", "list", "-o", "csv", "--fields", "id", LBACK_DATABASE_URL=url) == (
        0,
        "id\n",
        f"warning: Every user can write the database {file}. Run: chmod o-rwx {file}\n{NO_USERS}\n",
    )
    file.chmod(0o660)
    assert cli("user", "list", "-o", "json", LBACK_DATABASE_URL=url) == (0, "[]\n", "")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_file_of_another_user_in_a_shared_directory_is_named(cli: Cli, file: Path) -> None:
    os.chown(file, 65534, 65534)
    url = f"sqlite:///{file}"
    planted = f"The database {file}, or a directory on its path, belongs to another user, who can read or replace it."
    planted += " Use a database in a directory of your own."
    assert cli("user", "list", "-o", "json", LBACK_DATABASE_URL=url) == (0, "[]\n", "")
    file.parent.chmod(0o1777)
    assert cli("user", "list", "-o", "csv", "--fields", "id", LBACK_DATABASE_URL=url) == (
        0,
        "id\n",
        f"warning: {planted}\n{NO_USERS}\n",
    )
    os.chown(file.parent, 65534, 65534)
    shared = f"Every user can put files beside the database {file}, from which SQLite takes changes."
    shared += " Use a database in a directory of your own."
    assert cli("user", "list", "-o", "csv", "--fields", "id", LBACK_DATABASE_URL=url) == (
        0,
        "id\n",
        f"warning: {shared}\n{NO_USERS}\n",
    )


@pytest.mark.parametrize("part", ["app:s3cret@127.0.0.1:1/app", "app@127.0.0.1:1/app?sslpassword=s3cret"])
def test_a_password_on_the_command_line_causes_a_warning(cli: Cli, file: Path, part: str) -> None:
    pytest.importorskip("psycopg")
    url = f"postgresql+psycopg://{part}"
    start = "warning: Every user of this machine can see the password in"
    shown = cli("user", "list", "--database-url", url, LBACK_DATABASE_RETRY_TIMEOUT="0")
    hint = "Set LBACK_DATABASE_URL or database.password_file instead."
    assert (shown.status, shown.err.splitlines()[0]) == (9, f"{start} --database-url. {hint}")
    source = f"sqlite:///{file}"
    shown = cli("db", "copy", "--to", url, LBACK_DATABASE_URL=source, LBACK_DATABASE_RETRY_TIMEOUT="0")
    assert (shown.status, shown.err.splitlines()[0]) == (9, f"{start} --to. Use --to-password-file instead.")
    assert "s3cret" not in shown.err
    for hidden in (url, url.replace("s3cret", "").replace(":@", "@").replace("?sslpassword=", "")):
        shown = cli("user", "list", LBACK_DATABASE_URL=hidden, LBACK_DATABASE_RETRY_TIMEOUT="0")
        assert (shown.status, shown.err.startswith("error: ")) == (9, True)


def test_a_directory_in_which_files_can_be_exchanged_causes_one_warning(lback: Any) -> None:
    shared = lback.directory / "shared"
    shared.mkdir()
    shared.chmod(0o777)
    message = f"Every user can exchange the files in {shared}. Run: chmod +t {shared}"
    assert lback("user", "export", "--file", f"{shared}/users.csv") == (
        0,
        "",
        f"warning: {message}\nWrote {shared}/users.csv.\n",
    )
    lback.directory.chmod(0o777)
    (lback.directory / "lback.toml").write_text("[users]\nunicode_names = true\n")
    shown = lback("config", "show", "-o", "json")
    assert (shown.status, json.loads(shown.err)) == (0, {"warning": {"message": message.replace(str(shared), ".")}})

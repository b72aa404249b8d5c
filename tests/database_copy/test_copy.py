"""Copying everything from one database to another."""

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from lback_cli.database.engine import Database
from lback_cli.database.schema import COPYING_PREFIX, REVISION, Schema
from lback_cli.database_copy import tables
from lback_cli.database_copy.copy import CopyResult, DatabaseCopy
from lback_cli.database_copy.observer import CopyObserver, Step
from lback_cli.errors import BrokenEventLog, DatabaseError, SchemaError, UsageError
from lback_cli.managers.dependencies import Dependencies
from lback_cli.managers.directory import Directory
from lback_cli.managers.event_log import EventLog
from lback_cli.managers.user_manager import UserManager
from lback_cli.models import DeadLetter, ImportJob, QueuedMail, SinkState, User
from lback_cli.settings import DatabaseSettings, EmailSettings, PasswordSettings, Settings
from lback_cli.settings.schema import AttributeSettings

KINDS = ("sqlite", "postgresql", "mariadb")
PASSWORD = "quiet-harbor-lantern-47"
NEXT = "To use the copy, set database.url to it."
NOW = datetime(2026, 3, 4, 15, 4, 5, 678901, tzinfo=UTC)

Open = Callable[[str], Database]


@pytest.fixture
def open_on(
    tmp_path: Path, database_on: Callable[[str], AbstractContextManager[str]]
) -> Iterator[Callable[[str], Database]]:
    """Open an empty database of a kind; a SQLite file does not exist yet."""
    with ExitStack() as opened:
        number = iter(range(10))

        def make(kind: str) -> Database:
            file = f"sqlite:///{tmp_path}/{next(number)}.db"
            url = file if kind == "sqlite" else opened.enter_context(database_on(kind))
            database = Database(DatabaseSettings(url=url))
            opened.callback(database.dispose)
            return database

        yield make


def manager(database: Database, directory: Path) -> UserManager:
    settings = Settings(
        email=EmailSettings(directory=directory / "mail"),
        password=PasswordSettings(memory=19456, iterations=2, parallelism=1),
    )
    return UserManager(database, Dependencies(settings, data_directory=directory))


def populate(database: Database, directory: Path, *, extra_users: int = 0) -> None:
    """Add users, a deleted user, an erased person, tokens, permissions, and rows of every other table."""
    Schema(database).initialize()
    users = manager(database, directory)
    with database.session() as session:
        for number in range(extra_users):
            name = f"extra{number:05}"
            session.add(
                User(
                    username=name,
                    email=f"{name}@example.org",
                    password_hash="x",
                    is_active=number % 2 == 0,
                    created_at=NOW,
                    updated_at=NOW,
                )
            )
    for name in ("anna", "bertil", "cecilia", "gone"):
        users.register_user(name, f"{name}@b\N{LATIN SMALL LETTER U WITH DIAERESIS}cher.example", PASSWORD)
    users.reset_password_request("anna@b\N{LATIN SMALL LETTER U WITH DIAERESIS}cher.example")
    log = EventLog(database, Dependencies(Settings(), data_directory=directory))
    log.erase_user("bertil", users)
    users.delete_user(extra_users + 4)
    with database.session() as session:
        session.execute(
            text(
                "INSERT INTO userpermissions (id, name, description, created_at, updated_at)"
                " VALUES (7, 'write', NULL, '2026-01-01 00:00:00.000000', '2026-01-01 00:00:00.000000')"
            )
        )
        session.execute(text("INSERT INTO group_permissions_association VALUES (1, 7)"))
        session.add(import_job(NOW))
        session.add(DeadLetter(sink="audit", seq=1, tries=5, error="refused", given_up_at=NOW))
        session.add(SinkState(name="audit", position=2))
        mail = {"template": "password_changed", "recipient": "anna@example.org", "details": "{}", "key": "k" * 32}
        session.add(QueuedMail(user_id=1, queued_at=NOW, retry_at=NOW, **mail))


def import_job(moment: datetime) -> ImportJob:
    """An import that stopped half-way, with the offsets at which its files are continued."""
    return ImportJob(
        id="0" * 31 + "f",
        path="/srv/M\N{LATIN SMALL LETTER U WITH DIAERESIS}ller's users.csv",
        digest="d" * 64,
        options='{"form":"csv"}',
        state="stopped",
        rows_done=2**40,
        failed=1,
        report_offset=2**33,
        started_at=moment,
        updated_at=moment,
    )


def scalar(database: Database, query: str) -> Any:
    with database.reading() as session:
        return session.execute(text(query)).scalar()


@pytest.mark.parametrize(
    ("first", "second"), [("sqlite", "postgresql"), ("postgresql", "mariadb"), ("mariadb", "sqlite")]
)
def test_copy_is_complete_and_ids_continue(open_on: Open, tmp_path: Path, first: str, second: str) -> None:
    source, target = open_on(first), open_on(second)
    populate(source, tmp_path)
    observer = Recorder()
    copied = DatabaseCopy(source, target, observer=observer).run()
    rows = dict(copied.rows)
    assert observer.tables == rows
    assert observer.steps == dict.fromkeys(("copied", "read back", "compared"), (sum(rows.values()),) * 2)
    assert (rows["users"], rows["groups"], rows["user_groups_association"]) == (2, 1, 2)
    assert (rows["userpermissions"], rows["group_permissions_association"], rows["lback_tokens"]) == (1, 1, 3)
    assert rows["lback_import_jobs"] == 1
    assert (rows["lback_sinks"], rows["lback_dead_letters"], rows["lback_mail_queue"]) == (1, 1, 1)
    assert scalar(target, "SELECT position FROM lback_sinks WHERE name = 'audit'") == 2
    assert scalar(target, "SELECT recipient FROM lback_mail_queue WHERE id = 1") == "anna@example.org"
    assert scalar(target, "SELECT path FROM lback_import_jobs WHERE rows_done = 1099511627776") == import_job(NOW).path
    assert (copied.events, copied.copied_before, len(copied.hash), len(copied.digest)) == (9, 0, 64, 64)
    assert Schema(target).status().state == "current"
    log = EventLog(target, Dependencies(Settings(), data_directory=tmp_path))
    verdict = log.verify()
    assert (verdict.events, verdict.hash, verdict.erased) == (9, copied.hash, 2)
    for query in ("SELECT username FROM users ORDER BY id", "SELECT email FROM users ORDER BY id DESC"):
        assert scalar(target, query) == scalar(source, query)
    users = manager(target, tmp_path)
    assert users.authenticate_user("anna", PASSWORD, allow_unverified=True).id == 1
    # The last id was that of a deleted user, who is in the event log.
    assert users.register_user("dora", "dora@example.org", PASSWORD).id == 5
    assert log.verify().events == 11


def test_copy_through_every_database_and_back_is_identical(open_on: Open, tmp_path: Path) -> None:
    databases = [open_on(kind) for kind in (*KINDS, "sqlite")]
    populate(databases[0], tmp_path)
    results = [DatabaseCopy(one, other).run() for one, other in pairwise(databases)]
    assert len({(result.digest, result.hash, tuple(result.rows.items())) for result in results}) == 1
    assert [scalar(databases[number], "SELECT COUNT(*) FROM lback_events") for number in (0, -1)] == [9, 9]
    # The counter of ids survives the other databases.
    assert scalar(databases[-1], "SELECT seq FROM sqlite_sequence WHERE name = 'users'") == 4


class Recorder(CopyObserver):
    """Records the rows of each table, and the expected and the processed rows of each step."""

    def __init__(self) -> None:
        self.tables: dict[str, int] = {}
        self.steps: dict[str, tuple[int, int]] = {}
        self.restarts = 0
        self._step = ""

    def begun(self, step: Step, rows: int) -> None:
        self._step = step
        self.steps[step] = (rows, 0)

    def advanced(self, rows: int) -> None:
        expected, processed = self.steps[self._step]
        self.steps[self._step] = (expected, processed + rows)

    def copied(self, table: str, rows: int) -> None:
        self.tables[table] = rows

    def emptied(self) -> None:
        self.restarts += 1


class CutError(Exception):
    """Interrupts a copy."""


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("pages", [0, 2, 6])
def test_interrupted_copy_is_continued(
    open_on: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, pages: int
) -> None:
    source, target = open_on("sqlite"), open_on(kind)
    populate(source, tmp_path, extra_users=40)
    monkeypatch.setattr("lback_cli.database_copy.copy.PAGE_SIZE", 10)
    insert, done = tables.TableCopy.insert, iter(range(1000))

    def insert_some(self: Any, table: Any, rows: Any) -> None:
        insert(self, table, rows)
        if next(done) == pages:
            raise CutError

    with monkeypatch.context() as cutting:
        cutting.setattr(tables.TableCopy, "insert", insert_some)
        with pytest.raises(CutError):
            DatabaseCopy(source, target).run()
    status = Schema(target).status()
    assert (status.state, str(status.revision).startswith(f"{COPYING_PREFIX}{REVISION}-")) == ("copying", True)
    with pytest.raises(SchemaError, match="an unfinished copy"):
        Schema(target).require()
    continued = DatabaseCopy(source, target).run()
    assert (continued.copied_before > 0) == (pages > 0)
    assert continued.rows["users"] == 42
    whole = DatabaseCopy(source, open_on("sqlite")).run()
    assert (continued.digest, continued.hash, continued.rows) == (whole.digest, whole.hash, whole.rows)
    again = DatabaseCopy(source, target).run()
    assert again.copied_before == sum(again.rows.values()), "a finished copy is verified again, and nothing is copied"


def test_users_added_after_the_interruption_are_copied(
    open_on: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target = open_on("sqlite"), open_on("sqlite")
    populate(source, tmp_path)

    def cut(*_: Any) -> None:
        raise CutError

    with monkeypatch.context() as cutting:
        cutting.setattr(DatabaseCopy, "_finalize", cut)
        with pytest.raises(CutError):
            DatabaseCopy(source, target).run()
    manager(source, tmp_path).register_user("late", "late@example.org", PASSWORD)
    copied = DatabaseCopy(source, target).run()
    assert (copied.rows["users"], copied.events) == (3, 10)


def execute(database: Database, *statements: str) -> None:
    with database.session() as session:
        for statement in statements:
            session.execute(text(statement))


@pytest.mark.parametrize("kind", KINDS)
def test_target_with_other_data_is_refused_and_left_unchanged(open_on: Open, tmp_path: Path, kind: str) -> None:
    source, target = open_on("sqlite"), open_on(kind)
    populate(source, tmp_path)
    Schema(target).initialize()
    manager(target, tmp_path).register_user("anna", "anna@example.org", PASSWORD)
    before = scalar(target, "SELECT password FROM users")
    with pytest.raises(DatabaseError, match="has other data"):
        DatabaseCopy(source, target).run()
    assert (scalar(target, "SELECT COUNT(*) FROM users"), scalar(target, "SELECT password FROM users")) == (1, before)
    assert Schema(target).status().state == "current"
    assert manager(target, tmp_path).register_user("bo", "bo@example.org", PASSWORD).id == 2


def test_finished_copy_of_an_older_source_is_refused(open_on: Open, tmp_path: Path) -> None:
    source, target = open_on("sqlite"), open_on("sqlite")
    populate(source, tmp_path)
    DatabaseCopy(source, target).run()
    manager(source, tmp_path).register_user("late", "late@example.org", PASSWORD)
    with pytest.raises(DatabaseError, match="has other data"):
        DatabaseCopy(source, target).run()
    assert scalar(target, "SELECT COUNT(*) FROM users") == 2


@pytest.mark.parametrize(
    ("damage", "table"),
    [
        ("UPDATE users SET is_active = 0 WHERE id = 1", "users"),
        ("DELETE FROM lback_tokens WHERE id = 1", "lback_tokens"),
        ("DELETE FROM user_groups_association WHERE user_id = 3", "user_groups_association"),
    ],
)
def test_rows_that_differ_after_the_copy_are_detected(
    open_on: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: str, table: str
) -> None:
    source, target = open_on("sqlite"), open_on("sqlite")
    populate(source, tmp_path)
    finalize = DatabaseCopy._finalize

    def finalize_and_damage(self: DatabaseCopy, copy: Any, log: Any) -> None:
        finalize(self, copy, log)
        execute(target, damage)

    monkeypatch.setattr(DatabaseCopy, "_finalize", finalize_and_damage)
    with pytest.raises(DatabaseError, match=f"does not return what was copied: {table} "):
        DatabaseCopy(source, target).run()
    assert Schema(target).status().state == "copying"


def test_source_with_a_broken_event_log_is_not_copied(open_on: Open, tmp_path: Path) -> None:
    source, target = open_on("sqlite"), open_on("sqlite")
    populate(source, tmp_path)
    execute(source, "UPDATE lback_events SET actor = 'nobody' WHERE seq = 2")
    with pytest.raises(BrokenEventLog):
        DatabaseCopy(source, target).run()
    assert Schema(target).status().state == "missing"


def interrupt_before_the_end(source: Database, target: Database) -> None:
    """Leave a copy that has all rows and is not finalized."""
    with pytest.MonkeyPatch.context() as cutting:
        cutting.setattr(DatabaseCopy, "_finalize", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            DatabaseCopy(source, target).run()


@pytest.mark.parametrize("kind", KINDS)
def test_copy_restarts_if_the_source_has_changed_since_the_interruption(
    open_on: Open, tmp_path: Path, kind: str
) -> None:
    source, target = open_on("sqlite"), open_on(kind)
    populate(source, tmp_path)
    interrupt_before_the_end(source, target)
    users = manager(source, tmp_path)
    EventLog(source, Dependencies(Settings(), data_directory=tmp_path)).erase_user("anna", users)
    users.register_user("late", "late@example.org", PASSWORD)
    observer = Recorder()
    copied = DatabaseCopy(source, target, observer=observer).run()
    whole = DatabaseCopy(source, open_on("sqlite")).run()
    assert copied == whole
    assert (copied.rows["users"], observer.restarts, Schema(target).status().state) == (2, 1, "current")
    assert manager(target, tmp_path).register_user("next", "next@example.org", PASSWORD).id == 6


def test_partial_copy_of_another_source_is_refused_and_kept(open_on: Open, tmp_path: Path) -> None:
    source, other, target = open_on("sqlite"), open_on("sqlite"), open_on("sqlite")
    populate(source, tmp_path)
    interrupt_before_the_end(source, target)
    populate(other, tmp_path)
    manager(other, tmp_path).delete_user(1)
    for _ in range(2):
        with pytest.raises(DatabaseError, match="has other data") as caught:
            DatabaseCopy(other, target).run()
        assert caught.value.hint is not None
        assert "empty this one and copy again" in caught.value.hint
    assert DatabaseCopy(source, target).run().copied_before > 0, "the partial copy of the first source is still there"


def test_later_of_two_copies_to_one_target_wins(open_on: Open, tmp_path: Path) -> None:
    source, target = open_on("sqlite"), open_on("postgresql")
    populate(source, tmp_path)
    results: list[CopyResult] = []

    class StartsAnotherCopy(CopyObserver):
        """Runs another copy in the middle of the first."""

        def copied(self, table: str, rows: int) -> None:
            if (table, rows) == ("users", 2):
                results.append(DatabaseCopy(source, target).run())

    with pytest.raises(DatabaseError, match=r"Another copy to .* was started meanwhile"):
        DatabaseCopy(source, target, observer=StartsAnotherCopy()).run()
    assert (len(results), Schema(target).status().state) == (1, "current")
    assert DatabaseCopy(source, target).run().digest == results[0].digest


class WritesDuringTheCopy(CopyObserver):
    """Changes the source by *write* when the copy begins *step*."""

    def __init__(self, step: Step, write: Callable[[], Any]) -> None:
        self._step = step
        self._write = write

    def begun(self, step: Step, rows: int) -> None:  # noqa: ARG002 - the signature
        if step == self._step:
            self._write()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("step", ["copied", "read back", "compared"])
def test_changes_during_the_copy_are_detected_and_copied_by_the_next_run(
    open_on: Open, tmp_path: Path, kind: str, step: Step
) -> None:
    source, target = open_on(kind), open_on("sqlite")
    populate(source, tmp_path)
    users = manager(source, tmp_path)

    def write() -> None:
        users.register_user("late", "late@example.org", PASSWORD)
        users.update_user(1, {"is_active": False})

    with pytest.raises(DatabaseError) as caught:
        DatabaseCopy(source, target, observer=WritesDuringTheCopy(step, write)).run()
    assert caught.value.message == (
        f"The source changed during the copy, so {target.name} lacks changes of:"
        " lback_events, users, lback_tokens, user_groups_association."
    )
    assert caught.value.hint == (f"Stop what writes to {source.name}. Then run the same command again.")
    assert Schema(target).status().state == "copying", "no command accepts an incomplete copy"
    copied = DatabaseCopy(source, target).run()
    assert (copied.rows["users"], copied.events) == (3, 11)
    assert scalar(target, "SELECT COUNT(*) FROM users WHERE id = 1 AND NOT is_active") == 1
    assert Schema(target).status().state == "current"


@pytest.mark.parametrize(
    ("table", "statement"),
    [
        ("users", "UPDATE users SET password = 'x' WHERE id = 1"),
        ("groups", "INSERT INTO groups VALUES (9, 'staff', NULL, '2026-01-01', '2026-01-01')"),
        ("lback_sinks", "UPDATE lback_sinks SET position = 5"),
    ],
)
def test_changes_without_an_event_are_detected(open_on: Open, tmp_path: Path, table: str, statement: str) -> None:
    source, target = open_on("sqlite"), open_on("sqlite")
    populate(source, tmp_path)
    observer = WritesDuringTheCopy("copied", lambda: execute(source, statement))
    with pytest.raises(DatabaseError, match=f"lacks changes of: {table}\\."):
        DatabaseCopy(source, target, observer=observer).run()


def test_finished_copy_is_kept_if_the_source_changes_during_the_verification(open_on: Open, tmp_path: Path) -> None:
    source, target = open_on("sqlite"), open_on("sqlite")
    populate(source, tmp_path)
    DatabaseCopy(source, target).run()
    users = manager(source, tmp_path)
    observer = WritesDuringTheCopy("read back", lambda: users.register_user("late", "late@example.org", PASSWORD))
    with pytest.raises(DatabaseError, match="The source changed") as caught:
        DatabaseCopy(source, target, observer=observer).run()
    assert caught.value.hint == (
        f"Stop what writes to {source.name}. Name an empty database, or empty this one and copy again."
    )
    assert (Schema(target).status().state, scalar(target, "SELECT COUNT(*) FROM users")) == ("current", 2)


@pytest.mark.parametrize("kind", KINDS)
def test_same_database_under_another_name_is_refused(open_on: Open, tmp_path: Path, kind: str) -> None:
    source = open_on(kind)
    populate(source, tmp_path)
    before = scalar(source, "SELECT COUNT(*) FROM lback_events")
    names: list[Any] = []
    if source.path is not None:
        (tmp_path / "hard.db").hardlink_to(source.path)
        (tmp_path / "soft.db").symlink_to(source.path)
        names += [f"sqlite:///{tmp_path}/{name}.db" for name in ("hard", "soft", "../" + tmp_path.name + "/0")]
    else:
        host = source.url.host
        names += [source.url.set(host="localhost" if host == "127.0.0.1" else "127.0.0.1")]
        names += [source.url.set(port={"postgresql": 5432, "mariadb": 3306}[kind])]
        names += [source.url.set(drivername="mysql+pymysql")] if kind == "mariadb" else []
    for name in names:
        url = name if isinstance(name, str) else name.render_as_string(hide_password=False)
        target = Database(DatabaseSettings(url=url))
        with pytest.raises(UsageError, match="the same database"):
            DatabaseCopy(source, target).run()
        target.dispose()
    assert (scalar(source, "SELECT COUNT(*) FROM lback_events"), Schema(source).status().state) == (before, "current")


def test_target_in_another_state_is_refused(open_on: Open, tmp_path: Path) -> None:
    source = open_on("sqlite")
    populate(source, tmp_path)
    foreign, behind, other = open_on("sqlite"), open_on("sqlite"), open_on("sqlite")
    execute(foreign, "CREATE TABLE users (id INTEGER PRIMARY KEY)")
    for database, revision in ((behind, "0001"), (other, COPYING_PREFIX + "0001")):
        Schema(database).initialize()
        execute(database, f"UPDATE lback_alembic_version SET version_num = '{revision}'")
    for database in (foreign, behind, other):
        with pytest.raises(SchemaError):
            DatabaseCopy(source, database).run()
    with pytest.raises(SchemaError):
        DatabaseCopy(behind, open_on("sqlite")).run()


def test_memory_does_not_grow_with_the_data(open_on: Open, tmp_path: Path) -> None:
    import tracemalloc

    source = open_on("sqlite")
    populate(source, tmp_path)
    row = "SELECT :n + x, 'u' || (:n + x), 'e' || (:n + x), 'h', 1, 1, '2026-01-01 00:00:00', '2026-01-01 00:00:00'"
    numbers = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < :many)"
    columns = "id, username, email, password, is_active, is_email_verified, created_at, updated_at"
    peaks: list[int] = []
    for start, many in ((100, 2000), (10_000, 12_000)):
        with source.session() as session:
            statement = text(f"INSERT INTO users ({columns}) {numbers} {row} FROM c")
            session.execute(statement, {"n": start, "many": many})
        tracemalloc.start()
        copied: CopyResult = DatabaseCopy(source, open_on("sqlite")).run()
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert copied.rows["users"] > many
    assert peaks[1] < peaks[0] * 1.5, peaks


def test_command_copies_and_reports(lback: Any, tmp_path: Path) -> None:
    for name in ("anna", "bertil"):
        register = ("user", "register", name, "--email", f"{name}@example.org", "--generate-password")
        assert lback(*register).status == 0
    url = f"sqlite:///{tmp_path}/copy.db"
    with sqlite3.connect(lback.database) as connection:
        connection.execute("ALTER TABLE users ADD nickname VARCHAR")
    connection.close()
    done = lback("db", "copy", "--to", url, "-o", "json")
    assert done.status == 0
    result = done.result
    assert {
        name: result[name]
        for name in (
            "users",
            "groups",
            "memberships",
            "tokens",
            "imports",
            "queued_mails",
            "sinks",
            "events",
            "copied_before",
        )
    } == {
        "users": 2,
        "groups": 1,
        "memberships": 2,
        "tokens": 2,
        "imports": 0,
        "queued_mails": 0,
        "sinks": 0,
        "events": 3,
        "copied_before": 0,
    }
    assert result["hash"] == lback("events", "verify", "-o", "json", "--database-url", url).result["hash"]
    assert "users: 2\n" in done.err
    warning = {"warning": {"message": "users.nickname is the application's own and was not copied."}}
    assert done.err.endswith(
        f"Everything was copied. The rows and the event logs agree.\n{NEXT}\n{json.dumps(warning)}\n"
    )
    assert (tmp_path / "copy.db").stat().st_mode & 0o777 == 0o600
    password = "s3cret"
    refused = lback("db", "copy", "--to", f"postgresql+psycopg://app:{password}@127.0.0.1:1/app")
    assert (refused.status, password in refused.err) == (9, False)
    assert lback("db", "copy", "--to", "").status == 9


@pytest.mark.parametrize(
    ("service", "options"),
    [
        ("postgresql", "TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'en-US'"),
        ("mariadb", "CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci"),
    ],
)
def test_a_copy_does_not_depend_on_how_a_database_sorts_text(
    open_on: Open,
    database_on: Callable[..., AbstractContextManager[str]],
    tmp_path: Path,
    service: str,
    options: str,
) -> None:
    source = open_on("sqlite")
    Schema(source).initialize()
    names = ["a_b", "aa", "ab", "a1"]  # in English "a_b" is between "aa" and "ac"
    settings = Settings(attributes=dict.fromkeys(names, AttributeSettings()))
    dependencies = Dependencies(settings, data_directory=tmp_path)
    values = {name: f"the {name} of ann" for name in names}
    ann = UserManager(source, dependencies).register_user(
        "ann", "ann@example.org", None, attributes=values, mail="none"
    )
    assert ann is not None
    with database_on(service, options) as url:
        target = Database(DatabaseSettings(url=url))
        try:
            assert DatabaseCopy(source, target).run().rows["lback_user_attributes"] == len(names)
            assert Directory(target, dependencies).find_user("ann").attributes == values
        finally:
            target.dispose()

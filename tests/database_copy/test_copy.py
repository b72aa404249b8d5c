"""Moving everything from one database to another."""

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
from lback_cli.database.schema import COPYING, REVISION, Schema
from lback_cli.database_copy import tables
from lback_cli.database_copy.copy import CopyResult, DatabaseCopy
from lback_cli.database_copy.observer import CopyObserver, Step
from lback_cli.errors import BrokenEventLog, DatabaseError, SchemaError, UsageError
from lback_cli.managers.dependencies import Dependencies
from lback_cli.managers.event_log import EventLog
from lback_cli.managers.user_manager import UserManager
from lback_cli.models import DeadLetter, ImportJob, QueuedMail, SinkState, User
from lback_cli.settings import DatabaseSettings, EmailSettings, PasswordSettings, Settings

KINDS = ("sqlite", "postgresql", "mariadb")
PASSWORD = "quiet-harbor-lantern-47"
NOW = datetime(2026, 3, 4, 15, 4, 5, 678901, tzinfo=UTC)

Open = Callable[[str], Database]


@pytest.fixture
def open_on(
    tmp_path: Path, database_on: Callable[[str], AbstractContextManager[str]]
) -> Iterator[Callable[[str], Database]]:
    """An empty database of that kind, without tables; a SQLite file is not even there."""
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


def populate(database: Database, directory: Path, *, crowd: int = 0) -> None:
    """Users who came and went, tokens, an erased person, permissions of the application, and a *crowd*."""
    Schema(database).initialize()
    users = manager(database, directory)
    with database.session() as session:
        for number in range(crowd):
            name = f"crowd{number:05}"
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
    users.delete_user(crowd + 4)
    with database.session() as session:
        session.execute(
            text(
                "INSERT INTO userpermissions (id, name, description, created_at, updated_at)"
                " VALUES (7, 'write', NULL, '2026-01-01 00:00:00.000000', '2026-01-01 00:00:00.000000')"
            )
        )
        session.execute(text("INSERT INTO group_permissions_association VALUES (1, 7)"))
        session.add(imported(NOW))
        session.add(DeadLetter(sink="audit", seq=1, tries=5, error="refused", given_up_at=NOW))
        session.add(SinkState(name="audit", position=2))
        mail = {"template": "password_changed", "recipient": "anna@example.org", "details": "{}", "key": "k" * 32}
        session.add(QueuedMail(user_id=1, queued_at=NOW, retry_at=NOW, **mail))


def imported(moment: datetime) -> ImportJob:
    """An import that stopped half-way, as its files are to be cut back where it goes on."""
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
def test_everything_arrives_and_ids_go_on_where_they_were(
    open_on: Open, tmp_path: Path, first: str, second: str
) -> None:
    source, target = open_on(first), open_on(second)
    populate(source, tmp_path)
    watcher = Told()
    copied = DatabaseCopy(source, target, watcher=watcher).run()
    told = dict(copied.rows)
    assert watcher.tables == told
    assert watcher.steps == dict.fromkeys(("copied", "read back", "compared"), (sum(told.values()),) * 2)
    assert (told["users"], told["groups"], told["user_groups_association"]) == (2, 1, 2)
    assert (told["userpermissions"], told["group_permissions_association"], told["lback_tokens"]) == (1, 1, 3)
    assert told["lback_import_jobs"] == 1
    assert (told["lback_sinks"], told["lback_dead_letters"], told["lback_mail_queue"]) == (1, 1, 1)
    assert scalar(target, "SELECT position FROM lback_sinks WHERE name = 'audit'") == 2
    assert scalar(target, "SELECT recipient FROM lback_mail_queue WHERE id = 1") == "anna@example.org"
    assert scalar(target, "SELECT path FROM lback_import_jobs WHERE rows_done = 1099511627776") == imported(NOW).path
    assert (copied.events, copied.found, len(copied.hash), len(copied.digest)) == (8, 0, 64, 64)
    assert Schema(target).status().state == "current"
    log = EventLog(target, Dependencies(Settings(), data_directory=tmp_path))
    verdict = log.verify()
    assert (verdict.events, verdict.hash, verdict.erased) == (8, copied.hash, 2)
    for query in ("SELECT username FROM users ORDER BY id", "SELECT email FROM users ORDER BY id DESC"):
        assert scalar(target, query) == scalar(source, query)
    users = manager(target, tmp_path)
    assert users.authenticate_user("anna", PASSWORD, allow_unverified=True).id == 1
    # The last id was that of a user who is gone, and of whom the log tells.
    assert users.register_user("dora", "dora@example.org", PASSWORD).id == 5
    assert log.verify().events == 10


def test_there_and_back_again_is_where_it_began(open_on: Open, tmp_path: Path) -> None:
    databases = [open_on(kind) for kind in (*KINDS, "sqlite")]
    populate(databases[0], tmp_path)
    results = [DatabaseCopy(one, other).run() for one, other in pairwise(databases)]
    assert len({(result.digest, result.hash, tuple(result.rows.items())) for result in results}) == 1
    assert [scalar(databases[number], "SELECT COUNT(*) FROM lback_events") for number in (0, -1)] == [8, 8]
    # Whatever it was on in between, SQLite counts on from where it was.
    assert scalar(databases[-1], "SELECT seq FROM sqlite_sequence WHERE name = 'users'") == 4


class Told(CopyObserver):
    """Remembers what a copy tells: rows by table, and rows announced and come by step."""

    def __init__(self) -> None:
        self.tables: dict[str, int] = {}
        self.steps: dict[str, tuple[int, int]] = {}
        self.anew = 0
        self._step = ""

    def begun(self, step: Step, rows: int) -> None:
        self._step = step
        self.steps[step] = (rows, 0)

    def advanced(self, rows: int) -> None:
        announced, come = self.steps[self._step]
        self.steps[self._step] = (announced, come + rows)

    def copied(self, table: str, rows: int) -> None:
        self.tables[table] = rows

    def emptied(self) -> None:
        self.anew += 1


class CutError(Exception):
    """Whatever ends a copy half-way."""


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("pages", [0, 2, 6])
def test_a_copy_that_was_cut_off_is_continued(
    open_on: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, pages: int
) -> None:
    source, target = open_on("sqlite"), open_on(kind)
    populate(source, tmp_path, crowd=40)
    monkeypatch.setattr("lback_cli.database_copy.copy.PAGE", 10)
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
    assert (status.state, str(status.revision).startswith(f"{COPYING}{REVISION}-")) == ("copying", True)
    with pytest.raises(SchemaError, match="a copy that is not finished"):
        Schema(target).require()
    continued = DatabaseCopy(source, target).run()
    assert (continued.found > 0) == (pages > 0)
    assert continued.rows["users"] == 42
    whole = DatabaseCopy(source, open_on("sqlite")).run()
    assert (continued.digest, continued.hash, continued.rows) == (whole.digest, whole.hash, whole.rows)
    again = DatabaseCopy(source, target).run()
    assert again.found == sum(again.rows.values()), "what is finished is proved again, and nothing is copied"


def test_users_who_came_after_the_cut_are_copied_too(
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
    assert (copied.rows["users"], copied.events) == (3, 9)


def harmed(database: Database, *statements: str) -> None:
    with database.session() as session:
        for statement in statements:
            session.execute(text(statement))


@pytest.mark.parametrize("kind", KINDS)
def test_a_target_with_other_data_is_refused_and_stays_as_it_is(open_on: Open, tmp_path: Path, kind: str) -> None:
    source, target = open_on("sqlite"), open_on(kind)
    populate(source, tmp_path)
    Schema(target).initialize()
    manager(target, tmp_path).register_user("anna", "anna@example.org", PASSWORD)
    before = scalar(target, "SELECT password FROM users")
    with pytest.raises(DatabaseError, match="holds other data"):
        DatabaseCopy(source, target).run()
    assert (scalar(target, "SELECT COUNT(*) FROM users"), scalar(target, "SELECT password FROM users")) == (1, before)
    assert Schema(target).status().state == "current"
    assert manager(target, tmp_path).register_user("bo", "bo@example.org", PASSWORD).id == 2


def test_a_target_that_is_behind_a_finished_copy_is_other_data(open_on: Open, tmp_path: Path) -> None:
    source, target = open_on("sqlite"), open_on("sqlite")
    populate(source, tmp_path)
    DatabaseCopy(source, target).run()
    manager(source, tmp_path).register_user("late", "late@example.org", PASSWORD)
    with pytest.raises(DatabaseError, match="holds other data"):
        DatabaseCopy(source, target).run()
    assert scalar(target, "SELECT COUNT(*) FROM users") == 2


@pytest.mark.parametrize(
    ("harm", "part"),
    [
        ("UPDATE users SET is_active = 0 WHERE id = 1", "users"),
        ("DELETE FROM lback_tokens WHERE id = 1", "lback_tokens"),
        ("INSERT INTO user_groups_association VALUES (3, 2)", "user_groups_association"),
    ],
)
def test_what_did_not_arrive_as_it_was_sent_is_noticed(
    open_on: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, harm: str, part: str
) -> None:
    source, target = open_on("sqlite"), open_on("sqlite")
    populate(source, tmp_path)
    conclude = DatabaseCopy._finalize

    def and_harm(self: DatabaseCopy, copy: Any, verdict: Any) -> None:
        conclude(self, copy, verdict)
        harmed(target, "INSERT INTO groups VALUES (2, 'b', NULL, '2026-01-01', '2026-01-01')", harm)
        harmed(target, *([] if part == "user_groups_association" else ["DELETE FROM groups WHERE id = 2"]))

    monkeypatch.setattr(DatabaseCopy, "_finalize", and_harm)
    with pytest.raises(DatabaseError, match="does not give back what was copied"):
        DatabaseCopy(source, target).run()
    assert Schema(target).status().state == "copying"


def test_a_source_whose_log_is_broken_is_not_copied(open_on: Open, tmp_path: Path) -> None:
    source, target = open_on("sqlite"), open_on("sqlite")
    populate(source, tmp_path)
    harmed(source, "UPDATE lback_events SET actor = 'nobody' WHERE seq = 2")
    with pytest.raises(BrokenEventLog):
        DatabaseCopy(source, target).run()
    assert Schema(target).status().state == "missing"


def cut_before_the_end(source: Database, target: Database) -> None:
    """A copy that has all rows and is not concluded."""
    with pytest.MonkeyPatch.context() as cutting:
        cutting.setattr(DatabaseCopy, "_finalize", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            DatabaseCopy(source, target).run()


@pytest.mark.parametrize("kind", KINDS)
def test_where_the_source_has_changed_since_the_cut_the_copy_is_begun_anew(
    open_on: Open, tmp_path: Path, kind: str
) -> None:
    source, target = open_on("sqlite"), open_on(kind)
    populate(source, tmp_path)
    cut_before_the_end(source, target)
    users = manager(source, tmp_path)
    EventLog(source, Dependencies(Settings(), data_directory=tmp_path)).erase_user("anna", users)
    users.register_user("late", "late@example.org", PASSWORD)
    watcher = Told()
    copied = DatabaseCopy(source, target, watcher=watcher).run()
    whole = DatabaseCopy(source, open_on("sqlite")).run()
    assert copied == whole
    assert (copied.rows["users"], watcher.anew, Schema(target).status().state) == (2, 1, "current")
    assert manager(target, tmp_path).register_user("next", "next@example.org", PASSWORD).id == 6


def test_what_a_copy_of_another_source_left_is_not_deleted(open_on: Open, tmp_path: Path) -> None:
    source, other, target = open_on("sqlite"), open_on("sqlite"), open_on("sqlite")
    populate(source, tmp_path)
    cut_before_the_end(source, target)
    populate(other, tmp_path)
    manager(other, tmp_path).delete_user(1)
    for _ in range(2):
        with pytest.raises(DatabaseError, match="holds other data") as caught:
            DatabaseCopy(other, target).run()
        assert caught.value.hint is not None
        assert "empty this one and copy again" in caught.value.hint
    assert DatabaseCopy(source, target).run().found > 0, "it is still the copy of the first"


def test_of_two_copies_to_one_target_the_later_one_has_it(open_on: Open, tmp_path: Path) -> None:
    source, target = open_on("sqlite"), open_on("postgresql")
    populate(source, tmp_path)
    results: list[CopyResult] = []

    class Overtaken(CopyObserver):
        """Copies too, in the middle of the first."""

        def copied(self, table: str, rows: int) -> None:
            if (table, rows) == ("users", 2):
                results.append(DatabaseCopy(source, target).run())

    with pytest.raises(DatabaseError, match=r"Another copy to .* was begun meanwhile"):
        DatabaseCopy(source, target, watcher=Overtaken()).run()
    assert (len(results), Schema(target).status().state) == (1, "current")
    assert DatabaseCopy(source, target).run().digest == results[0].digest


class Writing(CopyObserver):
    """Changes the source by *write* when the copy begins *step*."""

    def __init__(self, step: Step, write: Callable[[], Any]) -> None:
        self._step = step
        self._write = write

    def begun(self, step: Step, rows: int) -> None:  # noqa: ARG002 - the signature
        if step == self._step:
            self._write()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("step", ["copied", "read back", "compared"])
def test_a_source_that_changes_under_the_copy_is_noticed_and_the_next_run_has_it_all(
    open_on: Open, tmp_path: Path, kind: str, step: Step
) -> None:
    source, target = open_on(kind), open_on("sqlite")
    populate(source, tmp_path)
    users = manager(source, tmp_path)

    def write() -> None:
        users.register_user("late", "late@example.org", PASSWORD)
        users.update_user(1, {"is_active": False})

    with pytest.raises(DatabaseError) as caught:
        DatabaseCopy(source, target, watcher=Writing(step, write)).run()
    assert caught.value.message == (
        f"The source changed while it was copied, so {target.name} does not have all of it:"
        " lback_events, users, lback_tokens, user_groups_association."
    )
    assert caught.value.hint == (
        f"Stop what writes to {source.name}. Then run the same command again: it brings over what changed."
    )
    assert Schema(target).status().state == "copying", "nobody works on what is behind"
    copied = DatabaseCopy(source, target).run()
    assert (copied.rows["users"], copied.events) == (3, 10)
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
def test_changes_that_leave_no_event_are_noticed_too(open_on: Open, tmp_path: Path, table: str, statement: str) -> None:
    source, target = open_on("sqlite"), open_on("sqlite")
    populate(source, tmp_path)
    watcher = Writing("copied", lambda: harmed(source, statement))
    with pytest.raises(DatabaseError, match=f"does not have all of it: {table}\\."):
        DatabaseCopy(source, target, watcher=watcher).run()


def test_a_finished_copy_whose_source_changes_during_the_proof_is_left_alone(open_on: Open, tmp_path: Path) -> None:
    source, target = open_on("sqlite"), open_on("sqlite")
    populate(source, tmp_path)
    DatabaseCopy(source, target).run()
    users = manager(source, tmp_path)
    watcher = Writing("read back", lambda: users.register_user("late", "late@example.org", PASSWORD))
    with pytest.raises(DatabaseError, match="The source changed") as caught:
        DatabaseCopy(source, target, watcher=watcher).run()
    assert caught.value.hint == (
        f"Stop what writes to {source.name}. Name an empty database, or empty this one and copy again."
    )
    assert (Schema(target).status().state, scalar(target, "SELECT COUNT(*) FROM users")) == ("current", 2)


@pytest.mark.parametrize("kind", KINDS)
def test_one_database_under_two_names_is_one(open_on: Open, tmp_path: Path, kind: str) -> None:
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


def test_targets_in_other_states_are_refused(open_on: Open, tmp_path: Path) -> None:
    source = open_on("sqlite")
    populate(source, tmp_path)
    foreign, behind, other = open_on("sqlite"), open_on("sqlite"), open_on("sqlite")
    harmed(foreign, "CREATE TABLE users (id INTEGER PRIMARY KEY)")
    for database, revision in ((behind, "0001"), (other, COPYING + "0001")):
        Schema(database).initialize()
        harmed(database, f"UPDATE lback_alembic_version SET version_num = '{revision}'")
    for database in (foreign, behind, other):
        with pytest.raises(SchemaError):
            DatabaseCopy(source, database).run()
    with pytest.raises(SchemaError):
        DatabaseCopy(behind, open_on("sqlite")).run()


def test_what_is_held_in_memory_does_not_grow_with_the_data(open_on: Open, tmp_path: Path) -> None:
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


def test_the_command_copies_and_says_what_it_proved(lback: Any, tmp_path: Path) -> None:
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
        for name in ("users", "groups", "memberships", "tokens", "imports", "queued_mails", "sinks", "events", "found")
    } == {
        "users": 2,
        "groups": 1,
        "memberships": 2,
        "tokens": 2,
        "imports": 0,
        "queued_mails": 0,
        "sinks": 0,
        "events": 2,
        "found": 0,
    }
    assert result["hash"] == lback("events", "verify", "-o", "json", "--database-url", url).result["hash"]
    assert "users: 2\n" in done.err
    assert done.err.endswith(
        "Everything was copied: the rows agree, and so do the event logs.\n"
        "warning: users.nickname is the application's own and was not copied.\n"
    )
    assert (tmp_path / "copy.db").stat().st_mode & 0o777 == 0o600
    password = "s3cret"
    refused = lback("db", "copy", "--to", f"postgresql+psycopg://app:{password}@127.0.0.1:1/app")
    assert (refused.status, password in refused.err) == (9, False)
    assert lback("db", "copy", "--to", "").status == 9

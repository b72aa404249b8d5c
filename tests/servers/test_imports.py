"""Imports whose transactions are retried, or whose COMMIT gets no answer: every row is imported once."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, text

from lback_cli import signals
from lback_cli.database import retry
from lback_cli.database.error_codes import error_code
from lback_cli.errors import Conflict, DatabaseError, OutcomeUnknown
from lback_cli.imports.importer import Importer
from lback_cli.imports.jobs import APPLY_AGAIN
from lback_cli.imports.observer import ImportObserver
from lback_cli.imports.options import ImportOptions
from lback_cli.imports.plan import Plan, PlanWriter
from lback_cli.imports.results import Counts

from .concurrent_users import (
    BALLAST,
    LOCK_HEAD,
    OnFirstCall,
    backend_pid,
    impatient_url,
    insert_user,
    is_postgresql,
    other_connection,
    record_error_codes,
    wait_until_blocked,
)
from .cut_commit import CUTS
from .database import Installation, on_signal, record_signals
from .proxy import Cut, CuttingProxy

Reopen = Callable[..., Installation]
Proxy = Callable[..., CuttingProxy]

INVITED = ["user_registration_started", "user_pre_register", "user_registered"]
HASH = "$2b$12$" + "a" * 21 + "u" + "b" * 30 + "u"


class ActsAtTheStart(ImportObserver):
    """Calls *act* when the import is claimed, before its first row."""

    def __init__(self, act: Callable[[], object]) -> None:
        self._act = act

    def begun(self, size: int, rows_done: int) -> None:  # noqa: ARG002
        self._act()


def names_of(case: str) -> list[str]:
    return [f"{case}-{number}" for number in range(3)]


def write_csv(directory: Path, names: list[str], *, hashed: bool) -> Path:
    path = directory / f"{names[0]}.csv"
    lines = [f"{name},{name}@example.org,{HASH if hashed else ''}\n" for name in names]
    path.write_text("username,email,password_hash\n" + "".join(lines))
    return path


def run(client: Installation, path: Path, *, act: Callable[[], object] = lambda: None, **options: Any) -> Any:
    resume = options.pop("resume", False)
    importer = Importer(client.database, client.services, client.users, ActsAtTheStart(act))
    return importer.run(str(path), ImportOptions(report=path.with_suffix(".report"), **options), resume=resume)


def check_imported_once(installation: Installation, path: Path, names: list[str]) -> None:
    """Check that each row was imported completely and once, and that the report has its id."""
    rows = installation.rows("SELECT id, username FROM users ORDER BY id")
    ids = {username: user_id for user_id, username in rows if username in names}
    assert sorted(username for _, username in rows if username in names) == names
    reported = [json.loads(line) for line in path.with_suffix(".report").read_text().splitlines()]
    assert [(line["outcome"], line["id"]) for line in reported] == [("created", ids[name]) for name in names]
    memberships = installation.rows("SELECT user_id FROM user_groups_association")
    assert sorted(user_id for (user_id,) in memberships if user_id in ids.values()) == sorted(ids.values())
    assert [
        subject for signal, subject in installation.recorded() if subject in names and signal == "user_registered"
    ] == names
    installation.events.verify()


def case_of(installation: Installation, name: str) -> str:
    return f"{installation.database.url.get_backend_name()[0]}-{name}"


def test_rows_without_receivers_are_stored_again(installation: Installation, reopen: Reopen) -> None:
    client = reopen(url=impatient_url(installation))
    names = names_of(case_of(installation, "unheard"))
    path = write_csv(installation.directory, names, hashed=True)
    with other_connection(installation) as other:
        lock = OnFirstCall(lambda: other.execute(text(LOCK_HEAD)))
        with record_error_codes(client, on_first=other.rollback) as codes:
            result = run(client, path, act=lock)
    assert codes == ["55P03" if is_postgresql(installation) else 1205]
    assert (result.state, result.counts) == ("done", Counts(created=3))
    check_imported_once(installation, path, names)


def test_invited_and_announced_users_are_not_announced_again(installation: Installation, reopen: Reopen) -> None:
    """The last of three registrations waits for a lock in vain, so the first two are registered again."""
    client = reopen(url=impatient_url(installation))
    names = names_of(case_of(installation, "heard"))
    path = write_csv(installation.directory, names, hashed=False)
    mails = len(installation.mails())
    user_ids: list[int] = []
    blocked: list[str] = []

    with other_connection(installation) as other:

        def block(username: str, **_: Any) -> None:
            # The import holds the head of the log after its first event, so the other connection locks a name.
            if username == names[2] and not blocked:
                blocked.append(username)
                other.execute(
                    text(
                        "INSERT INTO users (username, email, password, created_at, updated_at)"
                        f" VALUES ('{username}', 'rival@example.org', '', '2026-01-01', '2026-01-01')"
                    )
                )

        with (
            record_error_codes(client, on_first=other.rollback) as codes,
            record_signals() as seen,
            on_signal(signals.user_registered, lambda user, **_: user_ids.append(user.id)),
            on_signal(signals.user_pre_register, block),
        ):
            result = run(client, path)
    assert codes[0] == ("55P03" if is_postgresql(installation) else 1205)
    assert (result.state, result.counts) == ("done", Counts(created=3))
    assert seen == INVITED * 3
    check_imported_once(installation, path, names)
    assert user_ids == [
        installation.rows("SELECT id FROM users WHERE username = :name", name=name)[0][0] for name in names
    ]
    new = installation.mails()[mails:]
    assert len(new) == 3
    for number, mail in enumerate(new):
        token = mail.read_text("utf-8").partition("token=")[2].split()[0]
        assert installation.users.reset_password(token, f"umbrella tangent violin {number}").username == names[number]


@contextmanager
def fail_once(installation: Installation, client: Installation, name: str, meanwhile: str) -> Iterator[list[str]]:
    """Let *client* wait for *name* in vain once, run *meanwhile* before it retries, and yield the signals."""
    conflict = "55P03" if is_postgresql(installation) else 1205
    blocked: list[str] = []
    conflicts: list[Any] = []
    acted: list[str] = []
    with other_connection(installation) as other:

        def block(username: str, **_: Any) -> None:
            if username == name and not blocked:
                blocked.append(username)
                other.execute(text(insert_user(name)))

        def release(context: Any) -> None:
            if error_code(context.sqlalchemy_exception) == conflict:
                conflicts.append(conflict)
                other.rollback()

        def act(_connection: Any) -> None:
            if conflicts and not acted:
                acted.append(meanwhile)
                installation.write(meanwhile)

        listeners = (("handle_error", release), ("begin", act))
        for what, listener in listeners:
            event.listen(client.database.engine, what, listener)
        try:
            with record_signals() as seen, on_signal(signals.user_pre_register, block):
                yield seen
        finally:
            for what, listener in listeners:
                event.remove(client.database.engine, what, listener)
    assert (conflicts, acted) == ([conflict], [meanwhile])


def outcomes_in(path: Path) -> list[tuple[str, str | None]]:
    lines = [json.loads(line) for line in path.with_suffix(".report").read_text().splitlines()]
    return [(line["outcome"], line["code"]) for line in lines]


def events_about(installation: Installation, name: str) -> list[str]:
    return [signal for signal, subject in installation.recorded() if subject == name]


def test_refused_row_stays_refused(installation: Installation, reopen: Reopen) -> None:
    """The taken name is free in the second attempt, but the failure was already announced."""
    client = reopen(url=impatient_url(installation))
    names = names_of(case_of(installation, "refused"))
    path = write_csv(installation.directory, names, hashed=True)
    installation.write(insert_user(names[0]))
    with fail_once(installation, client, names[1], f"DELETE FROM users WHERE username = '{names[0]}'") as seen:
        result = run(client, path)
    assert (result.state, result.counts) == ("done", Counts(created=2, failed=1))
    assert seen == ["user_registration_started", "user_registration_failed", *INVITED * 2]
    assert outcomes_in(path) == [("failed", "user_exists"), ("created", None), ("created", None)]
    assert [
        name for name in names if installation.rows("SELECT 1 FROM users WHERE username = :name", name=name)
    ] == names[1:]
    assert [events_about(installation, name) for name in names] == [
        ["user_registration_failed"],
        ["user_registered"],
        ["user_registered"],
    ]
    installation.events.verify()


def test_announced_user_that_is_not_registered_again_is_announced_as_failed(
    installation: Installation, reopen: Reopen
) -> None:
    client = reopen(url=impatient_url(installation))
    names = names_of(case_of(installation, "overtaken"))
    path = write_csv(installation.directory, names, hashed=True)
    failed: list[tuple[Any, ...]] = []

    def note(username: str, error_type: str, error_message: str, **_: Any) -> None:
        failed.append((username, error_type, error_message))

    with (
        on_signal(signals.user_registration_failed, note),
        fail_once(installation, client, names[1], insert_user(names[0])) as seen,
    ):
        result = run(client, path, if_exists="skip")
    assert (result.state, result.counts) == ("done", Counts(created=2, skipped=1))
    assert seen == [*INVITED * 3, "user_registration_failed"]
    assert failed == [
        (names[0], "repository_error", "It was undone, and there was no more to do when it was tried again.")
    ]
    assert outcomes_in(path) == [("skipped", "exists"), ("created", None), ("created", None)]
    assert [events_about(installation, name) for name in names] == [
        ["user_registration_failed"],
        ["user_registered"],
        ["user_registered"],
    ]
    installation.events.verify()


@pytest.mark.parametrize("refused", [False, True], ids=["changed", "refused"])
def test_user_deleted_before_the_retry_of_an_update(installation: Installation, reopen: Reopen, refused: bool) -> None:
    client = reopen(url=impatient_url(installation))
    names = names_of(case_of(installation, f"gone-{refused}".lower()))
    path = write_csv(installation.directory, names, hashed=True)
    first = installation.register(names[0], verified=True)
    address = f"rival-of-{names[0]}@example.net"
    path.write_text(path.read_text().replace(f"{names[0]}@example.org", address))
    if refused:
        installation.write(
            insert_user(f"holder-of-{names[0]}").replace(f"rival-of-holder-of-{names[0]}@example.org", address)
        )
    installation.write(f"DELETE FROM user_groups_association WHERE user_id = {first.id}")
    before = events_about(installation, names[0])
    with fail_once(installation, client, names[1], f"DELETE FROM users WHERE id = {first.id}") as seen:
        result = run(client, path, if_exists="update", mail="none")
    if refused:
        assert (result.state, result.counts) == ("done", Counts(created=2, failed=1))
        assert seen == ["user_update_started", "user_update_failed", *INVITED * 2]
        assert outcomes_in(path) == [("failed", "user_exists"), ("created", None), ("created", None)]
        assert events_about(installation, names[0])[len(before) :] == ["user_update_failed"]
        assert installation.rows("SELECT 1 FROM users WHERE username = :name", name=names[0]) == []
    else:
        assert (result.state, result.counts) == ("done", Counts(created=3))
        assert seen[:2] == ["user_update_started", "user_updated"]
        assert (sorted(seen[2:-1]), seen[-1]) == (sorted(INVITED * 3), "user_update_failed")
        assert outcomes_in(path) == [("created", None)] * 3
        changes = [signal for signal, _ in installation.recorded() if signal.startswith("user_update")]
        assert changes[-1:] == ["user_update_failed"]
        assert events_about(installation, names[0])[len(before) :] == ["user_registered"]
        assert installation.rows("SELECT email FROM users WHERE username = :name", name=names[0]) == [(address,)]
    installation.events.verify()


def test_deadlock_during_an_update_is_retried(installation: Installation, reopen: Reopen) -> None:
    """MariaDB rolls back the whole transaction with its savepoints, so the earlier rows must be repeated."""
    names = names_of(case_of(installation, "tangled"))
    installation.register(names[2], verified=True)
    path = write_csv(installation.directory, [*names[:2], names[2]], hashed=False)
    path.write_text(path.read_text().replace(f"{names[2]}@example.org", f"{names[2]}@example.com"))
    client = (
        reopen(url=installation.url + "?options=-c%20deadlock_timeout=20ms")
        if is_postgresql(installation)
        else reopen()
    )
    with other_connection(installation) as other:

        def entangle() -> None:
            if is_postgresql(installation):
                other.execute(text("SET deadlock_timeout = '1h'"))
            other.execute(text("INSERT INTO groups (name, created_at, updated_at) VALUES " + BALLAST))
            # The update waits until this row, with the address that it sets, is committed or rolled back.
            other.execute(
                text(
                    "INSERT INTO users (username, email, password, created_at, updated_at)"
                    " VALUES ('another', :email, '!', '2026-01-01', '2026-01-01')"
                ),
                {"email": f"{names[2]}@example.com"},
            )
            pid = backend_pid(other)

            def wait() -> None:
                other.execute(text(LOCK_HEAD))
                other.rollback()

            waiting.append(threading.Thread(target=wait))
            started.append(pid)

        def entangled(**_: Any) -> None:
            # Two users are registered, with their events, and the third is about to be updated.
            waiting[0].start()
            wait_until_blocked(installation, started[0])

        waiting: list[threading.Thread] = []
        started: list[Any] = []
        with (
            record_error_codes(client) as codes,
            record_signals() as seen,
            on_signal(signals.user_update_started, OnFirstCall(entangled)),
        ):
            result = run(client, path, act=entangle, if_exists="update", mail="none")
        waiting[0].join()
    assert codes[0] == ("40P01" if is_postgresql(installation) else 1213)
    assert (result.state, result.counts) == ("done", Counts(created=2, updated=1))
    assert seen == [*INVITED * 2, "user_update_started", "user_updated"]
    found = installation.rows("SELECT username, email FROM users")
    assert {row for row in found if row[0] in names} == {
        *((name, f"{name}@example.org") for name in names[:2]),
        (names[2], f"{names[2]}@example.com"),
    }
    events = [signal for signal, subject in installation.recorded() if subject in names]
    assert events == ["user_registered", "user_registered", "user_registered", "user_updated"]


@pytest.mark.parametrize("atomic", [False, True], ids=["chunks", "atomic"])
@pytest.mark.parametrize("cut", CUTS)
def test_commit_that_is_cut(installation: Installation, proxy: Proxy, cut: Cut, atomic: bool) -> None:
    cutting = proxy()
    client = installation.reopen(cutting.url)
    names = names_of(case_of(installation, f"{cut.replace(' ', '-')}-{atomic}".lower()))
    path = write_csv(installation.directory, names, hashed=True)
    result = run(client, path, act=lambda: cutting.arm(cut), atomic=atomic)
    client.close()
    assert cutting.cuts == 1
    assert (result.state, result.counts) == ("done", Counts(created=3))
    check_imported_once(installation, path, names)
    assert installation.rows("SELECT state, owner, rows_done FROM lback_import_jobs WHERE id = :id", id=result.job) == [
        ("done", None, 3)
    ]


@pytest.mark.parametrize("cut", ["before", "after"])
def test_import_is_resumed_after_the_database_was_unreachable(
    installation: Installation, proxy: Proxy, cut: Cut, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lback_cli.repositories import unit_of_work

    monkeypatch.setattr(unit_of_work, "_PAUSE_BETWEEN_LOOKS", 0.01)
    monkeypatch.setattr(retry, "_RESTART_DELAY", 0.01)
    cutting = proxy(then_down=True)
    client = installation.reopen(cutting.url, retry_timeout=0)
    names = names_of(case_of(installation, f"away-{cut}"))
    path = write_csv(installation.directory, names, hashed=True)
    with pytest.raises(OutcomeUnknown) as caught:
        run(client, path, act=lambda: cutting.arm(cut))
    client.close()
    assert caught.value.hint == "When the database is reachable again, --resume continues after the last committed row."
    # A dead process leaves the job like this.
    installation.write("UPDATE lback_import_jobs SET owner = NULL WHERE state = 'running'")
    result = run(installation, path, resume=True)
    assert (result.state, result.counts) == ("done", Counts(created=3))
    check_imported_once(installation, path, names)


class RecordsTheEnd(ActsAtTheStart):
    """Also records the message of an import that ended early."""

    message: str | None = None

    def interrupted(self, command: str | None, rows_done: int) -> None:
        self.message = f"{rows_done} rows are done: {command}"

    def over(self) -> None:
        self.message = "over"


@pytest.mark.parametrize("cut", ["before", "after"])
def test_unknown_outcome_of_a_plan_is_not_reported_as_rolled_back(
    installation: Installation, proxy: Proxy, cut: Cut, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lback_cli.repositories import unit_of_work

    monkeypatch.setattr(unit_of_work, "_PAUSE_BETWEEN_LOOKS", 0.01)
    monkeypatch.setattr(retry, "_RESTART_DELAY", 0.01)
    cutting = proxy(then_down=True)
    client = installation.reopen(cutting.url, retry_timeout=0)
    names = names_of(case_of(installation, f"unknown-{cut}"))
    path = write_csv(installation.directory, names, hashed=True)
    file = path.with_suffix(".plan")
    Importer(installation.database, installation.services, installation.users).plan(
        str(path), ImportOptions(mail="none"), PlanWriter(installation.services.hasher, file)
    )
    plan, observer = Plan(file), RecordsTheEnd(lambda: cutting.arm(cut))
    options = replace(plan.options, report=path.with_suffix(".report"))
    with pytest.raises(OutcomeUnknown) as caught:
        Importer(client.database, client.services, client.users, observer).apply(plan, options)
    client.close()
    assert (caught.value.hint, observer.message) == (APPLY_AGAIN, None)
    # A dead process leaves the job like this.
    installation.write("UPDATE lback_import_jobs SET owner = NULL WHERE state = 'running'")
    again = Importer(installation.database, installation.services, installation.users)
    if cut == "after":
        with pytest.raises(Conflict, match="the plan creates the user, but now the row would fail"):
            again.apply(plan, plan.options)
    else:
        assert again.apply(plan, options).counts == Counts(created=3)
    check_imported_once(installation, path, names)


@pytest.mark.parametrize("broken", ["lback_event_head", "lback_import_jobs"])
def test_import_that_failed_after_the_last_attempt_is_resumed(
    installation: Installation, reopen: Reopen, broken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An import updates the head of the log with its first user, and the job after announcing all three."""
    monkeypatch.setattr(retry, "MAX_ATTEMPTS_ON_CONFLICT", 3)
    client = reopen()
    names = names_of(case_of(installation, f"unlucky-{broken[-4:]}"))
    announced = 1 if broken == "lback_event_head" else 3
    path = write_csv(installation.directory, names, hashed=False)
    mails = len(installation.mails())
    with record_signals() as seen, record_error_codes(client) as codes, pytest.raises(DatabaseError) as caught:
        run(client, path, act=lambda: add_conflict(installation, broken))
    remove_conflict(installation, broken)
    assert caught.value.message.endswith(" is busy: other transactions held or changed the same rows.")
    conflict = "40001" if is_postgresql(installation) else 1213
    assert codes.count(conflict) >= 3
    assert seen == INVITED * announced + ["user_registration_failed"] * announced
    failures = [subject for signal, subject in installation.recorded() if subject in names]
    assert failures == (names if broken == "lback_import_jobs" else []), "a broken log accepts no events"
    assert installation.rows("SELECT 1 FROM users WHERE username = :name", name=names[0]) == []
    if broken == "lback_event_head":
        # If the job is broken, the report is truncated only when the import is resumed.
        assert path.with_suffix(".report").read_text() == ""
    assert len(installation.mails()) == mails + announced
    # A dead process leaves the job like this; this one could not release it while its row was busy.
    installation.write("UPDATE lback_import_jobs SET owner = NULL WHERE state = 'running'")
    result = run(installation, path, resume=True)
    assert (result.state, result.counts) == ("done", Counts(created=3))
    check_imported_once(installation, path, names)


def add_conflict(installation: Installation, table: str) -> None:
    """Let every UPDATE of *table* fail with a conflict while a group called busy exists."""
    installation.write("INSERT INTO groups (name, created_at, updated_at) VALUES ('busy', '2026-01-01', '2026-01-01')")
    if is_postgresql(installation):
        installation.write(
            "CREATE OR REPLACE FUNCTION conflict() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
            " IF EXISTS (SELECT 1 FROM groups WHERE name = 'busy') THEN"
            " RAISE EXCEPTION 'busy' USING ERRCODE = '40001'; END IF; RETURN NEW; END $$"
        )
        installation.write(f"CREATE TRIGGER busy BEFORE UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION conflict()")
    else:
        installation.write(
            f"CREATE TRIGGER busy BEFORE UPDATE ON {table} FOR EACH ROW BEGIN"
            " IF EXISTS (SELECT 1 FROM `groups` WHERE name = 'busy') THEN"
            " SIGNAL SQLSTATE '40001' SET MYSQL_ERRNO = 1213; END IF; END"
        )


def stop_conflict(installation: Installation) -> None:
    installation.write("DELETE FROM groups WHERE name = 'busy'")


def remove_conflict(installation: Installation, table: str) -> None:
    stop_conflict(installation)
    installation.write(f"DROP TRIGGER busy ON {table}" if is_postgresql(installation) else "DROP TRIGGER busy")


@pytest.mark.parametrize("has_receiver", [False, True], ids=["without receivers", "with a receiver"])
def test_atomic_import_is_retried_and_announces_each_user_once(
    installation: Installation, reopen: Reopen, has_receiver: bool
) -> None:
    client = reopen()
    names = names_of(case_of(installation, f"atomic-{has_receiver}".lower()))
    path = write_csv(installation.directory, names, hashed=True)
    jobs = "lback_import_jobs"
    ids: list[int] = []
    listening = on_signal(signals.user_registered, lambda user, **_: ids.append(user.id))

    # The dry run changes no job, so only the end of the import fails.
    with (
        record_error_codes(client, on_first=lambda: stop_conflict(installation)) as codes,
        listening if has_receiver else nullcontext(),
    ):
        result = run(client, path, act=lambda: add_conflict(installation, jobs), atomic=True)
    remove_conflict(installation, jobs)
    assert codes[0] == ("40001" if is_postgresql(installation) else 1213)
    assert (result.state, result.counts) == ("done", Counts(created=3))
    check_imported_once(installation, path, names)
    stored = [installation.rows("SELECT id FROM users WHERE username = :name", name=name)[0][0] for name in names]
    assert ids == (stored if has_receiver else [])


def test_atomic_import_whose_attempts_are_used_up_announces_that_it_failed(
    installation: Installation, reopen: Reopen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retry, "MAX_ATTEMPTS_ON_CONFLICT", 3)
    client = reopen()
    names = names_of(case_of(installation, "atomic-unlucky"))
    path = write_csv(installation.directory, names, hashed=True)
    jobs = "lback_import_jobs"
    with record_signals() as sent, pytest.raises(DatabaseError) as caught:
        run(client, path, act=lambda: add_conflict(installation, jobs), atomic=True)
    remove_conflict(installation, jobs)
    assert caught.value.message.endswith(" is busy: other transactions held or changed the same rows.")
    assert sent == INVITED * 3 + ["user_registration_failed"] * 3
    ended = [signal for signal, subject in installation.recorded() if subject in names]
    assert ended == ["user_registration_failed"] * 3
    assert installation.rows("SELECT 1 FROM users WHERE username = :name", name=names[0]) == []

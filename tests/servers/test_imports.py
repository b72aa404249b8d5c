"""Imports whose transactions the database gives up, or whose COMMIT has no answer: every row comes once."""

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
    First,
    errors_of,
    impatient,
    is_postgresql,
    other_connection,
    wait_until_it_waits,
)
from .cut_commit import CUTS
from .database import Place, at, sent
from .proxy import Cut, CuttingProxy

Elsewhere = Callable[..., Place]
Proxy = Callable[..., CuttingProxy]

INVITED = ["user_registration_started", "user_pre_register", "user_registered"]
HASH = "$2b$12$" + "a" * 21 + "u" + "b" * 30 + "u"


class Begun(ImportObserver):
    """Calls *act* when the import is claimed and its rows are about to come."""

    def __init__(self, act: Callable[[], object]) -> None:
        self._act = act

    def begun(self, size: int, rows_done: int) -> None:  # noqa: ARG002
        self._act()


def names_of(case: str) -> list[str]:
    return [f"{case}-{number}" for number in range(3)]


def written(directory: Path, names: list[str], *, hashed: bool) -> Path:
    path = directory / f"{names[0]}.csv"
    lines = [f"{name},{name}@example.org,{HASH if hashed else ''}\n" for name in names]
    path.write_text("username,email,password_hash\n" + "".join(lines))
    return path


def run(client: Place, path: Path, *, act: Callable[[], object] = lambda: None, **options: Any) -> Any:
    resume = options.pop("resume", False)
    importer = Importer(client.database, client.services, client.users, Begun(act))
    return importer.run(str(path), ImportOptions(report=path.with_suffix(".report"), **options), resume=resume)


def check_imported_once(place: Place, path: Path, names: list[str]) -> None:
    """Whole rows, one each, and a report that tells of each once, by its true id."""
    rows = place.rows("SELECT id, username FROM users ORDER BY id")
    ids = {username: user_id for user_id, username in rows if username in names}
    assert sorted(username for _, username in rows if username in names) == names
    reported = [json.loads(line) for line in path.with_suffix(".report").read_text().splitlines()]
    assert [(line["outcome"], line["id"]) for line in reported] == [("created", ids[name]) for name in names]
    memberships = place.rows("SELECT user_id FROM user_groups_association")
    assert sorted(user_id for (user_id,) in memberships if user_id in ids.values()) == sorted(ids.values())
    assert [
        subject for signal, subject in place.recorded() if subject in names and signal == "user_registered"
    ] == names
    place.events.verify()


def case_of(place: Place, name: str) -> str:
    return f"{place.database.url.get_backend_name()[0]}-{name}"


def test_rows_that_nobody_hears_of_are_stored_again(place: Place, elsewhere: Elsewhere) -> None:
    client = elsewhere(url=impatient(place))
    names = names_of(case_of(place, "unheard"))
    path = written(place.directory, names, hashed=True)
    with other_connection(place) as other:
        lock = First(lambda: other.execute(text(LOCK_HEAD)))
        with errors_of(client, at_first=other.rollback) as codes:
            result = run(client, path, act=lock)
    assert codes == ["55P03" if is_postgresql(place) else 1205]
    assert (result.state, result.counts) == ("done", Counts(created=3))
    check_imported_once(place, path, names)


def test_who_was_invited_or_announced_is_not_again(place: Place, elsewhere: Elsewhere) -> None:
    """The last of three waits in vain for the head of the log, so that the first two are registered again."""
    client = elsewhere(url=impatient(place))
    names = names_of(case_of(place, "heard"))
    path = written(place.directory, names, hashed=False)
    mails = len(place.mails())
    told: list[int] = []
    blocked: list[str] = []

    with other_connection(place) as other:

        def block(username: str, **_: Any) -> None:
            # The import has the head itself once it has recorded something, so what is in the way is a name.
            if username == names[2] and not blocked:
                blocked.append(username)
                other.execute(
                    text(
                        "INSERT INTO users (username, email, password, created_at, updated_at)"
                        f" VALUES ('{username}', 'rival@example.org', '', '2026-01-01', '2026-01-01')"
                    )
                )

        with (
            errors_of(client, at_first=other.rollback) as codes,
            sent() as seen,
            at(signals.user_registered, lambda user, **_: told.append(user.id)),
            at(signals.user_pre_register, block),
        ):
            result = run(client, path)
    assert codes[0] == ("55P03" if is_postgresql(place) else 1205)
    assert (result.state, result.counts) == ("done", Counts(created=3))
    assert seen == INVITED * 3
    check_imported_once(place, path, names)
    assert told == [place.rows("SELECT id FROM users WHERE username = :name", name=name)[0][0] for name in names]
    new = place.mails()[mails:]
    assert len(new) == 3
    for number, mail in enumerate(new):
        token = mail.read_text("utf-8").partition("token=")[2].split()[0]
        assert place.users.reset_password(token, f"umbrella tangent violin {number}").username == names[number]


@contextmanager
def given_up_once(place: Place, client: Place, name: str, meanwhile: str) -> Iterator[list[str]]:
    """The signals of the block, in which *client* waits in vain for *name*; *meanwhile* comes between the two tries."""
    conflict = "55P03" if is_postgresql(place) else 1205
    blocked: list[str] = []
    given_up: list[Any] = []
    acted: list[str] = []
    with other_connection(place) as other:

        def block(username: str, **_: Any) -> None:
            if username == name and not blocked:
                blocked.append(username)
                other.execute(text(rival(name)))

        def release(context: Any) -> None:
            if error_code(context.sqlalchemy_exception) == conflict:
                given_up.append(conflict)
                other.rollback()

        def act(_connection: Any) -> None:
            if given_up and not acted:
                acted.append(meanwhile)
                place.write(meanwhile)

        listeners = (("handle_error", release), ("begin", act))
        for what, listener in listeners:
            event.listen(client.database.engine, what, listener)
        try:
            with sent() as seen, at(signals.user_pre_register, block):
                yield seen
        finally:
            for what, listener in listeners:
                event.remove(client.database.engine, what, listener)
    assert (given_up, acted) == ([conflict], [meanwhile])


def rival(name: str) -> str:
    return (
        "INSERT INTO users (username, email, password, created_at, updated_at)"
        f" VALUES ('{name}', 'rival-of-{name}@example.org', '', '2026-01-01', '2026-01-01')"
    )


def outcomes_in(path: Path) -> list[tuple[str, str | None]]:
    lines = [json.loads(line) for line in path.with_suffix(".report").read_text().splitlines()]
    return [(line["outcome"], line["code"]) for line in lines]


def events_about(place: Place, name: str) -> list[str]:
    return [signal for signal, subject in place.recorded() if subject == name]


def test_who_was_refused_stays_refused(place: Place, elsewhere: Elsewhere) -> None:
    """The name that was taken is free in the second try; but it was announced that nobody is registered."""
    client = elsewhere(url=impatient(place))
    names = names_of(case_of(place, "refused"))
    path = written(place.directory, names, hashed=True)
    place.write(rival(names[0]))
    with given_up_once(place, client, names[1], f"DELETE FROM users WHERE username = '{names[0]}'") as seen:
        result = run(client, path)
    assert (result.state, result.counts) == ("done", Counts(created=2, failed=1))
    assert seen == ["user_registration_started", "user_registration_failed", *INVITED * 2]
    assert outcomes_in(path) == [("failed", "user_exists"), ("created", None), ("created", None)]
    assert [name for name in names if place.rows("SELECT 1 FROM users WHERE username = :name", name=name)] == names[1:]
    assert [events_about(place, name) for name in names] == [
        ["user_registration_failed"],
        ["user_registered"],
        ["user_registered"],
    ]
    place.events.verify()


def test_who_was_announced_and_is_not_registered_again_is_announced_to_have_failed(
    place: Place, elsewhere: Elsewhere
) -> None:
    client = elsewhere(url=impatient(place))
    names = names_of(case_of(place, "overtaken"))
    path = written(place.directory, names, hashed=True)
    failed: list[tuple[Any, ...]] = []

    def note(username: str, error_type: str, error_message: str, **_: Any) -> None:
        failed.append((username, error_type, error_message))

    with (
        at(signals.user_registration_failed, note),
        given_up_once(place, client, names[1], rival(names[0])) as seen,
    ):
        result = run(client, path, if_exists="skip")
    assert (result.state, result.counts) == ("done", Counts(created=2, skipped=1))
    assert seen == [*INVITED * 3, "user_registration_failed"]
    assert failed == [
        (names[0], "repository_error", "It was undone, and there was no more to do when it was tried again.")
    ]
    assert outcomes_in(path) == [("skipped", "exists"), ("created", None), ("created", None)]
    assert [events_about(place, name) for name in names] == [
        ["user_registration_failed"],
        ["user_registered"],
        ["user_registered"],
    ]
    place.events.verify()


@pytest.mark.parametrize("refused", [False, True], ids=["changed", "refused"])
def test_a_user_who_is_gone_when_the_change_is_tried_again(place: Place, elsewhere: Elsewhere, refused: bool) -> None:
    client = elsewhere(url=impatient(place))
    names = names_of(case_of(place, f"gone-{refused}".lower()))
    path = written(place.directory, names, hashed=True)
    first = place.register(names[0], verified=True)
    address = f"rival-of-{names[0]}@example.net"
    path.write_text(path.read_text().replace(f"{names[0]}@example.org", address))
    if refused:
        place.write(rival(f"holder-of-{names[0]}").replace(f"rival-of-holder-of-{names[0]}@example.org", address))
    place.write(f"DELETE FROM user_groups_association WHERE user_id = {first.id}")
    before = events_about(place, names[0])
    with given_up_once(place, client, names[1], f"DELETE FROM users WHERE id = {first.id}") as seen:
        result = run(client, path, if_exists="update", mail="none")
    if refused:
        assert (result.state, result.counts) == ("done", Counts(created=2, failed=1))
        assert seen == ["user_update_started", "user_update_failed", *INVITED * 2]
        assert outcomes_in(path) == [("failed", "user_exists"), ("created", None), ("created", None)]
        assert events_about(place, names[0])[len(before) :] == ["user_update_failed"]
        assert place.rows("SELECT 1 FROM users WHERE username = :name", name=names[0]) == []
    else:
        assert (result.state, result.counts) == ("done", Counts(created=3))
        assert seen[:2] == ["user_update_started", "user_updated"]
        assert (sorted(seen[2:-1]), seen[-1]) == (sorted(INVITED * 3), "user_update_failed")
        assert outcomes_in(path) == [("created", None)] * 3
        changes = [signal for signal, _ in place.recorded() if signal.startswith("user_update")]
        assert changes[-1:] == ["user_update_failed"]
        assert events_about(place, names[0])[len(before) :] == ["user_registered"]
        assert place.rows("SELECT email FROM users WHERE username = :name", name=names[0]) == [(address,)]
    place.events.verify()


def test_a_deadlock_over_a_user_who_is_changed(place: Place, elsewhere: Elsewhere) -> None:
    """MariaDB rolls back the whole transaction then, savepoints and all: what was done before is not to be missing."""
    names = names_of(case_of(place, "tangled"))
    last = place.register(names[2], verified=True)
    path = written(place.directory, [*names[:2], names[2]], hashed=False)
    path.write_text(path.read_text().replace(f"{names[2]}@example.org", f"{names[2]}@example.com"))
    client = elsewhere(url=place.url + "?options=-c%20deadlock_timeout=20ms") if is_postgresql(place) else elsewhere()
    with other_connection(place) as other:

        def entangle() -> None:
            if is_postgresql(place):
                other.execute(text("SET deadlock_timeout = '1h'"))
            other.execute(text("INSERT INTO groups (name, created_at, updated_at) VALUES " + BALLAST))
            other.execute(text("SELECT id FROM users WHERE id = :id FOR UPDATE"), {"id": last.id})
            pid = other.scalar(text("SELECT pg_backend_pid()" if is_postgresql(place) else "SELECT connection_id()"))

            def wait() -> None:
                other.execute(text(LOCK_HEAD))
                other.rollback()

            waiting.append(threading.Thread(target=wait))
            started.append(pid)

        def entangled(**_: Any) -> None:
            # Two users are registered, with their events; the third is about to be changed.
            waiting[0].start()
            wait_until_it_waits(place, started[0])

        waiting: list[threading.Thread] = []
        started: list[Any] = []
        with (
            errors_of(client) as codes,
            sent() as seen,
            at(signals.user_update_started, First(entangled)),
        ):
            result = run(client, path, act=entangle, if_exists="update", mail="none")
        waiting[0].join()
    assert codes[0] == ("40P01" if is_postgresql(place) else 1213)
    assert (result.state, result.counts) == ("done", Counts(created=2, updated=1))
    assert seen == [*INVITED * 2, "user_update_started", "user_updated"]
    found = place.rows("SELECT username, email FROM users")
    assert {row for row in found if row[0] in names} == {
        *((name, f"{name}@example.org") for name in names[:2]),
        (names[2], f"{names[2]}@example.com"),
    }
    events = [signal for signal, subject in place.recorded() if subject in names]
    assert events == ["user_registered", "user_registered", "user_registered", "user_updated"]


@pytest.mark.parametrize("atomic", [False, True], ids=["chunks", "atomic"])
@pytest.mark.parametrize("cut", CUTS)
def test_a_commit_that_is_cut(place: Place, proxy: Proxy, cut: Cut, atomic: bool) -> None:
    cutting = proxy()
    client = place.elsewhere(cutting.url)
    names = names_of(case_of(place, f"{cut.replace(' ', '-')}-{atomic}".lower()))
    path = written(place.directory, names, hashed=True)
    result = run(client, path, act=lambda: cutting.arm(cut), atomic=atomic)
    client.close()
    assert cutting.cuts == 1
    assert (result.state, result.counts) == ("done", Counts(created=3))
    check_imported_once(place, path, names)
    assert place.rows("SELECT state, owner, rows_done FROM lback_import_jobs WHERE id = :id", id=result.job) == [
        ("done", None, 3)
    ]


@pytest.mark.parametrize("cut", ["before", "after"])
def test_where_the_database_stays_away_the_import_goes_on_later(
    place: Place, proxy: Proxy, cut: Cut, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lback_cli.repositories import unit_of_work

    monkeypatch.setattr(unit_of_work, "_PAUSE_BETWEEN_LOOKS", 0.01)
    monkeypatch.setattr(retry, "_RESTART", 0.01)
    cutting = proxy(then_down=True)
    client = place.elsewhere(cutting.url)
    names = names_of(case_of(place, f"away-{cut}"))
    path = written(place.directory, names, hashed=True)
    with pytest.raises(OutcomeUnknown) as caught:
        run(client, path, act=lambda: cutting.arm(cut))
    client.close()
    assert caught.value.hint == "Once it can be reached, --resume goes on from what was committed."
    # As a process that is gone leaves it.
    place.write("UPDATE lback_import_jobs SET owner = NULL WHERE state = 'running'")
    result = run(place, path, resume=True)
    assert (result.state, result.counts) == ("done", Counts(created=3))
    check_imported_once(place, path, names)


class Ends(Begun):
    """Remembers also what is said of an end before time."""

    said: str | None = None

    def interrupted(self, command: str | None, rows_done: int) -> None:
        self.said = f"{rows_done} rows are done: {command}"

    def over(self) -> None:
        self.said = "over"


@pytest.mark.parametrize("cut", ["before", "after"])
def test_where_nobody_knows_whether_a_plan_was_applied_it_is_not_said_that_nothing_was(
    place: Place, proxy: Proxy, cut: Cut, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lback_cli.repositories import unit_of_work

    monkeypatch.setattr(unit_of_work, "_PAUSE_BETWEEN_LOOKS", 0.01)
    monkeypatch.setattr(retry, "_RESTART", 0.01)
    cutting = proxy(then_down=True)
    client = place.elsewhere(cutting.url)
    names = names_of(case_of(place, f"unknown-{cut}"))
    path = written(place.directory, names, hashed=True)
    file = path.with_suffix(".plan")
    Importer(place.database, place.services, place.users).plan(
        str(path), ImportOptions(mail="none"), PlanWriter(place.services.hasher, file)
    )
    plan, ends = Plan(file), Ends(lambda: cutting.arm(cut))
    options = replace(plan.options, report=path.with_suffix(".report"))
    with pytest.raises(OutcomeUnknown) as caught:
        Importer(client.database, client.services, client.users, ends).apply(plan, options)
    client.close()
    assert (caught.value.hint, ends.said) == (APPLY_AGAIN, None)
    # As a process that is gone leaves it.
    place.write("UPDATE lback_import_jobs SET owner = NULL WHERE state = 'running'")
    again = Importer(place.database, place.services, place.users)
    if cut == "after":
        with pytest.raises(Conflict, match="the user was to be created, and now would be refused"):
            again.apply(plan, plan.options)
    else:
        assert again.apply(plan, options).counts == Counts(created=3)
    check_imported_once(place, path, names)


@pytest.mark.parametrize("broken", ["lback_event_head", "lback_import_jobs"])
def test_where_the_tries_are_used_up_nothing_is_kept_and_all_is_resumed(
    place: Place, elsewhere: Elsewhere, broken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The head of the log is changed with the first of three users, the job when all of them were announced."""
    monkeypatch.setattr(retry, "MAX_ATTEMPTS_ON_CONFLICT", 3)
    client = elsewhere()
    names = names_of(case_of(place, f"unlucky-{broken[-4:]}"))
    announced = 1 if broken == "lback_event_head" else 3
    path = written(place.directory, names, hashed=False)
    mails = len(place.mails())
    with sent() as seen, errors_of(client) as codes, pytest.raises(DatabaseError) as caught:
        run(client, path, act=lambda: make_busy(place, broken))
    forget(place, broken)
    assert caught.value.message.endswith(" is busy: others held or changed the same rows.")
    conflict = "40001" if is_postgresql(place) else 1213
    assert codes.count(conflict) >= 3
    assert seen == INVITED * announced + ["user_registration_failed"] * announced
    failures = [subject for signal, subject in place.recorded() if subject in names]
    assert failures == (names if broken == "lback_import_jobs" else []), "a log that is broken takes none"
    assert place.rows("SELECT 1 FROM users WHERE username = :name", name=names[0]) == []
    if broken == "lback_event_head":
        # Else the import is not told either what its report is to be cut back to, until it is resumed.
        assert path.with_suffix(".report").read_text() == ""
    assert len(place.mails()) == mails + announced
    # As a process that is gone leaves it, which could not say so itself while the job was busy.
    place.write("UPDATE lback_import_jobs SET owner = NULL WHERE state = 'running'")
    result = run(place, path, resume=True)
    assert (result.state, result.counts) == ("done", Counts(created=3))
    check_imported_once(place, path, names)


def make_busy(place: Place, table: str) -> None:
    """Let every change of *table* fail with a conflict, as long as there is a group called busy."""
    place.write("INSERT INTO groups (name, created_at, updated_at) VALUES ('busy', '2026-01-01', '2026-01-01')")
    if is_postgresql(place):
        place.write(
            "CREATE OR REPLACE FUNCTION conflict() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
            " IF EXISTS (SELECT 1 FROM groups WHERE name = 'busy') THEN"
            " RAISE EXCEPTION 'busy' USING ERRCODE = '40001'; END IF; RETURN NEW; END $$"
        )
        place.write(f"CREATE TRIGGER busy BEFORE UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION conflict()")
    else:
        place.write(
            f"CREATE TRIGGER busy BEFORE UPDATE ON {table} FOR EACH ROW BEGIN"
            " IF EXISTS (SELECT 1 FROM `groups` WHERE name = 'busy') THEN"
            " SIGNAL SQLSTATE '40001' SET MYSQL_ERRNO = 1213; END IF; END"
        )


def make_free(place: Place) -> None:
    place.write("DELETE FROM groups WHERE name = 'busy'")


def forget(place: Place, table: str) -> None:
    make_free(place)
    place.write(f"DROP TRIGGER busy ON {table}" if is_postgresql(place) else "DROP TRIGGER busy")


@pytest.mark.parametrize("heard", [False, True], ids=["unheard", "heard"])
def test_all_or_nothing_is_tried_again_unless_somebody_noticed(place: Place, elsewhere: Elsewhere, heard: bool) -> None:
    client = elsewhere()
    names = names_of(case_of(place, f"atomic-{heard}".lower()))
    path = written(place.directory, names, hashed=True)
    jobs = "lback_import_jobs"
    told: list[str] = []
    listening = at(signals.user_registered, lambda user, **_: told.append(user.username))

    # The rehearsal changes no job: what fails is the end of the real thing.
    with errors_of(client, at_first=lambda: make_free(place)) as codes, listening if heard else nullcontext():
        if heard:
            with pytest.raises(DatabaseError) as caught:
                run(client, path, act=lambda: make_busy(place, jobs), atomic=True)
            assert caught.value.message.endswith(" is busy: others held or changed the same rows.")
        else:
            result = run(client, path, act=lambda: make_busy(place, jobs), atomic=True)
            assert (result.state, result.counts) == ("done", Counts(created=3))
    forget(place, jobs)
    assert codes[0] == ("40001" if is_postgresql(place) else 1213)
    if heard:
        assert told == names
        ended = [signal for signal, subject in place.recorded() if subject in names]
        assert ended == ["user_registration_failed"] * 3, "each of them was told to be there"
        assert place.rows("SELECT 1 FROM users WHERE username = :name", name=names[0]) == []
    else:
        check_imported_once(place, path, names)

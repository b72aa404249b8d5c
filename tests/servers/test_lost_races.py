"""Imports whose chunks lose races to shorter transactions: they go on with fewer rows at once."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from lback_cli import signals
from lback_cli.errors import DatabaseError
from lback_cli.imports.results import Counts

from .concurrent_users import is_postgresql, record_error_codes
from .database import Installation, on_signal, record_signals
from .test_imports import check_imported_once, run, write_csv

Reopen = Callable[..., Installation]


@contextmanager
def losing_above(installation: Installation, rows: int) -> Iterator[None]:
    """Let every transaction with more than that number of *rows* fail at its end, as if it had lost a race."""
    condition = "NEW.rows_done - OLD.rows_done > " + str(rows)
    if is_postgresql(installation):
        installation.write(
            "CREATE FUNCTION lose() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
            f" IF {condition} THEN RAISE EXCEPTION 'lost' USING ERRCODE = '40001'; END IF; RETURN NEW; END $$"
        )
        installation.write(
            "CREATE TRIGGER lose BEFORE UPDATE ON lback_import_jobs FOR EACH ROW EXECUTE FUNCTION lose()"
        )
    else:
        installation.write(
            f"CREATE TRIGGER lose BEFORE UPDATE ON lback_import_jobs FOR EACH ROW IF {condition} THEN"
            " SIGNAL SQLSTATE '40001' SET MYSQL_ERRNO = 1213; END IF"
        )
    try:
        yield
    finally:
        if is_postgresql(installation):
            installation.write("DROP FUNCTION lose() CASCADE")
        else:
            installation.write("DROP TRIGGER lose")


@pytest.mark.parametrize("has_receiver", [False, True], ids=["without receivers", "with a receiver"])
@pytest.mark.parametrize("rows", [1, 7])
def test_chunk_that_loses_races_is_imported_in_parts(
    installation: Installation, reopen: Reopen, rows: int, has_receiver: bool
) -> None:
    client = reopen()
    names = [f"parts-{rows}-{'heard' if has_receiver else 'unheard'}-{number:02}" for number in range(60)]
    path = write_csv(installation.directory, names, hashed=True)
    heard: list[int] = []
    with losing_above(installation, rows), record_error_codes(client) as codes:
        if has_receiver:
            with on_signal(signals.user_registered, lambda user, **_: heard.append(user.id)):
                result = run(client, path, mail="none")
        else:
            result = run(client, path, mail="none")
    assert set(codes) == {"40001" if is_postgresql(installation) else 1213}
    assert len(codes) >= 4
    assert (result.state, result.counts) == ("done", Counts(created=60))
    assert result.tally is not None
    assert len(heard) == (60 if has_receiver else 0)
    check_imported_once(installation, path, names)


def test_import_that_stops_at_a_row_after_a_lost_race(installation: Installation, reopen: Reopen) -> None:
    """The rows after it were announced by the attempt with all rows, so their failure is announced."""
    client = reopen()
    names = [f"stops-{number}" for number in range(6)]
    path = write_csv(installation.directory, names, hashed=True)
    path.write_text(path.read_text().replace("stops-1,", "not a name,"))
    with losing_above(installation, 3), record_signals() as seen:
        result = run(client, path, mail="none", on_error="stop")
    assert (result.state, result.counts) == ("stopped", Counts(created=1, failed=1))
    assert seen.count("user_registration_started") == seen.count("user_registered") + seen.count(
        "user_registration_failed"
    )
    events = [signal for signal, subject in installation.recorded() if str(subject).startswith("stops-")]
    assert events == ["user_registered"]


def test_a_single_row_gives_up_and_announces_each_failure_once(installation: Installation, reopen: Reopen) -> None:
    client = reopen()
    names = [f"single-{number}" for number in range(4)]
    path = write_csv(installation.directory, names, hashed=True)
    with losing_above(installation, 0), record_signals() as seen, pytest.raises(DatabaseError) as caught:
        run(client, path, mail="none")
    assert caught.value.message.endswith(" is busy: other transactions held or changed the same rows.")
    assert seen.count("user_registration_started") == 4
    assert seen.count("user_registration_failed") == 4
    assert installation.rows("SELECT 1 FROM users WHERE username LIKE 'single-%'") == []
    assert run(client, path, resume=True).counts == Counts(created=4)


def test_import_beside_writers_when_every_transaction_is_serializable(
    installation: Installation, reopen: Reopen
) -> None:
    client = reopen(isolation="SERIALIZABLE")
    user = installation.register("kept-busy", verified=True)
    names = [f"beside-{number:04}" for number in range(1200)]
    path = write_csv(installation.directory, names, hashed=True)
    is_over = threading.Event()
    failures: list[Exception] = []

    def write(number: int) -> None:
        writer = reopen(isolation="SERIALIZABLE")
        while not is_over.is_set():
            try:
                writer.users.update_user(user.id, {"is_active": bool(number % 3)})
            except Exception as error:  # noqa: BLE001 - reported below
                failures.append(error)
                return
            number += 2

    writers = [threading.Thread(target=write, args=(number,)) for number in range(2)]
    for writer in writers:
        writer.start()
    try:
        result = run(client, path, mail="none")
    finally:
        is_over.set()
        for writer in writers:
            writer.join()
    assert failures == []
    assert (result.state, result.counts) == ("done", Counts(created=1200))
    check_imported_once(installation, path, names)


def test_error_of_a_lost_savepoint_is_described_by_its_cause(installation: Installation, reopen: Reopen) -> None:
    """After a deadlock MariaDB rolls the whole transaction back, with the savepoint that SQLAlchemy goes back to."""
    if is_postgresql(installation):
        pytest.skip("PostgreSQL keeps the savepoint")
    client = reopen()

    def lose_in_savepoint() -> None:
        with client.database.session() as session, session.begin_nested():
            session.connection().exec_driver_sql("ROLLBACK")
            session.connection().exec_driver_sql("SIGNAL SQLSTATE '40001' SET MYSQL_ERRNO = 1213")

    with pytest.raises(DatabaseError) as caught:
        lose_in_savepoint()
    assert caught.value.message.endswith(" is busy: other transactions held or changed the same rows.")

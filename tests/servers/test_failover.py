"""Servers that answer but take no writes yet: the operation waits for them within `database.retry_timeout`."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event

from lback_cli.database import retry
from lback_cli.errors import DatabaseError, NotWritable

from .concurrent_users import is_postgresql, record_error_codes
from .database import Installation, record_signals
from .test_retries import REGISTRATION

Reopen = Callable[..., Installation]


@pytest.fixture(autouse=True)
def _short_delays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "_RESTART_DELAY", 0.01)


@contextmanager
def failing(installation: Installation, code: str | int, table: str = "lback_events") -> Iterator[Callable[[], None]]:
    """Let each INSERT into *table* fail with *code*, until the function that is yielded is called."""
    if is_postgresql(installation):
        installation.write(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
            f" RAISE EXCEPTION 'cannot execute INSERT in a read-only transaction' USING ERRCODE = '{code}'; END $$"
        )
        installation.write(f"CREATE TRIGGER refuse BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION refuse()")
    else:
        installation.write(
            f"CREATE TRIGGER refuse BEFORE INSERT ON {table} FOR EACH ROW"
            f" SIGNAL SQLSTATE '08S01' SET MYSQL_ERRNO = {code}, MESSAGE_TEXT = 'not prepared'"
        )
    done: list[bool] = []

    def stop() -> None:
        if not done:
            done.append(True)
            installation.write(
                "DROP FUNCTION refuse() CASCADE" if is_postgresql(installation) else "DROP TRIGGER refuse"
            )

    try:
        yield stop
    finally:
        stop()


class OnCall:
    """A callable whose call of that *number* calls *act*."""

    def __init__(self, number: int, act: Callable[[], object]) -> None:
        self._left = number
        self._act = act

    def __call__(self, _: object) -> None:
        self._left -= 1
        if self._left == 0:
            self._act()


def codes_of(installation: Installation) -> list[str | int]:
    return ["25006", "57P03"] if is_postgresql(installation) else [1047, 1290, 1836]


def test_operation_waits_for_the_server(installation: Installation, reopen: Reopen) -> None:
    for code in codes_of(installation):
        client = reopen(retry_timeout=30)
        name = f"waits-{code}".lower()
        with failing(installation, code) as stop, record_error_codes(client) as codes, record_signals() as seen:
            # In another thread, because the failed transaction still holds locks on the table.
            repair = OnCall(retry.MAX_ATTEMPTS + 1, threading.Thread(target=stop).start)
            event.listen(client.database.engine, "handle_error", repair)
            client.register(name)
        assert set(codes) == {code}
        assert len(codes) > retry.MAX_ATTEMPTS
        assert seen == REGISTRATION
        assert [signal for signal, subject in installation.recorded() if subject == name] == ["user_registered"]


def test_operation_fails_with_the_state_after_the_timeout(installation: Installation, reopen: Reopen) -> None:
    client = reopen(retry_timeout=0.3)
    messages = []
    for code in codes_of(installation):
        with failing(installation, code), record_signals() as seen, pytest.raises(DatabaseError) as caught:
            client.register(f"fails-{code}".lower())
        assert seen == [*REGISTRATION, "user_registration_failed"]
        messages.append(caught.value.message.removeprefix(f"The database {client.database.name} "))
    read_only = "is read-only: it is a standby, or a primary that does not take writes."
    assert messages == (
        [read_only, "is starting up or shutting down."]
        if is_postgresql(installation)
        else ["is a node of a cluster that does not work at the moment: not prepared.", read_only, read_only]
    )


def test_a_setting_of_the_user_is_not_waited_for(installation: Installation, reopen: Reopen) -> None:
    if is_postgresql(installation):
        option = "options=-c%20default_transaction_read_only%3Don"
    else:
        option = "init_command=SET%20tx_read_only%3D1"
    separator = "&" if "?" in installation.url else "?"
    client = reopen(url=f"{installation.url}{separator}{option}", retry_timeout=600)
    with pytest.raises(NotWritable) as caught:
        client.register("by-setting")
    assert caught.value.message == f"The database {client.database.name} is read-only."


@pytest.mark.parametrize("kept", [False, True], ids=["rolled back", "kept"])
def test_commit_of_a_node_that_has_lost_its_cluster_is_looked_up(
    installation: Installation, reopen: Reopen, kept: bool
) -> None:
    """The COMMIT reports an error, and the event log shows whether it succeeded."""
    if is_postgresql(installation):
        pytest.skip("a code of MariaDB")
    client = reopen(retry_timeout=30)
    name = "undecided-kept" if kept else "undecided"
    engine: Any = client.database.engine
    cut: list[str] = []

    def commit(connection: Any) -> None:
        if not cut:
            cut.append("COMMIT")
            if kept:
                connection.exec_driver_sql("COMMIT")
            connection.exec_driver_sql("SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = 1180, MESSAGE_TEXT = 'not Primary'")

    event.listen(engine, "commit", commit)
    with record_error_codes(client) as codes, record_signals() as seen:
        client.register(name)
    assert codes == [1180]
    assert seen == REGISTRATION
    assert [signal for signal, subject in installation.recorded() if subject == name] == ["user_registered"]
    assert len(installation.rows("SELECT 1 FROM users WHERE username = :name", name=name)) == 1

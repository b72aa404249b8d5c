"""A server that is restarted while somebody works with it."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import event, text

from lback_cli import signals
from lback_cli.database import retry
from lback_cli.database.error_codes import error_code
from lback_cli.database.retry import MAX_ATTEMPTS, retried
from lback_cli.errors import DatabaseError

from .concurrent_users import First, is_postgresql
from .database import Place, at, sent
from .toggle_proxy import Gate


@pytest.fixture(autouse=True)
def _no_waste(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody has to wait for what the test itself opens."""
    monkeypatch.setattr(retry, "_RESTART", 0.01)


@pytest.fixture
def gate(place: Place) -> Iterator[Gate]:
    made = Gate(place.url)
    yield made
    made.shut()


@pytest.fixture
def client(place: Place, gate: Gate) -> Iterator[Place]:
    made = place.elsewhere(gate.url)
    yield made
    made.close()


def test_work_goes_on_when_the_server_is_back(place: Place, gate: Gate, client: Place) -> None:
    codes: list[Any] = []

    def note(context: Any) -> None:
        codes.append(error_code(context.sqlalchemy_exception))
        if len(codes) == 3:
            gate.open()

    event.listen(client.database.engine, "handle_error", note)
    with sent() as seen, at(signals.user_email_verification_initiated, First(lambda **_: gate.shut())):
        user = client.register("patient")
    assert seen == [
        "user_registration_started",
        "user_pre_register",
        "user_email_verification_initiated",
        "user_registered",
    ]
    assert codes[1:3] == ([None] * 2 if is_postgresql(place) else [2003] * 2), "the first one was lost"
    assert place.rows("SELECT id FROM users WHERE username = 'patient'") == [(user.id,)]
    assert [signal for signal, subject in place.recorded() if subject == "patient"] == ["user_registered"]


def refusal(client: Place, before: Any = lambda: None) -> tuple[int, str]:
    """How often reading is tried, and what is said in the end; *before* is called between two statements."""
    tried = 0

    def read() -> None:
        nonlocal tried
        tried += 1
        with client.database.reading() as session:
            session.execute(text("SELECT 1"))
            before()
            session.execute(text("SELECT 1"))

    with pytest.raises(DatabaseError) as caught:
        retried(read, pause=0.001)
    return tried, caught.value.message


def test_one_that_does_not_come_back_is_given_up(gate: Gate, client: Place) -> None:
    tried, said = refusal(client, before=gate.shut)
    assert tried == MAX_ATTEMPTS
    assert said.startswith(f"The database {client.database.name} cannot be reached: ")


def test_one_that_never_was_there_is_not_waited_for(gate: Gate, client: Place) -> None:
    gate.shut()
    tried, said = refusal(client)
    assert tried == 1
    assert said.startswith(f"The database {client.database.name} cannot be reached: ")


def test_one_that_is_starting_is_waited_for(place: Place, gate: Gate, client: Place) -> None:
    if not is_postgresql(place):
        pytest.skip("MariaDB listens only when it is ready")
    gate.starting = MAX_ATTEMPTS - 1
    client.register("early")
    gate.starting = MAX_ATTEMPTS + 1
    client.database.dispose()
    assert refusal(client) == (MAX_ATTEMPTS, f"The database {client.database.name} is starting up or shutting down.")
    assert gate.starting == 1, "each try has knocked once"

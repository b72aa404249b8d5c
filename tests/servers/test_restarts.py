"""A server that restarts during an operation."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import event, text

from lback_cli import signals
from lback_cli.database import retry
from lback_cli.database.error_codes import error_code
from lback_cli.database.retry import retried
from lback_cli.errors import DatabaseError

from .concurrent_users import OnFirstCall, is_postgresql
from .database import Installation, on_signal, record_signals
from .toggle_proxy import ToggleProxy


@pytest.fixture(autouse=True)
def _short_delays(monkeypatch: pytest.MonkeyPatch) -> None:
    """The test itself decides when the server is back."""
    monkeypatch.setattr(retry, "_RESTART_DELAY", 0.01)


@pytest.fixture
def toggle_proxy(installation: Installation) -> Iterator[ToggleProxy]:
    made = ToggleProxy(installation.url)
    yield made
    made.close()


@pytest.fixture
def client(installation: Installation, toggle_proxy: ToggleProxy) -> Iterator[Installation]:
    made = installation.reopen(toggle_proxy.url, retry_timeout=0.5)
    yield made
    made.close()


def test_operation_continues_when_the_server_is_back(
    installation: Installation, toggle_proxy: ToggleProxy, client: Installation
) -> None:
    codes: list[Any] = []

    def note(context: Any) -> None:
        codes.append(error_code(context.sqlalchemy_exception))
        if len(codes) == 3:
            toggle_proxy.open()

    event.listen(client.database.engine, "handle_error", note)
    with (
        record_signals() as seen,
        on_signal(signals.user_email_verification_initiated, OnFirstCall(lambda **_: toggle_proxy.close())),
    ):
        user = client.register("ann")
    assert seen == [
        "user_registration_started",
        "user_pre_register",
        "user_email_verification_initiated",
        "user_registered",
    ]
    assert codes[1:3] == ([None] * 2 if is_postgresql(installation) else [2003] * 2), (
        "the first error is the lost connection"
    )
    assert installation.rows("SELECT id FROM users WHERE username = 'ann'") == [(user.id,)]
    assert [signal for signal, subject in installation.recorded() if subject == "ann"] == ["user_registered"]


def read_until_given_up(client: Installation, between: Any = lambda: None) -> tuple[int, str]:
    """Read until the last attempt fails; return the number of attempts and the message.

    *between* is called between the two statements of an attempt.
    """
    attempts = 0

    def read() -> None:
        nonlocal attempts
        attempts += 1
        with client.database.reading() as session:
            session.execute(text("SELECT 1"))
            between()
            session.execute(text("SELECT 1"))

    with pytest.raises(DatabaseError) as caught:
        retried(read, initial_delay=0.001)
    return attempts, caught.value.message


def test_server_that_stays_unreachable_is_given_up(toggle_proxy: ToggleProxy, client: Installation) -> None:
    attempts, message = read_until_given_up(client, between=toggle_proxy.close)
    assert attempts > 2
    assert message.startswith(f"The database {client.database.name} cannot be reached: ")


def test_server_that_was_never_reachable_is_not_retried(toggle_proxy: ToggleProxy, client: Installation) -> None:
    toggle_proxy.close()
    attempts, message = read_until_given_up(client)
    assert attempts == 1
    assert message.startswith(f"The database {client.database.name} cannot be reached: ")


def test_starting_server_is_retried(
    installation: Installation, toggle_proxy: ToggleProxy, client: Installation
) -> None:
    if not is_postgresql(installation):
        pytest.skip("MariaDB listens only when it is ready")
    toggle_proxy.starting = 4
    client.register("early")
    toggle_proxy.starting = 1_000
    client.database.dispose()
    attempts, message = read_until_given_up(client)
    assert attempts > 2
    assert message == f"The database {client.database.name} is starting up or shutting down."
    assert toggle_proxy.starting == 1_000 - attempts, "each attempt connects once"

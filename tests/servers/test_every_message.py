"""The connection is cut at a message of an operation: it succeeds, and happens once.

At every third message, or at every one with THOROUGH set.
"""

import os
import re
from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import create_engine
from sqlalchemy.orm import Session

from lback_cli.errors import DatabaseError

from .counting_proxy import CountingProxy, Loss
from .database import PASSWORD, Installation, record_signals

STEP = 1 if "THOROUGH" in os.environ else 3

NEW_PASSWORD = "umbrella tangent violin quarry"

Act = Callable[[], object]


@pytest.fixture(scope="module")
def counting_proxy(installation: Installation) -> Iterator[CountingProxy]:
    made = CountingProxy(installation.url)
    yield made
    made.close()


@pytest.fixture(scope="module")
def client(installation: Installation, counting_proxy: CountingProxy) -> Iterator[Installation]:
    made = installation.reopen(counting_proxy.url)
    yield made
    made.close()


def register(_: Installation, client: Installation, name: str) -> Act:
    return lambda: client.register(name)


def authenticate(installation: Installation, client: Installation, name: str) -> Act:
    installation.register(name, verified=True)
    return lambda: client.users.authenticate_user(name, PASSWORD)


def verify(installation: Installation, client: Installation, name: str) -> Act:
    installation.register(name)
    token = mailed_token(installation)
    return lambda: client.users.verify_user_email(token)


def update(installation: Installation, client: Installation, name: str) -> Act:
    user = installation.register(name, verified=True)
    return lambda: client.users.update_user(user.id, {"password": NEW_PASSWORD, "is_active": False})


def delete(installation: Installation, client: Installation, name: str) -> Act:
    user = installation.register(name, verified=True)
    return lambda: client.users.delete_user(user.id)


def request_reset(installation: Installation, client: Installation, name: str) -> Act:
    installation.register(name, verified=True)
    return lambda: client.users.reset_password_request(f"{name}@example.org")


def reset(installation: Installation, client: Installation, name: str) -> Act:
    installation.register(name, verified=True)
    installation.users.reset_password_request(f"{name}@example.org")
    token = mailed_token(installation)
    return lambda: client.users.reset_password(token, NEW_PASSWORD)


def unlock(installation: Installation, client: Installation, name: str) -> Act:
    user = installation.register(name, verified=True)
    return lambda: client.users.unlock_user(user.id)


def create_group(_: Installation, client: Installation, name: str) -> Act:
    return lambda: client.groups.create_group(f"group-{name}")


def delete_group(installation: Installation, client: Installation, name: str) -> Act:
    installation.groups.create_group(f"group-{name}")
    return lambda: client.groups.delete_group(f"group-{name}")


def erase(installation: Installation, client: Installation, name: str) -> Act:
    installation.register(name, verified=True)
    return lambda: client.events.erase_user(name, client.users)


EXPECTED: dict[Callable[[Installation, Installation, str], Act], tuple[list[str], list[str], int]] = {
    register: (
        [
            "user_registration_started",
            "user_pre_register",
            "user_email_verification_initiated",
            "user_registered",
        ],
        ["user_registered"],
        1,
    ),
    authenticate: (
        ["user_authentication_started", "user_authenticated"],
        ["user_authenticated"],
        0,
    ),
    verify: (["user_email_verification_successful"], ["user_email_verification_successful"], 0),
    update: (["user_update_started", "user_updated"], ["user_updated"], 1),
    delete: (["user_deletion_started", "user_deleted"], ["user_deleted"], 0),
    request_reset: (
        ["password_reset_request_started", "password_reset_request_processed"],
        ["password_reset_request_processed"],
        1,
    ),
    reset: (["password_reset_started", "password_reset_successful"], ["password_reset_successful"], 1),
    unlock: ([], ["user_unlocked"], 0),
    create_group: ([], ["group_created"], 0),
    delete_group: ([], ["group_deleted"], 0),
    erase: (["user_deletion_started", "user_deleted"], ["user_deleted", "user_erased"], 0),
}
"""Signals, events and mails of each operation."""


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # psycopg cannot close a cursor whose connection is lost
@pytest.mark.parametrize("loss", ["request", "answer"])
@pytest.mark.parametrize("prepare", EXPECTED, ids=lambda function: function.__name__)
def test_operation_cut_at_any_message_happens_once(
    installation: Installation,
    client: Installation,
    counting_proxy: CountingProxy,
    prepare: Callable[[Installation, Installation, str], Act],
    loss: Loss,
) -> None:
    if not installation.finder.has_group("basic_user"):
        installation.groups.create_group("basic_user")
    found = {}
    message = 1 if loss == "request" else 2
    while True:
        name = f"{prepare.__name__.replace('_', '')}-{loss}-{message}"
        act = prepare(installation, client, name)
        client.finder.has_group("basic_user")  # leaves a connection in the pool
        events, mails = len(installation.recorded()), len(installation.mails())
        counting_proxy.arm(message, loss)
        with record_signals() as signals:
            act()
        is_cut = counting_proxy.cuts
        counting_proxy.arm(0, loss)
        recorded = [signal for signal, _ in installation.recorded()[events:]]
        found[message] = signals, recorded, len(installation.mails()) - mails
        if not is_cut:
            break
        message += STEP
    assert found == dict.fromkeys(found, EXPECTED[prepare])
    assert message > 5
    installation.events.verify()


def mailed_token(installation: Installation) -> str:
    found = re.search(r"token=([\w-]+)", installation.mails()[-1].read_text("utf-8"))
    assert found is not None
    return found[1]


def test_dead_connection_of_the_pool_is_replaced_for_a_reader(
    installation: Installation, client: Installation, counting_proxy: CountingProxy
) -> None:
    client.finder.count_users()
    counting_proxy.arm(1, "request")
    assert client.finder.count_users() == installation.finder.count_users()
    assert counting_proxy.cuts == 1


@pytest.mark.parametrize("message", range(1, 4))
def test_connection_of_a_callers_session_that_dies_is_an_error_of_the_database_or_replaced(
    installation: Installation, counting_proxy: CountingProxy, message: int
) -> None:
    """SQLAlchemy does not wrap what the driver raises when the isolation level of a session is set."""
    name = f"callers-{message}"
    engine = create_engine(counting_proxy.url)
    with engine.connect():
        pass
    counting_proxy.arm(message, "request")
    with (
        record_signals() as signals,
        Session(engine.execution_options(isolation_level="REPEATABLE READ")) as session,
    ):
        try:
            installation.register(name, session=session)
        except DatabaseError as error:
            outcome, message_end = "user_registration_failed", error.message[-10:]
        else:
            outcome, message_end = "user_registered", " was lost."
    engine.dispose()
    assert (counting_proxy.cuts, message_end) == (1, " was lost.")
    assert (signals[0], signals[-1]) == ("user_registration_started", outcome)

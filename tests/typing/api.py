"""The public API as the type checker of a program that uses lback sees it. Mypy checks this file; nothing runs it."""

from collections.abc import Iterator, Mapping
from typing import Any, assert_type

from blinker import NamedSignal
from sqlalchemy.orm import Session

import lback_cli
from lback_cli import (
    Directory,
    Group,
    GroupManager,
    LbackError,
    OperationRejected,
    Settings,
    User,
    UserManager,
    errors,
    load_settings,
    signals,
)
from lback_cli.database.retry import retried
from lback_cli.events.actor import Actor, acting_as
from lback_cli.receivers.loader import Receivers
from lback_cli.repositories.user_reader import UserRecord
from lback_cli.signals import CATALOGUE, Emission, SignalSpec, current_emission, receiver, user_registered
from lback_cli.testing import Sandbox, SignalRecorder


def use_the_managers(session: Session) -> None:
    assert_type(lback_cli.__version__, str)
    assert_type(load_settings(), Settings)
    users = UserManager.from_settings(load_settings())
    user = users.register_user("ann", "ann@example.org", "a password", groups=["staff"], verified=True, session=session)
    assert_type(user, User)
    assert_type((user.id, user.username, user.is_active), tuple[int, str, bool])
    assert_type(user.groups, list[Group])
    assert_type(users.authenticate_user("ann", "a password"), User)
    assert_type(users.verify_user_email("token"), User)
    assert_type(users.update_user(7, {"is_active": False}), User)
    assert_type(users.delete_user(7), bool)
    assert_type(users.reset_password_request("ann@example.org"), bool)
    assert_type(users.reset_password("token", "another password"), User)
    assert_type(users.get_user_by_username("ann", session=session), UserRecord | None)
    assert_type(users.search_users(is_active=False, limit=10), list[UserRecord])
    users.register_user("ann")  # type: ignore[call-overload]
    users.delete_user("ann")  # type: ignore[arg-type]


def handle_the_errors(users: UserManager) -> None:
    try:
        users.delete_user(7)
    except errors.UserNotFound as error:
        assert_type(error.message, str)
    except OperationRejected as error:
        assert_type(error.code, str)
    except LbackError as error:
        assert_type(error.hint, str | None)


def read_what_is_stored(users: Directory, groups: GroupManager) -> None:
    assert_type(users.find_user("ann"), UserRecord)
    assert_type(groups.create_group("staff"), Group)


@receiver(user_registered)
def receive(sender: UserManager, user: User, session: Session, **_extra: Any) -> None:
    assert_type(current_emission(), Emission | None)
    assert_type(sender.authenticate_user("ann", "a password", session=session), User)
    if not user.email.endswith("@example.org"):
        raise OperationRejected("Only addresses at example.org may register.")


def connect_receivers(settings: Settings) -> None:
    assert_type(signals.user_registered, NamedSignal)
    assert_type(CATALOGUE, Mapping[str, SignalSpec])
    receivers = Receivers(settings)
    receivers.connect()
    receivers.close()
    receiver("user_registered")  # type: ignore[arg-type]


def act_for_a_person(users: UserManager) -> Iterator[Actor]:
    with acting_as("web:ann") as actor:
        yield actor
    assert_type(retried(lambda: users.delete_user(7)), bool)


def test_a_receiver(sandbox: Sandbox) -> None:
    assert_type(sandbox.register("ann"), User)
    assert_type(sandbox.users, UserManager)
    assert_type(sandbox.signals, SignalRecorder)
    assert_type(sandbox.signals.names, list[str])
    assert_type(sandbox.signals.arguments("user_registered"), Mapping[str, Any])

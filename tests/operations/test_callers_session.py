"""Operations in a caller's session, on an engine that the caller made without lback."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from email import message_from_bytes
from email.policy import default as default_policy
from pathlib import Path
from re import search
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, select, text
from sqlalchemy.orm import Session

from lback_cli.database.engine import Database
from lback_cli.database.schema import Schema
from lback_cli.errors import UsageError
from lback_cli.managers.dependencies import Dependencies
from lback_cli.managers.user_manager import UserManager
from lback_cli.models.tables import EVENTS, MEMBERSHIPS, TOKENS, USER_ATTRIBUTES, USERS
from lback_cli.settings import DatabaseSettings, PasswordSettings, Settings
from lback_cli.signals import CATALOGUE

PASSWORD = "quiet-harbor-lantern-47"
OTHER_PASSWORD = "slow-violet-mountain-23"


@dataclass
class Application:
    """A database with the user ann, a manager, and a plain engine of the application."""

    manager: UserManager
    engine: Engine
    mails: Path

    def token(self) -> str:
        """Return the token of the newest mail."""
        newest = max(self.mails.glob("*.eml"))
        body = message_from_bytes(newest.read_bytes(), policy=default_policy).get_body(("plain",))
        assert body is not None
        found = search(r"token=([\w-]{43})", body.get_content())
        assert found is not None
        return found[1]

    def rows(self) -> list[list[tuple[Any, ...]]]:
        """Return everything in the tables that operations write, as another connection sees it."""
        with self.engine.connect() as connection:
            tables = (USERS, MEMBERSHIPS, TOKENS, USER_ATTRIBUTES, EVENTS)
            return [[tuple(row) for row in connection.execute(select(table))] for table in tables]


@pytest.fixture(params=["sqlite", "postgresql", "mariadb"])
def application(
    request: pytest.FixtureRequest, tmp_path: Path, database_on: Callable[[str], AbstractContextManager[str]]
) -> Iterator[Application]:
    with ExitStack() as stack:
        if request.param == "sqlite":
            url = f"sqlite:///{tmp_path}/users.db"
        else:
            url = stack.enter_context(database_on(request.param))
        settings = Settings(
            database=DatabaseSettings(url=url), password=PasswordSettings(memory=19456, iterations=2, parallelism=1)
        )
        database = Database(settings.database)
        stack.callback(database.dispose)
        Schema(database).initialize()
        manager = UserManager(database, Dependencies(settings, data_directory=tmp_path))
        manager.register_user("ann", "ann@example.org", PASSWORD)
        engine = create_engine(url)
        stack.callback(engine.dispose)
        yield Application(manager, engine, tmp_path / "mail")


Operation = Callable[[Application, Session], Any]

OPERATIONS: dict[str, Operation] = {
    "register_user": lambda app, session: app.manager.register_user(
        "bob", "bob@example.org", PASSWORD, session=session
    ),
    "authenticate_user": lambda app, session: app.manager.authenticate_user(
        "ann", PASSWORD, allow_unverified=True, session=session
    ),
    "verify_user_email": lambda app, session: app.manager.verify_user_email(app.token(), session=session),
    "update_user": lambda app, session: app.manager.update_user(
        1, {"username": "anna", "display_name": "Anna"}, session=session
    ),
    "delete_user": lambda app, session: app.manager.delete_user(1, session=session),
    "reset_password_request": lambda app, session: app.manager.reset_password_request(
        "ann@example.org", session=session
    ),
    "reset_password": lambda app, session: app.manager.reset_password(app.token(), OTHER_PASSWORD, session=session),
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_changes_are_visible_only_after_the_callers_commit(application: Application, name: str) -> None:
    if name == "reset_password":
        application.manager.reset_password_request("ann@example.org")
    before = application.rows()
    with Session(application.engine) as session:
        OPERATIONS[name](application, session)
        assert application.rows() == before
        session.commit()
    assert application.rows() != before


@pytest.mark.parametrize("name", OPERATIONS)
def test_the_callers_rollback_undoes_everything(application: Application, name: str) -> None:
    if name == "reset_password":
        application.manager.reset_password_request("ann@example.org")
    before = application.rows()
    with Session(application.engine) as session:
        OPERATIONS[name](application, session)
        session.rollback()
    assert application.rows() == before


def test_two_operations_and_the_callers_own_change_commit_together(application: Application) -> None:
    before = application.rows()
    with Session(application.engine) as session:
        session.execute(text("UPDATE users SET is_active = is_active"))
        application.manager.register_user("bob", "bob@example.org", PASSWORD, session=session)
        application.manager.register_user("cid", "cid@example.org", PASSWORD, session=session)
        assert application.rows() == before
        session.rollback()
    assert application.rows() == before


def test_a_session_that_commits_every_statement_is_refused(application: Application) -> None:
    if application.engine.name == "sqlite":
        pytest.skip("lback begins a transaction on SQLite whatever the driver does")
    before = application.rows()
    sent: list[str] = []

    def record(_sender: Any, delivery: Any) -> None:
        sent.append(delivery.spec.name)

    with Session(application.engine.execution_options(isolation_level="AUTOCOMMIT")) as session:
        for known in CATALOGUE.values():
            known.signal.connect(record)
        try:
            for run in OPERATIONS.values():
                with pytest.raises(UsageError, match="The session commits every statement by itself"):
                    run(application, session)
        finally:
            for known in CATALOGUE.values():
                known.signal.disconnect(record)
    assert sent == []
    assert application.rows() == before

"""The framework's ``UserManager``, with lback's manager at work."""

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any

from lback.models.user import User
from lback.utils.user_manager import UserManager as FrameworkManager
from lback.utils.validation import ValidationError
from sqlalchemy import inspect
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from lback_cli import errors
from lback_cli.compat.framework.call import Call, current_call
from lback_cli.compat.framework.forwarding import forward_signals
from lback_cli.compat.framework.recording import RecordingManager
from lback_cli.compat.framework.services import ApplicationServices, application_settings, reset_path
from lback_cli.database.engine import Database
from lback_cli.database.schema import Schema
from lback_cli.settings import Settings

_FIELDS = frozenset({"username", "email", "password", "is_active", "is_email_verified"})
"""What lback updates of a user. Other columns are the application's."""

_IGNORED = frozenset({"id", "role_name", "groups"})


class UserManager(FrameworkManager):  # type: ignore[misc]  # the framework has no types
    """A drop-in replacement of the framework's ``lback.utils.user_manager.UserManager``.

    Constructor, signatures, results and exceptions are the framework's. What an operation does is lback's: its rules,
    its tokens, its events, and its signals, which reach the receivers of the framework's dispatcher. The lookups
    (``get_user_by_id`` and so on) are inherited.

    Operations work in the session that they are given, and the caller commits it. They return the framework's own
    ``User``. What lback refuses raises the framework's ``ValidationError``. Mail that is not accepted, or a password
    that cannot be hashed, raises ``RuntimeError``, and the database raises SQLAlchemy's exceptions.

    Args:
        email_sender: The application's ``EmailSender``. It sends lback's mail unless [email] is configured.
        password_validator: The application's rules for passwords, which hold besides lback's.
        settings: lback's settings; by default they are read as the command `lback` reads them. [compat] is on in any
            case, and what they do not say about the database and about links is taken from the application.
    """

    def __init__(self, email_sender: Any, password_validator: Any, *, settings: Settings | None = None) -> None:
        super().__init__(email_sender, password_validator)
        self._given_settings = settings

    def register_user(self, session: Session, username: str, email: str, plain_password: str) -> User:
        """Register a user, who is mailed a verification link.

        Raises:
            ValidationError: A value breaks a rule, or the name or the address is taken.
            RuntimeError: The mail was not accepted, or the password could not be hashed.
        """
        with self._call(session):
            # Without a password lback would send an invitation.
            user = self._manager.register_user(username, email, plain_password or "", session=session)
            return _loaded(session, user.id)

    def authenticate_user(
        self, session: Session, username: str, password: str, require_email_verified: bool = True
    ) -> "User | None":
        """Return the user with that name or e-mail address, or None if the login is refused.

        Raises:
            ValidationError: The password is right, and the address is not verified.
        """
        with self._call(session):
            try:
                user = self._manager.authenticate_user(
                    username, password, allow_unverified=not require_email_verified, session=session
                )
            except errors.AuthenticationFailed as error:
                if error.error_type == "email_not_verified":
                    raise ValidationError("Please verify your email address to log in.") from error
                return None
            return _loaded(session, user.id)

    def verify_user_email(self, session: Session, token: str) -> User:
        """Verify the address that *token* was sent to. Raises ``ValidationError`` if the token is not valid."""
        with self._call(session):
            return _loaded(session, self._manager.verify_user_email(token, session=session).id)

    def update_user(self, session: Session, user_id: int, data: dict[str, Any]) -> User:
        """Update a user: what lback knows by lback's rules, and the application's columns as they are.

        ``groups`` are all groups of the user, by name or as objects. Unknown names are ignored, and so is an empty
        password.

        Raises:
            ValidationError: There is no such user, or a value breaks a rule.
        """
        changes = {name: value for name, value in data.items() if name in _FIELDS}
        if not changes.get("password", True):
            del changes["password"]
        others = {name: value for name, value in data.items() if name not in _FIELDS | _IGNORED and hasattr(User, name)}
        with self._call(session, columns=others):
            if "groups" in data:
                changes |= _group_changes(session, user_id, data["groups"])
            return _loaded(session, self._manager.update_user(user_id, changes, session=session).id)

    def delete_user(self, session: Session, user_id: int) -> None:
        """Delete a user.

        Raises:
            ValidationError: There is no such user, or it is the last administrator.
        """
        with self._call(session):
            self._manager.delete_user(user_id, session=session)
            for known in list(session.identity_map.values()):
                if isinstance(known, User) and inspect(known).identity == (user_id,):
                    session.expunge(known)

    def reset_password_request(self, session: Session, email: str, reset_url_path: str | None = None) -> bool:
        """Mail the user with that address a reset link; return False if no user has it, or it was sent too many.

        Args:
            session: The caller's session.
            email: The address.
            reset_url_path: The path of the page that the link leads to. Queued mail leads to the configured one.
        """
        with self._call(session):
            token = reset_path.set(reset_url_path)
            try:
                return self._manager.reset_password_request(email, session=session)
            except (errors.UserNotFound, errors.TooManyRequests):
                return False
            finally:
                reset_path.reset(token)

    def reset_password(self, session: Session, token: str, new_password: str) -> bool:
        """Set the password. Raises ``ValidationError`` if the token is not valid, or the password breaks a rule."""
        with self._call(session):
            self._manager.reset_password(token, new_password, session=session)
            return True

    @cached_property
    def _manager(self) -> RecordingManager:
        """Lback's manager. The tables are looked at now: the application may just be about to create its own."""
        settings = application_settings(self._given_settings)
        database = Database(settings.database)
        Schema(database).require()
        services = ApplicationServices(
            settings,
            data_directory=database.directory,
            validator=self.password_validator,
            sender=self.email_sender,
        )
        manager = RecordingManager(database, services)
        forward_signals(manager, sender=self)
        return manager

    @contextlib.contextmanager
    def _call(self, session: Session, columns: Mapping[str, Any] | None = None) -> Iterator[None]:
        """Run one operation in the application's *session*, and raise the framework's exceptions."""
        session.flush()
        token = current_call.set(Call(session, columns or {}))
        try:
            yield
        except (errors.MailError, errors.PasswordHashingError) as error:
            raise RuntimeError(error.message) from error
        except errors.DatabaseError as error:
            raise (error.__cause__ if isinstance(error.__cause__, SQLAlchemyError) else error) from None
        except (errors.Refused, errors.Conflict, errors.NotFound) as error:
            raise ValidationError(error.message) from error
        finally:
            current_call.reset(token)


def _loaded(session: Session, user_id: int) -> User:
    """Return the framework's user, as the database has it now."""
    return session.get(User, user_id, populate_existing=True)


def _group_changes(session: Session, user_id: int, groups: Iterable[Any]) -> dict[str, list[str]]:
    """Return what lback has to change so that *groups* are all groups of the user."""
    user = session.get(User, user_id)
    current = set() if user is None else {group.name for group in user.groups}
    wanted = {getattr(group, "name", group) for group in groups}
    return {"add_groups": sorted(wanted - current), "remove_groups": sorted(current - wanted)}

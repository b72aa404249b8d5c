"""The classes and helpers that scenarios are written with."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Literal

from .environment import Rows
from .fixtures_data import FRANK, Person

Sent = tuple[str, dict[str, Any]]
"""A signal and its arguments as in a JSON trace, but with only the type of an exception."""

Behaviour = Literal["veto", "crash", "write", "take the name"]

SESSION = "Session"
VETO = "not before the audit is over"


class Matching:
    """A value that equals every text that the pattern matches."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern

    def __eq__(self, other: object) -> bool:
        return isinstance(other, str) and re.fullmatch(self._pattern, other) is not None

    def __hash__(self) -> int:
        return hash(self._pattern)

    def __repr__(self) -> str:
        return f"Matching({self._pattern!r})"


SOME_PREFIX = Matching(r"[\w-]{10}")
"""The prefix of a generated token."""

MESSAGE = object()
"""The message of the error that the operation raises."""


@dataclass(frozen=True)
class Receiver:
    """A receiver of one signal."""

    signal: str
    behaviour: Behaviour


@dataclass(frozen=True)
class Call:
    """An operation with its arguments, and the equivalent command line *argv* with its *stdin*."""

    method: str
    arguments: Mapping[str, Any]
    argv: tuple[str, ...]
    stdin: str = ""


@dataclass(frozen=True)
class Scenario:
    """An operation with its complete outcome.

    *code* is that of the raised error, None for success, or ``interrupted``. *rows* are the changed rows, and *mails*
    are (kind, recipient). *settings*, *sql* and *starved* (too little memory) cause the failure. *receivers*, *later*
    (time since the initial rows), *broken_clock* and *interrupt_at* (the signal that is interrupted) do so in the
    library only. *logged* counts the logged failures of receivers. *own_only* is the reason why the scenario is
    impossible in a caller's transaction, *library_only* the reason why it is impossible with the command.
    """

    id: str
    call: Call
    signals: Sequence[Sent]
    code: str | None = None
    rows: Rows = field(default_factory=dict)
    mails: Sequence[tuple[str, str]] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    sql: Sequence["str | Trap"] = ()
    starved: bool = False
    receivers: Sequence[Receiver] = ()
    later: timedelta = timedelta(0)
    broken_clock: bool = False
    interrupt_at: str | None = None
    logged: int = 0
    own_only: str | None = None
    library_only: str | None = None

    @property
    def not_from_outside(self) -> str | None:
        """The reason why a command cannot have this outcome, or None."""
        if self.library_only:
            return self.library_only
        if self.receivers or self.interrupt_at:
            return "no receiver can be connected from outside"
        return "a command has the clock of its machine" if self.later or self.broken_clock else None


# Causes of failures

CLOSED_PORT = object()
"""A placeholder for a port without a listener."""

MAIL_DOWN = {
    "email.transport": "smtp",
    "email.security": "none",
    "email.host": "127.0.0.1",
    "email.port": CLOSED_PORT,
}
MAIL_MISCONFIGURED = {"email.sender": "nobody in particular"}

TYPED_BY_SHELL = "a command line has text, and ids are parsed"
COMMIT_IS_OURS = "a joined operation leaves the commit to its caller"


@dataclass(frozen=True)
class Trap:
    """A trigger that refuses *event*, such as ``INSERT ON users``, or the COMMIT after it.

    It acts like a constraint of the application, or at COMMIT like a deferred foreign key, which MariaDB does not have.
    """

    event: str
    at_commit: bool = False

    def statements(self, backend: str) -> list[str]:
        """Return the statements that create it on *backend*."""
        audit = "CREATE TABLE audit (user_id INTEGER REFERENCES users (id) DEFERRABLE INITIALLY DEFERRED)"
        plant = "INSERT INTO audit VALUES (-1)"
        refuse = "RAISE integrity_constraint_violation USING MESSAGE = 'the quota is used up'"
        match backend, self.at_commit:
            case "sqlite", False:
                refuse = "SELECT RAISE(ABORT, 'the quota is used up')"
                return [f"CREATE TRIGGER trap BEFORE {self.event} BEGIN {refuse}; END"]
            case "sqlite", True:
                return [audit, f"CREATE TRIGGER trap AFTER {self.event} BEGIN {plant}; END"]
            case "postgresql", False:
                return _trap_on_postgresql(f"BEFORE {self.event}", refuse)
            case "postgresql", True:
                return [audit, *_trap_on_postgresql(f"AFTER {self.event}", plant)]
            case _:
                refuse = "SIGNAL SQLSTATE '23000' SET MYSQL_ERRNO = 1062, MESSAGE_TEXT = 'the quota is used up'"
                return [f"CREATE TRIGGER trap BEFORE {self.event} FOR EACH ROW {refuse}"]


def _trap_on_postgresql(event: str, statement: str) -> list[str]:
    return [
        f"CREATE FUNCTION trap() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {statement}; RETURN NEW; END $$",
        f"CREATE TRIGGER trap {event} FOR EACH ROW EXECUTE FUNCTION trap()",
    ]


# Exceptions in signals

INTEGRITY = {"type": "IntegrityError"}
REFUSED_CONNECTION = {"type": "ConnectionRefusedError"}
NO_MEMORY = {"type": "ValueError"}
BAD_CONFIGURATION = {"type": "ValueError"}
BUG = {"type": "ZeroDivisionError"}
INTERRUPT = {"type": "UnexpectedError"}


# Rows


def user_row(person: Person, *, password: str = "hash of PASSWORD") -> dict[str, Any]:
    """Return the complete row of a new user."""
    return {
        "id": person.id,
        "username": person.username,
        "email": person.email,
        "password": password,
        "is_active": int(person.active),
        "is_email_verified": int(person.verified),
        "email_verification_token": None,
        "email_verification_token_expiry": None,
        "auth_token": None,
        "token_expiry": None,
        "created_at": "now",
        "updated_at": "now",
    }


def joined(user_id: int, group_id: int) -> Rows:
    """Return the row of a new membership. Groups: 1 admin, 2 basic_user, 3 staff."""
    return {f"+user_groups_association {user_id} {group_id}": {"user_id": user_id, "group_id": group_id}}


def new_token(person: Person, purpose: str, *, token_id: int = 7) -> Rows:
    """Return the row of a mailed token. The next id is 7 unless the last tokens were deleted before."""
    return {
        f"+lback_tokens mailed to {person.email}": {
            "id": token_id,
            "user_id": person.id,
            "purpose": purpose,
            "email": person.email,
            "created_at": "now",
            "expires_at": "now + 24 h" if purpose == "verify_email" else "now + 1 h",
            "used_at": None,
        }
    }


def gone(*keys: str) -> Rows:
    """Return deleted rows."""
    return {f"-{key}": {} for key in keys}


# Signals


def started(person: Person = FRANK) -> Sent:
    """Return the first signal of a registration."""
    return "user_registration_started", {"username": person.username, "email": person.email}


def initiated(shown: Mapping[str, Any]) -> Sent:
    """Return the signal of a sent verification link."""
    return "user_email_verification_initiated", {"user": shown}


def vouched(shown: Mapping[str, Any]) -> Sent:
    """Return the signal of an address that an administrator verified."""
    return "user_email_verification_successful", {"user": shown, "reason": "set_by_administrator"}


# Failures of every operation


@dataclass(frozen=True)
class Failing:
    """The failures that all operations share, for one of them; *fail* makes its failure signal."""

    name: str
    call: Call
    fail: Callable[..., Sent]

    def vetoed(self, before: Sequence[Sent], found: Any = None, **more: Any) -> Scenario:
        """Let a receiver of the last signal of *before* raise `OperationRejected`."""
        signal = before[-1][0]
        return Scenario(
            f"{self.name}: veto at {signal}",
            self.call,
            [*before, self.fail("rejected_by_receiver", found=found)],
            code="rejected_by_receiver",
            receivers=[Receiver(signal, "veto")],
            **more,
        )

    def crashed(self, before: Sequence[Sent], found: Any = None, **more: Any) -> Scenario:
        """Let a receiver of the last signal of *before* write with its session and then raise."""
        signal = before[-1][0]
        return Scenario(
            f"{self.name}: crash at {signal}",
            self.call,
            [*before, self.fail("unexpected_exception", found=found, exception=BUG)],
            code="unexpected_exception",
            receivers=[Receiver(signal, "crash")],
            **more,
        )

    def interrupted(self, before: Sequence[Sent], found: Any = None, **more: Any) -> Scenario:
        """Interrupt a receiver of the last signal of *before*."""
        signal = before[-1][0]
        return Scenario(
            f"{self.name}: interrupted at {signal}",
            self.call,
            [*before, self.fail("unexpected_exception", found=found, exception=INTERRUPT)],
            code="interrupted",
            interrupt_at=signal,
            **more,
        )

    def surprised(self, before: Sequence[Sent], found: Any = None, **more: Any) -> Scenario:
        """Let the clock raise an unexpected exception."""
        return Scenario(
            f"{self.name}: unexpected exception",
            self.call,
            [*before, self.fail("unexpected_exception", found=found, exception=BUG)],
            code="unexpected_exception",
            broken_clock=True,
            **more,
        )

    def refused_by_database(self, before: Sequence[Sent], event: str, found: Any = None, **more: Any) -> Scenario:
        """Let the database refuse a statement."""
        return Scenario(
            f"{self.name}: the database refuses {event}",
            self.call,
            [*before, self.fail("repository_error", found=found, exception=INTEGRITY)],
            code="database_error",
            sql=[Trap(event), *more.pop("sql", ())],
            **more,
        )

    def refused_at_commit(self, before: Sequence[Sent], event: str, found: Any = None, **more: Any) -> Scenario:
        """Let the COMMIT fail after the success signal, which is the only case with two terminal signals."""
        return Scenario(
            f"{self.name}: commit fails",
            self.call,
            [*before, self.fail("repository_error", found=found, exception=INTEGRITY)],
            code="database_error",
            sql=[Trap(event, at_commit=True), *more.pop("sql", ())],
            own_only=COMMIT_IS_OURS,
            **more,
        )

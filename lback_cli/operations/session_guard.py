"""Prevents receivers from ending the transaction of the operation, whose session they are passed."""

import contextlib
import re
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, event
from sqlalchemy.orm import Session, SessionTransaction

_ENDING = frozenset({"COMMIT", "ROLLBACK", "END", "ABORT"})

_COMMITTING_ON_MARIADB = frozenset(
    {"BEGIN", "START", "CREATE", "ALTER", "DROP", "RENAME", "TRUNCATE", "GRANT", "REVOKE", "LOCK", "ANALYZE"}
)
"""MariaDB commits before these (https://mariadb.com/kb/en/sql-statements-that-cause-an-implicit-commit/)."""

_BEFORE_WORDS = re.compile(r"(?:[\s;(]|--[^\n]*|\#[^\n]*|/\*M?!\d*|/\*(?!M?!).*?\*/)*", re.DOTALL)
"""What may come before the first word. MariaDB executes a comment that begins with an exclamation mark."""


class TransactionEndedError(Exception):
    """A receiver tried to end the transaction of an operation."""


class SessionGuard:
    """Refuses to commit the transaction of *session* while receivers run, and notices if it has ended.

    A receiver may use savepoints of its own.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._transaction = _innermost(session)
        self._attempted: str | None = None

    @contextlib.contextmanager
    def active(self) -> Iterator[None]:
        """Watch the transaction during the block."""
        connection = self._session.connection()
        listeners: tuple[tuple[Any, str, Any], ...] = (
            (self._session, "before_commit", self._refuse_commit),
            (connection, "commit", self._refuse_connection_commit),
            (connection, "before_cursor_execute", self._refuse_statement),
        )
        for target, name, listener in listeners:
            event.listen(target, name, listener)
        try:
            yield
        finally:
            for target, name, listener in listeners:
                event.remove(target, name, listener)

    def misuse(self) -> str | None:
        """Return what the receivers did to the transaction: a verb phrase, or None if it is intact."""
        if self._attempted is not None:
            return self._attempted
        current = _innermost(self._session)
        if current is not self._transaction:
            return "ended the transaction" if current is None or not current.nested else "left a savepoint open"
        return None if current is None or current.is_active else "ended the transaction"

    def _refuse_commit(self, session: Session) -> None:
        if _innermost(session) is self._transaction:
            self._refuse("tried to commit the session")

    def _refuse_connection_commit(self, _connection: Any) -> None:
        self._refuse("tried to commit the connection")

    def _refuse_statement(self, connection: Connection, _cursor: Any, statement: str, *_: Any) -> None:
        first, *others = _BEFORE_WORDS.sub("", statement, count=1).upper().replace(";", " ").split() or [""]
        if connection.dialect.name in {"mysql", "mariadb"}:
            ends = first in _ENDING or (first in _COMMITTING_ON_MARIADB and "TEMPORARY" not in others[:1])
        else:
            ends = first in _ENDING
        # ROLLBACK TO a savepoint is allowed.
        if ends and not (first == "ROLLBACK" and "TO" in others):
            self._refuse(f"tried to execute {first}")

    def _refuse(self, attempted: str) -> None:
        self._attempted = attempted
        raise TransactionEndedError("A receiver must not end the transaction of the operation.")


def _innermost(session: Session) -> SessionTransaction | None:
    return session.get_nested_transaction() or session.get_transaction()

"""Logins of users, and failed logins under names that no user has."""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, insert, select, update
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from lback_cli.models.tables import ACCOUNTS, SECRETS

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


@dataclass(slots=True)
class LoginRecord:
    """The logins under one key.

    Attributes:
        key: ``user:ID``, or ``name:`` and a digest.
        user_id: The id of the user, if there is one.
        user_created_at: When the user was created.
        last_login: The last successful login.
        failures: Failed logins since *first_failure*.
        first_failure: The first of the failed logins that count.
        pending: Logins whose password is being checked.
        pending_until: When pending logins begin to count as failures.
        locked_until: No login succeeds before.
    """

    key: str
    user_id: int | None = None
    user_created_at: datetime | None = None
    last_login: datetime | None = None
    failures: int = 0
    first_failure: datetime | None = None
    pending: int = 0
    pending_until: datetime | None = None
    locked_until: datetime | None = None


_COLUMNS = tuple(ACCOUNTS.c[name] for name in LoginRecord.__dataclass_fields__)


class AccountRepository:
    """Logins on one connection, or in a session."""

    def __init__(self, connection: "Connection | Session") -> None:
        self._connection = connection

    def find(self, key: str, *, lock: bool = False) -> LoginRecord | None:
        """Return the logins under *key*; *lock* keeps other transactions from changing them."""
        statement = select(*_COLUMNS).where(ACCOUNTS.c.key == key)
        row = self._connection.execute(statement.with_for_update() if lock else statement).first()
        return None if row is None else LoginRecord(*row)

    def get_or_add(self, new: LoginRecord, *, now: datetime) -> LoginRecord:
        """Return the locked logins under the key of *new*, which is stored if there are none."""
        for _ in range(2):
            if (found := self.find(new.key, lock=True)) is not None:
                return found
            try:
                with self._connection.begin_nested():
                    self._connection.execute(insert(ACCOUNTS).values(**_values(new), key=new.key, updated_at=now))
            except IntegrityError:
                # Another transaction has stored it.
                continue
            return new
        found = self.find(new.key, lock=True)
        assert found is not None, "the unique key exists"
        return found

    def save(self, record: LoginRecord, *, now: datetime) -> None:
        """Store the locked *record*."""
        self._connection.execute(
            update(ACCOUNTS).where(ACCOUNTS.c.key == record.key).values(**_values(record), updated_at=now)
        )

    def was_saved(self, record: LoginRecord, saved_at: datetime, *, now: datetime) -> bool:
        """Return whether *record* was saved at *saved_at* by a transaction whose end is unknown, and not since.

        It waits for that transaction to end: an uncommitted row cannot be locked, but its key cannot be stored again.
        """
        self.get_or_add(LoginRecord(record.key, record.user_id, record.user_created_at), now=now)
        stored = self._connection.execute(
            select(ACCOUNTS.c.updated_at).where(ACCOUNTS.c.key == record.key)
        ).scalar_one()
        return bool(stored == saved_at)

    def clear(self, key: str, *, now: datetime) -> None:
        """Forget the failed logins under *key*, and end a lock."""
        nothing = {"failures": 0, "first_failure": None, "locked_until": None}
        self._connection.execute(update(ACCOUNTS).where(ACCOUNTS.c.key == key).values(**nothing, updated_at=now))

    def delete_unknown(self, before: datetime) -> None:
        """Delete the logins under names that no user has, unless they were tried since *before*."""
        self._connection.execute(delete(ACCOUNTS).where(ACCOUNTS.c.updated_at < before, ACCOUNTS.c.user_id.is_(None)))

    def digest(self, name: str) -> str:
        """Return a digest, in hex, of the user name or address *name*; it means nothing outside this database."""
        text = name.strip().casefold().encode("utf-8", "surrogatepass")
        return hmac.new(self.secret("login"), text, hashlib.sha256).hexdigest()

    def secret(self, name: str) -> bytes:
        """Return the secret called *name* of this database."""
        value = self._connection.execute(select(SECRETS.c.value).where(SECRETS.c.name == name)).scalar_one()
        return bytes.fromhex(value)


def _values(record: LoginRecord) -> Mapping[str, Any]:
    return {name: getattr(record, name) for name in LoginRecord.__dataclass_fields__ if name != "key"}

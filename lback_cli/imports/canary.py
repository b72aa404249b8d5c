"""The canary: one user whose old password is known, to prove before anything is kept that passwords have moved in."""

from collections.abc import Iterable
from dataclasses import dataclass

from lback_cli.errors import ValidationError
from lback_cli.imports.row import Row
from lback_cli.managers.dependencies import Dependencies
from lback_cli.managers.user_lookup import find_by_identifier
from lback_cli.repositories.unit_of_work import UnitOfWork
from lback_cli.text.escaping import safe

_HINT = "Nothing is imported. Check the password, and that the hashes came over whole."


@dataclass(frozen=True, slots=True)
class Canary:
    """A user, and the password that must open the account."""

    username: str
    password: str

    def is_in(self, row: Row) -> bool:
        """Whether *row* is about that user, by name or address."""
        return self.username.lower() in (row.username.lower(), row.email.lower())


def verify_canary(work: UnitOfWork, services: Dependencies, canary: Canary) -> None:
    """Prove that the password opens the account as the transaction of *work* has it.

    It starts no operation, changes nothing and does not ask whether the account is active. Raises `ValidationError`,
    upon which the caller rolls back.
    """
    user = find_by_identifier(work.users, services, canary.username)
    if user is None:
        raise ValidationError("canary", f"There is no user {_shown(canary)} to be the canary.", hint=_HINT)
    _require_accepted(services, canary, user.password_hash)


def verify_canary_row(rows: Iterable[Row], services: Dependencies, canary: Canary) -> None:
    """Prove the same of the file itself, before its first row is imported: *rows* are read as far as that user's.

    For an import that commits chunk by chunk: when the canary's is reached, thousands of users may be in already.
    Raises `ValidationError`.
    """
    row = next(filter(canary.is_in, rows), None)
    if row is None:
        raise ValidationError("canary", f"The file has no user {_shown(canary)} to be the canary.", hint=_HINT)
    if row.error is not None:
        problem = f"The canary {_shown(canary)} cannot be imported. {row.error.message}"
        raise ValidationError("canary", problem, hint=_HINT)
    if row.password is not None:
        raise ValidationError("canary", f"{_shown(canary)} has a plain password, no hash to be proven.")
    _require_accepted(services, canary, row.password_hash)


def _require_accepted(services: Dependencies, canary: Canary, stored: str | None) -> None:
    name = _shown(canary)
    if stored is None:
        raise ValidationError("canary", f"The canary {name} has no password hash.", hint=_HINT)
    if objection := services.hasher.rejection_reason(stored):
        raise ValidationError("canary", f"The password hash of the canary {name} {objection}.", hint=_HINT)
    if not services.hasher.verify(canary.password, stored).accepted:
        raise ValidationError("canary", f"The password does not open the account of the canary {name}.", hint=_HINT)


def _shown(canary: Canary) -> str:
    return f"'{safe(canary.username, limit=80)}'"

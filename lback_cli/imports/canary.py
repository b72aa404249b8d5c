"""The canary: a user whose old password is known, to verify the imported hashes before anything is kept."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from lback_cli.errors import ValidationError
from lback_cli.imports.row import ImportRow
from lback_cli.managers.dependencies import Dependencies
from lback_cli.managers.user_lookup import find_by_identifier
from lback_cli.repositories.unit_of_work import UnitOfWork
from lback_cli.text.escaping import safe

_HINT = "Nothing is imported. Check the password, and that the hashes were exported completely."


@dataclass(frozen=True, slots=True)
class Canary:
    """A user, by user name or e-mail address, and the password that must match the imported hash."""

    username: str
    password: str

    def is_in(self, row: ImportRow, services: Dependencies) -> bool:
        """Return whether *row* is that of the canary."""
        is_address = "@" in self.username
        canonical = services.canonical_email if is_address else services.canonical_username
        found = row.email if is_address else row.username
        return _canonical(canonical, self.username) == _canonical(canonical, found)


def verify_canary(uow: UnitOfWork, services: Dependencies, canary: Canary) -> None:
    """Verify the canary's password against the hash that is stored in the transaction of *uow*.

    This is not an operation: it changes nothing, and an inactive user is verified too.

    Raises:
        ValidationError: The password does not match. The caller rolls back.
    """
    user = find_by_identifier(uow.users, services, canary.username)
    if user is None:
        raise ValidationError("canary", f"There is no user {_shown(canary)} to be the canary.", hint=_HINT)
    _require_match(services, canary, user.password_hash)


def verify_canary_row(rows: Iterable[ImportRow], services: Dependencies, canary: Canary) -> None:
    """Verify the canary's password against the hash in the file, reading *rows* up to that of the canary.

    Chunks are committed one by one, so this must come before the first: thousands of users may precede the canary.

    Raises:
        ValidationError: The password does not match.
    """
    row = next((row for row in rows if canary.is_in(row, services)), None)
    if row is None:
        raise ValidationError("canary", f"The file has no user {_shown(canary)} to be the canary.", hint=_HINT)
    if row.error is not None:
        problem = f"The canary {_shown(canary)} cannot be imported. {row.error.message}"
        raise ValidationError("canary", problem, hint=_HINT)
    if row.password is not None:
        raise ValidationError(
            "canary",
            f"The canary {_shown(canary)} has a plain password in the file.",
            hint="Name a user who has a password hash.",
        )
    _require_match(services, canary, row.password_hash)


def _require_match(services: Dependencies, canary: Canary, stored: str | None) -> None:
    name = _shown(canary)
    if stored is None:
        raise ValidationError("canary", f"The canary {name} has no password hash.", hint=_HINT)
    if reason := services.hasher.rejection_reason(stored):
        raise ValidationError("canary", f"The password hash of the canary {name} {reason}.", hint=_HINT)
    if not services.hasher.verify(canary.password, stored).accepted:
        raise ValidationError("canary", f"The password does not match the hash of the canary {name}.", hint=_HINT)


def _canonical(canonical: Callable[[str], str], name: str) -> str:
    try:
        return canonical(name)
    except ValidationError:
        return name


def _shown(canary: Canary) -> str:
    return f"'{safe(canary.username, limit=80)}'"

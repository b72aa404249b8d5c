"""The canary: one user whose old password is known, to prove before anything is kept that passwords have moved in."""

from collections.abc import Iterable
from dataclasses import dataclass

from lback_cli.batch.rows import Row
from lback_cli.errors import ValidationError
from lback_cli.managers.lookup import find_by_login
from lback_cli.managers.services import Services
from lback_cli.repositories.work import Work
from lback_cli.security.text import safe

_HINT = "Nothing of this transaction is kept. Check the password, and that the hashes came over whole."


@dataclass(frozen=True, slots=True)
class Canary:
    """A user, and the password that must open the account."""

    username: str
    password: str


def verify_canary(work: Work, services: Services, username: str, password: str) -> None:
    """Prove that *password* opens the account *username* as the transaction of *work* has it.

    It starts no operation, changes nothing and does not ask whether the account is active. Raises `ValidationError`,
    upon which the caller rolls back.
    """
    user = find_by_login(work.users, services, username)
    if user is None:
        raise ValidationError("canary", f"There is no user {_shown(username)} to be the canary.", hint=_HINT)
    _require_accepted(services, username, password, user.password_hash)


def verify_canary_row(rows: Iterable[Row], services: Services, username: str, password: str) -> None:
    """Prove the same of the file itself, before its first row is imported: *rows* are read as far as that user's.

    *username* is the user's name or address there. For an import that commits chunk by chunk: when the canary's is
    reached, thousands of users may be in already. Raises `ValidationError`.
    """
    wanted = {username, username.lower()}
    for row in rows:
        if row.error is None and wanted & {row.username, row.username.lower(), row.email, row.email.lower()}:
            if row.password is not None:
                raise ValidationError("canary", f"{_shown(username)} has a plain password, no hash to be proven.")
            _require_accepted(services, username, password, row.password_hash)
            return
    raise ValidationError("canary", f"The file has no user {_shown(username)} to be the canary.", hint=_HINT)


def _require_accepted(services: Services, username: str, password: str, stored: str | None) -> None:
    name = _shown(username)
    if stored is None:
        raise ValidationError("canary", f"The canary {name} has no password hash.", hint=_HINT)
    if objection := services.hasher.objection(stored):
        raise ValidationError("canary", f"The password hash of the canary {name} {objection}.", hint=_HINT)
    if not services.hasher.verify(password, stored).accepted:
        raise ValidationError("canary", f"The password does not open the account of the canary {name}.", hint=_HINT)


def _shown(username: str) -> str:
    return f"'{safe(username, limit=80)}'"

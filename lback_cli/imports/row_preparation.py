"""The user that a row describes, validated without the database."""

from lback_cli.errors import LbackError, ValidationError
from lback_cli.imports.options import ImportOptions
from lback_cli.imports.row import ImportRow
from lback_cli.managers.dependencies import Dependencies
from lback_cli.managers.link_mail import LinkMail
from lback_cli.managers.registration import NewUser, PreparedUser, Registration
from lback_cli.security.password_generator import generate_password
from lback_cli.text.escaping import safe

_LONGEST_SHOWN = 80
_IS_HASH = "The password is a hash."
_INVITED = "Without a password the user is invited: add --ignore and the name of the column (with --from, password)."


class RowPreparation:
    """Prepares the users of rows as *options* say."""

    def __init__(self, services: Dependencies, options: ImportOptions) -> None:
        self._services = services
        self._options = options
        self._registration = Registration(services, LinkMail(services))

    def prepare(self, row: ImportRow) -> PreparedUser | None:
        """Return the user of *row*; None if the row cannot be read. A user who is refused has an error."""
        if row.error is not None:
            return None
        password = row.password
        if password is not None and self._services.hasher.inspect(password) is not None:
            return PreparedUser(self._new_user(row, password), error=_hash_as_password())
        if self._options.passwords is not None and password is None and row.password_hash is None:
            password = generate_password(minimum_length=self._services.settings.password.minimum_length)
        prepared = self._registration.prepare(self._new_user(row, password))
        if prepared.error is not None and _strip(row):
            prepared = self._registration.prepare(self._new_user(row, password))
        return prepared

    def _new_user(self, row: ImportRow, password: str | None) -> NewUser:
        return NewUser(
            username=row.username,
            email=row.email,
            password=password,
            password_hash=row.password_hash,
            groups=row.groups or (),
            is_active=row.is_active is not False,
            is_email_verified=row.is_email_verified is True,
            attributes=row.attributes or {},
            # A link to set a password is of no use to a user who may not log in.
            mail="none" if row.is_active is False else self._options.mail,
        )


def plainer(error: LbackError, row: ImportRow) -> LbackError:
    """Return *error*, or one that says more plainly what is wrong with *row* and what to do."""
    if not isinstance(error, ValidationError):
        return error
    if error.field == "username":
        return _of_username(row) or error
    if error.field == "email" and not row.email.strip():
        return ValidationError("email", "The row has no e-mail address.")
    if error.field == "password" and row.password_hash is None and error.message != _IS_HASH:
        return ValidationError("password", error.message, hint=_INVITED)
    return error


def _of_username(row: ImportRow) -> ValidationError | None:
    if not row.username.strip():
        if not row.email.strip():
            return ValidationError("username", "The row has neither a user name nor an e-mail address.")
        hint = "--username-from email makes one of the address." if "@" in row.email else None
        return ValidationError("username", "The row has no user name.", hint=hint)
    if "@" in row.username:
        name = safe(row.username, limit=_LONGEST_SHOWN)
        hint = "--username-from email makes a user name of the part before the @."
        return ValidationError("username", f"The user name '{name}' is an address.", hint=hint)
    return None


def _hash_as_password() -> ValidationError:
    # The hash would become the password, so every reader of the file could log in with it.
    hint = "Read its column as password_hash: --map password_hash=COLUMN."
    return ValidationError("password", _IS_HASH, hint=hint)


def _strip(row: ImportRow) -> bool:
    """Remove spaces around the user name and the address of *row*, and return whether there were any."""
    before = row.username, row.email
    row.username, row.email = row.username.strip(), row.email.strip()
    return (row.username, row.email) != before

"""The interface of a source format: a kind of file that another program writes."""

import re
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO, ClassVar

from lback_cli.errors import UsageError, ValidationError
from lback_cli.imports.columns import BUILT_IN_COLUMNS, ImportColumns
from lback_cli.imports.row import ImportRow, row_of, username_of
from lback_cli.text.escaping import safe

_DES = re.compile(r"[./0-9A-Za-z]{13}")
_LONGEST_SHOWN = 80


class SourceFormat(ABC):
    """A kind of file that another program writes. A subclass reads it; an object reads one file.

    Attributes:
        name: The name that ``--from`` takes.
        description: The program and the file, in one line.
        companion_description: The second file that ``--companion`` names, or None if there is none.
        extension: The extension of such files, such as ``.json``, or None if they have no particular one.
        needs_email_domain: Whether there may be users without an e-mail address, for ``--email-domain``.
        no_users_hint: What to do about a file that has no users, or None.
        companion: The content of the second file, if it is given.
        email_domain: The domain of the addresses that are made for users without one, if it is given.
        columns: The columns that a row may have.
        group_names: The names that ``--map-group`` gives to groups of the file.
        ignores_groups: Whether ``--ignore groups`` leaves the groups of users out.
        left_out: How many records were read and left out, by what they are.
    """

    name: ClassVar[str]
    description: ClassVar[str]
    companion_description: ClassVar[str | None] = None
    extension: ClassVar[str | None] = None
    needs_email_domain: ClassVar[bool] = True
    no_users_hint: ClassVar[str | None] = None

    def __init__(
        self,
        companion: bytes | None = None,
        email_domain: str | None = None,
        columns: ImportColumns = BUILT_IN_COLUMNS,
    ) -> None:
        """Refuse what the format does not take, with `UsageError`."""
        if companion is not None and self.companion_description is None:
            raise UsageError(f"--from {self.name} takes no --companion.")
        if email_domain is not None and not self.needs_email_domain:
            raise UsageError(f"--from {self.name} takes no --email-domain: its users have addresses.")
        self.companion = companion
        self.columns = columns
        self.group_names: Mapping[str, str] = {}
        self.ignores_groups = False
        self.left_out: Counter[str] = Counter()
        self.email_domain = None if email_domain is None else _canonical_domain(email_domain)

    @classmethod
    def recognises(cls, start: bytes) -> bool:  # noqa: ARG003 - a format without marks recognises nothing
        """Return whether a file that begins with *start* has the marks of this format."""
        return False

    @abstractmethod
    def read(self, file: BinaryIO) -> Iterator[ImportRow]:
        """Yield the rows of *file* in their order, each with the number of its line.

        A record that cannot be read is a row with an error, as `broken_row` makes it.

        Raises:
            ValidationError: The file is of another kind. It is raised before the first row.
        """

    def close(self) -> None:  # noqa: B027 - most formats keep nothing
        """Release what reading the file has kept."""

    def row(self, line: int, /, *, username: Any, email: Any = None, label: str = "", **fields: Any) -> ImportRow:
        """Return the row of one user.

        lback's user names have no at sign. If *username* is an e-mail address, it is used as the address of a user
        without one, and its local part becomes the user name; the user can still log in with the address. A user
        without a user name gets the local part of the address.

        Args:
            line: The number of the line, or of the first line, that the user is on.
            username: The user name.
            email: The e-mail address; without it, one is made of *username* and the e-mail domain.
            label: What identifies the user in the file besides, such as a distinguished name, for messages.
            fields: Other values by the columns of lback's own files. None means that the file does not say.
        """
        derived_from = None
        if isinstance(username, str):
            derived_from = username if "@" in username else None
            if not email and derived_from:
                email = username
            elif not email and username and self.email_domain is not None:
                email = f"{username}@{self.email_domain}"
            username = username_of(username) if derived_from else username
        if not username and isinstance(email, str):
            derived_from, username = email, username_of(email)
        values = {"username": username, "email": email, **fields}
        row = row_of(
            line, {name: value for name, value in values.items() if value is not None and value != ""}, self.columns
        )
        row.derived_from = derived_from
        if row.error is None and not email:
            # The other values are kept, so that a reject lacks nothing but the address.
            row.error = _no_address(username, label)
        return row


def _no_address(username: Any, label: str) -> ValidationError:
    if username:
        return ValidationError(
            "email",
            f"{safe(username, limit=_LONGEST_SHOWN)} has no e-mail address.",
            hint="Use --email-domain to make addresses from user names.",
        )
    shown = safe(label, limit=_LONGEST_SHOWN) if label else "The account"
    return ValidationError("email", f"{shown} has neither a user name nor an e-mail address.")


def crypt_hash(stored: str) -> str:
    """Return *stored*, a hash of crypt(3); one of DES gets a prefix, because 13 letters might be anything."""
    return f"{{CRYPT}}{stored}" if _DES.fullmatch(stored) else stored


def _canonical_domain(domain: str) -> str:
    from lback_cli.text.emails import canonical_email

    try:
        return canonical_email(f"x@{domain}").removeprefix("x@")
    except ValidationError as error:
        raise UsageError(
            f"--email-domain: {domain[:80]!r} is not a mail domain.", hint="Give one such as example.org."
        ) from error

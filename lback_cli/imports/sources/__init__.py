"""Users as other systems keep them: a reader for each kind of file that `lback user import --from` takes.

A reader is a module of this package with a function `read`, whose rows are in the order of the file and have the
numbers of its lines. Its rows' `original` fields are lback's own columns, so that a rejected row can be mended in a
plain CSV file. A record that cannot be read is a row with an error; a file that is of another kind altogether raises
`ValidationError` before the first row.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, BinaryIO

from lback_cli.errors import UsageError, ValidationError

if TYPE_CHECKING:
    from lback_cli.imports.row import Row


@dataclass(frozen=True, slots=True)
class SourceFormat:
    """Reads a kind of file; what that is *about*, in a line of help.

    *companion* says which second file goes with it, if any. *needs_domain* says that there may be users without an
    e-mail address, who then get one at a domain that is given. *extension* is what such a file's name ends in, where
    that is no form of lback's own.
    """

    name: str
    about: str
    companion: str | None = None
    needs_domain: bool = True
    extension: str | None = None

    def read(self, file: BinaryIO, companion: bytes | None = None, email_domain: str | None = None) -> Iterator["Row"]:
        """The rows of *file*; *companion* is the content of the second.

        *email_domain* turns a user name without an address into one: ``alice`` at ``example.org`` becomes
        ``alice@example.org``. Without it such a row is refused, unless the user name is an address.

        Raises `UsageError` for an option that this reader does not take, and for what is no domain.
        """
        options: dict[str, Any] = {}
        if self.companion is not None:
            options["companion"] = companion
        elif companion is not None:
            raise UsageError(f"--from {self.name} takes no second file.")
        if self.needs_domain:
            options["email_domain"] = None if email_domain is None else _checked_domain(email_domain)
        elif email_domain is not None:
            raise UsageError(f"--from {self.name} takes no --email-domain: its users have addresses.")
        rows: Iterator[Row] = import_module(f"{__name__}.{self.name}").read(file, **options)
        return rows


def _checked_domain(domain: str) -> str:
    from lback_cli.text.emails import canonical_email

    try:
        return canonical_email(f"x@{domain}").removeprefix("x@")
    except ValidationError as error:
        raise UsageError(
            f"--email-domain: {domain[:80]!r} is not a mail domain.", hint="Give one such as example.org."
        ) from error


SOURCES: Mapping[str, SourceFormat] = {
    reader.name: reader
    for reader in (
        SourceFormat("django", "Django: manage.py dumpdata auth.group auth.user", extension=".json"),
        SourceFormat("htpasswd", "Apache and nginx: an htpasswd file"),
        SourceFormat("keycloak", "Keycloak: kc.sh export --realm NAME --users realm_file", extension=".json"),
        SourceFormat(
            "kratos", "Ory Kratos: identities with their credentials, a JSON list or JSON Lines", extension=".json"
        ),
        SourceFormat("lback", "lback: lback user export --with-hashes, CSV or JSON Lines", needs_domain=False),
        SourceFormat("ldif", "LDAP: slapcat, or any LDIF with userPassword", extension=".ldif"),
        SourceFormat("shadow", "Unix: /etc/shadow", companion="/etc/passwd, which tells people from system accounts"),
    )
}
"""By name."""

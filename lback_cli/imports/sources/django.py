"""Read users from Django's dumpdata: `auth.user`, or a user model of the project's own, in JSON or JSON Lines."""

from collections.abc import Iterator
from typing import Any, BinaryIO

from lback_cli.errors import ValidationError
from lback_cli.imports.formats.json_stream import json_records
from lback_cli.imports.row import Row
from lback_cli.imports.sources.common import account_row
from lback_cli.text.escaping import safe

_GROUP, _USER = "auth.group", "auth.user"
_IDENTIFYING = frozenset({"username", "email", "last_login"})
"""What beside a password makes a user model of a project's own; every one inherits the last from AbstractBaseUser."""

_UNUSABLE = "!"  # how django.contrib.auth.hashers marks that there is no password
_LONGEST_SHOWN = 40


def read(file: BinaryIO, *, email_domain: str | None = None) -> Iterator[Row]:
    """The rows of *file*. Other models are passed over, and so are permissions and ``is_superuser``.

    Groups are known by name with ``--natural-foreign``, else by the `auth.group` entries, which dumpdata writes first.
    A user without a usable password is one without any.
    """
    groups: dict[Any, str] = {}
    for record in json_records(file):
        entry = record.data
        fields = entry.get("fields") if isinstance(entry, dict) else None
        if record.error is not None or not isinstance(fields, dict):
            yield record.unreadable("is not one of Django's: it has no fields")
        elif entry.get("model") == _GROUP:
            if isinstance(entry.get("pk"), int | str) and isinstance(fields.get("name"), str):
                groups[entry["pk"]] = fields["name"]
        elif entry.get("model") == _USER or ("password" in fields and not _IDENTIFYING.isdisjoint(fields)):
            yield record.located(_row(record.line, fields, groups, email_domain))


def _row(line: int, fields: dict[str, Any], known: dict[Any, str], email_domain: str | None) -> Row:
    password = fields.get("password")
    if isinstance(password, str) and password.startswith(_UNUSABLE):
        password = None
    groups, problem = _groups(fields.get("groups"), known)
    row = account_row(
        line,
        email_domain,
        username=fields.get("username"),
        email=fields.get("email"),
        password_hash=password,
        groups=groups or None,
        is_active=fields.get("is_active"),
    )
    row.error = row.error or problem
    return row


def _groups(references: Any, known: dict[Any, str]) -> tuple[Any, ValidationError | None]:
    """The names behind *references*, and what is wrong with the first that has none.

    One without a name is among them as what no group can be called, so that it is seen, and mended or taken out.
    """
    if not references:
        return None, None
    if not isinstance(references, list):
        return references, ValidationError("groups", "The groups are not a list.")
    names, problem = [], None
    for reference in references:
        name = _group(reference, known)
        if name is None:
            shown = safe(str(reference), limit=_LONGEST_SHOWN)
            problem = problem or ValidationError(
                "groups",
                f"The group {shown!r} is not in the file, or behind its members.",
                hint="Dump auth.group too, or use --natural-foreign.",
            )
        names.append(f"{_GROUP} #{shown}" if name is None else name)
    return names, problem


def _group(reference: Any, known: dict[Any, str]) -> str | None:
    """The name behind a natural key, which is a list of one, or a primary key."""
    if isinstance(reference, list) and len(reference) == 1 and isinstance(reference[0], str):
        return reference[0]
    return known.get(reference) if isinstance(reference, int | str) else None

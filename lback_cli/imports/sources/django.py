"""Read Django's dumpdata: `auth.user`, or a user model of the project, in JSON or JSON Lines."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

from lback_cli.errors import ValidationError
from lback_cli.imports.formats.json_stream import json_records
from lback_cli.imports.group_names import group_option
from lback_cli.imports.row import ImportRow
from lback_cli.imports.sources.base import SourceFormat
from lback_cli.text.escaping import safe

_GROUP, _USER = "auth.group", "auth.user"
_IDENTIFYING = frozenset({"username", "email", "last_login"})
"""A model with a password and one of these is a user model; every one inherits the last from AbstractBaseUser."""

_UNUSABLE = "!"  # the prefix by which django.contrib.auth.hashers marks a user without a password
_LONGEST_SHOWN = 40
_FIRST_RECORD = re.compile(rb'\s*\[?\s*\{[^{}]*"model"\s*:')


class Django(SourceFormat):
    """A dump of users and groups.

    Other models, permissions and ``is_superuser`` are ignored. With ``--natural-foreign`` groups are known by name,
    otherwise by the `auth.group` records, which dumpdata writes first. A user without a usable password has none here.
    """

    name = "django"
    description = "Django: manage.py dumpdata auth.group auth.user"
    extension = ".json"
    no_users_hint = "Dump them with: manage.py dumpdata auth.group auth.user"

    @classmethod
    def recognises(cls, start: bytes) -> bool:
        """Return whether the first record has a model and fields."""
        return _FIRST_RECORD.match(start) is not None and b'"fields"' in start

    def read(self, file: BinaryIO) -> Iterator[ImportRow]:
        """Yield a row for each user."""
        groups: dict[str, str] = {}
        for record in json_records(file):
            entry = record.data
            fields = entry.get("fields") if isinstance(entry, dict) else None
            if record.error is not None or not isinstance(fields, dict):
                yield record.unreadable("is not one of Django's: it has no fields")
                continue
            # Labels of models are case-insensitive, and loaddata takes any case.
            model = str(entry.get("model")).lower()
            if model == _GROUP:
                if isinstance(entry.get("pk"), int | str) and isinstance(fields.get("name"), str):
                    groups[str(entry["pk"])] = fields["name"]
            elif model == _USER or ("password" in fields and not _IDENTIFYING.isdisjoint(fields)):
                yield record.located(self._row(record.line, fields, groups))
            else:
                self.left_out["records that are not users"] += 1

    def _row(self, line: int, fields: dict[str, Any], known_groups: dict[str, str]) -> ImportRow:
        password = fields.get("password")
        if isinstance(password, str) and password.startswith(_UNUSABLE):
            password = None
        groups, problem = _groups(fields.get("groups"), known_groups, self.group_names)
        row = self.row(
            line,
            username=fields.get("username"),
            email=fields.get("email"),
            password_hash=password,
            groups=groups or None,
            is_active=fields.get("is_active"),
        )
        row.error = row.error or problem
        return row


def _groups(references: Any, known: dict[str, str], given: Mapping[str, str]) -> tuple[Any, ValidationError | None]:
    """Return the names of the groups that *references* mean, and the error of the first unknown one.

    An unknown group gets a name that no group can have, so that it shows in the rejects. The name may be *given*.
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
            name = f"{_GROUP} #{shown}"
            if name not in given:
                problem = problem or ValidationError(
                    "groups",
                    f"The group {shown!r} is not in the file, or comes after its members.",
                    hint=f"Dump auth.group too, use --natural-foreign, or add {group_option(name, 'NAME')}.",
                )
        names.append(name)
    return names, problem


def _group(reference: Any, known: dict[str, str]) -> str | None:
    """Return the name that *reference* means: a natural key, which is a list of one, or a primary key."""
    if isinstance(reference, list) and len(reference) == 1 and isinstance(reference[0], str):
        return reference[0]
    return known.get(str(reference)) if isinstance(reference, int | str) else None

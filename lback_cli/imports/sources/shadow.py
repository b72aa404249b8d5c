"""Read users from /etc/shadow (shadow(5)), and who of them is a person from /etc/passwd (passwd(5))."""

import io
import time
from collections.abc import Iterator
from typing import BinaryIO

from lback_cli.errors import ValidationError
from lback_cli.imports.formats.text_lines import text_lines
from lback_cli.imports.row import Row, broken_row
from lback_cli.imports.sources.common import account_row, crypt_hash
from lback_cli.security.unusable import UNUSABLE_PASSWORD

_FIELDS = 9
_FIRST_PERSON = 1000  # UID_MIN of login.defs(5)
_NOBODY = 65534
_UID = 2  # the field of passwd(5)
_SECONDS_PER_DAY = 86400


def read(file: BinaryIO, *, companion: bytes | None = None, email_domain: str | None = None) -> Iterator[Row]:
    """The rows of *file*; with *companion*, a passwd file, those of the system's own accounts are passed over.

    A locked or expired account is inactive; it keeps its hash where it has one. One whose password is empty, which
    lets anybody in, has none here.
    """
    people = None if companion is None else _people(companion)
    return _rows(file, people, email_domain)


def _rows(file: BinaryIO, people: dict[str, bool] | None, email_domain: str | None) -> Iterator[Row]:
    for number, line, raw in text_lines(file):
        if isinstance(line, ValidationError):
            yield broken_row(number, line, raw=raw)
            continue
        fields = line.split(":")
        name = fields[0]
        if len(fields) != _FIELDS:
            problem = f"The line has {len(fields)} fields; one of a shadow file has {_FIELDS}."
            yield broken_row(number, ValidationError("row", problem), raw=raw)
        elif people is None or people.get(name, True):
            row = _row(number, fields, email_domain)
            if people is not None and name not in people:
                row.error = ValidationError("username", f"{name!r} is not in the passwd file.")
            yield row


def _row(number: int, fields: list[str], email_domain: str | None) -> Row:
    name, password, expires = fields[0], fields[1], fields[7]
    stored = password.lstrip("!")
    locked = stored != password or stored.startswith("*") or _is_past(expires)
    if stored.startswith("*") or (locked and not stored):
        stored = UNUSABLE_PASSWORD
    active = False if locked else None
    return account_row(number, email_domain, username=name, password_hash=crypt_hash(stored), is_active=active)


def _is_past(day: str) -> bool:
    """Whether *day*, counted from 1970, is today or before; an empty one never comes."""
    return day.isascii() and day.isdigit() and int(day[:9]) <= time.time() // _SECONDS_PER_DAY


def _people(passwd: bytes) -> dict[str, bool]:
    """Whether each name of a passwd file is a person's, by its user id."""
    entries = [line.text.split(":") for line in text_lines(io.BytesIO(passwd)) if isinstance(line.text, str)]
    return {fields[0]: _is_person(fields[_UID]) for fields in entries if len(fields) > _UID}


def _is_person(uid: str) -> bool:
    return uid.isascii() and uid.isdigit() and int(uid[:10]) >= _FIRST_PERSON and int(uid[:10]) != _NOBODY

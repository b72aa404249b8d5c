"""Read /etc/shadow (shadow(5)), and /etc/passwd (passwd(5)) to separate people from system accounts."""

import io
import time
from collections.abc import Iterator
from typing import BinaryIO

from lback_cli.errors import ValidationError
from lback_cli.imports.formats.text_lines import text_lines
from lback_cli.imports.row import ImportRow, broken_row
from lback_cli.imports.sources.base import SourceFormat, crypt_hash
from lback_cli.security.stored_hashes import UNUSABLE_PASSWORD

_FIELDS = 9
_FIRST_PERSON = 1000  # UID_MIN of login.defs(5)
_UNPRIVILEGED_UID = 65534
_UID = 2  # the field of passwd(5)
_SECONDS_PER_DAY = 86400


class Shadow(SourceFormat):
    """A shadow file; with a passwd file as companion, without the system accounts.

    A locked or expired account is inactive, and keeps its hash if it has one. An account with an empty password, which
    needs no password at all on the system, gets none here.
    """

    name = "shadow"
    description = "Unix: /etc/shadow"
    companion_description = "/etc/passwd, which separates people from system accounts"

    @classmethod
    def recognises(cls, start: bytes) -> bool:
        """Return whether the first line has the fields of a shadow file."""
        fields = start.partition(b"\n")[0].split(b":")
        return len(fields) == _FIELDS and fields[2].isdigit()

    def read(self, file: BinaryIO) -> Iterator[ImportRow]:
        """Yield a row for each account of a person."""
        people = None if self.companion is None else _people(self.companion)
        for number, line, raw in text_lines(file):
            if isinstance(line, ValidationError):
                yield broken_row(number, line, raw=raw)
                continue
            fields = line.split(":")
            name = fields[0]
            if len(fields) != _FIELDS:
                problem = f"The line has {len(fields)} fields; one of a shadow file has {_FIELDS}."
                yield broken_row(number, ValidationError("row", problem), raw=raw)
            elif people is not None and not people.get(name, True):
                self.left_out["system accounts"] += 1
            else:
                row = self._row(number, fields)
                if people is not None and name not in people:
                    row.error = ValidationError("username", f"{name!r} is not in the passwd file.")
                yield row

    def _row(self, number: int, fields: list[str]) -> ImportRow:
        name, password, expires = fields[0], fields[1], fields[7]
        stored = password.lstrip("!")
        is_locked = stored != password or stored.startswith("*") or _is_past(expires)
        if stored.startswith("*") or (is_locked and not stored):
            stored = UNUSABLE_PASSWORD
        is_active = False if is_locked else None
        return self.row(number, username=name, password_hash=crypt_hash(stored), is_active=is_active)


def _is_past(day: str) -> bool:
    """Return whether *day*, counted from 1970, is today or earlier; an empty day never comes."""
    return day.isascii() and day.isdigit() and int(day[:9]) <= time.time() // _SECONDS_PER_DAY


def _people(passwd: bytes) -> dict[str, bool]:
    """Return for each name of a passwd file whether its user id is that of a person."""
    entries = [line.text.split(":") for line in text_lines(io.BytesIO(passwd)) if isinstance(line.text, str)]
    return {fields[0]: _is_person(fields[_UID]) for fields in entries if len(fields) > _UID}


def _is_person(uid: str) -> bool:
    return uid.isascii() and uid.isdigit() and int(uid[:10]) >= _FIRST_PERSON and int(uid[:10]) != _UNPRIVILEGED_UID

"""Read LDIF (RFC 2849): people, as slapcat, ldapsearch and tools of Active Directory write them."""

import re
from collections.abc import Iterator
from typing import BinaryIO

from lback_cli.errors import ValidationError
from lback_cli.imports.row import ImportRow, broken_row
from lback_cli.imports.sources import active_directory
from lback_cli.imports.sources.base import SourceFormat
from lback_cli.imports.sources.ldif_entries import Entry, ldif_entries
from lback_cli.imports.sources.ldif_groups import LdifGroups, is_group

_WANTED = frozenset(
    {"dn", "changetype", "objectclass", "uid", "mail", "userpassword", "pwdaccountlockedtime", "nsaccountlock"}
    | {"search", "result", "ref", "memberof"}
    | active_directory.WANTED
)
_PERSON = "inetorgperson"
_END_OF_SEARCH = frozenset({"search", "result", "control"})
_PLAIN = re.compile(r"\{(?:CLEARTEXT|CLEAR|PLAIN)\}(.*)", re.IGNORECASE | re.DOTALL)
_LOCKED_CRYPT = re.compile(r"(\{CRYPT\})!+(.*)", re.IGNORECASE | re.DOTALL)
_FIRST_LINE = re.compile(rb"(?:\s+|#[^\n]*\n)*(?:dn::?\s|version:\s*1\s)", re.IGNORECASE)
_COMPLETE = frozenset({"0 Success", "0"})
"""What ``ldapsearch`` writes after the entries of a search that returned all of them."""

_GROUPS = "groups"
_FOREVER = "000001010000Z"  # pwdAccountLockedTime of an account that an administrator locked


class Ldif(SourceFormat):
    """Entries with a ``uid``, of the class ``inetOrgPerson``, or users of Active Directory; others are left out.

    Groups are those of ``memberOf``, and entries of groups that name a person as a member. Of any other attribute, the
    first of several values is used. A password that is not hashed is imported as a plain password, so it has to
    meet the policy. A value in another file (``:<``) is not read.
    """

    name = "ldif"
    description = "LDAP and Active Directory: slapcat, ldapsearch, ldifde, or any other LDIF"
    extension = ".ldif"
    _groups: LdifGroups | None = None

    @classmethod
    def recognises(cls, start: bytes) -> bool:
        """Return whether the first line that is not a comment begins an entry, or gives the version of LDIF."""
        return _FIRST_LINE.match(start) is not None

    def close(self) -> None:
        """Remove the temporary file with memberships."""
        if self._groups is not None:
            self._groups.close()

    def read(self, file: BinaryIO) -> Iterator[ImportRow]:
        """Yield a row for each person, with the number of the line of its ``dn``."""
        if not self.ignores_groups:
            self._groups = self._groups or LdifGroups(self.group_names)
            self._groups.collect(file)
        for entry in ldif_entries(file, _WANTED):
            if (row := self._row_of(entry)) is not None:
                yield row
        if self._groups is not None:
            self._groups.count(self.left_out)

    def _row_of(self, entry: Entry) -> ImportRow | None:
        """Return the row of *entry*, or None if it is left out."""
        if entry.error is None and "dn" not in entry.values:
            if entry.names <= _END_OF_SEARCH and entry.first("result") in _COMPLETE:
                return None
            entry.error = _no_dn(entry)
            if entry.names == {"ref"}:
                self.left_out["references to other servers"] += 1
                return None
        changetype = entry.first("changetype")
        if changetype not in {None, "add"}:
            entry.error = ValidationError("row", f"The record is a change ({str(changetype)[:20]!r}), not an entry.")
        if entry.error is not None:
            return broken_row(entry.number, entry.error, raw=bytes(entry.raw))
        if (kind := self._kind_left_out(entry)) is None:
            return self._row(entry)
        if kind != _GROUPS or self.ignores_groups:
            self.left_out[kind] += 1
        return None

    def _kind_left_out(self, entry: Entry) -> str | None:
        """Return what *entry* is if it is not a person, or None; groups with members are counted by `LdifGroups`."""
        if active_directory.is_machine(entry.values, entry.classes):
            return "accounts of machines"
        if "uid" in entry.values or _PERSON in entry.classes or active_directory.is_user(entry.classes):
            return None
        return _GROUPS if is_group(entry) else "entries that are not people"

    def _row(self, entry: Entry) -> ImportRow:
        stored = entry.first("userpassword")
        password, is_locked = None, False
        if stored is not None and (match := _LOCKED_CRYPT.fullmatch(stored)):
            stored, is_locked = (match[1] + match[2] if match[2] else None), True
        if stored is not None and (match := _PLAIN.fullmatch(stored)):
            stored, password = None, match[1]
        elif stored is not None and not stored.startswith("{"):
            stored, password = None, stored
        is_locked |= entry.first("pwdaccountlockedtime") == _FOREVER
        is_locked |= (entry.first("nsaccountlock") or "").lower() == "true"
        is_active = active_directory.is_active(entry.values)
        name = entry.first("uid") or entry.first("samaccountname") or entry.first("userprincipalname")
        names, ambiguity = (None, None) if self._groups is None else self._groups.of(entry, self.left_out)
        row = self.row(
            entry.number,
            username=name,
            email=entry.first("mail") or active_directory.address(entry.values),
            label=entry.first("dn") or "",
            password=password,
            password_hash=stored,
            groups=names,
            is_active=False if is_locked else is_active,
        )
        row.error = row.error or ambiguity
        return row


def _no_dn(entry: Entry) -> ValidationError:
    if entry.names <= _END_OF_SEARCH:
        result = entry.first("result")
        return ValidationError(
            "row",
            f"The search ended early, so entries are missing: its result is {str(result)[:80]!r}.",
            hint="Search again without a limit of size or time.",
        )
    return ValidationError("row", "The entry has no dn.")

"""The groups in LDIF: ``memberOf`` of people, and entries with members (RFC 4519, RFC 2307, MS-ADTS)."""

import re
import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, BinaryIO

from lback_cli.errors import Unusable, ValidationError
from lback_cli.imports.distinguished_names import canonical_entry_name, common_name
from lback_cli.imports.identified_groups import DirectoryGroups
from lback_cli.imports.sources.ldif_entries import Entry, Line, ldif_lines, value_of

_CLASSES = frozenset({"groupofnames", "groupofuniquenames", "groupofmembers", "posixgroup", "group"})
_OF_ENTRIES, _OF_UIDS = frozenset({"member", "uniquemember"}), "memberuid"
_READ = frozenset({"dn", "objectclass", "cn", "memberof", _OF_UIDS, *_OF_ENTRIES})
_MARK = re.compile(rb"^(?:memberof|member|uniquemember|memberuid)[ ]*[;:]", re.IGNORECASE | re.MULTILINE)
_UNIQUE_IDENTIFIER = re.compile(r"#'[01]*'B$")
"""What may follow the name of an entry in ``uniqueMember`` (RFC 4517, section 3.3.21)."""

_RANGE = re.compile(rb"member;range=[0-9]+-([0-9]+|\*)", re.IGNORECASE)
"""How Active Directory names a part of the members of a large group (MS-ADTS, section 3.1.1.3.1.3.3)."""

_PIECE = 64 * 1024
_LONGEST_MARK = 64
_AT_ONCE = 1000
"""Memberships that are stored at once."""


def is_group(entry: Entry) -> bool:
    """Return whether *entry* is a group."""
    return not _CLASSES.isdisjoint(entry.classes)


class LdifGroups:
    """The groups of the people in a file.

    A group may come before or after its members, and two groups may have one name, so all groups are read before the
    first person. The memberships are in a temporary file, because a large directory has millions.

    Args:
        given: The names that the user gives to some groups.
    """

    def __init__(self, given: Mapping[str, str]) -> None:
        self._groups = DirectoryGroups(given)
        self._collector = _Collector(self._groups)
        self._stored: sqlite3.Connection | None = None
        self._found = 0
        self._used: set[str] = set()

    def close(self) -> None:
        """Remove the temporary file."""
        if self._stored is not None:
            self._stored.close()

    def collect(self, file: BinaryIO) -> None:
        """Read the groups of *file* unless that was done, and begin to count the memberships of people.

        The position in the file stays the same.
        """
        self._found, self._used = 0, set()
        if self._stored is not None:
            return
        self._stored = sqlite3.connect("", isolation_level=None)
        start = file.tell()
        if _has_groups(file):
            file.seek(start)
            try:
                self._store(self._collector.memberships(file), self._stored)
            except sqlite3.Error as error:
                raise Unusable(
                    f"Cannot store the memberships in a temporary file: {error}.",
                    hint="Set TMPDIR to a directory with enough space, or add --ignore groups.",
                ) from error
        file.seek(start)

    def of(self, entry: Entry, left_out: Counter[str]) -> tuple[Any, ValidationError | None]:
        """Return the names of the groups of *entry*, a person, and the error of the first one without a name."""
        found = dict[str, str]()
        for name in entry.values.get("memberof", ()):
            if common_name(name) or canonical_entry_name(name) in self._groups.common_names:
                found[canonical_entry_name(name)] = name
            else:
                left_out["memberships in entries without a cn"] += 1
        for name in self._memberships(entry):
            found.setdefault(canonical_entry_name(name), name)
        self._used |= found.keys()
        return self._groups.names(list(found.values()))

    def count(self, left_out: Counter[str]) -> None:
        """Add to *left_out*, when all people are read, what belongs to none of them."""
        collected = self._collector
        unused = {canonical_entry_name(name) for name in collected.names if name is not None} - self._used
        without_people = {
            "members that are not people of the file": collected.members - self._found,
            "groups without people of the file": len(unused),
        }
        left_out.update(+(collected.problems + Counter(without_people)))

    def _memberships(self, entry: Entry) -> Iterator[str]:
        """Yield the names of the groups that name *entry* as a member."""
        if self._stored is None or not self._collector.members:
            return
        keys = [*map(canonical_entry_name, entry.values.get("dn", ())), *map(_uid, entry.values.get("uid", ()))]
        for key in keys:
            for (number,) in self._stored.execute("SELECT number FROM members WHERE member = ?", (key,)):
                if (name := self._collector.names[number]) is not None:
                    self._found += 1
                    yield name

    def _store(self, memberships: Iterator[tuple[str, int]], stored: sqlite3.Connection) -> None:
        stored.execute("PRAGMA journal_mode = OFF")
        stored.execute("CREATE TABLE members (member TEXT, number INTEGER)")
        while some := list(islice(memberships, _AT_ONCE)):
            stored.executemany("INSERT INTO members VALUES (?, ?)", some)
        stored.execute("CREATE INDEX by_member ON members (member)")


class _Collector:
    """Reads the groups of a file.

    Attributes:
        names: The names of the entries that have members; None of an entry that is not a group.
        members: The number of memberships in groups.
        problems: What cannot be read, by reason.
    """

    def __init__(self, groups: DirectoryGroups) -> None:
        self._groups = groups
        self.names: list[str | None] = []
        self.members = 0
        self.problems: Counter[str] = Counter()
        self._begin()

    def memberships(self, file: BinaryIO) -> Iterator[tuple[str, int]]:
        """Yield the members of the entries, as they are looked up, with the index of the entry in `names`."""
        for line in ldif_lines(file):
            if not line.raw:
                self._end()
            elif not line.raw.startswith(b"#") and (member := self._read(line)) is not None:
                self._members += 1
                yield member, len(self.names)
        self._end()

    def _begin(self) -> None:
        self._name: str | None = None
        self._common_name: str | None = None
        self._classes: set[str] = set()
        self._members = 0
        self._is_cut = False

    def _read(self, line: Line) -> str | None:
        """Return the member on *line*, or None if the line is another attribute, which is kept if it matters."""
        attribute, _, rest = line.attribute()
        if attribute not in _READ:
            return None
        if (cut := _RANGE.match(line.raw)) is not None:
            self._is_cut = cut[1] != b"*"
        names_member = attribute in _OF_ENTRIES or attribute == _OF_UIDS
        try:
            value = value_of(line, rest)
        except ValueError:
            self.problems["members that cannot be read"] += names_member
            return None
        if attribute == "dn":
            self._name = value
        elif attribute == "cn":
            self._common_name = self._common_name or value
        elif attribute == "objectclass":
            self._classes.add(value.lower())
        elif attribute == "memberof":
            self._groups.add(value)
        elif attribute == _OF_UIDS:
            return _uid(value)
        return canonical_entry_name(_UNIQUE_IDENTIFIER.sub("", value)) if attribute in _OF_ENTRIES else None

    def _end(self) -> None:
        """Note the entry that was read."""
        name = self._name
        is_a_group = name is not None and not self._classes.isdisjoint(_CLASSES)
        if name is not None and is_a_group:
            if common_name(name) is None and self._common_name is not None:
                self._groups.common_names[canonical_entry_name(name)] = self._common_name
            self._groups.add(name)
            self.members += self._members
            self.problems["groups with only a part of their members"] += self._is_cut
        if is_a_group or self._members:
            self.names.append(name if is_a_group else None)
        self._begin()


def _uid(value: str) -> str:
    """Return what a user id is looked up as; no name of an entry is like it."""
    return f"uid:{value.strip().casefold()}"


def _has_groups(file: BinaryIO) -> bool:
    """Return whether a line of *file* names a group or a member."""
    rest = b"\n"
    while piece := file.read(_PIECE):
        if _MARK.search(rest + piece):
            return True
        rest = piece[-_LONGEST_MARK:]
    return False

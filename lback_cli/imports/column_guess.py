"""Proposals for the columns of other programs: which field a column probably is, by its name and its cells."""

import re
from collections.abc import Callable, Container, Mapping, Sequence
from typing import NamedTuple

from lback_cli.errors import ValidationError
from lback_cli.imports.assignments import Pairs, escaped_name, pair
from lback_cli.imports.column_names import meanings, plain
from lback_cli.imports.columns import INACTIVE, ImportColumns
from lback_cli.imports.distinguished_names import entry_names
from lback_cli.imports.options import IGNORE_ALL
from lback_cli.imports.words import boolean
from lback_cli.security.hash_formats import is_known_form
from lback_cli.text.escaping import safe
from lback_cli.text.shell_quoting import command_line

MOST_IGNORED = 12
"""Columns to ignore by name; of more, all are ignored that are unknown."""

_ACTIVITIES = frozenset({"is_active", INACTIVE})
_BOOLEANS = _ACTIVITIES | {"is_email_verified"}
_IMPORTANT = _BOOLEANS | {"password", "password_hash", "groups"}
"""Fields of which a second column is worth a word."""

_HASHING = ("salt", "hashfunction", "hashalgorithm", "encryptionscheme", "encryption")
"""The ends of names of columns that only hashes of passwords need."""

_STATES = ("status", "state")
"""The ends of names of columns in which a number may mean anything."""

_PARTS_OF_ADDRESSES = frozenset({"city", "postalcode", "zip", "zipcode", "street", "streetaddress", "country"})
"""Names of columns beside which a column called ``state`` is a part of a postal address."""

_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_OF_OTHERS = re.compile(
    "manager|supervisor|boss|parent|guardian|sponsor|contact|owner|creat|modif|vorgesetz|leitung|eltern|responsable|"
    "recover|second|alternat|backup|privat|personal|home|other"
)
"""The parts of names of columns with addresses of other people, or with further ones."""

_ACTIVITY = re.compile(
    "(in|de)?(activ|aktiv)|enabled|disabled|blocked|blockiert|locked|suspen|sperr|ausgesch|austritt|terminat|expir|"
    "ablauf|validuntil|gueltigbis|gultigbis|habilit|abilitat|bloq"
)
_OTHER_ACTIVITY = re.compile(
    "activation|activit|aktivit|lastacti|password|passwort|token|key|mfa|2sv|2fa|twofactor|otp|billing|notif|mail|sync"
)
"""The parts of names of columns that may say who is active, and of those that do not."""

MAY_SAY = "it may say who is active"
"""Why a column that no import can read matters."""

_ENTRY = re.compile("(cn|ou|uid)=[^,;]*,[ ]?(cn|ou|dc|o)=", re.IGNORECASE)
"""A part of the name of an entry in a directory (RFC 4514)."""

_DIGEST = re.compile(r"(?:[0-9a-fA-F]{16}){2,8}|[A-Za-z0-9+/_-]{42,}={0,2}")
"""A digest in hex or base64; passwords that people choose are shorter, or have other characters."""

_FULL_NAMES = "user names have no spaces"
_LONGEST_SHOWN = 40


class Misfit(NamedTuple):
    """A column that by its name is a field, and by its cells is not, or is needed no more.

    Attributes:
        column: The name of the column.
        field: The field.
        reason: Why it is not read, in words.
    """

    column: str
    field: str
    reason: str

    @property
    def text(self) -> str:
        """What is not read, and why."""
        column = safe(self.column, limit=_LONGEST_SHOWN)
        return f"The column '{column}' is not read as {self.field}: {self.reason}."


class ColumnGuess(NamedTuple):
    """Which fields some columns probably are.

    Attributes:
        pairs: Fields with the columns that they are read from.
        misfits: Columns that matter and are not read.
    """

    pairs: Pairs
    misfits: Sequence[Misfit]


def guess_columns(names: Sequence[str], taken: Container[str], known: ImportColumns) -> Pairs:
    """Return which fields some of the columns called *names* probably are: pairs of a field and a column.

    Args:
        names: The names of columns that are unknown.
        taken: The fields that other columns are.
        known: The columns that an import reads.
    """
    return guess_by_cells(names, taken, known, lambda _: ()).pairs


def guess_by_cells(
    names: Sequence[str], taken: Container[str], known: ImportColumns, cells_of: Callable[[str], Sequence[str]]
) -> ColumnGuess:
    """Return which fields some of the columns called *names* probably are, if their cells fit.

    Args:
        names: The names of columns that are unknown.
        taken: The fields that other columns are.
        known: The columns that an import reads.
        cells_of: Returns some cells of a column that are not empty.
    """
    own = {plain(name): name for name in known.attributes}
    has_addresses = not _PARTS_OF_ADDRESSES.isdisjoint(map(plain, names))
    possible = sorted(
        (rank, index, field, name)
        for index, name in enumerate(names)
        for field, rank in meanings(name, own)
        if not (has_addresses and plain(name) == "state")
    )
    found: dict[str, str] = {}
    misfits: dict[str, Misfit] = {}
    hashing = next((name for name in names if plain(name).endswith(_HASHING) and any(cells_of(name))), None)
    for _, _, possible_field, name in possible:
        cells = cells_of(name)
        if name in found.values() or any(cell.startswith(("{", "[{")) for cell in cells):
            continue
        is_hash = possible_field == "password" and cells and all(map(is_known_form, cells))
        field = "password_hash" if is_hash else possible_field  # Laravel and others call it the password
        reason = _misfit(field, name, cells)
        if field == "password" and hashing is not None:
            reason = f"it holds hashes, as '{safe(hashing, limit=_LONGEST_SHOWN)}' shows"
        if reason is None and (field in found or field in taken):
            other = found.get(field, "another column")
            reason = f"{other} says that already" if cells and field in _IMPORTANT else None
        elif reason is None:
            found[field] = name
        if reason is not None:
            misfits.setdefault(name, Misfit(name, field, reason))
    if "email" not in found and "email" not in taken and (address := _addresses(names, found, cells_of)) is not None:
        found["email"] = address
    full_names = next((name for name, misfit in misfits.items() if misfit.reason == _FULL_NAMES), None)
    if full_names is not None and "display_name" not in taken:
        found.setdefault("display_name", full_names)
    found = _of_one_object(found)
    if not _says_who_is_active(found) and not _says_who_is_active(taken):
        rest = [name for name in names if name not in found.values() and name not in misfits]
        may_say = [name for name in rest if _may_say_who_is_active(name, cells_of(name))]
        misfits |= {name: Misfit(name, "is_active", MAY_SAY) for name in may_say}
    unread = [_with_warning(misfit, found) for name, misfit in misfits.items() if name not in found.values()]
    return ColumnGuess(tuple(sorted(found.items(), key=lambda one: names.index(one[1]))), unread)


def _addresses(names: Sequence[str], found: Mapping[str, str], cells_of: Callable[[str], Sequence[str]]) -> str | None:
    """Return the only column that has addresses, whatever its name is, unless that says whose they are."""
    having = [
        name
        for name in names
        if name not in found.values()
        and (cells := cells_of(name))
        and all(map(_ADDRESS.fullmatch, map(str.strip, cells)))
    ]
    if any(_ADDRESS.fullmatch(name.strip()) for name in names):
        return None  # the first line is a user
    return having[0] if len(having) == 1 and not _OF_OTHERS.search(plain(having[0])) else None


def _of_one_object(found: dict[str, str]) -> dict[str, str]:
    """Return *found* without the keys of nested objects that are about something else than the user, such as a team."""
    first, *rest = (found.get("username") or found.get("email") or "").split(".")
    if not rest:
        return found
    return {field: name for field, name in found.items() if "." not in name or name.split(".")[0] == first}


def _with_warning(misfit: Misfit, found: Container[str]) -> Misfit:
    if misfit.field in {"is_active", INACTIVE} and not _says_who_is_active(found):
        return misfit._replace(reason=f"{misfit.reason}; without it all users are active")
    return misfit


def _says_who_is_active(fields: Container[str]) -> bool:
    return "is_active" in fields or INACTIVE in fields


def _may_say_who_is_active(name: str, cells: Sequence[str]) -> bool:
    if not cells or any("@" in cell for cell in cells):
        return False
    word = plain(name)
    return _ACTIVITY.search(word) is not None and _OTHER_ACTIVITY.search(word) is None


def proposed_options(names: Sequence[str], taken: Container[str], known: ImportColumns) -> str:
    """Return the options that let an import take columns called *names*, which are unknown, quoted for a shell."""
    pairs = guess_columns(names, taken, known)
    mapped = {column for _, column in pairs}
    rest = [name for name in names if name not in mapped]
    words = ["--map", ",".join(pair(field, column) for field, column in pairs)] if pairs else []
    if not rest:
        return command_line(words)
    words += ["--ignore", ",".join(map(escaped_name, rest)) if len(rest) <= MOST_IGNORED else IGNORE_ALL]
    alternative = command_line(["--map", "FIELD=" + escaped_name(rest[0])])
    return f"{command_line(words)}, or {alternative} to read it. Fields are {', '.join(known.names)}"


def _misfit(field: str, name: str, cells: Sequence[str]) -> str | None:
    """Return why a column with these *cells* is not *field*, or None."""
    if field in _BOOLEANS:
        return _not_boolean(field, name, cells)
    if field == "email" and cells and not any("@" in cell for cell in cells):
        return "it has no address"
    if field == "groups" and any(_ENTRY.search(cell) and entry_names(cell) is None for cell in cells):
        return "it has names of entries, such as CN=...,DC=..., that cannot be separated"
    if field == "username" and cells and 2 * sum(" " in cell.strip() for cell in cells) >= len(cells):
        return _FULL_NAMES
    return _no_password(cells) if field == "password" and cells else None


def _no_password(cells: Sequence[str]) -> str | None:
    if all(len(set(cell)) == 1 for cell in cells):
        return "it holds no passwords"
    return "it holds hashes of an unknown kind" if all(map(_DIGEST.fullmatch, cells)) else None


def _not_boolean(field: str, name: str, cells: Sequence[str]) -> str | None:
    is_state = plain(name).endswith(_STATES)
    unclear = list[str]()
    for cell in cells:
        shown = f"'{safe(cell, limit=_LONGEST_SHOWN)}'"
        if is_state and cell.strip().isdecimal():
            return f"{shown} may mean either"
        try:
            boolean(cell, field)
        except ValidationError:
            unclear.append(f"{shown} is neither true nor false")
    # If a few users are refused, a person decides about them; if the column is not read, all are active.
    most = max(len(cells) - 1, 0) // 2 if field in _ACTIVITIES else 0
    return unclear[0] if len(unclear) > most else None

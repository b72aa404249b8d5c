"""What options say about every row: user names from addresses, groups under other names, addresses to trust."""

from collections.abc import Iterator, Mapping

from lback_cli.attributes import Attribute, Value
from lback_cli.errors import UsageError, ValidationError
from lback_cli.imports.distinguished_names import is_entry_name
from lback_cli.imports.identified_groups import DirectoryGroups
from lback_cli.imports.options import ImportOptions
from lback_cli.imports.row import ImportRow, username_of

_GUEST = "#EXT#"
"""What Microsoft Entra puts into the user names of guests, which are not addresses."""


_UNSETTING = "'lback user update --set NAME=' does."


class RowRules:
    """Applies to each row what *options* say about all.

    Args:
        options: The options of the import.
        known: The attributes that rows may have, by name.

    Raises:
        UsageError: The value of an attribute is not of its type, or belongs to one user only.
    """

    def __init__(self, options: ImportOptions, known: Mapping[str, Attribute]) -> None:
        self._attributes = dict(_value(known[name], text) for name, text in options.attributes)
        self._dropped = options.ignored if options.is_foreign else ()
        self._derives_usernames = options.username_from == "email"
        self._assumes_verified = options.assume_verified
        self._groups = {value.lower(): group for value, group in options.group_map}
        # A source format knows what its groups are called.
        self._entries = None if options.is_foreign else DirectoryGroups(dict(options.group_map))
        self._changes_all = bool(self._dropped or self._derives_usernames or self._assumes_verified or self._attributes)

    def apply(self, rows: Iterator[ImportRow]) -> Iterator[ImportRow]:
        """Yield *rows*, changed. A row with an error in what is not left out stays as it is."""
        changes_all = self._changes_all
        for row in rows:
            if changes_all or row.groups:
                if row.error is not None and getattr(row.error, "field", None) in self._dropped:
                    row.error = None
                if row.error is None:
                    self._change(row)
            yield row

    def _change(self, row: ImportRow) -> None:
        for name in self._dropped:
            setattr(row, name, None)
        if row.groups and self._entries is not None and any(map(is_entry_name, row.groups)):
            names, row.error = self._entries.names(list(row.groups))
            row.groups = tuple(names)
        if self._derives_usernames:
            _derive_username(row)
        if self._groups and row.groups:
            row.groups = tuple(dict.fromkeys(self._groups.get(name.lower(), name) for name in row.groups))
        if self._assumes_verified and row.is_email_verified is None:
            row.is_email_verified = True
        if self._attributes:
            row.attributes = {**self._attributes, **(row.attributes or {})}


def _value(attribute: Attribute, text: str) -> tuple[str, Value]:
    if attribute.unique:
        raise UsageError(f"--set: {attribute.name} has a different value for each user.", hint="Give it a column.")
    try:
        value = attribute.parse(text)
    except ValidationError as error:
        raise UsageError(f"--set {error.message}", hint=error.hint) from error
    if value is None:
        raise UsageError(f"--set {attribute.name}: an import unsets no attribute.", hint=_UNSETTING)
    return attribute.name, value


def _derive_username(row: ImportRow) -> None:
    """Make the user name of *row* of its address, if it has none or one that is an address."""
    if row.username and "@" not in row.username:
        return
    row.email = row.email or row.username
    is_guest = _GUEST in row.username.upper()
    row.derived_from = row.email if is_guest else row.username or row.email
    row.username = username_of(row.derived_from)

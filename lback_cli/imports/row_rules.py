"""What options say about every row: user names from addresses, groups under other names, addresses to trust."""

from collections.abc import Iterator

from lback_cli.imports.options import ImportOptions
from lback_cli.imports.row import ImportRow

_GUEST = "#EXT#"
"""What Microsoft Entra puts into the user names of guests, which are not addresses."""


class RowRules:
    """Applies to each row what *options* say about all."""

    def __init__(self, options: ImportOptions) -> None:
        self._derives_usernames = options.username_from == "email"
        self._assumes_verified = options.assume_verified
        self._groups = {value.lower(): group for value, group in options.group_map}

    def __bool__(self) -> bool:
        """Return whether there is anything to apply."""
        return bool(self._derives_usernames or self._assumes_verified or self._groups)

    def apply(self, rows: Iterator[ImportRow]) -> Iterator[ImportRow]:
        """Yield *rows*, changed. A row with an error stays as it is."""
        for row in rows:
            if row.error is None:
                self._change(row)
            yield row

    def _change(self, row: ImportRow) -> None:
        if self._derives_usernames:
            _derive_username(row)
        if self._groups and row.groups:
            row.groups = tuple(dict.fromkeys(self._groups.get(name.lower(), name) for name in row.groups))
        if self._assumes_verified and row.is_email_verified is None:
            row.is_email_verified = True


def _derive_username(row: ImportRow) -> None:
    """Make the user name of *row* of its address, if it has none or one that is an address."""
    if row.username and "@" not in row.username:
        return
    row.email = row.email or row.username
    is_guest = _GUEST in row.username.upper()
    row.derived_from = row.email if is_guest else row.username or row.email
    row.username = row.derived_from.strip().rpartition("@")[0]

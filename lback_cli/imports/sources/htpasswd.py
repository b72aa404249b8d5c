"""Read users from an htpasswd file: a name and a hash a line, in any scheme that Apache and nginx share with lback."""

from collections.abc import Iterator
from typing import BinaryIO

from lback_cli.errors import ValidationError
from lback_cli.imports.formats.text_lines import text_lines
from lback_cli.imports.row import Row, broken_row
from lback_cli.imports.sources.common import account_row, crypt_hash


def read(file: BinaryIO, *, email_domain: str | None = None) -> Iterator[Row]:
    """The rows of *file*. What follows a second colon is a comment of nginx's."""
    for number, line, raw in text_lines(file):
        if isinstance(line, ValidationError):
            yield broken_row(number, line, raw=raw)
            continue
        name, _, rest = line.partition(":")
        stored = rest.partition(":")[0].strip()
        if name and stored:
            yield account_row(number, email_domain, username=name.strip(), password_hash=crypt_hash(stored))
        else:
            problem = ValidationError("row", "The line is not a name, a colon and a password hash.")
            yield broken_row(number, problem, raw=raw)

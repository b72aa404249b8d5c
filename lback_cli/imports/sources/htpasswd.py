"""Read htpasswd files of Apache and nginx."""

import re
from collections.abc import Iterator
from typing import BinaryIO

from lback_cli.errors import ValidationError
from lback_cli.imports.formats.text_lines import text_lines
from lback_cli.imports.row import ImportRow, broken_row
from lback_cli.imports.sources.base import SourceFormat, crypt_hash

_FIRST_LINE = re.compile(rb"(?:\s+|#[^\n]*\n)*[^\s:,;]+:(?:\$[a-z0-9]+\$|\{S?SHA\})[^:\s]+\s")


class Htpasswd(SourceFormat):
    """An htpasswd file: on each line a name, a colon and a hash; nginx allows a comment after a second colon."""

    name = "htpasswd"
    description = "Apache and nginx: an htpasswd file"

    @classmethod
    def recognises(cls, start: bytes) -> bool:
        """Return whether the first line that is not a comment is a name and a hash with a prefix."""
        return _FIRST_LINE.match(start) is not None

    def read(self, file: BinaryIO) -> Iterator[ImportRow]:
        """Yield a row for each line."""
        for number, line, raw in text_lines(file):
            if isinstance(line, ValidationError):
                yield broken_row(number, line, raw=raw)
                continue
            name, _, rest = line.partition(":")
            stored = rest.partition(":")[0].strip()
            if name and stored:
                yield self.row(number, username=name.strip(), password_hash=crypt_hash(stored))
            else:
                problem = ValidationError("row", "The line is not a name, a colon and a password hash.")
                yield broken_row(number, problem, raw=raw)

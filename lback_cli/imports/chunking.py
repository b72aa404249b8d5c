"""Cutting rows into transactions: large, for speed, but none that takes long and makes others wait."""

from collections.abc import Callable, Iterator

from lback_cli.imports.row import Row
from lback_cli.managers.registration import RegistrationMail, is_mailed

CHUNK = 1000
"""How much a transaction may weigh: so many rows that need no more than being stored."""

_PASSWORD = 15  # hashed before the transaction, but what is hashed is lost with it
_MAIL = 39  # sent within the transaction


def row_cost(mail: RegistrationMail, *, generates: bool, heard: bool) -> Callable[[Row], int]:
    """How much a row weighs, whose user is mailed *mail*, perhaps with a password made up, and perhaps *heard* of."""

    def weigh(row: Row) -> int:
        without = row.password is None and row.password_hash is None
        hashed = row.password is not None or (without and generates)
        mailed = is_mailed(mail, invited=without and not generates, verified=row.is_email_verified is True)
        return 1 + hashed * _PASSWORD + mailed * _MAIL + heard * 4

    return weigh


def chunked(rows: Iterator[Row], weigh: Callable[[Row], int], limit: int = CHUNK) -> Iterator[list[Row]]:
    """*rows* in lists that weigh at most *limit*, if they have more than one."""
    chunk: list[Row] = []
    total = 0
    for row in rows:
        weight = weigh(row)
        if chunk and total + weight > limit:
            yield chunk
            chunk, total = [], 0
        chunk.append(row)
        total += weight
    if chunk:
        yield chunk

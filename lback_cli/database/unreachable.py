"""A database that could not be reached."""

from typing import NoReturn

from lback_cli.database.engine import Database
from lback_cli.errors import DatabaseError
from lback_cli.settings import DatabaseSettings


class UnreachableDatabase(Database):
    """Fails at every use with the *error* of the attempt to reach it, without another attempt.

    An operation on it sends its first signal and its failure, like one that loses the database later.
    """

    def __init__(self, settings: DatabaseSettings, error: DatabaseError) -> None:
        super().__init__(settings)
        self._error = error

    @property
    def engine(self) -> NoReturn:
        """Raise the error."""
        raise self._error

"""The decoy: the user against whose hash a password is checked, if no user has the name of the login.

A hash of an imported scheme takes longer to check than a hash of the current scheme. If only names of users had such
hashes, the time of a failed login would reveal these names. So each unknown name has a decoy, always the same user.
"""

from lback_cli.models import User
from lback_cli.repositories.account_repository import AccountRepository
from lback_cli.repositories.unit_of_work import UnitOfWork
from lback_cli.repositories.user_query import UserQuery


def find_decoy(uow: UnitOfWork, identifier: str) -> User | None:
    """Return the decoy for the unknown *identifier*; None if there are no users."""
    last = uow.users.last_id()
    if last <= 0:
        return None
    number = int(AccountRepository(uow.session).digest(identifier), 16)
    record = next(uow.users.select(UserQuery(after=_bucket(number, last), limit=1)), None)
    # A known user is loaded in the same way, which takes a few milliseconds in a new process.
    return None if record is None else uow.users.get(record.id)


def _bucket(number: int, count: int) -> int:
    """Map *number* to 0..*count* - 1.

    This is linear hashing (W. Litwin, 1980): as *count* grows, only those numbers change that move to the new buckets.
    With ``number % count``, almost every unknown name would get another decoy whenever a user registers. The time of a
    login under that name would then change, and reveal that it is unknown.
    """
    size = 1 << (count - 1).bit_length()
    found = number % size
    return found if found < count else number % (size >> 1)

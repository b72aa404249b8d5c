"""Chunks: rows that are imported in one transaction.

Large chunks are fast. But other writers wait for a transaction that takes long.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import zip_longest
from typing import NamedTuple

from lback_cli.errors import DatabaseError
from lback_cli.imports.results import RowOutcome
from lback_cli.imports.row import ImportRow
from lback_cli.managers.plain_users import UserColumns
from lback_cli.managers.registration import PreparedUser
from lback_cli.managers.registration_mail import RegistrationMail, is_mailed
from lback_cli.operations.attempts import AttemptState, PostedMail
from lback_cli.operations.failures import RecordedFailure

CHUNK_COST = 1000
"""The cost of a chunk at most, in rows that only have to be stored."""

_PASSWORD_COST = 15  # hashed before the transaction, but a crash loses the hashes of a whole chunk
_MAIL_COST = 39  # sent within the transaction
_RECEIVER_COST = 4


class _AnnouncedUpdates(NamedTuple):
    """What the rows of a chunk have announced that update users, by the index of the row.

    Attributes:
        attempts: The state of all attempts, by the id of the user.
        refusals: The outcome of a row whose refusal was announced, and how it is recorded again.
    """

    attempts: dict[int, dict[int, AttemptState]]
    refusals: dict[int, tuple[RowOutcome, RecordedFailure]]

    def of(self, indexes: range) -> "_AnnouncedUpdates":
        """Return those of the rows at *indexes*, counted from the first of them."""
        return _AnnouncedUpdates(
            {new: self.attempts[old] for new, old in enumerate(indexes) if old in self.attempts},
            {new: self.refusals[old] for new, old in enumerate(indexes) if old in self.refusals},
        )


class Chunk:
    """Rows that are imported in one transaction, and the signals and mail that all attempts at it have sent.

    Attributes:
        rows: The rows.
        plain: The users of the rows if all are plain and no attempt had to look at each.
        outcomes: The outcomes of the last attempt, in the order of the rows; fewer if the import stops at a row.
        created_groups: The names of the groups that the last attempt created.
        was_tried: Whether a transaction with these rows, and perhaps others, was rolled back.
    """

    def __init__(
        self,
        rows: Sequence[ImportRow],
        prepare: Callable[[], Sequence[PreparedUser | None]],
        plain: UserColumns | None,
        users: Sequence[PreparedUser | None] | None = None,
        announced: _AnnouncedUpdates | None = None,
    ) -> None:
        """*prepare* prepares the user of each row, when that is needed; None for a row that cannot be read.

        *users* are the users who are prepared already, and *announced* is what their rows have announced.
        """
        self.rows = rows
        self.plain = plain
        self._prepare = prepare
        self._users = users
        self.outcomes: list[RowOutcome] = []
        self.created_groups: list[str] = []
        self.was_tried = False
        self._announced = announced or _AnnouncedUpdates({}, {})

    def split(self, rows: int) -> tuple["Chunk", "Chunk"]:
        """Return the first *rows* as one chunk and the others as another, with all that they have announced."""
        parts = []
        for indexes in (range(rows), range(rows, len(self.rows))):
            part = slice(indexes.start, indexes.stop)
            users = self.users[part]
            parts.append(Chunk(self.rows[part], partial(list, users), None, users, self._announced.of(indexes)))
            parts[-1].was_tried = self.was_tried
        first, rest = parts
        return first, rest

    @property
    def users(self) -> Sequence[PreparedUser | None]:
        """The prepared user of each row; None for a row that cannot be read."""
        if self._users is None:
            self._users = self._prepare()
        return self._users

    def update_attempts(self, index: int, user_id: int) -> AttemptState:
        """Return the state that all attempts share in which the row at *index* updates the user with *user_id*."""
        return self._announced.attempts.setdefault(index, {}).setdefault(user_id, AttemptState())

    def keep_refusal(self, index: int, user_id: int, outcome: RowOutcome) -> None:
        """Keep *outcome* of the row at *index* for later attempts if its refusal was announced."""
        refusal = self._announced.attempts[index][user_id].refusal
        if refusal is not None:
            self._announced.refusals[index] = (outcome, refusal)

    def refused_update(self, index: int) -> tuple[RowOutcome, RecordedFailure] | None:
        """Return the outcome of the row at *index* if an earlier attempt refused its update, and announced that."""
        return self._announced.refusals.get(index)

    @property
    def has_announcements(self) -> bool:
        """Whether an attempt announced something of these rows."""
        known = self._users or ()
        return bool(self._announced.attempts) or any(user is not None and user.attempts is not None for user in known)

    def announce_failure(self, error: BaseException) -> None:
        """Announce the failure of every operation on these rows that was announced, because of *error*."""
        for index in range(len(self.rows)):
            for attempts in self._attempts(index):
                attempts.give_up(error)

    def announce_undone(self) -> None:
        """Announce the failure of each operation that an earlier attempt announced and the last one did not repeat."""
        undone = DatabaseError("It was undone, and there was no more to do when it was tried again.")
        for index, (_, outcome) in enumerate(zip_longest(self.rows, self.outcomes)):
            done = self._attempts_of(index, outcome)
            for attempts in self._attempts(index):
                if attempts is not done and attempts.refusal is None:
                    attempts.give_up(undone)

    @property
    def mails(self) -> Iterator[PostedMail]:
        """The mails that the last attempt sent."""
        for index, outcome in enumerate(self.outcomes):
            attempts = self._attempts_of(index, outcome)
            if attempts is not None:
                yield from attempts.mails.values()

    def _attempts(self, index: int) -> list[AttemptState]:
        user = self._users[index] if self._users else None
        attempts = None if user is None else user.attempts
        # A registration without an observer leaves no event, like those of many users at once.
        registration = [attempts] if attempts is not None and attempts.was_observed else []
        return [*registration, *self._announced.attempts.get(index, {}).values()]

    def _attempts_of(self, index: int, outcome: RowOutcome | None) -> AttemptState | None:
        """Return the state of the operation that led to *outcome*."""
        user = self._users[index] if self._users else None
        if outcome is not None and outcome.kind == "created":
            return None if user is None else user.attempts
        if outcome is not None and outcome.kind == "updated" and outcome.id is not None:
            return self._announced.attempts[index][outcome.id]
        return None


def row_cost(mail: RegistrationMail, *, generates: bool, has_receivers: bool) -> Callable[[ImportRow], int]:
    """Return a function that estimates what a row costs.

    Args:
        mail: Which mail new users get.
        generates: Whether users without a password get a generated one.
        has_receivers: Whether receivers listen to the signals of registration.
    """
    never_mails = not is_mailed(mail, invited=False, verified=False)
    simple = 1 + has_receivers * _RECEIVER_COST

    def cost(row: ImportRow) -> int:
        if row.password_hash is not None and row.password is None and (never_mails or row.is_email_verified is True):
            return simple
        lacks_password = row.password is None and row.password_hash is None
        is_hashed = row.password is not None or (lacks_password and generates)
        invited = lacks_password and not generates
        mailed = row.is_active is not False and is_mailed(mail, invited=invited, verified=row.is_email_verified is True)
        return 1 + is_hashed * _PASSWORD_COST + mailed * _MAIL_COST + has_receivers * _RECEIVER_COST

    return cost


def chunked(
    rows: Iterator[ImportRow], cost: Callable[[ImportRow], int], limit: int = CHUNK_COST
) -> Iterator[list[ImportRow]]:
    """Yield *rows* in lists that cost at most *limit*, unless a single row costs more."""
    chunk: list[ImportRow] = []
    total = 0
    for row in rows:
        row_total = cost(row)
        if chunk and total + row_total > limit:
            yield chunk
            chunk, total = [], 0
        chunk.append(row)
        total += row_total
    if chunk:
        yield chunk

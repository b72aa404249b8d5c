"""The outcome of each row, and of the whole import."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from lback_cli.errors import GroupNotFound, LbackError, UserExists
from lback_cli.imports.group_names import missing_group
from lback_cli.imports.misread import MisreadText
from lback_cli.imports.row import ImportRow
from lback_cli.operations.attempts import PostedMail
from lback_cli.text.escaping import safe

_LONGEST_SHOWN = 80
_EXAMPLES = 3

OutcomeKind = Literal["created", "updated", "skipped", "failed"]

Obstacle = Literal["inactive", "no_password", "unverified"]
"""Why a user cannot log in: the account is inactive, it has no password yet, or its address is not verified."""


@dataclass(slots=True)
class RowOutcome:
    """The outcome of *row*.

    Attributes:
        row: The row.
        kind: What was done.
        id: The user's id, if the user exists.
        code: Why the row was skipped or refused, as a code.
        message: The same as text.
        hint: What to do about it, if anything.
        username: The stored user name, of a user who was created or updated.
        password: The password that was generated for a created user.
        obstacles: Why a created or updated user cannot log in; the first one matters most.
        changes: What was changed of an updated user, as in the event.
        state: A digest of the user that existed before, for a plan.
    """

    row: ImportRow
    kind: OutcomeKind
    id: int | None = None
    code: str | None = None
    message: str | None = None
    hint: str | None = None
    username: str | None = None
    password: str | None = None
    obstacles: Sequence[Obstacle] = ()
    changes: Mapping[str, Any] | None = None
    state: str | None = None

    @property
    def text(self) -> str:
        """The message and the hint in one line."""
        return " ".join(filter(None, (self.message, self.hint)))


@dataclass(frozen=True, slots=True)
class Counts:
    """How many rows had which outcome."""

    created: int = 0
    updated: int = 0
    skipped: int = 0
    failed: int = 0

    @property
    def total(self) -> int:
        """The number of all rows."""
        return self.created + self.updated + self.skipped + self.failed

    def plus(self, outcomes: list[RowOutcome]) -> "Counts":
        """Return these counts with *outcomes* added."""
        kinds = [outcome.kind for outcome in outcomes]
        return Counts(
            created=self.created + kinds.count("created"),
            updated=self.updated + kinds.count("updated"),
            skipped=self.skipped + kinds.count("skipped"),
            failed=self.failed + kinds.count("failed"),
        )


@dataclass(slots=True)
class Tally:
    """What there is to say about imported rows besides the counts of their outcomes.

    Attributes:
        cannot_log_in: How many created or updated users cannot log in, each by the obstacle that matters most.
        examples: The names of the first such users by that obstacle.
        to_vouch_for: How many of them only lack a verified address, of which the file says nothing.
        created_groups: The names of the groups that were created.
        left_out: How many records of the file were left out, by what they are.
        misread: The names of columns and the rows that were decoded with a wrong encoding.
        mails: How many mails were sent, by template.
        first_mail: One of them.
    """

    cannot_log_in: Counter[Obstacle] = field(default_factory=Counter)
    examples: dict[Obstacle, list[str]] = field(default_factory=dict)
    to_vouch_for: int = 0
    created_groups: list[str] = field(default_factory=list)
    left_out: dict[str, int] = field(default_factory=dict)
    misread: MisreadText = field(default_factory=MisreadText)
    mails: Counter[str] = field(default_factory=Counter)
    first_mail: PostedMail | None = None

    def add(
        self, outcomes: Sequence[RowOutcome], created_groups: Sequence[str] = (), mails: Iterable[PostedMail] = ()
    ) -> None:
        """Add the *outcomes* of some rows, the groups that were created for them, and the *mails* that were sent."""
        hindered = [outcome for outcome in outcomes if outcome.obstacles]
        for outcome in hindered:
            obstacle = outcome.obstacles[0]
            self.cannot_log_in[obstacle] += 1
            if self.cannot_log_in[obstacle] <= _EXAMPLES:
                self.examples.setdefault(obstacle, []).append(outcome.username or outcome.row.username)
        self.to_vouch_for += sum(
            outcome.obstacles[0] == "unverified" and outcome.row.is_email_verified is None for outcome in hindered
        )
        self.created_groups += created_groups
        for outcome in outcomes:
            self.misread.add(outcome.row)
        for mail in mails:
            self.mails[mail.template] += 1
            self.first_mail = self.first_mail or mail


@dataclass(frozen=True, slots=True)
class ImportResult:
    """How an import ended.

    Attributes:
        state: ``done``; ``stopped`` at the first refused row; ``rolled_back``, so that nothing was imported; or
            ``finished``, because an earlier run had imported everything.
        counts: The outcomes of all rows, those of earlier runs included.
        job: The id of the import job.
        tally: What else there is to say about the rows of this run.
    """

    state: Literal["done", "stopped", "rolled_back", "finished"]
    counts: Counts
    job: str
    tally: Tally = field(default_factory=Tally)


def obstacles(*, active: bool, has_password: bool, verified: bool) -> Sequence[Obstacle]:
    """Return why a user cannot log in."""
    if active and has_password and verified:
        return ()
    found: dict[Obstacle, bool] = {"inactive": not active, "no_password": not has_password, "unverified": not verified}
    return tuple(obstacle for obstacle, holds in found.items() if holds)


_EXISTS = "To change such users, add --if-exists update; to leave them out, --if-exists skip."
_EXISTS_UNDER_ADDRESS = "If the user has that address, add --if-exists update or skip. Else give the row another name."


def failed(row: ImportRow, error: LbackError, *, only_creates: bool = False) -> RowOutcome:
    """Return the outcome of a *row* that *error* refused, with advice for an import.

    Args:
        row: The row.
        error: Why it is refused.
        only_creates: Whether the import refuses every user who exists.
    """
    if isinstance(error, GroupNotFound) and error.name is not None:
        error = missing_group(error.name)
    message, hint = error.message, error.hint
    if isinstance(error, UserExists):
        # Rows that are refused for the same reason have the same advice.
        has_taken_name = error.field == "username"
        hint = _EXISTS if has_taken_name and only_creates else None
        if has_taken_name and row.derived_from is not None:
            name, address = (safe(text, limit=_LONGEST_SHOWN) for text in (row.username, row.derived_from))
            verb = "taken" if only_creates else "that of another user"
            message = f"The user name '{name}', made from {address}, is {verb}."
            hint = _EXISTS_UNDER_ADDRESS if only_creates else "Give the row one of its own."
    return RowOutcome(row, "failed", code=error.code, message=message, hint=hint)


def one_line(error: LbackError) -> str:
    """Return the message of *error* and its hint in one line."""
    return error.message if error.hint is None else f"{error.message} {error.hint}"

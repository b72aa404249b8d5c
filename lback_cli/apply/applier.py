"""Removing differences: each one by an ordinary operation, or by all of them in a rehearsal that is rolled back."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, groupby, islice
from typing import TYPE_CHECKING, Literal

from lback_cli.apply.differences import Difference
from lback_cli.database.engine import Database
from lback_cli.database.retry import retried
from lback_cli.errors import LbackError
from lback_cli.managers.dependencies import Dependencies
from lback_cli.managers.group_manager import GroupManager
from lback_cli.managers.rehearsal import Rehearsal
from lback_cli.managers.user_manager import UserManager
from lback_cli.operations.attempts import CHUNK, AttemptState, PostedMail, retried_together
from lback_cli.operations.failures import aborts_transaction
from lback_cli.repositories.owner_repository import Kind
from lback_cli.repositories.unit_of_work import transaction_with_events

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

Outcome = Literal["created", "updated", "deleted", "failed"]

_OUTCOMES: dict[str, Outcome] = {"create": "created", "update": "updated", "delete": "deleted"}


@dataclass(frozen=True, slots=True)
class Applied:
    """What was done about a *difference*: its outcome, why it failed, and the mails that were sent."""

    difference: Difference
    outcome: Outcome
    id: int | None
    error: LbackError | None = None
    mails: Sequence[PostedMail] = ()


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """What would be done, and how many signals and mails it would send, by name and by template."""

    results: Sequence[Applied]
    signals: Counter[str]
    mails: Counter[str]


class Applier:
    """Removes differences by the operations of *users* and *groups*, with their signals and events."""

    def __init__(self, database: Database, users: UserManager, groups: GroupManager) -> None:
        self._database = database
        self._users = users
        self._groups = groups

    def apply(
        self, differences: Iterable[Difference], *, session: "Session | None" = None
    ) -> Iterator[Sequence[Applied]]:
        """Remove *differences* one after the other, and yield the results of each transaction once it is committed.

        Updates and deletions of users that send no mail share transactions of up to `CHUNK`. With *session*, all of it
        is a part of the caller's transaction. A `DatabaseError` is raised, since all others would fail too.
        """
        for alone, several in groupby(differences, key=lambda difference: session is not None or _is_alone(difference)):
            if alone:
                for difference in several:
                    yield [self._apply_one(difference, session, AttemptState())]
            else:
                while chunk := list(islice(several, CHUNK)):
                    yield self._apply_together(chunk)

    def _apply_together(self, differences: Sequence[Difference]) -> Sequence[Applied]:
        effects = [AttemptState() for _ in differences]

        def attempt() -> list[Applied]:
            with transaction_with_events(self._database) as uow:
                uow.users.lock_all([difference.id or 0 for difference in differences])
                return [
                    self._apply_one(difference, uow.session, done)
                    for difference, done in zip(differences, effects, strict=True)
                ]

        return retried_together(attempt, effects)

    def _apply_one(self, difference: Difference, session: "Session | None", done: AttemptState) -> Applied:
        try:
            object_id = self._remove(difference, session, done)
        except LbackError as error:
            if aborts_transaction(error):
                raise
            return Applied(difference, "failed", difference.id, error)
        return Applied(difference, _OUTCOMES[difference.action], object_id, mails=list(done.mails.values()))

    def _remove(self, difference: Difference, session: "Session | None", done: AttemptState) -> int | None:
        name, values = difference.name, difference.values
        match difference.kind, difference.action:
            case "user", "create":
                return self._made(
                    "user", difference.owner, session, done, lambda within: self._register(difference, within, done)
                )
            case "user", "update":
                self._users.update_user(difference.id or 0, values, session=session, effects=done)
            case "user", "delete":
                self._users.delete_user(difference.id or 0, if_missing="skip", session=session, effects=done)
            case "group", "create":
                return self._made(
                    "group",
                    difference.owner,
                    session,
                    done,
                    lambda within: self._groups.create_group(name, **values, session=within).id,
                )
            case "group", "update":
                self._groups.describe_group(name, values["description"], session=session)
            case _:
                self._groups.delete_group(name, if_missing="skip", session=session)
        return difference.id

    def _register(self, difference: Difference, session: "Session | None", done: AttemptState) -> int:
        """Register a user, who is invited to set a password, and return the id."""
        values = difference.values
        user = self._users.register_user(
            difference.name,
            values["email"],
            None,
            groups=values["groups"],
            active=values["active"],
            verified=values["verified"],
            attributes=values["attributes"],
            session=session,
            effects=done,
        )
        return user.id

    def _made(
        self,
        kind: Kind,
        owner: str | None,
        session: "Session | None",
        done: AttemptState,
        make: "Callable[[Session | None], int]",
    ) -> int:
        """Return the id of what *make* makes; the owner is stored in the same transaction."""
        if owner is None:
            return make(session)

        def attempt() -> int | LbackError:
            with transaction_with_events(self._database, session) as uow:
                try:
                    made = make(uow.session)
                except LbackError as error:
                    if aborts_transaction(error):
                        raise
                    return error  # the transaction commits the event of the failure
                uow.session.flush()
                uow.owners.add(owner, kind, made)
                return made

        try:
            result = retried(attempt) if session is None else attempt()
        except BaseException as error:
            done.give_up(error)
            raise
        if isinstance(result, LbackError):
            raise result
        return result


def _is_alone(difference: Difference) -> bool:
    """Return whether removing *difference* needs a transaction of its own, as it sends mail or changes a group."""
    return difference.kind == "group" or difference.action == "create" or "email" in difference.values


def rehearse(database: Database, services: Dependencies, differences: Iterable[Difference]) -> Rehearsed:
    """Remove *differences* in a transaction that is rolled back, without mail and without receivers."""
    with Rehearsal(database, services) as rehearsal:
        applier = Applier(database, rehearsal.users, rehearsal.groups)
        results = list(chain.from_iterable(applier.apply(differences, session=rehearsal.session)))
    return Rehearsed(results, rehearsal.signals, rehearsal.mails)

"""Carrying out what undoes an event, by the ordinary operations."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, NamedTuple

from lback_cli.database.engine import Database
from lback_cli.errors import Conflict, LbackError, Unusable
from lback_cli.managers.bulk_deletion import BulkDeletion
from lback_cli.managers.dependencies import Dependencies
from lback_cli.managers.group_manager import GroupManager
from lback_cli.managers.restoration import DeletedUser
from lback_cli.managers.user_manager import UserManager
from lback_cli.operations.attempts import AttemptState, retried_together
from lback_cli.operations.failures import aborts_transaction
from lback_cli.repositories.snapshot import Snapshot
from lback_cli.repositories.unit_of_work import UnitOfWork, transaction_with_events
from lback_cli.repositories.user_reader import UserRecord
from lback_cli.undo.planner import Planner
from lback_cli.undo.selection import Request, Target
from lback_cli.undo.verdicts import EventPlan, Part


class Managers(NamedTuple):
    """A database, and what changes its users and groups."""

    database: Database
    services: Dependencies
    users: UserManager
    groups: GroupManager


class Execution:
    """Undoes events with the managers of one database.

    Args:
        parts: The database and its managers.
        request: What a person asked for.
        undone: The numbers of all events that are undone together.
    """

    def __init__(self, parts: Managers, request: Request, undone: frozenset[int]) -> None:
        self._parts = parts
        self._request = request
        self._undone = undone
        self._deletion = BulkDeletion(parts.users, parts.services)
        self._mail: Literal["none", "invite"] = "invite" if request.mail == "notify" else "none"

    def delete_created(self, targets: Sequence[Target]) -> Iterator[EventPlan]:
        """Delete the users whom the events *targets* created, in one transaction."""
        seen: dict[int, Target] = {}
        for target in targets:
            if target.user_id in seen:  # one of two who had the id one after the other
                yield from self._delete(seen)
                seen = {}
            seen[target.user_id or 0] = target
        yield from self._delete(seen)

    def _delete(self, targets: Mapping[int, Target]) -> Sequence[EventPlan]:
        effects = {user_id: AttemptState(undoes=target.seq) for user_id, target in targets.items()}

        def attempt() -> list[EventPlan]:
            with transaction_with_events(self._parts.database) as work:
                work.users.lock_all([*targets])
                planner = self._planner(work)
                plans: list[EventPlan] = []
                doomed: dict[int, UserRecord] = {}
                for plan in planner.plan([*targets.values()]):
                    plans.append(plan)
                    if plan.action == "delete" and plan.id is not None:
                        doomed[plan.id] = planner.stored(plan.id)
                results = self._deletion.run(work, [*doomed], doomed, effects)
            return [plan if (error := results.get(plan.id or 0)) is None else _refused(plan, error) for plan in plans]

        return _with_effects(attempt, effects.values())

    def undo_one(self, target: Target) -> Iterator[EventPlan]:
        """Undo one event."""
        effects = AttemptState(undoes=target.seq)
        failures: list[LbackError] = []

        def attempt() -> list[EventPlan]:
            with transaction_with_events(self._parts.database) as work:
                if target.user_id is not None:
                    work.users.get(target.user_id, lock=True)
                plans = list(self._planner(work).plan([target]))
                for index, plan in enumerate(plans):
                    if plan.action in {"update", "restore"}:
                        try:
                            self._apply(work, plan, effects)
                        except LbackError as error:
                            if aborts_transaction(error):
                                raise
                            failures.append(error)
                            plans[index] = _refused(plan, error)
                return plans

        plans = _with_effects(attempt, [effects])
        for error in failures:
            if isinstance(error, Unusable):
                raise error
        for plan in plans:
            yield self._apply_to_group(plan)

    def _apply(self, work: UnitOfWork, plan: EventPlan, effects: AttemptState) -> None:
        user_id = plan.id or 0
        if plan.action == "update":
            self._parts.users.update_user(user_id, plan.data, mail=self._mail, session=work.session, effects=effects)
            return
        deleted = _deleted_user(user_id, plan.data)
        self._parts.users.restore_user(deleted, session=work.session, effects=effects)

    def _apply_to_group(self, plan: EventPlan) -> EventPlan:
        """Carry out the *plan* of an event of a group."""
        groups, data = self._parts.groups, plan.data
        try:
            match plan.action:
                case "create_group":
                    groups.create_group(data["name"], description=data["description"], undoes=plan.seq)
                case "rename_group":
                    groups.rename_group(data["name"], data["to"], undoes=plan.seq)
                case "describe_group":
                    groups.describe_group(data["name"], data["description"], undoes=plan.seq)
                case "delete_group":
                    groups.delete_group(data["name"], undoes=plan.seq)
                case "update" | "delete" | "restore" | "none" | "add_members":
                    pass
        except LbackError as error:
            if isinstance(error, Unusable):
                raise
            return _refused(plan, error)
        return self._add_members(plan) if plan.data.get("members") else plan

    def _add_members(self, plan: EventPlan) -> EventPlan:
        """Let the former members of a group join it again, each by an operation of its own."""
        error: LbackError | None = None
        for user_id in plan.data["members"]:
            try:
                self._parts.users.update_user(
                    user_id,
                    {"add_groups": [plan.data["name"]]},
                    mail=self._mail,
                    effects=AttemptState(undoes=plan.seq),
                )
            except LbackError as failure:
                if isinstance(failure, Unusable):
                    raise
                error = failure
        if error is not None:
            plan.parts.append(Part("members", "cannot", "+members", error.message))
        return plan

    def _planner(self, work: UnitOfWork) -> Planner:
        services, active = self._parts.services, self._request.including_active
        return Planner(Snapshot(work.session), services, self._undone, including_active=active)


def _with_effects(attempt: Callable[[], list[EventPlan]], effects: Collection[AttemptState]) -> list[EventPlan]:
    """Return what *attempt* returns, which is retried; announce the failure of its operations if it fails for good."""
    plans = retried_together(attempt, effects)
    reversed_ = {plan.seq for plan in plans if plan.action != "none"}
    for state in effects:
        if state.sent and state.undoes not in reversed_:
            state.give_up(Conflict("Another process has changed the user meanwhile."))
    return plans


def _refused(plan: EventPlan, error: LbackError) -> EventPlan:
    return plan.refused(error.message)


def _deleted_user(user_id: int, data: Mapping[str, Any]) -> DeletedUser:
    rest = {name: value for name, value in data["values"].items() if value is not None}
    return DeletedUser(
        id=user_id,
        username=rest.pop("username"),
        email=rest.pop("email"),
        is_active=rest.pop("is_active"),
        is_email_verified=rest.pop("is_email_verified"),
        created_at=datetime.fromisoformat(rest.pop("created_at")),
        groups=data["groups"],
        password_hash=data["password_hash"],
        attributes=rest,
    )

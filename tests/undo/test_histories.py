"""To undo random histories restores what was there before, and to undo that repeats them.

A few histories, or many with THOROUGH set.
"""

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lback_cli.managers.directory import Directory
from lback_cli.undo.selection import Request, Selection
from lback_cli.undo.undo import Undo
from lback_cli.undo.verdicts import EventPlan
from tests.events.random_history import HistoryWithAnApplication, HistoryWithoutErasures, WideInstallation
from tests.services import database_of

SEEDS = 60 if "THOROUGH" in os.environ else 3
BEFORE, STEPS = 25, 30


@pytest.mark.parametrize("seed", range(SEEDS))
@pytest.mark.parametrize("kind", ["sqlite", "postgresql", "mariadb"])
def test_undone_history_leaves_what_was_there_before(
    kind: str, seed: int, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    with database_of(kind, tmp_path, request) as url:
        made = WideInstallation(url, tmp_path)
        # The last administrator could not be removed.
        made.services.settings = replace(
            made.services.settings, users=replace(made.services.settings.users, admin_group="root")
        )
        try:
            history = HistoryWithoutErasures(made, seed)
            for _ in range(BEFORE):
                history.step()
            start, before = _head(made), _state(made)
            for _ in range(STEPS):
                history.step()
            end, after = _head(made), _state(made)

            undo = Undo(made.database, made.services, made.users, made.groups)
            planned = _run(undo, start, end, only_plan=True)
            undone = _run(undo, start, end)
            assert [plan.parts for plan in planned] == [plan.parts for plan in undone]
            _only_passwords_are_lost(undone)
            assert _state(made) == before

            assert not [plan for plan in _run(undo, start, end) if plan.is_reversed], "there is nothing left to do"
            redone = _run(undo, end, _head(made))
            _only_passwords_are_lost(redone)
            assert _state(made) == after
            made.log.verify()
        finally:
            made.database.dispose()


@pytest.mark.parametrize("seed", range(SEEDS))
@pytest.mark.parametrize("kind", ["sqlite", "postgresql", "mariadb"])
def test_an_undo_keeps_what_an_application_changed(
    kind: str, seed: int, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    with database_of(kind, tmp_path, request) as url:
        made = WideInstallation(url, tmp_path)
        try:
            history = HistoryWithAnApplication(made, seed)
            for _ in range(BEFORE):
                history.step()
            start, before = _head(made), made.users_by_id()
            for _ in range(STEPS):
                history.step()
            made.register("last")
            changed = [history.change_outside() for _ in range(3)]

            undone = _run(Undo(made.database, made.services, made.users, made.groups), start, _head(made))
            after = made.users_by_id()
            last = {(user_id, field): value for user_id, field, value in changed}
            assert {(user_id, field): after[user_id][field] for user_id, field in last} == last
            # What differs from before is named: the undo says that it is kept.
            kept = {plan.id for plan in undone for part in plan.parts if part.verdict in {"kept", "cannot"}}
            different = {user_id for user_id in before | after if before.get(user_id) != after.get(user_id)}
            assert different <= kept | history.outside.keys()
            made.log.verify()
        finally:
            made.database.dispose()


def _head(made: WideInstallation) -> int:
    return made.log.checkpoint().seq


def _run(undo: Undo, start: int, end: int, *, only_plan: bool = False) -> list[EventPlan]:
    request = Request(selection=Selection(events=range(start + 1, end + 1)))
    if only_plan:
        with undo.plan(request) as plans:
            return list(plans)
    return list(undo.run(request))


def _only_passwords_are_lost(plans: list[EventPlan]) -> None:
    rest = [(plan.seq, part) for plan in plans for part in plan.parts if part.verdict in {"kept", "cannot"}]
    assert not [part for part in rest if part[1].field != "password"]


def _state(made: WideInstallation) -> Any:
    groups = Directory(made.database, made.services).list_groups()
    return made.users_by_id(), {group.name: group.description for group, _ in groups if group.name != "basic_user"}

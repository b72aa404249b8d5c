"""The event log shows each export: how many users it had, which, and whether their hashes left."""

import json
from typing import Any

import pytest
from sqlalchemy import select

from lback_cli.database.engine import Database
from lback_cli.errors import NotWritable
from lback_cli.imports.exports import Exporter
from lback_cli.imports.options import ImportOptions
from lback_cli.models.tables import EVENTS
from lback_cli.problem import Problem
from lback_cli.repositories.unit_of_work import transaction
from lback_cli.repositories.user_query import UserQuery
from lback_cli.settings import DatabaseSettings

from .harness import World

CONTENT = "username,email,groups\nann,ann@example.org,staff\nbob,bob@example.org,\n"


@pytest.fixture
def peopled(world: World) -> World:
    """Two users, one of them in the group staff."""
    world.run(world.write(CONTENT), ImportOptions(mail="none"))
    return world


def exports(world: World) -> list[dict[str, Any]]:
    """Return the data of the recorded exports."""
    with transaction(world.database) as work:
        found = work.session.execute(select(EVENTS.c.data).where(EVENTS.c.signal == "users_exported"))
        return [json.loads(data) for data in found.scalars()]


def lines(world: World, query: UserQuery, *, with_hashes: bool = False, database: Database | None = None) -> Any:
    warnings: list[Problem] = []
    exporter = Exporter(database or world.database, world.services, warnings.append)
    return exporter.lines(query, "csv", with_hashes=with_hashes), warnings


def test_export_is_committed_before_the_first_row_leaves(peopled: World) -> None:
    pieces, warnings = lines(peopled, UserQuery(groups=["staff"], is_active=True), with_hashes=True)
    assert exports(peopled) == []

    next(pieces)

    filters = {"group": ["staff"], "is_active": True}
    assert exports(peopled) == [{"changes": {}, "users": 1, "filters": filters, "with_hashes": True}]
    pieces.close()
    assert warnings == []


def test_user_who_comes_between_is_counted(peopled: World, monkeypatch: pytest.MonkeyPatch) -> None:
    record = Exporter._record

    def and_register(self: Exporter, *arguments: Any, **more: Any) -> None:
        record(self, *arguments, **more)
        if len(exports(peopled)) == 1:
            peopled.users.register_user("eve", "eve@example.org", None)

    monkeypatch.setattr(Exporter, "_record", and_register)
    pieces, _ = lines(peopled, UserQuery())

    assert "".join(pieces).count("@example.org") == 3
    assert [export["users"] for export in exports(peopled)] == [2, 3]


def test_read_only_database_is_exported_with_a_warning_but_without_hashes(peopled: World) -> None:
    url = f"sqlite:///file:{peopled.database.path}?mode=ro&uri=true"
    database = Database(DatabaseSettings(url=url))
    try:
        pieces, warnings = lines(peopled, UserQuery(), database=database)
        assert "".join(pieces).count("@example.org") == 2
        refusal = f"The database file:{peopled.database.path} cannot be written to."
        assert [problem.message for problem in warnings] == [f"The event log does not record this export: {refusal}"]
        with pytest.raises(NotWritable):
            next(lines(peopled, UserQuery(), with_hashes=True, database=database)[0])
    finally:
        database.dispose()
    assert exports(peopled) == []

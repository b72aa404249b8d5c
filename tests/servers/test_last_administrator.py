"""The last administrator in a cluster that compares the rows that transactions write, and not the rows they lock."""

import pytest
from sqlalchemy import event

from lback_cli.errors import LastAdministrator

from .database import Installation


def test_row_of_the_group_is_written_before_the_administrators_are_counted(installation: Installation) -> None:
    """Two transactions that both write the row cannot both commit, on whatever nodes they run."""
    admin = installation.register("only-admin", verified=True)
    installation.groups.create_group("admin")
    installation.users.update_user(admin.id, {"add_groups": ["admin"]})
    statements: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        statements.append(statement)

    event.listen(installation.database.engine, "before_cursor_execute", note)
    with pytest.raises(LastAdministrator):
        installation.users.update_user(admin.id, {"is_active": False})
    event.remove(installation.database.engine, "before_cursor_execute", note)
    written = next(index for index, statement in enumerate(statements) if statement.startswith("UPDATE "))
    counted = next(index for index, statement in enumerate(statements) if "count(" in statement)
    assert "groups" in statements[written].split("SET")[0]
    assert written < counted

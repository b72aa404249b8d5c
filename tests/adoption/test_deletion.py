"""Deleting what an application's rows refer to, and the ids of deleted users."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from lback_cli import signals
from lback_cli.errors import StillReferenced
from lback_cli.managers.dependencies import Dependencies
from lback_cli.managers.group_manager import GroupManager

from .framework import Application
from .shared import Shared

NEW_PASSWORD = "purple giraffes yodel at dusk"


def test_user_that_the_applications_rows_refer_to_is_named_with_the_table(shared: Shared) -> None:
    application = shared.application
    with application.session() as session, session.begin():
        session.add_all([application.models.Note(user_id=2, content="one"), application.models.Note(user_id=2)])
    before, failures = application.rows(), []

    def record(_sender: Any, **arguments: Any) -> None:
        failures.append((arguments["error_type"], arguments["username"]))

    with signals.user_deletion_failed.connected_to(record), pytest.raises(StillReferenced) as caught:
        shared.users.delete_user(2)
    assert caught.value.message == "'bob' cannot be deleted, because other rows refer to it: notes.user_id (2 rows)."
    assert caught.value.hint == (
        "Delete those rows in the application first. Or run: lback user update id:2 --deactivate"
    )
    assert failures == [("repository_error", "bob")]
    assert application.rows() == before
    application.execute("DELETE FROM notes WHERE user_id = 2")
    assert shared.users.delete_user(2)


def test_group_with_permissions_is_named_with_the_table(shared: Shared) -> None:
    groups = GroupManager(shared.database, Dependencies(shared.users._services.settings, data_directory=shared.mail))
    staff = groups.create_group("staff")
    shared.users.update_user(2, {"add_groups": ["staff"]})
    shared.application.execute(f"INSERT INTO group_permissions_association VALUES ({staff.id}, 1)")
    with pytest.raises(StillReferenced) as caught:
        groups.delete_group("staff")
    assert caught.value.message == (
        "'staff' cannot be deleted, because other rows refer to it: group_permissions_association.group_id (1 row)."
    )
    assert shared.application.user("bob").group_names == ["basic_user", "staff"], "nothing was changed"
    shared.application.execute("DELETE FROM group_permissions_association")
    groups.delete_group("staff")
    assert shared.application.user("bob").group_names == ["basic_user"]


@pytest.mark.parametrize("deleted_by", ["lback", "the application"])
def test_id_of_a_deleted_user_is_not_given_again(shared: Shared, deleted_by: str) -> None:
    shared.users.register_user("carol", "carol@example.org", NEW_PASSWORD, verified=True)
    carol = shared.application.user("carol")
    if deleted_by == "lback":
        shared.users.delete_user(carol.id)
    else:
        shared.application.execute(
            f"DELETE FROM lback_tokens WHERE user_id = {carol.id}",
            f"DELETE FROM user_groups_association WHERE user_id = {carol.id}",
            f"DELETE FROM users WHERE id = {carol.id}",
        )
    dave = shared.users.register_user("dave", "dave@example.org", NEW_PASSWORD, verified=True)
    assert dave.id == carol.id + 1
    assert shared.users.register_user("eve", "eve@example.org", NEW_PASSWORD, verified=True).id == carol.id + 2


def ids(database: Path) -> list[int]:
    with closing(sqlite3.connect(database)) as connection:
        return [number for (number,) in connection.execute("SELECT id FROM users ORDER BY id")]


def test_import_gives_no_id_again(lback: Callable[..., Any]) -> None:
    database = lback.directory / "data" / "lback" / "lback.db"  # type: ignore[attr-defined]  # a fixture without types
    rows = "username,email,is_active\n" + "".join(f"u{n},u{n}@example.org,false\n" for n in range(3))
    load = ("user", "import", "-", "--format", "csv", "--mail", "none", "-q")
    assert lback(*load, input=rows).status == 0
    assert ids(database) == [1, 2, 3]
    for number in (2, 3):
        assert lback("user", "delete", f"id:{number}", "--yes", "-q").status == 0
    assert lback("user", "delete", "id:999999", "--yes", "-q").status == 5
    assert lback(*load, "--if-exists", "skip", input=rows).status == 0
    assert ids(database) == [1, 4, 5]
    assert lback("user", "register", "ann", "--email", "ann@example.org", "--generate-password", "-q").status == 0
    assert ids(database) == [1, 4, 5, 6]


def test_user_without_an_invitation_is_not_verified(shared_file: Shared) -> None:
    shared_file.users.register_user("carol", "carol@example.org", None, mail="none")
    assert not shared_file.application.user("carol").is_email_verified
    application: Application = shared_file.application
    shared_file.users.register_user("dave", "dave@example.org", None, mail="invite")
    assert application.user("dave").is_email_verified

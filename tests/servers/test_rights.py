"""What a user has no right to is told with the right and the table."""

from typing import Any

import pytest
from sqlalchemy import MetaData, select, text

from lback_cli.errors import DatabaseError

from .concurrent_users import is_postgresql
from .database import Place

HINT = "Ask its administrator for the right to read and write lback's tables."


def stored(place: Place) -> dict[str, list[Any]]:
    """The tables that there are, and their rows."""
    tables = MetaData()
    with place.database.reading() as session:
        tables.reflect(session.connection())
        return {name: [*session.execute(select(table))] for name, table in tables.tables.items()}


def reason(place: Place, guest: Any, right: str, table: str) -> str:
    """What the server says, this machine's name taken for its address."""
    if is_postgresql(place):
        return f"permission denied for {'schema public' if right == 'CREATE' else f'table {table}'}"
    denied = f"`{place.database.url.database}`.`{table}`"
    return f"{right} command denied to user '{guest.name}'@'127.0.0.1' for table {denied}"


def by_address(message: str) -> str:
    """With this machine called so, whether the server looks names up or not; and the first right of several alone."""
    return message.replace("'@'localhost'", "'@'127.0.0.1'").replace(" SELECT, UPDATE command", " SELECT command")


@pytest.mark.parametrize(
    ("statement", "doing", "right", "table"),
    [
        ("DELETE FROM lback_sinks", "DELETE", "DELETE", "lback_sinks"),
        ("SELECT * FROM lback_event_head FOR UPDATE", "SELECT ... FOR UPDATE", "SELECT", "lback_event_head"),
        (
            "INSERT INTO lback_sinks (name, position, failures, tries) VALUES ('a', 1, 1, 1)",
            "INSERT",
            "INSERT",
            "lback_sinks",
        ),
        ("CREATE TABLE lback_more (id INTEGER)", "CREATE", "CREATE", "lback_more"),
    ],
)
def test_the_right_and_the_table_are_named(
    place: Place, guest_on: Any, *, statement: str, doing: str, right: str, table: str
) -> None:
    before = stored(place)
    with guest_on(place.url) as guest:
        guest.grant("SELECT", "users")
        other = place.elsewhere(guest.url)
        assert other.rows("SELECT count(*) FROM users") == [(0,)]
        with pytest.raises(DatabaseError) as caught, other.database.session() as session:
            session.execute(text(statement))
        other.close()
    assert by_address(caught.value.message) == (
        f"The database {other.database.name} does not let this user {doing}: {reason(place, guest, right, table)}."
    )
    assert caught.value.hint == HINT
    assert stored(place) == before


@pytest.mark.parametrize(
    ("command", "right"),
    [("group list", "SELECT"), ("group create staff", "INSERT"), ("group delete old -y", "DELETE")],
)
def test_a_command_says_so_and_changes_nothing(
    lback: Any, place: Place, guest_on: Any, command: str, right: str
) -> None:
    if not place.rows("SELECT 1 FROM groups WHERE name = 'old'"):
        place.groups.create_group("old")
    before = stored(place)
    every = ["SELECT", "INSERT", "UPDATE", "DELETE"]
    with guest_on(place.url) as guest:
        guest.grant(", ".join(every), *(before.keys() - {"groups"}))
        guest.grant(", ".join(one for one in every if one != right), "groups")
        if guest.on_postgresql:
            guest.execute(f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {guest.account}")
        done = lback(*command.split(), "--database-url", guest.url)
    name = place.elsewhere(guest.url).database.name
    said = f"error: The database {name} does not let this user {right}: {reason(place, guest, right, 'groups')}.\n"
    assert (done.status, done.out, by_address(done.err)) == (9, "", f"{said}       {HINT}\n")
    assert stored(place) == before

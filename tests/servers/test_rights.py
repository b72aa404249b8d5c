"""A denied privilege is reported with the privilege and the table."""

from typing import Any

import pytest
from sqlalchemy import MetaData, select, text

from lback_cli.errors import DatabaseError

from .concurrent_users import is_postgresql
from .database import Installation

HINT = "Ask its administrator for the privileges to read and write lback's tables."


def stored(installation: Installation) -> dict[str, list[Any]]:
    """Return every table with its rows."""
    tables = MetaData()
    with installation.database.reading() as session:
        tables.reflect(session.connection())
        return {name: [*session.execute(select(table))] for name, table in tables.tables.items()}


def reason(installation: Installation, guest: Any, privilege: str, table: str) -> str:
    """Return the server's message, with the address in place of this machine's name."""
    if is_postgresql(installation):
        return f"permission denied for {'schema public' if privilege == 'CREATE' else f'table {table}'}"
    denied = f"`{installation.database.url.database}`.`{table}`"
    return f"{privilege} command denied to user '{guest.name}'@'127.0.0.1' for table {denied}"


def normalized(message: str) -> str:
    """Replace this machine's name by its address, and keep only the first of several privileges."""
    return message.replace("'@'localhost'", "'@'127.0.0.1'").replace(" SELECT, UPDATE command", " SELECT command")


@pytest.mark.parametrize(
    ("statement", "denied", "privilege", "table"),
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
def test_denied_privilege_and_table_are_named(
    installation: Installation, guest_on: Any, *, statement: str, denied: str, privilege: str, table: str
) -> None:
    before = stored(installation)
    with guest_on(installation.url) as guest:
        guest.grant("SELECT", "users")
        other = installation.reopen(guest.url)
        assert other.rows("SELECT count(*) FROM users") == [(0,)]
        with pytest.raises(DatabaseError) as caught, other.database.session() as session:
            session.execute(text(statement))
        other.close()
    assert normalized(caught.value.message) == (
        f"The database {other.database.name} denies this user {denied}: "
        f"{reason(installation, guest, privilege, table)}."
    )
    assert caught.value.hint == HINT
    assert stored(installation) == before


@pytest.mark.parametrize(
    ("command", "privilege"),
    [("group list", "SELECT"), ("group create staff", "INSERT"), ("group delete old -y", "DELETE")],
)
def test_command_without_a_privilege_changes_nothing(
    lback: Any, installation: Installation, guest_on: Any, command: str, privilege: str
) -> None:
    if not installation.rows("SELECT 1 FROM groups WHERE name = 'old'"):
        installation.groups.create_group("old")
    before = stored(installation)
    privileges = ["SELECT", "INSERT", "UPDATE", "DELETE"]
    with guest_on(installation.url) as guest:
        guest.grant(", ".join(privileges), *(before.keys() - {"groups"}))
        guest.grant(", ".join(other for other in privileges if other != privilege), "groups")
        if guest.on_postgresql:
            guest.execute(f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {guest.account}")
        done = lback(*command.split(), "--database-url", guest.url)
    name = installation.reopen(guest.url).database.name
    denial = reason(installation, guest, privilege, "groups")
    message = f"error: The database {name} denies this user {privilege}: {denial}.\n"
    assert (done.status, done.out, normalized(done.err)) == (9, "", f"{message}       {HINT}\n")
    assert stored(installation) == before


def test_a_search_path_without_a_schema_is_named(
    database_on: Any, guest_on: Any, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with database_on("postgresql") as url, guest_on(url) as guest:
        guest.execute(f"ALTER ROLE {guest.name} SET search_path = ''")
        installation = Installation(guest.url, tmp_path_factory.mktemp("installation"))
        with pytest.raises(DatabaseError) as caught:
            installation.initialize()
        installation.close()
    assert caught.value.message == (
        f"The database {installation.database.name} has no schema in which this user could create tables."
    )
    assert caught.value.hint == (
        "Let search_path name one: ALTER ROLE app SET search_path = public, with this user in place of app."
    )

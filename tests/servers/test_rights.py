"""What a user has no right to is told with the right and the table."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from lback_cli.errors import DatabaseError

from .place import Place

HINT = "Ask its administrator for the right to read and write lback's tables."


@contextmanager
def somebody(place: Place, *rights: str) -> Iterator[Place]:
    """The place for a new user of the server, who has those *rights* and no others."""
    user = f"lback_{uuid4().hex[:12]}"
    postgresql = place.database.url.get_backend_name() == "postgresql"
    place.write(f"CREATE ROLE {user} LOGIN" if postgresql else f"CREATE USER {user}")
    for right in rights:
        place.write(f"GRANT {right} TO {user}")
    other = place.elsewhere(place.database.url.set(username=user).render_as_string())
    try:
        yield other
    finally:
        other.close()
        place.write(f"DROP OWNED BY {user}" if postgresql else "DO 0")
        place.write(f"DROP USER {user}")


def by_name(message: str) -> str:
    """With this machine called so, whether the server looks names up or not."""
    return message.replace("'@'127.0.0.1'", "'@'localhost'")


@pytest.mark.parametrize(
    ("statement", "right", "rights"),
    [
        ("DELETE FROM lback_sinks", "DELETE", ("DELETE",)),
        ("SELECT * FROM lback_event_head FOR UPDATE", "SELECT ... FOR UPDATE", ("SELECT", "SELECT, UPDATE")),
        ("INSERT INTO lback_sinks (name, position, failures, tries) VALUES ('a', 1, 1, 1)", "INSERT", ("INSERT",)),
        ("CREATE TABLE lback_more (id INTEGER)", "CREATE", ("CREATE",)),
    ],
)
def test_the_right_and_the_table_are_named(place: Place, statement: str, right: str, rights: tuple[str, ...]) -> None:
    readable = ("SELECT ON users",)
    if place.database.url.get_backend_name() == "postgresql":
        reasons = {f"permission denied for table {table}" for table in ("lback_sinks", "lback_event_head")}
        reasons |= {"permission denied for schema public"}
    else:
        reasons = {
            f"{one} command denied to user '{{user}}'@'localhost' for table `{place.database.url.database}`.`{table}`"
            for table in ("lback_sinks", "lback_event_head", "lback_more")
            for one in rights
        }
    with somebody(place, *readable) as other:
        assert other.rows("SELECT count(*) FROM users") == [(0,)]
        with pytest.raises(DatabaseError) as caught, other.database.session() as session:
            session.execute(text(statement))
        user = other.database.url.username
    said = {f"The database {other.database.name} does not let this user {right}: {one}." for one in reasons}
    assert by_name(caught.value.message) in {one.replace("{user}", str(user)) for one in said}
    assert caught.value.hint == HINT


def test_the_command_says_so(lback: Any, place: Place) -> None:
    with somebody(place, "SELECT ON users", "SELECT ON lback_alembic_version") as other:
        done = lback("group", "list", "--database-url", other.url)
        user, database = other.database.url.username, other.database.url.database
        reason = (
            "permission denied for table groups"
            if place.database.url.get_backend_name() == "postgresql"
            else f"SELECT command denied to user '{user}'@'localhost' for table `{database}`.`groups`"
        )
        said = f"error: The database {other.database.name} does not let this user SELECT: {reason}.\n       {HINT}\n"
        assert (done.status, done.out, by_name(done.err)) == (9, "", said)

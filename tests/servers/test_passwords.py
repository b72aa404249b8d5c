"""Passwords of a server's accounts in any script, as the server's own client accepts them."""

from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from lback_cli.database.engine import Database
from lback_cli.settings import DatabaseSettings


@pytest.mark.parametrize("server", ["postgresql", "mariadb"])
@pytest.mark.parametrize("password", ["pässwörd", "жёлудь", "ключ@%/:#", "🔑"])
def test_password_may_have_any_characters(
    lback: Any, database_on: Any, tmp_path: Path, server: str, password: str
) -> None:
    user = f"lback_{uuid4().hex[:12]}"
    with database_on(server) as url:
        database = Database(DatabaseSettings(url=url))
        name = database.url.database
        file = tmp_path / "password"
        file.write_text("\ufeff" + password + "\n", "utf-8")
        mariadb = server == "mariadb"
        with database.session() as session:
            for statement in (
                f"CREATE USER {user}@'%' IDENTIFIED BY '{password}'" if mariadb else f"CREATE ROLE {user} LOGIN",
                f"GRANT ALL ON {name}.* TO {user}@'%'" if mariadb else f"ALTER ROLE {user} PASSWORD '{password}'",
            ):
                session.execute(text(statement.replace(":", r"\:")))
        plain = database.url.set(username=user)
        whole = plain.set(password=password).render_as_string(hide_password=False)
        try:
            for options in (
                ("--database-url", whole),
                ("--database-url", plain.render_as_string(), "--config", str(config(tmp_path, file))),
            ):
                done = lback("db", "status", "-o", "json", *options)
                assert (done.status, done.result["state"]) == (9, "empty"), done.err
        finally:
            with database.session() as session:
                session.execute(text(f"DROP USER {user}"))
            database.dispose()


def test_missing_access_to_a_database_is_not_reported_as_a_wrong_password(lback: Any, mariadb_url: str) -> None:
    user = f"lback_{uuid4().hex[:12]}"
    database = Database(DatabaseSettings(url=mariadb_url))
    name = database.url.database
    with database.session() as session:
        session.execute(text(f"CREATE USER {user}@'%'"))
    try:
        done = lback("db", "status", "--database-url", database.url.set(username=user).render_as_string())
    finally:
        with database.session() as session:
            session.execute(text(f"DROP USER {user}"))
        database.dispose()
    shown = database.url.set(username=user, query={}).render_as_string()
    assert (done.status, done.out, done.err.split()) == (
        9,
        "",
        (
            f"error: The database {shown} does not exist, or is closed to this user: "
            f"Access denied for user '{user}'@'%' to database '{name}'. "
            "Check the name in database.url, or ask its administrator for privileges."
        ).split(),
    )


def config(directory: Path, password: Path) -> Path:
    path = directory / "config.toml"
    path.write_text(f'[database]\npassword_file = "{password}"\n', "utf-8")
    return path

"""Concurrent writers make one chain without forks, gaps or lost events, on every database."""

from pathlib import Path

import pytest

from lback_cli.events.export import verify_lines

from .concurrency_worker import check
from .harness import PASSWORD, Installation
from .tampering import lines_of

SERVERS = ("postgresql", "mariadb")


def test_four_processes_write_one_chain_to_a_sqlite_file(installation: Installation) -> None:
    check(installation, f"sqlite:///{installation.path}", workers=4, each=25)


@pytest.mark.parametrize("server", SERVERS)
def test_four_processes_write_one_chain_on_a_server(
    server: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    url = request.getfixturevalue(f"{server}_url")
    check(Installation.at(url, tmp_path), url, workers=4, each=25)


@pytest.mark.parametrize("server", SERVERS)
def test_server_stores_and_erases_the_same_as_sqlite(
    server: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """With names that are equal in default collations, characters of four bytes, and one that servers reject."""
    installation = Installation.at(request.getfixturevalue(f"{server}_url"), tmp_path)
    for login in ("Ann", "ann", "\N{LATIN SMALL LETTER A WITH ACUTE}nn", "\N{GRINNING FACE}", "a\0b\ud800", "%"):
        with pytest.raises(Exception, match="Authentication failed"):
            installation.users.authenticate_user(login, PASSWORD)
    subjects = ["Ann", "ann", "\N{LATIN SMALL LETTER A WITH ACUTE}nn", "\N{GRINNING FACE}", "a\\x00b\\ud800", "%"]
    assert [row["subject"] for row in installation.rows()] == subjects
    assert installation.log.erase_user("ann", installation.users).events == 2
    assert [row["subject"] for row in installation.rows()] == [None, None, *subjects[2:], None]
    installation.register("bob")
    installation.users.update_user(1, {"username": "robert", "email": "robert@example.org"})
    installation.users.delete_user(1)
    assert installation.log.erase_user("bob@example.org", installation.users).user_id == 1
    verdict = installation.log.verify()
    assert verify_lines(lines_of(installation.export())) == verdict
    assert (verdict.events, verdict.erased) == (11, 5)
    installation.database.dispose()

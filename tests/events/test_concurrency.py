"""Many writers, one chain: no forks, no gaps, no events lost, on every kind of database."""

from pathlib import Path

import pytest

from lback_cli.managers.event_log import verify_lines

from .concurrency_worker import check
from .harness import PASSWORD, World
from .tampering import lines_of

SERVERS = ("postgresql", "mariadb")


def test_four_processes_write_one_chain_in_a_sqlite_file(world: World) -> None:
    check(world, f"sqlite:///{world.path}", workers=4, each=25)


@pytest.mark.parametrize("server", SERVERS)
def test_four_processes_write_one_chain_on_a_server(
    server: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    url = request.getfixturevalue(f"{server}_url")
    check(World.at(url, tmp_path), url, workers=4, each=25)


@pytest.mark.parametrize("server", SERVERS)
def test_a_server_keeps_and_erases_what_the_file_does(
    server: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """Names that compare as equal by default, characters that need four bytes, and one that no server takes."""
    world = World.at(request.getfixturevalue(f"{server}_url"), tmp_path)
    for login in ("Ann", "ann", "\N{LATIN SMALL LETTER A WITH ACUTE}nn", "\N{GRINNING FACE}", "a\0b\ud800", "%"):
        with pytest.raises(Exception, match="Authentication failed"):
            world.users.authenticate_user(login, PASSWORD)
    subjects = ["Ann", "ann", "\N{LATIN SMALL LETTER A WITH ACUTE}nn", "\N{GRINNING FACE}", "a\\x00b\\ud800", "%"]
    assert [row["subject"] for row in world.rows()] == subjects
    assert world.log.erase_user("ann", world.users).events == 2
    assert [row["subject"] for row in world.rows()] == [None, None, *subjects[2:], None]
    world.register("bob")
    world.users.update_user(1, {"username": "robert", "email": "robert@example.org"})
    world.users.delete_user(1)
    assert world.log.erase_user("bob@example.org", world.users).user_id == 1
    verdict = world.log.verify()
    assert verify_lines(lines_of(world.export())) == verdict
    assert (verdict.events, verdict.erased) == (11, 5)
    world.database.dispose()

"""Setting up and upgrading at all places at once."""

import json
from pathlib import Path

import pytest

from lback_cli.database.engine import Database
from lback_cli.database.migrations import migrate
from lback_cli.settings import DatabaseSettings
from tests.installed_command import InstalledCommand

from .engine import Engine

COMMANDS_AT_EACH_PLACE = 2


@pytest.fixture(params=["db init", "db upgrade"])
def command(request: pytest.FixtureRequest, engine: Engine, urls: list[str]) -> list[str]:
    """A command that sets up the database, which has older tables if the command is to upgrade them."""
    if request.param == "db upgrade":
        database = Database(DatabaseSettings(url=urls[0]))
        with database.engine.begin() as connection:
            migrate(connection, "0002")
        database.dispose()
        engine.settle()
    return str(request.param).split()


def test_commands_at_all_places_succeed(
    command: list[str], engine: Engine, urls: list[str], lback: InstalledCommand, tmp_path: Path
) -> None:
    places = urls * COMMANDS_AT_EACH_PLACE
    started = []
    for number, url in enumerate(places):
        with (tmp_path / f"{number}.out").open("w") as out, (tmp_path / f"{number}.err").open("w") as err:
            started.append(lback.start(*command, "-o", "json", "--database-url", url, stdout=out, stderr=err))
    for number, process in enumerate(started):
        assert process.wait(120) == 0, (tmp_path / f"{number}.err").read_text()
        assert json.loads((tmp_path / f"{number}.out").read_text())["state"] == "current"
    engine.settle()
    for url in urls:
        listed = lback("events", "list", "--signal", "schema_upgraded", "-o", "json", "--database-url", url)
        changes = [event["data"] for event in listed.result]
        upgraded = [{"changes": {}, "from": "0002", "to": data["to"]} for data in changes]
        assert changes == (upgraded[:1] if command == ["db", "upgrade"] else [])
        assert lback("events", "verify", "--database-url", url).status == 0

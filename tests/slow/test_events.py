"""The trials of the event log in full, by hand: ``pytest tests/slow/test_events.py -s`` takes some minutes."""

import os
from pathlib import Path

import pytest

from tests.events.concurrency_worker import check
from tests.events.harness import World, empty_file
from tests.events.property_checks import logs, try_databases, try_files, try_honest


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return empty_file(tmp_path_factory.mktemp("empty") / "empty.db")


def test_ten_thousand_tamperings_are_all_found(empty: Path, tmp_path: Path) -> None:
    made = logs(empty, tmp_path, count=40, steps=15, seed=int(os.environ.get("SEED", "5")))
    files = try_files(made, count=6000, seed=11, example_every=15)
    databases = try_databases(made, count=4300, seed=12, scratch=tmp_path)
    print(f"{files.total} files {dict(files.tried)}\n{databases.total} databases {dict(databases.tried)}")  # noqa: T201
    assert files.missed + databases.missed == []
    assert files.total + databases.total >= 10_000


def test_a_thousand_honest_logs_raise_no_alarm(empty: Path, tmp_path: Path) -> None:
    events, alarms = try_honest(empty, tmp_path, count=1000)
    print(f"{events} events in 1000 logs")  # noqa: T201
    assert alarms == []


def test_eight_processes_write_one_chain_in_a_sqlite_file(empty: Path, tmp_path: Path) -> None:
    world = World.on_copy(empty, tmp_path)
    check(world, f"sqlite:///{world.path}", workers=8, each=500)


@pytest.mark.parametrize("server", ["postgresql", "mariadb"])
def test_eight_processes_write_one_chain_on_a_server(
    server: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    url = request.getfixturevalue(f"{server}_url")
    check(World.at(url, tmp_path), url, workers=8, each=500)

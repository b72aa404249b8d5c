"""More trials of the event log, some minutes of them: ``pytest -m slow tests/slow/test_events.py -s``."""

import os
from pathlib import Path

import pytest

from tests.events.concurrency_worker import check
from tests.events.harness import Installation, new_database_file
from tests.events.tampering_trials import logs, try_databases, try_files, try_honest


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return new_database_file(tmp_path_factory.mktemp("empty") / "empty.db")


def test_ten_thousand_tamperings_are_detected(empty: Path, tmp_path: Path) -> None:
    made = logs(empty, tmp_path, count=40, steps=15, seed=int(os.environ.get("SEED", "5")))
    files = try_files(made, count=6000, seed=11, example_every=15)
    databases = try_databases(made, count=4300, seed=12, scratch=tmp_path)
    print(f"{files.total} files {dict(files.tried)}\n{databases.total} databases {dict(databases.tried)}")  # noqa: T201
    assert files.missed + databases.missed == []
    assert files.total + databases.total >= 10_000


def test_a_thousand_honest_logs_verify(empty: Path, tmp_path: Path) -> None:
    events, alarms = try_honest(empty, tmp_path, count=1000)
    print(f"{events} events in 1000 logs")  # noqa: T201
    assert alarms == []


def test_eight_processes_write_one_chain_to_a_sqlite_file(empty: Path, tmp_path: Path) -> None:
    installation = Installation.on_copy(empty, tmp_path)
    check(installation, f"sqlite:///{installation.path}", workers=8, each=500)


@pytest.mark.parametrize("server", ["postgresql", "mariadb"])
def test_eight_processes_write_one_chain_on_a_server(
    server: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    url = request.getfixturevalue(f"{server}_url")
    check(Installation.at(url, tmp_path), url, workers=8, each=500)

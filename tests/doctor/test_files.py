from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lback_cli.doctor.context import CheckContext
from lback_cli.doctor.files import check_files
from lback_cli.settings import DatabaseSettings

Admit = Callable[..., CheckContext]


def test_files_that_lback_made_are_closed(admit: Admit, register: Callable[[CheckContext, str], None]) -> None:
    patient = admit()
    register(patient, "alice")
    assert (patient.directory / "users.db-wal").exists()
    found = check_files(patient)
    assert (found.status, found.message) == ("ok", "Nobody else can read or write the 4 files with secrets.")


@pytest.mark.parametrize("name", ["users.db", "users.db-wal", "users.db-shm", "mail"])
def test_what_others_can_read_is_named_with_the_command_that_closes_it(
    admit: Admit, register: Callable[[CheckContext, str], None], name: str
) -> None:
    patient = admit()
    register(patient, "alice")
    path = patient.directory / name
    path.chmod(path.stat().st_mode | 0o044)
    found = check_files(patient)
    mode = 0o700 if path.is_dir() else 0o600
    assert (found.status, found.message) == ("fail", f"Others can read or write {path} ({mode | 0o044:03o}).")
    assert found.hint == f"Run: chmod {mode:03o} {path}"
    path.chmod(mode | 0o020)
    assert check_files(patient).status == "warn", "a group may be the application's"


def test_secrets_outside_of_the_database_are_looked_at(admit: Admit, tmp_path: Path) -> None:
    config, trace = tmp_path / "config.toml", tmp_path / "trace.jsonl"
    password, environment = tmp_path / "pass word", tmp_path / ".env"
    for path, content in ((config, ""), (trace, ""), (password, "secret"), (environment, "LBACK_ACTOR=x")):
        path.write_text(content)
        path.chmod(0o644)
    patient = admit(ready=False)
    url = "postgresql+psycopg://app:s3cret@db/app"
    patient.settings = replace(
        patient.settings,
        database=DatabaseSettings(url=url),
        email=replace(patient.settings.email, password_file=password),
        config_file=config,
        sources={"database.url": str(config)},
    )
    patient.trace_file = trace
    found = check_files(patient)
    assert found.status == "fail"
    assert found.hint == f"Run: chmod 600 {config} '{password}' {environment} {trace}"
    assert "s3cret" not in str(found)


@pytest.mark.parametrize(
    ("url", "source", "secret"),
    [
        ("postgresql+psycopg://app@db/app", "config", False),
        ("postgresql+psycopg://app:pw@db/app", "config", True),
        ("postgresql+psycopg://app@db/app?password=pw", "config", True),
        ("postgresql+psycopg://app:pw@db/app", "LBACK_DATABASE_URL", False),
    ],
)
def test_a_configuration_file_may_be_read_unless_it_holds_a_password(
    admit: Admit, tmp_path: Path, url: str, source: str, secret: bool
) -> None:
    config = tmp_path / "config.toml"
    config.touch(mode=0o644)
    patient = admit(ready=False)
    sources = {"database.url": str(config) if source == "config" else source}
    settings: Any = replace(patient.settings, database=DatabaseSettings(url=url), config_file=config, sources=sources)
    patient.settings = settings
    assert (check_files(patient).status == "fail") == secret

"""The modes of files with secrets."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lback_cli.doctor.context import CheckContext
from lback_cli.doctor.files import check_files
from lback_cli.doctor.result import CheckResult
from lback_cli.settings import DatabaseSettings
from lback_cli.settings.sink_kinds import RabbitMqSettings, WebhookSettings

MakeContext = Callable[..., CheckContext]
Register = Callable[[CheckContext, str], None]


def test_files_that_lback_creates_pass(make_context: MakeContext, register: Register) -> None:
    context = make_context()
    register(context, "alice")
    assert (context.directory / "users.db-wal").exists()
    assert check_files(context) == CheckResult("files", "ok", "Only the owner can access the 4 files with secrets.")


def test_missing_and_single_files_are_counted(make_context: MakeContext) -> None:
    context = make_context(ready=False)
    assert check_files(context).message == "There are no files with secrets."
    (context.directory / "users.db").touch(mode=0o600)
    assert check_files(context).message == "Only the owner can access the file with secrets."


@pytest.mark.parametrize("name", ["users.db", "users.db-wal", "users.db-shm", "mail"])
def test_access_for_others_fails_and_access_for_the_group_warns(
    make_context: MakeContext, register: Register, name: str
) -> None:
    context = make_context()
    register(context, "alice")
    path = context.directory / name
    mode = 0o700 if path.is_dir() else 0o600
    hint = f"Run: chmod {mode:03o} {path}"
    path.chmod(mode | 0o044)
    message = f"Others can read or write {path} ({mode | 0o044:03o})."
    assert check_files(context) == CheckResult("files", "fail", message, hint)
    path.chmod(mode | 0o020)
    message = f"Its group can read or write {path} ({mode | 0o020:03o})."
    assert check_files(context) == CheckResult("files", "warn", message, hint)


def test_configuration_passwords_environment_and_trace_are_checked(make_context: MakeContext, tmp_path: Path) -> None:
    config, trace = tmp_path / "config.toml", tmp_path / "trace.jsonl"
    password, environment = tmp_path / "pass word", tmp_path / ".env"
    for path, content in ((config, ""), (trace, ""), (password, "secret"), (environment, "LBACK_ACTOR=x")):
        path.write_text(content)
        path.chmod(0o644)
    context = make_context(ready=False)
    url = "postgresql+psycopg://app:s3cret@db/app"
    context.settings = replace(
        context.settings,
        database=DatabaseSettings(url=url),
        email=replace(context.settings.email, password_file=password),
        config_file=config,
        sources={"database.url": str(config)},
    )
    context.trace_file = trace
    found = check_files(context)
    assert found.status == "fail"
    assert found.hint == f"Run: chmod 600 {config} '{password}' {environment} {trace}"
    assert "s3cret" not in str(found)


def test_files_with_the_secrets_of_sinks_are_checked(make_context: MakeContext, tmp_path: Path) -> None:
    config, secret, password = (tmp_path / name for name in ("lback.toml", "secret", "password"))
    for path in (config, secret, password):
        path.write_text("x")
        path.chmod(0o644)
    context = make_context(ready=False)
    crm = WebhookSettings(url="https://crm.example.org/", secrets="whsec_AAAA")
    context.settings = replace(
        context.settings,
        relay={"crm": crm, "file": WebhookSettings(secret_file=secret), "mq": RabbitMqSettings(password_file=password)},
        config_file=config,
        sources={"relay.crm.url": str(config), "relay.crm.secrets": str(config)},
    )
    assert check_files(context).hint == f"Run: chmod 600 {config} {secret} {password}"

    context.settings = replace(context.settings, sources={"relay.crm.url": str(config)})
    assert check_files(context).hint == f"Run: chmod 600 {secret} {password}"


def test_certificate_of_a_client_is_a_secret_if_its_key_is_in_it(make_context: MakeContext, tmp_path: Path) -> None:
    certificate, key = tmp_path / "client.pem", tmp_path / "client.key"
    for path in (certificate, key):
        path.write_text("x")
        path.chmod(0o644)
    context = make_context(ready=False)
    sink = RabbitMqSettings(client_certificate=certificate)
    context.settings = replace(context.settings, relay={"mq": sink})
    assert check_files(context).hint == f"Run: chmod 600 {certificate}"
    context.settings = replace(context.settings, relay={"mq": replace(sink, client_key=key)})
    assert check_files(context).hint == f"Run: chmod 600 {key}"


@pytest.mark.parametrize(
    ("url", "source", "has_password"),
    [
        ("postgresql+psycopg://app@db/app", "config", False),
        ("postgresql+psycopg://app:pw@db/app", "config", True),
        ("postgresql+psycopg://app@db/app?password=pw", "config", True),
        ("postgresql+psycopg://app:pw@db/app", "LBACK_DATABASE_URL", False),
    ],
)
def test_readable_configuration_file_fails_only_if_it_holds_a_password(
    make_context: MakeContext, tmp_path: Path, url: str, source: str, has_password: bool
) -> None:
    config = tmp_path / "config.toml"
    config.touch(mode=0o644)
    context = make_context(ready=False)
    sources = {"database.url": str(config) if source == "config" else source}
    settings: Any = replace(context.settings, database=DatabaseSettings(url=url), config_file=config, sources=sources)
    context.settings = settings
    assert (check_files(context).status == "fail") == has_password


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo])
def test_env_that_is_not_a_file_is_passed_over(make_context: MakeContext, make: Callable[[Path], None]) -> None:
    context = make_context(ready=False)
    make(context.directory / ".env")
    assert check_files(context).message == "There are no files with secrets."

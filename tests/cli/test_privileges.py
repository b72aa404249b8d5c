"""A user of the database server with exactly the privileges that `lback doctor` asks for."""

import json
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from lback_cli.models.tables import METADATA
from tests.relay.consumers import SECRET, Endpoint

Cli = Callable[..., Any]


def follow_the_doctor(cli: Cli, guest: Any) -> None:
    """Grant a read-only user what `lback doctor` asks for, until all checks pass."""
    guest.grant("SELECT", "lback_alembic_version", *METADATA.tables)
    for _ in range(3):
        done = cli("doctor", "-o", "json", LBACK_DATABASE_URL=guest.url)
        if done.status == 0:
            return
        rights = next(entry for entry in json.loads(done.out) if entry["check"] == "rights")
        for line in rights["hint"].splitlines():
            guest.execute(*line.removeprefix("Run: ").split("; "))
    pytest.fail(done.out)


@pytest.mark.parametrize("service", ["postgresql", "mariadb"])
def test_the_privileges_that_doctor_asks_for_suffice_for_every_command(
    *,
    service: str,
    database_on: Any,
    guest_on: Any,
    cli: Cli,
    password: str,
    tmp_path: Path,
    token_in: Callable[[Any], str],
    smtp_server: Callable[..., Any],
) -> None:
    def run(command: str, *, expected: int = 0, **more: Any) -> Any:
        outcome = cli(*command.split(), "-q", **variables, **more)
        assert outcome.status == expected, (command, outcome)
        return outcome

    def mailed() -> str:
        run("mail deliver --once")
        return token_in(server.messages[-1].message)

    server = smtp_server("starttls")
    (tmp_path / "new").write_text("a lighthouse keeps counting its own steps")
    (tmp_path / "users.csv").write_text("username,email,groups\ncarol,carol@example.org,staff\nbob,bob@x.org,guests\n")
    with database_on(service) as url, guest_on(url) as guest, closing(Endpoint(None)) as endpoint:
        endpoint.answer = lambda _request, _handler: 422
        assert cli("db", "init", "-q", LBACK_DATABASE_URL=url).status == 0
        follow_the_doctor(cli, guest)
        variables = server.environment | {
            "LBACK_DATABASE_URL": guest.url,
            "LBACK_EMAIL_TRANSPORT": "queue",
            "LBACK_RELAY_AUDIT_URL": endpoint.url,
            "LBACK_RELAY_AUDIT_SECRETS": SECRET,
        }
        run("group create staff")
        run("group create guests")
        run("user register alice --email alice@example.org --password-stdin --group staff", input=password)
        run("user verify-email -", input=mailed())
        run("user authenticate alice --password-stdin", input=password)
        run("user update alice --email ally@example.org --deactivate --add-group guests --remove-group staff")
        run("user update alice --activate")
        run("user resend-verification alice")
        run("user request-password-reset alice")
        run("user reset-password --token - --password-file new", input=mailed())
        run("user import users.csv --if-exists update")
        run("user import users.csv --if-exists update --restart --atomic")
        run("user request-password-reset carol")
        queued = [json.loads(line)["id"] for line in run("mail queue list -o jsonl").out.splitlines()]
        assert queued
        run("mail queue retry --dead")
        run(f"mail queue drop {' '.join(map(str, queued))} --yes")
        run("user delete bob --yes")
        run("user erase carol --confirm=carol")
        run("group delete guests --confirm=guests")
        run("events verify")
        run("events relay --once", expected=9)
        run("events dead-letters retry audit 1", expected=8)
        run("events dead-letters drop audit --all --yes")
        run("events replay audit --from 1")

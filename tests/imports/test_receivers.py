"""Receivers of an import act on each row, as if each user were registered alone."""

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from lback_cli.errors import OperationRejected
from lback_cli.imports.options import ImportOptions
from lback_cli.signals import user_pre_register, user_registered, user_updated

from .harness import GROUP_EVENTS

World = Any  # of harness.py

ROWS = "username,email\n" + "".join(f"user{number},user{number}@example.org\n" for number in range(6))
REGISTERED = ["user0", "user1", "user3", "user5"]

PLUGIN = """
from lback_cli import OperationRejected
from lback_cli.signals import receiver, user_pre_register, user_registered

@receiver(user_pre_register)
def not_two(sender, username, **extra):
    if username == "user2":
        raise OperationRejected("Not two.")

@receiver(user_registered)
def breaks_at_four(sender, user, session, **extra):
    if user.username == "user4":
        raise LookupError("lost")
"""


def not_two(_sender: Any, username: str, **_extra: Any) -> None:
    if username == "user2":
        raise OperationRejected("Not two.")


def breaks_at_four(_sender: Any, user: Any, **_extra: Any) -> None:
    if user.username == "user4":
        raise LookupError("lost")


@pytest.mark.parametrize("mail", ["none", "invite"])
@pytest.mark.parametrize("chunk", [1, 2, 1000])
def test_veto_or_crash_of_a_receiver_fails_one_row(world: World, chunk: int, mail: Any) -> None:
    path = world.write(ROWS)
    heard: list[str] = []

    def hear(_sender: Any, user: Any, **_extra: Any) -> None:
        heard.append(user.username)

    with (
        user_pre_register.connected_to(not_two),
        user_registered.connected_to(breaks_at_four),
        user_registered.connected_to(hear),
    ):
        result = world.run(path, ImportOptions(mail=mail), chunk=chunk)

    assert (result.counts.created, result.counts.failed) == (4, 2)
    assert sorted(world.people()) == REGISTERED
    assert heard == ["user0", "user1", "user3", "user4", "user5"]
    outcomes = [(event[1], json.loads(event[5]).get("error_type")) for event in world.events()]
    good = ("user_registered", None)
    assert outcomes == [
        *[("group_created", None)] * GROUP_EVENTS,
        *(good, good),
        ("user_registration_failed", "rejected_by_receiver"),
        good,
        ("user_registration_failed", "unexpected_exception"),
        good,
    ]
    world.verify()


def test_atomic_import_is_rolled_back_after_a_veto(world: World) -> None:
    path = world.write(ROWS)
    with user_pre_register.connected_to(not_two):
        result = world.run(path, ImportOptions(mail="none", atomic=True))
    assert result.state == "rolled_back"
    assert world.people() == {}


def test_updates_can_be_vetoed(world: World) -> None:
    world.run(world.write(ROWS), ImportOptions(mail="none"))

    def not_three(_sender: Any, user: Any, **_extra: Any) -> None:
        if user.username == "user3":
            raise OperationRejected("Not three.")

    changed = world.write("username,email,groups\n" + "".join(f"user{n},user{n}@example.com,staff\n" for n in range(6)))
    with user_updated.connected_to(not_three):
        result = world.run(changed, ImportOptions(mail="none", if_exists="update"))
    assert (result.counts.updated, result.counts.failed) == (5, 1)
    assert [name for name, (email, *_) in world.people().items() if email.endswith("org")] == ["user3"]


def test_command_runs_plugins_and_hooks_for_an_import_and_not_for_a_plan(lback: Any) -> None:
    directory: Path = lback.directory
    (directory / "rows.csv").write_text(ROWS)
    (directory / "acme.py").write_text(PLUGIN)
    hook = directory / "hooks" / "user_pre_register" / "10-not-five"
    hook.parent.mkdir(parents=True)
    hook.write_text("#!/bin/sh\nif grep -q user5; then echo 'Not five.' >&2; exit 1; fi\n")
    for path in (hook, hook.parent, hook.parent.parent):
        path.chmod(0o755)
    variables = {
        "PYTHONPATH": str(directory),
        "LBACK_RECEIVERS_MODULES": "acme",
        "LBACK_RECEIVERS_HOOKS_DIRECTORY": str(hook.parent.parent),
    }

    planned = lback("user", "import", "rows.csv", "--mail", "none", "--plan", "-o", "json", **variables)
    imported = lback(
        *("user", "import", "rows.csv", "--mail", "none", "-o", "json", "--report", "report.jsonl"), **variables
    )

    assert planned.status == 0
    assert imported.status == 8
    counts = {name: imported.result[name] for name in ("created", "updated", "skipped", "failed", "total")}
    assert counts == {"created": 3, "updated": 0, "skipped": 0, "failed": 3, "total": 6}
    report = (directory / "report.jsonl").read_text()
    for reason in ("Not two.", "Not five.", "breaks_at_four of user_registered failed: LookupError: lost"):
        assert report.count(reason) == 1
    with sqlite3.connect(lback.database) as connection:
        names = [row[0] for row in connection.execute("SELECT username FROM users ORDER BY id")]
    assert names == ["user0", "user1", "user3"]

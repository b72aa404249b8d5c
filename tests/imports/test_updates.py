"""Updates of an import: those of a chunk together have the same results as each by an operation of its own."""

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from lback_cli import signals
from lback_cli.imports.options import ImportOptions
from lback_cli.imports.plan import PlanWriter

from .harness import ARGON2, BCRYPT, PASSWORD, World, read_jsonl
from .test_attribute_columns import attributes, declare

COLUMNS = ("username", "email", "is_active", "is_email_verified", "groups", "password_hash", "phone", "external_id")
FIRST = [
    ("ann", "ann@x.org", "", "true", "staff", ARGON2, "+1", "E1"),
    ("bob", "bob@x.org", "", "", "staff;guests", ARGON2, "", "E2"),
    ("cy", "cy@x.org", "false", "", "", ARGON2, "", ""),
    ("root", "root@x.org", "", "true", "admin", ARGON2, "", ""),
]
SECOND = [
    ("ann", "ann@x.org", "", "", "guests", "", "+2", ""),
    ("new", "new@x.org", "", "", "", ARGON2, "", ""),
    ("ann", "ann@x.org", "", "", "staff", BCRYPT, "", ""),
    ("bob", "ann@x.org", "", "", "", "", "", ""),
    ("bob", "bob@y.org", "", "", "", "", "", "E1"),
    ("bob", "bob@y.org", "", "true", "[]", "", "+3", "E3"),
    ("cy", "bob@x.org", "yes", "true", "", "", "", "E2"),
    ("cy", "cy@x.org", "", "", "nowhere", "", "", ""),
    ("cy", "no address", "", "", "", "", "", ""),
    ("cy", "", "", "", "", "$1$broken", "", ""),
    ("root", "root@x.org", "false", "", "", "", "", ""),
    ("root", "root@x.org", "", "", "staff", "", "", ""),
    ("new", "new@x.org", "", "true", "guests", "", "+4", ""),
    ("ann", "ann@x.org", "", "", "", "", "", "E9"),
]
OPTIONS = ImportOptions(mail="none", if_exists="update", overwrite_passwords=True)


def table(rows: Sequence[tuple[str, ...]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows([COLUMNS, *rows])
    return text.getvalue()


def prepared(make: Callable[[], World]) -> World:
    world = make()
    declare(world)
    options = replace(OPTIONS, create_groups=True)
    assert world.run(world.write(table(FIRST)), options).counts.created == len(FIRST)
    return world


def updated(world: World, options: ImportOptions = OPTIONS, **more: Any) -> list[tuple[Any, ...]]:
    """Run the second import, and return what its report says."""
    report = world.directory / "report.jsonl"
    world.run(world.write(table(SECOND), "second.csv"), replace(options, report=report), **more)
    return [(one["line"], one["outcome"], one["message"]) for one in read_jsonl(report)]


def receiver(_: object, **__: Any) -> None:
    """Make each update an operation of its own."""


@pytest.mark.parametrize("mail", ["none", "invite"])
@pytest.mark.parametrize("chunk", [1, 1000])
def test_updates_together_are_like_single_ones(worlds: Callable[[], World], mail: Any, chunk: int) -> None:
    together, single = prepared(worlds), prepared(worlds)
    options = replace(OPTIONS, mail=mail)
    report = updated(together, options, chunk=chunk)
    with signals.user_updated.connected_to(receiver):
        assert report == updated(single, options, chunk=chunk)
    assert [outcome for _, outcome, _ in report].count("failed") == 7
    assert together.people() == single.people()
    assert attributes(together) == attributes(single)
    assert together.events() == single.events()
    together.verify()


def test_plan_of_updates_counts_the_same_signals(worlds: Callable[[], World]) -> None:
    world = prepared(worlds)
    path = world.write(table(SECOND), "second.csv")
    found = []
    for together in (True, False):
        writer = PlanWriter(world.services.hasher)
        if together:
            world.importer().plan(str(path), OPTIONS, writer)
        else:
            with signals.user_updated.connected_to(receiver):
                world.importer().plan(str(path), OPTIONS, writer)
        found.append(writer.summary)
    assert found[0] == found[1]
    assert found[0]["updated"] == 6


def test_updates_revoke_tokens(worlds: Callable[[], World]) -> None:
    world = prepared(worlds)
    world.users.reset_password_request("bob@x.org")
    token = next(world.directory.rglob("*.eml")).read_text().split("token=")[1].split()[0]
    rows = [("bob", "bob@y.org", *[""] * 6), ("ann", "ann@x.org", "", "", "guests", "", "", "")]
    assert world.run(world.write(table(rows), "third.csv"), OPTIONS).counts.updated == 2
    with pytest.raises(Exception, match="token"):
        world.users.reset_password(token, PASSWORD)

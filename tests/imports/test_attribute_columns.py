"""Columns of attributes in lback's own table: values, refusals, updates and events of an import."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from lback_cli import signals
from lback_cli.errors import UsageError
from lback_cli.imports.columns import ImportColumns
from lback_cli.imports.importer import Importer
from lback_cli.imports.options import ImportOptions
from lback_cli.managers.dependencies import Dependencies
from lback_cli.managers.directory import Directory
from lback_cli.managers.user_manager import UserManager
from lback_cli.models.tables import EVENTS
from lback_cli.repositories.unit_of_work import transaction
from lback_cli.repositories.user_query import UserQuery
from lback_cli.settings.schema import AttributeSettings
from tests.installed_command import in_one_line

from .harness import PASSWORD, World, read_jsonl

OPTIONS = ImportOptions(mail="none")
DECLARED = {"phone": AttributeSettings(), "badge": AttributeSettings(type="integer")}


@pytest.fixture(params=["at once", "one by one"])
def attributed(request: pytest.FixtureRequest, world: World) -> Iterator[World]:
    """A database whose configuration declares attributes; users are inserted at once, or receivers listen."""
    declare(world)
    receiver = lambda *_, **__: None  # noqa: E731 - signals keep weak references, so it needs a name
    if request.param == "one by one":
        signals.user_registered.connect(receiver)
    yield world
    signals.user_registered.disconnect(receiver)


def declare(world: World) -> None:
    """Configure the attributes."""
    world.settings = replace(world.settings, attributes=DECLARED)
    world.services = Dependencies(world.settings, data_directory=world.directory)
    world.users = UserManager(world.database, world.services)


def attributes(world: World) -> dict[str, dict[str, Any]]:
    """Return the attributes of all users by user name."""
    with Directory(world.database, world.services).select_users(UserQuery(limit=None)) as users:
        return {user.username: dict(user.attributes) for user in users}


def changes(world: World) -> list[tuple[str, dict[str, Any]]]:
    """Return the attributes and addresses in events of successes."""
    names = ("email", "external_id", "display_name", "phone", "badge")
    with transaction(world.database) as work:
        events = work.session.execute(select(EVENTS.c.signal, EVENTS.c.data).order_by(EVENTS.c.seq)).all()
    found = [(signal, json.loads(data or "{}").get("changes")) for signal, data in events if "user" in signal]
    return [
        (signal, {name: said[name] for name in names if name in said}) for signal, said in found if said is not None
    ]


def test_values_are_stored_in_canonical_form_and_recorded(attributed: World) -> None:
    content = "username,email,badge,external_id,phone\nann,ann@x.org,+007,E1,' A\u030a 1 '\nbob,bob@x.org,,,\n"
    result = attributed.run(attributed.write(content.replace("'", '"')), OPTIONS)
    assert (result.counts.created, result.counts.failed) == (2, 0)
    assert attributes(attributed) == {"ann": {"badge": 7, "external_id": "E1", "phone": "Å 1"}, "bob": {}}
    assert changes(attributed) == [
        (
            "user_registered",
            {
                "email": {"to": "ann@x.org"},
                "external_id": {"to": "E1"},
                "display_name": {"to": None},
                "phone": {"to": "Å 1"},
                "badge": {"to": 7},
            },
        ),
        (
            "user_registered",
            {"email": {"to": "bob@x.org"}}
            | {name: {"to": None} for name in ("external_id", "display_name", "phone", "badge")},
        ),
    ]
    attributed.verify()


def test_json_has_declared_attributes_under_their_names_or_in_an_object(attributed: World) -> None:
    rows: list[dict[str, Any]] = [
        {"username": "ann", "email": "ann@x.org", "badge": 7, "external_id": "E1", "attributes": {"phone": "1"}},
        {"username": "bob", "email": "bob@x.org", "badge": None, "attributes": None},
        {"username": "cy", "email": "cy@x.org", "badge": 7, "attributes": {"badge": 8}},
        {"username": "di", "email": "di@x.org", "attributes": {"fax": "1"}},
        {"username": "ed", "email": "ed@x.org", "attributes": ["phone"]},
        {"username": "fay", "email": "fay@x.org", "phone": {"mobile": [1]}},
        {"username": "gus", "email": "gus@x.org", "badge": True},
    ]
    report = attributed.directory / "report.jsonl"
    path = attributed.write("".join(json.dumps(row) + "\n" for row in rows), "users.jsonl")
    attributed.run(path, replace(OPTIONS, format="jsonl", report=report))
    assert attributes(attributed) == {"ann": {"badge": 7, "external_id": "E1", "phone": "1"}, "bob": {}}
    names = ", ".join(ImportColumns(attributed.services.attributes).names)
    assert [in_one_line(row) for row in read_jsonl(report)[2:]] == [
        "The key 'badge' comes twice.",
        f"There is no key 'fax' in lback. Add --ignore fax, or --map FIELD=fax to read it. Fields are {names}.",
        "attributes must be an object.",
        "phone: a dict is not one line of at most 1000 characters.",
        "badge: True is not a whole number.",
    ]


def test_invalid_value_fails_its_row_with_column_and_value(attributed: World) -> None:
    content = 'username,email,badge,phone\nann,ann@x.org,many,1\nbob,bob@x.org,7,"a\nb"\ncy,cy@x.org,7,1\n'
    report, rejects = attributed.directory / "report.jsonl", attributed.directory / "rejects.csv"
    result = attributed.run(attributed.write(content), replace(OPTIONS, report=report, rejects=rejects))
    assert (result.counts.created, result.counts.failed) == (1, 2)
    assert [(row["line"], row["code"], row["message"]) for row in read_jsonl(report)[:2]] == [
        (2, "validation_error", "badge: 'many' is not a whole number."),
        (3, "validation_error", r"phone: 'a\nb' is not one line of at most 1000 characters."),
    ]
    repaired = rejects.read_text().replace("many", "9").replace("a\nb", "2")
    assert attributed.run(attributed.write(repaired, "repaired.csv"), OPTIONS).counts.created == 2
    assert attributes(attributed) == {
        "ann": {"badge": 9, "phone": "1"},
        "bob": {"badge": 7, "phone": "2"},
        "cy": {"badge": 7, "phone": "1"},
    }


def test_an_undeclared_column_is_refused(world: World) -> None:
    path = world.write("username,email,phone\nann,ann@x.org,1\n")
    with pytest.raises(Exception, match="there is no column 'phone'") as refusal:
        world.run(path, OPTIONS)
    assert "external_id, display_name" in (getattr(refusal.value, "hint", None) or "")


def test_taken_external_id_fails_only_its_row(attributed: World) -> None:
    attributed.users.register_user("zoe", "zoe@x.org", PASSWORD, attributes={"external_id": "E0"})
    lines = ["ann,ann@x.org,E1", "bob,bob@x.org,E0", "cy,cy@x.org,E1", "di,di@x.org,e1", "ed,ed@x.org,"]
    report = attributed.directory / "report.jsonl"
    content = "\n".join(["username,email,external_id", *lines]) + "\n"
    attributed.run(attributed.write(content), replace(OPTIONS, report=report))
    assert [(row["outcome"], row["message"]) for row in read_jsonl(report)] == [
        ("created", None),
        ("failed", "The external_id 'E0' is taken."),
        ("failed", "The external_id 'E1' is taken."),
        ("created", None),
        ("created", None),
    ]
    owners = {name: values.get("external_id") for name, values in attributes(attributed).items()}
    assert owners == {"zoe": "E0", "ann": "E1", "di": "e1", "ed": None}
    attributed.verify()


def test_update_sets_only_different_values(attributed: World) -> None:
    columns = "username,email,external_id,phone,badge\n"
    first = "ann,ann@x.org,E1,1,7\nbob,bob@x.org,E2,2,8\ncy,cy@x.org,,3,\n"
    attributed.run(attributed.write(columns + first), OPTIONS)
    second = "ann,,E1,1,7\nbob,,E1,5,\ncy,,E3,,0\n"
    report = attributed.directory / "report.jsonl"
    update = replace(OPTIONS, if_exists="update", report=report)
    attributed.run(attributed.write(columns + second, "second.csv"), update)
    assert [(row["outcome"], row["code"]) for row in read_jsonl(report)] == [
        ("skipped", "unchanged"),
        ("failed", "user_exists"),
        ("updated", None),
    ]
    assert attributes(attributed) == {
        "ann": {"external_id": "E1", "phone": "1", "badge": 7},
        "bob": {"external_id": "E2", "phone": "2", "badge": 8},
        "cy": {"external_id": "E3", "phone": "3", "badge": 0},
    }
    assert changes(attributed)[3:] == [
        ("user_updated", {"external_id": {"from": None, "to": "E3"}, "badge": {"from": None, "to": 0}})
    ]


def test_a_plan_counts_the_signals_of_the_import(world: World, tmp_path: Path) -> None:
    from lback_cli.imports.plan import PlanWriter

    declare(world)
    content = "username,email,external_id\nann,ann@x.org,E1\nbob,bob@x.org,E1\ncy,cy@x.org,E3\n"
    path = world.write(content)
    writer = PlanWriter(world.services.hasher, tmp_path / "plan")
    planned = Importer(world.database, world.services, world.users).plan(str(path), OPTIONS, writer)
    counted: Counter[str] = Counter()
    observed = [signals.user_registration_started, signals.user_pre_register]
    observed += [signals.user_registered, signals.user_registration_failed]
    receivers = [(one, lambda *_, name=one.name, **__: counted.update([name])) for one in observed]
    for one, receiver in receivers:
        one.connect(receiver)
    try:
        world.run(path, OPTIONS)
    finally:
        for one, receiver in receivers:
            one.disconnect(receiver)
    assert counted == planned.signals
    assert counted["user_pre_register"] == 2


def test_value_for_every_user_gives_way_to_that_of_a_row(attributed: World) -> None:
    world = attributed
    path = world.write("username,email,phone\nann,ann@example.org,+1\nbob,bob@example.org,\n")
    options = replace(OPTIONS, attributes=(("phone", "+49"), ("badge", "7")))
    assert world.run(path, options).counts.created == 2
    assert attributes(world) == {"ann": {"phone": "+1", "badge": 7}, "bob": {"phone": "+49", "badge": 7}}
    again = replace(options, if_exists="update", attributes=(("badge", "8"),))
    assert world.run(path, again).counts.updated == 2
    assert attributes(world) == {"ann": {"phone": "+1", "badge": 8}, "bob": {"phone": "+49", "badge": 8}}
    assert ImportOptions.from_json(options.as_json()) == options
    assert "--set phone=+49 --set badge=7" in options.command("users.csv")


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("external_id", "x", "--set: external_id has a different value for each user."),
        ("badge", "x", "--set badge: 'x' is not a whole number."),
        ("phone", "", "--set phone: an import unsets no attribute."),
    ],
)
def test_value_for_every_user_has_to_fit(world: World, name: str, value: str, expected: str) -> None:
    declare(world)
    path = world.write("username,email\nann,ann@example.org\n")
    with pytest.raises(UsageError) as caught:
        world.run(path, replace(OPTIONS, attributes=((name, value),)))
    assert caught.value.message.startswith(expected)
    assert world.jobs() == []


@pytest.mark.parametrize("form", ["csv", "json"])
def test_empty_value_unsets_no_attribute(world: World, form: str) -> None:
    """Other programs leave empty what they do not know."""
    declare(world)
    world.users.register_user("ann", "ann@example.org", None, attributes={"phone": "+49"}, mail="none")
    row = {"username": "ann", "email": "ann@example.org", "phone": "", "badge": "7"}
    text = json.dumps([row | {"phone": None}]) if form == "json" else f"{','.join(row)}\n{','.join(row.values())}\n"
    assert world.run(world.write(text), replace(OPTIONS, format=form, if_exists="update")).counts.updated == 1
    assert attributes(world) == {"ann": {"phone": "+49", "badge": 7}}

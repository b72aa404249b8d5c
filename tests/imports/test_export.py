"""An import of an export restores the same users."""

import csv
import gc
import io
import json
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Literal, get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert

from lback_cli.attributes import Attribute, ValueType
from lback_cli.errors import GroupNotFound, ValidationError
from lback_cli.imports.exports import Exporter
from lback_cli.imports.options import ImportOptions
from lback_cli.managers.dependencies import Dependencies
from lback_cli.managers.directory import Directory
from lback_cli.managers.group_manager import GroupManager
from lback_cli.managers.user_manager import UserManager
from lback_cli.models import Group, User
from lback_cli.models.tables import MEMBERSHIPS, USER_ATTRIBUTES
from lback_cli.problem import Problem
from lback_cli.repositories.unit_of_work import transaction
from lback_cli.repositories.user_query import UserQuery
from lback_cli.settings.schema import AttributeSettings
from tests.user_results import OWN_COLUMNS

from .harness import ARGON2, BCRYPT, World


def canonical_text(raw: str) -> Any:
    """Return *raw* as the value of a text attribute, or None if it is invalid."""
    try:
        return Attribute("text", "text", "").parse(raw)
    except ValidationError:
        return None


Form = Literal["csv", "jsonl", "json"]


def unexpected_warning(problem: Problem) -> None:
    pytest.fail(problem.message)


def exported(world: World, form: Form = "csv", *, with_hashes: bool = False, **query: Any) -> str:
    exporter = Exporter(world.database, world.services, unexpected_warning)
    return "".join(exporter.lines(UserQuery(**query), form, with_hashes=with_hashes))


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[World, World]]:
    """Two databases, one to export from and one to import into."""
    made = World(tmp_path_factory.mktemp("one")), World(tmp_path_factory.mktemp("other"))
    yield made
    for world in made:
        world.close()


def emptied(world: World, groups: list[str]) -> None:
    """Replace all groups by *groups*, which may have names that only an application can create."""
    with transaction(world.database) as work:
        for table in (USER_ATTRIBUTES, MEMBERSHIPS, User, Group):
            work.session.execute(delete(table))
        now = world.services.now()
        work.session.execute(insert(Group), [{"name": name, "created_at": now, "updated_at": now} for name in groups])


NAMES = st.from_regex(r"[a-z0-9][a-z0-9._-]{0,20}", fullmatch=True)
LOCAL_PARTS = st.from_regex(r"[a-z0-9=+'_-]{1,12}", fullmatch=True)
GROUP_NAMES = st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "S", "Zs"]), min_size=1, max_size=12)
PEOPLE = st.dictionaries(
    NAMES,
    st.tuples(
        LOCAL_PARTS, st.sampled_from([ARGON2, BCRYPT, "!"]), st.booleans(), st.booleans(), st.sets(st.integers(0, 2))
    ),
    min_size=1,
    max_size=6,
)

STARTS = st.sampled_from(["", "=", "+", "-", "@", "'", "''", "'=", '"', ",", ";", "[", "\u2028"])
LINES = st.builds(str.__add__, STARTS, st.text(max_size=12)).map(canonical_text).filter(bool)
"""Valid texts of an attribute, including formulas and quotes."""
ATTRIBUTES: dict[str, st.SearchStrategy[Any]] = {
    "external_id": LINES,
    "display_name": LINES,
    "a_text": LINES,
    "a_integer": st.integers(-(2**53) + 1, 2**53 - 1),
    "a_boolean": st.booleans(),
    "a_date": st.dates().map(str),
}


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    people=PEOPLE,
    groups=st.lists(GROUP_NAMES, min_size=3, max_size=3, unique=True),
    form=st.sampled_from(["csv", "jsonl"]),
)
def test_import_of_an_export_restores_all_values(
    pair: tuple[World, World], people: dict[str, Any], groups: list[str], form: Form
) -> None:
    one, other = pair
    emptied(one, groups)
    emptied(other, groups)
    now = one.services.now()
    with transaction(one.database) as work:
        default, _ = work.groups.get_or_add("basic_user", now=now)
        for index, (name, (local, stored, active, verified, joined)) in enumerate(people.items()):
            user = User(username=name, email=f"{local}{index}@example.org", password_hash=stored)
            user.is_active, user.is_email_verified, user.created_at, user.updated_at = active, verified, now, now
            user.groups = [default, *(work.groups.get_or_add(groups[number], now=now)[0] for number in sorted(joined))]
            work.session.add(user)
    path = other.write(exported(one, form, with_hashes=True), f"users.{form}")
    report = other.directory / "report.jsonl"
    result = other.run(path, ImportOptions(format=form, mail="none", report=report), restart=True)
    assert result.counts.created == len(people), report.read_text()
    assert other.people() == one.people()


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    people=st.lists(
        st.fixed_dictionaries({}, optional=ATTRIBUTES),
        min_size=1,
        max_size=5,
        unique_by=lambda attributes: attributes.get("external_id", object()),
    ),
    form=st.sampled_from(["csv", "jsonl"]),
)
def test_an_export_of_an_import_has_the_same_attributes(
    pair: tuple[World, World], people: list[dict[str, Any]], form: Form
) -> None:
    one, other = map(declaring, pair)
    for index, attributes in enumerate(people):
        one.users.register_user(f"user{index}", f"user{index}@example.org", None, attributes=attributes, mail="none")
    first = exported(one, form, with_hashes=True)
    result = other.run(other.write(first, f"users.{form}"), ImportOptions(format=form, mail="none"), restart=True)
    assert (result.counts.created, result.counts.failed) == (len(people), 0)
    with Directory(other.database, other.services).select_users(UserQuery()) as users:
        assert [dict(user.attributes) for user in users] == people
    assert without_times(exported(other, form, with_hashes=True), form) == without_times(first, form)


def declaring(world: World) -> World:
    """Empty *world*, and declare an attribute of each type."""
    emptied(world, ["basic_user"])
    types = get_args(ValueType)
    world.settings = replace(world.settings, attributes={f"a_{name}": AttributeSettings(type=name) for name in types})
    world.services = Dependencies(world.settings, data_directory=world.directory)
    world.users = UserManager(world.database, world.services)
    return world


def without_times(text: str, form: Form) -> list[dict[str, Any]]:
    """Return the records of an export without what differs between databases."""
    records = csv.DictReader(io.StringIO(text, newline="")) if form == "csv" else map(json.loads, text.splitlines())
    ignored = {"id", "created_at", "updated_at"}
    return [{name: value for name, value in record.items() if name not in ignored} for record in records]


def test_export_has_the_columns_that_an_import_takes(world: World) -> None:
    content = f'username,email,password_hash,groups\nann,=ann@example.org,"{ARGON2}",staff\nbob,bob@example.org,,\n'
    world.run(world.write(content), ImportOptions(mail="none"))
    rows = list(csv.DictReader(exported(world).splitlines()))
    assert [(row["username"], row["email"], row["groups"], row["is_active"]) for row in rows] == [
        ("ann", "'=ann@example.org", "basic_user;staff", "true"),
        ("bob", "bob@example.org", "basic_user", "true"),
    ]
    assert "password_hash" not in rows[0]
    assert ARGON2 not in exported(world)
    ann, bob = map(json.loads, exported(world, "jsonl", with_hashes=True).splitlines())
    assert (ann["email"], ann["password_hash"], ann["groups"]) == ("=ann@example.org", ARGON2, ["basic_user", "staff"])
    assert bob["password_hash"] is None


def test_export_has_the_filters_of_a_list(world: World) -> None:
    content = (
        "username,email,groups,is_active,is_email_verified\n"
        "ann,ann@example.org,staff,,\nbob,bob@example.org,,false,\ncy,cy@example.org,,,true\n"
    )
    world.run(world.write(content), ImportOptions(mail="none"))

    def names(**query: Any) -> list[str]:
        return [json.loads(line)["username"] for line in exported(world, "jsonl", **query).splitlines()]

    assert names() == ["ann", "bob", "cy"]
    assert names(groups=["staff"]) == ["ann"]
    assert names(is_active=False) == ["bob"]
    assert names(is_email_verified=True) == ["cy"]
    assert names(searches=["BOB"]) == ["bob"]
    with pytest.raises(GroupNotFound):
        names(groups=["nobody"])


def test_export_without_users_is_a_header(world: World) -> None:
    header = f"username,email,groups,is_active,is_email_verified,{OWN_COLUMNS},created_at,updated_at,id\n"
    assert exported(world) == header
    assert exported(world, "jsonl") == ""
    assert exported(world, "json") == "[]\n"


def test_export_holds_few_users_in_memory(world: World) -> None:
    GroupManager(world.database, world.services).create_group("many")
    lines = [f'user{number:05},user{number:05}@example.org,"{ARGON2}",many' for number in range(6000)]
    world.run(world.write("\n".join(["username,email,password_hash,groups", *lines])), ImportOptions(mail="none"))

    def peak(limit: int) -> int:
        exporter = Exporter(world.database, world.services, unexpected_warning)
        tracemalloc.start()
        size = 0
        for piece in exporter.lines(UserQuery(limit=limit), "csv", with_hashes=True):
            size += len(piece)
            # The reference cycles of a page hold its rows until a collection, whose time varies.
            gc.collect()
        assert size > limit * 100
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peak(600)  # warm up
    assert peak(6000) < peak(2000) * 1.3  # a page

"""The groups of people in LDIF: `memberOf`, and entries of groups with their members."""

import io
import tracemalloc
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from lback_cli.imports.inspection import inspect_input
from lback_cli.imports.options import ImportOptions
from lback_cli.imports.sources import ldif_groups
from lback_cli.imports.sources.ldif import Ldif
from tests.imports.harness import World, read_jsonl

PERSON = "dn: uid={0},ou=people,dc=example,dc=org\nobjectClass: inetOrgPerson\nuid: {0}\nmail: {0}@x.org\n{1}\n"
NO_MEMBERS = "members that are not people of the file"
NO_PEOPLE = "groups without people of the file"


def person(name: str, *lines: str) -> str:
    return PERSON.format(name, "".join(f"{line}\n" for line in lines))


def group(name: str, kind: str, *lines: str) -> str:
    return "\n".join((f"dn: {name}", f"objectClass: {kind}", *lines, "", ""))


def dn(name: str) -> str:
    return f"uid={name},ou=people,dc=example,dc=org"


def read(text: str, **attributes: Any) -> tuple[list[tuple[str, Sequence[str] | None]], dict[str, int]]:
    source = Ldif()
    vars(source).update(attributes)
    rows = list(source.read(io.BytesIO(text.encode())))
    source.close()
    assert [row.error for row in rows] == [None] * len(rows)
    return [(row.username, row.groups) for row in rows], dict(source.left_out)


@pytest.mark.parametrize("people_first", [False, True])
def test_members_of_entries_of_groups_are_read(people_first: bool) -> None:
    people = person("ada") + person("ben") + person("cy")
    groups = (
        group(
            "cn=Editors,ou=groups,dc=example,dc=org",
            "groupOfNames",
            f"member: {dn('ada')}",
            "member: UID=Ben, OU=people,DC=Example , dc=org",
            "member: cn=admins,ou=groups,dc=example,dc=org",
        )
        + group(
            "cn=admins,ou=groups,dc=example,dc=org",
            "groupOfUniqueNames",
            f"uniqueMember: {dn('ada')}#'0101'B",
            f"uniqueMember: {dn('gone')}",
        )
        + group("cn=shell,ou=groups,dc=example,dc=org", "posixGroup", "gidNumber: 7", "memberUid: ben", "memberUid: x")
        + group("cn=Domain Guests,cn=Users,dc=corp,dc=example", "group", "groupType: -2147483646")
        + group("cn=room,ou=rooms,dc=example,dc=org", "organizationalRole", f"member: {dn('cy')}")
    )
    found, left_out = read(people + groups if people_first else groups + people)
    assert found == [("ada", ("Editors", "admins")), ("ben", ("Editors", "shell")), ("cy", None)]
    assert left_out == {NO_MEMBERS: 3, NO_PEOPLE: 1, "entries that are not people": 1}


def test_memberof_and_members_are_one_membership() -> None:
    name = "CN=Küche\\, groß,OU=Groups,DC=corp,DC=example"
    text = (
        person("ada", f"memberOf: {name}", "memberOf: ipaUniqueID=8f,cn=hbac,dc=example,dc=org")
        + person("ben", "memberOf: cn=only-here,dc=example,dc=org")
        + group("cn=k\\C3\\BCche\\2C Gro\\c3\\9f , ou=groups,dc=corp,dc=example", "group", f"member: {dn('ada')}")
    )
    found, left_out = read(text)
    assert found == [("ada", ("Küche, groß",)), ("ben", ("only-here",))]
    assert left_out == {"memberships in entries without a cn": 1}


def test_attributes_of_one_step_may_be_in_any_order() -> None:
    people = "dn: cn=Amy+sn=Wong,dc=x\nobjectClass: inetOrgPerson\nuid: amy\nmail: amy@x.org\n\n"
    text = people + group("cn=crew,dc=x", "group", "member: sn=wong+cn=amy,dc=x")
    assert read(text) == ([("amy", ("crew",))], {})


def test_group_whose_entry_is_named_otherwise_has_its_cn() -> None:
    text = group("gidNumber=7,dc=example,dc=org", "posixGroup", "cn: staff", "memberUid: ada") + person("ada")
    assert read(text) == ([("ada", ("staff",))], {})


def test_members_that_cannot_be_read_are_counted() -> None:
    lines = ("member:: !", f"member;range=0-1499: {dn('ada')}")
    found, left_out = read(group("cn=a,dc=x", "group", *lines) + person("ada"))
    assert found == [("ada", ("a",))]
    assert left_out == {"members that cannot be read": 1, "groups with only a part of their members": 1}


def test_ignored_groups_are_counted() -> None:
    text = group("cn=a,dc=x", "groupOfNames", f"member: {dn('ada')}") + person("ada", "memberOf: cn=b,dc=x")
    assert read(text, ignores_groups=True) == ([("ada", None)], {"groups": 1})


def test_file_is_searched_for_groups_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ldif_groups, "_PIECE", 7)
    assert read(person("ada", "MemberOf: cn=a,dc=x"))[0] == [("ada", ("a",))]


COLLIDING = (
    person("ada", "memberOf: cn=staff,ou=a,dc=x")
    + person("ben")
    + person("cy", "memberOf: cn=other,dc=x")
    + group("cn=Staff,ou=b,dc=x", "groupOfNames", f"member: {dn('ben')}")
)


def outcomes(world: World, path: Path, **options: Any) -> list[tuple[str, str | None]]:
    report = world.directory / "report.jsonl"
    world.run(path, ImportOptions(mail="none", create_groups=True, report=report, **options))
    return [(one["message"] or one["outcome"], one["hint"]) for one in read_jsonl(report)]


def groups(world: World) -> dict[str, list[str]]:
    return {name: [one for one in user[4] if one != "basic_user"] for name, user in world.people().items()}


def test_groups_of_one_name_are_refused_until_they_are_named(world: World) -> None:
    path, rejects = world.write(COLLIDING, "users.ldif"), world.directory / "rejects.csv"
    first, second = "'cn=staff,ou=a,dc=x'", "'cn=Staff,ou=b,dc=x'"
    option = r"'cn\=Staff\,ou\=b\,dc\=x=NAME'"
    assert outcomes(world, path, format="ldif", rejects=rejects) == [
        (
            f"The groups {first} and {second} would both be 'staff'.",
            r"Add --map-group 'cn\=staff\,ou\=a\,dc\=x=NAME'.",
        ),
        (f"The groups {second} and {first} would both be 'Staff'.", f"Add --map-group {option}."),
        ("created", None),
    ]
    assert groups(world) == {"cy": ["other"]}
    given = (("CN=staff, OU=a, DC=x", "staff-a"),)
    assert outcomes(world, path, format="ldif", group_map=given)[:2] == [("created", None)] * 2
    assert groups(world) == {"ada": ["staff-a"], "ben": ["staff"], "cy": ["other"]}


def test_refused_groups_are_named_when_the_rejects_are_imported(world: World) -> None:
    path, rejects = world.write(COLLIDING, "users.ldif"), world.directory / "rejects.csv"
    outcomes(world, path, format="ldif", rejects=rejects)
    given = (("cn=staff,ou=a,dc=x", "staff-a"), ("cn=Staff,ou=b,dc=x", "staff-b"))
    assert outcomes(world, rejects, group_map=given) == [("created", None)] * 2
    assert groups(world) == {"ada": ["staff-a"], "ben": ["staff-b"], "cy": ["other"]}


def test_ignored_groups_may_have_one_name(world: World) -> None:
    path = world.write(COLLIDING, "users.ldif")
    assert outcomes(world, path, format="ldif", ignored=("groups",)) == [("created", None)] * 3
    assert groups(world) == {"ada": [], "ben": [], "cy": []}


def test_inspection_proposes_names_for_the_groups(world: World) -> None:
    text = group("CN=Domain Admins,CN=Users,DC=corp", "group", f"member: {dn('ada')}") + person("ada")
    path = world.write(text, "users.ldif")
    found = inspect_input(str(path), ImportOptions(), world.services, set, is_named=False)
    assert (found.options.create_groups, found.options.group_map) == (True, (("Domain Admins", "domain-admins"),))
    assert (found.problem, found.columns[2].record) == (
        None,
        {"column": "groups", "becomes": "groups", "sample": ["Domain Admins"]},
    )
    world.run(path, found.options)
    assert groups(world) == {"ada": ["domain-admins"]}


def test_large_group_takes_little_memory(world: World) -> None:
    # The members are in a file; 100,000 in a list would take 10 MB.
    members = (f"member: {dn(f'u{number}')}" for number in range(100_000))
    path = world.write(person("ada") + group("cn=all,dc=x", "groupOfNames", *members, f"member: {dn('ada')}"), "x.ldif")
    tracemalloc.start()
    result = world.run(path, ImportOptions(format="ldif", mail="none", create_groups=True))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (groups(world), result.tally.left_out) == ({"ada": ["all"]}, {NO_MEMBERS: 100_000})
    assert peak < 5_000_000

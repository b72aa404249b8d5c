"""Groups of a file: created, renamed, and proposed where lback cannot have the name."""

import json
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import event

from lback_cli.imports.distinguished_names import entry_names
from lback_cli.imports.group_names import missing_group, proposed_group
from lback_cli.imports.inspection import inspect_input
from lback_cli.imports.options import IfExists, ImportOptions
from lback_cli.imports.plan import Plan, PlanWriter
from lback_cli.text.usernames import canonical_group_name

from .harness import World, read_jsonl

CONTENT = (
    "username,email,groups\n"
    "ann,ann@example.org,editors;staff\n"
    "bob,bob@example.org,Editors;guests\n"
    "bad name,x,lost\n"
    "cy,cy@example.org,My App\n"
)
CREATING = ImportOptions(mail="none", create_groups=True, group_map=(("my app", "my-app"),))


def groups(world: World) -> dict[str, list[str]]:
    return {name: [group for group in person[4] if group != "basic_user"] for name, person in world.people().items()}


def created(world: World) -> list[str]:
    found = [json.loads(data) for _, signal, *_, data in world.events() if signal == "group_created"]
    return [one["group"]["name"] for one in found]


def test_missing_group_is_named_with_the_options_that_take_the_row(world: World) -> None:
    report = world.directory / "report.jsonl"
    world.run(world.write(CONTENT), ImportOptions(mail="none", report=report))
    assert [(one["code"], one["message"], one["hint"]) for one in read_jsonl(report) if one["line"] != 4] == [
        (
            "group_not_found",
            "There is no group 'editors'.",
            "Add --create-groups, or --map-group editors=GROUP for another one.",
        ),
        (
            "group_not_found",
            "There is no group 'Editors'.",
            "Add --create-groups, or --map-group Editors=GROUP for another one.",
        ),
        (
            "group_not_found",
            "There is no group 'My App'.",
            "lback cannot have such a name: add --create-groups --map-group 'My App=my-app'.",
        ),
    ]


@pytest.mark.parametrize("if_exists", ["fail", "update"])
def test_many_groups_need_few_queries(world: World, if_exists: IfExists) -> None:
    statements: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        if "FROM groups" in statement:
            statements.append(statement)

    event.listen(world.database.engine, "before_cursor_execute", note)
    options = ImportOptions(mail="none", create_groups=True, if_exists=if_exists)
    for shift, kind in enumerate(["created", "failed" if if_exists == "fail" else "updated"]):
        rows = (f"u{n},u{n}@example.org,group{n + shift};group{n + 300}\n" for n in range(300))
        result = world.run(world.write("username,email,groups\n" + "".join(rows)), options)
        assert getattr(result.counts, kind) == 300
        assert len(statements) < 30
        statements.clear()


@pytest.mark.parametrize("atomic", [False, True])
@pytest.mark.parametrize("chunk", [1, 1000])
def test_groups_are_created_once_for_rows_that_are_imported(world: World, atomic: bool, chunk: int) -> None:
    content = CONTENT.replace("bad name,x,lost\n", "") if atomic else CONTENT
    options = ImportOptions(mail="none", create_groups=True, group_map=CREATING.group_map, atomic=atomic)
    result = world.run(world.write(content), options, chunk=chunk)
    assert (result.counts.created, result.tally.created_groups) == (3, ["editors", "my-app"])
    assert groups(world) == {"ann": ["editors", "staff"], "bob": ["editors", "guests"], "cy": ["my-app"]}
    assert sorted(created(world)) == ["basic_user", "editors", "guests", "my-app", "staff"]
    world.verify()


def test_skipped_rows_create_no_group(world: World) -> None:
    world.run(world.write("username,email\nann,ann@example.org\n"), ImportOptions(mail="none"))
    options = ImportOptions(mail="none", create_groups=True, if_exists="skip")
    world.run(world.write("username,email,groups\nANN,ann@example.org,lost\n"), options)
    assert "lost" not in created(world)


def test_plan_creates_no_group_and_is_applied_with_them(world: World) -> None:
    before = world.state()
    writer = PlanWriter(world.services.hasher, world.directory / "plan")
    world.importer().plan(str(world.write(CONTENT)), CREATING, writer)
    assert world.state() == before
    assert writer.summary["created_groups"] == ["editors", "my-app"]
    plan = Plan(world.directory / "plan")
    assert plan.options == CREATING
    assert world.importer().apply(plan, plan.options).tally.created_groups == ["editors", "my-app"]


def test_rolled_back_import_creates_no_group(world: World) -> None:
    result = world.run(world.write(CONTENT), ImportOptions(mail="none", create_groups=True, atomic=True))
    assert (result.state, result.tally.created_groups, created(world)) == ("rolled_back", [], ["staff", "guests"])


@pytest.mark.parametrize(
    ("value", "name"),
    [("My App", "my-app"), ("Büro & Co.", "buero-co"), ("/a/b", "a-b"), ("x" * 99, "x" * 64)],
)
def test_proposed_name_is_possible(value: str, name: str) -> None:
    assert proposed_group(value) == name == canonical_group_name(name)


def test_name_without_a_latin_letter_is_left_to_a_person() -> None:
    assert missing_group("日本").hint == ("lback cannot have such a name: add --create-groups --map-group '日本=NAME'.")


# Keycloak's paths


TREE = [
    {"name": "test", "path": "/test", "subGroups": [{"name": "lead", "path": "/test/lead"}]},
    {"name": "test.lead", "path": "/test.lead"},
    {"name": "a/b", "path": "/a~/b"},
    {"name": "staff"},
]


def keycloak(world: World, options: ImportOptions, *paths: str, tree: Any = TREE) -> list[tuple[str, str | None]]:
    users = [
        {"username": f"u{index}", "email": f"u{index}@x.org", "groups": [path]} for index, path in enumerate(paths)
    ]
    path = world.write(json.dumps({"realm": "demo", "groups": tree, "users": users}), "realm.json")
    world.run(path, options)
    assert options.report is not None
    return [(one["message"] or one["outcome"], one["hint"]) for one in read_jsonl(options.report)]


def test_groups_of_one_name_are_refused_until_they_are_named(world: World) -> None:
    report = world.directory / "report.jsonl"
    options = ImportOptions(format="keycloak", mail="none", create_groups=True, report=report)
    paths = ("/test/lead", "/test.lead", "/a~/b", "/staff")
    assert keycloak(world, options, *paths) == [
        (
            "The groups '/test/lead' and '/test.lead' would both be 'test.lead'.",
            "Add --map-group /test/lead=NAME.",
        ),
        (
            "The groups '/test.lead' and '/test/lead' would both be 'test.lead'.",
            "Add --map-group /test.lead=NAME.",
        ),
        ("There is no group 'a/b'.", "lback cannot have such a name: add --create-groups --map-group a/b=a-b."),
        ("created", None),
    ]
    named = (("/test/lead", "leads"), ("/a~/b", "ab"))
    options = ImportOptions(
        format="keycloak", mail="none", create_groups=True, report=report, group_map=named, if_exists="skip"
    )
    assert [message for message, _ in keycloak(world, options, *paths)] == ["created"] * 3 + [
        "The user name 'u3' is taken."
    ]
    assert groups(world) == {"u0": ["leads"], "u1": ["test.lead"], "u2": ["ab"], "u3": ["staff"]}


def test_paths_that_only_users_have_are_compared_too(world: World) -> None:
    options = ImportOptions(format="keycloak", mail="none", create_groups=True, report=world.directory / "report.jsonl")
    found = keycloak(world, options, "/A/b", "/a.b", "/a/B", tree=[])
    assert [message for message, _ in found] == [
        "created",
        "The groups '/a.b' and '/A/b' would both be 'a.b'.",
        "The groups '/a/B' and '/A/b' would both be 'a.B'.",
    ]


# Names of entries in tables


@pytest.mark.parametrize(
    ("cell", "names"),
    [
        ("CN=VPN,OU=IT,DC=corp", ["CN=VPN,OU=IT,DC=corp"]),
        ("CN=VPN,OU=IT,DC=corp;CN=Ads,DC=corp", ["CN=VPN,OU=IT,DC=corp", "CN=Ads,DC=corp"]),
        ("cn=a,dc=x | cn=b,dc=x\ncn=c,dc=x;", ["cn=a,dc=x", "cn=b,dc=x", "cn=c,dc=x"]),
        ("CN=a,OU=x,DC=corp,DC=y,CN=b,CN=Users,DC=corp,DC=y", ["CN=a,OU=x,DC=corp,DC=y", "CN=b,CN=Users,DC=corp,DC=y"]),
        ("cn=a,cn=groups,cn=accounts,dc=x", ["cn=a,cn=groups,cn=accounts,dc=x"]),
        (r"CN=a\;b\, c,OU=x\+y,DC=x;uid=d+cn=e,o=x", [r"CN=a\;b\, c,OU=x\+y,DC=x", "uid=d+cn=e,o=x"]),
        ("editors;staff", None),
        ("CN=editors;staff", None),
        ("CN=editors", None),
        ("cn=a,,dc=x", None),
    ],
)
def test_cell_with_names_of_entries_is_split(cell: str, names: list[str] | None) -> None:
    assert entry_names(cell) == names


@pytest.mark.parametrize(
    ("text", "count"), [("cn=" + " " * 65000, 0), ("cn=a" + ",cn=" * 16000, 1), ("cn=a,dc=x;" * 6500, 6500)]
)
def test_long_cell_is_split(text: str, count: int) -> None:
    assert len(entry_names(text) or ()) == count


CSVDE = (
    "DN,sAMAccountName,mail,memberOf\n"
    '"CN=Ada,DC=corp",ada,ada@x.org,"CN=VPN,OU=IT,DC=corp;CN=Domain Admins,CN=Users,DC=corp"\n'
    '"CN=Ben,DC=corp",ben,ben@x.org,"CN=vpn, OU=IT, DC=corp"\n'
    '"CN=Cy,DC=corp",cy,cy@x.org,"CN=VPN,OU=Old,DC=corp"\n'
    '"CN=Dee,DC=corp",dee,dee@x.org,\n'
)


def test_groups_of_csvde_are_taken_and_ambiguous_ones_refused(world: World) -> None:
    path, rejects = world.write(CSVDE, "csvde.csv"), world.directory / "rejects.csv"
    found = inspect_input(str(path), ImportOptions(), world.services, set, is_named=False)
    refusal = (
        "line 4: The groups 'CN=VPN,OU=Old,DC=corp' and 'CN=VPN,OU=IT,DC=corp' would both be 'VPN'. "
        r"Add --map-group 'CN\=VPN\,OU\=Old\,DC\=corp=NAME'."
    )
    assert (found.problem, found.notes) == (None, ["1 of the 4 rows is refused.", refusal])
    assert (dict(found.options.mapping)["groups"], found.options.group_map) == (
        "memberOf",
        (("Domain Admins", "domain-admins"),),
    )
    world.run(path, replace(found.options, mail="none", rejects=rejects))
    assert groups(world) == {"ada": ["domain-admins", "vpn"], "ben": ["vpn"], "dee": []}
    given = ImportOptions(mail="none", create_groups=True, group_map=(("cn=vpn,ou=old,dc=corp", "old-vpn"),))
    assert world.run(rejects, given).counts.created == 1
    assert groups(world)["cy"] == ["old-vpn"]


def test_names_of_entries_in_json_are_groups_too(world: World) -> None:
    user = {"username": "ada", "email": "ada@x.org", "groups": ["cn=a,dc=x", "b"]}
    world.run(world.write(json.dumps(user), "users.jsonl"), ImportOptions("jsonl", mail="none", create_groups=True))
    assert groups(world) == {"ada": ["a", "b"]}


def test_ignored_groups_of_keycloak_may_have_one_name(world: World) -> None:
    options = ImportOptions("keycloak", mail="none", ignored=("groups",), report=world.directory / "report.jsonl")
    assert [message for message, _ in keycloak(world, options, "/test/lead", "/test.lead")] == ["created"] * 2
    assert groups(world) == {"u0": [], "u1": []}

"""Columns under other names: --map, --ignore, and what is proposed for columns that are unknown."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lback_cli.attributes import Attribute, UserAttributes
from lback_cli.errors import UsageError, ValidationError
from lback_cli.imports.assignments import escaped_name, pair, parse_names, parse_pairs, read_pairs
from lback_cli.imports.column_guess import guess_columns
from lback_cli.imports.columns import BUILT_IN_COLUMNS, ColumnChoice, ImportColumns
from lback_cli.imports.options import ImportOptions

from .harness import BCRYPT, PASSWORD, World, read_jsonl

FIELDS = f"Fields are {', '.join(BUILT_IN_COLUMNS.names)}."
MAPPED = "--map 'username=User Name,email=E-Mail'"
READ = "--map 'FIELD=Shoe Size'"
NAMES = st.text(min_size=1, max_size=12).map(str.strip).filter(bool)


def quiet(**more: Any) -> ImportOptions:
    return ImportOptions(mail="none", **more)


@given(st.dictionaries(NAMES, NAMES, max_size=4))
def test_pairs_and_names_survive_the_command_line(pairs: dict[str, str]) -> None:
    wanted = tuple(pairs.items())
    each = [pair(*one) for one in wanted]
    for texts in (each, [",".join(each)] if each else []):
        assert parse_pairs("--map", texts, meaning="FIELD=COLUMN") == wanted
    assert parse_names([",".join(map(escaped_name, pairs))]) == tuple(pairs)


def test_file_of_a_map_has_a_pair_on_each_line(tmp_path: Path) -> None:
    path = tmp_path / "map"
    path.write_text("\ufeff# of the personnel office\n\nemail = Mail, business\n username=a\\=b\n", "utf-8")
    assert read_pairs(path) == (("email", "Mail, business"), ("username", "a=b"))
    path.write_text("email\n")
    with pytest.raises(UsageError, match="'email' is not FIELD=COLUMN"):
        read_pairs(path)


def test_mapped_columns_are_read_and_others_ignored(world: World) -> None:
    path = world.write(
        "Login,Mail,Secret,Teams,Locked?,Notes,Notes,\n"
        f"Ann,ann@example.org,{PASSWORD},staff;guests,no,x,y,z\n"
        f"Bob,bob@example.org,{PASSWORD},,YES,,,\n"
    )
    mapping = parse_pairs(
        "--map",
        ["username=login,email=Mail,password=Secret", "groups=Teams,is_inactive=locked?"],
        meaning="FIELD=COLUMN",
    )
    assert world.run(path, quiet(mapping=mapping, ignored=("all",))).counts.created == 2
    people = world.people()
    assert people["ann"][2:] == (True, False, ["basic_user", "guests", "staff"])
    assert people["bob"][2:] == (False, False, ["basic_user"])
    assert world.users.authenticate_user("ann", PASSWORD, allow_unverified=True).username == "ann"


def test_columns_are_read_as_declared_attributes() -> None:
    phone = Attribute("phone", "text", "", declared=True)
    known = ImportColumns(UserAttributes([phone]))
    header = ["username", "email", "Telephone", "Fax"]
    options = quiet(mapping=(("phone", "Telephone"),), ignored=("fax",))
    assert ColumnChoice.of(options, known).layout(header, "line 1").fields == ("username", "email", "phone")
    assert guess_columns(["Phone"], (), known) == (("phone", "Phone"),)
    with pytest.raises(UsageError, match="--map: there is no field 'fax'"):
        ColumnChoice.of(quiet(mapping=(("fax", "Fax"),)), known)


def test_one_column_may_be_two_fields(world: World) -> None:
    path = world.write("id,Number,email\n7,E7,ann@example.org\n")
    result = world.run(path, quiet(mapping=(("username", "Number"), ("external_id", "Number"))))
    assert (result.counts.created, list(world.people())) == (1, ["e7"])


@pytest.mark.parametrize(
    ("header", "options", "expected"),
    [
        (
            "User Name,E-Mail,Shoe Size,Notes",
            {},
            (
                "line 1: there are no columns 'User Name', 'E-Mail', 'Shoe Size', 'Notes' in lback.",
                f"Add {MAPPED} --ignore 'Shoe Size,Notes', or {READ} to read it. {FIELDS}",
            ),
        ),
        (
            "Login,email",
            {"mapping": (("username", "Name"),)},
            (
                "line 1: there is no column 'Name', which --map reads as username.",
                "Columns are 'Login', 'email'.",
            ),
        ),
        (
            "Mail,mail,username",
            {"mapping": (("email", "Mail"),)},
            (
                "line 1: the column 'Mail' comes 2 times, which --map reads as email.",
                "Columns are 'Mail', 'mail', 'username'.",
            ),
        ),
        (
            "username,login,email",
            {"mapping": (("username", "login"),)},
            (
                "line 1: there is no column 'username' in lback.",
                f"Add --ignore username, or --map FIELD=username to read it. {FIELDS}",
            ),
        ),
        (
            "email",
            {},
            ("line 1: the column 'username' is missing.", "Add --map username=COLUMN, or --username-from email."),
        ),
        ("username", {}, ("line 1: the column 'email' is missing.", "Add --map email=COLUMN.")),
    ],
)
def test_header_that_cannot_be_used_is_explained(
    world: World, header: str, options: dict[str, Any], expected: tuple[str, str | None]
) -> None:
    path = world.write(f"{header}\n{','.join('x' * len(header.split(',')))}\n")
    with pytest.raises(ValidationError) as caught:
        world.run(path, quiet(**options))
    assert (caught.value.message, caught.value.hint) == expected
    assert world.jobs() == []


def test_keys_of_json_are_mapped_too_and_may_be_paths(world: World) -> None:
    users = [
        {"profile": {"login": "ann", "name": "Ann"}, "mail": "ann@example.org", "age": 7},
        {"profile": {"login": "bob"}, "mail": "bob@example.org", "groups": ["staff"]},
        {"profile": {"login": "bad name"}, "mail": "cy@example.org"},
    ]
    mapping = (("username", "profile.login"), ("email", "mail"), ("display_name", "profile.name"))
    rejects = world.directory / "rejects.jsonl"
    for name, text in {"users.json": json.dumps(users), "list.json": json.dumps({"list": users, "next": None})}.items():
        result = world.run(
            world.write(text, name),
            quiet(format="json", mapping=mapping, ignored=("age",), rejects=rejects, if_exists="update"),
        )
        assert (result.counts.total, result.counts.failed) == (3, 1)
        (reject,) = read_jsonl(rejects)
        assert (reject["username"], reject["email"]) == ("bad name", "cy@example.org")
    assert [(name, person[4]) for name, person in world.people().items()] == [
        ("ann", ["basic_user"]),
        ("bob", ["basic_user", "staff"]),
    ]


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_rejects_of_a_mapped_table_have_lbacks_columns(world: World, form: str) -> None:
    """They can be imported again without the options that read the table."""
    path = world.write("Login;Mail;Team;Note\nann;ann@example.org;My App;x\nbob;bob@example.org;staff;y\n")
    rejects = world.directory / f"rejects.{form}"
    mapping = (("username", "Login"), ("email", "Mail"), ("groups", "Team"))
    options = quiet(mapping=mapping, ignored=("Note",), delimiter=";", rejects=rejects)
    assert world.run(path, options).counts.failed == 1
    again = quiet(format=form, group_map=(("my app", "guests"),))
    assert world.run(rejects, again).counts.created == 1
    assert world.people()["ann"][4] == ["basic_user", "guests"]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["Benutzername", "E-Mail", "Passwort"], {"username": 0, "email": 1, "password": 2}),
        (["Identifiant", "Adresse e-mail", "Mot de passe"], {"username": 0, "email": 1, "password": 2}),
        (["Nome de usuário", "Correo electrónico", "Contraseña"], {"username": 0, "email": 1, "password": 2}),
        (["User name [userPrincipalName] Required", "Block sign in (Yes/No)"], {"username": 0, "is_inactive": 1}),
        (["localId", "emailVerified", "passwordHash"], {"external_id": 0, "is_email_verified": 1, "password_hash": 2}),
        (["Status", "Suspended"], {"is_active": 0, "is_inactive": 1}),
        (["Notes", "", "Mail", "Email"], {"email": 3}),
    ],
)
def test_names_of_columns_are_guessed(names: list[str], expected: dict[str, int]) -> None:
    found = guess_columns(names, (), BUILT_IN_COLUMNS)
    assert dict(found) == {field: names[index] for field, index in expected.items()}


def test_thousands_of_unknown_columns_are_refused_in_no_time() -> None:
    header = [f"column {number} " + "x" * 300 for number in range(20_000)]
    with pytest.raises(ValidationError) as caught:
        ColumnChoice().layout(header, "line 1")
    assert caught.value.hint is not None
    assert caught.value.hint.startswith("Add --ignore all, or --map 'FIELD=column 0 ")
    assert len(caught.value.message) < 10_000


@pytest.mark.parametrize(
    ("active", "inactive", "expected"),
    [
        *[("", "", True), ("yes", "", True), ("", "nein", True), ("yes", "no", True)],
        *[("no", "", False), ("no", "no", False), ("yes", "2024-01-31 08:00:00", False), ("", "x", False)],
        *[("yes", "0000-00-00 00:00:00", True), ("514", "", False), ("66048", "", True), ("SUSPENDED", "", False)],
    ],
)
@pytest.mark.parametrize("form", ["csv", "json"])
def test_user_is_active_only_if_both_columns_say_so(
    world: World, active: str, inactive: str, expected: bool, form: str
) -> None:
    row = {"username": "ann", "email": "ann@example.org", "is_active": active, "is_inactive": inactive}
    text = json.dumps([row]) if form == "json" else f"{','.join(row)}\n{','.join(row.values())}\n"
    assert world.run(world.write(text), quiet(format=form)).counts.created == 1
    assert world.people()["ann"][2] is expected


def test_value_that_is_neither_true_nor_false_is_named(world: World) -> None:
    rejects = world.directory / "rejects.jsonl"
    world.run(world.write("username,email,is_active\nann,ann@example.org,A\n"), quiet(rejects=rejects))
    assert read_jsonl(rejects)[0]["error"] == "is_active must be true or false, and not 'A'."


def test_hash_is_never_taken_as_a_password(world: World) -> None:
    """A reader of the file could log in with the hash itself."""
    path = world.write(f"username,email,password\nann,ann@example.org,{BCRYPT}\n")
    rejects = world.directory / "rejects.jsonl"
    assert world.run(path, quiet(rejects=rejects)).counts.failed == 1
    assert read_jsonl(rejects)[0]["error"] == (
        "The password is a hash. Read its column as password_hash: --map password_hash=COLUMN."
    )
    assert world.run(path, quiet(mapping=(("password_hash", "password"),))).counts.created == 1
    assert world.people()["ann"][1] == BCRYPT

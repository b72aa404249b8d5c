"""No person is lost on the way: who cannot log in, who is invited, two people with one name, and what is left out."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lback_cli.errors import AuthenticationFailed, ValidationError
from lback_cli.imports.input_opening import digest_of
from lback_cli.imports.options import ImportOptions
from lback_cli.imports.plan import PlanWriter

from .harness import ARGON2, PASSWORD, World, read_jsonl

HASHED = f'"{ARGON2}"'


def mails(world: World) -> list[str]:
    files = (world.directory / "mail").glob("*.eml")
    return sorted(file.read_text().partition("To: ")[2].partition("\n")[0] for file in files)


def reported(path: Path, *names: str) -> list[tuple[Any, ...]]:
    return [tuple(one[name] for name in names) for one in read_jsonl(path)]


# Who cannot log in


EVERYBODY = (
    "username,email,password_hash,is_active,is_email_verified\n"
    f"ann,ann@example.org,{HASHED},,true\n"
    f"bob,bob@example.org,{HASHED},,\n"
    "cy,cy@example.org,,,true\n"
    f"dee,dee@example.org,{HASHED},no,\n"
    "eve,eve@example.org,,false,false\n"
    "fay,fay@example.org,!,,\n"
)


def test_users_who_cannot_log_in_are_counted_and_reported(world: World) -> None:
    report = world.directory / "report.jsonl"
    path = world.write(EVERYBODY)
    writer = PlanWriter(world.services.hasher)
    planned = world.importer().plan(str(path), ImportOptions(), writer)
    result = world.run(path, ImportOptions(report=report))
    counts = {"inactive": 2, "no_password": 2, "unverified": 1}
    assert (result.tally.cannot_log_in, writer.summary["cannot_log_in"]) == (counts, counts)
    assert (result.tally.to_vouch_for, planned.tally.to_vouch_for) == (1, 1)
    assert reported(report, "username", "cannot_log_in") == [
        ("ann", []),
        ("bob", ["unverified"]),
        ("cy", ["no_password"]),
        ("dee", ["inactive", "unverified"]),
        ("eve", ["inactive", "no_password", "unverified"]),
        ("fay", ["no_password", "unverified"]),
    ]
    for name, obstacles in reported(report, "username", "cannot_log_in"):
        if obstacles:
            with pytest.raises(AuthenticationFailed):
                world.users.authenticate_user(name, PASSWORD)


def test_assumed_addresses_are_verified_unless_the_file_says_otherwise(world: World) -> None:
    path = world.write(
        f"username,email,password,is_email_verified\nann,ann@x.org,{PASSWORD},\nbob,bob@x.org,{PASSWORD},no\n"
    )
    result = world.run(path, ImportOptions(assume_verified=True))
    assert world.users.authenticate_user("ann", PASSWORD).username == "ann"
    assert (result.tally.cannot_log_in, result.tally.to_vouch_for) == ({"unverified": 1}, 0)


def test_assumption_repairs_an_import_without_it(world: World) -> None:
    path = world.write(f"ann:{ARGON2}\n", "htpasswd")
    options = ImportOptions(format="htpasswd", email_domain="example.org")
    assert world.run(path, options).tally.to_vouch_for == 1
    again = world.run(path, replace(options, if_exists="update", assume_verified=True))
    assert (again.counts.updated, again.tally.cannot_log_in) == (1, {})
    assert world.people()["ann"][3] is True


@pytest.mark.parametrize("mail", ["invite", "verify"])
def test_only_active_users_are_mailed(world: World, mail: Any) -> None:
    planned = PlanWriter(world.services.hasher)
    path = world.write(EVERYBODY)
    world.importer().plan(str(path), ImportOptions(mail=mail), planned)
    world.run(path, ImportOptions(mail=mail))
    invited = ["cy@example.org"]
    assert mails(world) == sorted(invited + (["bob@example.org", "fay@example.org"] if mail == "verify" else []))
    assert sum(planned.summary["mails"].values()) == len(mails(world))


# Two people with one name


TWO = [("info@a.example", "info@a.example"), ("info@b.example", "info@b.example")]


def realm(*users: tuple[str, str]) -> str:
    found = [{"username": name, "email": email, "enabled": True, "emailVerified": True} for name, email in users]
    return json.dumps({"realm": "demo", "users": found})


@pytest.mark.parametrize("if_exists", ["fail", "skip", "update"])
@pytest.mark.parametrize("chunk", [1, 1000])
def test_derived_name_that_meets_another_address_is_refused(world: World, if_exists: Any, chunk: int) -> None:
    report = world.directory / "report.jsonl"
    options = ImportOptions(format="keycloak", mail="none", if_exists=if_exists, report=report)
    path = world.write(realm(*TWO), "realm.json")
    first = world.run(path, options, chunk=chunk)
    assert (first.counts.created, first.counts.failed) == (1, 1)
    is_taken = "taken" if if_exists == "fail" else "that of another user"
    assert reported(report, "outcome", "code", "message")[1] == (
        "failed",
        "user_exists",
        f"The user name 'info', made from info@b.example, is {is_taken}.",
    )
    assert reported(report, "hint")[1] == (
        "If the user has that address, add --if-exists update or skip. Else give the row another name."
        if if_exists == "fail"
        else "Give the row one of its own.",
    )
    again = world.run(path, options, restart=True, chunk=chunk)
    assert (again.counts.failed, again.counts.skipped) == ((2, 0) if if_exists == "fail" else (1, 1))
    assert {name: person[0] for name, person in world.people().items()} == {"info": "info@a.example"}


def test_person_whose_address_changed_keeps_the_name_that_was_made_of_it(world: World) -> None:
    options = ImportOptions(format="keycloak", mail="none", if_exists="update")
    world.run(world.write(realm(TWO[0]), "realm.json"), options)
    changed = world.write(realm(("info@a.example", "INFO@c.example")), "realm.json")
    assert world.run(changed, options).counts.updated == 1
    assert world.people()["info"][0] == "info@c.example"


def test_user_names_are_made_of_addresses_and_the_second_is_refused(world: World) -> None:
    path = world.write(
        "username,email\n,Ann@A.example\nann@b.example,ann@b.example\nbob,bob@a.example\ncy@a.example,\n,o'neill@a.example\n"
    )
    report = world.directory / "report.jsonl"
    options = ImportOptions(mail="none", if_exists="skip", username_from="email", report=report)
    world.run(path, options)
    assert reported(report, "username", "outcome") == [
        ("ann", "created"),
        ("ann", "failed"),
        ("bob", "created"),
        ("cy", "created"),
        ("o-neill", "created"),
    ]
    assert world.people()["cy"][0] == "cy@a.example"


def test_address_in_place_of_a_user_name_is_explained(world: World) -> None:
    path = world.write("username,email\nann@a.example,ann@a.example\n,bob@a.example\n")
    report = world.directory / "report.jsonl"
    world.run(path, ImportOptions(mail="none", report=report))
    assert reported(report, "message", "hint") == [
        (
            "The user name 'ann@a.example' is an address.",
            "--username-from email makes a user name of the part before the @.",
        ),
        ("The row has no user name.", "--username-from email makes one of the address."),
    ]


def test_total_line_without_a_name_and_an_address_is_not_advised(world: World) -> None:
    path = world.write("username,email,display_name\nann,ann@a.example,Ann\n,6,Total\n")
    report = world.directory / "report.jsonl"
    world.run(path, ImportOptions(mail="none", username_from="email", report=report))
    assert reported(report, "message", "hint")[1:] == [("The row has no user name.", None)]


@pytest.mark.parametrize(("if_exists", "outcome"), [("fail", "failed"), ("skip", "skipped")])
def test_person_who_is_twice_in_a_file_is_refused_with_the_option_that_skips(
    world: World, if_exists: Any, outcome: str
) -> None:
    path = world.write("email\ndan@a.example\nDan@A.example\ndan@b.example\n")
    report = world.directory / "report.jsonl"
    world.run(path, ImportOptions(mail="none", if_exists=if_exists, username_from="email", report=report))
    twice = "If the user has that address, add --if-exists update or skip. Else give the row another name."
    hints = [None, "Give the row one of its own."] if if_exists == "skip" else [twice, twice]
    assert [one["outcome"] for one in read_jsonl(report)] == ["created", outcome, "failed"]
    assert [one["hint"] for one in read_jsonl(report)][1:] == hints


def test_spaces_around_names_and_addresses_are_removed(world: World) -> None:
    path = world.write("username,email,is_active\n ann, ann@example.org, TRUE\nbob ,bob@example.org ,No\n")
    assert world.run(path, ImportOptions(mail="none", if_exists="skip")).counts.created == 2
    assert world.run(path, ImportOptions(mail="none", if_exists="skip")).counts.skipped == 2
    assert {name: person[2] for name, person in world.people().items()} == {"ann": True, "bob": False}


# What is left out


BOOLEANS: Sequence[tuple[str, bool]] = [
    *((word, True) for word in ("t", "T", "true", "Y", "yes", "1", "on", "active", "Enabled")),
    *((word, False) for word in ("f", "false", "N", "no", "0", "off", "Inactive", "disabled")),
]


@pytest.mark.parametrize(("word", "value"), BOOLEANS)
def test_words_for_a_boolean(world: World, word: str, value: bool) -> None:
    world.run(world.write(f"username,email,is_active\nann,ann@example.org,{word}\n"), ImportOptions(mail="none"))
    assert world.people()["ann"][2] is value


def test_records_that_are_left_out_are_counted_by_what_they_are(world: World) -> None:
    service = {"username": "service-account-x", "serviceAccountClientId": "x"}
    temporary = {"type": "password", "value": PASSWORD, "temporary": True}
    users = [
        service,
        {"username": "ann", "email": "ann@example.org", "credentials": [temporary]},
        {
            "username": "bob",
            "email": "bob@example.org",
            "requiredActions": ["UPDATE_PASSWORD"],
            "credentials": [{**temporary, "temporary": False}],
        },
    ]
    path = world.write(json.dumps({"realm": "demo", "users": users}), "realm.json")
    result = world.run(path, ImportOptions(format="keycloak"))
    assert result.tally.left_out == {"service accounts": 1, "temporary passwords": 2}
    assert result.tally.cannot_log_in == {"no_password": 2}
    assert mails(world) == ["ann@example.org", "bob@example.org"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("keycloak", realm(), "{} has no users."),
        (
            "keycloak",
            json.dumps({"realm": "demo", "users": [{"username": "x", "serviceAccountClientId": "x"}]}),
            "{} has no users. Left out: service accounts (1).",
        ),
        ("django", '[{"model": "auth.group", "fields": {"name": "a"}}]', "{} has no users."),
        (
            "django",
            '[{"model": "sites.site", "fields": {}}]',
            "{} has no users. Left out: records that are not users (1).",
        ),
        ("ldif", "dn: ou=x\nou: x\n", "{} has no users. Left out: entries that are not people (1)."),
        ("htpasswd", "# nothing\n", "{} has no users."),
        (
            "keycloak",
            '{"users": [{"localId": "u1"}]}',
            "This is not a realm that Keycloak exported: it has no 'realm'.",
        ),
        ("keycloak", '{"Operations": []}', "This is not a realm that Keycloak exported: it has no 'realm'."),
    ],
)
def test_file_from_which_nothing_is_taken_is_refused(world: World, name: str, content: str, message: str) -> None:
    path = world.write(content, "input")
    with pytest.raises(ValidationError) as caught:
        world.run(path, ImportOptions(format=name, mail="none"))
    assert caught.value.message == message.format(path)
    assert world.jobs() == []


def test_file_that_is_being_written_is_refused(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    path = world.write("username,email\nann,ann@example.org\n")

    def while_growing(*arguments: Any, **more: Any) -> Any:
        found = digest_of(*arguments, **more)
        with path.open("a") as file:
            file.write("bob,bob@example.org\n")
        return found

    monkeypatch.setattr("lback_cli.imports.input_file.digest_of", while_growing)
    with pytest.raises(ValidationError, match="is being written to"):
        world.run(path, ImportOptions(mail="none"))
    assert (world.jobs(), world.people()) == ([], {})


def test_names_from_addresses_that_differ_in_other_characters_never_become_one(world: World) -> None:
    path = world.write("email\na+b@example.org\na-b@example.org\na.b@example.org\n+@example.org\n")
    options = ImportOptions(mail="none", username_from="email", if_exists="update")
    counts = world.run(path, options).counts
    assert (counts.created, counts.updated, counts.failed) == (2, 0, 2)
    assert {name: entry[0] for name, entry in world.people().items()} == {
        "a-b": "a+b@example.org",
        "a.b": "a.b@example.org",
    }

"""Refused rows and their rejects."""

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from lback_cli.errors import Conflict, OperationRejected, UsageError, ValidationError
from lback_cli.imports import atomic as atomic_module
from lback_cli.imports.canary import Canary, verify_canary
from lback_cli.imports.importer import Importer
from lback_cli.imports.options import ImportOptions
from lback_cli.repositories.unit_of_work import UnitOfWork
from lback_cli.security.passwords import PasswordHasher
from lback_cli.signals import user_pre_register

from .harness import ARGON2, PASSWORD, World


def dump(*names: str) -> str:
    """Return users as ``manage.py dumpdata`` writes them, on one line."""
    records = [
        {"model": "auth.user", "pk": number, "fields": {"username": name, "email": f"{name}@example.org"}}
        for number, name in enumerate(names, 1)
    ]
    return json.dumps(records)


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.mark.parametrize(("chunk", "refused"), [(1000, ["berta", "clara"]), (1, ["berta"])])
def test_records_on_one_line_have_separate_outcomes(world: World, chunk: int, refused: list[str]) -> None:
    """A veto of a receiver makes its chunk the last one."""
    report, rejects = world.directory / "report.jsonl", world.directory / "rejects.jsonl"
    options = ImportOptions(format="django", mail="none", atomic=True, report=report, rejects=rejects)

    def refuse(_sender: Any, username: str, **_: Any) -> None:
        if username in {"berta", "clara"}:
            raise OperationRejected(f"no {username}")

    path = world.write(dump("anna", "berta", "clara", "dora"), "users.json")
    with user_pre_register.connected_to(refuse):
        result = world.run(path, options, chunk=chunk)
    expected = ["failed" if name in refused else "skipped" for name in ("anna", "berta", "clara", "dora")]
    assert (result.state, result.counts.failed, result.counts.total) == ("rolled_back", len(refused), 4)
    assert [one["outcome"] for one in lines(report)] == expected
    assert [one["username"] for one in lines(rejects)] == refused


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_list_with_values_other_than_text_is_kept_in_the_rejects(world: World, form: str) -> None:
    rejects = world.directory / f"rejects.{form}"
    realm = {"realm": "demo", "users": [{"username": "ann", "email": "ann@example.org", "groups": [1, "x"]}]}
    path = world.write(json.dumps(realm), "realm.json")
    result = world.run(path, ImportOptions(format="keycloak", mail="none", rejects=rejects))
    assert (result.state, result.counts.failed) == ("done", 1)
    kept = rejects.read_text()
    assert ("ann" in kept, "ann@example.org" in kept) == (True, True)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("users.csv", "username,email,password\nzoe,z@example.org,CanaryPassword123,extra\n"),
        ("users.jsonl", '{"username": "zoe", "password": "CanaryPassword123"\n'),
    ],
)
def test_raw_text_of_an_invalid_row_is_neither_a_name_nor_an_event(world: World, name: str, content: str) -> None:
    form = name.rpartition(".")[2]
    first, second = world.directory / f"first.{form}", world.directory / f"second.{form}"
    before = world.events()
    world.run(world.write(content, name), ImportOptions(format=form, mail="none", rejects=first))
    assert "CanaryPassword123" in first.read_text()
    result = world.run(first, ImportOptions(format=form, mail="none", rejects=second))
    assert (result.counts.failed, result.counts.total) == (1, 1)
    assert world.events() == before
    assert "CanaryPassword123" in second.read_text(), "it can still be corrected"


def test_default_group_in_another_case_is_the_same_group(world: World) -> None:
    vars(world.services)["settings"] = replace(
        world.settings, users=replace(world.settings.users, default_group="Staff")
    )
    path = world.write("username,email,groups\nann,ann@example.org,guests\n")
    world.run(path, ImportOptions(mail="none"))
    assert world.people()["ann"][4] == ["guests", "staff"]
    for content in ("guests", "guests;STAFF"):
        world.write(f"username,email,groups\nann,ann@example.org,{content}\n")
        result = world.run(path, ImportOptions(mail="none", if_exists="update"))
        assert (result.counts.skipped, result.counts.updated) == (1, 0)
    assert world.people()["ann"][4] == ["guests", "staff"]


# The file of generated passwords


HEADER = "username,password\n"


def take(path: Path) -> None:
    path.write_text(HEADER)


def linked(path: Path) -> None:
    take(path)
    os.link(path, path.with_name("other"))


def pointed(path: Path) -> None:
    take(path.with_name("other"))
    path.symlink_to(path.with_name("other"))


def given_away(path: Path) -> None:
    take(path)
    os.chown(path, 65534, 65534)


@pytest.mark.parametrize("make", [linked, pointed, given_away])
def test_passwords_are_not_written_to_a_file_of_another_user(world: World, make: Any) -> None:
    if make is given_away and os.geteuid() != 0:
        pytest.skip("only root may give files away")
    passwords = world.directory / "passwords.csv"
    make(passwords)
    path = world.write("username,email\nann,ann@example.org\n")
    with pytest.raises(Conflict, match="exists already"):
        world.run(path, ImportOptions(mail="none", passwords=passwords))
    assert (passwords.read_text(), world.people()) == (HEADER, {})


def test_password_file_of_a_killed_import_is_reused(world: World) -> None:
    passwords = world.directory / "passwords.csv"
    take(passwords)
    world.run(world.write("username,email\nann,ann@example.org\n"), ImportOptions(mail="none", passwords=passwords))
    header, row = passwords.read_text().splitlines()
    assert (header + "\n", row.partition(",")[0], passwords.stat().st_mode & 0o777) == (HEADER, "ann", 0o600)


def test_report_must_not_be_standard_output(world: World, tmp_path: Path) -> None:
    path = world.write("username,email\nann,ann@example.org\n")
    out = tmp_path / "out"
    kept = os.dup(1)
    with out.open("w") as file:
        os.dup2(file.fileno(), 1)
        try:
            with pytest.raises(UsageError) as caught:
                world.run(path, ImportOptions(mail="none", report=Path("/dev/stdout")))
        finally:
            os.dup2(kept, 1)
            os.close(kept)
    assert caught.value.message == "/dev/stdout is named twice: it cannot be both standard output and --report."


# The canary


def singing(world: World, password: str) -> Importer:
    return Importer(world.database, world.services, world.users, canary=Canary("bob", password))


@pytest.fixture
def of_old(world: World) -> str:
    """Return the hash of the old password of bob."""
    return PasswordHasher(world.settings.password).hash(PASSWORD)


@pytest.mark.parametrize("atomic", [False, True])
def test_canary_is_verified_even_if_its_user_is_skipped(world: World, of_old: str, atomic: bool) -> None:
    world.users.register_user("bob", "bob@example.org", "another password altogether")
    path = world.write(f'username,email,password_hash\nbob,bob@example.org,"{of_old}"\n')
    options = ImportOptions(mail="none", if_exists="skip", atomic=atomic)
    result = singing(world, PASSWORD).run(str(path), options)
    assert (result.state, result.counts.skipped) == ("done", 1)


def test_canary_is_verified_in_the_transaction_too(world: World, of_old: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def spoil_and_ask(work: UnitOfWork, services: Any, canary: Canary) -> None:
        work.session.execute(text("UPDATE users SET password = :other"), {"other": ARGON2})
        work.session.expire_all()
        asked.append(canary.username)
        verify_canary(work, services, canary)

    monkeypatch.setattr(atomic_module, "verify_canary", spoil_and_ask)
    path = world.write(f'username,email,password_hash\nbob,bob@example.org,"{of_old}"\n')
    with pytest.raises(ValidationError, match="does not match the hash of the canary 'bob'"):
        singing(world, PASSWORD).run(str(path), ImportOptions(mail="none", atomic=True))
    assert (asked, world.people()) == (["bob"], {})


def test_canary_whose_row_cannot_be_imported_is_explained(world: World) -> None:
    credential = {"type": "password", "secretData": "{}", "credentialData": json.dumps({"algorithm": "whirlpool"})}
    realm = {"realm": "demo", "users": [{"username": "bob", "email": "bob@example.org", "credentials": [credential]}]}
    path = world.write(json.dumps(realm), "realm.json")
    with pytest.raises(ValidationError) as caught:
        singing(world, PASSWORD).run(str(path), ImportOptions(format="keycloak", mail="none"))
    assert caught.value.message == (
        "The canary 'bob' cannot be imported. The password of bob cannot be imported: it is damaged."
    )
    assert world.people() == {}

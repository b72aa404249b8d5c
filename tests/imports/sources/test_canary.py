"""The canary: a known password verifies the imported hashes before the commit."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lback_cli.errors import Refused, ValidationError
from lback_cli.imports.canary import Canary, verify_canary, verify_canary_row
from lback_cli.imports.row import ImportRow
from lback_cli.imports.sources.registry import find_source
from lback_cli.repositories.unit_of_work import UnitOfWork


@pytest.fixture
def rows(fixtures: Path) -> list[ImportRow]:
    with (fixtures / "slapcat.ldif").open("rb") as file:
        return list(find_source("ldif")().read(file))


@pytest.fixture
def check(target: Any) -> Callable[[str, str], None]:
    """Return a function that runs `verify_canary` in a new transaction."""

    def run(username: str, password: str) -> None:
        with target.database.session() as session:
            verify_canary(UnitOfWork(session), target.services, Canary(username, password))

    return run


def test_correct_password_verifies_the_canary_and_changes_nothing(
    target: Any, rows: list[ImportRow], check: Callable[[str, str], None], old_password: str
) -> None:
    target.import_rows(rows)
    before = target.stored("argon2")
    for name in ("argon2", "ARGON2", "argon2@example.org", "locked"):
        check(name, old_password)
    assert target.stored("argon2") == before


def test_unusable_canary_is_refused_with_its_reason(
    target: Any, rows: list[ImportRow], check: Callable[[str, str], None], old_password: str
) -> None:
    target.import_rows(rows)
    expected = {
        ("argon2", "another password"): "The password does not match the hash of the canary 'argon2'.",
        ("nobody", old_password): "There is no user 'nobody' to be the canary.",
        ("nopassword", old_password): "The password hash of the canary 'nopassword' has an unknown format.",
    }
    for (username, password), message in expected.items():
        with pytest.raises(ValidationError) as error:
            check(username, password)
        assert isinstance(error.value, Refused)
        assert (error.value.field, error.value.message) == ("canary", message)


def test_failed_canary_rolls_back_the_import(target: Any, rows: list[ImportRow], old_password: str) -> None:
    def import_with_canary(password: str) -> None:
        with target.database.session() as session:
            row = next(row for row in rows if row.username == "ssha")
            target.users.register_user(
                row.username, row.email, None, password_hash=row.password_hash, mail="none", session=session
            )
            verify_canary(UnitOfWork(session), target.services, Canary("ssha", password))

    with pytest.raises(ValidationError):
        import_with_canary("wrong")
    assert target.login("ssha", old_password) == "user_not_found"
    import_with_canary(old_password)
    assert target.login("ssha", old_password) == "accepted"


def test_canary_in_the_file_is_verified_before_the_import(
    target: Any, rows: list[ImportRow], old_password: str
) -> None:
    for name in ("argon2", "Argon2", "argon2@example.org"):
        verify_canary_row(rows, target.services, Canary(name, old_password))
    expected = {
        ("argon2", "wrong"): "The password does not match the hash of the canary 'argon2'.",
        ("nobody", old_password): "The file has no user 'nobody' to be the canary.",
        ("nopassword", old_password): "The canary 'nopassword' has no password hash.",
        ("plain", old_password): "The canary 'plain' has a plain password in the file.",
    }
    for (username, password), message in expected.items():
        with pytest.raises(ValidationError) as error:
            verify_canary_row(rows, target.services, Canary(username, password))
        assert error.value.message == message


def test_file_is_read_only_up_to_the_canary(target: Any, rows: list[ImportRow], old_password: str) -> None:
    reading = iter(rows)
    verify_canary_row(reading, target.services, Canary("smd5", old_password))
    assert next(reading).username == "sha"

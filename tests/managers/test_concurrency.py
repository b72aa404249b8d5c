"""A few rounds of each contest; tests/slow/test_contests.py has many."""

import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lback_cli.errors import AuthenticationFailed
from lback_cli.models import User
from lback_cli.security.passwords import PasswordHasher, Verification
from lback_cli.settings.schema import PasswordSettings

Office = Any

ROUNDS = {"same-name": 1, "same-address": 1, "one-token": 1, "deactivate": 1, "leave": 1, "delete": 1, "old-hash": 1}

Rounds = dict[str, list[dict[str, Any]]]


@pytest.fixture(scope="module")
def rounds(tmp_path_factory: pytest.TempPathFactory) -> Rounds:
    program = str(Path(__file__).with_name("concurrency.py"))
    wanted = [f"{name}={number}" for name, number in ROUNDS.items()]
    done = subprocess.run(
        [sys.executable, program, str(tmp_path_factory.mktemp("contests")), *wanted],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.stderr == ""
    found = defaultdict(list)
    for line in map(json.loads, done.stdout.splitlines()):
        found[line.pop("contest")].append(line)
    assert {name: len(lines) for name, lines in found.items()} == ROUNDS
    return found


def check(rounds: list[dict[str, Any]]) -> None:
    for found in rounds:
        expected = found.pop("expected")
        assert found == expected


def test_one_of_many_registrations_of_spellings_of_a_name_succeeds(rounds: Rounds) -> None:
    check(rounds["same-name"])


def test_one_of_many_registrations_of_spellings_of_an_address_succeeds(rounds: Rounds) -> None:
    check(rounds["same-address"])


def test_concurrent_uses_of_a_reset_token_succeed_once(rounds: Rounds) -> None:
    check(rounds["one-token"])


@pytest.mark.parametrize("contest", ["deactivate", "leave", "delete"])
def test_one_of_two_administrators_deleted_concurrently_remains(rounds: Rounds, contest: str) -> None:
    check(rounds[contest])


def test_concurrent_logins_replace_an_old_hash_once_and_all_succeed(rounds: Rounds) -> None:
    check(rounds["old-hash"])


class Interrupted(PasswordHasher):
    """Lets somebody else act right after the first verification, when the login has not looked at the user again."""

    def __init__(self, settings: PasswordSettings, act: Callable[[], object]) -> None:
        super().__init__(settings)
        self._act: Callable[[], object] | None = act

    def verify(self, password: str, stored: str | None) -> Verification:
        verification = super().verify(password, stored)
        if (act := self._act) is not None:
            self._act = None
            act()
        return verification


def log_in_while(office: Office, act: Callable[[], object], password: str) -> tuple[User, int]:
    """The user, and how many hashes it took."""
    hasher = Interrupted(office.services.settings.password, act)
    vars(office.services)["hasher"] = hasher
    user: User = office.users.authenticate_user("ann", password)
    return user, hasher.operations


CHANGES: dict[str, tuple[dict[str, Any], str]] = {
    "another password": ({"password": "copper-violin-meadow-12"}, "incorrect_password"),
    "deactivated": ({"is_active": False}, "user_inactive"),
    "unverified": ({"is_email_verified": False}, "email_not_verified"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_login_is_refused_if_the_account_changes_during_the_verification(
    office: Office, open_office: Callable[..., Office], password: str, change: str
) -> None:
    update, reason = CHANGES[change]
    user = office.register("ann", verified=True)
    elsewhere = open_office()
    with pytest.raises(AuthenticationFailed) as caught:
        log_in_while(office, lambda: elsewhere.users.update_user(user.id, update), password)
    assert caught.value.error_type == reason


def test_login_is_refused_if_the_account_is_deleted_during_the_verification(
    office: Office, open_office: Callable[..., Office], password: str
) -> None:
    user = office.register("ann", verified=True)
    elsewhere = open_office()
    with pytest.raises(AuthenticationFailed) as caught:
        log_in_while(office, lambda: elsewhere.users.delete_user(user.id), password)
    assert caught.value.error_type == "user_not_found"


def test_login_succeeds_if_another_login_upgrades_the_hash(
    office: Office, open_office: Callable[..., Office], password: str
) -> None:
    user = office.register("ann", verified=True)
    stronger = open_office(password=PasswordSettings(memory=19456, iterations=3, parallelism=1))
    elsewhere = open_office(password=stronger.services.settings.password)
    accepted, operations = log_in_while(stronger, lambda: elsewhere.users.authenticate_user("ann", password), password)
    assert (accepted.id, operations) == (user.id, 2)
    assert "t=3" in stronger.directory.find_user("ann").password_hash
